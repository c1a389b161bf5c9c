#!/usr/bin/env bash
# Starts chordkv under mpirun and turns the run's verdict into the exit status.
#
# mpirun's own status can't be trusted: with --enable-recovery it is 0 whatever the ranks return. So the program
# leaves one JSON line (record "verdict", with exit_status) at the path in CHORDKV_VERDICT, put in place by rename, and
# this script reads it; no record, or a broken one, is a failure. It also tells the program which of the standard
# streams are terminals (under mpirun they never tell the truth), asks mpirun for what N ranks on few cores need, and
# leaves no files behind.
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=jobs/common.sh
source "$here/common.sh"

usage() {
    cat <<'END'
Usage: launch.sh [-n N] [--tcp] [--ucx] [--no-recovery] [--srun] [--verbose] [MPIRUN OPTIONS...] [--]
                 chordkv ARGUMENTS...

Starts chordkv on N ranks (default 10) and ends with the status of its verdict:
  0 valid, 1 failure (also: no verdict), 2 wrong usage or input, 3 wrong answer, 4 data lost, 5 timed out

  -n N, -np N    ranks
  --tcp          messages over TCP instead of shared memory (Open MPI)
  --ucx          messages by UCX (Open MPI), over whatever it finds; with --tcp over TCP
  --no-recovery  end the run when a rank dies (Open MPI); otherwise the others go on
  --srun         inside a Slurm job: start the ranks by srun --mpi=pmix instead of mpirun, which ends the run when a rank
                 dies; the variable CHORDKV_LAUNCHER=srun asks for it, too. Options are then srun's
  --verbose      show the mpirun command and mpirun's own messages
  --help         print this text (after chordkv: the program's help)

Everything else before the program's name is given to mpirun. The program is the first word named chordkv, or the word
after "--": a path, or build/app/chordkv beside this script, or found in PATH. Ranks beyond the cores of this machine
share them; where a batch system or a host file gives the slots, add --oversubscribe to allow it.
The variable MPIRUN names another mpirun.

  jobs/launch.sh -n 10 chordkv run --phase insert=workloads/insert.csv --phase query=workloads/query.csv
  jobs/launch.sh -n 64 --hostfile hosts chordkv run --phase mix=workloads/mix.csv --mode parallel
  jobs/launch.sh -n 10 chordkv shell

On a terminal the shell's lines can be edited, with a history, where rlwrap is installed. The variable RLWRAP names
another one; RLWRAP= does without.
END
}

ranks=10
tcp=0
ucx=0
recovery=1
recovery_given=0
launcher=${CHORDKV_LAUNCHER:-mpirun}
unset CHORDKV_LAUNCHER # chordkv refuses variables that it doesn't know
verbose=0
oversubscribe_given=0
binding_given=0
hosts_given=0
hosts_slots=-1 # -1: not known
program=
mpirun=${MPIRUN:-mpirun}
rlwrap=${RLWRAP-rlwrap}
declare -a mpi_options=()

# --- The command line ------------------------------------------------------------------------------------------------

# Slots of a host file: the sum of slots=N; -1 if a line names none.
hostfile_slots() {
    [[ -r $1 ]] || die 2 "the host file '$1' can't be read"
    awk '{ sub(/#.*/, "") } NF == 0 { next }
         { n = 0; for (i = 2; i <= NF; i++) if ($i ~ /^slots=[0-9]+$/) { n = substr($i, 7); seen = 1; sum += n; break }
           if (i > NF) unknown = 1 }
         END { print unknown || !seen ? -1 : sum }' "$1"
}

# Slots of a list a:2,b,c:4 (1 where none is named; "*" and "auto" are not counted).
host_slots() {
    awk -v list="$1" 'BEGIN { n = split(list, hosts, ","); for (i = 1; i <= n; i++) {
        if (hosts[i] !~ /:/) sum++; else if (hosts[i] ~ /:[0-9]+$/) { sub(/.*:/, "", hosts[i]); sum += hosts[i] }
        else unknown = 1 } print unknown ? -1 : sum }'
}

