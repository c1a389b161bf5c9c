# What the experiments of jobs/ share: a plan of points, each one run of chordkv, and a results folder that they fill.
# Sourced by toychord.sh and its kin, never run. Such a script names its settings, reads them, adds its points, and
# calls points_run:
#
#   source points.sh
#   setting replicas "1 3 5" counts "copies of each key"
#   settings_read "$@"
#   for k in ${settings[replicas]}; do
#       point "k$k" 10 --replicas "$k" --phase insert=workloads/insert.csv
#   done
#   points_run
#
# The folder, results/<date>-<commit>/ unless --results names it:
#   points/NAME.jsonl   the report of a point that is finished; put in place by rename, so it is whole or not there
#   logs/NAME.log       what was printed; NAME.failed-report beside it if the point failed
#   workloads/          generated workload files
#   environment.json    commit, machine, MPI, the plan with each point's command and state (environment.py)
#   plan.txt            the same plan for people
#   index.html, report.md   by analysis/report.py
# A point that is there isn't run again.
# shellcheck shell=bash

points_here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
root=$(dirname -- "$points_here")
# shellcheck source=jobs/common.sh
source "$points_here/common.sh"
# shellcheck source=jobs/settings.sh
source "$points_here/settings.sh"

points_python=/usr/bin/python3
points_space_mib=64 # the least that must be free
points_script=$(common_name)
points_script=${points_script%.sh}
points_folder=
declare -a points_names=() points_workloads=()
declare -A points_ranks=() points_arguments=() points_command=()

setting results "" text "the results folder; by default results/<date>-<commit>, or that of the job array"
setting dry-run 0 switch "print the plan and run nothing"
setting slice "" text "I/N: run every N-th point of the plan, from the I-th on"
setting launcher mpirun "word:mpirun|srun" "what starts the ranks; srun works inside a Slurm job"
setting transport auto "word:auto|tcp|ucx" "how messages travel: as Open MPI chooses, or see jobs/launch.sh --help"
setting oversubscribe 0 switch "in a batch job: let ranks share cores if there are too few slots"
setting modules "" text "environment modules to load first, such as \"gcc/12 openmpi/4.1\""
setting program "" text "the chordkv to run; by default build/app/chordkv, which is built"
setting options "" text "more options of 'chordkv run' for every point"
setting seed 1 count "fixes every random choice"

# --- The plan --------------------------------------------------------------------------------------------------------

# What the results folder is named by. The suffix tells that files were changed after the commit.
points_commit() {
    local commit
    if [[ $(git -C "$root" rev-parse --show-toplevel 2>/dev/null) == "$root" ]] &&
        commit=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null); then
        git -C "$root" diff --quiet HEAD -- 2>/dev/null || commit+=-dirty
        echo "$commit"
    else
        echo unknown
    fi
}

# The tasks of a job array share one folder, though they may start on different days: the first one names it.
points_array_folder() {
    local link="$root/results/.array-$SLURM_ARRAY_JOB_ID"
    mkdir -p -- "$root/results" || exit 1
    ln -s -- "$1" "$link" 2>/dev/null || true
    readlink -- "$link" || die 1 "'$link' can't be made: is the disk full, or the folder not ours?"
}

# A path as seen from the project's folder, where everything is run; relative paths that people give are meant from where
# they are.
points_path() {
    local path
    path=$(realpath -m -s -- "$1")
    echo "${path#"$root"/}"
}

points_choose_folder() {
    [[ -z $points_folder ]] || return 0
    points_folder=${settings[results]}
    if [[ -z $points_folder ]]; then
        points_folder=$root/results/$(date +%F)-$(points_commit)
        if [[ -n ${SLURM_ARRAY_JOB_ID:-} && ${settings[dry-run]} == 0 ]]; then
            points_folder=$(points_array_folder "$points_folder")
        fi
    fi
    points_folder=$(points_path "$points_folder")
}

