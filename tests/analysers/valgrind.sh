#!/usr/bin/env bash
# Units, simulator and a small MPI job under valgrind; --help says how.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")")
# shellcheck source=jobs/common.sh
source "$root/jobs/common.sh"

usage() {
    cat <<'END'
Usage: tests/analysers/valgrind.sh [--build FOLDER] [units] [sim] [mpi]

Runs what is named, or all three, under valgrind's memcheck, leaks included: the unit tests (those that compare millions of
cases excepted: valgrind takes 30 times as long, and the sanitizers run them), a few seeds of the simulator with and without
faults, and a run on 3 ranks. What the MPI library leaks or sends is left out: tests/analysers/mpi.supp says what and why.

  --build FOLDER  where the programs are (default: build-valgrind, which is built first; valgrind and the sanitizers don't
                  go together)

Ends with 0 if valgrind found nothing, else with 1 (2: wrong usage).
END
}

# Units left out: see --help.
heavy=' duplicates holes id judge linearize store table transfer unsafe_reads workload workload_ntua expectation history '

build=
declare -a parts=()
while (($# > 0)); do
    case $1 in
    --build)
        (($# > 1)) || die 2 "--build needs a folder"
        build=$(readlink -f -- "$2")
        shift 2
        ;;
    units | sim | mpi) parts+=("$1") && shift ;;
    -h | --help) usage && exit 0 ;;
    *) die 2 "unknown argument '$1'; --help explains the call" ;;
    esac
done
((${#parts[@]} > 0)) || parts=(units sim mpi)
command -v valgrind >/dev/null || die 1 "there is no valgrind; install it with: sudo apt-get install valgrind"

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
if [[ -z $build ]]; then
    build=$root/build-valgrind
    if ! { cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo && cmake --build "$build" -j "$(common_jobs)"; } \
        >"$scratch/build" 2>&1; then
        tail -n 40 -- "$scratch/build" >&2
        die 1 "the build failed"
    fi
fi

failures=0
runs=0
declare -a memcheck=(valgrind --quiet --leak-check=full "--show-leak-kinds=definite,indirect"
    "--errors-for-leak-kinds=definite,indirect" --error-exitcode=99 --num-callers=40 --keep-debuginfo=yes
    --child-silent-after-fork=yes "--suppressions=$root/tests/analysers/mpi.supp")

# judge NAME STATUS: a run ended so; what valgrind wrote lies in $scratch/valgrind.*.
judge() {
    runs=$((runs + 1))
    if (($2 != 0)) || grep -qs '^==[0-9]*== ' "$scratch"/valgrind.*; then
        failures=$((failures + 1))
        complain "$1: status $2"
        head -n 60 -- "$scratch"/valgrind.* >&2
        tail -n 5 -- "$scratch/out" >&2
    fi
    rm -f -- "$scratch"/valgrind.*
}

# alone NAME PROGRAM...: one process.
alone() {
    local name=$1 status=0
    shift
    "${memcheck[@]}" --log-file="$scratch/valgrind.%p" "$@" >"$scratch/out" 2>&1 || status=$?
    judge "$name" "$status"
}

cd -- "$root"
for part in "${parts[@]}"; do
    case $part in
    units)
        for program in "$build"/tests/unit/test_*; do
            name=${program##*/test_}
            [[ -f $program && -x $program && $heavy != *" $name "* ]] || continue
            alone "unit $name" "$program"
        done
        ;;
    sim)
        alone 'simulator, calm' "$build/tests/sim/sim" --calm --seeds 1 3
        alone 'simulator, faults' "$build/tests/sim/sim" --seeds 100001 4
        ;;
    mpi)
        for ((i = 0; i < 200; i++)); do echo "key$i,value$i"; done >"$scratch/insert.csv"
        cut -d, -f1 "$scratch/insert.csv" >"$scratch/query.csv"
        # As jobs/launch.sh would, but with valgrind between mpirun and the program.
        status=0
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe -n 3 \
            "${memcheck[@]}" --log-file="$scratch/valgrind.%p" "$build/app/chordkv" run \
            --phase "insert=$scratch/insert.csv" --phase "query=$scratch/query.csv" --phase "delete=$scratch/query.csv" \
            --mode parallel --window 8 --suspect-after never --timeout 300 >"$scratch/out" 2>&1 || status=$?
        judge 'MPI job' "$status"
        ;;
    esac
done
say "$runs runs under valgrind, $failures with findings"
((runs > 0 && failures == 0))
