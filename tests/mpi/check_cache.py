"""Location caches on real rings: uniform load in parallel, --cache 64 against this ring's own expectation without
one; and while nodes join, depart and crash, which makes entries stale. Every answer is judged, as ever."""

import pathlib
import random
import tempfile

import ring

RANKS = 10
KEYS = 5000
OPERATIONS = 40000


def write_workloads(folder):
    draw = random.Random(1)
    insert = folder / "insert.csv"
    mix = folder / "mix.csv"
    insert.write_text("".join(f"key{i},value{i}\n" for i in range(KEYS)))
    mix.write_text("".join(f"insert,key{draw.randrange(KEYS)},v{i}\n" if i % 2 else f"query,key{draw.randrange(KEYS)}\n"
                           for i in range(OPERATIONS)))
    return ["--phase", f"insert={insert}", "--phase", f"mix={mix}", "--mode", "parallel", "--window", 16,
            "--replicas", 3]


def check_counts(phase, what):
    """What the table and the record say of shortcuts adds up. Returns the caches' part of the record."""
    cache = phase["cache"]
    by_shortcut = cache["owner_hops_by_shortcut"]
    counts = {name: hops["count"] for name, hops in by_shortcut.items()}
    ring.expect(sum(counts.values()) == phase["owner_hops"]["count"], f"{what}: {counts}")
    ring.expect(cache["lookup_count"] == cache["hit_count"] + cache["miss_count"], f"{what}: {cache}")
    ring.expect(phase["owner_hops"]["expected_mean"] is None, f"{what}: there is no expectation with a cache")
    if counts["stale"] > 0:
        ring.expect(by_shortcut["stale"]["histogram"][:2] == [0, 0], f"{what}: what is stale costs a forward")
    print(f"{what}: mean {phase['owner_hops']['mean']:.3f} owner_hops, {counts}", flush=True)
    return cache


def check_calm(program, options):
    plain = ring.run(program, RANKS, options)
    cached = ring.run(program, RANKS, options + ["--cache", 64])
    small = ring.run(program, RANKS, options + ["--cache", 1])
    if not (ring.expect_valid(plain, "no cache") and ring.expect_valid(cached, "64 owners")
            and ring.expect_valid(small, "one owner")):
        return
    ring.expect(all(phase["cache"] is None for phase in plain.phases), "without --cache there is nothing to tell of it")
    expected = plain.phases[1]["owner_hops"]["expected_mean"]
    hops = cached.phases[1]["owner_hops"]
    cache = check_counts(cached.phases[1], "64 owners")
    # All owners are known by then: one hop, or none for what the entry node owns.
    ring.expect(hops["mean"] < 0.6 * expected, f"mean {hops['mean']}, expected without a cache {expected}")
    ring.expect(len(hops["histogram"]) == 2, f"64 owners: {hops['histogram']}")
    ring.expect(cache["owner_hops_by_shortcut"]["stale"]["count"] == 0, "stale entries on a ring that didn't change")
    ring.expect(cache["evicted_count"] == 0, f"64 owners: {cache['evicted_count']} evicted of {RANKS}")
    cache = check_counts(small.phases[1], "one owner")
    ring.expect(0 < cache["evicted_count"] and cache["entry_count"] <= RANKS, f"one owner: {cache}")
    ring.expect(small.phases[1]["owner_hops"]["mean"] < expected, "one owner is better than none")


def check_changes(program, options):
    events = [f"--at=op={at}:{what}" for at, what in
              ((4000, "join:8"), (9000, "depart:2"), (14000, "join:9"), (20000, "crash:4:silence"), (30000, "join:2"))]
    done = ring.run(program, RANKS, options + ["--cache", 64, "--initial-nodes", 8, "--suspect-after", "1s"] + events)
    if not ring.expect(done.status == 0, f"changes: status {done.status}\n{done.stdout}{done.stderr}"):
        return
    phase = done.phases[1]
    verdict = phase["verdict"]
    ring.expect(verdict["valid"] and verdict["copies_valid"], f"changes: {verdict}")
    ring.expect(not any(change["refused"] for change in phase["changes"]), f"changes: {phase['changes']}")
    ring.expect(len(phase["faults"]) == 1, f"changes: {phase['faults']}")
    cache = check_counts(phase, "changes")
    ring.expect(cache["stale_count"] > 0 and cache["owner_hops_by_shortcut"]["stale"]["count"] > 0,
                f"changes: no entry was ever stale: {cache}")
    ring.expect(cache["replaced_count"] > 0 and cache["forgotten_count"] > 0, f"changes: {cache}")


def main():
    given = ring.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options = write_workloads(pathlib.Path(folder))
        check_calm(given.program, options)
        check_changes(given.program, options)
    ring.finish()


main()
