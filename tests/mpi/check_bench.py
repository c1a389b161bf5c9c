"""Generated workloads on real rings: every mix and distribution, both consistencies, closed and open loop, and that nothing
is published of wrong answers."""

import collections
import json
import pathlib
import tempfile

import ring

SMALL = ["--records", 500, "--value-size", 60, "--window", 4]
YCSB = {"a": {"read": 50, "update": 50}, "b": {"read": 95, "update": 5}, "c": {"read": 100},
        "d": {"read": 95, "insert": 5}, "f": {"read": 50, "read-modify-write": 50}}
ACTIONS = ("read", "update", "insert", "delete", "read-modify-write")


def bench(program, ranks, options, **more):
    return ring.run(program, ranks, SMALL + options, command="bench", **more)


def count(action):
    return action["present_count"] + action["absent_count"] + action["unknown_count"]


def expect_share(part, whole, percent, what):
    """Within five standard deviations: the seed is fixed, but not which rank draws for how long where there is a time."""
    deviation = (whole * percent / 100 * (1 - percent / 100)) ** 0.5
    ring.expect(abs(part - whole * percent / 100) <= 5 * deviation, f"{what}: {part} of {whole} isn't {percent} %")


def check_load(phase, what):
    made = phase["generated"]
    ring.expect(phase["phase"]["type"] == "insert" and made["loads"] and made["distribution"] is None, f"{what}: {made}")
    ring.expect(phase["operations"]["insert"]["inserted"] == made["record_count"] == 500, f"{what}: {phase['operations']}")
    ring.expect(phase["verdict"]["pair_count"] == 500, f"{what}: {phase['verdict']}")


def check_mix(phase, shares, operations, what):
    """Each action as often as the mix says; the ring's operations are its parts."""
    made = phase["generated"]
    actions = made["actions"]
    counts = {name: count(actions[name]) for name in ACTIONS}
    both = counts["read-modify-write"]
    ring.expect(made["mix_percent"] == {name: shares.get(name, 0) for name in ACTIONS}, f"{what}: {made['mix_percent']}")
    ring.expect(made["operation_count"] == operations, f"{what}: {made['operation_count']} operations")
    ring.expect(phase["phase"]["operation_count"] == operations + both, f"{what}: {phase['phase']}")
    expect_share(counts["read"] - both, operations, shares.get("read", 0), f"{what}: reads")
    expect_share(counts["update"] - both, operations, shares.get("update", 0), f"{what}: updates")
    for name in ("insert", "delete", "read-modify-write"):
        expect_share(counts[name], operations, shares.get(name, 0), f"{what}: {name}")
    for name in ACTIONS:
        latency = actions[name]["latency_ns"]
        ring.expect(latency["count"] == counts[name] and actions[name]["intended_latency_ns"] is None, f"{what}: {latency}")
    if "delete" not in shares:
        absent = {name: actions[name]["absent_count"] for name in ACTIONS if name != "insert"}
        ring.expect(not any(absent.values()), f"{what}: drawn and not there: {absent}")
    ring.expect((made["lag_records"] is not None) == (made["distribution"] == "latest"), f"{what}: {made['lag_records']}")


def check_mixes(program):
    for number, (workload, shares) in enumerate(YCSB.items()):
        for consistency in ("linearizable", "eventual"):
            what = f"workload {workload}, {consistency}"
            print(what, flush=True)
            done = bench(program, 2 + number % 3, ["--workload", workload, "--operations", 3000, "--replicas", 2,
                                                   "--consistency", consistency])
            if ring.expect_valid(done, what) and ring.expect(len(done.phases) == 2, f"{what}: {len(done.phases)} phases"):
                check_load(done.phases[0], what)
                check_mix(done.phases[1], shares, 3000, what)
                made = done.phases[1]["generated"]
                ring.expect(made["workload"] == workload, f"{what}: {made['workload']}")
                ring.expect(made["distribution"] == ("latest" if workload == "d" else "scrambled"), f"{what}: {made}")
                inserted = count(made["actions"]["insert"])
                ring.expect(done.phases[1]["verdict"]["pair_count"] == 500 + inserted, f"{what}: pairs")
    done = bench(program, 1, ["--workload", "d", "--operations", 2000])
    if ring.expect_valid(done, "one rank"):
        check_mix(done.phases[1], YCSB["d"], 2000, "one rank")


def check_deletes(program):
    shares = {"read": 40, "delete": 25, "update": 35}
    for consistency in ("linearizable", "eventual"):
        what = f"deletes, {consistency}"
        done = bench(program, 3, ["--read", 40, "--delete", 25, "--operations", 4000, "--replicas", 3,
                                  "--distribution", "uniform", "--virtual-nodes", 2, "--consistency", consistency])
        if ring.expect_valid(done, what):
            check_mix(done.phases[1], shares, 4000, what)
            ring.expect(done.phases[1]["generated"]["workload"] is None, f"{what}: it has no name")
            ring.expect(done.phases[1]["generated"]["actions"]["read"]["absent_count"] > 100, f"{what}: nothing was deleted")


