"""The figures about the ring: hops beside the expectation, keys per node, throughput over time around changes and
faults."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from . import series
from .canvas import FAINT, INK, SERIES_COLOURS, Panel, legend, number_axis, short_time, style
from .figures import Figure
from .series import Context, contexts
from .tidy import Observation, Record

RINGS_MAX = 24
TIMELINES_MAX = 12
TIMELINE_BINS = 150


# --- Hops


@dataclass
class Hops:
    """The hops of all repetitions on one ring, and what routing should need there."""

    label: str
    rows: pandas.DataFrame
    counts: list[int]
    expected: list[float]
    key_count: int
    ideal_mean: float | None

    @property
    def operation_count(self) -> int:
        return sum(self.counts)

    @property
    def mean(self) -> float:
        return sum(i * count for i, count in enumerate(self.counts)) / self.operation_count

    @property
    def expected_mean(self) -> float:
        return sum(i * p for i, p in enumerate(self.expected))

    @property
    def standard_error(self) -> float:
        """Of the measured mean, if routing does what is expected. Operations on one key have the same owner, so a mean
        over many repetitions with the same keys isn't surer than their number allows: keys are counted, not operations.
        """
        mean = self.expected_mean
        variance = sum(p * (i - mean) ** 2 for i, p in enumerate(self.expected))
        return math.sqrt(variance / max(min(self.operation_count, self.key_count), 1))


def _hops_of(record: Record) -> tuple[list[int], list[float]] | None:
    """Hops of the operations that the record's expectation is about."""
    if record["owner_hops"]["expected_mean"] is None:
        return None
    options = record["run"]["options"]
    of = record["owner_hops"]
    if options.get("consistency") == "eventual" and record["phase"]["type"] == "mix" and options["replicas"] != "1":
        of = of["by_kind"]["insert"]  # copies answer queries on the way, which that expectation doesn't know
    return (of["histogram"], record["owner_hops"]["expected_distribution"]) if of["count"] else None


def ring_words(rows: pandas.DataFrame) -> list[str]:
    words = [series.word(name, rows[name].iloc[0]) for name in ("rank_count", "virtual_nodes")]
    members, nodes = int(rows["member_count"].iloc[0]), int(rows["rank_count"].iloc[0] * rows["virtual_nodes"].iloc[0])
    return words + ([f"{members} nodes in the ring"] if members != nodes else [])


def rings(frame: pandas.DataFrame, observed: list[Observation]) -> list[Hops]:
    """Repetitions with one expectation together: one ring, one way of routing."""
    groups: dict[tuple[tuple[str, ...], tuple[float, ...], str, str], list[int]] = {}
    for number in frame["observation"]:
        record = observed[number].record
        found = _hops_of(record)
        if found is not None:
            early = record["phase"]["type"] == "query" and record["run"]["options"].get("consistency") == "eventual"
            k = record["run"]["options"]["replicas"] if early else "1"
            ids = tuple(node["id"] for node in record["nodes"])
            groups.setdefault(
                (ids, tuple(round(p, 9) for p in found[1]), k, record["run"]["options"]["routing"]), []
            ).append(number)
    made = []
    for (_, expected, k, _), numbers in groups.items():
        if len(expected) < 2:
            continue  # a ring of one node
        rows = frame[frame["observation"].isin(numbers)]
        counts = [0] * 64
        for number in numbers:
            for i, count in enumerate((_hops_of(observed[number].record) or ([], []))[0]):
                counts[i] += count
        while counts and counts[-1] == 0:
            counts.pop()
        words = ring_words(rows)
        words.append("" if rows["routing"].iloc[0] == "finger" else f"routing {rows['routing'].iloc[0]}")
        if k != "1":
            words.append(f"eventual queries, k = {k}: a copy on the way answers")
        ideal = observed[numbers[0]].record["owner_hops"]["ideal_mean"] if k == "1" else None
        keys = max(observed[number].record["verdict"]["pair_count"] for number in numbers)
        made.append(Hops(", ".join(w for w in words if w), rows, counts, list(expected), keys, ideal))
    made.sort(key=lambda ring: (ring.rows["rank_count"].iloc[0], ring.rows["virtual_nodes"].iloc[0], ring.label))
    return made[:RINGS_MAX]


