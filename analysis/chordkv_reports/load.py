"""Files to runs. Whatever can't be used is named with file and line, and skipped; the rest goes on."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable

from .schema import check_record


def shown(path: os.PathLike[str] | str) -> str:
    """A path as text that can be written anywhere, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "replace")


@dataclass(frozen=True)
class Problem:
    """Something that was skipped, or that makes a run useless."""

    path: str
    line: int | None
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


@dataclass
class Run:
    """The records of one call of chordkv."""

    path: str
    name: str
    phases: list[dict[str, Any]] = field(default_factory=list)
    summaries: list[dict[str, Any]] = field(default_factory=list)
    verdict: dict[str, Any] | None = None
    number: int = 0  # R1, R2, ... in the report

    @property
    def label(self) -> str:
        return f"R{self.number}"

    @property
    def valid(self) -> bool:
        """Whether its numbers may be shown at all: the run said so at its end, and so does every phase."""
        return (
            self.verdict is not None
            and self.verdict["verdict"] == "valid"
            and self.verdict["exit_status"] == 0
            and all(phase["verdict"]["valid"] for phase in self.phases)
            and not self.forged
        )

    @property
    def forged(self) -> bool:
        """Whether it falsified something on purpose, to show that the judge finds it."""
        return any(phase["verdict"]["forged"] for phase in self.phases)

    @property
    def verdict_text(self) -> str:
        if self.verdict is None:
            return "no verdict"
        name: str = self.verdict["verdict"]
        if name == "valid" and not self.valid:
            return "forged" if self.forged else "contradictory"
        return name


@dataclass
class Folder:
    """What a results folder tells beside its reports."""

    path: str
    environment: dict[str, Any] | None
    plan: str | None


@dataclass
class Loaded:
    runs: list[Run]
    problems: list[Problem]
    folders: list[Folder]
    file_count: int


class NoReports(Exception):
    """There is nothing to read; the text says what to do."""


def _files(paths: Iterable[str]) -> list[Path]:
    found: dict[str, Path] = {}
    for name in paths:
        path = Path(name)
        if path.is_dir():
            candidates = sorted(item for item in path.rglob("*.jsonl") if item.is_file())
        elif path.exists():
            candidates = [path]
        else:
            raise NoReports(f"{shown(name)}: no such file or folder")
        for candidate in candidates:
            found.setdefault(os.path.realpath(candidate), candidate)
    return list(found.values())


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _parse(line: bytes, last: bool) -> tuple[Any, str | None]:
    """A line's value, or what is wrong with it."""
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_refuse_constant), None
    except UnicodeDecodeError:
        return None, "not UTF-8"
    except RecursionError:
        return None, "nested too deeply"
    except ValueError as error:
        why = "truncated" if last and not line.endswith(b"\n") else "broken"
        return None, f"a {why} record, skipped ({getattr(error, 'msg', error)})"


def _signature(phase: dict[str, Any]) -> str:
    return json.dumps(phase["run"]["options"], sort_keys=True) + json.dumps(phase["run"]["environment"], sort_keys=True)