need_value() { (($1 > 1)) || die 2 "$2 needs a value; --help explains it"; }

set_ranks() {
    [[ $1 =~ ^[1-9][0-9]{0,5}$ ]] || die 2 "-n takes a whole number from 1 to 999999, not '$1'"
    ranks=$1
}

while (($# > 0)); do
    case $1 in
    -n | -np | --np | --n | -c)
        need_value $# "$1"
        set_ranks "$2"
        shift 2
        ;;
    --tcp) tcp=1 && shift ;;
    --ucx) ucx=1 && shift ;;
    --no-recovery) recovery=0 && shift ;;
    --srun) launcher=srun && shift ;;
    --enable-recovery | -enable-recovery)
        recovery_given=1
        mpi_options+=("$1")
        shift
        ;;
    --verbose) verbose=1 && shift ;;
    -h | --help) usage && exit 0 ;;
    --)
        shift
        (($# > 0)) || die 2 "no program after --; --help shows how to call this"
        program=$1
        shift
        break
        ;;
    --oversubscribe | -oversubscribe)
        oversubscribe_given=1
        mpi_options+=("$1")
        shift
        ;;
    --hostfile | -hostfile | --machinefile | -machinefile | --default-hostfile | -host | --host | -H | \
        --map-by | -map-by | --bind-to | -bind-to)
        need_value $# "$1"
        case $1 in
        *file) hosts_given=1 && hosts_slots=$(hostfile_slots "$2") ;;
        *host | -H) hosts_given=1 && hosts_slots=$(host_slots "$2") ;;
        *bind-to) binding_given=1 ;;
        *) [[ ${2^^} != *OVERSUBSCRIBE* ]] || oversubscribe_given=1 ;;
        esac
        mpi_options+=("$1" "$2")
        shift 2
        ;;
    chordkv | */chordkv)
        program=$1
        shift
        break
        ;;
    *)
        mpi_options+=("$1")
        shift
        ;;
    esac
done
((recovery || !recovery_given)) || die 2 "--no-recovery and --enable-recovery contradict each other"
[[ $launcher == mpirun || $launcher == srun ]] || die 2 "CHORDKV_LAUNCHER is mpirun or srun, not '$launcher'"
if [[ $launcher == srun ]]; then
    ((!recovery_given)) || die 2 "srun ends the run when a rank dies: --enable-recovery needs mpirun"
    recovery=0
fi
[[ -n $program ]] || die 2 "no program: none of the words is chordkv, and there is no --; --help shows how to call this"

# --- The program and mpirun ------------------------------------------------------------------------------------------

