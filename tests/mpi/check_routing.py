"""Hops against theory: 20,000 random queries on each ring; and the routing state of 64 nodes (--part dump); and the
textbook's ring (--part textbook).

finger: mean owner_hops within 2 % of this ring's own expectation, which is computed from the sorted ids alone;
ring: within 2 % of (N-1)/2; onehop: at most 1. Eventual copies answer queries early, but not writes, and not what is absent.
"""

import json
import pathlib
import random
import tempfile

import ring

QUERIES = 20000


def write_workloads(folder):
    draw = random.Random(1)
    insert = folder / "insert.csv"
    query = folder / "query.csv"
    insert.write_text("".join(f"key{i},value{i}\n" for i in range(QUERIES)))
    query.write_text("".join(f"key{draw.randrange(QUERIES)}\n" for _ in range(QUERIES)))
    return insert, query


def check_hops(program, ranks, insert, query):
    for routing in ("finger", "ring", "onehop"):
        done = ring.run(program, ranks, ["--phase", f"insert={insert}", "--phase", f"query={query}", "--mode",
                                         "parallel", "--window", 16, "--routing", routing])
        what = f"{ranks} ranks, {routing}"
        if not ring.expect_valid(done, what):
            continue
        hops = done.phases[1]["owner_hops"]
        ring.expect(hops["count"] == QUERIES, f"{what}: {hops['count']} queries")
        print(f"{what}: mean {hops['mean']:.4f}, expected {hops['expected_mean']:.4f}", flush=True)
        if routing == "onehop":
            ring.expect(len(hops["histogram"]) <= 2, f"{what}: more than one hop")
            continue
        expected = hops["expected_mean"] if routing == "finger" else (ranks - 1) / 2
        ring.expect(ring.relative_difference(hops["mean"], expected) < 0.02, f"{what}: {hops['mean']} vs {expected}")


def check_early_answers(program, folder, insert, ranks=8):
    """A third writes, a third queries that find something, a third queries for what isn't there."""
    draw = random.Random(2)
    lines = [("insert,key{},new\n", "query,key{}\n", "query,none{}\n")[i % 3].format(draw.randrange(QUERIES))
             for i in range(QUERIES)]
    mix = folder / "mix.csv"
    mix.write_text("".join(lines))
    means = {}
    for replicas in (1, 3):
        done = ring.run(program, ranks, ["--phase", f"insert={insert}", "--phase", f"mix={mix}", "--mode", "parallel",
                                         "--window", 16, "--consistency", "eventual", "--replicas", replicas])
        what = f"{ranks} ranks, eventual, k={replicas}"
        if not ring.expect_valid(done, what):
            continue
        hops = done.phases[1]["owner_hops"]
        means[replicas] = hops["expected_mean"]
        print(f"{what}: mean {hops['mean']:.4f}, expected {hops['expected_mean']:.4f}", flush=True)
        ring.expect(ring.relative_difference(hops["mean"], hops["expected_mean"]) < 0.02,
                    f"{what}: {hops['mean']} vs {hops['expected_mean']}")
    ring.expect(means[3] < 0.95 * means[1], f"copies on the way shorten it: {means}")


def check_dump(program, folder, ranks=64, successors=4, replicas=3):
    """No node knows more than r successors, its distinct fingers and the members of its chains."""
    path = folder / "tables.json"
    done = ring.run(program, ranks, ring.shipped("insert", "query") + [
        "--mode", "parallel", "--replicas", replicas, "--successors", successors, "--dump", path])
    if not ring.expect_valid(done, f"{ranks} ranks"):
        return
    nodes = [json.loads(line) for line in path.read_text().splitlines()]
    ring.expect(len(nodes) == ranks, f"{len(nodes)} tables")
    ids = sorted(int(node["id"], 16) for node in nodes)
    by_id = {int(node["id"], 16): node for node in nodes}
    for number, node in by_id.items():
        bound = successors + len(node["fingers"]) + node["chain_members"]
        ring.expect(node["routing_entries"] <= bound, f"rank {node['rank']} knows {node['routing_entries']} > {bound}")
        known = set()
        for table in ("predecessor", "successors", "fingers"):
            known |= {entry["rank"] for entry in node[table]}
        for arc in node["arcs"]:
            known |= {entry["rank"] for entry in arc["chain"]}
        known.discard(node["rank"])
        ring.expect(len(known) == node["routing_entries"], f"rank {node['rank']}: {len(known)} entries are listed")
        fingers = {int(entry["id"], 16) for entry in node["fingers"]}
        expected = {next((i for i in ids if i >= start), ids[0])
                    for start in ((number + (1 << e)) % (1 << 160) for e in range(160))} - {number}
        ring.expect(fingers == expected, f"rank {node['rank']}: the fingers aren't the owners of n + 2^i")
        ring.expect(len(node["arcs"]) == replicas, f"rank {node['rank']} is in {len(node['arcs'])} chains")


def check_textbook(program, folder):
    """SIGCOMM 2001, figure 3(b): three bits, nodes 0, 1 and 3; the fingers of each, every node once."""
    (folder / "ids.txt").write_text("0 0\n1 1\n2 3\n")
    path = folder / "tables.json"
    done = ring.run(program, 3, ring.shipped("insert", "query") + [
        "--id-bits", 3, "--node-ids", folder / "ids.txt", "--replicas", 2, "--dump", path])
    if not ring.expect_valid(done, "the textbook's ring"):
        return
    tables = {int(node["id"], 16): node for node in map(json.loads, path.read_text().splitlines())}
    fingers = {number: {int(entry["id"], 16) for entry in node["fingers"]} for number, node in tables.items()}
    ring.expect(fingers == {0: {1, 3}, 1: {3, 0}, 3: {0}}, f"fingers {fingers}")
    successors = {number: int(node["successors"][0]["id"], 16) for number, node in tables.items()}
    ring.expect(successors == {0: 1, 1: 3, 3: 0}, f"successors {successors}")
    arcs = {number: (int(node["arcs"][0]["start"], 16), int(node["arcs"][0]["end"], 16))
            for number, node in tables.items()}
    ring.expect(arcs == {0: (3, 0), 1: (0, 1), 3: (1, 3)}, f"arcs {arcs}")


def main():
    arguments = ring.parser(__doc__)
    arguments.add_argument("--part", choices=["hops", "dump", "textbook"], required=True)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if given.part == "hops":
            insert, query = write_workloads(folder)
            for ranks in (8, 32):
                check_hops(given.program, ranks, insert, query)
            check_early_answers(given.program, folder, insert)
        elif given.part == "dump":
            check_dump(given.program, folder)
        else:
            check_textbook(given.program, folder)
    ring.finish()


main()
