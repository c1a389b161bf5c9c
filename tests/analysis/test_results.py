"""statistics, comparison and shapes: what is concluded, and that each conclusion can be the other one."""

from __future__ import annotations

import math
import random
import tempfile
import unittest
from pathlib import Path

from fixture import FIXTURES, Record, changed, phases, records, set_throughput, write

from chordkv_reports import shapes, tidy
from chordkv_reports.comparison import compare, judge, render
from chordkv_reports.load import Run, load
from chordkv_reports.series import comparable, contexts
from chordkv_reports.statistics import Ratio, median, ratio, t_quantile

HEALTHY = "healthy/points/k3-linearizable.jsonl"


class Statistics(unittest.TestCase):
    def test_quantiles_of_student(self) -> None:
        # From the tables of textbooks.
        for p, degrees, value in (
            (0.975, 1, 12.706),
            (0.975, 2, 4.303),
            (0.975, 4, 2.776),
            (0.975, 10, 2.228),
            (0.995, 5, 4.032),
            (0.95, 30, 1.697),
            (0.975, 1e6, 1.960),
            (0.5, 3, 0.0),
        ):
            self.assertAlmostEqual(t_quantile(p, degrees), value, places=3)

    def test_ratio_by_hand(self) -> None:
        # Logarithms -1, 0, 1 and 9, 10, 11: difference 10, standard error sqrt(1/3 + 1/3), 4 degrees of freedom.
        found = ratio([math.exp(x) for x in (9, 10, 11)], [math.exp(x) for x in (-1, 0, 1)])
        reach = 2.776445 * math.sqrt(2 / 3)
        self.assertAlmostEqual(math.log(found.value), 10)
        self.assertAlmostEqual(math.log(found.low), 10 - reach, places=5)
        self.assertAlmostEqual(math.log(found.high), 10 + reach, places=5)

    def test_interval_covers_as_often_as_it_says(self) -> None:
        draw = random.Random(5)
        covered = 0
        for _ in range(400):
            sets = [[math.exp(draw.gauss(middle, spread)) for _ in range(4)] for middle, spread in ((1, 0.1), (0, 0.3))]
            found = ratio(*sets)
            covered += found.low <= math.e <= found.high
        self.assertTrue(0.92 <= covered / 400 <= 0.985, covered / 400)

    def test_few_repetitions_have_no_interval(self) -> None:
        self.assertFalse(ratio([1.0, 2.0], [1.0, 2.0, 3.0]).known)
        self.assertEqual(ratio([2.0], [1.0]).value, 2.0)
        self.assertTrue(ratio([1.0, 1.1, 1.2], [1.0, 1.1, 1.2]).known)

    def test_equal_repetitions(self) -> None:
        found = ratio([6.0] * 3, [4.0] * 3)
        self.assertEqual((found.low, found.high), (found.value, found.value))
        self.assertAlmostEqual(found.value, 1.5)

    def test_median(self) -> None:
        self.assertEqual((median([3, 1, 2]), median([4, 1, 2, 3])), (2, 2.5))


def runs_of(made: list[Record]) -> list[Run]:
    with tempfile.TemporaryDirectory() as folder:
        return load([str(write(Path(folder) / "made.jsonl", made))]).runs


def paced(name: str, rates: tuple[float, ...]) -> list[Record]:
    """A stored report whose repetitions have these throughputs, in both phases."""

    def change(record: Record) -> None:
        set_throughput(record, rates[(record["phase"]["repetition"] - 1) % len(rates)])

    return changed(name, change)