def hops(frame: pandas.DataFrame, observed: list[Observation]) -> Figure | None:
    figure = Figure(
        "hops",
        "Hops beside the expectation",
        "Bars: share of operations that reached their key's owner after so many messages from node to node "
        "(owner_hops). Markers: what routing should need on this ring, computed from the sorted ids alone, "
        "for keys and entry nodes drawn evenly. The Chord papers' path length is one less, but at least 0. "
        "± is the standard error of the measured mean: of as many draws as there are distinct keys.",
        header=["ring", "operations", "distinct keys", "mean owner_hops", "expected", "±", "average of many rings"],
    )
    for ring in rings(frame, observed):

        def draw(axes: Axes, ring: Hops = ring) -> None:
            shares = [count / ring.operation_count for count in ring.counts]
            axes.bar(range(len(shares)), shares, width=0.72, color=SERIES_COLOURS[0], label="measured")
            axes.plot(
                range(len(ring.expected)),
                ring.expected,
                "o",
                color=SERIES_COLOURS[1],
                label="expected",
                markerfacecolor="none",
                markeredgewidth=1.5,
            )
            axes.set_xticks(range(max(len(shares), len(ring.expected))))
            axes.set_xlabel("messages until the owner is reached")
            axes.set_ylabel("share of operations")
            axes.set_ylim(bottom=0)
            axes.grid(visible=False, axis="x")
            legend(axes)

        figure.panels.append(Panel(ring.label, draw))
        figure.use(ring.rows)
        ideal = "" if ring.ideal_mean is None else f"{ring.ideal_mean:.3f}"
        figure.rows.append(
            [
                ring.label,
                f"{ring.operation_count:,}",
                f"{ring.key_count:,}",
                f"{ring.mean:.3f}",
                f"{ring.expected_mean:.3f}",
                f"{ring.standard_error:.3f}",
                ideal,
            ]
        )
    return figure if figure.panels else None


# --- Keys


def _fullest(frame: pandas.DataFrame) -> list[int]:
    """Of each kind of ring the repetition with the most keys: all of them would look alike."""
    fullest = frame.sort_values("pair_count", ascending=False, kind="stable")
    kinds = fullest.drop_duplicates(["rank_count", "virtual_nodes", "member_count", "hosts", "option_id_bits"])
    return list(kinds.sort_values(["rank_count", "virtual_nodes"], kind="stable")["observation"][:RINGS_MAX])


def keys_per_node(frame: pandas.DataFrame, observed: list[Observation]) -> Figure | None:
    figure = Figure(
        "keys",
        "Keys per node",
        "Keys that each rank owns (all its virtual nodes together), from the fewest to the most. Shaded: the "
        "1st to the 99th percentile that a large ring would show, as in the Chord papers; dotted: median "
        "of the least and of the greatest of as many independent draws as there are ranks.",
        header=["ring", "keys", "mean", "least (expected)", "greatest (expected)", "greatest/mean"],
    )
    for number in _fullest(frame):
        record = observed[number].record
        balance = record.get("keys_per_rank")
        counts = sorted(
            rank["owned_pair_count"]
            for rank in record["ranks"]
            if rank.get("member_count", 1) > 0 and "owned_pair_count" in rank
        )
        if balance is None or balance["mean"] in (None, 0) or len(counts) < 2:
            continue

        def draw(axes: Axes, counts: list[int] = counts, balance: Any = balance) -> None:
            axes.axhspan(
                balance["expected_p1"],
                balance["expected_p99"],
                color=FAINT,
                alpha=0.15,
                linewidth=0,
                label="expected, 1 % to 99 %",
            )
            for name in ("expected_min_median", "expected_max_median"):
                axes.axhline(balance[name], color=FAINT, linewidth=1, linestyle=":")
            axes.axhline(balance["mean"], color=INK, linewidth=1, label="mean")
            look = style(0)
            axes.plot(
                range(1, len(counts) + 1),
                counts,
                linestyle="none",
                marker=look["marker"],
                color=look["color"],
                label="a rank",
            )
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlabel("ranks, from the fewest keys to the most")
            axes.set_ylabel("keys owned")
            axes.set_ylim(bottom=0)
            number_axis(axes.yaxis)
            axes.grid(visible=False, axis="x")
            legend(axes)

        row = frame[frame["observation"] == number]
        label = ", ".join([w for w in ring_words(row) if w] + [f"{sum(counts):,} keys"])
        figure.panels.append(Panel(label, draw))
        figure.use(row)
        figure.rows.append(
            [
                label,
                f"{sum(counts):,}",
                f"{balance['mean']:,.1f}",
                f"{balance['min']:,} ({balance['expected_min_median']:,})",
                f"{balance['max']:,} ({balance['expected_max_median']:,})",
                f"{balance['max_over_mean']:.2f}",
            ]
        )
    return figure if figure.panels else None


# --- Over time


def _binned(timeline: Record) -> tuple[list[float], list[float]]:
    """Seconds and operations/s, in at most TIMELINE_BINS bins. The last bin is left out: it ends with the phase, nobody
    knows where in it."""
    counts, slice_ns = timeline["answered_counts"], timeline["slice_ns"]
    per_bin = max(math.ceil(len(counts) / TIMELINE_BINS), 1)
    at, rate = [], []
    for start in range(0, len(counts) - per_bin, per_bin):
        at.append((start + per_bin / 2) * slice_ns / 1e9)
        rate.append(sum(counts[start : start + per_bin]) * 1e9 / (per_bin * slice_ns))
    return at, rate