if [[ $program == */* ]]; then
    [[ -f $program && -x $program ]] || die 2 "'$program' is not a program that can be run"
elif [[ $program == chordkv && -x $here/../build/app/chordkv ]]; then
    program=$(readlink -f -- "$here/../build/app/chordkv")
else
    found=$(type -P -- "$program") || die 2 "no '$program' in build/app beside this script nor in PATH; build it with:" \
        "cmake -B build && cmake --build build"
    program=$found
fi
if [[ $launcher == srun ]]; then
    mpirun=${SRUN:-srun}
    [[ -n ${SLURM_JOB_ID:-} ]] || die 2 "srun starts ranks inside a Slurm job only: see salloc and sbatch, or use mpirun"
    command -v "$mpirun" >/dev/null || die 2 "there is no '$mpirun' in PATH"
    "$mpirun" --mpi=list 2>&1 | grep -q pmix || die 2 "this Slurm has no PMIx (srun --mpi=list): use mpirun"
fi
command -v "$mpirun" >/dev/null || die 2 "there is no '$mpirun'; on Debian: apt-get install openmpi-bin"
version=
[[ $launcher == srun ]] || version=$("$mpirun" --version 2>/dev/null) || true
version=${version%%$'\n'*}
case $version in
*"Open MPI"*" 5."* | *prterun*) flavour=openmpi5 ;; # untested: options as documented
*"Open MPI"*) flavour=openmpi ;;
*) flavour=other ;; # MPICH and its kin; untested
esac
[[ $launcher != srun ]] || flavour=srun

# --- Slots -----------------------------------------------------------------------------------------------------------

# Cores of this machine that we may use, hardware threads not counted, as Open MPI counts its slots.
usable_cores() {
    local cores threads
    threads=$(nproc 2>/dev/null) || threads=1
    cores=$(lscpu -b -p=Core,Socket 2>/dev/null | grep -v '^#' | sort -u | wc -l) || cores=0
    ((cores > 0 && cores < threads)) && echo "$cores" || echo "$threads"
}

many_machines=$hosts_given
slots=$(common_batch_slots)
if ((hosts_given)); then
    slots=$hosts_slots
elif [[ -n $slots ]]; then
    many_machines=1
else
    slots=$(usable_cores)
fi
shared=$oversubscribe_given
if ((slots >= 0 && ranks > slots && !oversubscribe_given)); then
    if ((many_machines)); then
        die 2 "$ranks ranks, but only $slots slots were given: ask for more, or add --oversubscribe to share the cores"
    fi
    shared=1
    case $flavour in
    openmpi) mpi_options+=(--oversubscribe) ;;
    openmpi5) mpi_options+=(--map-by :OVERSUBSCRIBE) ;;
    esac
    ((!verbose)) || say "launch.sh: $ranks ranks share $slots cores"
fi

# --- Cleaning up ------------------------------------------------------------------------------------------------------

scratch=
child=
guard=
caught=

# Files that Open MPI leaves when ranks or mpirun are killed, if they are surely this job's: its number is in the URI
# that mpirun wrote (the job family in the upper 16 bits) and in the segments' names, its process id in the session
# directory's, and PMIx's output has a suffix from us.
remove_leftovers() {
    local job uri
    [[ -z $scratch ]] || rm -f -- "${TMPDIR:-/tmp}"/pmix-output-pid*-"${scratch##*/}"
    if [[ -s $scratch/uri ]] && IFS= read -r uri <"$scratch/uri" && [[ $uri =~ ^([0-9]+)\.0\; ]]; then
        job=$(printf '%x' $((BASH_REMATCH[1] >> 16)))
        rm -f -- /dev/shm/vader_segment.*."$EUID.$job"[0-9a-f][0-9a-f][0-9a-f][0-9a-f].*
        rm -rf -- "${TMPDIR:-/tmp}"/ompi.*."$EUID/pid.$child"
    fi
}

at_exit() {
    [[ -z $guard ]] || kill "$guard" 2>/dev/null || true
    if [[ -n $child ]]; then
        kill -KILL "$child" 2>/dev/null || true
        remove_leftovers
    fi
    [[ -z $scratch ]] || rm -rf -- "$scratch"
}
trap at_exit EXIT

# --- What the MPI at hand needs --------------------------------------------------------------------------------------

export CHORDKV_LAUNCHED=1 CHORDKV_STDIN_TTY=0 CHORDKV_STDOUT_TTY=0 CHORDKV_STDERR_TTY=0
[[ ! -t 0 ]] || CHORDKV_STDIN_TTY=1
[[ ! -t 1 ]] || CHORDKV_STDOUT_TTY=1
[[ ! -t 2 ]] || CHORDKV_STDERR_TTY=1

# Rank 0 may be on another machine than we: then the record must be where both can see it.
if ((many_machines)); then
    scratch=$(mktemp -d "$PWD/.chordkv-launch.XXXXXXXX") || die 1 "no temporary directory can be made in $PWD"
else
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/chordkv-launch.XXXXXXXX") ||
        die 1 "no temporary directory can be made in ${TMPDIR:-/tmp}"
