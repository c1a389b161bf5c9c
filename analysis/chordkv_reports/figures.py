"""The figures about performance: throughput by k, messages by k, the same beside published values, scaling."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from . import series
from .canvas import FAINT, INK, SERIES_MAX, Panel, legend, number_axis, short_time, style
from .published import PUBLISHED
from .series import REPLICATION, SCALE, Context, contexts, points
from .statistics import median

THROUGHPUT = "throughput_per_second"


@dataclass
class Figure:
    """Panels under one caption, the numbers behind them, and the runs that they are of."""

    key: str
    title: str
    caption: str
    panels: list[Panel] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)

    def use(self, rows: pandas.DataFrame) -> None:
        self.runs.update(rows["run"])


def spread(values: list[float], form: str = ",.0f") -> str:
    """Median, and least and greatest where they differ."""
    if min(values) == max(values):
        return f"{values[0]:{form}}"
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def error_bars(
    axes: Axes, found: list[tuple[float, list[float]]], index: int, label: str, hollow: bool = False, shift: float = 0.0
) -> None:
    """Medians of the repetitions, with bars from the least to the greatest; shifted a little, so that bars at one place
    don't hide each other."""
    middle = [median(values) for _, values in found]
    down = [m - min(values) for m, (_, values) in zip(middle, found)]
    up = [max(values) - m for m, (_, values) in zip(middle, found)]
    look = style(index) | ({"markerfacecolor": "none"} if hollow else {})
    axes.errorbar([at + shift for at, _ in found], middle, yerr=[down, up], label=label, **look)


def ticks_at(axes: Axes, values: list[float], label: str) -> None:
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)
    if len(values) == 1:
        axes.set_xlim(values[0] - 1, values[0] + 1)


def _by_k(frame: pandas.DataFrame) -> list[Context]:
    found = contexts(frame, REPLICATION)
    return [c for c in found if c.rows["replicas"].nunique() > 1 or c.rows["consistency"].nunique() > 1]


CONSISTENCIES = ("linearizable", "eventual")
SHIFTS = (-0.04, 0.04)


def throughput_by_k(frame: pandas.DataFrame) -> Figure | None:
    figure = Figure(
        "throughput-by-k",
        "Throughput by k and consistency",
        "Median of the repetitions; bars from the least to the greatest.",
        header=["phase", "consistency", "k", "operations/s: median (min to max)", "repetitions"],
    )
    for context in _by_k(frame):

        def draw(axes: Axes, rows: pandas.DataFrame = context.rows) -> None:
            for index, name in enumerate(CONSISTENCIES):
                found = points(rows[rows["consistency"] == name], "replicas", THROUGHPUT)
                if found:
                    error_bars(axes, found, index, name, shift=SHIFTS[index])
            ticks_at(axes, sorted(float(k) for k in rows["replicas"].unique()), "copies of every key, k")
            axes.set_ylabel("operations/s")
            axes.set_ylim(bottom=0)
            number_axis(axes.yaxis)
            legend(axes)

        figure.panels.append(Panel(context.label, draw))
        figure.use(context.rows)
        for name in CONSISTENCIES:
            for k, values in points(context.rows[context.rows["consistency"] == name], "replicas", THROUGHPUT):
                figure.rows.append([context.label, name, f"{k:g}", spread(values), str(len(values))])
    return figure if figure.panels else None


CRITICAL, ALL_MESSAGES = "messages_critical_path_per_operation", "messages_all_per_operation"


def messages_by_k(frame: pandas.DataFrame) -> Figure | None:
    figure = Figure(
        "messages-by-k",
        "Messages an operation by k",
        "Filled: messages that an operation waits for, one after another (client to entry node, hops to the "
        "owner, the chain where the answer waits for it, the answer). Hollow: all messages that left a rank. "
        "Where ranks share cores every message costs a core's time, so throughput follows the hollow "
        "markers; where each rank has a core, latency follows the filled ones. A message to oneself counts "
        "as one that is waited for, but never leaves the rank: hollow may lie below filled.",
        header=["phase", "consistency", "k", "waited for", "all"],
    )
    for context in _by_k(frame):

        def draw(axes: Axes, rows: pandas.DataFrame = context.rows) -> None:
            for index, name in enumerate(CONSISTENCIES):
                of = rows[rows["consistency"] == name]
                if len(of):
                    error_bars(
                        axes, points(of, "replicas", CRITICAL), index, f"{name}, waited for", shift=SHIFTS[index]
                    )
                    error_bars(
                        axes,
                        points(of, "replicas", ALL_MESSAGES),
                        index,
                        f"{name}, all",
                        hollow=True,
                        shift=SHIFTS[index],
                    )
            ticks_at(axes, sorted(float(k) for k in rows["replicas"].unique()), "copies of every key, k")
            axes.set_ylabel("messages an operation")
            axes.set_ylim(bottom=0)
            legend(axes)

        figure.panels.append(Panel(context.label, draw))
        figure.use(context.rows)
        for name in CONSISTENCIES:
            of = context.rows[context.rows["consistency"] == name]
            everything = dict(points(of, "replicas", ALL_MESSAGES))
            for k, values in points(of, "replicas", CRITICAL):
                figure.rows.append([context.label, name, f"{k:g}", spread(values, ".2f"), spread(everything[k], ".2f")])
    return figure if figure.panels else None


