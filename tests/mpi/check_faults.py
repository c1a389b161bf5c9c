"""Ranks that die, fall silent or stop while operations flow: no acknowledged write is lost, every answer is right, the ring heals,
the run ends by itself, and nothing is left running or lying about.

--part kill, silence, pause, two: one fault a run (two: two kills at one moment), --count runs of each, each at another moment
               and of other ranks;
--part outside: the processes are killed, or stopped and continued, by somebody else;
--part transfer: a rank is killed while it gives, and one while it gets, values of 1 MiB;
--part limits: what isn't survived is told: the only copy, with status 4; a forced wrong answer, with status 3 through the
               launcher, though mpirun's own status says nothing here; what can't be made to fail is refused;
--part healthy: --seconds of load with default settings, and nobody is suspected.
--over tcp: messages go over Open MPI's own TCP instead of shared memory.
"""

import os
import pathlib
import random
import signal
import statistics
import subprocess
import tempfile
import time

import ring

RANKS = 10
KEYS = 4000
OPERATIONS = 300000
MS = 1000000


class Files:
    """Generated workloads: `fill` inserts the keys, `mix` updates and queries them."""

    def __init__(self, folder, keys=KEYS, operations=OPERATIONS, value_size=0):
        draw = random.Random(7)
        padding = "x" * value_size
        self.fill, self.mix = folder / "fill.csv", folder / "mix.csv"
        self.fill.write_text("".join(f"key{i},first {i}{padding}\n" for i in range(keys)))
        self.mix.write_text("".join(
            f"insert,key{draw.randrange(keys)},value {i}{padding}\n" if i % 2 else f"query,key{draw.randrange(keys)}\n"
            for i in range(operations)))

    def options(self, *more, replicas=3, window=16):
        return ["--phase", f"insert={self.fill}", "--phase", f"mix={self.mix}", "--mode", "parallel", "--window", window,
                "--replicas", replicas, *more]


def processes(program):
    """Processes of the program, by id."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "exe").resolve() == pathlib.Path(program).resolve():
                found[int(entry.name)] = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            pass
    return found


def segments():
    return set(os.listdir("/dev/shm"))


def expect_clean(program, before, what):
    """The job's processes are gone, and so are its files. Their end may take mpirun a moment."""
    end = time.monotonic() + 30
    while (processes(program) or segments() - before) and time.monotonic() < end:
        time.sleep(0.05)
    ring.expect(not processes(program), f"{what}: still running: {list(processes(program))}")
    ring.expect(not segments() - before, f"{what}: left in /dev/shm: {segments() - before}")


def expect_survived(done, what):
    """A valid run in which every operation was answered, given up or never issued."""
    if not ring.expect(done.status == 0, f"{what}: status {done.status}\n{done.stdout}{done.stderr}"):
        return False
    ring.expect(done.verdict is not None and done.verdict["verdict"] == "valid", f"{what}: {done.verdict}")
    for phase in done.phases:
        verdict = phase["verdict"]
        ring.expect(verdict["valid"] and verdict["copies_valid"] and verdict["wrong_count"] == 0, f"{what}: {verdict}")
        issued = sum(phase["operations"][kind]["count"] for kind in ("insert", "query", "delete"))
        ring.expect(issued + phase["phase"]["not_issued_count"] == phase["phase"]["operation_count"],
                    f"{what}: {issued} issued, {phase['phase']['not_issued_count']} not, of {phase['phase']}")
        ring.expect(verdict["judge"]["operation_count"] == issued, f"{what}: {issued} issued, {verdict['judge']} judged")
        ring.expect(not phase["verdict"]["lost_arcs"], f"{what}: {verdict}")
    return True


def ours(phase):
    return [fault for fault in phase["faults"] if not fault["refused"] and fault["trigger"]]