fi
export CHORDKV_VERDICT=$scratch/verdict.json

# Whether this Open MPI can send by UCX; asked of the ompi_info beside mpirun.
has_ucx() {
    local info
    info=$(dirname -- "$(type -P -- "$mpirun")")/ompi_info
    [[ -x $info ]] && "$info" --parsable 2>/dev/null | grep -q '^mca:pml:ucx:'
}

export CHORDKV_RECOVERY=0
if [[ $flavour == srun ]]; then
    # What mpirun takes as options, Open MPI reads from the environment, which srun passes on.
    declare -a srun_options=(--mpi=pmix --input=0)
    for option in "${mpi_options[@]}"; do # srun's own --oversubscribe is about jobs
        [[ $option == *oversubscribe ]] || srun_options+=("$option")
    done
    mpi_options=("${srun_options[@]}")
    if ((shared)); then
        mpi_options+=(--overcommit "--cpu-bind=quiet,none")
        export OMPI_MCA_mpi_yield_when_idle=1
    fi
    if ((ucx)); then
        export OMPI_MCA_pml=ucx OMPI_MCA_pml_ucx_tls=any OMPI_MCA_pml_ucx_devices=any
        ((!tcp)) || export UCX_TLS=${UCX_TLS:-tcp,self}
    elif ((tcp)); then
        export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,tcp
    fi
    ((verbose)) || mpi_options+=(--quiet)