def check_repetitions(program):
    done = bench(program, 3, ["--workload", "d", "--operations", 1000, "--warmup", 300, "--repetitions", 3, "--ycsb"])
    if not ring.expect_valid(done, "repetitions"):
        return
    told = [(phase["phase"]["type"], phase["phase"]["repetition"]) for phase in done.phases]
    ring.expect(told == [("insert", 1), ("mix", 1), ("mix", 2), ("mix", 3)], f"repetitions: {told}")
    pairs = [phase["verdict"]["pair_count"] for phase in done.phases]
    inserted = [count(phase["generated"]["actions"]["insert"]) for phase in done.phases[1:]]
    ring.expect(pairs[1] > 500 + inserted[0], "repetitions: the warm-up has inserted, too")
    ring.expect([pairs[1] + inserted[1], pairs[1] + inserted[1] + inserted[2]] == pairs[2:], f"repetitions: {pairs} {inserted}")
    ring.expect([row["repetitions"] for row in done.summaries] == [1, 3], f"repetitions: {done.summaries}")
    ring.expect(done.stdout.count("[OVERALL], Throughput(ops/sec), ") == 4, "repetitions: YCSB's lines")


def check_ycsb(program):
    done = bench(program, 2, ["--workload", "f", "--operations", 1000, "--ycsb", "--quiet"])
    if not ring.expect_valid(done, "YCSB's lines"):
        return
    lines = [line.split(", ") for line in done.stdout.split("\n") if line]
    ring.expect(all(len(line) == 3 and line[0][0] == "[" for line in lines), f"YCSB's lines: {done.stdout}")
    told = {(line[0], line[1]): float(line[2]) for line in lines}
    made = done.phases[1]["generated"]
    ring.expect(abs(told["[OVERALL]", "Throughput(ops/sec)"] - made["operations_per_second"]) < 0.01, f"{told}")
    ring.expect(told["[READ]", "Operations"] == told["[READ]", "Return=OK"] == 1000, f"{told}")
    for name in ("read", "update", "read-modify-write"):
        latency = made["actions"][name]["latency_ns"]
        section = f"[{name.upper()}]"
        ring.expect(told[section, "Operations"] == latency["count"], f"{section}: {told}")
        ring.expect(abs(told[section, "AverageLatency(us)"] - latency["mean"] / 1000) < 0.01, f"{section}: {told}")
        ring.expect(abs(told[section, "99thPercentileLatency(us)"] - latency["p99"] / 1000) < 0.01, f"{section}: {told}")
        ring.expect(told[section, "MinLatency(us)"] <= told[section, "95thPercentileLatency(us)"]
                    <= told[section, "MaxLatency(us)"], f"{section}: {told}")
    ring.expect(told["[READ-MODIFY-WRITE]", "MinLatency(us)"] >= told["[READ]", "MinLatency(us)"]
                + told["[UPDATE]", "MinLatency(us)"], f"both are longer than each: {told}")


def check_time(program):
    done = bench(program, 3, ["--time", "300ms", "--warmup", "50ms"])
    if ring.expect_valid(done, "time"):
        phase = done.phases[1]
        ring.expect(phase["phase"]["elapsed_ns"] >= 290e6, f"time: {phase['phase']}")
        check_mix(phase, YCSB["a"], phase["generated"]["operation_count"], "time")
        ring.expect(phase["generated"]["time_ns"] == 300e6 and phase["generated"]["operation_count_asked"] is None, "time")
    done = bench(program, 3, ["--time", "60s", "--operations", 600])
    if ring.expect_valid(done, "time and operations"):
        ring.expect(done.phases[1]["generated"]["operation_count"] == 600, "time and operations: whichever is over first")


def check_open_loop(program):
    done = bench(program, 3, ["--rate", 3000, "--operations", 1500, "--workload", "f", "--warmup", 30, "--ycsb"])
    if ring.expect_valid(done, "open loop"):
        made = done.phases[1]["generated"]
        ring.expect(made["operation_count"] == 1500 and made["rate_per_second"] == 3000, f"open loop: {made}")
        # The last operation of the last rank is due 499.67 ms after the start.
        ring.expect(done.phases[1]["phase"]["elapsed_ns"] >= 499e6, f"open loop: {done.phases[1]['phase']}")
        for name in ("read", "update", "read-modify-write"):
            issue, due = made["actions"][name]["latency_ns"], made["actions"][name]["intended_latency_ns"]
            ring.expect(issue["count"] == due["count"] > 0, f"open loop: {name}")
            for figure in ("mean", "min", "max"):
                ring.expect(due[figure] >= issue[figure], f"open loop: {name}: {figure} {due[figure]} {issue[figure]}")
        ring.expect("[Intended-READ-MODIFY-WRITE], AverageLatency(us), " in done.stdout, "open loop: YCSB's lines")
        ring.expect(done.phases[0]["generated"]["rate_per_second"] is None, "open loop: records are loaded at once")


