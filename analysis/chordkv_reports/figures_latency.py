"""The distribution of latency, with a tail that can be read."""

from __future__ import annotations

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from . import series
from .canvas import SERIES_MAX, Panel, legend, short_time, style
from .figures import Figure, time_axis
from .series import REPLICATION, SCALE, contexts
from .tidy import Observation, merged_buckets, quantile

TAIL = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)


def _curve(buckets: list[tuple[int, int, int]]) -> tuple[list[float], list[float]]:
    """Latency against 1 / (share of operations that took longer), as a stair; the last operation ends it."""
    total = sum(count for _, _, count in buckets)
    at: list[float] = [float(max(buckets[0][0], 1))]
    slower: list[float] = [1.0]
    seen = 0
    for _, last, count in buckets:
        at.append(float(last))
        slower.append(total / (total - seen))
        seen += count
        at.append(float(last))
        slower.append(total / max(total - seen, 0.5) if seen < total else total)
    return at, slower


def latency_cdf(frame: pandas.DataFrame, observed: list[Observation]) -> Figure | None:
    figure = Figure(
        "latency",
        "Distribution of latency",
        "The share of operations that were answered within a time. The vertical scale gives each further "
        "nine the same room, so that the tail can be read; a curve ends at its slowest operation. All "
        "repetitions together.",
        header=["phase", "line", "operations", "p50", "p90", "p99", "p99.9", "slowest"],
    )
    for context in contexts(frame, (*REPLICATION, *SCALE, "file_sha256", "operation_count")):
        names = series.varying(context.rows, [*REPLICATION, "rank_count", "file_sha256"])
        kinds = [
            k
            for k in ("insert", "query", "delete")
            if any(observed[i].record["operations"][k]["count"] for i in context.rows["observation"])
        ]
        lines = []
        for _, of in context.rows.groupby([*REPLICATION, "rank_count", "file_sha256"], sort=True):
            words = [series.file_name(of) if n == "file_sha256" else series.word(n, of[n].iloc[0]) for n in names]
            for kind in kinds:
                merged: dict[tuple[int, int], int] = {}
                for number in of["observation"]:
                    for first, last, count in merged_buckets(observed[number].record, (kind,)):
                        merged[first, last] = merged.get((first, last), 0) + count
                buckets = [(*key, count) for key, count in sorted(merged.items())]
                label = ", ".join([*words, kind] if len(kinds) > 1 else words) or kind
                if buckets:
                    lines.append((label, buckets))
        for start in range(0, len(lines), SERIES_MAX):
            part = lines[start : start + SERIES_MAX]

            def draw(axes: Axes, part: list = part) -> None:
                for index, (label, buckets) in enumerate(part):
                    look = style(index)
                    axes.plot(*_curve(buckets), label=label, color=look["color"], linestyle=look["linestyle"])
                time_axis(axes, "x")
                axes.set_yscale("log")
                top = max(sum(count for *_, count in buckets) for _, buckets in part)
                shown = [p for p in TAIL if 1 / (1 - p) <= top * 1.01]
                axes.set_yticks([1 / (1 - p) for p in shown], [f"{p * 100:.7g}" for p in shown])
                axes.yaxis.set_minor_locator(NullLocator())
                axes.set_ylim(1, top * 1.3)
                axes.set_xlabel("latency (logarithmic)")
                axes.set_ylabel("operations answered within, %")
                legend(axes)

            suffix = f" ({start // SERIES_MAX + 1})" if len(lines) > SERIES_MAX else ""
            figure.panels.append(Panel(context.label + suffix, draw, 250))
        figure.use(context.rows)
        for label, buckets in lines:
            quantiles = [short_time(quantile(buckets, p)) for p in (0.5, 0.9, 0.99, 0.999, 1.0)]
            figure.rows.append([context.label, label, f"{sum(c for *_, c in buckets):,}", *quantiles])
    return figure if figure.panels else None
