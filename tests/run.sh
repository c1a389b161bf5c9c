#!/usr/bin/env bash
# Builds with checks on and runs tests through CTest; --help says which.
#
# Green means that tests ran and none failed: it also ends badly if no test ran, or if one was skipped (or disabled)
# that isn't labelled "optional". Once built, its last line is always "N passed, N failed, N skipped".
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
# shellcheck source=jobs/common.sh
source "$root/jobs/common.sh"

usage() {
    cat <<'END'
Usage: tests/run.sh [--label LABEL]... [--sanitize] [--jobs N]

Builds in build-tests with warnings as errors and runs the tests of label ci.

  --label LABEL  the tests of another label (unit, sim, mpi, model, full, nightly, ...); a regular expression such as
                 'unit|sim' that a whole label must match. Given more than once: tests that match all of them
  --sanitize     with AddressSanitizer and UndefinedBehaviorSanitizer, built in build-asan; leaks are looked for in all
                 tests but those of label mpi, since the MPI library has its own
  --jobs N       compilations and tests at once (default: one a processor). Tests over MPI never run beside another:
                 they lock each other out
  --help         print this text

Ends with 0 if tests ran, none failed and only tests labelled "optional" were skipped; else with 1 (2: wrong usage).
END
}

sanitize=0
jobs=$(common_jobs)
declare -a labels=()
while (($# > 0)); do
    case $1 in
    --label | --jobs)
        (($# > 1)) || die 2 "$1 needs a value; --help explains it"
        if [[ $1 == --label ]]; then
            labels+=("$2")
        else
            [[ $2 =~ ^[1-9][0-9]{0,3}$ ]] || die 2 "--jobs takes a whole number from 1 to 9999, not '$2'"
            jobs=$2
        fi
        shift 2
        ;;
    --sanitize) sanitize=1 && shift ;;
    -h | --help) usage && exit 0 ;;
    *) die 2 "unknown option '$1'; --help lists them" ;;
    esac
done
((${#labels[@]} > 0)) || labels=(ci)
declare -a selection=()
for label in "${labels[@]}"; do
    selection+=(-L "^($label)\$")
done
preset=tests
((!sanitize)) || preset=asan
build=$root/build-$preset

# shellcheck disable=SC2046 # a list of words
common_install $(common_build_packages) $(common_test_packages) || exit 1

cd -- "$root"
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
say "Building in build-$preset"
if ! { cmake --preset "$preset" && cmake --build "$build" -j "$jobs"; } >"$scratch/build" 2>&1; then
    cat "$scratch/build"
    die 1 "the build failed"
fi

passed=0
failed=0
skipped=0
ctest_failed=0
declare -a wrongly_skipped=()

# The number in an attribute of the JUnit file's <testsuite>.
junit_number() { sed -n "/<testsuite /,/>/s/.*[[:space:]]$2=\"\\([0-9]*\\)\".*/\\1/p" "$1" | head -n 1; }

# Runs the tests that CTest's arguments select and adds to the counts.
run_ctest() {
    local junit=$scratch/junit.xml
    rm -f -- "$junit"
    ctest --test-dir "$build" -j "$jobs" --output-on-failure --no-tests=ignore --output-junit "$junit" "$@" ||
        ctest_failed=1
    [[ -s $junit ]] || return 0
    local tests failures left
    tests=$(junit_number "$junit" tests)
    failures=$(junit_number "$junit" failures)
    left=$(($(junit_number "$junit" skipped) + $(junit_number "$junit" disabled)))
    passed=$((passed + tests - failures - left))
    failed=$((failed + failures))
    skipped=$((skipped + left))
    if ((left > 0)); then
        local -a optional
        mapfile -t optional < <(ctest --test-dir "$build" --show-only=json-v1 -L '^optional$' |
            jq -r '.tests[].name')
        local name
        while IFS= read -r name; do
            [[ " ${optional[*]} " == *" $name "* ]] || wrongly_skipped+=("$name")
        done < <(sed -n 's/.*<testcase name="\([^"]*\)".* status="\(notrun\|disabled\)".*/\1/p' "$junit")
    fi
}

export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
started=$SECONDS
if ((sanitize)); then
    ASAN_OPTIONS=detect_leaks=1 run_ctest "${selection[@]}" -LE '^mpi$'
    ASAN_OPTIONS=detect_leaks=0 run_ctest "${selection[@]}" -L '^mpi$'
else
    run_ctest "${selection[@]}"
fi
say "Tests of label ${labels[*]} took $((SECONDS - started)) s"

status=0
if ((passed + failed == 0)); then
    complain "no test ran: none of those in build-$preset has the label ${labels[*]}"
    status=1
fi
if ((${#wrongly_skipped[@]} > 0)); then
    complain "skipped without being optional: ${wrongly_skipped[*]}"
    status=1
fi
((failed == 0 && ctest_failed == 0)) || status=1
say "$passed passed, $failed failed, $skipped skipped"
exit "$status"
