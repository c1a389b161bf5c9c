"""One copy of the source in a temporary folder: patched, built and tested there, never in the source itself."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SIMULATOR_SECONDS = 600.0
FAILURE_TEXT_MAX = 150
# The simulator's two ways: in rings where processes die, stop and lose messages, and in rings where none does.
SIMULATORS: dict[str, tuple[str, ...]] = {"sim": (), "sim --calm": ("--calm",)}


class CopyError(Exception):
    """Something that has nothing to do with a mutant went wrong."""


@dataclass(frozen=True)
class Test:
    name: str
    command: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    seconds: float  # CTest's bound, after which the test is taken for hung
    skip_status: int | None


@dataclass(frozen=True)
class Outcome:
    test: str
    kind: str  # passed, failed, hung or skipped
    seconds: float
    line: str = ""  # failed: the first line that says so


# What says best what a test saw; the first of these that any line of its output has.
TELLING = [re.compile(pattern) for pattern in (
    r"\.c:\d+: first failure: ", r"^\d+\. .*\.[ch]:\d+ ", r"^seed \d+: (?!waits)",
    r"check failed|does not hold: |: line \d+: ", r"^\S+\.(py|sh): |^FAILED?:|^not ok", r"rror: |wrong|expected")]


def first_failure(text: str, status: int) -> str:
    """The line of a failed test's output that says best what it saw."""
    ended = f"ended by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = next((line for pattern in TELLING for line in lines if pattern.search(line)), "")
    if not telling:
        return f"{ended}, after: {lines[-1]}" if lines else ended
    telling = re.sub(r"^\d+\. ", "", telling)  # CUnit counts them
    telling = re.sub(r"(?:[\w./-]*/)([\w-]+\.[ch]:\d+)(:| +-)(?: first failure:)?", r"\1:", telling)
    case = next((line for line in lines if re.search(r"\.\.\. *FAILED", line)), "")
    case = re.sub(r"^Test: *| *\.\.\. *FAILED.*", "", case)
    return f"\"{case}\": {telling}" if case and case not in telling else telling


