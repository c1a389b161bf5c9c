"""Each *.sbatch of jobs/ on a real Slurm of two nodes, with small settings: the job completes, every point of its plan is
there and valid, and so is the report. A wrong answer, too few slots or a missing module make it fail, in clear words.

--program PATH   the chordkv to run
--only NAME      these jobs only; repeat it
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Callable

import private_slurm

ROOT = pathlib.Path(__file__).resolve().parents[2]
JOB_SECONDS = 240

_checks = 0
_failures = 0


def expect(condition: object, what: str) -> bool:
    global _checks, _failures
    _checks += 1
    if not condition:
        _failures += 1
        print(f"FAILED: {what}", flush=True)
    return bool(condition)


def project(folder: pathlib.Path) -> str:
    """A clone with what jobs need, so that results land there; its commit."""
    for part in ("jobs", "analysis", "workloads"):
        if (ROOT / part).exists():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".gitignore").write_text("/results/\n/output/\n")
    git = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "test"], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


class Jobs:
    def __init__(self, slurm: private_slurm.Slurm, folder: pathlib.Path, program: str, only: list[str]) -> None:
        self.slurm, self.folder, self.program, self.only = slurm, folder, program, only
        self.commit = project(folder)
        self.under_way: list[Callable[[], None]] = []

    def submit(self, name: str, arguments: tuple[str, ...], options: list[str]) -> tuple[str, str] | None:
        """Submits a file with sbatch's arguments and the options of its script."""
        if self.only and name not in self.only:
            return None
        output = self.folder / "output" / name / "%a.out"  # the task of an array
        output.parent.mkdir(parents=True)
        return name, self.slurm.submit([*arguments, *options, "--program", self.program], self.folder, output)

    def wait(self, name: str, job: str) -> tuple[private_slurm.Ended, str]:
        """How it ended and what it printed."""
        ended = self.slurm.wait(job, JOB_SECONDS)
        text = "".join(path.read_text("utf-8", "replace") for path in sorted((self.folder / "output" / name).iterdir()))
        print(f"{name}: {ended.state}, status {ended.status}, {ended.seconds} s", flush=True)
        return ended, text

    def completes(self, name: str, count: int, nodes: int, *arguments: str, options: list[str], results: str = "") -> None:
        """The job will complete, with so many points, on so many nodes."""
        submitted = self.submit(name, arguments, options if results else [*options, "--results", f"results/{name}"])
        if submitted is not None:
            where = self.folder / (results or f"results/{name}")
            self.under_way.append(lambda: self.completed(*submitted, count, nodes, where))

    def completed(self, name: str, job: str, count: int, nodes: int, where: pathlib.Path) -> None:
        ended, text = self.wait(name, job)
        if not expect(ended.state == "COMPLETED" and ended.status == 0, f"{name}: {ended}\n{text}{self.logs(where)}"):
            return
        expect(" 0 failed; 0 wrong answers" in text, f"{name}: doesn't say how many answers were wrong:\n{text}")
        environment = json.loads((where / "environment.json").read_text())
        plan = environment["plan"]
        points = {path.stem: path for path in (where / "points").iterdir()}
        expect(len(plan) == count and set(points) == {point["name"] for point in plan},
               f"{name}: {len(plan)} points planned instead of {count}, and there are {sorted(points)}")
        expect(all(point["state"] == "finished" and point["command"] for point in plan), f"{name}: {plan}")
        expect(environment["commit"] == self.commit and environment["dirty"] is False, f"{name}: {environment['commit']}")
        expect(all(environment[key] for key in ("date", "host", "cpu_model", "cores", "mpi", "program_sha256")),
               f"{name}: {environment}")
        slurm = environment["slurm"] or {}
        expect(slurm.get("nnodes") == str(nodes) and slurm.get("job_id"), f"{name}: {slurm}")
        for path in points.values():
            records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            phases = [record for record in records if record["record"] == "phase"]
            expect(records[-1]["record"] == "verdict" and records[-1]["verdict"] == "valid" and phases
                   and all(p["verdict"]["valid"] and p["verdict"]["wrong_count"] == 0 for p in phases), f"{path}: not valid")
        for page in ("index.html", "report.md"):
            content = (where / page).read_text("utf-8") if (where / page).exists() else ""
            expect(len(content) > 1000 and self.commit[:7] in content, f"{name}: {page} isn't the report")

    def fails(self, name: str, status: int, words: str, *arguments: str, options: list[str]) -> None:
        """The job will fail, with this status and these words."""
        submitted = self.submit(name, arguments, [*options, "--results", f"results/{name}"])
        if submitted is not None:
            self.under_way.append(lambda: self.failed(*submitted, status, words))

    def failed(self, name: str, job: str, status: int, words: str) -> None:
        ended, text = self.wait(name, job)
        expect(ended.state == "FAILED" and ended.status == status, f"{name}: {ended} instead of status {status}\n{text}")
        expect(re.search(words, text), f"{name}: doesn't say '{words}':\n{text}")
        points = self.folder / f"results/{name}" / "points"
        expect(not points.exists() or not list(points.glob("*.jsonl")), f"{name}: a failed point counts as finished")

    def finish(self) -> None:
        """Waits for all that were submitted, in that order, and checks each."""
        for check_one in self.under_way:
            check_one()
        left = [path.name for path in self.folder.glob(".chordkv-launch.*")]
        expect(not left, f"left behind: {left}")

    def logs(self, where: pathlib.Path) -> str:
        return "".join(f"--- {path.name}\n{path.read_text('utf-8', 'replace')[-3000:]}\n"
                       for path in sorted((where / "logs").glob("*.log"))) + self.slurm.logs()


