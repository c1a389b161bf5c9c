#!/usr/bin/python3
"""Verifies the configurations of the view-change model with SPIN and prints what was found.

A configuration is green if SPIN ends as it must: a `safe` one finds no error in all of its states, a `bitstate` one
none in those that it comes to within its time, an `unsafe` one breaks the property that it is expected to break, a
`reach` one finds the event. Everything else is red: another property, a search that was cut short, memory or depth that
didn't suffice, no states at all.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEMORY_MIB = 2500
DEPTH = 100_000
EXPECTED_INVALID_END = "invalid end state"


@dataclass(frozen=True)
class Configuration:
    name: str  # kind_what
    about: str
    defines: str  # without -D
    breaks: str = ""  # unsafe: the property
    options: str = ""  # of the verifier
    quick: bool = False
    model: str = "chain.pml"

    @property
    def kind(self) -> str:
        return self.name.split("_", 1)[0]


@dataclass
class Result:
    states: int = 0
    transitions: int = 0
    depth: int = 0
    memory_mib: float = 0.0
    seconds: float = 0.0
    found: str = ""  # the first error's property
    errors: int = -1
    complete: bool = False
    why: str = ""  # it is red


def goal(number: int, name: str, about: str, defines: str, model: str = "chain.pml") -> Configuration:
    return Configuration(f"reach_{name}", about, f"GOAL={number} {defines}".strip(), model=model)


EXCHANGE = "MEMBERS=7 JOINS=0"
THREE = "REPLICAS=3"
PARTS = "parts.pml"
LARGE = "NODES=4 REPLICAS=3 MEMBERS=14 JOINS=1 FAILURES=2 REJOINS=1"
CONFIGURATIONS = [
    Configuration("safe_exclude", "k = 2 of 3 nodes, one wrong suspicion, a repeated request", EXCHANGE, quick=True),
    Configuration("safe_crash", "the same, the node may have crashed", f"{EXCHANGE} CRASHES=1", quick=True),
    Configuration("safe_join", "a new head joins a ring of 2, one wrong suspicion at any time", "", quick=False),
    Configuration("safe_join_tail", "a node joins behind a ring of 2: every member keeps its place",
                  "MEMBERS=3 WRITES=1", quick=True),
    Configuration("safe_join_crash", "a new head joins a ring of 2, one crash or wrong suspicion", "CRASHES=1"),
    Configuration("safe_depart", "3 nodes, one leaves, one wrong suspicion", f"{EXCHANGE} DEPARTS=1"),
    Configuration("safe_join_two_failures", "a new head joins, two wrong suspicions", "FAILURES=2 WRITES=1"),
    Configuration("safe_two_exclusions", "k = 3 of 3 nodes, two wrong suspicions",
                  f"{THREE} {EXCHANGE} FAILURES=2 WRITES=1"),
    Configuration("safe_rejoin", "3 nodes, two wrong suspicions, one comes back as its next incarnation",
                  f"{EXCHANGE} FAILURES=2 REJOINS=1 WRITES=1 READS=0"),
    Configuration("safe_delta", "k = 3 of 3 nodes, one leaves, one wrong suspicion: deltas, undone writes",
                  f"{THREE} {EXCHANGE} DEPARTS=1 READS=0 WRITES=1"),
    Configuration("safe_two_clients", "two writes under way at once, a join, a wrong suspicion",
                  "SEQUENTIAL=0 READS=0 RETRIES=0"),
    Configuration("safe_acknowledged", 
                  "the same on 3 nodes without a join, k = 3, with acknowledgements that cut the undo logs",
                  f"{THREE} {EXCHANGE} SEQUENTIAL=0 READS=0 RETRIES=0 ACKNOWLEDGEMENTS=1"),
    Configuration("safe_parts", "C10: a join splits an arc, a departure merges it again", "FAILURES=0", quick=True,
                  model=PARTS),
    Configuration("safe_parts_exclusion", "C10: a join splits an arc, one wrong suspicion merges parts at any time",
                  "DEPARTS=0", model=PARTS),
    Configuration("unsafe_parts_one_source", "C10: both parts take the first one's source", "UNSAFE=1", "source_found",
                  model=PARTS),
    Configuration("unsafe_parts_split_forgets", "C10: one half doesn't inherit the complete set", "UNSAFE=2",
                  "source_found", model=PARTS),
    Configuration("unsafe_parts_smaller_watermark", "M7: arcs that merge keep the smaller watermark",
                  "UNSAFE=3 FAILURES=0", "exactly_once", model=PARTS),
    Configuration("unsafe_parts_commit_early", "C10: the arc is committed when one part is SYNCED", "UNSAFE=4",
                  "source_has_truth", model=PARTS),
    Configuration("unsafe_complete_cut_to_chain", "C4: the complete set becomes the new chain at INSTALL",
                  "UNSAFE=1", "source_found", quick=True),
    Configuration("unsafe_complete_cut_to_source", 
                  "C4: the complete set shrinks to the source at INSTALL: its crash is the end",
                  "UNSAFE=2 CRASHES=1", EXPECTED_INVALID_END),
    Configuration("unsafe_head_before_activate", "M6: the head admits when it is SYNCED", "UNSAFE=3", "chain_agrees",
                  "-E"),
    Configuration("unsafe_pieces_one_by_one", "M4: value and duplicate record take effect in separate pieces",
                  f"UNSAFE=4 {THREE} READS=0", "answer_has_the_write"),
    Configuration("unsafe_suffix_only", "M4: a suffix instead of a replacement",
                  f"UNSAFE=5 {THREE} {EXCHANGE} DEPARTS=1 READS=0 WRITES=1 RETRIES=0", "chain_agrees"),
    Configuration("unsafe_complete_by_rank", "C1, C3: the complete set by rank instead of incarnation",
                  f"UNSAFE=6 {EXCHANGE} FAILURES=2 REJOINS=1", "source_found", quick=True),
    Configuration("unsafe_no_watermark", "M7: records are cut, late duplicates are not refused", f"UNSAFE=7 {EXCHANGE}",
                  "exactly_once", quick=True),
    Configuration("unsafe_read_at_tail", "reads answered by the tail alone: one wrong suspicion", "UNSAFE=8 WRITES=1",
                  "answer_not_too_old"),
    Configuration("unsafe_read_head_to_tail", "reads past the middle: two wrong suspicions",
                  f"UNSAFE=9 {THREE} {EXCHANGE} FAILURES=2", "answer_not_too_old"),
    goal(1, "second_exclusion", "an exclusion interrupts the change that another has begun", f"{EXCHANGE} FAILURES=2"),
    goal(2, "transfer_interrupted", "PREPARE between the pieces of a transfer", ""),
    goal(3, "answered_from_record", "a repeated write is answered from the duplicate record", EXCHANGE),
    goal(4, "pull_held", "a PULL comes before the INSTALL of its epoch", ""),
    goal(5, "late_chain_message", "chain traffic of an older epoch is refused", EXCHANGE),
    goal(6, "write_undone", "a member ahead of the source undoes a write",
         f"{THREE} {EXCHANGE} DEPARTS=1 READS=0 WRITES=1"),
    goal(7, "below_watermark", "a late duplicate is refused", EXCHANGE),
    goal(8, "rejoined", "an excluded node is in a committed chain again", f"{EXCHANGE} REJOINS=1"),
    goal(9, "commit_inferred", "an operation comes before ACTIVATE", ""),
    goal(10, "source_not_in_chain", "a leaver or displaced holder is the source", f"{EXCHANGE} DEPARTS=1"),
    goal(11, "synced_while_wedging", "C5: SYNCED counts while a later attempt is wedging", ""),
    goal(12, "last_copy_kept", "C8: the only complete node is kept though it is suspected", "FAILURES=2"),
    goal(13, "delta_brings_write", "a member that was complete gets only what it lacks", ""),
    goal(14, "late_piece", "a piece of an older epoch is thrown away", ""),
    goal(15, "crashed_excluded", "a crashed node is excluded", f"{EXCHANGE} CRASHES=1"),
    goal(16, "joint_write_undone", "what came in the delta of a change that failed is undone",
         f"{THREE} {EXCHANGE} DEPARTS=1 READS=0 WRITES=1"),
    goal(1, "parts_split", "C10: both parts of an arc that was split are committed", "", model=PARTS),
    goal(2, "parts_merged", "C10: and have become one arc again", "", model=PARTS),
    goal(3, "parts_merge_interrupts", "C10: the split is turned back before its commit", "", model=PARTS),
    goal(4, "parts_differ", "C10: the parts of one change have different complete sets", "", model=PARTS),
    Configuration("bitstate_join_exclusions", "k = 3 of 4 nodes: a join, two exclusions, a return, two writes, a read",
                  LARGE, options="-w28 -Q2"),
]


def run(command: list[str], folder: Path, seconds: float | None = None) -> str:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=seconds, check=False)
    if done.returncode != 0 and "pan" not in command[0]:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stdout}")
    return done.stdout


def number_of(pattern: str, text: str) -> float:
    found = re.search(pattern, text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def read_output(text: str) -> Result:
    """What the verifier has said; anything that makes the search less than it claims to be is noted in `why`."""
    result = Result()
    result.states = int(number_of(r"^\s*(\S+) states, stored", text))
    result.transitions = int(number_of(r"^\s*(\S+) transitions", text))
    result.depth = int(number_of(r"depth reached (\d+)", text))
    result.memory_mib = number_of(r"^\s*(\S+)\s+total actual memory usage", text)
    errors = re.search(r"errors: (\d+)", text)
    result.errors = int(errors.group(1)) if errors else -1
    violated = re.search(r"^pan:\d+: (?:assertion violated )?(.*?) \(at depth", text, re.MULTILINE)
    result.found = violated.group(1).strip("() ") if violated else ""
    for sign in ("out of memory", "reached -DMEMLIM", "max search depth too small", "block in d_step", "VECTORSZ",
                 "aborting", "time-limit", "Interrupted"):
        if sign in text:
            result.why = sign
    result.complete = "Search not completed" not in text and result.errors >= 0 and not result.why
    return result


def judge(configuration: Configuration, result: Result, text: str) -> str:
    """Why the result is red; empty: green."""
    if result.errors < 0 or result.states == 0:
        return "the verifier didn't end:\n" + text[-2000:]
    if configuration.kind in ("safe", "bitstate"):
        if result.errors > 0:
            return f"violated: {result.found}"
        if configuration.kind == "bitstate":
            return "" if result.why in ("", "time-limit") else result.why
        return "" if result.complete else f"the search wasn't complete: {result.why or 'SPIN says so'}"
    if result.errors == 0:
        return f"found nothing, expected: {expected(configuration)}"
    if result.found == expected(configuration):
        return ""
    return f"found {result.found}, expected: {expected(configuration)}"


def expected(configuration: Configuration) -> str:
    if configuration.kind == "reach":
        number = re.search(r"GOAL=(\d+)", configuration.defines)
        assert number is not None
        return f"{number.group(1)}!={number.group(1)}"
    return configuration.breaks


def verify(configuration: Configuration, folder: Path, compiler: str, memory_mib: int) -> tuple[Result, str]:
    storage = ["-DBITSTATE"] if configuration.kind == "bitstate" else ["-DCOLLAPSE"]
    started = time.monotonic()
    defines = [f"-D{define}" for define in configuration.defines.split()]
    run(["spin", *defines, "-a", str(HERE / configuration.model)], folder)
    is_long = configuration.kind in ("safe", "bitstate") and not configuration.quick
    bounds = ["-DVECTORSZ=2048", "-DSAFETY", f"-DMEMLIM={memory_mib}"]
    # -O2 takes long to compile.
    run([compiler, "-O2" if is_long else "-O0", "-w", *bounds, *storage, "-o", "pan", "pan.c"], folder)
    text = run(["./pan", f"-m{DEPTH}", *configuration.options.split()], folder)
    result = read_output(text)
    result.seconds = time.monotonic() - started
    result.complete &= configuration.kind != "bitstate"
    result.why = judge(configuration, result, text)
    return result, text


def in_table(configuration: Configuration, result: Result) -> str:
    outcome = result.why.splitlines()[0] if result.why else result.found and f"found: {result.found}" or (
        "no error, all states" if result.complete else "no error in the states seen")
    return (f"{'RED  ' if result.why else 'green'} {configuration.name:<28} {result.states:>11,} {result.depth:>6,} "
            f"{result.memory_mib:>8,.0f} {result.seconds:>7.1f}  {outcome}")


def replay(configuration: Configuration, folder: Path) -> str:
    return run(["spin", *(f"-D{define}" for define in configuration.defines.split()), "-t", "-p", "-g", "-k",
                f"{configuration.model}.trail", str(HERE / configuration.model)], folder)


def main() -> int:
    parser = argparse.ArgumentParser(usage="run.py [--list] [--quick] [--trail] [NAME]...", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="configurations, or beginnings of their names such as "
                        "'unsafe' (default: all); whole names go before beginnings")
    parser.add_argument("--list", action="store_true", help="print the configurations and what they are about")
    parser.add_argument("--quick", action="store_true", help="those of label ci alone")
    parser.add_argument("--trail", action="store_true", help="print the steps that lead to each error found")
    parser.add_argument("--memory", type=int, default=MEMORY_MIB, metavar="MIB",
                        help="bound of a search (default: %(default)s)")
    arguments = parser.parse_args()
    chosen = [one for one in CONFIGURATIONS if (one.quick or not arguments.quick) and
              (not arguments.names or any(one.name.startswith(name) for name in arguments.names))]
    exact = [one for one in chosen if one.name in arguments.names]
    chosen = exact or chosen
    for name in arguments.names:
        if not any(one.name.startswith(name) for one in CONFIGURATIONS):
            parser.error(f"no configuration is called '{name}'; --list names them")
    if not chosen:
        parser.error("no configuration is left")
    if arguments.list:
        for one in chosen:
            print(f"{one.name:<28} {one.about}\n{'':<28} -D {one.defines}{'  ' + one.options if one.options else ''}")
        return 0
    print(f"      {'configuration':<28} {'states':>11} {'depth':>6} {'MiB':>8} {'seconds':>7}  outcome")
    red = 0
    for one in chosen:
        with tempfile.TemporaryDirectory(prefix="chordkv-model-") as name:
            folder = Path(name)
            result, text = verify(one, folder, os.environ.get("CC", "cc"), arguments.memory)
            print(in_table(one, result), flush=True)
            if result.why:
                red += 1
                print(text[-1500:])
            if arguments.trail and result.found:
                print(replay(one, folder))
    print(f"{len(chosen) - red} green, {red} red")
    return 1 if red else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, FileNotFoundError) as problem:
        print(f"run.py: {problem}\nrun.py: spin and a C compiler are needed: apt-get install spin build-essential",
              file=sys.stderr)
        sys.exit(1)
