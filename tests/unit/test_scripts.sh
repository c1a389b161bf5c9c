#!/usr/bin/env bash
# Every script of the project passes shellcheck, is executable and answers --help. 77 (skipped) without shellcheck.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
command -v shellcheck >/dev/null || exit 77
mapfile -t scripts < <(find .ci app jobs tests analysis \( -name '*.sh' -o -name '*.sbatch' -o -path .ci/run \) -type f | sort)
echo "${#scripts[@]} scripts"
((${#scripts[@]} >= 20)) # a search that finds nothing proves nothing
# SC2317 takes the functions that traps call for unreachable.
shellcheck -x -e SC2317 -- "${scripts[@]}"
for script in "${scripts[@]}"; do
    [[ $script == jobs/@(common|settings|points).sh || $script == *.sbatch || -x $script ]] ||
        { echo "$script is not executable" && exit 1; }
done
for script in jobs/{launch,quickstart,toychord,scaling,routing,replication,membership,faults}.sh tests/run.sh; do
    [[ $("$script" --help) == *"Usage: "* ]] || { echo "$script --help doesn't say how to call it" && exit 1; }
    status=0
    "$script" --no-such-option >/dev/null 2>&1 || status=$?
    ((status == 2)) || { echo "$script --no-such-option ends with $status instead of 2" && exit 1; }
done
