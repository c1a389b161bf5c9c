"""Nodes that join and depart while operations flow: right answers and copies, every change recorded, as many pairs moved
as the ids and the keys say, refusals with their reasons.

--part random: joins and departs at random moments (seeded) under parallel load, for combinations of settings such that
               every pair of values of two settings occurs;
--part shapes: a ring that grows from one node to all and shrinks to one again; rank 0's node leaves and comes back;
               whole ranks of several nodes; changes at times, by names, in another phase, while keys come and go;
               repetitions, each of which begins with the initial nodes;
--part refusals: what can't be done is told with its reason, and the run is valid;
--part many: the acceptance run: 50 changes in one run of 10 ranks, k = 3, linearizable, updates and queries in parallel.
"""

import pathlib
import random
import tempfile

import ring

KEYS = 3000
SETTINGS = {
    "ranks": [8, 10],
    "--replicas": [1, 2, 3, 5],
    "--virtual-nodes": [1, 3],
    "--consistency": ["linearizable", "eventual"],
    "--window": [1, 16],
    "--routing": ["finger", "onehop"],
}


class Files:
    """Generated workloads: `fill` inserts the keys, `mix` updates and queries them and so adds and removes none, `churn`
    also deletes."""

    def __init__(self, folder, keys, operations, seed):
        folder.mkdir(exist_ok=True)
        draw = random.Random(seed)
        self.operations = operations
        self.fill, self.mix, self.churn = folder / "fill.csv", folder / "mix.csv", folder / "churn.csv"
        self.fill.write_text("".join(f"key{i},first {i}\n" for i in range(keys)))
        with self.mix.open("w") as mix, self.churn.open("w") as churn:
            for i in range(operations):
                key, kind = f"key{draw.randrange(keys)}", draw.random()
                update = f"insert,{key},value {i}\n"
                mix.write(update if kind < 0.5 else f"query,{key}\n")
                churn.write(update if kind < 0.3 else f"delete,{key}\n" if kind < 0.5 else f"query,{key}\n")

    def phases(self, second="mix", mode="parallel"):
        return ["--phase", f"insert={self.fill}", "--phase", f"mix={getattr(self, second)}", "--mode", mode]


def event(when, what, node):
    return ["--at", f"{when}:{what}:{node}"]


def made(phase):
    return [change for change in phase["changes"] if not change["refused"]]


def refused(phase):
    return {change["trigger"]: change["refusal_reason"] for change in phase["changes"] if change["refused"]}


def members_after(phase, members):
    """The set of (rank, virtual node) that the recorded changes leave, checked step by step."""
    for change in sorted(made(phase), key=lambda change: change["epoch"]):
        for one in change["members"]:
            address = (one["rank"], one["virtual_node"])
            joins = one["change"] == "join"
            ring.expect((address in members) != joins, f"{change['trigger']}: {one['name']}: {one['change']}")
            members = members | {address} if joins else members - {address}
    return members


def check_nodes(phase, members, ranks, virtual, replicas, what):
    """Who is in the ring, what it holds, and that the others hold nothing."""
    nodes = phase["nodes"]
    ring.expect(len(nodes) == ranks * virtual, f"{what}: {len(nodes)} nodes")
    found = {(n["rank"], n["virtual_node"]) for n in nodes if n["state"] == "member"}
    ring.expect(found == members, f"{what}: members {sorted(found)}, by the changes {sorted(members)}")
    copies = min(replicas, len({rank for rank, _ in members}))
    pairs = phase["verdict"]["pair_count"]
    ring.expect(phase["verdict"]["copies_per_pair"] == copies, f"{what}: {phase['verdict']['copies_per_pair']} copies")
    ring.expect(sum(n["owned_pair_count"] for n in nodes) == pairs, f"{what}: owned pairs")
    ring.expect(sum(n["owned_pair_count"] + n["replica_pair_count"] for n in nodes) == pairs * copies, f"{what}: copies")
    for node in nodes:
        if node["state"] == "spare":
            ring.expect(node["owned_pair_count"] + node["replica_pair_count"] == 0, f"{what}: a spare holds pairs: {node}")
    counts = [sum((rank, v) in members for v in range(virtual)) for rank in range(ranks)]
    ring.expect([r["member_count"] for r in phase["ranks"]] == counts, f"{what}: the ranks' members")


