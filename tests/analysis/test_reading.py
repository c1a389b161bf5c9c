"""schema, load and tidy: what is read, what is refused, and what is made of it."""

from __future__ import annotations

import copy
import math
import tempfile
import unittest
from pathlib import Path

from fixture import FIXTURES, Record, changed, phases, records, set_throughput, write

from chordkv_reports import tidy
from chordkv_reports.load import Loaded, NoReports, load
from chordkv_reports.schema import check_record

HEALTHY = "healthy/points/k3-linearizable.jsonl"


def texts(loaded: Loaded) -> str:
    return "\n".join(str(problem) for problem in loaded.problems)


class Schema(unittest.TestCase):
    def setUp(self) -> None:
        self.phase = phases(records(HEALTHY))[0]

    def test_healthy_records_pass(self) -> None:
        names = sorted((FIXTURES / "healthy/points").glob("*.jsonl"))
        self.assertGreater(len(names), 10)
        for name in names:
            for record in records(str(name.relative_to(FIXTURES))):
                self.assertEqual(check_record(record), [], name)

    def test_every_missing_field_is_named(self) -> None:
        for name in ("run", "phase", "operations", "throughput_per_second", "latency_ns", "owner_hops", "messages"):
            broken = copy.deepcopy(self.phase)
            del broken[name]
            self.assertEqual(check_record(broken), [f"{name} is missing"])
        broken = copy.deepcopy(self.phase)
        del broken["run"]["environment"]["commit"]
        self.assertEqual(check_record(broken), ["run.environment.commit is missing"])

    def test_wrong_types_are_named(self) -> None:
        for path, value in (
            (("run", "rank_count"), True),
            (("run", "seed"), 1),
            (("phase", "elapsed_ns"), -1),
            (("verdict", "valid"), "yes"),
            (("latency_ns", "insert", "buckets"), [[1, 2]]),
            (("latency_ns", "insert", "p50"), float("inf")),
            (("nodes",), {}),
            (("run", "options", "replicas"), 3),
        ):
            broken = copy.deepcopy(self.phase)
            of = broken
            for name in path[:-1]:
                of = of[name]
            of[path[-1]] = value
            self.assertTrue(any(".".join(path) in problem for problem in check_record(broken)), path)

    def test_contradictions_are_found(self) -> None:
        def rate(record: Record) -> None:
            record["throughput_per_second"] *= 1.01

        def outcome(record: Record) -> None:
            record["operations"]["insert"]["inserted"] += 1

        def bucket(record: Record) -> None:
            record["latency_ns"]["insert"]["buckets"][0][2] += 1

        def hop(record: Record) -> None:
            record["owner_hops"]["histogram"][0] += 1

        def verdict(record: Record) -> None:
            record["verdict"]["valid"] = False

        def wrong(record: Record) -> None:
            record["verdict"]["wrong_count"] = 1

        for change, word in (
            (rate, "throughput"),
            (outcome, "outcomes"),
            (bucket, "buckets"),
            (hop, "owner_hops"),
            (verdict, "isn't valid"),
            (wrong, "wrong_count"),
        ):
            broken = copy.deepcopy(self.phase)
            change(broken)
            self.assertIn(word, " ".join(check_record(broken)), change)

    def test_no_value_is_trusted(self) -> None:
        for value in (None, 3, "text", [], {}, {"record": []}, {"record": "phase"}, {"record": "verdict"}):
            self.assertNotEqual(check_record(value), [], value)


