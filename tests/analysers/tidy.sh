#!/usr/bin/env bash
# clang-tidy over the whole tree, with the checks of .clang-tidy; --help says how.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")")
# shellcheck source=jobs/common.sh
source "$root/jobs/common.sh"

usage() {
    cat <<'END'
Usage: tests/analysers/tidy.sh [FILE...]

Runs clang-tidy over all C files of app, chord and tests, or over those whose paths end with one of the arguments. What is
no defect is marked in the source (NOLINT, with the check and the reason). Ends with 0 if nothing was found, else with 1
(2: wrong usage). It takes some minutes.
END
}

declare -a wanted=()
while (($# > 0)); do
    case $1 in
    -h | --help) usage && exit 0 ;;
    -*) die 2 "unknown option '$1'; --help explains the call" ;;
    *) wanted+=("${1//./\\.}\$") && shift ;;
    esac
done
((${#wanted[@]} > 0)) || wanted=("^$root/(app|chord|tests)/.*\\.c\$")
command -v run-clang-tidy >/dev/null || die 1 "there is no clang-tidy; install it with: sudo apt-get install clang-tidy"

# The commands that clang itself would be called with.
build=$root/build-tidy
CC=clang cmake -S "$root" -B "$build" >/dev/null
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
status=0
(cd -- "$root" && run-clang-tidy -quiet -p "$build" -j "$(common_jobs)" "${wanted[@]}") >"$log" 2>/dev/null || status=1
checked=$(grep -c '^clang-tidy' "$log" || true)
grep -Ev '^(clang-tidy|$)' "$log" || true
((checked > 0)) || die 1 "no file was looked at"
say "$checked files"
exit "$status"
