#!/usr/bin/env bash
# jobs/launch.sh with a stub mpirun and stub programs: every way in which a run can end, what is passed on, and that
# nothing is left behind. The MPI tests use the real mpirun.
# shellcheck disable=SC2016 # what the stub program evaluates stands in single quotes
set -euo pipefail
shopt -s nullglob dotglob
root=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")")
launch=$root/jobs/launch.sh
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
mkdir "$work/tmp" "$work/cwd" "$work/bin"
cd "$work/cwd"
for variable in ${!CHORDKV_*} ${!SLURM_*} PBS_NODEFILE; do
    unset "$variable"
done

# The stub runs the program once, with its own status; STUB_STATUS overrides that, as --enable-recovery does.
cat >"$work/mpirun" <<'END'
#!/usr/bin/env bash
if [[ ${1:-} == --version ]]; then echo "mpirun (Open MPI) ${STUB_VERSION:-4.1.4}"; exit 0; fi
printf '%s\n' "$@" >"$STUB_LOG"
while [[ $1 != */chordkv && $1 != */other ]]; do
    [[ $1 != --report-uri ]] || echo "${STUB_URI:-0};tcp" >"$2"
    shift
done
trap 'kill -TERM $child 2>/dev/null; wait $child; exit 1' TERM
# Bash says that a child was killed whenever it notices: to nobody, from before the child is there.
exec 3>&2 2>/dev/null
"$@" <&0 2>&3 3>&- &
child=$!
wait $child
status=$?
exit "${STUB_STATUS:-$status}"
END
# The program does what its first argument is in bash.
cat >"$work/bin/chordkv" <<'END'
#!/usr/bin/env bash
record() { printf '%s\n' "$1" >"$CHORDKV_VERDICT.new" && mv "$CHORDKV_VERDICT.new" "$CHORDKV_VERDICT"; }
verdict() { record "{\"record\":\"verdict\",\"verdict\":\"$1\",\"exit_status\":$2,\"wrong\":0}"; }
eval "$1"
END
cp "$work/bin/chordkv" "$work/bin/other"
chmod +x "$work/mpirun" "$work/bin/chordkv" "$work/bin/other"
export STUB_LOG=$work/log MPIRUN=$work/mpirun TMPDIR=$work/tmp

# A PATH without jq, for the other reader of the record.
mkdir "$work/nojq"
for tool in bash basename dirname readlink mktemp mv rm cat awk sort wc grep nproc lscpu env; do
    ln -s "$(type -P "$tool")" "$work/nojq/$tool"
done

checks=0
failures=0
fail() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n--- output\n%s\n--- errors\n%s\n' "$1" "$(cat "$work/out")" "$(cat "$work/err")"
}

