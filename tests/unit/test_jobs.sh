#!/usr/bin/env bash
# The experiments of jobs/ with stubs for mpirun, chordkv and analysis/report.py: the plan, what isn't run again, what the
# folder tells, and the ways in which it can go wrong. tests/slurm runs them for real.
set -euo pipefail
shopt -s nullglob
source_root=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")")
work=$(mktemp -d)
mounted=
trap '[[ -z $mounted ]] || umount -- "$mounted"; rm -rf -- "$work"' EXIT
for variable in ${!CHORDKV_*} ${!SLURM_*} PBS_NODEFILE LOADEDMODULES; do
    unset "$variable"
done

# A project of its own, so that results land there.
project=$work/project
mkdir -p "$project/analysis" "$work/bin" "$work/tmp"
cp -r "$source_root/jobs" "$source_root/workloads" "$project"
printf '/results/\n' >"$project/.gitignore"
cat >"$project/analysis/report.py" <<'END_OF_STUB'
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
for name in ("index.html", "report.md"):
    (folder / name).write_text("report\n")
    print(folder / name)
END_OF_STUB
in_project() { git -C "$project" -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false "$@"; }
in_project init -q
in_project add .
in_project commit -q -m test
commit=$(in_project rev-parse HEAD)

cat >"$work/mpirun" <<'END_OF_STUB'
#!/usr/bin/env bash
if [[ ${1:-} == --version ]]; then echo "mpirun (Open MPI) 4.1.4"; exit 0; fi
while [[ $1 != */chordkv ]]; do shift; done
"$@" <&0
END_OF_STUB
# Tells what it was asked for, and does what STUB says for a command that contains STUB_AT.
cat >"$work/bin/chordkv" <<'END_OF_STUB'
#!/usr/bin/env bash
echo "$*" >>"$STUB_RUNS"
wrong=0 status=0 verdict=valid report=
for ((i = 1; i <= $#; i++)); do [[ ${!i} != --report ]] || { i=$((i + 1)) && report=${!i}; }; done
if [[ -n ${STUB:-} && " $* " == *"${STUB_AT:-}"* ]]; then
    case $STUB in
    wrong) wrong=7 status=3 verdict=wrong && echo "chordkv: wrong answers: key" >&2 ;;
    full) head -c 1000 /dev/zero >/dev/full || { echo "chordkv: no verdict" >&2 && exit 1; } ;;
    large) head -c 70000000 /dev/zero >"$report.large" || exit 1 ;;
    silent) exit 1 ;;
    esac
fi
printf '{"record":"phase","verdict":{"wrong_count":%d,"judge":{"wrong_count":%d}}}\n' $wrong $wrong >"$report.new"
printf '{"record":"verdict","verdict":"%s","exit_status":%d}\n' $verdict $status | tee -a "$report.new" >"$CHORDKV_VERDICT.new"
mv "$report.new" "$report"
mv "$CHORDKV_VERDICT.new" "$CHORDKV_VERDICT"
exit $status
END_OF_STUB
chmod +x "$work/mpirun" "$work/bin/chordkv"
export MPIRUN=$work/mpirun STUB_RUNS=$work/runs TMPDIR=$work/tmp CHORDKV_PROGRAM=$work/bin/chordkv

checks=0
failures=0
fail() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n--- output\n%s\n--- errors\n%s\n' "$1" "$(cat "$work/out")" "$(cat "$work/err")"
}
# expect NAME STATUS PATTERN-OF-STDERR RUNS SCRIPT ARGUMENTS...: RUNS is how often the program was started; an empty
# pattern stands for no output at all.
expect() {
    local name=$1 expected=$2 pattern=$3 runs=$4 script=$5 status=0
    shift 5
    : >"$STUB_RUNS"
    "$project/jobs/$script.sh" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    checks=$((checks + 1))
    if ((status != expected)); then
        fail "$name: status $status instead of $expected"
    elif [[ -z $pattern && -s $work/err ]] || { [[ -n $pattern ]] && ! grep -Eq -- "$pattern" "$work/err"; }; then
        fail "$name: standard error is not '$pattern'"
    elif (($(wc -l <"$STUB_RUNS") != runs)); then
        fail "$name: $(wc -l <"$STUB_RUNS") runs instead of $runs"
    fi
}
check() {
    checks=$((checks + 1))
    "${@:2}" || fail "$1"
}
says() { check "$1" grep -Eq -- "$2" "$work/out"; }
field() { jq -e "$2" "$1/environment.json" >/dev/null; }