# Words for a command line, quoted, each after a blank.
points_quoted() { (($# == 0)) || printf ' %q' "$@"; }

# point NAME RANKS OPTIONS-OF-RUN...: adds a point. Names are unique in the folder: the script's name comes first.
point() {
    local name=$points_script-$1
    [[ -z ${points_ranks[$name]:-} ]] || die 1 "two points are named $name"
    points_names+=("$name")
    points_ranks[$name]=$2
    shift 2
    points_arguments[$name]=$(points_quoted "$@")
}

# workload KIND COUNT KEYS: sets workload_path to a file of generated operations, made when the points are run. KIND is
# fill (inserts of keys 0 to COUNT-1), query or mix (updates and queries, half each, of keys below KEYS).
workload() {
    points_choose_folder
    workload_path=$points_folder/workloads/$1-$2-of-$3-seed${settings[seed]}.csv
    [[ " ${points_workloads[*]} " == *" $1:$2:$3 "* ]] || points_workloads+=("$1:$2:$3")
}

points_generate() {
    local spec kind count keys
    for spec in "${points_workloads[@]}"; do
        IFS=: read -r kind count keys <<<"$spec"
        workload "$kind" "$count" "$keys"
        [[ ! -e $workload_path ]] || continue
        mkdir -p -- "${workload_path%/*}"
        if ! "$points_python" - "$kind" "$count" "$keys" "${settings[seed]}" >"$workload_path.$$.new" <<'PYTHON'; then
import random
import sys

kind, (count, keys, seed) = sys.argv[1], map(int, sys.argv[2:])
draw = random.Random(seed)
for i in range(count):
    key = f"key{i if kind == 'fill' else draw.randrange(keys)}"
    if kind == "fill":
        print(f"{key},first {i}")
    elif kind == "query":
        print(key)
    elif draw.random() < 0.5:
        print(f"insert,{key},value {i}")
    else:
        print(f"query,{key}")
PYTHON
            rm -f -- "$workload_path.$$.new"
            points_check_space
            die 1 "$workload_path could not be written"
        fi
        mv -- "$workload_path.$$.new" "$workload_path"
    done
}

# Leaves the points of the slice, gives each its command, and prints them.
points_plan() {
    local -a launch=() kept=()
    local slice=${settings[slice]} name index=0
    local part=1 parts=1
    if [[ -n $slice ]]; then
        [[ $slice =~ ^([1-9][0-9]{0,4})/([1-9][0-9]{0,4})$ ]] || die 2 "--slice takes I/N, such as 1/4, not '$slice'"
        part=${BASH_REMATCH[1]} parts=${BASH_REMATCH[2]}
        ((part <= parts)) || die 2 "--slice takes I/N with I from 1 to N, not '$slice'"
    fi
    [[ ${settings[transport]} == auto ]] || launch+=("--${settings[transport]}")
    ((!settings[oversubscribe])) || launch+=(--oversubscribe)
    [[ ${settings[launcher]} == mpirun ]] || launch+=(--srun)
    for name in "${points_names[@]}"; do
        points_command[$name]="jobs/launch.sh -n ${points_ranks[$name]}$(points_quoted "${launch[@]}")"
        points_command[$name]+=" -- $(printf %q "${settings[program]:-build/app/chordkv}") run"
        points_command[$name]+="${points_arguments[$name]} --seed ${settings[seed]}"
        points_command[$name]+="${settings[options]:+ ${settings[options]}}"
        ((index % parts != part - 1)) || kept+=("$name")
        index=$((index + 1))
    done
    ((${#kept[@]} > 0)) || die 2 "nothing to run: the plan has $index points${slice:+, and slice $slice has none of them}"
    say "${points_script}: ${#kept[@]}${slice:+ of $index} points${slice:+ (slice $slice)}, into $points_folder"
    for name in "${kept[@]}"; do
        printf '  %-44s %s\n' "$name" "${points_command[$name]}"
    done
    points_names=("${kept[@]}")
}

# --- What must be there ----------------------------------------------------------------------------------------------

points_load_modules() {
    [[ -n ${settings[modules]} ]] || return 0
    local file name output
    if ! declare -F module >/dev/null; then
        for file in "${MODULESHOME:-/nowhere}/init/bash" /etc/profile.d/modules.sh /etc/profile.d/lmod.sh; do
            # shellcheck disable=SC1090 # whatever this machine has
            if [[ -r $file ]]; then set +eu && source "$file" && set -eu && break; fi
        done
    fi
    declare -F module >/dev/null ||
        die 2 "modules '${settings[modules]}' are wanted, but there is no 'module' here; give --modules \"\" if none is needed"
    output=$(mktemp)
    for name in ${settings[modules]}; do
        # Old versions end with 0 whatever happened, so the list is looked at, too.
        set +eu
        module load "$name" >"$output" 2>&1
        local status=$?
        set -eu
        if ((status != 0)) || [[ ":${LOADEDMODULES:-}:" != *":$name:"* && ":${LOADEDMODULES:-}:" != *":$name/"* ]]; then
            sed 's/^/  /' "$output" >&2
            rm -f -- "$output"
            die 2 "the module '$name' can't be loaded; 'module avail' lists those that can"
        fi
    done
    rm -f -- "$output"
}

# Builds where a build is needed; one at a time, since the tasks of an array start together.
points_build() {
    program=${settings[program]}
    if [[ -n $program ]]; then
        [[ -f $program && -x $program ]] || die 2 "'$program' is not a program that can be run"
        return 0
    fi
    program=build/app/chordkv
    local commit log missing
    commit=$(points_commit)
    commit=${commit%-dirty}
    mkdir -p build
    log=build/jobs.log
    exec {points_lock}>build/.lock
    flock "$points_lock"
    if [[ -x $program ]] && ! command -v cmake >/dev/null; then
        [[ $commit == unknown ]] || grep -qaF -- "$commit" "$program" ||
            die 1 "$program wasn't built from commit $commit, and there is no cmake to do so"
    else
        if [[ ! -x $program ]]; then
            missing=$(common_missing build-essential cmake pkg-config libopenmpi-dev libssl-dev libhwloc-dev libjansson-dev)
            if [[ -n $missing && -n ${SLURM_JOB_ID:-} ]]; then
                die 1 "to build chordkv these are missing, under their Debian names: $missing; load modules, or build it before"
            fi
            # shellcheck disable=SC2046,SC2086 # lists of words
            [[ -z $missing ]] || common_install $missing || exit 1
            say "Building chordkv in build/"
        fi
        if ! { { [[ -e build/CMakeCache.txt ]] || cmake -S . -B build -DCMAKE_BUILD_TYPE=Release; } &&
            cmake --build build --target chordkv -j "$(common_jobs)"; } >"$log" 2>&1; then
            tail -n 30 -- "$log" >&2
            die 1 "the build failed; $log tells all of it"
        fi
    fi
    exec {points_lock}>&-
}

points_check_slots() {
    local slots most=0 name
    [[ ${settings[launcher]} != srun || -n ${SLURM_JOB_ID:-} ]] || die 2 "--launcher srun works inside a Slurm job only"
    slots=$(common_batch_slots)
    [[ -n $slots && $slots != -1 && ${settings[oversubscribe]} == 0 ]] || return 0
    for name in "${points_names[@]}"; do
        ((points_ranks[$name] <= most)) || most=${points_ranks[$name]}
    done
    ((most <= slots)) || die 2 "the plan needs $most slots, but the job has $slots: ask for more (sbatch -n $most)," \
        "plan fewer ranks, or add --oversubscribe to share the cores"
}

points_check_space() {
    local folder free
    for folder in "$points_folder" "${TMPDIR:-/tmp}"; do
        free=$(df -Pk -- "$folder" | awk 'NR == 2 { print int($4 / 1024) }') || free=
        [[ -n $free ]] || continue
        ((free >= points_space_mib)) || die 1 "the disk of $folder is full: $free MiB are free, and $points_space_mib MiB are" \
            "needed. Free some, or name another folder, and start again: what is finished isn't run again"
    done
}

points_check_report() {
    [[ -r $root/analysis/report.py ]] ||
        die 1 "analysis/report.py, which makes the page of the results, is missing from this copy of the project"
    # shellcheck disable=SC2046 # a list of words
    if [[ -z ${SLURM_JOB_ID:-} ]]; then
        common_install $(common_analysis_packages) || exit 1
    else
        local missing
        missing=$(common_missing $(common_analysis_packages))
        [[ -z $missing ]] || die 1 "to make the report these are missing on $HOSTNAME, under their Debian names: $missing"
    fi
}

# --- Running ---------------------------------------------------------------------------------------------------------

points_environment() {
    local name
    for name in "${points_names[@]}"; do
        printf '%s\t%s\t%s\n' "$name" "${points_ranks[$name]}" "${points_command[$name]}"
    done | "$points_python" -B "$points_here/environment.py" "$1" "$points_folder" --script "$points_script" \
        --root "$root" --program "$program" --launcher "${settings[launcher]}" --invocation "$points_invocation"
}

# Seconds since the given time, as people read them.
points_seconds() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", to - from }'; }

# Runs one point; its status is that of the verdict.
points_run_one() {
    local name=$1 report=$points_folder/points/.$1.part log=$points_folder/logs/$1.log status=0
    rm -f -- "$report" "$points_folder/logs/$name.failed-report"
    local -a words
    eval "words=(${points_command[$name]})"
    "$root/${words[0]}" "${words[@]:1}" --report "$report" >"$log" 2>&1 </dev/null || status=$?
    if ((status == 0)) && [[ ! -s $report ]]; then
        echo "points.sh: the run was valid but left no report" >>"$log"
        status=1
    fi
    if ((status == 0)); then
        mv -- "$report" "$points_folder/points/$name.jsonl" || status=1
    elif [[ -e $report ]]; then
        mv -- "$report" "$points_folder/logs/$name.failed-report" || true
    fi
    return "$status"
}

points_run_all() {
    local name index=0 count=${#points_names[@]} status first=0 from shown text tty=0
    points_ran=0 points_kept=0 points_failed=0
    [[ ! -t 1 ]] || tty=1
    for name in "${points_names[@]}"; do
        index=$((index + 1))
        shown="[$index/$count] $name"
        if [[ -e $points_folder/points/$name.jsonl ]]; then
            points_kept=$((points_kept + 1))
            ((tty)) || say "$shown is finished already"
            continue
        fi
        points_check_space
        ((!tty)) || printf '\r\033[K%s ...' "$shown"
        from=$EPOCHREALTIME
        status=0
        points_run_one "$name" || status=$?
        ((status < 129)) || {
            ((!tty)) || printf '\n'
            die "$status" "ended by a signal during $name; start again to go on there"
        }
        text=$(points_seconds "$from")
        points_ran=$((points_ran + 1))
        if ((status == 0)); then
            if ((tty)); then printf '\r\033[K%s %s' "$shown" "$text"; else say "$shown $text"; fi
            continue
        fi
        ((!tty)) || printf '\r\033[K'
        say "$shown FAILED with status $status after $text: $points_folder/logs/$name.log"
        complain "$name: $(grep -E '^(chordkv|launch\.sh):' "$points_folder/logs/$name.log" | tail -n 1 || true)"
        points_failed=$((points_failed + 1))
        ((first != 0)) || first=$status
        if grep -qi 'no space left on device' "$points_folder/logs/$name.log"; then
            die 1 "the disk of $points_folder or ${TMPDIR:-/tmp} is full. Free some, or name another folder, and start again:" \
                "what is finished isn't run again"
        fi
        points_check_space
    done
    ((!tty)) || printf '\n'
    points_status=$first
}

# Answers that were found wrong, in all reports of these points, of failed ones, too.
points_wrong() {
    local name
    for name in "${points_names[@]}"; do
        cat -- "$points_folder/points/$name.jsonl" "$points_folder/logs/$name.failed-report" 2>/dev/null || true
    done | awk 'match($0, /"wrong_count": ?[0-9]+/) { # of the phase; what its judges found comes behind it
        text = substr($0, RSTART, RLENGTH); sub(/.*:/, "", text); sum += text } END { print sum + 0 }'
}

points_run() {
    trap 'exit 130' INT
    trap 'exit 143' TERM
    points_choose_folder
    [[ -z ${settings[program]} ]] || settings[program]=$(realpath -m -s -- "${settings[program]}")
    cd -- "$root"
    points_plan
    ((!settings[dry-run])) || exit 0
    points_load_modules
    points_check_slots
    mkdir -p -- "$points_folder/points" "$points_folder/logs" || die 1 "'$points_folder' can't be made"
    points_check_space
    points_build
    points_check_report
    points_environment begin || exit
    points_generate
    local report_status=0
    points_run_all
    points_environment end || exit
    say "$points_script: $points_ran run, $points_kept finished before, $points_failed failed; $(points_wrong) wrong answers"
    compgen -G "$points_folder/points/*.jsonl" >/dev/null || die "$points_status" "no point is finished, so there is no report"
    # One report at a time: the tasks of an array end together.
    flock -- "$points_folder/.lock" "$points_python" analysis/report.py "$points_folder" || report_status=$?
    if ((report_status != 0)); then
        complain "analysis/report.py ended with status $report_status"
        ((points_status != 0)) || points_status=1
    fi
    exit "$points_status"
}

points_invocation="jobs/$(common_name)$(points_quoted "$@")"