class Compare(unittest.TestCase):
    def test_verdicts(self) -> None:
        for low, high, more_is_faster, margin, verdict in (
            (1.1, 1.3, True, 0.0, "faster"),
            (0.7, 0.9, True, 0.0, "slower"),
            (0.9, 1.1, True, 0.0, "can't tell"),
            (1.1, 1.3, False, 0.0, "slower"),
            (0.7, 0.9, False, 0.0, "faster"),
            (1.01, 1.03, True, 0.02, "can't tell"),
            (1.03, 1.05, True, 0.02, "faster"),
        ):
            self.assertEqual(judge(Ratio(1, low, high, 0.95), more_is_faster, margin), verdict)
        self.assertIn("fewer than 3", judge(ratio([1.0], [1.0]), True, 0))

    def test_faster_slower_and_cannot_tell(self) -> None:
        base = paced(HEALTHY, (100.0, 101.0, 102.0))
        for rates, verdict in (
            ((200.0, 201.0, 202.0), "faster"),
            ((50.0, 51.0, 52.0), "slower"),
            ((99.0, 103.0, 101.0), "can't tell"),
        ):
            result = compare(runs_of(base), runs_of(paced(HEALTHY, rates)), "throughput", 0.95, 0)
            self.assertEqual([row.verdict for row in result.rows], [verdict] * 2)  # insert and query
            self.assertEqual(result.differences, [])

    def test_latency_is_better_if_less(self) -> None:
        def slow(record: Record) -> None:
            for of in record["latency_ns"].values():
                of["p99"] = of["p99"] and of["p99"] * 100

        result = compare(runs_of(records(HEALTHY)), runs_of(changed(HEALTHY, slow)), "latency_p99", 0.95, 0)
        self.assertEqual([row.verdict for row in result.rows], ["slower"] * 2)

    def test_what_differs_is_named_and_what_varies_is_matched(self) -> None:
        def other(record: Record) -> None:
            record["run"]["environment"]["commit"] = "feedbeef"

        base = [run for name in ("k1", "k3") for run in runs_of(records(f"healthy/points/{name}-eventual.jsonl"))]
        new = [run for name in ("k3", "k5") for run in runs_of(changed(f"healthy/points/{name}-eventual.jsonl", other))]
        result = compare(base, new, "throughput", 0.95, 0)
        self.assertEqual(len(result.differences), 1)
        self.assertIn("-> feedbeef", result.differences[0])
        self.assertEqual(len(result.rows), 2)
        self.assertTrue(all("k = 3" in row.label for row in result.rows))
        self.assertEqual(sum("only in BASE" in text and "k = 1" in text for text in result.unmatched), 2)
        self.assertEqual(sum("only in NEW" in text and "k = 5" in text for text in result.unmatched), 2)
        self.assertIn("BASE and NEW differ in: commit", render(result))

    def test_nothing_valid(self) -> None:
        result = compare(load([str(FIXTURES / "wrong")]).runs, runs_of(records(HEALTHY)), "throughput", 0.95, 0)
        self.assertEqual(result.rows, [])
        self.assertIn("BASE has no valid run", result.why_nothing)


def checked(*made: list[Record]) -> dict[str, shapes.Shape]:
    runs = []
    for number, of in enumerate(made, start=1):
        for run in runs_of(of):
            run.number = number
            runs.append(run)
    observed = tidy.observations(runs)
    everything = tidy.table(observed)
    return {shape.claim: shape for shape in shapes.check(comparable(everything), everything, observed)}


def verdict_of(found: dict[str, shapes.Shape], *words: str) -> str:
    fitting = [shape.verdict for claim, shape in found.items() if all(word in claim for word in words)]
    assert len(fitting) == 1, (words, list(found))
    return fitting[0]


def around(rate: float, spread: float = 0.01) -> tuple[float, float, float]:
    return (rate * (1 - spread), rate, rate * (1 + spread))


