"""Where the stored reports are, and copies of them that a test may change. They were written by real runs
(tests/analysis/fixtures/README.md says how they were trimmed)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Callable

HERE = Path(__file__).resolve().parent
FIXTURES = HERE / "fixtures"
ANALYSIS = HERE.parent.parent / "analysis"
sys.path.insert(0, str(ANALYSIS))

Record = dict[str, Any]


def records(name: str) -> list[Record]:
    """The records of a stored report, such as healthy/points/crash.jsonl."""
    return [json.loads(line) for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()]


def write(path: Path, made: list[Record]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in made), encoding="utf-8")
    return path


def phases(made: list[Record]) -> list[Record]:
    return [record for record in made if record["record"] == "phase"]


def set_throughput(record: Record, per_second: float) -> None:
    """Makes a phase as fast as this, in all fields that tell of it."""
    answered = sum(of["count"] - of["unknown"] for of in record["operations"].values())
    record["phase"]["elapsed_ns"] = max(round(answered * 1e9 / per_second), 1)
    record["throughput_per_second"] = answered * 1e9 / record["phase"]["elapsed_ns"]


def changed(name: str, change: Callable[[Record], None]) -> list[Record]:
    """A stored report of which every phase was changed."""
    made = records(name)
    for record in phases(made):
        change(record)
    return made
