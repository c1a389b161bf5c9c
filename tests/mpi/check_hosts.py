"""Rings over several hosts (hosts.py), whose clocks differ by days: answers, histories in one order of time, members that move
between hosts, and ranks on other hosts than the coordinator's that die, fall silent or pause.

Skipped where hosts can't be made; no host itself is lost: mpirun ends the job then.
"""

import pathlib
import random
import sys
import tempfile
import time

import hosts
import ring

SLOTS = {"alpha": 2, "beta": 2, "gamma": 2}
RANKS = sum(SLOTS.values())
OPERATIONS = 3000
# What the hosts can't know: they have the same cores.
SHARED_CORES = ("--waiting", "yield")


class Ring:
    def __init__(self, program, folder, made):
        draw = random.Random(5)
        self.program, self.folder, self.hosts = program, folder, made
        self.history = folder / "history.jsonl"
        self.fill, self.mix = folder / "fill.csv", folder / "mix.csv"
        self.fill.write_text("".join(f"key{i},first{i}\n" for i in range(300)))
        shapes = ("insert,key{},value{}\n", "query,key{}\n", "query,key{}\n", "delete,key{}\n")
        self.mix.write_text("".join(draw.choice(shapes).format(draw.randrange(300), i) for i in range(OPERATIONS)))

    def run(self, what, *options, status=0):
        print(what, flush=True)
        done = ring.run(self.program, RANKS, [
            "--phase", f"insert={self.fill}", "--phase", f"mix={self.mix}", "--mode", "parallel", "--window", 8,
            "--replicas", 3, *SHARED_CORES, "--history", self.history, *options], job=self.hosts.job(SLOTS))
        ring.expect(done.status == status, f"{what}: status {done.status}\n{done.stdout}{done.stderr}")
        self.expect_clean(what)
        return done

    def expect_clean(self, what):
        end = time.monotonic() + 20
        while any(self.left()) and time.monotonic() < end:
            time.sleep(0.05)
        ring.expect(not any(self.left()), f"{what}: left on the hosts: {self.left()}")

    def left(self):
        return [entry for name in SLOTS for entry in (self.hosts.processes(name) if name != "alpha" else []) + self.hosts.shared_memory(name)]

    def expect_survived(self, done, what):
        for phase in done.phases:
            verdict = phase["verdict"]
            ring.expect(verdict["valid"] and verdict["copies_valid"], f"{what}: {verdict}")
            issued = sum(phase["operations"][kind]["count"] for kind in ("insert", "query", "delete"))
            ring.expect(verdict["judge"]["operation_count"] == issued > 0, f"{what}: {issued} issued, {verdict['judge']}")
            ring.expect(issued + phase["phase"]["not_issued_count"] == phase["phase"]["operation_count"], f"{what}: {phase['phase']}")
            self.expect_timeline(phase, what)
        ring.expect_linearizable(self.program, self.history, what)

    @staticmethod
    def expect_timeline(phase, what):
        """All answers are where they belong, on whatever host they came."""
        timeline = phase["timeline"]
        if timeline is not None:
            answered = phase["phase"]["operation_count"] - phase["phase"]["not_issued_count"] - sum(
                told["unknown"] for told in phase["operations"].values() if isinstance(told, dict))
            counts, width = timeline["answered_counts"], timeline["slice_ns"]
            # When lost clients had their answers, nobody knows.
            ring.expect(0 < sum(counts) <= answered, f"{what}: {sum(counts)} of {answered} answers in the timeline")
            ring.expect((len(counts) - 1) * width <= phase["phase"]["elapsed_ns"], f"{what}: {len(counts)} slices of {width} ns")


def check_answers(over):
    what = "three hosts"
    done = over.run(what)
    if ring.expect_valid(done, what):
        places = [rank["host"] for rank in done.phases[0]["ranks"]]
        ring.expect(places == [name for name, count in SLOTS.items() for _ in range(count)], f"{what}: {places}")
        ring.expect("6 ranks on 3 hosts" in done.stdout and "the hosts' clocks agree within" in done.stdout, done.stdout)
        # Clocks a day apart, put right: an operation takes no day, and none is over before it began.
        for phase in done.phases:
            for kind, told in phase["latency_ns"].items():
                ring.expect(told["count"] == 0 or 0 < told["min"] <= told["max"] < 300e9, f"{what}: {kind}: {told}")
        ring.expect_linearizable(over.program, over.history, what)


def check_wrong(over):
    for forge in ("answer", "stale"):
        done = over.run(f"an answer falsified: {forge}", "--forge", forge, status=3)
        ring.expect(done.phases[-1]["throughput_per_second"] is None, f"{forge}: {done.phases[-1]}")


def check_members(over):
    what = "a node of another host joins, another one leaves"
    done = over.run(what, "--initial-nodes", 5, "--at", "op=500:join:5", "--at", "op=1500:depart:2")
    over.expect_survived(done, what)
    ring.expect(len(done.phases[-1]["changes"]) == 2, f"{what}: {done.phases[-1]['changes']}")


def check_faults(over):
    for fault in ("kill", "silence", "pause=700ms"):
        for rank, where in ((1, "the coordinator's host"), (4, "another host")):
            what = f"{fault} on {where}"
            done = over.run(what, "--at", f"op=1000:crash:{rank}:{fault}")
            over.expect_survived(done, what)
            faults = [entry for entry in done.phases[-1]["faults"] if not entry["refused"] and entry["trigger"]]
            ring.expect([entry["rank"] for entry in faults] == [rank], f"{what}: {faults}")
            for entry in faults:
                ring.expect(entry["detected_after_ns"] is not None and entry["writable_after_ns"] is not None, f"{what}: {entry}")
                ring.expect((entry["rejoined_ns"] is not None) == fault.startswith("pause"), f"{what}: {entry}")


def main():
    given = ring.parser(__doc__).parse_args()
    reason = hosts.missing()
    if reason is not None:
        print(f"skipped: {reason}")
        sys.exit(ring.SKIPPED)
    with tempfile.TemporaryDirectory() as name, hosts.Hosts(list(SLOTS), name) as made:
        folder = pathlib.Path(name) / "work"
        folder.mkdir()
        over = Ring(given.program, folder, made)
        check_answers(over)
        check_wrong(over)
        check_members(over)
        check_faults(over)
    ring.finish()


main()