# expect NAME STATUS PATTERN-OF-STDERR LAUNCH-ARGUMENTS...   (an empty pattern: no output at all)
expect() {
    local name=$1 expected=$2 pattern=$3 status=0
    shift 3
    "$launch" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    checks=$((checks + 1))
    if ((status != expected)); then
        fail "$name: status $status instead of $expected"
    elif [[ -z $pattern && -s $work/err ]] || { [[ -n $pattern ]] && ! grep -Eq -- "$pattern" "$work/err"; }; then
        fail "$name: standard error is not '$pattern'"
    elif [[ -n $pattern && $(wc -l <"$work/err") -ne 1 ]]; then
        fail "$name: more than one line on standard error"
    fi
    nothing_left "$name"
}
nothing_left() {
    local -a left=("$TMPDIR"/* "$work"/cwd/*)
    ((${#left[@]} == 0)) || {
        fail "$1: files were left: ${left[*]}"
        rm -rf -- "${left[@]}"
    }
}
# passed NAME TEXT: the lines given to mpirun, joined by blanks, contain the text.
passed() {
    checks=$((checks + 1))
    [[ " $(tr '\n' ' ' <"$STUB_LOG")" == *" $2 "* ]] || fail "$1: '$2' was not given to mpirun"
}
not_passed() {
    checks=$((checks + 1))
    [[ " $(tr '\n' ' ' <"$STUB_LOG")" != *" $2"* ]] || fail "$1: '$2' was given to mpirun"
}
chordkv=$work/bin/chordkv

read_verdicts() {
    expect "$1 valid" 0 '' "$chordkv" 'verdict valid 0'
    expect "$1 wrong answer" 3 '' "$chordkv" 'verdict wrong 3; exit 3'
    expect "$1 usage" 2 '' "$chordkv" 'verdict usage 2; exit 2'
    expect "$1 timed out" 5 '' "$chordkv" 'verdict timeout 5; exit 1'
    expect "$1 no record" 1 'left no verdict: mpirun ended with status 0; --verbose' "$chordkv" true
    expect "$1 no record and a status" 1 'left no verdict: mpirun ended with status 7' "$chordkv" 'exit 7'
    expect "$1 killed" 1 'left no verdict: mpirun ended with status 137 \(signal 9\)' "$chordkv" 'kill -KILL $$'
    expect "$1 bad end after the verdict" 1 'ended badly afterwards: .* 7' --no-recovery "$chordkv" 'verdict valid 0; exit 7'
    expect "$1 bad end of others after the verdict" 0 '' "$chordkv" 'verdict valid 0; exit 7'
    expect "$1 killed after the verdict" 1 'ended badly afterwards: .* 137' "$chordkv" \
        'verdict valid 0; kill -KILL $$'
    local broken
    for broken in '' '{' '{"record":"verdict","verdict":"valid","exit_status":0' '{"record":"verdict"}' \
        '{"record":"run","verdict":"valid","exit_status":0}' '{"record":"verdict","exit_status":0}' \
        '{"record":"verdict","verdict":"valid","exit_status":"0"}' 'null' '[]' \
        '{"record":"verdict","verdict":"valid","exit_status":-1}' \
        '{"record":"verdict","verdict":"valid","exit_status":256}' \
        '{"record":"verdict","verdict":"valid","exit_status":0.5}' \
        $'{"record":"verdict","verdict":"valid","exit_status":0}\n{"record":"verdict","verdict":"valid","exit_status":0}'; do
        expect "$1 broken record $broken" 1 'record is broken' "$chordkv" "record '$broken'"
    done
    STUB_STATUS=0 expect "$1 mpirun hides the status" 3 '' "$chordkv" 'verdict wrong 3; exit 3'
}
read_verdicts jq
PATH=$work/nojq read_verdicts awk

# What is passed on.
expect 'ten ranks by default' 0 '' "$chordkv" 'verdict valid 0'
passed 'ten ranks by default' '-n 10'
passed 'variables' '-x CHORDKV_VERDICT'
passed 'quiet' '--quiet'
passed 'the others go on when a rank dies' '--enable-recovery'
passed 'and the program knows' '-x CHORDKV_RECOVERY'
expect 'the program knows' 0 '' "$chordkv" '[[ $CHORDKV_RECOVERY == 1 ]] && verdict valid 0'
expect 'or it ends' 0 '' --no-recovery "$chordkv" '[[ $CHORDKV_RECOVERY == 0 ]] && verdict valid 0'
not_passed 'or it ends' '--enable-recovery'
expect 'the environment' 0 '' "$chordkv" \
    '[[ $CHORDKV_LAUNCHED$CHORDKV_STDIN_TTY$CHORDKV_STDOUT_TTY$CHORDKV_STDERR_TTY == 1000 ]] && verdict valid 0'
expect 'many ranks share the cores' 0 '' -n 9999 "$chordkv" 'verdict valid 0'
passed 'many ranks' '-n 9999 --oversubscribe'
passed 'many ranks' '--bind-to none'
expect 'one rank shares nothing' 0 '' -n 1 "$chordkv" 'verdict valid 0'
not_passed 'one rank' '--oversubscribe'
not_passed 'one rank' '--bind-to'
expect 'own binding' 0 '' -n 9999 --bind-to core "$chordkv" 'verdict valid 0'
not_passed 'own binding' '--bind-to none'
expect 'TCP and other options' 0 '' --tcp --enable-recovery --mca a b -- "$work/bin/other" 'verdict valid 0'
passed 'TCP' '--mca btl self,tcp'
passed 'other options' '--enable-recovery --mca a b'
not_passed 'given once, passed once' '--mca a b --enable-recovery'
# The stub's own ompi_info, as it stands beside mpirun.
printf '#!/bin/sh\necho mca:pml:ucx:version:component:4.1.4\n' >"$work/ompi_info"
chmod +x "$work/ompi_info"
expect 'UCX over TCP' 0 '' --tcp --ucx "$chordkv" 'verdict valid 0'
passed 'UCX over TCP' '--mca pml ucx --mca pml_ucx_tls any --mca pml_ucx_devices any -x UCX_TLS=tcp,self'
not_passed 'UCX over TCP' '--mca btl'
expect 'UCX' 0 '' --ucx "$chordkv" 'verdict valid 0'
passed 'UCX' '--mca pml ucx'
not_passed 'UCX' '-x UCX_TLS'
rm -- "$work/ompi_info"
expect 'no UCX' 2 'this Open MPI has no UCX' --ucx "$chordkv" true
expect 'arguments are kept apart' 0 '' "$chordkv" '[[ $2 == "a b" && $3 == "*" && -z $4 && $# == 4 ]] && verdict valid 0' \
    'a b' '*' ''
if ((EUID == 0)); then
    expect 'root' 0 '' "$chordkv" '[[ $OMPI_ALLOW_RUN_AS_ROOT == 1 ]] && verdict valid 0'
else
    expect 'not root' 0 '' "$chordkv" '[[ -z ${OMPI_ALLOW_RUN_AS_ROOT:-} ]] && verdict valid 0'
fi
STUB_VERSION=5.0.7 expect 'Open MPI 5' 0 '' -n 9999 "$chordkv" 'verdict valid 0'
passed 'Open MPI 5' '--map-by :OVERSUBSCRIBE'
passed 'Open MPI 5' '--enable-recovery'
not_passed 'Open MPI 5' '--oversubscribe'

# Standard input reaches the program.
checks=$((checks + 1))
echo hello | "$launch" "$chordkv" 'read -r word; [[ $word == hello ]] && verdict valid 0' >"$work/out" 2>"$work/err" ||
    fail 'standard input'

# A person at the shell gets rlwrap, and nobody else does. Debian's python3 makes the terminal.
cat >"$work/rlwrap" <<'END'
#!/usr/bin/env bash
echo "$*" >"$RLWRAP_LOG"
shift 2
exec "$@"
END
chmod +x "$work/rlwrap"
export RLWRAP=$work/rlwrap RLWRAP_LOG=$work/rlwrap.log
on_terminal() {
    /usr/bin/python3 -c 'import fcntl, os, pty, struct, sys, termios
process, terminal = pty.fork()
if process == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[1], sys.argv[1:])
try:
    while os.read(terminal, 4096):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))' "$launch" -- "$work/bin/shell/chordkv" "$@"
}
# Here the first argument must be the command, so this program has its verdict ready.
mkdir "$work/bin/shell"
cat >"$work/bin/shell/chordkv" <<'END'
#!/usr/bin/env bash
printf '{"record":"verdict","verdict":"valid","exit_status":0}\n' >"$CHORDKV_VERDICT"
END
chmod +x "$work/bin/shell/chordkv"
# edits EXPECTED ARGUMENTS...: whether rlwrap was called.
edits() {
    local expected=$1 called=0
    shift
    rm -f -- "$RLWRAP_LOG"
    on_terminal "$@" >"$work/out" 2>"$work/err" </dev/null || fail "terminal, $*: status $?"
    [[ ! -e $RLWRAP_LOG ]] || called=1
    checks=$((checks + 1))
    ((called == expected)) || fail "terminal, $*: rlwrap was called $called times"
}
edits 1 shell
edits 1 shell --replicas 3
edits 0 shell --script commands
edits 0 run
RLWRAP='' edits 0 shell
RLWRAP=$work/nothing edits 0 shell
checks=$((checks + 1))
rm -f -- "$RLWRAP_LOG"
"$launch" "$work/bin/shell/chordkv" shell </dev/null >"$work/out" 2>"$work/err" || fail 'shell without a terminal'
[[ ! -e $RLWRAP_LOG ]] || fail 'shell without a terminal: rlwrap was called'
unset RLWRAP

# Slots that were given.
printf 'a slots=2\nb slots=3 # c\n\n' >"$work/hosts"
expect 'host file, enough' 0 '' -n 5 --hostfile "$work/hosts" "$chordkv" 'verdict valid 0'
not_passed 'host file, enough' '--oversubscribe'
expect 'host file, too few' 2 '6 ranks, but only 5 slots' -n 6 --hostfile "$work/hosts" "$chordkv" 'verdict valid 0'
expect 'host file, shared on purpose' 0 '' -n 6 --hostfile "$work/hosts" --oversubscribe "$chordkv" 'verdict valid 0'
expect 'host list, too few' 2 '6 ranks, but only 5 slots' -n 6 --host a:4,b "$chordkv" 'verdict valid 0'
SLURM_JOB_ID=1 SLURM_TASKS_PER_NODE='4(x2),1' expect 'Slurm, too few' 2 'only 9 slots' "$chordkv" true
SLURM_JOB_ID=1 SLURM_TASKS_PER_NODE='4(x2),2' expect 'Slurm, enough' 0 '' "$chordkv" 'verdict valid 0'

# srun instead of mpirun, inside a Slurm job.
cat >"$work/srun" <<'END'
#!/usr/bin/env bash
if [[ $1 == --mpi=list ]]; then echo "${STUB_MPI:-pmix}"; exit 0; fi
printf '%s\n' "$@" >"$STUB_LOG"
while [[ $1 != */chordkv ]]; do shift; done
"$@" <&0
END
chmod +x "$work/srun"
export SRUN=$work/srun
SLURM_JOB_ID=1 SLURM_NTASKS=4 expect 'srun' 0 '' --srun -n 3 "$chordkv" '[[ $CHORDKV_RECOVERY == 0 ]] && verdict valid 0'
passed 'srun' '-n 3 --mpi=pmix --input=0 --quiet'
not_passed 'srun' '--enable-recovery'
CHORDKV_LAUNCHER=srun SLURM_JOB_ID=1 SLURM_NTASKS=4 expect 'srun by variable' 3 '' -n 4 "$chordkv" \
    '[[ -z ${CHORDKV_LAUNCHER+set} ]] && verdict wrong 3; exit 3'
