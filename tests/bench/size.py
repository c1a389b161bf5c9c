#!/usr/bin/python3
"""What a ring costs as it grows: state, messages, time and memory against ranks; bytes and load rate against pairs.

Prints Markdown tables with each cost beside its theory, and ends with status 1 if a cost has grown worse than its
theory by more than --margin since the smaller size at which it was nearest to it. Judged are

  routing entries a node                  min(N - 1, successors + 1 + log2 N)
  distinct fingers                        log2 N
  messages of a join, and those of        log2(N)^2
    routing alone
  bytes of a stored pair beside key and   flat
    value

Times, the memory of processes and the messages to form a ring are told, not judged: a lookup that a starved rank does
not answer in time is sent again, so those messages depend on what else the machine does (the least of the repetitions
is told). Rings have ids drawn from a seed. A join is that of a node which has just departed: a ring of N ranks has
N - 1 nodes before it. Memory is what /proc tells of each rank's private pages (RssAnon), without what ranks share."""

from __future__ import annotations

import argparse
import collections
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
from typing import Callable

import measure

RANKS = [1, 2, 4, 8, 16, 32, 64]
LARGE = 256
PAIRS = [10_000, 100_000, 1_000_000, 10_000_000]
PAIR_RANKS = 4
SUCCESSORS = 4
ROUTING_MESSAGES = ("LOOKUP", "FOUND", "ANNOUNCE", "ANNOUNCED", "GONE")
SAMPLE_SECONDS = 0.1  # how often a run's memory is looked at


# --- the theory -------------------------------------------------------------------------------------------------------


def theory_entries(ranks: int) -> float:
    return min(ranks - 1, SUCCESSORS + 1 + math.log2(ranks))


def theory_fingers(ranks: int) -> float:
    return math.log2(ranks)


def theory_forming(ranks: int) -> float:
    return ranks * math.log2(ranks) ** 2


def theory_join(ranks: int) -> float:
    return math.log2(ranks) ** 2


def theory_flat(_: int) -> float:
    return 1.0


def worse_steps(what: str, values: dict[int, float], theory: Callable[[int], float], margin: float) -> list[str]:
    """What has grown by more than its theory since the smaller size at which it was nearest to it."""
    complaints = []
    best: tuple[float, int] | None = None
    for size, value in sorted(values.items()):
        if theory(size) == 0:
            continue
        ratio = value / theory(size)
        if best is not None and ratio > best[0] * (1 + margin):
            complaints.append(f"{what}: {ratio / best[0]:.2f} times its theory from {best[1]:,} to {size:,}: "
                              f"{values[best[1]]:,.1f} became {value:,.1f}")
        if best is None or ratio < best[0]:
            best = (ratio, size)
    return complaints


# --- processes --------------------------------------------------------------------------------------------------------