class Times:
    """What faults have cost, over all runs."""

    def __init__(self):
        self.detected, self.outages, self.wedged, self.waited, self.unknown = [], [], [], [], []

    def add(self, fault, what):
        if not ring.expect(fault["detected_after_ns"] is not None and fault["writable_after_ns"] is not None,
                           f"{what}: not noticed: {fault}"):
            return
        self.detected.append(fault["detected_after_ns"])
        self.outages.append(fault["writable_after_ns"])
        self.waited.append(fault["waited_operation_count"])
        self.unknown.append(fault["unknown_operation_count"])
        self.wedged.append(fault["wedged_ns_max"])
        ring.expect(fault["writable_after_ns"] >= fault["detected_after_ns"], f"{what}: {fault}")

    def tell(self, what):
        if self.detected:
            worst = max((outage - wedge) / detection
                        for outage, wedge, detection in zip(self.outages, self.wedged, self.detected))
            print(f"{what}: {len(self.detected)} faults; without the wedge an outage lasts at most {worst:.2f} detections; detected after {statistics.median(self.detected) / 1e9:.3f} s, at most "
                  f"{max(self.detected) / 1e9:.3f}; writable again after {statistics.median(self.outages) / 1e9:.3f} s, at most "
                  f"{max(self.outages) / 1e9:.3f}; {statistics.median(self.waited):.0f} operations waited, "
                  f"{statistics.median(self.unknown):.0f} unknown", flush=True)


def check_kind(kind, count_of_ranks=1):
    def check(given, folder):
        files, times, draw = Files(folder), Times(), random.Random(f"{kind}{count_of_ranks}")
        for number in range(given.count):
            before = segments()
            at = draw.randrange(1, 8) * OPERATIONS // 10
            victims = draw.sample(range(1, RANKS), count_of_ranks)
            events = sum((["--at", f"op={at}:crash:{rank}:{kind}"] for rank in victims), [])
            what = f"{kind} of {victims} after {at} operations, run {number}"
            history = folder / "history.jsonl"
            done = ring.run(given.program, RANKS, files.options(*events, "--history", history))
            if expect_survived(done, what):
                ring.expect_linearizable(given.program, history, what)
                made = ours(done.phases[1])
                ring.expect(sorted(f["rank"] for f in made) == sorted(victims), f"{what}: {done.phases[1]['faults']}")
                for fault in made:
                    times.add(fault, what)
                    back = fault["rejoined_ns"] is not None
                    ring.expect(back == kind.startswith("pause"), f"{what}: {fault}")
            expect_clean(given.program, before, what)
        times.tell(f"{kind}, {count_of_ranks} at once")
    return check