passed 'srun by variable' '-n 4 --mpi=pmix'
SLURM_JOB_ID=1 SLURM_NTASKS=4 expect 'srun, too few slots' 2 'only 4 slots' --srun -n 5 "$chordkv" true
SLURM_JOB_ID=1 SLURM_NTASKS=4 expect 'srun, shared' 0 '' --srun -n 5 --oversubscribe --tcp "$chordkv" \
    '[[ $OMPI_MCA_btl == self,tcp && $OMPI_MCA_mpi_yield_when_idle == 1 ]] && verdict valid 0'
passed 'srun, shared' '--overcommit'
not_passed 'srun, shared' '--oversubscribe'
SLURM_JOB_ID=1 SLURM_NTASKS=4 expect 'srun and UCX over TCP' 0 '' --srun -n 4 --tcp --ucx "$chordkv" \
    '[[ $OMPI_MCA_pml == ucx && $UCX_TLS == tcp,self && -z ${OMPI_MCA_btl:-} ]] && verdict valid 0'
expect 'srun outside of a job' 2 'inside a Slurm job only' --srun "$chordkv" true
SLURM_JOB_ID=1 expect 'srun and recovery' 2 'needs mpirun' --srun --enable-recovery "$chordkv" true
SLURM_JOB_ID=1 STUB_MPI=none expect 'no PMIx' 2 'has no PMIx' --srun "$chordkv" true
SLURM_JOB_ID=1 SRUN=$work/nothing expect 'no srun' 2 "there is no '.*/nothing' in PATH" --srun "$chordkv" true
CHORDKV_LAUNCHER=ssh expect 'another launcher' 2 "is mpirun or srun, not 'ssh'" "$chordkv" true