def below(process: int) -> list[int]:
    """The process and all that it has started, as far as they still run."""
    found = [process]
    for one in found:
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                found += map(int, pathlib.Path(f"/proc/{one}/task/{thread}/children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended, or a thread of it, at any moment
    return found


def private_bytes(process: int) -> list[int]:
    """Of each process named chordkv that another one has started: its private resident pages."""
    sizes = []
    for one in below(process):
        try:
            lines = pathlib.Path(f"/proc/{one}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if fields["Name"] == "chordkv" and "RssAnon" in fields:
            sizes.append(int(fields["RssAnon"].split()[0]) * 1024)
    return sizes


def launched(options: argparse.Namespace, ranks: int, *words: str) -> list[str]:
    program = str(measure.require(options.build / "app/chordkv"))
    return [str(measure.ROOT / "jobs/launch.sh"), "-n", str(ranks), "--", program, *words]


def run_report(options: argparse.Namespace, folder: pathlib.Path, ranks: int, *words: str) -> tuple[list[dict], int]:
    """The phases of a run, and the most private memory that a rank was seen with."""
    report = folder / "report.jsonl"
    report.unlink(missing_ok=True)
    command = launched(options, ranks, *words, "--quiet", "--report", str(report))
    most = 0
    with open(folder / "errors", "w+", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        ended = threading.Event()
        threading.Thread(target=lambda: (process.wait(), ended.set()), daemon=True).start()
        while not ended.wait(SAMPLE_SECONDS):
            most = max([most, *private_bytes(process.pid)])
        if process.returncode != 0:
            errors.seek(0)
            measure.fail(f"{ranks} ranks: status {process.returncode}: {errors.read().strip()[-300:]}")
    records = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    return [record for record in records if record["record"] == "phase"], most


def talk(options: argparse.Namespace, ranks: int, commands: list[str], *words: str) -> tuple[list[dict], list[int]]:
    """The shell's answers, one a command, and each rank's private memory after the last."""
    command = launched(options, ranks, "shell", "--json", *words)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write("".join(f"{command}\n" for command in commands))
        process.stdin.flush()
        answers = []
        while len(answers) < len(commands):
            line = process.stdout.readline()
            if not line:
                measure.fail(f"the shell of {ranks} ranks ended early, with status {process.wait()}")
            answers.append(json.loads(line))
            if answers[-1]["answer"] == "error":
                measure.fail(f"the shell of {ranks} ranks: {answers[-1]['error']}")
        memory = private_bytes(process.pid)
        process.stdin.write("quit\n")
        process.stdin.close()
        verdict = json.loads(process.stdout.readline())
    if process.returncode != 0 or not verdict["valid"] or len(memory) != ranks:
        measure.fail(f"the shell of {ranks} ranks: status {process.returncode}, {verdict}, {len(memory)} processes")
    return answers, memory


# --- against ranks ----------------------------------------------------------------------------------------------------


def write_ids(path: pathlib.Path, ranks: int, seed: int) -> None:
    ids = random.Random(seed).sample(range(1 << 62), ranks)
    path.write_text("".join(f"{rank} {hex(number << 98)}\n" for rank, number in enumerate(ids)), encoding="ascii")


def measure_forming(options: argparse.Namespace, folder: pathlib.Path, ranks: int,
                    found: dict[str, list[float]]) -> None:
    one = folder / "one.csv"
    one.write_text("key,value\n", encoding="ascii")
    phases, _ = run_report(options, folder, ranks, "run", "--phase", f"insert={one}", "--pool", "min", "--node-ids",
                           str(folder / "ids"), "--routing", options.routing, "--repetitions", str(options.repetitions),
                           "--suspect-after", "never")
    found["forming_ns"] += [phase["run"]["formation_ns"] for phase in phases]
    found["forming"].append(min(phase["run"]["formation_messages"] for phase in phases))
    found["bound"].append(phases[0]["run"]["message_bound_bytes"])
    for node in phases[-1]["nodes"]:
        found["entries"].append(node["routing_entry_count"])
        found["fingers"].append(node["finger_count"])


def measure_joins(options: argparse.Namespace, folder: pathlib.Path, ranks: int, seed: int,
                  found: dict[str, list[float]]) -> None:
    draw = random.Random(seed)
    commands = ["overlay"]
    for rank in [draw.randrange(ranks) for _ in range(options.joins if ranks > 1 else 0)]:
        commands += [f"depart {rank}", "stats", f"join {rank}", "stats"]
    answers, memory = talk(options, ranks, commands, "--pool", "min", "--node-ids", str(folder / "ids"), "--routing",
                           options.routing, "--suspect-after", "never")
    found["memory"] += memory
    before: collections.Counter = collections.Counter()
    for change, after in zip(answers[1::2], answers[2::2], strict=True):
        sent = collections.Counter(after["messages"])
        if change["answer"] == "join":
            difference = sent - before
            found["join"].append(difference.total())
            found["routing"].append(sum(difference[kind] for kind in ROUTING_MESSAGES))
        before = sent


def measure_ranks(options: argparse.Namespace, folder: pathlib.Path, ranks: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = collections.defaultdict(list)
    for seed in range(1, options.rings + 1):
        write_ids(folder / "ids", ranks, seed)
        measure_forming(options, folder, ranks, found)
        measure_joins(options, folder, ranks, seed, found)
    return found


def beside(value: float, theory: float) -> str:
    return f"{value / theory:.2f}" if theory > 0 else "-"


def table(head: list[str], rows: list[list[str]]) -> None:
    print(f"| {' | '.join(head)} |\n|{'--:|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print()


def tell_ranks(options: argparse.Namespace, folder: pathlib.Path) -> list[str]:
    messages, costs = [], []
    values: dict[str, dict[int, float]] = collections.defaultdict(dict)
    for ranks in options.ranks:
        print(f"size.py: {ranks} ranks", file=sys.stderr)
        found = measure_ranks(options, folder, ranks)
        mean = {name: statistics.fmean(found[name]) for name in found}
        for name in ("entries", "fingers"):
            values[name][ranks] = mean[name]
        joins = ["-"] * 5
        if found["join"]:
            for name in ("join", "routing"):
                values[name][ranks] = statistics.median(found[name])
            joins = [f"{values['join'][ranks]:.0f}", f"{max(found['join'])}",
                     beside(values["join"][ranks], theory_join(ranks)),
                     f"{values['routing'][ranks]:.0f}", beside(values["routing"][ranks], theory_join(ranks))]
        messages.append([str(ranks), f"{mean['entries']:.1f}", f"{max(found['entries'])}",
                         beside(mean["entries"], theory_entries(ranks)), f"{mean['fingers']:.1f}",
                         beside(mean["fingers"], theory_fingers(ranks)), *joins])
        formed_ns = statistics.median(found["forming_ns"])
        costs.append([str(ranks), f"{mean['forming']:,.0f}", beside(mean["forming"], theory_forming(ranks)),
                      f"{formed_ns / 1e6:,.2f}", f"{min(found['forming_ns']) / 1e6:,.2f}",
                      beside(formed_ns / 1e3, mean["forming"]), f"{mean['memory'] / 2**20:.1f}",
                      f"{max(found['memory']) / 2**20:.1f}", f"{mean['bound'] / 2**20:.1f}"])
    print(f"Rings of each size: {options.rings}, formed {options.repetitions} times each, {options.joins} joins in "
          "each. Means over nodes; medians of the messages of a join and of times; of the messages to form a ring the "
          "least, in the mean over rings.\n")
    table(["ranks", "entries a node", "most", "/ theory", "fingers", "/ log2 N", "a join, messages", "most",
           "/ log2(N)^2", "of them routing", "/ log2(N)^2"], messages)
    table(["ranks", "to form, messages", "/ N log2(N)^2", "ms", "least", "us a message", "private MiB a rank", "most",
           "bound of messages, MiB"], costs)
    return [*worse_steps("routing entries a node", values["entries"], theory_entries, options.margin),
            *worse_steps("distinct fingers", values["fingers"], theory_fingers, options.margin),
            *worse_steps("messages of a join", values["join"], theory_join, options.margin),
            *worse_steps("routing messages of a join", values["routing"], theory_join, options.margin)]


# --- against pairs ----------------------------------------------------------------------------------------------------


def tell_pairs(options: argparse.Namespace, folder: pathlib.Path) -> list[str]:
    rows = []
    overheads: dict[int, float] = {}
    for pairs in options.pairs:
        print(f"size.py: {pairs:,} pairs", file=sys.stderr)
        phases, most = run_report(options, folder, PAIR_RANKS, "bench", "--records", str(pairs), "--operations", "1",
                                  "--read", "100", "--key-size", str(measure.KEY_BYTES), "--value-size",
                                  str(measure.VALUE_BYTES), "--window", "64", "--timeout", "600")
        load = phases[0]
        stored = sum(rank["owned_pair_count"] for rank in load["ranks"])
        if stored != pairs:
            measure.fail(f"{stored} pairs are stored instead of {pairs}")
        whole = sum(rank["pair_bytes"] for rank in load["ranks"]) / pairs
        most_pairs = max(rank["owned_pair_count"] for rank in load["ranks"])
        overheads[pairs] = load["overhead_bytes_per_stored_copy"]
        rows.append([f"{pairs:,}", f"{whole:.1f}", f"{overheads[pairs]:.1f}",
                     f"{overheads[pairs] / min(overheads.values()):.2f}", f"{load['throughput_per_second']:,.0f}",
                     f"{most / 2**20:,.1f}", f"{most / most_pairs:.0f}"])
    print(f"{PAIR_RANKS} ranks, one copy, keys of {measure.KEY_BYTES} B, values of {measure.VALUE_BYTES} B, window 64, "
          "by `chordkv bench`. Bytes a pair are the stores', with key, value, index, duplicate records and the "
          "allocator's overhead; the peak is of all private memory, history and messages included, of the rank that "
          "has most.\n")
    table(["pairs", "bytes a pair", "beside key and value", "/ least so far", "loaded, pairs a second",
           "peak of a rank, MiB", "bytes a pair of it"], rows)
    return worse_steps("bytes a pair beside key and value", overheads, theory_flat, options.margin)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="*", default=RANKS, metavar="N",
                        help=f"sizes of rings; none: leave this part out; default: {' '.join(map(str, RANKS))}")
    parser.add_argument("--large", action="store_true", help=f"{LARGE} ranks, too: some GiB of memory")
    parser.add_argument("--pairs", type=int, nargs="*", default=PAIRS, metavar="COUNT",
                        help=f"pairs to store; none: leave this part out; default: {' '.join(map(str, PAIRS))}")
    parser.add_argument("--rings", type=int, default=3, help="rings of each size; default: 3")
    parser.add_argument("--repetitions", type=int, default=5, help="how often each is formed; default: 5")
    parser.add_argument("--joins", type=int, default=20, help="in each ring; default: 20")
    parser.add_argument("--routing", default="finger", choices=["finger", "onehop"],
                        help="onehop is a negative control: its state grows as N, and must be found; default: finger")
    parser.add_argument("--margin", type=float, default=0.25,
                        help="how much worse than its theory a cost may become; default: 0.25")
    parser.add_argument("--build", type=pathlib.Path, default=measure.BUILD, help="build folder; default: build")
    options = parser.parse_args()
    options.ranks = sorted({*options.ranks, LARGE} if options.large else set(options.ranks))
    options.pairs = sorted(set(options.pairs))
    if any(number < 1 for number in [*options.ranks, *options.pairs]):
        parser.error("ranks and pairs are counts from 1")
    if max(len(options.ranks), len(options.pairs)) < 2:
        parser.error("there is no step to judge: name two sizes at least")
    return options


def main() -> None:
    options = parse_options()
    complaints = []
    with tempfile.TemporaryDirectory() as scratch:
        if options.ranks:
            complaints += tell_ranks(options, pathlib.Path(scratch))
        if options.pairs:
            complaints += tell_pairs(options, pathlib.Path(scratch))
    for complaint in complaints:
        print(f"worse than its theory: {complaint}")
    if complaints:
        measure.fail(f"{len(complaints)} steps grow by more than their theory allows (--margin {options.margin})")
    print("no step grows worse than its theory")


if __name__ == "__main__":
    main()
