"""Figures, pages and the four programs: what they show of stored reports, and what they must not."""

from __future__ import annotations

import functools
import importlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import pandas
from fixture import ANALYSIS, FIXTURES, changed, records, write

from chordkv_reports import canvas, command, page, render_html, render_markdown
from chordkv_reports.document import Document
from chordkv_reports.figures import Figure
from chordkv_reports.load import load

KEYS = ["throughput-by-k", "messages-by-k", "beside-published", "scaling", "latency", "hops", "keys", "over-time"]


@dataclass
class Ended:
    returncode: int
    stdout: str
    stderr: str


def process(name: str, *arguments: object) -> Ended:
    """A program as a person starts it; names in Unicode must survive a bare environment, too."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    found = subprocess.run(
        [str(ANALYSIS / name), *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=120,
        check=False,
    )
    return Ended(found.returncode, found.stdout, found.stderr)


def tool(name: str, *arguments: object) -> Ended:
    """The same within this process, which has loaded pandas and matplotlib already."""
    out, err = io.StringIO(), io.StringIO()
    main = importlib.import_module(name.removesuffix(".py")).main
    with mock.patch.object(sys, "argv", [name, *map(str, arguments)]), redirect_stdout(out), redirect_stderr(err):
        try:
            command.run(main)
        except SystemExit as end:
            return Ended(int(end.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("command.run came back")


class Page(HTMLParser):
    """What a page has, and whether its elements are closed as they were opened."""

    VOID = {"meta", "link", "br", "img", "hr"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.unbalanced: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href"):
                self.references.append(value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def document_of(*paths: Path) -> Document:
    return page.build(load([str(path) for path in paths]), "made for a test")


@functools.lru_cache
def healthy() -> Document:
    """Drawn once for all tests."""
    return document_of(FIXTURES / "healthy")


class Figures(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.figures: list[Figure] = healthy().figures
        cls.drawings = {
            (figure.key, i): canvas.inline_svg(panel, f"{figure.key}-{i}")
            for figure in cls.figures
            for i, panel in enumerate(figure.panels)
        }

    def test_all_are_there(self) -> None:
        self.assertEqual([figure.key for figure in self.figures], KEYS)
        for figure in self.figures:
            self.assertGreater(len(figure.panels), 0)
            self.assertGreater(len(figure.rows), 0)
            self.assertGreater(len(figure.runs), 0)
            self.assertTrue(all(len(row) == len(figure.header) for row in figure.rows))

    def test_axes_are_labelled_and_text_is_text(self) -> None:
        k = "copies of every key, k"
        labels = {
            "throughput-by-k": ["operations/s", k, "linearizable", "eventual"],
            "messages-by-k": ["messages an operation", k],
            "beside-published": ["throughput / that of k = 1", k, "linearizable, FayStatha", "eventual, ours"],
            "scaling": ["ranks"],
            "latency": ["operations answered within, %", "99", "latency (logarithmic)"],
            "hops": ["share of operations", "messages until the owner is reached", "measured", "expected"],
            "keys": ["keys owned", "ranks, from the fewest keys to the most", "expected, 1 % to 99 %"],
            "over-time": ["time since the phase began, s", "operations/s"],
        }
        tails = 0
        for (key, _), drawing in self.drawings.items():
            texts = {
                "".join(node.itertext()).strip()
                for node in xml.etree.ElementTree.fromstring(drawing).iter()
                if node.tag.endswith("}text")
            }
            for label in labels[key]:
                self.assertIn(label, texts, key)
            tails += "99.9" in texts
        self.assertGreater(tails, 2)

    def test_events_are_marked(self) -> None:
        drawn = " ".join(drawing for (key, _), drawing in self.drawings.items() if key == "over-time")
        for words in ("rank 3: silence, until left out", "join of rank 4", "depart of rank 2"):
            self.assertIn(words, drawn)

    def test_colours_are_the_page_s(self) -> None:
        for name, drawing in self.drawings.items():
            self.assertEqual(
                re.findall(r"(?<!, )#[0-9a-fA-F]{6}\b", re.sub(r'href="#[^"]*"|url\([^)]*\)', "", drawing)), [], name
            )

    def test_ids_are_unique_over_all(self) -> None:
        ids = [found for drawing in self.drawings.values() for found in re.findall(r'\bid="([^"]+)"', drawing)]
        self.assertEqual(len(ids), len(set(ids)))
        for drawing in self.drawings.values():
            own = set(re.findall(r'\bid="([^"]+)"', drawing))
            self.assertTrue(set(re.findall(r"url\(#([^)]+)\)", drawing)) <= own)
            self.assertTrue(set(re.findall(r'xlink:href="#([^"]+)"', drawing)) <= own)

    def test_the_same_data_give_the_same_bytes(self) -> None:
        panel = self.figures[0].panels[0]
        again = canvas.Panel(panel.title, panel.draw, panel.height_points)
        self.assertIsNot(again.drawn, panel.drawn)
        self.assertEqual(canvas.file_bytes(panel, "svg"), canvas.file_bytes(again, "svg"))

    def test_files_stand_alone(self) -> None:
        drawing = canvas.file_bytes(self.figures[0].panels[0], "svg").decode()
        xml.etree.ElementTree.fromstring(drawing)
        self.assertIn("prefers-color-scheme: dark", drawing)
        self.assertTrue(canvas.file_bytes(self.figures[0].panels[0], "pdf").startswith(b"%PDF"))


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.document = healthy()
        cls.html = render_html.render(cls.document)
        cls.page = Page(cls.html)

    def test_self_contained(self) -> None:
        self.assertEqual(self.page.unbalanced, [])
        self.assertEqual(self.page.open, [])
        self.assertNotIn("script", self.page.tags)
        self.assertNotIn("img", self.page.tags)
        for reference in self.page.references:
            self.assertTrue(reference.startswith("#") or reference == "data:,", reference)
            self.assertTrue(reference == "data:," or reference[1:] in self.page.ids, reference)
        self.assertNotIn("@import", self.html)

    def test_every_figure_says_where_it_is_from(self) -> None:
        self.assertEqual(self.page.tags.count("svg"), sum(len(figure.panels) for figure in self.document.figures))
        captions = re.findall(r'<p class="from">(.*?)</p>', self.html)
        self.assertEqual(len(captions), len(KEYS))
        commit = records("healthy/points/crash.jsonl")[0]["run"]["environment"]["commit"]
        for caption in captions:
            for words in (f"commit {commit}", "Open MPI", "2 cores", "seed 1", 'href="#R'):
                self.assertIn(words, caption)

    def test_every_run_can_be_repeated(self) -> None:
        runs = load([str(FIXTURES / "healthy")]).runs
        for run in runs:
            self.assertIn(run.label, self.page.ids)
            self.assertIn(f"# {run.label}: {run.name}, commit", self.page.text)
        self.assertIn(
            "jobs/launch.sh -n 5 -- chordkv run --phase insert=workloads/weak4.csv --phase "
            "mix=workloads/churn.csv --mode parallel --window 8 --replicas 3 --at 300ms:crash:3 "
            "--suspect-after 300ms --seed 1",
            self.page.text,
        )
        self.assertIn("environment.json", self.page.text)
        self.assertIn("Ten ranks, serially", self.page.text)

    def test_measured_beside_published(self) -> None:
        self.assertRegex(self.page.text, r"37\.4\s*FayStatha's report")
        self.assertIn("chordify's report", self.page.text)
        self.assertNotIn("NaN", self.page.text)
        self.assertNotIn("nan", re.findall(r"\b\w+\b", self.page.text))

    def test_markdown_says_the_same(self) -> None:
        names: list[str] = []

        def path_of(figure: Figure, number: int) -> str:
            names.append(f"figures/{figure.key}-{number}.svg")
            return names[-1]

        text = render_markdown.render(self.document, path_of)
        self.assertEqual(len(names), sum(len(figure.panels) for figure in self.document.figures))
        for section in self.document.sections:
            self.assertIn(f"## {section.title}", text)
        widths = [re.sub(r"\\\|", "", line).count("|") for line in text.splitlines() if line.startswith("| ")]
        self.assertGreater(len(widths), 100)
        for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            self.assertEqual(len({re.sub(r"\\\|", "", line).count("|") for line in block.splitlines()}), 1)

    def test_a_run_that_is_not_valid_shows_no_number(self) -> None:
        rates = {
            f"{record['throughput_per_second']:,.0f}"
            for name in ("wrong/answer.jsonl", "truncated/end.jsonl")
            for record in records_of(name)
            if record["record"] == "phase" and record["throughput_per_second"]
        }
        self.assertGreater(len(rates), 1)
        for folder in ("wrong", "truncated"):
            document = document_of(FIXTURES / folder)
            html = render_html.render(document)
            for rate in rates:
                self.assertNotIn(rate, html)
            self.assertIn("none of its numbers is shown", html)
        self.assertIn("No valid run has anything to draw", render_html.render(document_of(FIXTURES / "wrong")))

    def test_names_of_any_kind(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            name = Path(folder) / "δοκιμή 環 <script>alert(1)</script> & | `x` $y^2$\nfalse.jsonl".replace("/", "⁄")

            def hostile(record: dict) -> None:
                record["run"]["options"]["at"] = ["</pre><script>x</script>"]
                record["run"]["options_given"].append("at")
                record["phase"]["file"] = "$\\frac{<b>}$ 歌.csv"

            write(name, changed("ünïcode 環/δοκιμή 環.jsonl", hostile))
            found = document_of(name, FIXTURES / "healthy/points/k1-linearizable.jsonl")
        html = render_html.render(found)
        parsed = Page(html)
        self.assertNotIn("\nfalse", parsed.text.split("# R1: ")[1])  # lines to be copied to a shell
        self.assertEqual(parsed.unbalanced, [])
        self.assertNotIn("script", parsed.tags)
        self.assertIn("歌.csv", parsed.text)
        prose = re.sub(r"^(`{3,})$.*?^\1$", "", render_markdown.render(found, lambda *_: "x.svg"), flags=re.M | re.S)
        self.assertIn("歌.csv", prose)
        self.assertIsNone(re.search(r"(?<!\\)[<`]", prose))

    def test_another_commit_than_the_folder_says_is_told(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "points/a.jsonl", records("healthy/points/k1-linearizable.jsonl"))
            (Path(folder) / "environment.json").write_text('{"commit": "0123456789ab"}')
            self.assertIn("environment.json says 0123456789ab", render_html.render(document_of(Path(folder))))
        self.assertNotIn("problems", [section.key for section in self.document.sections])


def records_of(name: str) -> list[dict]:
    """Those of a broken report that can be parsed."""
    made = []
    for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines():
        try:
            made.append(json.loads(line))
        except ValueError:
            pass
    return made


class Tools(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_help_and_wrong_usage(self) -> None:
        for name in ("collect.py", "compare.py", "plot.py", "report.py"):
            found = process(name, "--help")
            self.assertEqual((found.returncode, found.stdout[:6], found.stderr), (0, "usage:", ""), name)
            self.assertEqual(tool(name, "--no-such-option").returncode, 2)
            for argument in (FIXTURES / "empty", self.folder / "none"):
                found = tool(name, argument, *([argument] if name == "compare.py" else []))
                self.assertEqual((found.returncode, found.stderr.count("\n")), (1, 1), (name, found.stderr))

    def test_collect(self) -> None:
        found = process("collect.py", FIXTURES / "healthy", FIXTURES / "truncated", FIXTURES / "ünïcode 環")
        self.assertEqual(found.returncode, 0)
        self.assertIn("line.jsonl:2: a broken record, skipped", found.stderr)
        frame = pandas.read_csv(io.StringIO(found.stdout))
        self.assertIn("δοκιμή 環", set(frame["name"]))
        self.assertEqual(
            tool("collect.py", "--strict", FIXTURES / "truncated", "-o", self.folder / "x.csv").returncode, 1
        )
        columns = set(re.findall(r"^\| `([a-z0-9_]+)`", (ANALYSIS / "README.md").read_text(), re.MULTILINE))
        told = {name for name in frame.columns if not name.startswith("option_")}
        self.assertEqual(columns, told)

    def test_compare(self) -> None:
        points = FIXTURES / "healthy/points"
        found = tool("compare.py", points / "k1-linearizable.jsonl", points / "k1-linearizable.jsonl")
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual(found.stdout.count("can't tell"), 2)
        self.assertIn("differ in: nothing that is recorded", found.stdout)
        self.assertEqual(tool("compare.py", points, points, "--confidence", "95").returncode, 2)

    def test_plot(self) -> None:
        found = tool("plot.py", FIXTURES / "healthy/points/crash.jsonl", "-o", self.folder, "--only", "over-time")
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["over-time-1.svg"])
        found = tool("plot.py", FIXTURES / "healthy/points/crash.jsonl", "-o", self.folder, "--only", "pie")
        self.assertEqual(found.returncode, 2)
        self.assertIn("there are: latency, hops, keys, over-time", found.stderr)
        self.assertEqual(tool("plot.py", FIXTURES / "wrong", "-o", self.folder).returncode, 1)

    def test_report(self) -> None:
        write(self.folder / "points/a.jsonl", records("healthy/points/k1-eventual.jsonl"))
        found = tool("report.py", self.folder)
        self.assertEqual(found.returncode, 0, found.stderr)
        html, markdown = ((self.folder / name).read_text(encoding="utf-8") for name in ("index.html", "report.md"))
        self.assertIn("<svg", html)
        images = re.findall(r"!\[.*?\]\((.*?)\)", markdown)
        self.assertGreater(len(images), 2)
        for image in images:
            self.assertTrue((self.folder / image).is_file(), image)
        self.assertEqual(tool("report.py", self.folder).returncode, 0)  # its own output is no report
        self.assertEqual((self.folder / "index.html").read_text(encoding="utf-8"), html)
        self.assertEqual(tool("report.py", self.folder / "points/a.jsonl").returncode, 2)
        found = tool("report.py", self.folder / "points/a.jsonl", "-o", self.folder / "out")
        self.assertTrue((self.folder / "out/index.html").is_file(), found.stderr)


if __name__ == "__main__":
    unittest.main()
