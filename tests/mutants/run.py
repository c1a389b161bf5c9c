#!/usr/bin/python3
"""Breaks the program on purpose, one rule at a time, and says which test notices.

Copies the source, builds the copy and runs the tests on it as it is: all must pass. Then applies each patch of this
folder in turn, builds, and runs what the patch has changed: the unit tests up to the first that fails, the simulator,
and those tests over MPI that the patch names. A mutant is caught if a test fails. It is not if all pass (then a test is
missing), if a test hangs until CTest would end it, if it doesn't compile, or if its patch doesn't apply or changes no
program (stale).

Exit status: 0 all are caught, 1 one isn't, 2 it can't be told.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from patches import HERE, Mutant, PatchError, all_mutants
from work_copy import SIMULATORS, CopyError, Outcome, WorkCopy

SOURCE = HERE.parent.parent
SEEDS = 200


@dataclass
class Result:
    name: str
    rule: str
    breaks: str
    quick: bool
    status: str = "survived"  # caught, survived, stale, broken or hung
    why: str = ""
    caught_by: list[dict[str, str]] = field(default_factory=list)  # test, line
    programs_changed: int = 0
    seconds: float = 0.0


def stale(mutant: Mutant, refused: str) -> Result:
    return Result(mutant.name, mutant.rule, mutant.breaks, mutant.quick, "stale", f"it doesn't apply: {refused}")


class Runner:
    def __init__(self, copy: WorkCopy, mutants: list[Mutant], quick: bool) -> None:
        self.copy = copy
        self.quick = quick
        named = {name for mutant in mutants for name in self.named(mutant)}
        for name in named:
            if name not in copy.programs_of:
                raise CopyError(f"there is no test called '{name}', which a patch names; ctest -N lists them")
        # Those that take a program; scripts and documents don't change with a mutant.
        units = {name for name, programs in copy.programs_of.items() if name.startswith("unit.") and programs}
        self.tests = named if quick else named | units | set(SIMULATORS)
        self.programs = {program for name in self.tests for program in copy.programs_of[name]}
        self.original: dict[Path, str] = {}
        self.seconds: dict[str, float] = {}

    def named(self, mutant: Mutant) -> list[str]:
        """The tests that the patch names; 'sim' stands for all ways to run the simulator."""
        return [test for name in mutant.seen_by for test in (SIMULATORS if name == "sim" else [name])]

    def control(self, seeds: int) -> None:
        """Everything passes without a mutant, or nothing that follows means anything."""
        problem = self.copy.build(self.programs)
        if problem:
            raise CopyError(f"the copy doesn't compile without a mutant: {problem}")
        self.copy.read_tests(seeds)
        self.original = self.copy.contents(self.programs)
        for name in sorted(self.tests):
            outcome = self.copy.run(name)
            if outcome.kind == "skipped" and name.startswith("unit."):
                self.tests.discard(name)
            elif outcome.kind != "passed":
                raise CopyError(f"without a mutant {name} {outcome.kind}: {outcome.line}")
            self.seconds[name] = outcome.seconds

    def order(self, mutant: Mutant, changed: set[Path]) -> list[list[str]]:
        """The tests that may see the mutant, in groups: in each the first that fails is enough."""
        named = self.named(mutant)

        def concerned(name: str) -> bool:
            return name in named or not self.copy.programs_of[name].isdisjoint(changed)

        units = [name for name in self.tests if name.startswith("unit.") and concerned(name)]
        units.sort(key=lambda name: (name not in named, self.seconds[name]))
        if self.quick:
            return [sorted(named, key=lambda name: not name.startswith("unit."))]
        others = [[name] for name in named if not name.startswith("unit.") and name not in SIMULATORS]
        return [units, [name for name in SIMULATORS if concerned(name)], *others]

    def judge(self, mutant: Mutant) -> Result:
        result = Result(mutant.name, mutant.rule, mutant.breaks, mutant.quick)
        problem = self.copy.build(self.programs)
        if problem:
            result.status, result.why = "broken", f"it doesn't compile: {problem}"
            return result
        contents = self.copy.contents(self.programs)
        changed = {program for program, digest in contents.items() if digest != self.original[program]}
        result.programs_changed = len(changed)
        if mutant.changes_code and not changed:
            result.status, result.why = "stale", "it changes no program"
            return result
        for group in self.order(mutant, changed):
            for name in group:
                outcome: Outcome = self.copy.run(name)
                if outcome.kind == "failed":
                    result.caught_by.append({"test": name, "line": outcome.line})
                    break
                if outcome.kind != "passed":
                    result.why = f"{name} {outcome.kind}"
                    break  # so would others of its kind
        if result.caught_by:
            result.status, result.why = "caught", ""
        elif result.why:
            result.status = "hung"
        return result

    def run(self, mutant: Mutant) -> Result:
        started = time.monotonic()
        before = self.copy.digests(mutant.files)
        refused = self.copy.patch(mutant.path, "--dry-run") or self.copy.patch(mutant.path)
        if refused:
            return stale(mutant, refused)
        try:
            result = self.judge(mutant)
        finally:
            refused = self.copy.patch(mutant.path, "--reverse")
        if refused or self.copy.digests(mutant.files) != before:
            raise CopyError(f"{mutant.path.name} can't be taken back: {refused}")
        result.seconds = time.monotonic() - started
        return result


def in_markdown(results: list[Result]) -> str:
    def cell(text: str) -> str:
        return text.replace("|", "\\|")

    lines = ["| mutant | rule | breaks | caught by |", "|---|---|---|---|"]
    for result in results:
        caught = ("; ".join(f"`{one['test']}`: {one['line']}" for one in result.caught_by)
                  or f"**{result.status}** {result.why}")
        name = f"`{result.name}`{' (ci)' if result.quick else ''}"
        lines.append(f"| {name} | {cell(result.rule)} | {cell(result.breaks)} | {cell(caught)} |")
    return "\n".join(lines) + "\n"


def tell(result: Result) -> None:
    print(f"{result.status:<8} {result.name:<44} {result.seconds:6.1f} s", flush=True)
    if result.why:
        print(f"         {result.why}", flush=True)
    for one in result.caught_by:
        print(f"         {one['test']}: {one['line']}", flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="mutants by number, name or part of a name; repeat it")
    parser.add_argument("--quick", action="store_true",
                        help="the ten of label ci, by the tests that they name; the others must apply")
    parser.add_argument("--list", action="store_true", help="print the mutants and what they break")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="COUNT",
                        help="of the simulator, with faults and as many without (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, metavar="COUNT",
                        help="compilations at once (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--keep", action="store_true", help="leave the copy, and say where it is")
    arguments = parser.parse_args()
    if arguments.jobs < 1 or arguments.seeds < 1:
        parser.error("--jobs and --seeds take a whole number from 1 on")
    return arguments


def choose(arguments: argparse.Namespace) -> list[Mutant]:
    mutants = all_mutants()
    listed = (HERE / "README.md").read_text(encoding="utf-8")
    missing = [mutant.name for mutant in mutants if f"`{mutant.name}`" not in listed]
    if missing:
        raise PatchError(f"tests/mutants/README.md doesn't list {', '.join(missing)}")
    for wanted in arguments.only:
        if not any(wanted == mutant.number or wanted in mutant.name for mutant in mutants):
            raise PatchError(f"no mutant is called '{wanted}'; --list names them")
    return [mutant for mutant in mutants if (mutant.quick or not arguments.quick) and
            (not arguments.only or any(wanted == mutant.number or wanted in mutant.name for wanted in arguments.only))]


def main() -> int:
    arguments = options()
    mutants = choose(arguments)
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.name:<44} {mutant.rule}{' (ci)' if mutant.quick else ''}\n    {mutant.breaks}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the copy is removed
    folder = Path(tempfile.mkdtemp(prefix="chordkv-mutants-"))
    results: list[Result] = []
    started = time.monotonic()
    try:
        copy = WorkCopy(SOURCE, folder, arguments.jobs)
        copy.configure()
        runner = Runner(copy, mutants, arguments.quick)
        runner.control(arguments.seeds)
        print(f"without a mutant {len(runner.tests)} tests pass ({time.monotonic() - started:.0f} s)", flush=True)
        for mutant in all_mutants() if arguments.quick else []:
            refused = copy.patch(mutant.path, "--dry-run")
            if refused and mutant not in mutants:  # the others: have they kept up with the code?
                results.append(stale(mutant, refused))
                tell(results[-1])
        for mutant in mutants:
            results.append(runner.run(mutant))
            tell(results[-1])
    finally:
        if arguments.keep:
            print(f"the copy is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    if arguments.markdown:
        arguments.markdown.write_text(in_markdown(results), encoding="utf-8")
    bad = [result.name for result in results if result.status != "caught"]
    print(f"{len(results) - len(bad)} of {len(results)} mutants caught in {time.monotonic() - started:.0f} s"
          + (f"; not: {', '.join(bad)}" if bad else ""))
    return 1 if bad or not results else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (PatchError, CopyError, FileNotFoundError) as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        sys.exit(2)
