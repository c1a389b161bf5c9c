#!/usr/bin/python3
"""Where the nanoseconds of an operation go: chordkv under perf, its samples grouped by part of the program.

Only the timed part of the mix phase counts: from the first to the last sample in which an answer is recorded. Processor
time is what is shared out, that of all ranks together, so ranks that wait are in the table, too. The program must not be
optimised across files, else its functions are inlined into each other: -DCMAKE_INTERPROCEDURAL_OPTIMIZATION_RELEASE=OFF.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ANSWERED = "agent_complete"
GAP_SECONDS = 0.3
SAMPLES_PER_SECOND = 2000  # of processor time

# The first that matches the symbol, or the library, is the part that a sample belongs to.
PARTS: list[tuple[str, str]] = [
    ("waiting: yields, and polls that find nothing", r"sched_yield|schedule|_switch|context_switch|yield_task|pick_|put_prev|set_next"
     r"|update_curr|rseq|transport_wait|wait_for_frames|syscall|exit_to_user|entry_SYSCALL|_get_user_8|_put_user_8"
     r"|raw_spin|cpuacct|cgroup|sched_clock|update_rq|native_|fpregs|switch_fpu|arch_.*user"),
    ("MPI", r"@libmpi|@libopen-pal|@mca_"),
    ("transport: frames, packing, delivery", r"^transport_|^frame_|^reclaim|^push_|^may_send|^receive_frames|^slot|^record_close"),
    ("runtime: the loop, prefetching", r"^runtime_|^sink_|prefetch|peek_key|^main$|^driver|deadline|^commander|^lifeline"),
    ("SHA-1 of the key", r"@libcrypto|^chord_hash"),
    ("codec", r"^chord_codec|^put_request|^get_request|^put_|^get_|^bits_of"),
    ("routing", r"^chord_table|^next_for|^compare_distance|^chord_id|^closest|^pass_on|^chord_node|^chord_peer|^waiting_place"
     r"|^own_claim|^chord_arcs"),
    ("store, chain and duplicate records", r"^probe|^chord_store|^apply|^admit|^chord_replicate|^answer|^chord_duplicates|^client_of"
     r"|^change_store|^chord_log|^send_down|^send_ack|^owe_ack|^position_of|^holds|^resize|^chord_arc|^set_value"),
    ("client", r"^chord_client|^send_request|^release|^slot_of|^is_key"),
    ("driver's agent: issuing, history, histograms", r"^agent|^issue|^submit|^prepare_next|^history|^histogram|^hops|^timeline"
     r"|^recorder|^chord_digest"),
    ("clock", r"clock_gettime|^monotime|@\[vdso\]"),
    ("memory: copies, comparisons, malloc", r"@libc\.so"),
    ("kernel: page faults and the rest", r"@\[kernel"),
]


def main() -> None:
    options = parse_options()
    if shutil.which("perf") is None:
        sys.exit("profile.py: there is no perf here: install the package linux-perf")
    if not options.binary.exists():
        sys.exit(f"profile.py: there is no {options.binary}: build it first (cmake --build build), or name it by --binary")
    with tempfile.TemporaryDirectory() as scratch:
        elapsed, samples, operations = record(options, pathlib.Path(scratch))
    print_table(options, elapsed, samples, operations)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build/app/chordkv", help="default: build/app/chordkv")
    parser.add_argument("--ranks", type=int, default=10, help="default: 10")
    parser.add_argument("--window", type=int, default=64, help="default: 64")
    parser.add_argument("--replicas", type=int, default=1, help="default: 1")
    parser.add_argument("--keys", type=int, default=200_000, help="default: 200000")
    parser.add_argument("--operations", type=int, default=4_000_000, help="of the mix phase, half of them queries; default: 4000000")
    parser.add_argument("--symbols", type=int, default=0, metavar="N", help="also print the N symbols with the most samples of each part")
    return parser.parse_args()


def write_workloads(options: argparse.Namespace, folder: pathlib.Path) -> None:
    """16-byte keys, 32-byte values, uniform."""
    draw = random.Random(1)
    with open(folder / "insert.csv", "w", encoding="ascii") as out:
        out.writelines(f"key{key:013d},{key:032d}\n" for key in range(options.keys))
    with open(folder / "mix.csv", "w", encoding="ascii") as out:
        for turn in range(options.operations):
            key = draw.randrange(options.keys)
            out.write(f"query,key{key:013d}\n" if turn % 2 else f"insert,key{key:013d},{turn:032d}\n")


def record(options: argparse.Namespace, folder: pathlib.Path) -> tuple[float, collections.Counter[tuple[str, str]], int]:
    """Seconds of the timed part, samples in it by (symbol, library), operations."""
    write_workloads(options, folder)
    program = folder / "profiled"
    shutil.copy(options.binary, program)
    report, data = folder / "report.jsonl", folder / "perf.data"
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", str(SAMPLES_PER_SECOND), "-o", str(data), "--", str(ROOT / "jobs/launch.sh"),
                    "-n", str(options.ranks), "--", str(program), "run", "--mode", "parallel", "--quiet",
                    "--window", str(options.window), "--replicas", str(options.replicas), "--report", str(report),
                    "--history-limit", "0",  # judged at the end, not between
                    "--phase", f"insert={folder / 'insert.csv'}", "--phase", f"mix={folder / 'mix.csv'}"],
                   check=True, stdout=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
    phases = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    throughput = next(phase["throughput_per_second"] for phase in phases
                      if phase["record"] == "phase" and phase["phase"]["type"] == "mix")
    script = subprocess.run(["perf", "script", "-i", str(data), "--comm", "profiled", "-F", "time,ip,sym,dso"],
                            check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    samples = [sample for line in script.stdout.splitlines() if (sample := parse_sample(line)) is not None]
    begin, end = timed_part([time for time, symbol, _ in samples if symbol == ANSWERED])
    inside: collections.Counter[tuple[str, str]] = collections.Counter()
    for time, symbol, library in samples:
        if begin <= time <= end:
            inside[(symbol, library)] += 1
    return options.operations / throughput, inside, options.operations


def parse_sample(line: str) -> tuple[float, str, str] | None:
    match = re.match(r"\s*([0-9.]+):\s+[0-9a-f]+ (.*) \((.*)\)$", line)
    if match is None:
        return None
    symbol = re.sub(r"\.(isra|part|constprop|cold).*", "", match[2].split("+")[0])
    library = match[3] if match[3].startswith("[") else pathlib.Path(match[3]).name
    return float(match[1]), symbol, library


def timed_part(answered: list[float]) -> tuple[float, float]:
    """The longest run of times without a gap: that of the mix phase."""
    if not answered:
        sys.exit(f"profile.py: no sample in {ANSWERED}: too few operations, or a binary without symbols or optimised across "
                 "files; build it with -DCMAKE_INTERPROCEDURAL_OPTIMIZATION_RELEASE=OFF")
    runs = [[answered[0], answered[0]]]
    for time in answered[1:]:
        if time - runs[-1][1] > GAP_SECONDS:
            runs.append([time, time])
        runs[-1][1] = time
    begin, end = max(runs, key=lambda run: run[1] - run[0])
    return begin, end


def part_of(symbol: str, library: str) -> str:
    return next((part for part, pattern in PARTS if re.search(pattern, symbol) or re.search(pattern, "@" + library)),
                "the rest")


def print_table(options: argparse.Namespace, elapsed: float, samples: collections.Counter[tuple[str, str]],
                operations: int) -> None:
    by_part: collections.Counter[str] = collections.Counter()
    symbols: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for (symbol, library), count in samples.items():
        by_part[part_of(symbol, library)] += count
        symbols[part_of(symbol, library)][f"{symbol} ({library})"] += count
    total = sum(by_part.values())
    # Ranks never sleep. (The number of samples says less: perf loses some.)
    nanoseconds = min(options.ranks, os.cpu_count() or 1) * elapsed * 1e9 / operations
    print(f"{options.ranks} ranks on {os.cpu_count()} cores, window {options.window}, k={options.replicas}: {operations / elapsed:,.0f} "
          f"operations/s, {nanoseconds:,.0f} ns of processor time each ({total} samples)\n")
    print(f"{'part':48} {'ns':>6} {'share':>6}")
    for part, count in by_part.most_common():
        print(f"{part:48} {count / total * nanoseconds:6.0f} {count / total:6.1%}")
        for symbol, some in symbols[part].most_common(options.symbols):
            print(f"    {symbol:44} {some / total * nanoseconds:6.0f}")


if __name__ == "__main__":
    main()
