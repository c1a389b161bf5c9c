#!/usr/bin/python3 -B
"""Two sets of reports: what is faster, slower, or can't be told."""

from __future__ import annotations

from chordkv_reports import command
from chordkv_reports.comparison import METRICS, compare, render

DESCRIPTION = """\
Compares NEW with BASE. Repetitions are matched by all settings that vary within a set; settings that are
constant in each but differ between them (two commits, say) are what is compared, and are named. For each match:
the ratio NEW/BASE of the geometric means with its confidence interval, and a verdict: faster or slower if the
interval leaves out 1 (and --margin), else "can't tell"; so are fewer than 3 repetitions on a side."""


def main() -> int:
    parser = command.parser(DESCRIPTION, epilog="metrics: " + ", ".join(METRICS))
    parser.add_argument("base", metavar="BASE", help="a report, or a folder with *.jsonl at any depth")
    parser.add_argument("new", metavar="NEW", help="the same")
    parser.add_argument("--base", dest="more_base", metavar="PATH", action="append", default=[], help="more of BASE")
    parser.add_argument("--new", dest="more_new", metavar="PATH", action="append", default=[], help="more of NEW")
    parser.add_argument("--metric", choices=METRICS, default="throughput", metavar="NAME", help="default: throughput")
    parser.add_argument("--confidence", type=float, default=0.95, metavar="P", help="of the intervals (default: 0.95)")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="a difference that doesn't matter, such as 0.02 for 2 %% (default: 0)",
    )
    arguments = parser.parse_args()
    if not 0.5 <= arguments.confidence < 1:
        parser.error(f"--confidence takes a share from 0.5 to below 1, such as 0.95, not {arguments.confidence:g}")
    if not 0 <= arguments.margin < 1:
        parser.error(f"--margin takes a share from 0 to below 1, such as 0.02, not {arguments.margin:g}")
    base = command.read([arguments.base, *arguments.more_base])
    new = command.read([arguments.new, *arguments.more_new])
    comparison = compare(base.runs, new.runs, arguments.metric, arguments.confidence, arguments.margin)
    if not comparison.rows:
        command.complain(comparison.why_nothing)
        return command.STATUS_FAILURE
    print(render(comparison), end="")
    return command.STATUS_FAILURE if arguments.strict and (base.problems or new.problems) else 0


if __name__ == "__main__":
    command.run(main)