elif [[ $flavour != other ]]; then
    export CHORDKV_RECOVERY=$recovery
    ((!recovery || recovery_given)) || mpi_options+=(--enable-recovery)
    for variable in LAUNCHED RECOVERY STDIN_TTY STDOUT_TTY STDERR_TTY VERDICT; do
        mpi_options+=(-x "CHORDKV_$variable")
    done
    if ((EUID == 0)); then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
        export PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    if ((shared)); then
        ((binding_given)) || mpi_options+=(--bind-to none)
        # For MPI's own start and end; the program waits in its own way.
        mpi_options+=(--mca mpi_yield_when_idle 1)
    fi
    if ((ucx)) && ! has_ucx; then
        die 2 "--ucx: this Open MPI has no UCX"
    elif ((ucx)); then
        mpi_options+=(--mca pml ucx --mca pml_ucx_tls any --mca pml_ucx_devices any)
        ((!tcp)) || mpi_options+=(-x "UCX_TLS=${UCX_TLS:-tcp,self}")
        # It says of each message to a dead rank that it failed; which is no news.
        ((verbose)) || mpi_options+=(--mca opal_common_ucx_verbose -1)
    elif ((tcp)); then
        mpi_options+=(--mca pml ob1 --mca btl "self,tcp")
    fi
    if ((!verbose)); then
        mpi_options+=(--quiet) # no banner about statuses that aren't 0
        # PMIx, too, complains whenever a rank's status isn't 0, or it dies: into a file that nobody misses.
        export PMIX_OUTPUT_REDIRECT=file PMIX_OUTPUT_SUFFIX=${scratch##*/}
    fi
    [[ $flavour != openmpi ]] || mpi_options+=(--report-uri "$scratch/uri")
elif ((tcp || ucx)); then
    die 2 "--tcp and --ucx are known for Open MPI only, not for '$version'"
fi

# --- Run -------------------------------------------------------------------------------------------------------------

# The first signal is passed on as TERM, which mpirun answers by ending the ranks (on Ctrl-C the terminal has sent it
# an INT already, and a second INT would make it leave without); a later one kills it.
on_signal() {
    if [[ -z $caught ]]; then
        caught=$1
        [[ -z $child ]] || kill -TERM "$child" 2>/dev/null || true
    else
        [[ -z $child ]] || kill -KILL "$child" 2>/dev/null || true
    fi
}
trap 'on_signal 1' HUP
trap 'on_signal 2' INT
trap 'on_signal 15' TERM

# Ends mpirun if it goes on after the verdict. With recovery it may wait for ever: for a rank that is stopped on another
# machine, or (seen on 4.1.4) for one that was killed there. Reading what nobody writes is a way to sleep that leaves no
# process behind.
patience=${LAUNCH_PATIENCE:-10}
end_after_verdict() {
    local nothing
    exec {nothing}<> <(:)
    while [[ ! -e $CHORDKV_VERDICT ]]; do
        kill -0 "$1" 2>/dev/null || return 0
        read -r -t 1 -u "$nothing" || true
    done
    read -r -t "$patience" -u "$nothing" || true
    kill -TERM "$1" 2>/dev/null
}

# Line editing for a person at the shell. rlwrap gives mpirun a terminal of its own, so this comes after the streams were
# looked at; it ends with mpirun's status.
declare -a editor=()
if [[ ${1:-} == shell && -n $rlwrap && $CHORDKV_STDIN_TTY$CHORDKV_STDOUT_TTY == 11 && " $* " != *" --script"* ]] &&
    command -v "$rlwrap" >/dev/null && [[ ${TERM:-dumb} != dumb && $(stty size) =~ ^[1-9][0-9]*\ [1-9] ]]; then
    editor=("$rlwrap" -C chordkv)
fi

if ((verbose)); then
    printf 'launch.sh:'
    printf ' %q' "${editor[@]}" "$mpirun" -n "$ranks" "${mpi_options[@]}" "$program" "$@"
    printf '\n'
fi
# In the background, because bash would hold signals back while it waits in the foreground; <&0 keeps standard input.
"${editor[@]}" "$mpirun" -n "$ranks" "${mpi_options[@]}" "$program" "$@" <&0 &
child=$!
end_after_verdict "$child" </dev/null >/dev/null 2>&1 &
guard=$!
mpi_status=0
while true; do
    mpi_status=0
    wait "$child" 2>/dev/null || mpi_status=$?
    kill -0 "$child" 2>/dev/null || break # else a signal interrupted the wait
done
kill "$guard" 2>/dev/null || true
remove_leftovers
child=
guard=
if [[ -n $caught ]]; then
    complain "ended by signal $caught"
    exit $((128 + caught))
fi

# --- The verdict -----------------------------------------------------------------------------------------------------

# The exit_status of the one record of the file, or nothing if it is not exactly that.
verdict_status() {
    if command -v jq >/dev/null; then
        jq -e -s -r 'if length == 1 and (.[0] | type) == "object" then .[0] else empty end
            | select(.record == "verdict" and (.verdict | type) == "string")
            | .exit_status | select(type == "number" and . == floor and . >= 0 and . <= 255)' "$1" 2>/dev/null || true
    else
        awk 'NR == 1 && /^\{.*\}$/ && /[{,] *"record" *: *"verdict" *[,}]/ && /[{,] *"verdict" *: *"[^"]*" *[,}]/ &&
             match($0, /[{,] *"exit_status" *: *[0-9]+ *[,}]/) {
                 s = substr($0, RSTART, RLENGTH); gsub(/[^0-9]/, "", s); if (s + 0 <= 255) status = s + 0 ""
             }
             END { if (NR == 1) print status }' "$1"
    fi
}

how="mpirun ended with status $mpi_status"
((mpi_status <= 128)) || how+=" (signal $((mpi_status - 128)))"
hint=
((verbose)) || hint="; --verbose shows what mpirun says"
if [[ ! -e $CHORDKV_VERDICT ]]; then
    die 1 "the program left no verdict: $how$hint"
fi
status=$(verdict_status "$CHORDKV_VERDICT")
if [[ -z $status ]]; then
    die 1 "the program's verdict record is broken: $how$hint"
fi
# With recovery mpirun's status means nothing, unless it was killed itself.
if ((status == 0 && mpi_status > (recovery ? 128 : 0))); then
    die 1 "the verdict was good, but a rank ended badly afterwards: $how$hint"
fi
exit "$status"
