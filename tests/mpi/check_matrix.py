"""Every combination of settings must give right answers on a real ring.

--part pairwise runs so many combinations that every pair of values of two settings occurs; --part full runs all.
--ranks N restricts to those of N ranks.
"""

import itertools
import pathlib
import tempfile

import ring

SETTINGS = {
    "ranks": [1, 2, 3, 5, 8, 10],
    "--replicas": [1, 3, 5, 10],
    "--consistency": ["linearizable", "eventual"],
    "--routing": ["finger", "ring", "onehop"],
    "--mode": ["serial", "parallel"],
}


def check(program, combination):
    ranks = combination[0]
    options = ring.shipped("insert", "query", "mix", "delete")
    for name, value in zip(list(SETTINGS)[1:], combination[1:]):
        options += [name, value]
    parallel = combination[4] == "parallel"
    if parallel:
        options += ["--window", 1 + combination[1] % 8]
    what = f"{ranks} ranks, {ring.describe(options[8:])}"
    print(what, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        history = pathlib.Path(folder) / "history.jsonl"
        done = ring.run(program, ranks, options + ["--history", history])
        if not ring.expect_valid(done, what):
            return
        if combination[2] == "linearizable":
            ring.expect_linearizable(program, history, what)
    copies = min(combination[1], ranks)
    ring.expect(len(done.phases) == 4, f"{what}: {len(done.phases)} phases")
    for phase in done.phases:
        ring.expect(phase["verdict"]["copies_per_pair"] == copies, f"{what}: {phase['verdict']['copies_per_pair']} copies")
        ring.expect(phase["retry_count"] == 0, f"{what}: requests were repeated")
        if not parallel and combination[2] == "linearizable":
            ring.expect(phase["verdict"]["checked_by_model_count"] == 500, f"{what}: the model judged too few")
        if combination[3] == "onehop":
            ring.expect(len(phase["owner_hops"]["histogram"]) <= 2, f"{what}: more than one hop")


def main():
    arguments = ring.parser(__doc__)
    arguments.add_argument("--part", choices=["pairwise", "full"], default="pairwise")
    arguments.add_argument("--ranks", type=int, choices=SETTINGS["ranks"])
    given = arguments.parse_args()
    combinations = ring.pairwise(SETTINGS) if given.part == "pairwise" else list(itertools.product(*SETTINGS.values()))
    for combination in combinations:
        if given.ranks in (None, combination[0]):
            check(given.program, combination)
    ring.finish()


main()
