"""Where numbers come from: which runs, with which commit, options, machine, MPI and seed, and how to repeat each."""

from __future__ import annotations

import shlex
from typing import Any, Iterable

from .load import Run

# Options that change nothing that is measured.
UNTOLD = frozenset(("report", "history", "dump", "progress", "color", "quiet", "print-bound", "history-dir", "phase"))
FLAGS = frozenset(("route-successors", "allow-data-loss", "print-bound", "quiet"))


def compressed(labels: Iterable[str]) -> str:
    """R1, R2, R3, R7 as "R1 to R3, R7"."""
    numbers = sorted(int(label[1:]) for label in labels)
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(f"R{a}" if a == b else f"R{a}, R{b}" if b == a + 1 else f"R{a} to R{b}" for a, b in parts)


def _words(run: dict[str, Any], untold: frozenset[str]) -> list[str]:
    words = []
    for name in run["options_given"]:
        value = run["options"].get(name, "")
        if name in untold:
            continue
        if name in FLAGS and value == "true":
            words.append(f"--{name}")
        else:
            for item in value if isinstance(value, list) else [value]:
                words += [f"--{name}", item]
    return words


def options(run: Run) -> str:
    """What was asked for, workload and output apart."""
    return shlex.join(_words(run.phases[0]["run"], UNTOLD)) if run.phases else ""


def command(run: Run) -> str:
    """The command that repeats a run."""
    if not run.phases:
        return ""
    of = run.phases[0]["run"]
    words = ["jobs/launch.sh", "-n", str(of["rank_count"]), "--", "chordkv", "run"]
    for phase in of["options"].get("phase", []):
        words += ["--phase", phase]
    words += _words(of, UNTOLD)
    if "seed" not in of["options_given"]:
        words += ["--seed", of["seed"]]
    return shlex.join([*words, "--report", "again.jsonl"])


def recipe(run: Run) -> str:
    """The command, under a comment that says of which run and commit it is."""
    name = " ".join(run.name.split())  # a file's name may have line ends, and this is to be copied to a shell
    return f"# {run.label}: {name}, commit {run.phases[0]['run']['environment']['commit']}\n{command(run)}"


class Environments:
    """The distinct environments of runs, named E1, E2, ..."""

    COLUMNS = ("commit", "machine", "hosts", "mpi_library", "compiler", "flags", "build_type", "version")

    def __init__(self, runs: list[Run]) -> None:
        self._found: dict[tuple[str, ...], str] = {}
        for run in runs:
            if run.phases:
                self._found.setdefault(self._key(run), f"E{len(self._found) + 1}")

    def _key(self, run: Run) -> tuple[str, ...]:
        environment = run.phases[0]["run"]["environment"]
        return tuple(" ".join(environment[name]) if name == "hosts" else environment[name] for name in self.COLUMNS)

    def label(self, run: Run) -> str:
        return self._found[self._key(run)] if run.phases else ""

    def rows(self) -> list[list[str]]:
        return [[label, *key] for key, label in self._found.items()]

    def said(self, runs: list[Run]) -> str:
        """What a figure's runs have in common, or all that they have."""

        def each(values: Iterable[str]) -> str:
            return ", ".join(dict.fromkeys(values))

        keys = [dict(zip(self.COLUMNS, self._key(run))) for run in runs]
        seeds = each(run.phases[0]["run"]["seed"] for run in runs)
        return (
            f"commit {each(k['commit'] for k in keys)}; {each(k['mpi_library'] for k in keys)}; "
            f"{each(k['machine'] for k in keys)} (host {each(k['hosts'] for k in keys)}); seed {seeds}"
        )


def sentence(labels: set[str], runs: list[Run], environments: Environments) -> str:
    """Under a figure: who made its numbers. Options and commands are in the table of runs."""
    used = [run for run in runs if run.label in labels]
    return f"Runs {compressed(labels)}: {environments.said(used)}."


def run_rows(runs: list[Run], environments: Environments) -> list[list[str]]:
    rows = []
    for run in runs:
        if not run.phases:
            rows.append([run.label, run.name, run.verdict_text] + [""] * 7)
            continue
        of = run.phases[0]["run"]
        phases = list(
            dict.fromkeys(f"{p['phase']['type']} {(p['phase']['file_sha256'] or '')[:8]}" for p in run.phases)
        )
        repetitions = max(p["phase"]["repetition"] for p in run.phases)
        rows.append(
            [
                run.label,
                run.name,
                run.verdict_text,
                str(of["rank_count"]),
                f"{of['environment']['ranks_per_core']:g}",
                options(run),
                of["seed"],
                ", ".join(phases),
                str(repetitions),
                environments.label(run),
            ]
        )
    return rows


RUN_HEADER = [
    "run",
    "name",
    "verdict",
    "ranks",
    "ranks a core",
    "options given",
    "seed",
    "phases",
    "repetitions",
    "environment",
]


def workload_rows(runs: list[Run]) -> list[list[str]]:
    rows: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        for phase in run.phases:
            of = phase["phase"]
            key = (of["file_sha256"] or "", of["file"] or "")
            rows.setdefault(key, [key[0], key[1], of["type"], f"{of['operation_count']:,}"])
    return list(rows.values())
