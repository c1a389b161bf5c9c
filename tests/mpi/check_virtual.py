"""Several nodes a rank (--virtual-nodes): right answers, tables and chains that follow from the sorted ids, copies on
distinct ranks, and a balance that follows from the nodes' figures and the closed form.

--part rings: combinations of settings such that every pair of values of two settings occurs;
--part hops: measured hops against this ring's own expectation, entering anywhere and at one rank (--via);
--part layout: nodes laid out by --node-ids, so that all nodes of a rank stand together.
"""

import hashlib
import json
import math
import pathlib
import random
import tempfile

import ring

SETTINGS = {
    "ranks": [1, 3, 5, 8],
    "--virtual-nodes": [2, 4],
    "--replicas": [1, 3],
    "--consistency": ["linearizable", "eventual"],
    "--routing": ["finger", "ring", "onehop"],
    "--mode": ["serial", "parallel"],
}


def address(entry):
    return entry["rank"], entry["virtual_node"]


def number(text):
    return int(text, 16)


def chain_of(nodes, index, replicas):
    """The addresses of an arc's chain: its owner and the next nodes on other ranks; nodes are in ring order."""
    chain = []
    for step in range(len(nodes)):
        node = nodes[(index + step) % len(nodes)]
        if len(chain) < replicas and node["rank"] not in [rank for rank, _ in chain]:
            chain.append(address(node))
    return chain


def check_tables(path, ranks, virtual, replicas, what, routing="finger", bits=160, successors=4):
    """Every node's table and chains are what the sorted ids say."""
    nodes = sorted(map(json.loads, path.read_text().splitlines()), key=lambda node: number(node["id"]))
    expected = {(rank, v) for rank in range(ranks) for v in range(virtual)}
    ring.expect(len(nodes) == ranks * virtual and {address(n) for n in nodes} == expected, f"{what}: the nodes")
    ids = [number(node["id"]) for node in nodes]
    chains = {ids[i]: chain_of(nodes, i, replicas) for i in range(len(nodes))}
    held = 0
    for index, node in enumerate(nodes):
        name = f"{what}: node {node['rank']}#{node['virtual_node']}"
        known = len(nodes) - 1 if routing == "onehop" else min(successors, len(nodes) - 1)
        ring.expect([number(s["id"]) for s in node["successors"]]
                    == [ids[(index + 1 + i) % len(ids)] for i in range(known)], f"{name}: successors")
        ring.expect(number(node["predecessor"][0]["id"]) == ids[index - 1], f"{name}: predecessor")
        if routing == "finger":
            starts = ((ids[index] + (1 << e)) % (1 << bits) for e in range(bits))
            owners = {next((i for i in ids if i >= start), ids[0]) for start in starts} - {ids[index]}
            ring.expect({number(f["id"]) for f in node["fingers"]} == owners, f"{name}: fingers")
        ring.expect(number(node["arcs"][0]["end"]) == ids[index], f"{name}: its own arc comes first")
        for arc in node["arcs"]:
            chain = [address(member) for member in arc["chain"]]
            ring.expect(len({rank for rank, _ in chain}) == len(chain) == min(replicas, ranks),
                        f"{name}: a chain on {chain}")
            ring.expect(chain == chains[number(arc["end"])], f"{name}: chain {chain} of {arc['end']}")
            ring.expect(address(node) in chain, f"{name} holds an arc whose chain it isn't in")
            held += 1
    ring.expect(held == len(nodes) * min(replicas, ranks), f"{what}: {held} copies of arcs")


def closed_form(virtual, mean, p):
    """The p-quantile of the negative binomial (V, V / (V + mean)), by its mass function."""
    success = virtual / (virtual + mean)
    term = success**virtual
    total, x = term, 0
    while total < p:
        term *= (x + virtual) / (x + 1) * (1 - success)
        x += 1
        total += term
    return x


def check_spread(found, counts, virtual, what):
    counts = sorted(counts)
    mean = sum(counts) / len(counts)

    def percentile(p):
        return counts[max(math.ceil(p * len(counts) / 100), 1) - 1]

    ring.expect(found["count"] == len(counts), f"{what}: {found['count']} of {len(counts)}")
    observed = {"min": counts[0], "p1": percentile(1), "p99": percentile(99), "max": counts[-1]}
    ring.expect(all(found[name] == value for name, value in observed.items()), f"{what}: {found}, not {observed}")
    ring.expect(math.isclose(found["mean"], mean), f"{what}: mean {found['mean']}")
    ring.expect(math.isclose(found["max_over_mean"], counts[-1] / mean), f"{what}: {found['max_over_mean']}")
    half = 0.5 ** (1 / len(counts))
    theory = {"expected_p1": 0.01, "expected_p99": 0.99, "expected_max_median": half, "expected_min_median": 1 - half}
    for name, p in theory.items():
        ring.expect(found[name] == closed_form(virtual, mean, p), f"{what}: {name} {found[name]}")