def check_changes(phase, what, exact=True):
    """The figures of each change are whole, and what was moved is what had to be."""
    for change in made(phase):
        name = f"{what}: {change['trigger']} of epoch {change['epoch']}"
        ring.expect(change["settled"] and change["settled_epoch"] >= change["epoch"], f"{name}: not settled")
        ring.expect(change["attempt_count"] == 1 and change["arc_count"] > 0 and change["message_count"] > 0,
                    f"{name}: {change}")
        ring.expect(change["at_ns"] <= change["started_ns"] <= change["ended_ns"], f"{name}: times")
        ring.expect(0 < change["wedged_ns_max"] <= change["ended_ns"] - change["started_ns"], f"{name}: wedged")
        ring.expect(change["wedged_ns_max"] <= change["wedged_ns_sum"], f"{name}: wedged in all")
        ring.expect(change["trigger"] and change["members"], f"{name}: nobody came or left")
        ring.expect(change["expected_is_exact"] == exact, f"{name}: exact: {change['expected_is_exact']}")
        most = change["expected_pair_count"] + change["unanswered_pair_count"]
        least = change["expected_pair_count"] if exact else 0
        ring.expect(least <= change["moved_pair_count"] <= most,
                    f"{name}: {change['moved_pair_count']} pairs moved, expected {least} to {most}")
    unknown = sum(kind["unknown"] for kind in phase["operations"].values() if isinstance(kind, dict) and "unknown" in kind)
    ring.expect(unknown == 0, f"{what}: {unknown} operations are unknown")


def everybody(ranks, virtual):
    return {(rank, v) for rank in ranks for v in range(virtual)}


