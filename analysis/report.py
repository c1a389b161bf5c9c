#!/usr/bin/python3 -B
"""A results folder to one HTML page, and the same as Markdown."""

from __future__ import annotations

import os
from pathlib import Path

from chordkv_reports import command, render_html, render_markdown
from chordkv_reports.canvas import file_bytes
from chordkv_reports.load import shown
from chordkv_reports.page import build

DESCRIPTION = """\
Writes FOLDER/index.html, one self-contained page, and FOLDER/report.md with its figures in FOLDER/figures: what
was run on what, tables, figures, measured beside published values, which expected shapes hold, how to repeat each
run. Runs that aren't valid are listed, without a single measurement."""


def _replace(path: Path, content: bytes) -> None:
    """A reader never sees half a file."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    os.replace(new, path)


def main() -> int:
    parser = command.parser(DESCRIPTION)
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a results folder (points/*.jsonl, environment.json, plan.txt), any folder, or reports",
    )
    parser.add_argument("-o", "--output", metavar="FOLDER", help="where the pages go (default: the folder given)")
    parser.add_argument("--title", help="of the page (default: names the folder)")
    arguments = parser.parse_args()
    if arguments.output is None and (len(arguments.paths) > 1 or not Path(arguments.paths[0]).is_dir()):
        if all(Path(path).exists() for path in arguments.paths):
            parser.error("say with --output where the pages shall go: no single folder was given")
    folder = Path(arguments.output or arguments.paths[0])
    loaded = command.read(arguments.paths)
    if not any(run.phases for run in loaded.runs):
        command.complain("no record of a phase could be used; what is wrong with them is told above")
        return command.STATUS_FAILURE
    name = shown(Path(arguments.paths[0]).resolve().name)
    document = build(loaded, arguments.title or f"chord-kv: {name}")
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for figure in document.figures:
        for number, panel in enumerate(figure.panels, start=1):
            _replace(folder / "figures" / f"{figure.key}-{number}.svg", file_bytes(panel, "svg"))
    markdown = render_markdown.render(document, lambda figure, number: f"figures/{figure.key}-{number}.svg")
    _replace(folder / "index.html", render_html.render(document).encode("utf-8", "replace"))
    _replace(folder / "report.md", markdown.encode("utf-8", "replace"))
    for made in ("index.html", "report.md"):
        print(folder / made)
    return command.STATUS_FAILURE if arguments.strict and loaded.problems else 0


if __name__ == "__main__":
    command.run(main)