def beside_published(frame: pandas.DataFrame) -> Figure | None:
    figure = Figure(
        "beside-published",
        "Shapes beside the published ones",
        "Throughput relative to that with one copy, ours (filled, median; bars from the least to the greatest "
        "repetition, each over the median of k = 1) and published (hollow; single values without error "
        "bars). Only shapes can be compared: the programs and machines differ.",
        header=["phase", "source", "consistency", "k", "relative to k = 1"],
    )
    for context in _by_k(frame):
        rows = context.rows
        kind = rows["phase_type"].iloc[0]
        one_copy = rows[rows["replicas"] == 1]
        base = {name: median(of[THROUGHPUT].tolist()) for name, of in one_copy.groupby("consistency")}
        if rows["replicas"].nunique() < 2 or not base or not any(p.phase == kind for p in PUBLISHED):
            continue

        def draw(axes: Axes, rows: pandas.DataFrame = rows, base: dict = base, kind: str = kind) -> None:
            for index, name in enumerate(CONSISTENCIES):
                found = points(rows[rows["consistency"] == name], "replicas", THROUGHPUT)
                if name in base:
                    relative = [(k, [value / base[name] for value in values]) for k, values in found]
                    error_bars(axes, relative, index, f"{name}, ours", shift=SHIFTS[index])
            for number, source in enumerate(p for p in PUBLISHED if p.phase == kind):
                look = style(number) | {"color": style(CONSISTENCIES.index(source.consistency))["color"]}
                rates = [rate / source.per_second[0] for rate in source.per_second]
                axes.plot(
                    source.replicas,
                    rates,
                    label=f"{source.consistency}, {source.short}",
                    markerfacecolor="none",
                    **look | {"linewidth": 0.9, "marker": "^" if number < 2 else "D"},
                )
            measured = {float(k) for k in rows["replicas"].unique()}
            ticks_at(axes, sorted(measured | {1.0, 3.0, 5.0}), "copies of every key, k")
            axes.set_ylabel("throughput / that of k = 1")
            axes.set_ylim(bottom=0)
            legend(axes, 1)

        figure.panels.append(Panel(context.label, draw, 290))
        figure.use(rows)
        for name in CONSISTENCIES:
            for k, values in points(rows[rows["consistency"] == name], "replicas", THROUGHPUT):
                if name in base:
                    relative = [value / base[name] for value in values]
                    figure.rows.append([context.label, "ours", name, f"{k:g}", spread(relative, ".2f")])
        for source in PUBLISHED:
            if source.phase == kind:
                for k, rate in zip(source.replicas, source.per_second):
                    figure.rows.append(
                        [
                            context.label,
                            source.short,
                            source.consistency,
                            f"{k:g}",
                            f"{rate / source.per_second[0]:.2f}",
                        ]
                    )
    return figure if figure.panels else None


# --- Scaling


def time_axis(axes: Axes, which: str) -> None:
    """A logarithmic axis of nanoseconds, told in units that people use."""
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    ratio = high / max(low, 1)
    mantissas = (1, 2, 5) if ratio < 30 else (1, 3) if ratio < 1000 else (1,)
    steps = [m * 10.0**e for e in range(1, 12) for m in mantissas]
    axis.set_major_locator(FixedLocator(steps))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(short_time))


def _scalings(frame: pandas.DataFrame) -> list[tuple[str, Context]]:
    """Contexts in which the number of ranks varies: with all work the same (strong), or the work of a rank (weak)."""
    per_rank = frame.copy()
    per_rank["operation_count_per_rank"] = per_rank["operation_count"] / per_rank["rank_count"]
    found = []
    for name, extra, free in (("strong", "", ()), ("weak", "operation_count_per_rank", ("file_sha256",))):
        groups = [per_rank] if not extra else [rows for _, rows in per_rank.groupby(extra)]
        for group in groups:
            skipped = (*SCALE, *free, *(("operation_count",) if extra else ()))
            for context in contexts(group, (*REPLICATION, *skipped)):
                if context.rows["rank_count"].nunique() > 1:
                    found.append((name, context))
    return found


def _lines(rows: pandas.DataFrame) -> list[tuple[str, pandas.DataFrame]]:
    """One line for each k and consistency, named by what varies."""
    named = series.varying(rows, list(REPLICATION))
    made = []
    for _, of in rows.groupby(list(REPLICATION), sort=True):
        label = ", ".join(series.word(name, of[name].iloc[0]) for name in named)
        made.append((label or "measured", of))
    return made[:SERIES_MAX]