# Wrong calls.
expect 'no program' 2 'no program' -n 3 run
expect 'nothing after --' 2 'no program after --' --
expect 'ranks' 2 "takes a whole number from 1 to 999999, not '0'" -n 0 "$chordkv" true
expect 'ranks without value' 2 'needs a value' -n
expect 'not a program' 2 'is not a program' "$work/nothing/chordkv" run
expect 'recovery or not' 2 'contradict each other' --no-recovery --enable-recovery "$chordkv" true
expect 'no such program' 2 'nor in PATH' -- surely-no-such-program
expect 'no host file' 2 "can't be read" --hostfile "$work/nothing" "$chordkv" true
MPIRUN=$work/nothing expect 'no mpirun' 2 'apt-get install openmpi-bin' "$chordkv" true

# An mpirun that doesn't come back after the verdict is ended.
LAUNCH_PATIENCE=0.1 expect 'a rank that never ends' 5 '' "$chordkv" 'verdict timeout 5; exec sleep 600'
LAUNCH_PATIENCE=0.1 expect 'a rank that never ends, valid' 0 '' "$chordkv" 'verdict valid 0; exec sleep 600'

# A signal ends the run, and what a killed job leaves is removed: its own segments and nobody else's.
mkfifo "$work/started"
exec 3<>"$work/started"
for signal in TERM:143 INT:130 HUP:129; do
    # A background job of a script ignores INT from its start, and bash can't undo that: env can.
    env --default-signal=INT "$launch" "$chordkv" "echo \$\$ >'$work/started'; exec sleep 600" >"$work/out" \
        2>"$work/err" </dev/null &
    child=$!
    read -r -t 30 pid <&3 || fail "signal $signal: the program did not start"
    kill "-${signal%:*}" "$child"
    status=0
    wait "$child" || status=$?
    checks=$((checks + 1))
    ((status == ${signal#*:})) || fail "signal $signal: status $status"
    ! kill -0 "$pid" 2>/dev/null || fail "signal $signal: the program lives on"
    nothing_left "signal $signal"
done
if [[ -w /dev/shm ]]; then
    mine=/dev/shm/vader_segment.stub.$EUID.fffe0001.0
    other=/dev/shm/vader_segment.stub.$EUID.fffd0001.0
    touch "$mine" "$other"
    STUB_URI=$((0xfffe << 16)).0 expect 'leftovers' 0 '' "$chordkv" 'verdict valid 0'
    checks=$((checks + 2))
    [[ ! -e $mine ]] || fail 'leftovers: the segment of this job is still there'
    [[ -e $other ]] || fail "leftovers: another job's segment was removed"
    rm -f -- "$mine" "$other"
fi

echo "test_launch: $checks checks, $failures failures"
((failures == 0 && checks > 60))
