"""Two sets of runs, matched and compared."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas

from . import series
from .load import Run
from .statistics import REPETITIONS_MIN, Ratio, median, ratio
from .tidy import observations, table

# name: (column, whether more is faster)
METRICS = {
    "throughput": ("throughput_per_second", True),
    "latency_mean": ("latency_mean_ns", False),
    "latency_p50": ("latency_p50_ns", False),
    "latency_p90": ("latency_p90_ns", False),
    "latency_p99": ("latency_p99_ns", False),
    "latency_p99_9": ("latency_p99_9_ns", False),
}
# Settings that follow from others, or that no one compares by: they never match or tell sets apart by themselves.
_FOLLOWING = ("ranks_per_core", "version")


@dataclass
class Row:
    label: str
    base: list[float]
    new: list[float]
    ratio: Ratio
    verdict: str


@dataclass
class Comparison:
    metric: str
    confidence: float
    margin: float
    differences: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    why_nothing: str = ""


def judge(of: Ratio, more_is_faster: bool, margin: float) -> str:
    """What a ratio new/base says."""
    if not of.known:
        return f"can't tell (fewer than {REPETITIONS_MIN} repetitions)"
    if of.low > 1 + margin:
        return "faster" if more_is_faster else "slower"
    if of.high < 1 / (1 + margin):
        return "slower" if more_is_faster else "faster"
    return "can't tell"


def _label(rows: pandas.DataFrame, names: list[str]) -> str:
    words = [rows["phase_type"].iloc[0], series.file_name(rows)]
    words += [series.word(name, rows[name].iloc[0]) for name in names if name not in ("phase_type", "file_sha256")]
    return ", ".join(word for word in words if word)


def compare(base: list[Run], new: list[Run], metric: str, confidence: float, margin: float) -> Comparison:
    column, more_is_faster = METRICS[metric]
    result = Comparison(metric, confidence, margin)
    frames = []
    for name, runs in (("BASE", base), ("NEW", new)):
        frame = table(observations(runs))
        frame = series.comparable(frame) if len(frame) else frame
        if not len(frame):
            result.why_nothing = f"{name} has no valid run, so there is nothing to compare"
            return result
        frames.append(frame)
    both = pandas.concat(frames, keys=["base", "new"], names=["set"]).reset_index(level="set")
    names = [name for name in series.identity(both) if name not in _FOLLOWING]
    for name in names:  # an option that only one of the sets knows
        both[name] = both[name].fillna("").astype(str)
    sets = {of: both[both["set"] == of] for of in ("base", "new")}
    constant = [name for name in names if all(frame[name].nunique() == 1 for frame in sets.values())]
    for name in constant:
        before, after = (sets[of][name].iloc[0] for of in ("base", "new"))
        if before != after:
            shown = name.removeprefix("option_").replace("_", "-")
            result.differences.append(f"{shown}: {before or 'unset'} -> {after or 'unset'}")
    matched = [name for name in names if name not in constant]
    # At least one, so that sets without any difference match, too.
    keys = matched or ["phase_type"]
    groups = {
        of: dict(list(frame.groupby(keys if len(keys) > 1 else keys[0], sort=False))) for of, frame in sets.items()
    }
    for key, rows in groups["base"].items():
        label = _label(rows, matched)
        if key not in groups["new"]:
            result.unmatched.append(f"only in BASE: {label}")
            continue
        values = [frame[column].dropna().tolist() for frame in (rows, groups["new"][key])]
        if not all(values) or min(min(values[0]), min(values[1])) <= 0:
            result.unmatched.append(f"nothing was measured: {label}")
            continue
        found = ratio(values[1], values[0], confidence)
        result.rows.append(Row(label, values[0], values[1], found, judge(found, more_is_faster, margin)))
    result.unmatched += [
        f"only in NEW: {_label(rows, matched)}" for key, rows in groups["new"].items() if key not in groups["base"]
    ]
    result.why_nothing = "no setting is in both sets; " + "; ".join(result.unmatched)
    return result


def _middle(values: list[float], metric: str) -> str:
    return f"{median(values):,.0f}" if metric == "throughput" else f"{median(values) / 1000:,.1f}"


def render(comparison: Comparison) -> str:
    unit = "operations/s" if comparison.metric == "throughput" else "us"
    lines = ["BASE and NEW differ in: " + ("; ".join(comparison.differences) or "nothing that is recorded") + ".", ""]
    header = ["", "BASE", "NEW", "n", "NEW/BASE", f"{comparison.confidence * 100:g} % interval", "verdict"]
    body = []
    for row in comparison.rows:
        interval = f"{row.ratio.low:.3f} to {row.ratio.high:.3f}" if row.ratio.known else "-"
        body.append(
            [
                row.label,
                _middle(row.base, comparison.metric),
                _middle(row.new, comparison.metric),
                f"{len(row.base)}, {len(row.new)}",
                f"{row.ratio.value:.3f}",
                interval,
                row.verdict,
            ]
        )
    widths = [max(len(line[i]) for line in [header, *body]) for i in range(len(header))]
    for line in [header, *body]:
        cells = [
            cell.ljust(width) if i in (0, 6) else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    lines += [
        "",
        f"BASE, NEW: medians of {comparison.metric}, {unit}; n: repetitions of each. Ratio: of geometric means, with "
        "Welch's t interval of their logarithms.",
    ]
    if len(body) > 1:
        expected = len(body) * (1 - comparison.confidence)
        lines.append(
            f"Of {len(body)} comparisons without any difference about {expected:.2g} would be told apart by chance."
        )
    lines += comparison.unmatched
    return "\n".join(lines) + "\n"