def _rank_axis(axes: Axes, rows: pandas.DataFrame) -> None:
    axes.set_xscale("log", base=2)
    ticks_at(axes, sorted(float(n) for n in rows["rank_count"].unique()), "ranks")
    shared = rows[rows["ranks_per_core"] > 1]["rank_count"]
    if len(shared):  # from here on ranks share cores
        axes.axvspan(
            shared.min() / 1.19,
            rows["rank_count"].max() * 1.19,
            color=FAINT,
            alpha=0.13,
            linewidth=0,
            label="ranks share cores",
        )
    axes.set_xlim(rows["rank_count"].min() / 1.19, rows["rank_count"].max() * 1.19)


def efficiencies(of: pandas.DataFrame, cores: bool) -> list[tuple[float, list[float]]]:
    """Throughput a rank (or a core that ranks run on), over that of the fewest ranks."""

    def resources(n: float) -> float:
        return n / max(of[of["rank_count"] == n]["ranks_per_core"].iloc[0], 1) if cores else n

    found = points(of, "rank_count", THROUGHPUT)
    least, base = found[0][0], median(found[0][1])
    return [(n, [value / base * resources(least) / resources(n) for value in values]) for n, values in found]


def scaling(frame: pandas.DataFrame) -> Figure | None:
    figure = Figure(
        "scaling",
        "Throughput, latency and efficiency by ranks",
        "Medians of the repetitions; bars from the least to the greatest. Efficiency is throughput a rank "
        "over that of the fewest ranks (filled), and throughput a core in use over the same (hollow): where "
        "ranks share cores (shaded) more ranks bring no more computing power, and only the latter tells what "
        "the program loses. More ranks also mean longer paths. Strong: the work is the same; weak: the "
        "work of a rank is.",
        header=[
            "series",
            "line",
            "ranks",
            "ranks a core",
            "operations/s: median (min to max)",
            "p50",
            "p99",
            "efficiency a rank",
            "a core",
        ],
    )
    for name, context in _scalings(frame):
        rows, lines = context.rows, _lines(context.rows)
        title = f"{name.capitalize()} scaling: {context.label}"

        def throughput(axes: Axes, rows: pandas.DataFrame = rows, lines: list = lines) -> None:
            for index, (label, of) in enumerate(lines):
                error_bars(axes, points(of, "rank_count", THROUGHPUT), index, label)
            _rank_axis(axes, rows)
            axes.set_ylabel("operations/s")
            axes.set_ylim(bottom=0)
            number_axis(axes.yaxis)
            legend(axes)

        def latency(axes: Axes, rows: pandas.DataFrame = rows, lines: list = lines) -> None:
            for index, (label, of) in enumerate(lines):
                said = "" if label == "measured" else f"{label}, "
                error_bars(axes, points(of, "rank_count", "latency_p50_ns"), index, f"{said}median")
                error_bars(axes, points(of, "rank_count", "latency_p99_ns"), index, f"{said}p99", hollow=True)
            _rank_axis(axes, rows)
            time_axis(axes, "y")
            axes.set_ylabel("latency")
            legend(axes)

        def efficiency(axes: Axes, rows: pandas.DataFrame = rows, lines: list = lines) -> None:
            for index, (label, of) in enumerate(lines):
                said = "" if label == "measured" else f"{label}, "
                error_bars(axes, efficiencies(of, False), index, f"{said}a rank")
                if (of["ranks_per_core"] > 1).any():
                    error_bars(axes, efficiencies(of, True), index, f"{said}a core", hollow=True)
            _rank_axis(axes, rows)
            axes.axhline(1, color=INK, linewidth=0.8)
            axes.set_ylabel("efficiency")
            axes.set_ylim(bottom=0)
            legend(axes)

        for what, draw in (("throughput", throughput), ("latency", latency), ("efficiency", efficiency)):
            figure.panels.append(Panel(f"{title}: {what}", draw))
        figure.use(rows)
        for label, of in lines:
            p50, p99 = (dict(points(of, "rank_count", f"latency_{p}_ns")) for p in ("p50", "p99"))
            a_rank, a_core = dict(efficiencies(of, False)), dict(efficiencies(of, True))
            for n, values in points(of, "rank_count", THROUGHPUT):
                share = of[of["rank_count"] == n]["ranks_per_core"].iloc[0]
                figure.rows.append(
                    [
                        title,
                        label,
                        f"{n:g}",
                        f"{share:g}",
                        spread(values),
                        short_time(median(p50[n])),
                        short_time(median(p99[n])),
                        f"{median(a_rank[n]):.2f}",
                        f"{median(a_core[n]):.2f}",
                    ]
                )
    return figure if figure.panels else None