def start(given, folder, options, name):
    report = folder / f"{name}.jsonl"
    command = [str(ring.LAUNCHER), "-n", str(RANKS), "--", given.program, "run", *map(str, options), "--report", str(report)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    return running, report


def rank_process(program, rank):
    marks = f"OMPI_COMM_WORLD_RANK={rank}".encode()
    for process, environment in processes(program).items():
        if marks in environment:
            return process
    return None


def end_of(running, report):
    stdout, stderr = running.communicate(timeout=300)
    lines = report.read_text("utf-8").splitlines() if report.exists() else []
    return ring.Run(running.returncode, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"), lines)


def check_outside(given, folder):
    """Somebody else kills a rank; stops one and lets it go on."""
    files = Files(folder, operations=4 * OPERATIONS)
    for number in range(given.count):
        for name, signals in (("kill", (signal.SIGKILL,)), ("stop", (signal.SIGSTOP, signal.SIGCONT))):
            before, what = segments(), f"{name} from outside, run {number}"
            running, report = start(given, folder, files.options(), f"{name}{number}")
            # In the mix phase: the first one's record is in the report by then.
            while running.poll() is None and not any('"phase"' in path.read_text("utf-8", "replace")
                                                     for path in folder.glob(f"{report.name}.tmp*")):
                time.sleep(0.02)
            time.sleep(0.3)
            victim = rank_process(given.program, 1 + (3 * number + 2) % (RANKS - 1))
            if ring.expect(victim is not None and running.poll() is None, f"{what}: over before anything was done"):
                os.kill(victim, signals[0])
                if len(signals) > 1:
                    time.sleep(2.5)
                    os.kill(victim, signals[1])
            done = end_of(running, report)
            if expect_survived(done, what) and len(done.phases) == 2:
                faults = done.phases[1]["faults"]
                ring.expect(len(faults) >= 1 and all(not fault["trigger"] for fault in faults), f"{what}: {faults}")
                ring.expect(any((fault["rejoined_ns"] is not None) == (name == "stop") for fault in faults),
                            f"{what}: {faults}")
            expect_clean(given.program, before, what)


def check_transfer(given, folder):
    """Values of 1 MiB: a view change takes long enough to be hit in the middle."""
    files = Files(folder, keys=120, operations=900, value_size=(1 << 20) - 100)
    for number in range(given.count):
        before, what = segments(), f"a kill in the middle of a transfer, run {number}"
        # A rank departs: others get its values; one of those that give or get them is killed right then.
        events = ["--at", "op=100:depart:4", "--at", f"op={101 + 7 * number}:crash:{5 + number % 3}:kill"]
        done = ring.run(given.program, RANKS, files.options(*events, window=4))
        if expect_survived(done, what):
            ring.expect(len(ours(done.phases[1])) == 1, f"{what}: {done.phases[1]['faults']}")
        expect_clean(given.program, before, what)


def check_limits(given, folder):
    files = Files(folder, operations=20000)
    crash = ["--at", "op=5000:crash:3:kill"]
    for more, what in ((["--timeout", 16], "the only copy"), (["--allow-data-loss"], "the only copy, and that is allowed")):
        before = segments()
        done = ring.run(given.program, 4, files.options(*crash, *more, replicas=1, window=4))
        ring.expect(done.status == 4, f"{what}: status {done.status}\n{done.stdout}{done.stderr}")
        ring.expect(done.verdict is not None and done.verdict["exit_status"] == 4, f"{what}: {done.verdict}")
        if done.phases:
            last = done.phases[-1]
            ring.expect(last["verdict"]["lost_arcs"] and last["throughput_per_second"] is None, f"{what}: {last['verdict']}")
        expect_clean(given.program, before, what)
    # mpirun's own status is 0 with recovery, whatever the ranks return.
    what = "a forced wrong answer beside a killed rank"
    done = ring.run(given.program, 5, files.options("--at", "op=5000:crash:3:kill", "--forge", "answer", window=4))
    ring.expect(done.status == 3, f"{what}: status {done.status}\n{done.stdout}{done.stderr}")
    ring.expect("operations/second" not in done.stdout.split("mix")[-1], f"{what}: a throughput was printed")
    for event, words in (("op=10:crash:0", "rank 0"), ("op=10:crash:99", "99"), ("op=10:crash:1:melt", "melt")):
        done = ring.run(given.program, 4, files.options("--at", event))
        ring.expect(done.status == 2 and words in done.stderr, f"{event}: status {done.status}: {done.stderr}")
    done = subprocess.run([str(ring.LAUNCHER), "-n", "4", "--no-recovery", "--", given.program, "run",
                           *map(str, files.options("--at", "op=10:crash:1:kill"))], capture_output=True, check=False)
    ring.expect(done.returncode == 2 and b"--enable-recovery" in done.stderr, f"without recovery: {done.stderr}")


def check_healthy(given, folder):
    """As many rounds of load as fit the time; nobody may be suspected."""
    files = Files(folder, operations=1000000)
    end, rounds = time.monotonic() + given.seconds, 0
    while rounds == 0 or time.monotonic() < end:
        done = ring.run(given.program, RANKS, files.options())
        what = f"healthy, round {rounds}"
        if not expect_survived(done, what):
            return
        for phase in done.phases:
            ring.expect(not phase["faults"] and not phase["changes"], f"{what}: {phase['faults']} {phase['changes']}")
        rounds += 1
    print(f"healthy: {rounds} rounds of 1000000 operations in {given.seconds} s, nobody suspected", flush=True)


def main():
    arguments = ring.parser(__doc__)
    parts = {"kill": check_kind("kill"), "silence": check_kind("silence"), "pause": check_kind("pause=2500ms"),
             "two": check_kind("kill", 2), "outside": check_outside, "transfer": check_transfer, "limits": check_limits,
             "healthy": check_healthy}
    arguments.add_argument("--part", choices=list(parts), action="append", required=True)
    arguments.add_argument("--count", type=int, default=2, help="runs of each kind")
    arguments.add_argument("--over", choices=("shm", "tcp"), default="shm")
    arguments.add_argument("--seconds", type=int, default=20, help="of the healthy run")
    given = arguments.parse_args()
    if given.over == "tcp":
        os.environ.update(OMPI_MCA_pml="ob1", OMPI_MCA_btl="self,tcp")
    for part in given.part:
        with tempfile.TemporaryDirectory() as name:
            parts[part](given, pathlib.Path(name))
    ring.finish()


main()