def check(program, ranks, options, what, initial, virtual=1, replicas=1, exact=True, judged_again=True):
    """Runs it, has chordkv-check judge what is small enough, and checks every phase. The phases, or []."""
    print(what, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        history = pathlib.Path(folder) / "history.jsonl"
        done = ring.run(program, ranks, options + (["--history", history] if judged_again else []))
        if not ring.expect_valid(done, what):
            return []
        if judged_again and "eventual" not in options:
            ring.expect_linearizable(program, history, what)
    members = set()
    for phase in done.phases:
        members = everybody(range(initial), virtual) if phase["phase"]["index"] == 0 else members
        members = members_after(phase, members)
        check_nodes(phase, members, ranks, virtual, replicas, what)
        check_changes(phase, what, exact)
        hops = phase["owner_hops"]
        ring.expect((hops["expected_mean"] is None) == bool(made(phase)), f"{what}: expected {hops['expected_mean']}")
    return done.phases


def random_events(draw, ranks, initial, count, first, last, also_refused=True):
    """Events at counts: mostly such that the coordinator will say yes if nothing is under way."""
    inside, options = set(range(initial)), []
    for at in sorted(draw.randrange(first, last) for _ in range(count)):
        rank = draw.randrange(ranks)
        what = "depart" if rank in inside and len(inside) > 1 else "join"
        if also_refused and draw.random() < 0.1:
            what = "join" if what == "depart" else "depart"
        elif what == "depart":
            inside.discard(rank)
        else:
            inside.add(rank)
        options += event(f"op={at}", what, rank)
    return options


def check_random(program, folder):
    files = Files(folder, KEYS, 24000, 1)
    committed = 0
    for number, combination in enumerate(ring.pairwise(SETTINGS)):
        draw = random.Random(number)
        ranks, replicas, virtual = combination[:3]
        initial = draw.randrange(1, ranks + 1)
        options = files.phases() + ["--initial-nodes", initial]
        for name, value in zip(list(SETTINGS)[1:], combination[1:]):
            options += [name, value]
        options += random_events(draw, ranks, initial, 12, 200, files.operations // 2)
        what = f"{ranks} ranks, {initial} at first, {ring.describe(combination[1:])}, events of seed {number}"
        phases = check(program, ranks, options, what, initial, virtual, replicas)
        if phases:
            committed += len(made(phases[1]))
            triggers = sum(option == "--at" for option in options)
            ring.expect(len(phases[1]["changes"]) >= 1 and len(refused(phases[1])) < triggers, f"{what}: nothing happened")
    ring.expect(committed > 50, f"only {committed} changes in all runs")
    print(f"{committed} changes", flush=True)


def check_shapes(program, folder):
    files = Files(folder, KEYS, 60000, 2)
    host = None

    # 1 -> 10 -> 1, far enough apart that each is a change of its own
    grow = [event(f"op={1000 * rank}", "join", rank) for rank in range(1, 10)]
    shrink = [event(f"op={20000 + 1000 * rank}", "depart", rank) for rank in range(9)]
    phases = check(program, 10, files.phases() + sum(grow + shrink, []) + ["--initial-nodes", 1, "--replicas", 3],
                   "1 to 10 to 1", 1, replicas=3)
    if phases:
        host = phases[1]["run"]["environment"]["hosts"][0]
        names = [n["rank"] for n in phases[1]["nodes"] if n["state"] == "member"]
        ring.expect(names == [9] and not refused(phases[1]), f"1 to 10 to 1: left are {names}, {refused(phases[1])}")
        ring.expect(phases[1]["verdict"]["pair_count"] == KEYS, "1 to 10 to 1: all keys are there")
        ring.expect(any(c["throughput_during_per_second"] is not None and c["throughput_after_per_second"] > 0
                        for c in made(phases[1])), "1 to 10 to 1: throughput")

    # the coordinator's own node, three times
    events = sum((event(f"op={4000 * i}", "depart" if i % 2 else "join", 0) for i in range(1, 7)), [])
    phases = check(program, 8, files.phases() + events + ["--replicas", 2, "--window", 8], "rank 0 leaves", 8, replicas=2)
    if phases:
        own = next(n for n in phases[1]["nodes"] if n["rank"] == 0)
        ring.expect(own["incarnation"] == 4 and own["state"] == "member", f"rank 0 leaves: {own}")

    # names, single nodes of ranks with three, whole ranks; times; keys that come and go
    if host is not None:
        events = (event("1ms", "depart", f"{host}:2#1") + event("op=2000", "depart", f"{host}:3") +
                  event("op=6000", "join", f"{host}:2#1") + event("op=9000", "join", 7))
        phases = check(program, 8, files.phases("churn") + events +
                       ["--replicas", 3, "--virtual-nodes", 3, "--initial-nodes", 7], "names", 7, 3, 3, exact=False)
        if phases:
            states = {(n["rank"], n["virtual_node"]): n["state"] for n in phases[1]["nodes"]}
            ring.expect([a for a, state in states.items() if state == "spare"] != [] and
                        all((state == "spare") == (address[0] == 3) for address, state in states.items()),
                        f"names: {states}")

    # a ring that stays, with spares: what enters at one takes a hop more
    few = Files(folder / "few", 1000, 10000, 5)
    for mode, more in (("parallel", []), ("serial", ["--via", 9]), ("parallel", ["--routing", "onehop"])):
        what = f"spares, {mode} {ring.describe(more)}"
        phases = check(program, 10, few.phases(mode=mode) + ["--initial-nodes", 6] + more, what, 6)
        for phase in phases[1:]:
            hops = phase["owner_hops"]
            ring.expect(ring.relative_difference(hops["mean"], hops["expected_mean"]) < 0.03 and not phase["changes"],
                        f"{what}: {hops['mean']} hops, expected {hops['expected_mean']}")
            print(f"{what}: {hops['mean']:.3f} hops, expected {hops['expected_mean']:.3f}", flush=True)

    # in the first phase, while the keys are inserted; twice, each beginning with 4 nodes
    events = event("1/op=500", "join", 4) + event("1/op=1000", "depart", 1)
    phases = check(program, 5, files.phases() + events + ["--initial-nodes", 4, "--replicas", 3, "--repetitions", 2],
                   "while filling, two repetitions", 4, replicas=3, exact=False)
    if phases:
        ring.expect([len(made(p)) for p in phases] == [2, 0, 2, 0], "two repetitions: the changes")
        incarnations = [{n["rank"]: n["incarnation"] for n in p["nodes"]} for p in phases]
        ring.expect(all(incarnations[2][rank] > incarnations[1][rank] for rank in range(5)),
                    f"two repetitions: incarnations {incarnations}")


def check_refusals(program, folder):
    files = Files(folder, KEYS, 30000, 3)
    events = (event("op=1000", "join", 1) + event("op=2000", "depart", 3) + event("op=3000", "depart", 1) +
              event("op=6000", "depart", 0) + event("op=6000", "join", 0) + event("op=9000", "depart", 2) +
              event("500s", "join", 3))
    what = "refusals"
    phases = check(program, 4, files.phases() + events + ["--initial-nodes", 3, "--replicas", 2], what, 3, replicas=2)
    if phases:
        reasons = refused(phases[1])
        expected = {"op=1000:join:1": "it is in the ring already", "op=2000:depart:3": "it is not in the ring",
                    "op=6000:join:0": "it is joining or leaving already",
                    "op=9000:depart:2": "it is the last member: its data would have nowhere to go",
                    "500s:join:3": "the phase was over"}
        ring.expect(reasons == expected, f"{what}: {reasons}")
    done = ring.run(program, 2, files.phases() + event("op=10", "depart", "nowhere:1"), report=True)
    ring.expect(done.status == 2 and "nowhere:1" in done.stderr, f"unknown name: status {done.status}: {done.stderr}")
    done = ring.run(program, 2, files.phases() + event("op=10", "depart", 1) + ["--print-bound"])
    ring.expect(done.status == 0 and "view change" in done.stdout, f"bound: {done.stdout[:500]}{done.stderr}")


def answered_by(phase, at_ns):
    """Operations that the timeline has before a moment, a slice more or less."""
    slices = phase["timeline"]["answered_counts"]
    whole, rest = divmod(at_ns, phase["timeline"]["slice_ns"])
    return sum(slices[:whole]) + (slices[whole] * rest / phase["timeline"]["slice_ns"] if whole < len(slices) else 0)


def check_many(program, folder):
    """50 changes: each rank in turn leaves and comes back, never two at once."""
    files = Files(folder, 20000, 1000000, 4)
    events = []
    for i in range(50):
        events += event(f"op={(i + 1) * 18000}", "join" if i % 2 else "depart", (7 * (i // 2)) % 10)
    what = "50 changes"
    phases = check(program, 10, files.phases() + events + ["--replicas", 3, "--window", 16], what, 10, replicas=3,
                   judged_again=False)
    if not phases:
        return
    phase = phases[1]
    changes = made(phase)
    ring.expect(sum(len(c["members"]) for c in changes) == 50 and not refused(phase),
                f"{what}: {len(changes)}, refused {refused(phase)}")
    ring.expect(phase["verdict"]["wrong_count"] == 0 and phase["verdict"]["pair_count"] == 20000, f"{what}: the verdict")

    late = []
    for change in changes:
        count = int(change["trigger"].split(":")[0].removeprefix("op="))
        late.append(answered_by(phase, change["at_ns"]) / count - 1)
        # a hundredth that the ranks keep to themselves, and the message's way: other ranks may have the core for a while
        most = 0.01 + 0.02 * phase["throughput_per_second"] / count
        ring.expect(-0.01 < late[-1] < most, f"{what}: {change['trigger']} came {late[-1]:.2%} late, expected {most:.2%}")
    print(f"{what}: events came at most {max(late):.2%} after their count", flush=True)

    def median(values):
        values = sorted(value for value in values if value is not None)
        return values[len(values) // 2]

    print(f"{what}: {phase['throughput_per_second']:,.0f} operations/s in all; medians: before "
          f"{median(c['throughput_before_per_second'] for c in changes):,.0f}, during "
          f"{median(c['throughput_during_per_second'] for c in changes):,.0f}, after "
          f"{median(c['throughput_after_per_second'] for c in changes):,.0f}; wedged "
          f"{median(c['wedged_ns_max'] for c in changes) / 1e6:.2f} ms, at most "
          f"{max(c['wedged_ns_max'] for c in changes) / 1e6:.2f} ms; moved "
          f"{sum(c['moved_pair_count'] for c in changes):,} of {sum(c['expected_pair_count'] for c in changes):,} expected",
          flush=True)


def main():
    arguments = ring.parser(__doc__)
    parts = {"random": check_random, "shapes": check_shapes, "refusals": check_refusals, "many": check_many}
    arguments.add_argument("--part", choices=list(parts), action="append", required=True)
    given = arguments.parse_args()
    for part in given.part:
        with tempfile.TemporaryDirectory() as name:
            parts[part](given.program, pathlib.Path(name))
    ring.finish()


main()
