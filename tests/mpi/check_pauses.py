"""Ranks that stop for a while. Without a failure detector nothing is left out, every answer is right, and the report tells
when, and what it did to operations and throughput. With one, who stops for long is left out and comes back, and all of that is
told. Histories that outlive their ranks leave no file behind."""

import pathlib
import random
import tempfile

import ring

RANKS = 5
KEYS = 2000
OPERATIONS = 30000
WINDOW = 4
MS = 1000000


def write_files(folder):
    draw = random.Random(1)
    (folder / "fill.csv").write_text("".join(f"key{i},first {i}\n" for i in range(KEYS)))
    (folder / "mix.csv").write_text("".join(
        f"insert,key{draw.randrange(KEYS)},value {i}\n" if i % 2 else f"query,key{draw.randrange(KEYS)}\n"
        for i in range(OPERATIONS)))
    return ["--phase", f"insert={folder / 'fill.csv'}", "--phase", f"mix={folder / 'mix.csv'}", "--mode", "parallel",
            "--window", WINDOW, "--replicas", 3]


def check_fault(phase, fault, rank, pause_ms, what):
    elapsed = phase["phase"]["elapsed_ns"]
    end = fault["injected_ns"] + pause_ms * MS
    ring.expect(fault["rank"] == rank and fault["kind"] == "pause" and fault["pause_ns"] == pause_ms * MS, f"{what}: {fault}")
    ring.expect(fault["name"].endswith(f":{rank}") and not fault["refused"], f"{what}: {fault}")
    # nobody looks for silent ranks
    for name in ("detected_ns", "committed_ns", "heard_again_ns", "detected_after_ns", "writable_after_ns", "epoch"):
        ring.expect(fault[name] is None, f"{what}: {name}: {fault[name]}")
    ring.expect(fault["excluded_node_count"] == 0 and not fault["false_suspicion"], f"{what}: {fault}")
    # it had most of its list before it, and could not go on earlier
    ring.expect(end <= elapsed, f"{what}: paused until {end}, but all was over after {elapsed}")
    ring.expect(1 <= fault["waited_operation_count"] <= RANKS * WINDOW, f"{what}: {fault['waited_operation_count']} waited")
    ring.expect(fault["unknown_operation_count"] == 0, f"{what}: unknown operations")
    start = max(fault["injected_ns"] - 500 * MS, 0)
    slices = -(-(min(end + 1000 * MS, elapsed) - start) // (100 * MS))
    rates = fault["throughput_per_100_ms_per_second"]
    ring.expect(fault["throughput_start_ns"] == start and len(rates) == slices, f"{what}: {len(rates)} slices, not {slices}")
    ring.expect(all(rate >= 0 for rate in rates) and sum(rates) > 0, f"{what}: {rates}")


def check_runs(program, folder):
    histories = folder / "histories"
    histories.mkdir()
    options = write_files(folder) + ["--suspect-after", "never", "--repetitions", 2, "--history-dir", histories, "--at", "op=500:crash:3:pause=300ms",
                                     "--at", "op=501:crash:1:pause=20ms", "--at", "500s:crash:2"]
    done = ring.run(program, RANKS, options)
    if not ring.expect_valid(done, "pauses"):
        return
    ring.expect("Faults: 2, and 1 refused" in done.stdout, f"the table:\n{done.stdout}")
    ring.expect(not list(histories.iterdir()), f"left behind: {list(histories.iterdir())}")
    fills, mixes = done.phases[0::2], done.phases[1::2]
    ring.expect([phase["faults"] for phase in fills] == [[], []], "faults in the other phase")
    for number, phase in enumerate(mixes):
        made = {fault["rank"]: fault for fault in phase["faults"] if not fault["refused"]}
        refused = [fault for fault in phase["faults"] if fault["refused"]]
        if ring.expect(set(made) == {1, 3} and len(refused) == 1, f"repetition {number}: {phase['faults']}"):
            check_fault(phase, made[3], 3, 300, f"repetition {number}, the long pause")
            check_fault(phase, made[1], 1, 20, f"repetition {number}, the short pause")
            ring.expect(refused[0]["refusal_reason"] == "the phase was over" and refused[0]["trigger"] == "500s:crash:2",
                        f"repetition {number}: {refused}")
        ring.expect(not phase["changes"] and phase["phase"]["not_issued_count"] == 0, f"repetition {number}: changes")
        ring.expect(phase["timeline"] is not None, f"repetition {number}: no timeline")
    faults = [summary["faults"] for summary in done.summaries]
    ring.expect([f["count"] for f in faults] == [0, 4], f"the summary: {faults}")
    ring.expect(faults[1]["detected_after_ns"] == {"count": 0, "median": None, "max": None}, f"the summary: {faults}")


def check_detected(program, folder):
    """A pause that is much longer than any patience. On a machine that is busy others may be suspected, too."""
    what = "a pause that is noticed"
    done = ring.run(program, RANKS, write_files(folder) + ["--suspect-after", "300ms", "--at", "op=500:crash:3:pause=4s"])
    if not ring.expect_valid(done, what):
        return
    phase = done.phases[1]
    faults = [fault for fault in phase["faults"] if fault["trigger"] == "op=500:crash:3:pause=4s"]
    if not ring.expect(len(faults) == 1, f"{what}: {phase['faults']}"):
        return
    fault = faults[0]
    ring.expect(fault["injected_ns"] < fault["detected_ns"] <= fault["committed_ns"] < fault["rejoined_ns"], f"{what}: {fault}")
    ring.expect(fault["heard_last_ns"] < fault["detected_ns"] < fault["heard_again_ns"], f"{what}: {fault}")
    ring.expect(fault["false_suspicion"] and fault["excluded_node_count"] == fault["rejoined_node_count"] == 1, f"{what}: {fault}")
    ring.expect(fault["detected_after_ns"] == fault["detected_ns"] - fault["injected_ns"], f"{what}: {fault}")
    ring.expect(fault["writable_after_ns"] == fault["copies_after_ns"] == fault["committed_ns"] - fault["injected_ns"],
                f"{what}: {fault}")
    ring.expect(fault["copied_pair_count"] > 0 and fault["wedged_ns_max"] > 0, f"{what}: {fault}")
    changes = {change["epoch"]: change for change in phase["changes"]}
    members = changes[fault["epoch"]]["members"]
    ring.expect({"exclude": 3} in [{one["change"]: one["rank"]} for one in members], f"{what}: {members}")
    times = done.summaries[1]["faults"]
    ring.expect(times["count"] == len(phase["faults"]) and times["detected_after_ns"]["count"] >= 1, f"{what}: {times}")


def check_evidence_changes_nothing(program, folder):
    """The same serial run with histories in files and on the heap: the same answers, hop by hop."""
    seen = []
    for more in ([], ["--history-dir", folder]):
        done = ring.run(program, 3, ring.shipped("insert", "mix") + more)
        if ring.expect_valid(done, f"serial {more}"):
            seen.append([(phase["operations"], phase["owner_hops"]["histogram"], phase["verdict"]["checked_by_model_count"])
                         for phase in done.phases])
    for operations in seen:
        for phase in operations:
            for kind in phase[0].values():
                kind.pop("throughput_per_second", None)
    ring.expect(len(seen) == 2 and seen[0] == seen[1], f"{seen}")


def main():
    given = ring.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        check_runs(given.program, pathlib.Path(name))
        check_detected(given.program, pathlib.Path(name))
        check_evidence_changes_nothing(given.program, pathlib.Path(name))
    ring.finish()


main()