def check_phase(phase, ranks, virtual, replicas, what):
    """Figures of ranks and the balance follow from those of the nodes."""
    verdict, nodes = phase["verdict"], phase["nodes"]
    ring.expect(verdict["copies_per_pair"] == min(replicas, ranks), f"{what}: {verdict['copies_per_pair']} copies")
    ring.expect(len(nodes) == ranks * virtual, f"{what}: {len(nodes)} nodes")
    ring.expect(phase["run"]["virtual_node_count"] == virtual, f"{what}: virtual_node_count")
    owned = [sum(n["owned_pair_count"] for n in nodes if n["rank"] == rank) for rank in range(ranks)]
    ring.expect([entry["owned_pair_count"] for entry in phase["ranks"]] == owned, f"{what}: the ranks' keys")
    ring.expect(sum(owned) == verdict["pair_count"] > 0, f"{what}: {sum(owned)} keys")
    copies = sum(n["owned_pair_count"] + n["replica_pair_count"] for n in nodes)
    ring.expect(copies == verdict["pair_count"] * min(replicas, ranks), f"{what}: {copies} copies")
    ring.expect({address(n) for n in nodes} == {(rank, v) for rank in range(ranks) for v in range(virtual)},
                f"{what}: addresses")
    forwarded, hops = sum(n["requests_forwarded"] for n in nodes), phase["owner_hops"]
    ring.expect(forwarded == round(hops["mean"] * hops["count"]), f"{what}: {forwarded} requests forwarded")
    check_spread(phase["keys_per_rank"], owned, virtual, f"{what}: keys per rank")
    check_spread(phase["keys_per_node"], [n["owned_pair_count"] for n in nodes], 1, f"{what}: keys per node")


def check_names(phase, what):
    """Ids are the hashes of host:rank#v."""
    host = phase["run"]["environment"]["hosts"][0]
    for node in phase["nodes"]:
        name = f"{host}:{node['rank']}#{node['virtual_node']}"
        ring.expect(number(node["id"]) == number(hashlib.sha1(name.encode()).hexdigest()), f"{what}: id of {name}")


def check_ring(program, folder, combination):
    ranks, virtual, replicas, _, routing, mode = combination
    options = ring.shipped("insert", "query", "mix")
    for name, value in zip(list(SETTINGS)[1:], combination[1:]):
        options += [name, value]
    if mode == "parallel":
        options += ["--window", 8]
    what = f"{ranks} ranks, {ring.describe(options[6:])}"
    print(what, flush=True)
    path = folder / "tables.json"
    done = ring.run(program, ranks, options + ["--dump", path])
    if not ring.expect_valid(done, what):
        return
    for phase in done.phases:
        check_phase(phase, ranks, virtual, replicas, what)
        ring.expect(phase["retry_count"] == 0, f"{what}: requests were repeated")
    check_names(done.phases[0], what)
    check_tables(path, ranks, virtual, replicas, what, routing)
    for words in ("keys per rank", f"  expected of {ranks} ", f"  expected of {ranks * virtual} "):
        ring.expect((words in done.stdout) == (ranks > 1), f"{what}: '{words}' in the table")


def check_hops(program, folder):
    draw = random.Random(3)
    keys = 8000
    insert, query = folder / "insert.csv", folder / "query.csv"
    insert.write_text("".join(f"key{i},value\n" for i in range(keys)))
    query.write_text("".join(f"key{draw.randrange(keys)}\n" for _ in range(keys)))
    phases = ["--phase", f"insert={insert}", "--phase", f"query={query}", "--virtual-nodes", 4]
    for more in (["--mode", "parallel", "--window", 16], ["--via", 2], ["--via", 0, "--routing", "ring"]):
        what = ring.describe(more)
        done = ring.run(program, 8, phases + more)
        if not ring.expect_valid(done, what):
            continue
        hops = done.phases[1]["owner_hops"]
        print(f"{what}: mean {hops['mean']:.4f}, expected {hops['expected_mean']:.4f}", flush=True)
        ring.expect(ring.relative_difference(hops["mean"], hops["expected_mean"]) < 0.03,
                    f"{what}: {hops['mean']} vs {hops['expected_mean']}")
        ring.expect(hops["ideal_mean"] == (3.229 if "ring" not in more else None), f"{what}: ideal of 32 nodes")


def check_layout(program, folder):
    """Three ranks, three nodes each, ids 0 to 8 by rank: rank 0's first node is the next rank for all of rank 2."""
    (folder / "ids.txt").write_text("2 6 7 8\n0 0 1 2\n1 3 4 5 # rank 1\n")
    path = folder / "tables.json"
    done = ring.run(program, 3, ring.shipped("insert", "query") + [
        "--id-bits", 4, "--node-ids", folder / "ids.txt", "--virtual-nodes", 3, "--replicas", 2, "--dump", path])
    if ring.expect_valid(done, "layout"):
        check_tables(path, 3, 3, 2, "layout", bits=4)
        tables = {number(node["id"]): node for node in map(json.loads, path.read_text().splitlines())}
        ring.expect([address(tables[i]) for i in range(9)] == [(i // 3, i % 3) for i in range(9)], "layout: ids")
        ring.expect([len(tables[i]["arcs"]) for i in range(9)] == [4, 1, 1] * 3, "layout: arcs a node")
        for phase in done.phases:
            check_phase(phase, 3, 3, 2, "layout")


def main():
    arguments = ring.parser(__doc__)
    arguments.add_argument("--part", choices=["rings", "hops", "layout"], action="append", required=True)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if "rings" in given.part:
            for combination in ring.pairwise(SETTINGS):
                check_ring(given.program, folder, combination)
        if "hops" in given.part:
            check_hops(given.program, folder)
        if "layout" in given.part:
            check_layout(given.program, folder)
    ring.finish()


main()
