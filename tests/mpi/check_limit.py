"""--history-limit: a phase that is judged in segments says what it says when it is judged once, and what is wrong in any
segment is found.

--part same: answers, counts, hops and copies with and without a limit; generated phases, by number and by time;
--part wrong: a falsified answer in every segment that has one, each found, and one in the first, a middle or the last segment alone;
the run goes on, and no throughput is told;
--part faults: ranks that join, leave, fall silent and are killed between and within segments.
"""

import pathlib
import random
import tempfile

import ring

KEYS = 400
OPERATIONS = 6000
LIMIT = 150
COUNTS = ("operation_count", "not_issued_count")


class Files:
    def __init__(self, folder, operations=OPERATIONS):
        draw = random.Random(11)
        self.fill, self.mix = folder / "fill.csv", folder / "mix.csv"
        self.fill.write_text("".join(f"key{i},first{i}\n" for i in range(KEYS)))
        shapes = ("insert,key{},value{}\n", "query,key{}\n", "query,key{}\n", "delete,key{}\n")
        self.mix.write_text("".join(draw.choice(shapes).format(draw.randrange(KEYS), i) for i in range(operations)))

    def options(self, *more):
        return ["--phase", f"insert={self.fill}", "--phase", f"mix={self.mix}", *more]


def segments_of(done):
    return [phase["phase"]["segment_count"] for phase in done.phases]


def expect_segments(done, ranks, what, limit=LIMIT, clients=None):
    """No fewer than the limit says; and not many more, since one rank's full segment ends all."""
    for phase in done.phases:
        share = phase["phase"]["operation_count"] / (clients or ranks)
        segments = phase["phase"]["segment_count"]
        ring.expect(share / limit <= segments <= 3 * share / limit + 2, f"{what}: {segments} segments of {share} operations")
        ring.expect(0 < phase["phase"]["judging_ns"], f"{what}: judging takes time")


def check_same(program, files):
    for mode, consistency, replicas in ring.pairwise({"mode": ("serial", "parallel"), "consistency": ("linearizable", "eventual"),
                                                      "replicas": (1, 3)}):
        given = files.options("--mode", mode, "--window", 8 if mode == "parallel" else 1, "--consistency", consistency, "--replicas", replicas)
        what = f"{mode}, {consistency}, k={replicas}"
        print(what, flush=True)
        whole = ring.run(program, 4, [*given, "--history-limit", 0])
        parts = ring.run(program, 4, [*given, "--history-limit", LIMIT])
        if not (ring.expect_valid(whole, what) and ring.expect_valid(parts, what)):
            continue
        ring.expect(segments_of(whole) == [1, 1], f"{what}: {segments_of(whole)} without a limit")
        expect_segments(parts, 4, what, clients=1 if mode == "serial" else 4)
        for one, many in zip(whole.phases, parts.phases):
            ring.expect(all(one["phase"][name] == many["phase"][name] for name in COUNTS), f"{what}: {many['phase']}")
            ring.expect(one["owner_hops"]["count"] == many["owner_hops"]["count"], f"{what}: hops of all operations")
            if mode == "serial":  # side by side the outcomes are a matter of order
                ring.expect(outcomes(one) == outcomes(many), f"{what}: {outcomes(one)}, {outcomes(many)}")
                ring.expect(one["verdict"]["pair_count"] == many["verdict"]["pair_count"], f"{what}: pairs")
                ring.expect(many["verdict"]["checked_by_model_count"] == one["verdict"]["checked_by_model_count"],
                            f"{what}: the model")


def outcomes(phase):
    return {kind: {name: count for name, count in phase["operations"][kind].items() if name.endswith("count")}
            for kind in ("insert", "query", "delete")}


def check_generated(program):
    for more in (["--operations", 8000], ["--time", "1s"], ["--operations", 4000, "--workload", "f"],
                 ["--operations", 4000, "--workload", "d", "--rate", 20000]):
        done = ring.run(program, 3, ["--records", 500, "--window", 8, "--history-limit", LIMIT, *more], command="bench")
        what = f"bench {ring.describe(more)}"
        print(what, flush=True)
        if ring.expect_valid(done, what):
            measured = done.phases[-1]
            ring.expect(measured["phase"]["segment_count"] > 2, f"{what}: {segments_of(done)}")
            if "--time" in more:
                ring.expect(0.95e9 < measured["phase"]["elapsed_ns"], f"{what}: {measured['phase']['elapsed_ns']} ns")
            elif "f" not in more:
                ring.expect(measured["phase"]["operation_count"] == more[1], f"{what}: {measured['phase']}")


def check_wrong(program, files):
    for forge in ("answer", "stale"):
        for mode in ("serial", "parallel"):
            what = f"{forge}, {mode}"
            print(what, flush=True)
            done = ring.run(program, 4, files.options("--mode", mode, "--history-limit", LIMIT, "--forge", forge))
            ring.expect(done.status == 3, f"{what}: status {done.status}\n{done.stderr}")
            last = done.phases[-1]
            ring.expect(not last["verdict"]["valid"] and last["throughput_per_second"] is None, f"{what}: {last['verdict']}")
            ring.expect("WRONG" in done.stdout, f"{what}: the table doesn't say so")
            # The run went on: all was judged, and what each segment had wrong was found.
            ring.expect(last["verdict"]["judge"]["operation_count"] == last["phase"]["operation_count"], f"{what}: not all judged")
            found = last["verdict"]["wrong_count"]
            # The last segment holds what was left over, be it three deletes: then there was nothing to falsify. And not every
            # segment reads a key twice.
            enough = last["phase"]["segment_count"] - 1 if forge == "answer" else 1
            ring.expect(found >= enough, f"{what}: {found} wrong in {last['phase']['segment_count']} segments")