def check(jobs: Jobs) -> None:
    small = ["--keys", "300", "--operations", "600", "--repetitions", "1"]
    jobs.completes("toychord", 2, 1, "-n", "4", "jobs/toychord.sbatch",
                   options=["--ranks", "4", "--replicas", "3", "--mode", "serial", "--repetitions", "1"])
    jobs.completes("toychord-srun", 1, 1, "-n", "4", "jobs/toychord.sbatch",
                   options=["--ranks", "4", "--replicas", "3", "--mode", "parallel", "--consistency", "linearizable",
                            "--repetitions", "1", "--launcher", "srun"])
    jobs.completes("scaling", 4, 2, "-n", "4", "jobs/scaling.sbatch",
                   options=["--ranks", "2 4", "--operations-per-rank", "300", *small])
    jobs.completes("routing", 2, 1, "-n", "4", "jobs/routing.sbatch",
                   options=["--nodes", "8", "--routing", "finger,successors", "--ranks", "4", *small])
    jobs.completes("replication", 2, 1, "-n", "4", "jobs/replication.sbatch",
                   options=["--ranks", "4", "--replicas", "2", "--window", "4", *small])
    jobs.completes("membership", 1, 2, "-n", "5", "jobs/membership.sbatch",
                   options=["--ranks", "5", "--events", "churn", "--replicas", "2", "--consistency", "linearizable", *small])
    jobs.completes("faults", 2, 2, "-n", "5", "jobs/faults.sbatch",
                   options=["--fault", "kill silence", "--consistency", "linearizable", "--suspect-after", "300ms",
                            "--keys", "300", "--operations", "3000", "--repetitions", "1"])
    # The tasks share the folder that the first of them names.
    array = f"results/{time.strftime('%Y-%m-%d')}-{jobs.commit[:12]}"
    jobs.completes("array", 2, 1, "--array=1-2", "-n", "3", "jobs/array.sbatch", "replication", results=array,
                   options=["--ranks", "3", "--replicas", "2", "--window", "4", *small])
    # What must not pass for a result.
    one = ["--ranks", "4", "--replicas", "3", "--mode", "serial", "--consistency", "linearizable", "--repetitions", "1"]
    jobs.fails("wrong-answer", 3, "1 failed; [1-9][0-9]* wrong answers", "-n", "4", "jobs/toychord.sbatch",
               options=[*one, "--options", "--forge answer"])
    jobs.fails("few-slots", 2, "the plan needs 4 slots, but the job has 3", "-n", "3", "jobs/toychord.sbatch", options=one)
    jobs.fails("no-module", 2, "modules 'no-such-mpi/1.0' are wanted", "-n", "4", "jobs/toychord.sbatch",
               options=[*one, "--modules", "no-such-mpi/1.0"])
    jobs.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--only", action="append", default=[])
    given = parser.parse_args()
    absent = private_slurm.missing()
    if absent:
        print(f"not here: {', '.join(absent)}; on Debian: apt-get install slurm-wlm munge")
        sys.exit(1)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chordkv-slurm.") as scratch:
        (pathlib.Path(scratch) / "slurm").mkdir()
        (pathlib.Path(scratch) / "project").mkdir()
        try:
            with private_slurm.Slurm(pathlib.Path(scratch) / "slurm") as slurm:
                print(f"Slurm is there after {time.monotonic() - started:.1f} s", flush=True)
                check(Jobs(slurm, pathlib.Path(scratch) / "project", os.path.abspath(given.program), given.only))
            expect(not slurm.ours(), "processes of the private Slurm are left")
        except private_slurm.Failure as failure:
            expect(False, str(failure))
    print(f"{_checks} checks, {_failures} failures, {time.monotonic() - started:.1f} s")
    sys.exit(0 if _checks and not _failures else 1)


main()