class Shapes(unittest.TestCase):
    def test_by_k(self) -> None:
        for consistency, kind, at_five, verdict in (
            ("linearizable", "insert", around(50), shapes.HOLDS),
            ("linearizable", "insert", around(150), shapes.FAILS),
            ("linearizable", "query", around(100), shapes.OPEN),
            ("eventual", "insert", around(100), shapes.HOLDS),
            ("eventual", "insert", around(50), shapes.FAILS),
            ("eventual", "insert", around(150), shapes.FAILS),
            ("eventual", "insert", around(90, 0.5), shapes.OPEN),
            ("eventual", "query", around(200), shapes.HOLDS),
            ("eventual", "query", around(50), shapes.FAILS),
            ("eventual", "query", around(80, 0.05), shapes.OPEN),
        ):
            found = checked(
                paced(f"healthy/points/k1-{consistency}.jsonl", around(100)),
                paced(f"healthy/points/k5-{consistency}.jsonl", at_five),
            )
            self.assertEqual(
                verdict_of(found, consistency.capitalize(), f"{kind} throughput"), verdict, (kind, at_five)
            )

    def test_two_repetitions_tell_nothing(self) -> None:
        made = [
            [
                record
                for record in paced(f"healthy/points/{name}-linearizable.jsonl", around(rate))
                if record["record"] != "phase" or record["phase"]["repetition"] < 3
            ]
            for name, rate in (("k1", 100), ("k5", 50))
        ]
        self.assertEqual(verdict_of(checked(*made), "Linearizable insert"), shapes.OPEN)

    def test_shared_cores_are_explained_with_messages(self) -> None:
        found = checked(
            paced("healthy/points/k1-eventual.jsonl", around(100)),
            paced("healthy/points/k5-eventual.jsonl", around(50)),
        )
        shape = next(shape for claim, shape in found.items() if "Eventual insert" in claim)
        self.assertEqual(shape.verdict, shapes.FAILS)
        self.assertIn("In messages that an operation waits for it holds", shape.explanation)
        self.assertIn("5 ranks a core the machine is full", shape.explanation)

    def test_consistencies(self) -> None:
        for eventual, verdict in ((200, shapes.HOLDS), (50, shapes.FAILS), (100, shapes.OPEN)):
            found = checked(
                paced("healthy/points/k3-linearizable.jsonl", around(100)),
                paced("healthy/points/k3-eventual.jsonl", around(eventual)),
            )
            self.assertEqual(verdict_of(found, "k = 3", "(insert"), verdict)

    def test_stale_reads(self) -> None:
        linearizable, eventual = (
            records(f"healthy/points/k3-{name}-mix.jsonl") for name in ("linearizable", "eventual")
        )

        def stale(record: Record) -> None:
            record["verdict"] |= {"valid": False, "wrong_count": 1}
            reason = {"reason": tidy.STALE_REASON, "count": 1}
            record["verdict"]["judge"] |= {"wrong_count": 1, "wrong_by_reason": [reason]}
            record["throughput_per_second"] = record["latency_ns"] = record["phase"]["elapsed_ns"] = None

        self.assertEqual(verdict_of(checked(linearizable), "No linearizable read"), shapes.HOLDS)
        wrong = changed("healthy/points/k3-linearizable-mix.jsonl", stale)
        wrong[-1] |= {"verdict": "wrong", "exit_status": 3}
        self.assertEqual(verdict_of(checked(linearizable, wrong), "No linearizable read"), shapes.FAILS)
        for count, verdict in ((0, shapes.OPEN), (4, shapes.HOLDS)):
            for record in phases(eventual):
                record["stale_reads"]["count"] = count
            self.assertEqual(verdict_of(checked(eventual), "Eventual reads may be stale"), verdict)

    def test_the_judge_still_says_it_in_these_words(self) -> None:
        text = (FIXTURES.parents[2] / "app/verdict/judge.h").read_text(encoding="utf-8")
        self.assertIn(f'X(JUDGE_READ_OLD, "{tidy.STALE_REASON}")', text)

    def test_hops(self) -> None:
        self.assertEqual(verdict_of(checked(records(HEALTHY)), "Hops are those"), shapes.HOLDS)

        def further(record: Record) -> None:
            counts = record["owner_hops"]["histogram"]
            counts[-1], counts[0] = counts[-1] + counts[0] + counts[1], 0
            counts[1] = 0

        self.assertEqual(verdict_of(checked(changed(HEALTHY, further)), "Hops are those"), shapes.FAILS)

    def test_path_and_balance(self) -> None:
        made = [records(f"healthy/points/{name}.jsonl") for name in ("crash", "k1-linearizable", "virtual4")]
        for slope, verdict in ((0.5, shapes.HOLDS), (0.05, shapes.FAILS), (0.8, shapes.OPEN)):
            for of, n in ((made[0], 5), (made[1], 10)):
                for record in phases(of):
                    record["path_length"]["mean"] = 1 + slope * math.log2(n)
            self.assertEqual(verdict_of(checked(*made), "path grows"), verdict)
        for many, verdict in ((1.2, shapes.HOLDS), (9.0, shapes.FAILS)):
            phases(made[2])[0]["keys_per_rank"]["max_over_mean"] = many
            self.assertEqual(verdict_of(checked(*made), "Virtual nodes"), verdict)


class Series(unittest.TestCase):
    def test_only_what_is_alike_is_pooled(self) -> None:
        def frame_of(*made: list[Record]) -> int:
            runs = [run for of in made for run in runs_of(of)]
            return len(contexts(comparable(tidy.table(tidy.observations(runs))), ()))

        def seed(record: Record) -> None:
            record["run"]["seed"] = record["run"]["options"]["seed"] = "7"
            record["run"]["options"]["report"] = "elsewhere"

        def flags(record: Record) -> None:
            record["run"]["environment"]["flags"] = "-O0"

        def option(record: Record) -> None:
            record["run"]["options"]["an-option-of-tomorrow"] = "on"

        self.assertEqual(frame_of(records(HEALTHY)), 2)  # insert and query
        self.assertEqual(frame_of(records(HEALTHY), changed(HEALTHY, seed)), 2)
        self.assertEqual(frame_of(records(HEALTHY), changed(HEALTHY, flags)), 4)
        self.assertEqual(frame_of(records(HEALTHY), changed(HEALTHY, option)), 4)


if __name__ == "__main__":
    unittest.main()
