"""Negative controls: what is falsified on purpose must be found, with status 3 and without any throughput."""

import ring


def check(program, forge, mode, consistency, *more):
    options = ring.shipped("insert", "query") + ["--replicas", 2, "--mode", mode, "--consistency", consistency,
                                                 "--forge", forge, *more]
    what = f"{forge}, {mode}, {consistency} {ring.describe(more)}"
    print(what, flush=True)
    done = ring.run(program, 4, options)
    ring.expect(done.status == 3, f"{what}: status {done.status}\n{done.stdout}{done.stderr}")
    ring.expect(done.verdict is not None and done.verdict["verdict"] == "wrong" and done.verdict["exit_status"] == 3,
                f"{what}: {done.verdict}")
    wrong = [phase for phase in done.phases if not phase["verdict"]["valid"]]
    ring.expect(len(wrong) == 1 and wrong[0] is done.phases[-1], f"{what}: {len(wrong)} wrong phases")
    for phase in wrong:
        ring.expect(phase["throughput_per_second"] is None, f"{what}: a throughput was reported")
        ring.expect(phase["verdict"]["first_wrong"], f"{what}: the first wrong answer isn't named")
    ring.expect(done.stdout.count("operations/second") == len(done.phases) - 1, f"{what}: a throughput was printed")
    ring.expect("WRONG" in done.stdout, f"{what}: the table doesn't say so")
    ring.expect(done.stderr.strip().count("\n") == 0, f"{what}: more than one line of error:\n{done.stderr}")
    if forge != "lose":
        ring.expect('"' in done.stderr, f"{what}: no key is shown: {done.stderr}")


def main():
    given = ring.parser(__doc__).parse_args()
    for forge in ("answer", "lose", "stale"):
        for mode in ("serial", "parallel"):
            check(given.program, forge, mode, "linearizable")
    check(given.program, "answer", "parallel", "eventual")
    check(given.program, "lose", "parallel", "eventual")
    check(given.program, "lose", "parallel", "linearizable", "--virtual-nodes", 3)
    ring.finish()


main()