class WorkCopy:
    def __init__(self, source: Path, folder: Path, jobs: int) -> None:
        self.folder = folder / "source"
        self.build_folder = folder / "build"
        self.jobs = jobs
        self.environment = {**os.environ, "LC_ALL": "C", "CCACHE_BASEDIR": str(folder), "CCACHE_NOHASHDIR": "1"}
        self.copy_source(source)
        self.programs_of: dict[str, frozenset[Path]] = {}  # by the test's name: what of the build it runs or looks at
        self.tests: dict[str, Test] = {}  # those whose programs have been built

    def call(self, *command: str) -> tuple[bool, str]:
        """Whether a command in the copy ended well, and what it said."""
        done = subprocess.run(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        return done.returncode == 0, done.stdout

    # --- the source ---

    def copy_source(self, source: Path) -> None:
        """What git has, or would take; outside of a work tree all but what the scripts here make."""
        command = ["git", "-C", str(source), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, capture_output=True, check=False) if shutil.which("git") else None
        if listed is None or listed.returncode != 0:
            made = {str(source / ".git"), str(source / "results"), *map(str, source.glob("build*"))}
            shutil.copytree(source, self.folder, symlinks=True, ignore=lambda folder, names: [
                name for name in names if name == "__pycache__" or f"{folder}/{name}" in made])
            return
        for name in sorted(set(os.fsdecode(listed.stdout).split("\0")) - {""}):
            if not (source / name).is_file():
                continue  # removed, but not from the index yet
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, self.folder / name, follow_symlinks=False)

    def digests(self, names: tuple[str, ...]) -> list[str]:
        return [hashlib.sha256((self.folder / name).read_bytes()).hexdigest() for name in names]

    def patch(self, patch: Path, *options: str) -> str:
        """Applies the patch, whose context must fit; returns why it couldn't, or nothing."""
        good, text = self.call("patch", "--batch", "--forward", "-p1", "--fuzz=0", "--no-backup-if-mismatch", *options,
                               "-i", str(patch))
        return "" if good else " ".join(text.split())

    # --- the build ---

    def configure(self) -> None:
        """With CTest's long tests left out: the tests that are run by name are those of every day."""
        options = ["-DCMAKE_BUILD_TYPE=None", "-DCMAKE_C_FLAGS=-O1 -w"]
        if shutil.which("ninja"):
            options.append("-GNinja")
        if shutil.which("ccache"):
            options.append("-DCMAKE_C_COMPILER_LAUNCHER=ccache")
        good, text = self.call("cmake", "-S", str(self.folder), "-B", str(self.build_folder), *options)
        if not good:
            raise CopyError(f"the copy can't be configured:\n{text[-3000:]}")
        self.read_programs()

    def read_programs(self) -> None:
        """From CTest's own files: its listing leaves out the commands of programs that aren't built yet."""
        entry = re.compile(r"^add_test\((?:\[=\[)?([^\s\]]+)(?:\]=\])? (.*)\)$", re.MULTILINE)
        for path in self.build_folder.rglob("CTestTestfile.cmake"):
            for name, text in entry.findall(path.read_text(encoding="utf-8")):
                words = [Path(word) for word in re.findall(r'"([^"]*)"', text)]
                programs = {word for word in words if self.build_folder in word.parents and not word.is_dir()}
                # Some scripts look for the checker beside the program.
                programs |= {program.with_name("chordkv-check") for program in programs if program.name == "chordkv"}
                self.programs_of[name] = frozenset(programs)
        for name in SIMULATORS:
            self.programs_of[name] = self.programs_of["sim.calm"]

    def read_tests(self, seeds: int) -> None:
        good, text = self.call("ctest", "--test-dir", str(self.build_folder), "--show-only=json-v1")
        if not good:
            raise CopyError(f"CTest doesn't list the copy's tests:\n{text[-3000:]}")
        for test in json.loads(text[text.index("{"):])["tests"]:
            properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
            self.tests[test["name"]] = Test(
                name=test["name"], command=tuple(test.get("command", ())),
                folder=properties.get("WORKING_DIRECTORY", str(self.build_folder)),
                environment=dict(entry.split("=", 1) for entry in properties.get("ENVIRONMENT", [])),
                seconds=float(properties.get("TIMEOUT", 1500)), skip_status=properties.get("SKIP_RETURN_CODE"))
        for name, words in SIMULATORS.items():
            command = (*map(str, self.programs_of[name]), *words, "--seeds", "1", str(seeds))
            self.tests[name] = Test(name=name, command=command, folder=str(self.folder), environment={},
                                    seconds=SIMULATOR_SECONDS, skip_status=None)

    def build(self, programs: set[Path]) -> str:
        """Builds what the programs take; returns the first error, or nothing."""
        targets = sorted({program.name for program in programs if program.suffix != ".a"})
        good, text = self.call("cmake", "--build", str(self.build_folder), "-j", str(self.jobs), "--target", *targets)
        errors = (line for line in text.splitlines() if "error:" in line or "undefined" in line)
        return "" if good else next(errors, text[-500:])

    def contents(self, programs: set[Path]) -> dict[Path, str]:
        return {program: hashlib.sha256(program.read_bytes()).hexdigest() for program in programs}

    # --- the tests ---

    def end_leftovers(self, session: int) -> None:
        """A test that fails may leave ranks behind: ends what is left of its session, whatever its process group."""
        for entry in Path("/proc").iterdir():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
                if fields and int(fields[3]) == session:
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue  # it has ended meanwhile

    def run(self, name: str) -> Outcome:
        test = self.tests[name]
        started = time.monotonic()
        process = subprocess.Popen(test.command, cwd=test.folder, env={**self.environment, **test.environment},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, errors="replace", start_new_session=True)
        try:
            text, _ = process.communicate(timeout=test.seconds)
        except subprocess.TimeoutExpired:
            self.end_leftovers(process.pid)
            process.communicate()
            return Outcome(name, "hung", time.monotonic() - started)
        finally:
            self.end_leftovers(process.pid)
        seconds = time.monotonic() - started
        if process.returncode == 0:
            return Outcome(name, "passed", seconds)
        if process.returncode == test.skip_status:
            return Outcome(name, "skipped", seconds)
        line = first_failure(text.replace(f"{self.folder}/", ""), process.returncode)
        shortened = line if len(line) <= FAILURE_TEXT_MAX else line[:FAILURE_TEXT_MAX - 3] + "..."
        return Outcome(name, "failed", seconds, shortened)