class Load(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_healthy_folder(self) -> None:
        loaded = load([str(FIXTURES / "healthy")])
        self.assertEqual(loaded.problems, [])
        self.assertEqual(len(loaded.runs), len(list((FIXTURES / "healthy/points").glob("*.jsonl"))))
        self.assertTrue(all(run.valid for run in loaded.runs))
        self.assertEqual(len(loaded.folders), 1)
        self.assertIsNotNone(loaded.folders[0].environment)
        self.assertIn("Ten ranks", loaded.folders[0].plan or "")

    def test_truncated_line_is_named_and_the_rest_kept(self) -> None:
        loaded = load([str(FIXTURES / "truncated/line.jsonl")])
        self.assertIn("line.jsonl:2: a broken record, skipped", texts(loaded))
        self.assertIn("made 1 repetitions of phase 2, and 0 of them are here", texts(loaded))
        self.assertEqual([len(run.phases) for run in loaded.runs], [1])
        self.assertTrue(loaded.runs[0].valid)

    def test_truncated_verdict_makes_the_run_useless(self) -> None:
        loaded = load([str(FIXTURES / "truncated/end.jsonl")])
        self.assertIn("end.jsonl:3: a truncated record, skipped", texts(loaded))
        self.assertIn("has no verdict at its end", texts(loaded))
        self.assertFalse(loaded.runs[0].valid)

    def test_older_reports(self) -> None:
        loaded = load([str(FIXTURES / "old")])
        self.assertIn("version0.jsonl:1: record skipped: schema_version 0 is older than 1", texts(loaded))
        self.assertEqual([run.name for run in loaded.runs], ["first"])  # same version, fewer fields: read
        row = tidy.table(tidy.observations(loaded.runs)).iloc[0]
        self.assertEqual((row["rank_count"], row["virtual_nodes"], row["count"]), (3, 1, 500))

    def test_newer_version_is_refused(self) -> None:
        made = records(HEALTHY)
        for record in made:
            record["schema_version"] = 2
        loaded = load([str(write(self.folder / "new.jsonl", made))])
        self.assertIn("schema_version 2 is newer than 1", texts(loaded))
        self.assertEqual(loaded.runs, [])

    def test_empty_folder_and_missing_path(self) -> None:
        for path, word in ((FIXTURES / "empty", "no report"), (self.folder / "none", "no such file")):
            with self.assertRaisesRegex(NoReports, word):
                load([str(path)])

    def test_names_in_unicode(self) -> None:
        loaded = load([str(FIXTURES / "ünïcode 環")])
        self.assertEqual(loaded.problems, [])
        self.assertEqual(loaded.runs[0].name, "δοκιμή 環")
        self.assertEqual(loaded.runs[0].phases[0]["phase"]["file"], "κλειδιά 歌.csv")

    def test_several_runs_in_one_file(self) -> None:
        made = records(HEALTHY) + records("healthy/points/k5-eventual.jsonl")
        loaded = load([str(write(self.folder / "two.jsonl", made))])
        self.assertEqual([(run.name, run.valid) for run in loaded.runs], [("two", True), ("two #2", True)])

    def test_a_run_without_verdict_does_not_get_the_next_one_s(self) -> None:
        made = records("healthy/points/k1-eventual.jsonl")
        for cut in (made[:3], made[:-1]):  # within its phases; only the verdict
            loaded = load([str(write(self.folder / "cut.jsonl", cut + records(HEALTHY)))])
            self.assertEqual([run.valid for run in loaded.runs], [False, True])
        # The same settings twice: the repetitions begin again.
        loaded = load([str(write(self.folder / "cut.jsonl", made[:3] + made))])
        self.assertEqual([run.valid for run in loaded.runs], [False, True])

    def test_the_same_run_twice_counts_once(self) -> None:
        write(self.folder / "a.jsonl", records(HEALTHY))
        write(self.folder / "deep/er/b.jsonl", records(HEALTHY))
        loaded = load([str(self.folder), str(self.folder / "a.jsonl")])
        self.assertEqual(len(loaded.runs), 1)
        self.assertIn("it counts once", texts(loaded))

    def test_rubbish(self) -> None:
        good = (FIXTURES / HEALTHY).read_bytes()
        for rubbish, word in (
            (b"\xff\xfe\n", "not UTF-8"),
            (b"[" * 100000 + b"\n", "nested too deeply"),
            (b'{"record": NaN}\n', "NaN"),
            (b"{}\n", "not phase, summary or verdict"),
        ):
            path = self.folder / "rubbish.jsonl"
            path.write_bytes(rubbish + good)
            loaded = load([str(path)])
            self.assertIn("rubbish.jsonl:1: ", texts(loaded))
            self.assertIn(word, texts(loaded))
            self.assertEqual(len(loaded.runs), 1)

    def test_a_file_of_something_else_is_told_once(self) -> None:
        path = self.folder / "history.jsonl"
        path.write_text('{"record":"operation"}\n' * 50)
        loaded = load([str(path)])
        self.assertEqual(len(loaded.problems), 2)
        self.assertIn("none of its 50 lines can be used", texts(loaded))

    def test_broken_environment_is_named(self) -> None:
        write(self.folder / "points/a.jsonl", records(HEALTHY))
        (self.folder / "environment.json").write_text("{")
        self.assertIn("environment.json: can't be used", texts(load([str(self.folder)])))


class Tidy(unittest.TestCase):
    def test_columns_and_rows(self) -> None:
        loaded = load([str(FIXTURES / HEALTHY)])
        frame = tidy.table(tidy.observations(loaded.runs))
        self.assertEqual(len(frame), 3 * 2 * 2)  # repetitions, phases, "all" and the only kind
        self.assertEqual(set(frame["operation"]), {"all", "insert", "query"})
        whole = frame[frame["operation"] == "all"]
        given = [phase["throughput_per_second"] for phase in loaded.runs[0].phases]
        for ours, theirs in zip(whole["throughput_per_second"], given):
            self.assertAlmostEqual(ours / theirs, 1, places=9)
        self.assertEqual(set(frame["replicas"]), {3})

    def test_critical_path_is_what_an_operation_waits_for(self) -> None:
        for name, chain in (("k1-linearizable", 0), ("k3-linearizable", 2), ("k5-linearizable", 4), ("k5-eventual", 0)):
            phase = phases(records(f"healthy/points/{name}.jsonl"))[0]
            self.assertAlmostEqual(tidy.critical_path(phase), 1 + phase["owner_hops"]["mean"] + chain + 1)

    def test_nothing_is_measured_in_a_run_that_is_not_valid(self) -> None:
        loaded = load([str(FIXTURES / "wrong")])
        self.assertEqual([run.verdict_text for run in loaded.runs], ["wrong", "wrong"])
        frame = tidy.table(tidy.observations(loaded.runs))
        self.assertGreater(len(frame), 0)
        measured = [name for name in frame if name.startswith(("throughput", "latency", "elapsed"))]
        self.assertGreater(len(measured), 5)
        self.assertTrue(frame[measured].isna().all().all())
        self.assertFalse(frame["valid"].any())

    def test_the_run_s_verdict_and_each_phase_s_count(self) -> None:
        def wrong(record: Record) -> None:
            record["verdict"] |= {"valid": False, "wrong_count": 1}
            record["throughput_per_second"] = record["latency_ns"] = record["phase"]["elapsed_ns"] = None

        ended = records(HEALTHY)  # every phase is valid, and then the run isn't
        ended[-1] |= {"verdict": "timed_out"}
        status = records(HEALTHY)
        status[-1] |= {"exit_status": 3}
        phase = records(HEALTHY)
        wrong(phases(phase)[-1])
        for made, verdict in ((ended, "timed_out"), (status, "contradictory"), (phase, "contradictory")):
            with tempfile.TemporaryDirectory() as folder:
                loaded = load([str(write(Path(folder) / "made.jsonl", made))])
            self.assertEqual((loaded.runs[0].valid, loaded.runs[0].verdict_text), (False, verdict))
            self.assertIn("none of its numbers is shown", texts(loaded))
            self.assertTrue(tidy.table(tidy.observations(loaded.runs))["throughput_per_second"].isna().all())

    def test_a_forged_run_is_not_valid_even_if_it_says_so(self) -> None:
        def forge(record: Record) -> None:
            record["verdict"]["forged"] = True

        with tempfile.TemporaryDirectory() as folder:
            loaded = load([str(write(Path(folder) / "forged.jsonl", changed(HEALTHY, forge)))])
        self.assertEqual((loaded.runs[0].valid, loaded.runs[0].verdict_text), (False, "forged"))

    def test_quantiles_of_all_kinds(self) -> None:
        buckets = [(0, 9, 50), (10, 19, 40), (20, 29, 9), (1000, 1999, 1)]
        self.assertEqual([tidy.quantile(buckets, p) for p in (0.5, 0.9, 0.99, 0.999)], [9, 19, 29, 1999])
        mix = phases(records("healthy/points/k3-linearizable-mix.jsonl"))[0]
        count = sum(count for *_, count in tidy.merged_buckets(mix))
        self.assertEqual(count, 500)
        loaded = load([str(FIXTURES / "healthy/points/k3-linearizable-mix.jsonl")])
        row = tidy.table(tidy.observations(loaded.runs)).iloc[0]
        longest = max(of["max"] for of in mix["latency_ns"].values() if of["count"])
        self.assertEqual(row["latency_max_ns"], longest)
        self.assertLessEqual(row["latency_p99_9_ns"], longest)

    def test_throughput_follows_from_answers_and_time(self) -> None:
        made = records(HEALTHY)
        set_throughput(phases(made)[0], 12345)
        self.assertTrue(math.isclose(phases(made)[0]["throughput_per_second"], 12345, rel_tol=1e-4))
        self.assertEqual(check_record(phases(made)[0]), [])


if __name__ == "__main__":
    unittest.main()
