#!/usr/bin/python3 -B
"""Reports of chordkv (JSON Lines) to one tidy CSV."""

from __future__ import annotations

import sys

from chordkv_reports import command
from chordkv_reports.tidy import observations, table

DESCRIPTION = """\
Reads reports of chordkv and writes one tidy CSV: a row for each repetition of a phase and kind of operation
("all": the whole phase), a column for each variable. Records that are broken, truncated or contradict themselves
are named and skipped; measurements of a run that isn't valid are left empty. Columns: analysis/README.md."""


def main() -> int:
    parser = command.parser(DESCRIPTION)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a report, or a folder with *.jsonl at any depth")
    parser.add_argument("-o", "--output", metavar="FILE", help="where the CSV goes (default: standard output)")
    arguments = parser.parse_args()
    loaded = command.read(arguments.paths)
    frame = table(observations(loaded.runs))
    if frame.empty:
        command.complain("no record of a phase could be used; what is wrong with them is told above")
        return command.STATUS_FAILURE
    frame.to_csv(arguments.output or sys.stdout, index=False, lineterminator="\n")
    return command.STATUS_FAILURE if arguments.strict and loaded.problems else 0


if __name__ == "__main__":
    command.run(main)