def _marks(record: Record) -> list[tuple[float, float, str, int]]:
    """What happened: from and to in seconds, in words, and the colour's number."""
    marks = []
    for fault in record.get("faults", []):
        start = fault["injected_ns"] if fault["injected_ns"] is not None else fault["detected_ns"]
        if not fault["refused"] and start is not None:
            end = fault["committed_ns"] if fault["committed_ns"] is not None else start
            marks.append(
                (start / 1e9, end / 1e9, f"rank {fault['rank']}: {fault['kind'] or 'suspected'}, until left out", 1)
            )
            if fault["rejoined_ns"] is not None:
                back = fault["rejoined_ns"] / 1e9
                marks.append((back, back, f"rank {fault['rank']} is back", 2))
    for change in record.get("changes", []):
        what = {member["change"] for member in change["members"]} & {"join", "depart"}
        ours = change["trigger"] and not change["refused"] and change["started_ns"] is not None
        if ours and what and not any(change["trigger"] == fault["trigger"] for fault in record.get("faults", [])):
            said = " and ".join(
                f"{m['change']} of rank {m['rank']}"
                for m in change["members"]
                if m["change"] != "exclude" and "rank" in m
            )
            marks.append((change["started_ns"] / 1e9, change["ended_ns"] / 1e9, said, 3 if "join" in what else 4))
    return marks


def over_time(frame: pandas.DataFrame, observed: list[Observation]) -> Figure | None:
    figure = Figure(
        "over-time",
        "Throughput over time around changes and faults",
        "Operations answered a second, counted in equal bins. Bars of colour: from the fault until the view "
        "change that left the rank out was committed, or from the first message of a join or depart to its "
        "last (a line where that is too short to see). The first repetition of each setting.",
        header=["phase", "event", "from, s", "to, s"],
    )
    with_events = [n for n in frame["observation"] if observed[n].record.get("timeline") and _marks(observed[n].record)]
    shown: list[Context] = contexts(frame[frame["observation"].isin(with_events)], ()) if with_events else []
    for context in shown[:TIMELINES_MAX]:
        record = observed[context.rows["observation"].iloc[0]].record
        marks = _marks(record)

        def draw(axes: Axes, record: Record = record, marks: list = marks) -> None:
            at, rate = _binned(record["timeline"])
            axes.plot(at, rate, color=SERIES_COLOURS[0], linewidth=1.1)
            said: set[str] = set()
            for start, end, words, colour in marks:
                look = {"color": SERIES_COLOURS[colour], "label": None if words in said else words}
                said.add(words)
                if end - start > 0.01 * (at[-1] if at else 1):
                    axes.axvspan(start, end, alpha=0.25, linewidth=0, **look)
                else:
                    axes.axvline(start, linewidth=1.2, linestyle=style(colour)["linestyle"], **look)
            axes.set_xlabel("time since the phase began, s")
            axes.set_ylabel("operations/s")
            axes.set_xlim(left=0)
            axes.set_ylim(bottom=0)
            number_axis(axes.yaxis)
            legend(axes, 1)

        run = context.rows["run"].iloc[0]
        label = f"{context.label} ({run})" if context.label else run
        figure.panels.append(Panel(label, draw, 250))
        figure.use(context.rows.iloc[:1])
        for start, end, words, _ in marks:
            figure.rows.append([label, words, f"{start:.4f}", f"{end:.4f}"])
    return figure if figure.panels else None


def events_table(frame: pandas.DataFrame, observed: list[Observation]) -> tuple[list[str], list[list[str]]]:
    """Every fault and every change that was made, with its times and costs."""
    header = [
        "run",
        "repetition",
        "event",
        "at",
        "detected after",
        "writable after",
        "pairs moved",
        "wedged at most",
        "unknown operations",
    ]
    rows = []

    def time(ns: float | None) -> str:
        return "" if ns is None else short_time(ns)

    for number in frame["observation"]:
        record, run = observed[number].record, observed[number].run.label
        repetition = str(record["phase"]["repetition"])
        for fault in record.get("faults", []):
            what = fault["trigger"] or f"rank {fault['rank']} suspected"
            if fault["refused"]:
                rows.append([run, repetition, f"{what} (refused: {fault['refusal_reason']})"] + [""] * 6)
            else:
                rows.append(
                    [
                        run,
                        repetition,
                        what,
                        time(fault["injected_ns"]),
                        time(fault["detected_after_ns"]),
                        time(fault["writable_after_ns"]),
                        f"{fault['copied_pair_count'] or 0:,}",
                        time(fault.get("wedged_ns_max")),
                        f"{fault['unknown_operation_count'] or 0:,}",
                    ]
                )
        for change in record.get("changes", []):
            if change["refused"]:
                rows.append(
                    [
                        run,
                        repetition,
                        f"{change['trigger']} (refused: {change['refusal_reason']})",
                        time(change["at_ns"]),
                    ]
                    + [""] * 5
                )
            elif any(member["change"] != "exclude" for member in change["members"]):
                what = change["trigger"] or " and ".join(f"{m['change']} of {m['name']}" for m in change["members"])
                rows.append(
                    [
                        run,
                        repetition,
                        what,
                        time(change["at_ns"]),
                        "",
                        "",
                        f"{change['moved_pair_count'] or 0:,}",
                        time(change["wedged_ns_max"]),
                        "",
                    ]
                )
    return header, rows