def check_omission(program):
    """A rank stands still for 400 ms: what was due meanwhile waits as long, and only the intended start tells."""
    done = bench(program, 3, ["--rate", 1000, "--time", "1s", "--workload", "c", "--suspect-after", "10s",
                              "--at", "200ms:crash:1:pause=400ms"])
    if ring.expect_valid(done, "a pause"):
        made = done.phases[1]["generated"]
        ring.expect(made["due_count"] == 1000 >= made["operation_count"] > 900, f"a pause: {made['operation_count']}")
        read = made["actions"]["read"]
        late = sum(n for lower, _, n in read["intended_latency_ns"]["buckets"] if lower >= 100e6)
        told = sum(n for lower, _, n in read["latency_ns"]["buckets"] if lower >= 100e6)
        ring.expect(read["intended_latency_ns"]["max"] >= 350e6, "a pause: it isn't in the latency from the intended start")
        # A third of 1,000 a second was due in each of the first 300 ms; under way are 4 a rank at most.
        ring.expect(late >= 90 and told <= 3 * 4, f"a pause: {late} late by the intended start, {told} by the issue")


def check_draws(program):
    """Every rank draws from the whole distribution: what is hot is the same key for all."""
    for distribution, hottest in (("zipfian", 14.4), ("scrambled", 3.8)):  # of 500 records: 1/zeta(500); more may hash to it
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "h.jsonl"
            done = bench(program, 3, ["--workload", "c", "--operations", 30000, "--distribution", distribution,
                                      "--history", path, "--seed", 3])
            if not ring.expect_valid(done, distribution):
                continue
            keys = collections.defaultdict(collections.Counter)
            for line in path.read_text().splitlines():
                record = json.loads(line)
                if record.get("phase") == 2:
                    keys[record["client"]][record["key"]] += 1
            ring.expect_linearizable(program, path, distribution)
        total = sum(keys.values(), collections.Counter())
        first, often = total.most_common(1)[0]
        ring.expect(len(keys) == 3, f"{distribution}: clients {list(keys)}")
        ring.expect(hottest - 1 < often / 300 < hottest + 1.5, f"{distribution}: the hottest has {often / 300} %")
        for rank, counted in keys.items():
            ring.expect(counted.most_common(1)[0][0] == first, f"{distribution}: rank {rank} has another hottest key")


def check_faults(program):
    """A rank falls silent while operations are generated: what its client did is judged by its history."""
    for kind in ("silence", "kill"):
        done = bench(program, 4, ["--replicas", 3, "--operations", 20000, "--at", f"op=4000:crash:2:{kind}"])
        ring.expect(done.status == 0, f"{kind}: {done.status} {done.stdout}{done.stderr}")
        ring.expect(done.phases and done.phases[-1]["verdict"]["valid"], f"{kind}: {done.stderr}")


def check_controls(program):
    for kind in ("answer", "stale", "lose"):
        done = bench(program, 3, ["--operations", 1000, "--forge", kind, "--ycsb"])
        what = f"falsified {kind}"
        ring.expect(done.status == 3, f"{what}: status {done.status} {done.stderr}")
        wrong = [phase for phase in done.phases if not phase["verdict"]["valid"]]
        ring.expect(len(wrong) == 1 and done.phases[-1] is wrong[0], f"{what}: {len(wrong)} wrong phases")
        ring.expect(wrong[0]["throughput_per_second"] is None, f"{what}: a throughput")
        ring.expect(wrong[0]["generated"]["operations_per_second"] is None, f"{what}: operations a second")
        ring.expect(all(action["latency_ns"] is None for action in wrong[0]["generated"]["actions"].values()), f"{what}: a latency")
        ring.expect(done.stdout.count("[OVERALL]") == 2 * (len(done.phases) - 1), f"{what}: YCSB's lines:\n{done.stdout}")


def check_errors(program):
    cases = [(["--workload", "e"], ["scans", "a, b, c, d or f"]),
             (["--workload", "A"], ["a, b, c, d or f"]),
             (["--read", 90, "--delete", 20], ["more than 100"]),
             (["--workload", "b", "--delete", 20], ["leave out"]),
             (["--rate", "fast"], ["--rate", "1 to"]),
             (["--time", "10"], ["--time", "1.5s"]),
             (["--mode", "serial"], ["unknown option '--mode'"]),
             (["--at", "op=5:crash:7"], ["no rank 7"]),
             (["--operation", 10], ["--operations"])]
    for options, words in cases:
        done = bench(program, 2, options, report=False)
        lines = done.stderr.strip().splitlines()
        ring.expect(done.status == 2 and len(lines) == 1, f"{options}: {done.status} {done.stderr}")
        for word in words:
            ring.expect(word in done.stderr, f"{options}: '{word}' isn't in {done.stderr}")


def main():
    arguments = ring.parser(__doc__)
    parts = {"mixes": [check_mixes, check_deletes], "loops": [check_time, check_open_loop, check_omission],
             "report": [check_repetitions, check_ycsb, check_draws], "wrong": [check_controls, check_errors, check_faults]}
    arguments.add_argument("--part", choices=parts, required=True)
    given = arguments.parse_args()
    for check in parts[given.part]:
        check(given.program)
    ring.finish()


main()