class _Reader:
    """Cuts a file's records into runs: a run ends with its verdict, or where the next record can't belong to it."""

    def __init__(self, path: str, name: str, problems: list[Problem]) -> None:
        self.path, self.name, self.problems = path, name, problems
        self.runs: list[Run] = []
        self.open: Run | None = None

    def _continues(self, phase: dict[str, Any]) -> bool:
        if self.open is None or self.open.summaries:
            return False
        if not self.open.phases:
            return True
        before = self.open.phases[-1]
        order = [(p["phase"]["repetition"], p["phase"]["index"]) for p in (before, phase)]
        return order[0] < order[1] and _signature(before) == _signature(phase)

    def take(self, value: dict[str, Any]) -> None:
        if value["record"] == "phase" and not self._continues(value):
            self.end()
        if self.open is None:
            suffix = f" #{len(self.runs) + 1}" if self.runs else ""
            self.open = Run(self.path, self.name + suffix)
        if value["record"] == "phase":
            self.open.phases.append(value)
        elif value["record"] == "summary":
            self.open.summaries.append(value)
        else:
            self.open.verdict = value
            self.end()

    def end(self) -> None:
        run, self.open = self.open, None
        if run is None:
            return
        self.runs.append(run)
        if run.verdict is None:
            self.problems.append(
                Problem(
                    self.path,
                    None,
                    f"the run {run.name} has no verdict at its end: " "none of its numbers is shown; run it again",
                )
            )
        elif not run.valid:
            message = run.verdict["message"] or "a phase isn't valid"
            self.problems.append(
                Problem(
                    self.path,
                    None,
                    f"the run {run.name} is {run.verdict_text}: " f"none of its numbers is shown ({message})",
                )
            )
        for summary in run.summaries:
            index = summary["phase"]["index"]
            there = sum(p["phase"]["index"] == index and not p["phase"]["warm_up"] for p in run.phases)
            if there != summary["repetitions"]:
                self.problems.append(
                    Problem(
                        self.path,
                        None,
                        f"the run {run.name} made {summary['repetitions']} "
                        f"repetitions of phase {index + 1}, and {there} of them are here",
                    )
                )


def _read(path: Path, problems: list[Problem]) -> list[Run]:
    where = shown(path)
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        problems.append(Problem(where, None, f"can't be read: {error.strerror}"))
        return []
    reader = _Reader(where, shown(path.stem), problems)
    unusable: list[Problem] = []
    used = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        value, wrong = _parse(line, number == len(lines))
        if wrong is None:
            found = check_record(value)
            if found:
                more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
                wrong = f"record skipped: {found[0]}{more}"
        if wrong is None:
            reader.take(value)
            used += 1
        else:
            unusable.append(Problem(where, number, wrong))
    reader.end()
    if not lines:
        problems.append(Problem(where, None, "is empty"))
    # A file of something else, such as a history, shall not be complained about line by line.
    kept = unusable if used else unusable[:1]
    problems.extend(kept)
    if len(kept) < len(unusable):
        problems.append(Problem(where, None, f"none of its {len(unusable)} lines can be used; skipped"))
    return reader.runs


def _folder(path: Path, problems: list[Problem]) -> Folder | None:
    environment, plan = None, None
    try:
        if (path / "environment.json").is_file():
            environment = json.loads((path / "environment.json").read_text(encoding="utf-8"))
            if not isinstance(environment, dict):
                raise ValueError("not a JSON object")
    except (OSError, ValueError) as error:
        environment = None
        problems.append(Problem(shown(path / "environment.json"), None, f"can't be used: {error}"))
    if (path / "plan.txt").is_file():
        plan = (path / "plan.txt").read_text(encoding="utf-8", errors="replace")
    if environment is None and plan is None:
        return None
    return Folder(shown(path), environment, plan)


def _digest(run: Run) -> str:
    return hashlib.sha256(json.dumps([run.phases, run.summaries, run.verdict], sort_keys=True).encode()).hexdigest()


def load(paths: Iterable[str]) -> Loaded:
    """Reads every report at the paths: files, or folders with all *.jsonl below them. Raises NoReports where there is
    none. A run that is there twice counts once."""
    names = list(paths)
    files = _files(names)
    if not files:
        raise NoReports(
            f"{', '.join(map(shown, names))}: no report (*.jsonl) here; " "chordkv run --report FILE writes one"
        )
    problems: list[Problem] = []
    runs: list[Run] = []
    seen: dict[str, Run] = {}
    for path in files:
        for run in _read(path, problems):
            same = seen.setdefault(_digest(run), run)
            if same is run:
                run.number = len(runs) + 1
                runs.append(run)
            else:
                problems.append(Problem(run.path, None, f"the run {run.name} is also in {same.path}; it counts once"))
    homes = {Path(name) for name in names if Path(name).is_dir()}
    homes |= {folder for path in files for folder in list(path.parents)[:2]}
    folders = [folder for home in sorted(homes) if (folder := _folder(home, problems)) is not None]
    unique = {os.path.realpath(folder.path): folder for folder in folders}
    return Loaded(runs, problems, list(unique.values()), len(files))