def check_wrong_once(program, folder):
    """An answer is falsified where there is one with a value: here that is in one segment, and the others are right."""
    segments = 6
    for wrong in (1, 4, segments):
        files = Files(folder, 0)
        asked = range((wrong - 1) * LIMIT, wrong * LIMIT)
        files.mix.write_text("".join(f"query,key{i % KEYS}\n" if i in asked else f"insert,key{i % KEYS},value{i}\n"
                                     for i in range(segments * LIMIT)))
        what = f"an answer of segment {wrong} alone"
        print(what, flush=True)
        done = ring.run(program, 4, files.options("--mode", "serial", "--history-limit", LIMIT, "--forge", "answer"))
        ring.expect(done.status == 3, f"{what}: status {done.status}\n{done.stderr}")
        last = done.phases[-1]
        verdict = last["verdict"]
        ring.expect(last["phase"]["segment_count"] == segments, f"{what}: {segments_of(done)}")
        ring.expect(not verdict["valid"] and verdict["wrong_count"] == 1, f"{what}: {verdict}")
        told = (last["throughput_per_second"], last["phase"]["elapsed_ns"])
        ring.expect(told == (None, None), f"{what}: {last['phase']}")
        ring.expect(("(segment " not in verdict["first_wrong"]) if wrong == 1 else
                    verdict["first_wrong"].endswith(f"(segment {wrong})"), f"{what}: {verdict['first_wrong']}")
        ring.expect(verdict["judge"]["operation_count"] == segments * LIMIT, f"{what}: not all judged")


def check_faults(program, folder):
    files = Files(folder, 120000)
    for fault, consistency in (("crash:3:kill", "linearizable"), ("crash:3:silence", "linearizable"),
                               ("crash:2:pause=700ms", "linearizable"), ("crash:3:kill", "eventual")):
        what = f"{consistency}, {fault}, and a rank that joins and leaves"
        print(what, flush=True)
        history = folder / "history.jsonl"
        done = ring.run(program, 8, files.options(
            "--mode", "parallel", "--window", 8, "--replicas", 3, "--consistency", consistency, "--initial-nodes", 7,
            "--history-limit", 2000,
            "--history", history, "--at", "op=20000:join:7", "--at", f"op=50000:{fault}", "--at", "op=90000:depart:7"))
        if not ring.expect(done.status == 0, f"{what}: status {done.status}\n{done.stdout}{done.stderr}"):
            continue
        phase = done.phases[-1]
        ring.expect(phase["verdict"]["valid"] and phase["verdict"]["copies_valid"], f"{what}: {phase['verdict']}")
        ring.expect(phase["phase"]["segment_count"] > 3, f"{what}: {segments_of(done)}")
        issued = sum(phase["operations"][kind]["count"] for kind in ("insert", "query", "delete"))
        counted = issued + phase["phase"]["not_issued_count"]
        ring.expect(counted == phase["phase"]["operation_count"], f"{what}: {counted} of {phase['phase']}")
        ring.expect(phase["verdict"]["judge"]["operation_count"] == issued, f"{what}: judged {phase['verdict']}")
        told = [entry for entry in phase["faults"] if not entry.get("refused")]
        ring.expect(len(told) == 1, f"{what}: {phase['faults']}")
        for entry in told:
            ring.expect(0 < entry["injected_ns"] < phase["phase"]["elapsed_ns"], f"{what}: {entry}, {phase['phase']}")
        if consistency == "linearizable":
            ring.expect_linearizable(program, history, what)


def check_lost_maker(program, folder):
    """A rank that made its operations itself is killed: its history file has them; only their keys are nowhere."""
    options = ["--records", 2000, "--time", "2s", "--replicas", 3, "--window", 8, "--history-limit", 3000, "--at",
               "500ms:crash:3:kill"]
    for more, status in ([], 0), (["--history", folder / "lost.jsonl"], 1):
        what = f"bench, a rank killed {ring.describe(more[:1])}"
        print(what, flush=True)
        done = ring.run(program, 6, [*options, *more], command="bench")
        ring.expect(done.status == status, f"{what}: status {done.status}\n{done.stdout}{done.stderr}")
        if status == 0:
            phase = done.phases[-1]
            issued = sum(phase["operations"][kind]["count"] for kind in ("insert", "query", "delete"))
            ring.expect(phase["verdict"]["valid"] and phase["verdict"]["judge"]["operation_count"] == issued > 0, f"{what}: {phase}")
        else:
            ring.expect("the keys that rank 3, which is lost, has generated aren't known" in done.stderr, f"{what}: {done.stderr}")


def main():
    arguments = ring.parser(__doc__)
    arguments.add_argument("--part", choices=["same", "wrong", "faults"], required=True)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if given.part == "same":
            check_same(given.program, Files(folder))
            check_generated(given.program)
        elif given.part == "wrong":
            check_wrong(given.program, Files(folder))
            check_wrong_once(given.program, folder)
        else:
            check_faults(given.program, folder)
            check_lost_maker(given.program, folder)
    ring.finish()


main()
