#!/usr/bin/env bash
# cppcheck over the whole tree; --help says how.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")")
# shellcheck source=jobs/common.sh
source "$root/jobs/common.sh"

usage() {
    cat <<'END'
Usage: tests/analysers/cppcheck.sh [PATH...]

Runs cppcheck (warnings, performance, portability) over app, chord and tests, or over the given files and folders. What is
no defect stands in tests/analysers/cppcheck.suppressions with its reason. Ends with 0 if nothing was found, else with 1
(2: wrong usage).
END
}

declare -a paths=()
while (($# > 0)); do
    case $1 in
    -h | --help) usage && exit 0 ;;
    -*) die 2 "unknown option '$1'; --help explains the call" ;;
    *) paths+=("$1") && shift ;;
    esac
done
((${#paths[@]} > 0)) || paths=(app chord tests)
command -v cppcheck >/dev/null || die 1 "there is no cppcheck; install it with: sudo apt-get install cppcheck"
cd -- "$root"
cppcheck --enable=warning,performance,portability --std=c11 --library=posix --quiet -j "$(common_jobs)" -I . \
    --suppressions-list=tests/analysers/cppcheck.suppressions --suppress=missingIncludeSystem --error-exitcode=1 \
    --template='{file}:{line}: {severity}: {message} [{id}]' "${paths[@]}"
say "nothing found"
