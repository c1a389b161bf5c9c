#!/usr/bin/env bash
# Keeps what README.md says about options as the programs say it. Between a line "<!-- begin NAME -->" and the next
# "<!-- end NAME -->" stands what a program of the build, or the launcher, prints.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")")

usage() {
    cat <<'USAGE'
Usage: app/manual/readme.sh --check | --write README BUILD/app

  --check  says with a diff what of README differs from what the programs print, and ends with 1 if anything does
  --write  puts it right
USAGE
}

case ${1:-} in
--check | --write) (($# == 3)) || { usage >&2 && exit 2; } ;;
--help) usage && exit 0 ;;
*) usage >&2 && exit 2 ;;
esac
readme=$2
programs=$3
names=(options launch.sh chordkv-check chordkv-generate)

text_of() {
    case $1 in
    options) "$programs/manual/chordkv_manual" markdown ;;
    launch.sh) "$root/jobs/launch.sh" --help | fenced ;;
    *) "$programs/$1" --help | fenced ;;
    esac
}

fenced() { sed -e '1i\\n```' -e '$a```\n' -e 's/[[:space:]]*$//'; }

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
cp -- "$readme" "$scratch/readme"
for name in "${names[@]}"; do
    text_of "$name" >"$scratch/text"
    awk -v name="$name" -v text="$scratch/text" '
        $0 == "<!-- end " name " -->" { inside = 0; ends++ }
        !inside { print }
        $0 == "<!-- begin " name " -->" {
            inside = 1
            begins++
            while ((getline line <text) > 0) print line
        }
        END { exit !(begins == 1 && ends == 1 && !inside) }' "$scratch/readme" >"$scratch/next" || {
        echo "readme.sh: $readme needs one line '<!-- begin $name -->' and after it one '<!-- end $name -->'" >&2
        exit 1
    }
    mv -- "$scratch/next" "$scratch/readme"
done

if [[ $1 == --write ]]; then
    cmp -s -- "$readme" "$scratch/readme" || cat -- "$scratch/readme" >"$readme"
elif ! diff -u --label "$readme" --label "what the programs print" -- "$readme" "$scratch/readme"; then
    echo "readme.sh: the README's options are not those of the programs: cmake --build build --target manual" >&2
    exit 1
fi
