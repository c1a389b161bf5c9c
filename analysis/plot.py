#!/usr/bin/python3 -B
"""The figures of reports as files."""

from __future__ import annotations

from pathlib import Path

from chordkv_reports import command, provenance
from chordkv_reports.canvas import file_bytes
from chordkv_reports.page import all_figures
from chordkv_reports.series import comparable
from chordkv_reports.tidy import observations, table

DESCRIPTION = """\
Draws what there is data for: throughput by k and consistency, messages by k, shapes beside published ones,
throughput, latency and efficiency by ranks, the distribution of latency, hops beside the expectation, keys per
node, throughput over time around changes and faults. One file a panel; its caption is printed."""


def main() -> int:
    parser = command.parser(DESCRIPTION)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a report, or a folder with *.jsonl at any depth")
    parser.add_argument("-o", "--output", metavar="FOLDER", default="figures", help="where they go (default: figures)")
    parser.add_argument("--format", choices=("svg", "pdf", "png"), default="svg", help="default: svg")
    parser.add_argument(
        "--only", metavar="NAME", action="append", help="this figure (its files' name); may be repeated"
    )
    arguments = parser.parse_args()
    loaded = command.read(arguments.paths)
    observed = observations(loaded.runs)
    everything = table(observed)
    figures = all_figures(comparable(everything), observed) if len(everything) else []
    if not figures:
        command.complain("no valid run has anything to draw")
        return command.STATUS_FAILURE
    names = [figure.key for figure in figures]
    for name in arguments.only or []:
        if name not in names:
            parser.error(f"there is no figure {name!r} here; there are: {', '.join(names)}")
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    environments = provenance.Environments(loaded.runs)
    for figure in figures:
        if arguments.only and figure.key not in arguments.only:
            continue
        for number, panel in enumerate(figure.panels, start=1):
            path = folder / f"{figure.key}-{number}.{arguments.format}"
            path.write_bytes(file_bytes(panel, arguments.format))
            print(f"{path}: {figure.title}; {panel.title}")
        print(f"    {figure.caption}\n    {provenance.sentence(figure.runs, loaded.runs, environments)}")
    return command.STATUS_FAILURE if arguments.strict and loaded.problems else 0


if __name__ == "__main__":
    command.run(main)