# --- The plan ---------------------------------------------------------------------------------------------------------

today=$(date +%F)
folder=$project/results/$today-${commit:0:12}
# 2 modes x 2 consistencies x 3 k; 2 kinds x 4 ranks; 4 routings x 6 sizes; 4 k x 2 x 4 windows; 3 x 2 x 2; 3 x 2 x 3
for plan in toychord:12 scaling:8 routing:24 replication:32 membership:12 faults:18; do
    expect "the plan of ${plan%:*}" 0 '' 0 "${plan%:*}" --dry-run
    says "the plan of ${plan%:*}" "^${plan%:*}: ${plan#*:} points, into results/$today-${commit:0:12}$"
    check "every point of ${plan%:*}" test "$(grep -c 'jobs/launch.sh -n .* --seed 1$' "$work/out")" -eq "${plan#*:}"
done
check 'a dry run leaves nothing' test ! -e "$project/results"
expect 'the four ways of routing' 0 '' 0 routing --dry-run --nodes 64
check 'virtual nodes' test "$(grep -c -- '-n 8 .* --virtual-nodes 8 --routing' "$work/out")" -eq 4
says 'the successor list' 'routing-successors-64 .*--routing finger --route-successors --successors 4'
CHORDKV_REPLICAS='2,4' expect 'lists from the environment' 0 '' 0 toychord --dry-run --mode serial --consistency eventual
says 'lists from the environment' '^toychord: 2 points'
CHORDKV_REPLICAS=2 expect 'options win' 0 '' 0 toychord --dry-run --mode serial --replicas '1 3 5' --consistency eventual
says 'options win' '^toychord: 3 points'
sliced=
for slice in 1/5 2/5 3/5 4/5 5/5; do
    expect "slice $slice" 0 '' 0 toychord --dry-run --slice "$slice"
    sliced+=$(grep -o '^  toychord-[^ ]*' "$work/out")$'\n'
done
check 'slices have each point once' test "$(sort -u <<<"$sliced" | grep -c .) $(grep -c . <<<"$sliced")" = '12 12'
SLURM_JOB_ID=1 SLURM_NTASKS=64 expect 'as many ranks as slots' 0 '' 0 scaling --dry-run
says 'as many ranks as slots' 'scaling-weak-n64'
expect 'no kill under srun' 0 'kill is left out' 0 faults --dry-run --launcher srun
says 'no kill under srun' '^faults: 12 points'
expect 'messages by UCX' 0 '' 0 faults --dry-run --transport ucx
says 'messages by UCX' '-n 5 --ucx -- '

# --- Runs, and what is finished ---------------------------------------------------------------------------------------

