#!/usr/bin/env bash
# The man page and the README's options are those of the programs, and checkers of man pages find nothing.
# Usage: test_manual.sh BUILD/app
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")")
programs=$1
page=$programs/manual/chordkv.1
fresh="$programs/manual/chordkv_manual"
failed=0
fail() {
    echo "FAILED: $*" >&2
    failed=1
}
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
for tool in groff mandoc; do
    command -v "$tool" >/dev/null || fail "there is no $tool: apt-get install groff-base mandoc"
done

# The README, and READMEs that must be refused.
readme=$root/app/manual/readme.sh
"$readme" --check "$root/README.md" "$programs" || fail "the README's options"
refused() { # WHAT SED-EXPRESSION
    sed -e "$2" "$root/README.md" >"$scratch/README.md"
    cmp -s "$root/README.md" "$scratch/README.md" && fail "the control '$1' changes nothing"
    ! "$readme" --check "$scratch/README.md" "$programs" >"$scratch/told" 2>&1 || fail "not found: $1"
}
refused "an option is missing" '/^| .--replicas K/d'
refused "another default" 's/^\(| .--successors R.*\)default 4/\1default 5/'
refused "a word of chordkv-check" 's/keys without an order that are explained/keys that are explained/'
refused "an option of the launcher is missing" '/^  --no-recovery /d'
refused "a mark is missing" '/^<!-- end options -->$/d'
refused "no marks" '/^<!-- begin chordkv-generate -->$/d'
sed -e '/^| .--replicas K/d' "$root/README.md" >"$scratch/README.md"
"$readme" --write "$scratch/README.md" "$programs"
cmp "$root/README.md" "$scratch/README.md" || fail "--write does not put it right"

# The page: what was built is what the template gives now.
"$fresh" man "$root/app/manual/chordkv.1.in" | cmp - "$page" || fail "$page is old"
faults_of() { # what the two checkers find in a page
    groff -man -ww -Tutf8 -z "$1" 2>&1 || true
    mandoc -T lint -W style "$1" 2>&1 || true
}
faults_of "$page" >"$scratch/faults"
[[ ! -s $scratch/faults ]] || fail "the page: $(cat "$scratch/faults")"
sed -e 's/^\.SH OPTIONS$/.XX OPTIONS/' "$page" >"$scratch/page"
[[ -n $(faults_of "$scratch/page") ]] || fail "not found: a request that there isn't"
printf '@NOTHING@\n' >"$scratch/template"
! "$fresh" man "$scratch/template" >/dev/null 2>&1 || fail "not found: a line of the template without meaning"

for section in NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" ENVIRONMENT FILES EXAMPLES "SEE ALSO"; do
    grep -qx "\.SH $section" "$page" || fail "the page has no section $section"
done

# Every option that a command's help has, and no other, is in the page and in the README.
for command in run shell bench; do # MPI itself leaks
    ASAN_OPTIONS=detect_leaks=0 "$programs/chordkv" "$command" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
done | sort -u >"$scratch/helped"
sed -n 's/^\\fB\(\\-\\-[a-z\\-]*\)\\fR.*/\1/p' "$page" | sed 's/\\-/-/g' | sort -u >"$scratch/paged"
sed -n '/^<!-- begin options/,/^<!-- end options/s/^| .\(--[a-z-]*\).*/\1/p' "$root/README.md" |
    sort -u >"$scratch/listed"
(($(wc -l <"$scratch/helped") > 40)) || fail "only $(wc -l <"$scratch/helped") options in the helps"
diff "$scratch/helped" "$scratch/paged" || fail "options of the page"
diff "$scratch/helped" "$scratch/listed" || fail "options of the README"
exit "$failed"
