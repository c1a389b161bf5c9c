#!/usr/bin/env bash
# From a fresh clone to the main job: installs what is missing, builds, runs the shipped workload on a ring.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
# shellcheck source=jobs/common.sh
source "$root/jobs/common.sh"

usage() {
    cat <<'END'
Usage: jobs/quickstart.sh [--ranks N]

Installs the missing packages with apt-get (as root or with sudo; else it says what to install), builds chordkv in
build/, and runs the insert, query and mix files of workloads/ on a ring of N ranks (default 10): serially with one
copy of each key, then in parallel with three. Prints the tables and leaves the reports in results/.
Ends with 0 if both runs were valid, else with the status of the first that was not.
END
}

ranks=10
while (($# > 0)); do
    case $1 in
    --ranks)
        (($# > 1)) || die 2 "--ranks needs a value; --help explains it"
        [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] || die 2 "--ranks takes a whole number from 1 to 999999, not '$2'"
        ranks=$2
        shift 2
        ;;
    -h | --help) usage && exit 0 ;;
    *) die 2 "unknown option '$1'; --help lists them" ;;
    esac
done

# shellcheck disable=SC2046 # a list of words
common_install $(common_build_packages) || exit 1

cd -- "$root"
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
say "Building chordkv in build/"
if ! { cmake -S . -B build -DCMAKE_BUILD_TYPE=Release &&
    cmake --build build --target chordkv -j "$(common_jobs)"; } >"$log" 2>&1; then
    cat "$log" >&2
    die 1 "the build failed"
fi

mkdir -p results
declare -a phases=(--phase insert=workloads/insert.csv --phase query=workloads/query.csv
    --phase mix=workloads/mix.csv)
declare -a reports=()
status=0

# run_job NAME WORDS OPTIONS...
run_job() {
    local report=results/quickstart-$1.jsonl result=0
    printf "\n--- %s ---\n" "$2"
    shift 2
    jobs/launch.sh -n "$ranks" chordkv run "${phases[@]}" "$@" --report "$report" </dev/null || result=$?
    if ((result == 0)); then
        reports+=("$report")
    else
        complain "this run ended with status $result"
        ((status != 0)) || status=$result
    fi
}

run_job serial "$ranks ranks, one operation at a time, one copy of each key"
run_job parallel "$ranks ranks, every node at once, three copies of each key" --mode parallel --window 16 --replicas 3

((${#reports[@]} == 0)) || printf "\nReports: %s\n" "${reports[*]}"
exit "$status"