expect 'all points' 0 '' 12 toychord
says 'all points' '^\[12/12\] toychord-k5-eventual-parallel [0-9.]+ s$'
says 'all points' '^toychord: 12 run, 0 finished before, 0 failed; 0 wrong answers$'
says 'where the report is' 'results/.*/index.html'
check 'the reports' test "$(find "$folder/points" -name '*.jsonl' | wc -l)" -eq 12
check 'nothing half done' test -z "$(find "$folder" -name '*.part' -o -name '*.new')"
check 'the environment' field "$folder" ".commit == \"$commit\" and .dirty == false and .mpi == \"mpirun (Open MPI) 4.1.4\"
    and (.host, .cpu_model, .date, .program_sha256 | length > 0) and .cores > 0 and .slurm == null
    and (.plan | length) == 12 and all(.plan[]; .state == \"finished\" and (.command | test(\"--seed 1\")))"
check 'the plan for people' test "$(grep -c finished "$folder/plan.txt")" -eq 12
expect 'again' 0 '' 0 toychord
says 'again' '^toychord: 0 run, 12 finished before, 0 failed'
rm "$folder/points/toychord-k3-eventual-serial.jsonl"
expect 'what is missing' 0 '' 1 toychord
expect 'other options' 2 'k1-linearizable-serial is finished, but was run by another command' 0 toychord --ranks 7
echo '# another program' >>"$work/bin/chordkv"
expect 'another program' 2 'was run by another program' 0 toychord
sed -i '$d' "$work/bin/chordkv"
expect 'another experiment, the same folder' 0 '' 2 scaling --ranks 2
check 'both plans' field "$folder" '(.plan | length) == 14 and (.sessions | length) == 4'
check 'the plan for people has both' grep -q '^scaling: 2 points' "$folder/plan.txt"
echo '# changed' >>"$project/workloads/FORMAT.md"
expect 'changed files are told' 0 '' 0 scaling --dry-run
says 'changed files are told' "${commit:0:12}-dirty$"
in_project checkout -q -- .
expect 'another folder' 0 '' 1 toychord --results "$work/a b" --replicas 1 --mode serial --consistency eventual
check 'another folder' test -e "$work/a b/points/toychord-k1-eventual-serial.jsonl" -a -e "$work/a b/index.html"
printf 'a,1\n' >"$work/insert.txt" && printf 'a\n' >"$work/query.txt" && printf 'query,a\n' >"$work/requests.txt"
expect 'other workloads' 0 '' 0 toychord --dry-run --workloads "$work"
says 'other workloads' "insert=$work/insert.txt .*query=$work/query.txt .*mix=$work/requests.txt"
# The tasks of an array share a folder, whatever the day.
mkdir -p "$project/results" && ln -s "$work/yesterday" "$project/results/.array-77"
SLURM_ARRAY_JOB_ID=77 expect 'the folder of an array' 0 '' 6 toychord --slice 2/2
check 'the folder of an array' test "$(find "$work/yesterday/points" -name '*.jsonl' | wc -l)" -eq 6

# --- What goes wrong --------------------------------------------------------------------------------------------------

few=(--mode serial --consistency eventual)
STUB=wrong STUB_AT='--replicas 3 ' expect 'a wrong answer' 3 'k3-eventual-serial: chordkv: wrong answers' 3 toychord \
    "${few[@]}" --results "$work/wrong"
says 'a wrong answer' '^toychord: 3 run, 0 finished before, 1 failed; 7 wrong answers$'
check 'a wrong answer is no point' test ! -e "$work/wrong/points/toychord-k3-eventual-serial.jsonl"
check 'but can be looked at' test -s "$work/wrong/logs/toychord-k3-eventual-serial.failed-report"
check 'and is told' field "$work/wrong" '[.plan[].state] == ["finished", "failed", "finished"]'
expect 'it is run again' 0 '' 1 toychord "${few[@]}" --results "$work/wrong"
check 'and is gone' test ! -e "$work/wrong/logs/toychord-k3-eventual-serial.failed-report"
STUB=silent expect 'no verdict' 1 'left no verdict' 1 toychord "${few[@]}" --replicas 1 --results "$work/silent"
STUB=full STUB_AT='--replicas 3 ' expect 'a disk that fills up' 1 'the disk of .* is full. Free some' 2 toychord "${few[@]}" \
    --results "$work/full"
check 'what was finished stays' test -e "$work/full/points/toychord-k1-eventual-serial.jsonl"
printf '#!/bin/sh\nprintf "Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 9999999 9990000 9999 99%%%% /\\n"\n' \
    >"$work/bin/df"
chmod +x "$work/bin/df"
PATH=$work/bin:$PATH expect 'a full disk' 1 'disk of .*/nearly is full: 9 MiB are free, and 64 MiB are needed' 0 toychord \
    --results "$work/nearly"
rm "$work/bin/df"
# A real one, where we may mount.
mkdir "$work/small"
if mount -t tmpfs -o size=100m none "$work/small" 2>/dev/null; then
    mounted=$work/small
    STUB=large STUB_AT='--replicas 3 ' expect 'a small disk' 1 'the disk of .*/small/r is full: [0-9]+ MiB are free' 2 toychord \
        "${few[@]}" --results "$work/small/r"
fi
SLURM_JOB_ID=1 SLURM_NTASKS=9 expect 'too few slots' 2 'the plan needs 10 slots, but the job has 9' 0 toychord \
    --results "$work/slots"
SLURM_JOB_ID=1 SLURM_NTASKS=9 expect 'slots are shared on purpose' 0 '' 1 toychord "${few[@]}" --replicas 1 --oversubscribe \
    --results "$work/slots"
expect 'no module command' 2 "modules 'mpi/4' are wanted, but there is no 'module' here" 0 toychord --modules mpi/4 \
    --results "$work/modules"
module() { [[ $2 != mpi/5 ]] || { echo "Unable to locate a modulefile for 'mpi/5'" && return 1; }; }
export -f module
expect 'a missing module' 2 "the module 'mpi/5' can't be loaded" 0 toychord --modules 'mpi/5' --results "$work/modules"
expect 'a module that does not load' 2 "the module 'mpi/4' can't be loaded" 0 toychord --modules 'mpi/4' --results "$work/modules"
module() { export LOADEDMODULES=mpi/4.1:gcc/12; }
expect 'modules' 0 '' 1 toychord "${few[@]}" --replicas 1 --modules 'mpi gcc/12' --results "$work/modules"
check 'modules are told' field "$work/modules" '.modules == "mpi/4.1:gcc/12"'
unset -f module
expect 'srun outside of Slurm' 2 'srun works inside a Slurm job only' 0 toychord --launcher srun --results "$work/srun"
CHORDKV_PROGRAM=$work/nothing expect 'no program' 2 'is not a program that can be run' 0 toychord --results "$work/none"
mv "$project/analysis/report.py" "$work"
expect 'no report.py' 1 'analysis/report.py, .* is missing' 0 toychord --results "$work/none"
echo 'raise SystemExit(1)' >"$project/analysis/report.py"
expect 'a report that fails' 1 'analysis/report.py ended with status 1' 1 toychord "${few[@]}" --replicas 1 --results "$work/none"
expect 'no such workloads' 2 "has no insert.csv and no insert.txt" 0 toychord --workloads "$work/bin"
expect 'an unknown option' 2 "unknown option '--rank'" 0 toychord --rank 3
CHORDKV_RANK=3 expect 'an unknown variable' 2 'unknown variable CHORDKV_RANK' 0 toychord --dry-run
CHORDKV_RANKS=x expect 'a wrong variable' 2 "CHORDKV_RANKS takes whole numbers from 1 to 999999999, not 'x'" 0 toychord --dry-run
expect 'a wrong word' 2 "--consistency takes linearizable, eventual, not 'strict'" 0 toychord --consistency strict
expect 'a list for one value' 2 "--ranks takes one value, not '3 4'" 0 toychord --ranks '3 4'
expect 'no value' 2 '--ranks needs a value' 0 toychord --ranks
expect 'a slice beyond' 2 'takes I/N with I from 1 to N' 0 toychord --slice 4/3
expect 'an empty slice' 2 'the plan has 12 points, and slice 13/13 has none' 0 toychord --slice 13/13 --dry-run
expect 'too many nodes a rank' 2 '130 nodes on 2 ranks' 0 routing --nodes 130 --ranks 2 --dry-run
expect 'a victim that is not there' 2 '--victim must be one of the ranks 1 to 4' 0 faults --victim 5 --dry-run

echo "test_jobs: $checks checks, $failures failures"
((failures == 0 && checks > 80))
