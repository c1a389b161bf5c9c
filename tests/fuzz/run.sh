#!/usr/bin/env bash
# Fuzzes what reads bytes of others, with clang's libFuzzer; --help says how.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")")
# shellcheck source=jobs/common.sh
source "$root/jobs/common.sh"

# The targets, and the longest input that each is given: long ones are slow and find no more.
declare -A longest=([codec]=2000 [fragments]=260 [history]=1200 [node_ids]=200 [options]=300 [schedule]=200 [step]=320
    [workload]=200)

usage() {
    cat <<END
Usage: tests/fuzz/run.sh [--seconds S | --runs N] [--minimise] [TARGET...]

Builds the targets in build-fuzz with clang, AddressSanitizer and UndefinedBehaviorSanitizer, feeds each its committed
corpus, and then fuzzes it: 60 s each unless told otherwise. New inputs are kept in build-fuzz/corpus/TARGET, so that the
next call goes on from there.

  --seconds S    so long, each target
  --runs N       so many executions, each target; 10000000 is what a release is given
  --minimise     afterwards, replace the committed corpus by the fewest of all inputs that reach the same, at most
                 200 bytes each
  --help         print this text

Targets: $(printf '%s\n' "${!longest[@]}" | sort | tr '\n' ' ')(default: all)

A finding ends the target with the input kept in build-fuzz/findings, and says how to see it again. It becomes a unit
test, and the input a file of tests/fuzz/corpus/TARGET. Ends with 0 if nothing was found, 1 if something was, 2 if it
was called wrongly.
END
}

seconds=60
runs=-1
minimise=0
# A target of many counters spends a third of its time on weighing them by entropy, and finds less (measured: step).
declare -A more=([step]=-entropic=0)
declare -a targets=()
while (($# > 0)); do
    case $1 in
    --seconds | --runs)
        [[ ${2:-} =~ ^[1-9][0-9]{0,11}$ ]] || die 2 "$1 takes a whole number above 0; --help explains it"
        if [[ $1 == --seconds ]]; then
            seconds=$2 runs=-1
        else
            runs=$2 seconds=0
        fi
        shift 2
        ;;
    --minimise) minimise=1 && shift ;;
    -h | --help) usage && exit 0 ;;
    -*) die 2 "unknown option '$1'; --help lists them" ;;
    *)
        [[ -n ${longest[$1]:-} ]] || die 2 "no target is called '$1'; --help lists them"
        targets+=("$1")
        shift
        ;;
    esac
done
((${#targets[@]} > 0)) || mapfile -t targets < <(printf '%s\n' "${!longest[@]}" | sort)
command -v clang >/dev/null || die 1 "there is no clang; install it with: sudo apt-get install $(common_fuzz_packages)"

build=$root/build-fuzz
mkdir -p -- "$build/findings"
declare -a launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache); fi
if ! { CC=clang cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCHORDKV_WERROR=ON -DCHORDKV_FUZZ=ON \
    -DCHORDKV_SANITIZE=fuzzer-no-link,address,undefined "${launcher[@]}" &&
    cmake --build "$build" -j "$(common_jobs)" --target fuzz; } >"$build/build.log" 2>&1; then
    tail -n 40 -- "$build/build.log" >&2
    die 1 "the fuzz targets could not be built"
fi

# The figure of a name in libFuzzer's last lines.
figure() { sed -n "s/^stat::$2: *//p" "$1" | tail -n 1; }

status=0
for target in "${targets[@]}"; do
    kept=$build/corpus/$target
    committed=$root/tests/fuzz/corpus/$target
    log=$build/findings/$target.log
    mkdir -p -- "$kept"
    # Leaks are looked for when the corpus is replayed (label unit, under the sanitizers): here it would take most of the
    # time.
    if UBSAN_OPTIONS=print_stacktrace=1 "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -runs="$runs" \
        -max_len="${longest[$target]}" ${more[$target]:+"${more[$target]}"} -timeout=20 -detect_leaks=0 -print_final_stats=1 \
        -artifact_prefix="$build/findings/$target-" "$kept" "$committed" >"$log" 2>&1; then
        say "$target: $(figure "$log" number_of_executed_units) executions," \
            "$(figure "$log" average_exec_per_sec) a second, nothing found"
    else
        status=1
        grep -Ev '^(#|INFO)' -- "$log" | head -n 60 >&2 || true
        finding=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        complain "$target: a finding. See it again with: $build/tests/fuzz/fuzz_$target ${finding:-(none was kept)}"
    fi
    if ((minimise && status == 0)); then
        fewest=$(mktemp -d)
        "$build/tests/fuzz/fuzz_$target" -merge=1 -max_len=200 -detect_leaks=0 "$fewest" "$committed" "$kept" >"$log" 2>&1
        rm -f -- "$committed"/*
        mv -- "$fewest"/* "$committed"/
        rmdir -- "$fewest"
    fi
done
exit "$status"
