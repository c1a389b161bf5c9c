"""Which repetitions measure the same: those that agree in everything that may matter. A figure frees some of it (k,
say) and gets one context for each setting of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import pandas

# Options that say where output goes or how patient the run is, or that are told otherwise (a phase by its type and the
# digest of its file). A seed makes repetitions of the same thing.
NEUTRAL_OPTIONS = frozenset(
    f"option_{name}"
    for name in ("phase", "seed", "repetitions", "warmup", "report", "history", "history_dir", "dump", "print_bound")
    + ("progress", "color", "quiet", "timeout", "forge", "node_ids")
    + ("replicas", "consistency", "mode", "window", "virtual_nodes", "routing")  # columns of their own
)
ENVIRONMENT = ("commit", "version", "compiler", "flags", "build_type", "mpi_library", "machine", "hosts", "waiting")
SETTINGS = ("mode", "window", "virtual_nodes", "routing", "replicas", "consistency", "rank_count", "ranks_per_core")
PHASE = ("phase_index", "phase_type", "file_sha256", "operation_count")
REPLICATION = ("replicas", "consistency")
SCALE = ("rank_count", "ranks_per_core", "hosts", "machine", "waiting", "option_initial_nodes", "option_waiting")


def identity(frame: pandas.DataFrame) -> list[str]:
    """The columns in which repetitions of the same thing agree."""
    options = [name for name in frame.columns if name.startswith("option_") and name not in NEUTRAL_OPTIONS]
    return [*PHASE, *SETTINGS, *ENVIRONMENT, *options]


def comparable(frame: pandas.DataFrame) -> pandas.DataFrame:
    """What may be shown: whole phases of valid runs. Absent options are empty, so that they group."""
    shown = frame[frame["valid"] & (frame["operation"] == "all")].copy()
    for name in identity(shown):
        if shown[name].dtype == object or shown[name].isna().any():
            shown[name] = shown[name].fillna("").astype(str)
    return shown


_WORDS = {
    "window": "window {}",
    "virtual_nodes": "V = {}",
    "replicas": "k = {}",
    "rank_count": "{} ranks",
    "commit": "commit {}",
    "operation_count": "{:,} operations",
    "option_at": "with {}",
    "seed": "seed {}",
    "ranks_per_core": "{} ranks a core",
}
_PLAIN = ("mode", "consistency", "routing", "phase_type", "machine", "mpi_library", "compiler", "build_type", "waiting")
_NOT_SAID_IF = {
    "option_at": "",
    "option_schedule": "",
    "option_initial_nodes": "",
    "option_via": "",
    "virtual_nodes": 1,
}


def word(name: str, value: object) -> str:
    """A setting in words; empty where there is nothing to say."""
    if name in _NOT_SAID_IF and value == _NOT_SAID_IF[name]:
        return ""
    if name == "phase_index":
        return f"as phase {int(str(value)) + 1}"
    if name == "rank_count" and value == 1:
        return "1 rank"
    if name in _WORDS:
        return _WORDS[name].format(value)
    if name in _PLAIN:
        return str(value)
    return f"{name.removeprefix('option_').replace('_', '-')} {value if value != '' else 'unset'}"


@dataclass
class Context:
    """Rows that agree in all but what was freed; `label` says in what they differ from the other contexts."""

    label: str
    rows: pandas.DataFrame


def file_name(rows: pandas.DataFrame) -> str:
    return PurePath(rows["file"].iloc[0]).name


def _label(rows: pandas.DataFrame, names: list[str], usual: dict[str, object]) -> str:
    words = []
    for name in names:
        value = rows[name].iloc[0]
        if name == "file_sha256":
            words.append(file_name(rows))
        elif name == "window" and rows["mode"].iloc[0] == "serial":
            continue  # it means nothing there
        elif name not in usual or value != usual[name]:
            words.append(word(name, value))
    return ", ".join(part for part in words if part)


# Told by others that are always told with them, or too long for a label.
_FOLLOWERS = {"ranks_per_core": "rank_count", "operation_count": "file_sha256", "flags": "commit", "version": "commit"}


def varying(frame: pandas.DataFrame, names: list[str]) -> list[str]:
    changing = [name for name in names if frame[name].nunique(dropna=False) > 1]
    return [name for name in changing if _FOLLOWERS.get(name) not in changing]


def contexts(frame: pandas.DataFrame, free: tuple[str, ...]) -> list[Context]:
    """The rows cut by everything but what is freed, in the order of their first record."""
    names = [name for name in identity(frame) if name not in free]
    told = ["phase_type"] + [name for name in varying(frame, names) if name not in ("phase_type", "phase_index")]
    # Of the many options only what is unusual among these runs is worth a word.
    usual = {name: frame[name].mode().iloc[0] for name in told if name.startswith("option_") or name == "waiting"}
    made = [Context(_label(rows, told, usual), rows) for _, rows in frame.groupby(names, sort=False, dropna=False)]
    labels = [context.label for context in made]
    for context, digest in ((context, context.rows["file_sha256"].iloc[0]) for context in made):
        if labels.count(context.label) > 1:
            context.label += f", file {digest[:8]}, as phase {context.rows['phase_index'].iloc[0] + 1}"
    return made


def points(rows: pandas.DataFrame, by: str, metric: str) -> list[tuple[float, list[float]]]:
    """The repetitions of the metric at each value of `by`, in order; those without a value are left out."""
    found = []
    for at, group in rows.groupby(by):
        values = [float(value) for value in group[metric].dropna()]
        if values:
            found.append((float(str(at)), values))
    return sorted(found)
