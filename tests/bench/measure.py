"""What the scripts of this folder share: workloads, one run of chordkv or chordkv-limit, and medians."""
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
KEY_BYTES, VALUE_BYTES = 16, 32


def fail(text: str) -> None:
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {text}")


def require(path: pathlib.Path) -> pathlib.Path:
    if not path.exists():
        fail(f"there is no {path}: build it first (cmake --preset release && cmake --build build)")
    return path


def write_workloads(folder: pathlib.Path, keys: int, operations: int) -> None:
    """insert.csv: every key once; mix.csv: queries and updates in turns, uniform."""
    draw = random.Random(1)
    with open(folder / "insert.csv", "w", encoding="ascii") as out:
        out.writelines(f"key{key:013d},{key:032d}\n" for key in range(keys))
    with open(folder / "mix.csv", "w", encoding="ascii") as out:
        for turn in range(operations):
            key = draw.randrange(keys)
            out.write(f"query,key{key:013d}\n" if turn % 2 else f"insert,key{key:013d},{turn:032d}\n")


def run_chordkv(build: pathlib.Path, folder: pathlib.Path, ranks: int, *options: str) -> dict:
    """The record of the mix phase. A run whose answers are wrong ends the script."""
    report = folder / "report.jsonl"
    report.unlink(missing_ok=True)
    command = [str(ROOT / "jobs/launch.sh"), "-n", str(ranks), "--", str(require(build / "app/chordkv")), "run", "--quiet",
               "--report", str(report), "--phase", f"insert={folder / 'insert.csv'}", "--phase", f"mix={folder / 'mix.csv'}",
               *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(f"chordkv ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
    records = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    return next(record for record in records if record["record"] == "phase" and record["phase"]["type"] == "mix")


def run_limit(build: pathlib.Path, ranks: int, *options: str) -> list[dict]:
    """A record for each manner."""
    command = [str(ROOT / "tests/mpi/mpirun.sh"), str(ranks), str(require(build / "tests/bench/chordkv-limit")), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode != 0:
        fail(f"chordkv-limit ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def median(values: list[float]) -> float:
    return statistics.median(values)
