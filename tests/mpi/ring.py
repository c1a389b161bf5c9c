"""Runs rings through jobs/launch.sh and reads their reports: shared by the tests of this folder.

A test is a script whose checks call `expect`; it ends by `finish()`, which fails if anything failed or nothing was
checked. The program under test is taken from CHORDKV_PROGRAM_UNDER_TEST's place on the command line: --program PATH.
"""

import argparse
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LAUNCHER = ROOT / "jobs" / "launch.sh"
WORKLOADS = ROOT / "workloads"
SHARED = ROOT.parent / "shared" / "workloads" / "ntua"
SKIPPED = 77

_checks = 0
_failures = 0


class Run:
    """What one run of the program left: its status, its output, the records of its report by kind."""

    def __init__(self, status, stdout, stderr, lines):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        self.records = [json.loads(line) for line in lines]
        self.phases = [r for r in self.records if r["record"] == "phase"]
        self.summaries = [r for r in self.records if r["record"] == "summary"]
        self.verdict = self.records[-1] if self.records and self.records[-1]["record"] == "verdict" else None


def parser(description):
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--program", required=True, help="the chordkv to test")
    return arguments


def run(program, ranks, options, report=True, timeout=300, command="run", job=None):
    """Runs `chordkv COMMAND OPTIONS` on a ring of so many ranks. job: on other hosts than this one (hosts.Hosts.job)."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "report.jsonl"
        words = [str(LAUNCHER), "-n", str(ranks), *(job.options if job else []), "--", program, command, *map(str, options)]
        if report:
            words += ["--report", str(path)]
        # bytes: keys are shown as they are
        done = subprocess.run([*job.prefix, *words] if job else words, capture_output=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, env={**os.environ, **job.environment} if job else None, check=False)
        left = sorted(entry.name for entry in pathlib.Path(folder).iterdir())
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        expect(left in ([], ["report.jsonl"]), f"files left behind: {left}")
    return Run(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"), lines)


def describe(options):
    return " ".join(map(str, options))


def expect(condition, text):
    global _checks, _failures
    _checks += 1
    if not condition:
        _failures += 1
        print(f"FAILED: {text}", flush=True)
    return bool(condition)


def expect_valid(done, what):
    """A valid run: status 0, a report that ends with the verdict, every phase valid with a throughput."""
    if not expect(done.status == 0, f"{what}: status {done.status}\n{done.stdout}{done.stderr}"):
        return False
    expect(done.verdict is not None and done.verdict["verdict"] == "valid", f"{what}: no valid verdict record")
    expect(done.phases, f"{what}: no phase was reported")
    for phase in done.phases:
        verdict = phase["verdict"]
        expect(verdict["valid"] and verdict["copies_valid"], f"{what}: {verdict}")
        expect(verdict["judge"]["operation_count"] == phase["phase"]["operation_count"], f"{what}: not all was judged")
        expect(phase["throughput_per_second"] > 0, f"{what}: no throughput")
        answered = sum(phase["operations"][kind]["count"] for kind in ("insert", "query", "delete"))
        expect(answered == phase["phase"]["operation_count"], f"{what}: {answered} answers")
    return True


def expect_linearizable(program, history, what):
    """T2: the answers of a history file alone, without versions, have an order."""
    checker = pathlib.Path(program).parent / "chordkv-check"
    done = subprocess.run([str(checker), str(history)], capture_output=True, check=False)
    expect(done.returncode == 0 and b"\nLINEARIZABLE" in done.stdout,
           f"{what}: chordkv-check: {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")


def finish():
    print(f"{_checks} checks, {_failures} failed")
    sys.exit(1 if _failures or not _checks else 0)


def shipped(*kinds):
    """The options for phases on the project's own workload files."""
    options = []
    for kind in kinds:
        options += ["--phase", f"{kind}={WORKLOADS / (kind + '.csv')}"]
    return options


def ntua():
    """The course assignment's files, or an exit that CTest counts as skipped."""
    if not SHARED.is_dir():
        print(f"skipped: {SHARED} is not there")
        sys.exit(SKIPPED)
    return ["--phase", f"insert={SHARED / 'insert.txt'}", "--phase", f"query={SHARED / 'query.txt'}",
            "--phase", f"mix={SHARED / 'requests.txt'}"]


def pairwise(settings):
    """So many combinations of the settings' values that every pair of values of two settings occurs: a new combination
    is the one that covers most pairs that are still missing. settings: lists of values."""

    def pairs_of(combination):
        return set(itertools.combinations(enumerate(combination), 2))

    candidates = list(itertools.product(*settings.values()))
    missing = set().union(*map(pairs_of, candidates))
    chosen = []
    while missing:
        best = max(candidates, key=lambda c: len(pairs_of(c) & missing))
        chosen.append(best)
        missing -= pairs_of(best)
    return chosen


def relative_difference(value, expected):
    return abs(value - expected) / expected


def environment_without_launcher():
    """The environment for starting the program by hand."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CHORDKV_")}
