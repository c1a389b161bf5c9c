"""The shapes that the literature leads one to expect, each checked against these runs and said in words: holds, doesn't
hold, or can't tell, with the numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Callable

import pandas

from .figures import ALL_MESSAGES, CRITICAL, THROUGHPUT, spread
from .figures_ring import rings
from .series import REPLICATION, Context, contexts, points
from .statistics import Ratio, median, ratio
from .tidy import Observation

HOLDS, FAILS, OPEN = "holds", "doesn't hold", "can't tell"
# "Flat" means within this factor; narrower differences between machines and days would mean nothing.
FLAT = 1.25
# A mean further away than so many of its standard errors is not what was expected.
ERRORS_MAX = 3.0


@dataclass
class Shape:
    claim: str
    verdict: str
    numbers: str
    explanation: str = ""
    source: str = ""
    runs: set[str] = field(default_factory=set)


def judge_falls(of: Ratio) -> str:
    return OPEN if not of.known else HOLDS if of.high < 1 else FAILS if of.low > 1 else OPEN


def judge_flat(of: Ratio) -> str:
    if not of.known:
        return OPEN
    if 1 / FLAT <= of.low and of.high <= FLAT:
        return HOLDS
    return FAILS if of.high < 1 / FLAT or of.low > FLAT else OPEN


def judge_not_falling(of: Ratio) -> str:
    return OPEN if not of.known else HOLDS if of.low >= 1 / FLAT else FAILS if of.high < 1 / FLAT else OPEN


_BY_K = {
    ("insert", "linearizable"): ("falls with k", judge_falls, "FayStatha 37.4, 28.0, 22.3; nickst74 228, 167, 134"),
    ("query", "linearizable"): (
        "falls with k",
        judge_falls,
        "FayStatha 39.9, 27.8, 23.1; nickst74 260, 269, 267 " "(not there)",
    ),
    ("insert", "eventual"): (
        "is roughly flat with k",
        judge_flat,
        "FayStatha 34.0, 34.8, 34.4; nickst74 237, 159, 168 " "(not there)",
    ),
    ("query", "eventual"): (
        "rises or stays flat with k",
        judge_not_falling,
        "FayStatha 38.1, 50.4, 62.9; nickst74 270, " "298, 313",
    ),
}


def _per_k(found: list[tuple[float, list[float]]], form: str) -> str:
    return ", ".join(f"k = {k:g}: {median(values):{form}}" for k, values in found)


def _explain(consistency: str, rows: pandas.DataFrame, judge: Callable[[Ratio], str]) -> str:
    """What the messages say, where time may be ruled by shared cores: the same claim about one over the messages that
    an operation waits for."""
    waited, everything = points(rows, "replicas", CRITICAL), points(rows, "replicas", ALL_MESSAGES)
    if not waited:
        return ""
    text = (
        f"In messages that an operation waits for it {judge(ratio(waited[0][1], waited[-1][1]))} "
        f"({_per_k(waited, '.2f')}); all messages that left a rank, an operation: {_per_k(everything, '.2f')}."
    )
    sharing = float(rows["ranks_per_core"].max())
    if sharing > 1 and consistency == "eventual" and median(everything[-1][1]) > FLAT * median(everything[0][1]):
        text += (
            f" With {sharing:g} ranks a core the machine is full: the messages of propagation, which nobody "
            "waits for, still take the time of a core that the next operation needs, and slow it down all the "
            "same. On a machine with a core for each rank only what is waited for counts."
        )
    return text


def _throughput_by_k(context: Context) -> list[Shape]:
    made = []
    kind = context.rows["phase_type"].iloc[0]
    for consistency in ("linearizable", "eventual"):
        rows = context.rows[context.rows["consistency"] == consistency]
        found = points(rows, "replicas", THROUGHPUT)
        if (kind, consistency) not in _BY_K or len(found) < 2:
            continue
        words, judge, published = _BY_K[kind, consistency]
        change = ratio(found[-1][1], found[0][1])
        numbers = f"Operations/s: {_per_k(found, ',.0f')}; k = {found[-1][0]:g} over k = {found[0][0]:g}: {change}."
        made.append(
            Shape(
                f"{consistency.capitalize()} {kind} throughput {words} ({context.label})",
                judge(change),
                numbers,
                _explain(consistency, rows, judge),
                f"Published for k = 1, 3, 5: {published} operations/s.",
                set(rows["run"]),
            )
        )
    return made


def _eventual_against_linearizable(context: Context) -> list[Shape]:
    made = []
    for k, rows in context.rows[context.rows["replicas"] > 1].groupby("replicas"):
        rates = {name: of[THROUGHPUT].dropna().tolist() for name, of in rows.groupby("consistency")}
        if len(rates) == 2 and all(rates.values()):
            change = ratio(rates["linearizable"], rates["eventual"])
            made.append(
                Shape(
                    f"With k = {k} linearizable is slower than eventual ({context.label})",
                    judge_falls(change),
                    f"Operations/s: {median(rates['linearizable']):,.0f} against {median(rates['eventual']):,.0f}; "
                    f"linearizable over eventual: {change}.",
                    "",
                    "Published: FayStatha, k = 3: 28.0 against 34.8 (insert), 27.8 against 50.4 (query).",
                    set(rows["run"]),
                )
            )
    return made


def _stale(frame: pandas.DataFrame, everything: pandas.DataFrame) -> list[Shape]:
    """Of linearizable runs also the wrong ones are looked at: a stale read makes a run wrong."""
    made = []
    judged = everything[(everything["operation"] == "all") & everything["phase_type"].isin(["mix", "query"])]
    linearizable = judged[
        (judged["consistency"] == "linearizable")
        & judged["stale_read_count"].notna()
        & judged["verdict"].isin(["valid", "wrong"])
        & ~judged["forged"]
    ]
    eventual = frame[frame["consistency"] == "eventual"]
    if len(linearizable):
        count = int(linearizable["stale_read_count"].sum())
        made.append(
            Shape(
                "No linearizable read is stale",
                HOLDS if count == 0 else FAILS,
                f"{count} stale reads in {len(linearizable)} repetitions of phases with queries, every answer "
                "judged, wrong runs included.",
                "",
                "Published: chordify, k = 5, 8, 10: 0, 0, 0.",
                set(linearizable["run"]),
            )
        )
    mixed = eventual[(eventual["phase_type"] == "mix") & (eventual["replicas"] > 1)]
    if len(mixed):
        found = points(mixed, "replicas", "stale_read_count")
        total = sum(sum(values) for _, values in found)
        numbers = "Stale reads a repetition: " + "; ".join(
            f"k = {k:g}: {min(values):g} to {max(values):g}, median {median(values):g}" for k, values in found
        )
        explanation = (
            ""
            if total
            else "None was seen: with one operation at a time a copy is up to date before it is "
            "asked. That doesn't show that there can be none."
        )
        made.append(
            Shape(
                "Eventual reads may be stale, so linearizable is the fresher mode (mix)",
                HOLDS if total else OPEN,
                numbers + ".",
                explanation,
                "Published: chordify, eventual, k = 5, 8, 10: 4, 15, 35.",
                set(mixed["run"]),
            )
        )
    return made


def _hops(frame: pandas.DataFrame, observed: list[Observation]) -> list[Shape]:
    # Inserts alone: their keys are nearly all different, as the expectation wants them. Queries may prefer a few.
    found = rings(frame[frame["phase_type"] == "insert"], observed)
    if not found:
        return []
    off = [abs(ring.mean - ring.expected_mean) / max(ring.standard_error, 1e-12) for ring in found]
    numbers = "; ".join(
        f"{ring.label}: {ring.mean:.3f} measured, {ring.expected_mean:.3f} ± {ring.standard_error:.3f} expected, "
        f"{errors:.1f} standard errors apart"
        for ring, errors in zip(found, off)
    )
    return [
        Shape(
            "Hops are those expected on each ring, within their statistical error (inserts)",
            HOLDS if max(off) <= ERRORS_MAX else FAILS,
            f"Mean owner_hops: {numbers}. {ERRORS_MAX:g} are allowed.",
            "",
            "The expectation is computed from the sorted ids, apart from the router.",
            set().union(*(ring.rows["run"] for ring in found)),
        )
    ]


def _path_grows(frame: pandas.DataFrame) -> list[Shape]:
    rows = frame[
        (frame["routing"] == "finger")
        & (frame["virtual_nodes"] == 1)
        & (frame["phase_type"] == "insert")
        & (frame["fault_count"] + frame["change_count"] == 0)
    ]
    found = [(n, median(values)) for n, values in points(rows, "member_count", "path_length_mean") if n >= 4]
    if len(found) < 2:
        return []
    (low, first), (high, last) = found[0], found[-1]
    slope = (last - first) / (math.log2(high) - math.log2(low))
    # A single small ring strays from the average: of 8 nodes by some 0.2 hops.
    verdict = HOLDS if 0.3 <= slope <= 0.7 else OPEN if 0.1 <= slope <= 0.9 else FAILS
    return [
        Shape(
            "The path grows by about half a hop with each doubling of the ring",
            verdict,
            "Path length: "
            + ", ".join(f"{n:g} nodes: {mean:.2f}" for n, mean in found)
            + f"; {slope:.2f} hops a doubling.",
            ""
            if verdict == HOLDS
            else "Each size is one ring, and small rings stray from the average by some 0.2 hops.",
            "Published: about ½ log2 N (Stoica et al., 2001, 6.3).",
            set(rows["run"]),
        )
    ]


def _balance(frame: pandas.DataFrame) -> list[Shape]:
    found = points(frame[frame["rank_count"] >= 5], "virtual_nodes", "keys_per_rank_max_over_mean")
    if len(found) < 2:
        return []
    (v_low, low), (v_high, high) = found[0], found[-1]
    falls = max(high) < min(low)
    return [
        Shape(
            "Virtual nodes even out the keys",
            HOLDS if falls else FAILS if min(high) > max(low) else OPEN,
            f"Keys of the busiest rank over the mean: V = {v_low:g}: {spread(low, '.2f')}; "
            f"V = {v_high:g}: {spread(high, '.2f')}.",
            "",
            "Published: the 99th percentile falls from 4.8 to 1.6 times the mean from 1 to 20 virtual nodes "
            "(Stoica et al., 2001, 6.2).",
            set(frame["run"]),
        )
    ]


def check(frame: pandas.DataFrame, everything: pandas.DataFrame, observed: list[Observation]) -> list[Shape]:
    """All shapes that these runs can say something about: frame has what may be shown, everything all rows."""
    made: list[Shape] = []
    by_k = contexts(frame, REPLICATION) if len(frame) else []
    for context in by_k:
        made += _throughput_by_k(context)
    for context in by_k:
        made += _eventual_against_linearizable(context)
    if len(everything):
        made += _stale(frame, everything)
    if len(frame):
        made += _hops(frame, observed) + _path_grows(frame) + _balance(frame)
    return made
