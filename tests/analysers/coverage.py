#!/usr/bin/python3
"""Coverage of chord/ by its unit tests and the simulator.

Builds with --coverage in build-coverage, runs the tests of the core and some hundred seeds of the simulator, and reports
lines and branches file by file. Every line that is never reached, or has a branch that is never taken, must stand in
unreached.txt with its reason, by its file and text (numbers would change with every edit): one that doesn't is an error,
and so is an entry that is reached or gone, and branch coverage below the limit.

A branch to the failure of a chord_check is left out: it is a programmer error, which ends the process, and the unit tests
see to it where it can be provoked. chord/hash is no part of the core.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REASONS = ROOT / "tests/analysers/unreached.txt"
LEAST_PERCENT = 95.0
TESTS = (
    "arcs banished cache client client_silence codec coordinator coordinator_silence detector duplicates holes id log node "
    "participant participant_lost peer store table transfer unsafe_reads report peer_bounds steady"
).split()
SIMULATIONS = (("--calm", "--seeds", "1", "{calm}"), ("--seeds", "100001", "{faults}"))

Place = tuple[str, str]  # a file and the text of one of its lines


def run(*command: str, cwd: pathlib.Path = ROOT) -> None:
    ended = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ended.returncode != 0:
        print(ended.stdout[-4000:])
        raise SystemExit(f"coverage.py: {' '.join(command)} ended with {ended.returncode}")


def measure(build: pathlib.Path, calm: int, faults: int) -> dict:
    """Builds, runs everything, and returns gcov's figures."""
    jobs = str(os.cpu_count() or 2)
    run("cmake", "-S", str(ROOT), "-B", str(build), "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS=--coverage -O0")
    # What objects of an earlier source have left would be counted, too.
    for old in [*build.rglob("*.gcda"), *build.rglob("*.gcno"), *build.rglob("*.o")]:
        old.unlink()
    programs = [f"test_{name}" for name in TESTS]
    run("cmake", "--build", str(build), "-j", jobs, "--target", "sim", *programs)
    for program in programs:
        run(str(build / "tests/unit" / program))
    for arguments in SIMULATIONS:
        run(str(build / "tests/sim/sim"), *(argument.format(calm=calm, faults=faults) for argument in arguments))
    return gather(build)


def gather(build: pathlib.Path) -> dict:
    """What gcov says of the library's objects, line by line: counts of all objects and functions that have it, added."""
    counted: dict[str, dict[int, dict[str, list[int]]]] = {}
    for data in sorted((build / "chord/CMakeFiles/chord.dir").rglob("*.gcda")):
        told = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", str(data)],
                              cwd=data.parent, capture_output=True, check=True).stdout
        for file in json.loads(told)["files"]:
            path = os.path.relpath((data.parent / file["file"]).resolve(), ROOT)
            if not path.startswith("chord/"):
                path = os.path.relpath((build / "chord" / file["file"]).resolve(), ROOT)
            if not path.startswith("chord/"):
                continue
            for line in file["lines"]:
                of_line = counted.setdefault(path, {}).setdefault(line["line_number"], {})
                # An inline function has the same branches wherever it is compiled.
                counts = [line["count"], *(branch["count"] for branch in line["branches"])]
                name = f"{line.get('function_name')} {len(counts)}"
                of_line[name] = [a + b for a, b in zip(counts, of_line.get(name, [0] * len(counts)))]
    return {"files": [{"file": path, "lines": [
        {"line_number": number, "count": sum(counts[0] for counts in functions.values()),
         "branches": [{"count": count} for counts in functions.values() for count in counts[1:]]}
        for number, functions in sorted(lines.items())]} for path, lines in counted.items()]}


def read_reasons() -> dict[Place, str]:
    """unreached.txt: `FILE | LINE'S TEXT | REASON`."""
    reasons: dict[Place, str] = {}
    for number, line in enumerate(REASONS.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        path, _, rest = line.partition(" | ")
        text, _, reason = rest.rpartition(" | ")
        if not text or not reason.strip():
            raise SystemExit(f"{REASONS.name}:{number}: needs FILE | LINE'S TEXT | REASON")
        reasons[path, text] = reason
    return reasons


def evaluate(figures: dict) -> tuple[dict[Place, list[str]], int, int, int]:
    """What isn't reached, and branches taken, all, and left out. Prints the table."""
    unreached: dict[Place, list[str]] = {}
    all_taken = all_count = left_out = 0
    print(f"{'file':32} {'lines':>11} {'branches':>11}")
    for file in sorted(figures["files"], key=lambda file: file["file"]):
        path = file["file"]
        source = (ROOT / path).read_text().splitlines()
        lines = reached = taken = count = 0
        for line in file["lines"]:
            text = source[line["line_number"] - 1].strip()
            lines += 1
            reached += line["count"] > 0
            missed = ["never reached"] if line["count"] == 0 else []
            if "chord_check(" in text or path == "chord/base/check.c":
                left_out += len(line["branches"])
            else:
                there = [branch["count"] > 0 for branch in line["branches"]]
                count += len(there)
                taken += sum(there)
                if not missed and not all(there):
                    missed = [f"{len(there) - sum(there)} of {len(there)} branches never taken"]
            if missed:
                unreached.setdefault((path, text), []).append(f"{path}:{line['line_number']}: {missed[0]}: {text}")
        if lines:
            print(f"{path:32} {reached:5}/{lines:5} {taken:5}/{count:5}")
        all_taken += taken
        all_count += count
    return unreached, all_taken, all_count, left_out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-coverage", help="folder to build in")
    parser.add_argument("--calm", type=int, default=300, help="seeds of the simulator without faults (default: 300)")
    parser.add_argument("--faults", type=int, default=500, help="seeds with faults (default: 500)")
    parser.add_argument("--list", action="store_true", help="print what has no reason as lines for unreached.txt")
    arguments = parser.parse_args()
    unreached, taken, count, left_out = evaluate(measure(arguments.build, arguments.calm, arguments.faults))
    reasons = read_reasons()
    failed = False
    for place, told in unreached.items():
        if place not in reasons:
            failed = True
            print(f"{place[0]} | {place[1]} | " if arguments.list else f"without a reason: {told[0]}")
    for place in reasons.keys() - unreached.keys():
        # Whether the simulator gets there may depend on seeds: those entries say so.
        if not reasons[place].startswith("rare:"):
            failed = True
            print(f"has a reason, but is reached or gone: {place[0]} | {place[1]}")
    percent = 100 * taken / count if count else 0.0
    print(f"{percent:.2f} % of {count} branches ({left_out} of checks left out); "
          f"{len(unreached)} lines not reached wholly, each with a reason" * (not failed) or
          f"{percent:.2f} % of {count} branches ({left_out} of checks left out)")
    if percent < LEAST_PERCENT:
        print(f"less than {LEAST_PERCENT} % of the branches")
        failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
