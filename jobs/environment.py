#!/usr/bin/python3
"""Keeps environment.json and plan.txt of a results folder: what somebody needs who has only the folder.

`begin` reads the plan from standard input (NAME, RANKS and COMMAND a line, separated by tabs) and refuses it, with
status 2, if a point that is finished was run by another command or another program. `end` notes how each point ended.
Other plans of the same folder are kept: of other scripts, of other slices. Needs Python 3.6 and nothing else.
"""

import argparse
import datetime
import fcntl
import hashlib
import json
import os
import platform
import socket
import subprocess
import sys

SLURM = ("JOB_ID", "ARRAY_JOB_ID", "ARRAY_TASK_ID", "JOB_NAME", "JOB_PARTITION", "JOB_ACCOUNT", "CLUSTER_NAME", "NNODES",
         "JOB_NODELIST", "NTASKS", "TASKS_PER_NODE", "JOB_CPUS_PER_NODE", "SUBMIT_DIR", "SUBMIT_HOST")


def first_line(*command: str) -> str:
    """What a program says first, or nothing."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip() if lines and done.returncode == 0 else ""


def lines_of(path: str) -> "list[str]":
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def cpu_model() -> str:
    for line in lines_of("/proc/cpuinfo"):
        if line.split(":")[0].strip() in ("model name", "cpu model", "Processor"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def compiler(program: str) -> str:
    """The compiler's own words, from the build folder that the program lies in."""
    for line in lines_of(os.path.join(os.path.dirname(os.path.dirname(program)), "CMakeCache.txt")):
        if line.startswith("CMAKE_C_COMPILER:"):
            return first_line(line.split("=", 1)[1], "--version")
    return ""


def digest(program: str) -> str:
    with open(program, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def commit(root: str) -> "tuple[str, bool | None]":
    """The commit of the folder, if it is a work tree of its own, and whether files differ from it."""
    top = first_line("git", "-C", root, "rev-parse", "--show-toplevel")
    if not top or os.path.realpath(top) != os.path.realpath(root):
        return "unknown", None
    dirty = subprocess.run(["git", "-C", root, "diff", "--quiet", "HEAD", "--"], stderr=subprocess.DEVNULL, check=False)
    return first_line("git", "-C", root, "rev-parse", "HEAD"), dirty.returncode != 0


def machine(given: argparse.Namespace) -> "dict[str, object]":
    name, dirty = commit(given.root)
    slurm = {key.lower(): os.environ["SLURM_" + key] for key in SLURM if "SLURM_" + key in os.environ}
    return {
        "commit": name,
        "dirty": dirty,
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "cpu_model": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": memory_bytes(),
        "system": platform.platform(),
        "mpi": first_line(os.environ.get("MPIRUN", "mpirun"), "--version"),
        "launcher": given.launcher,
        "compiler": compiler(given.program),
        "program": given.program,
        "program_sha256": digest(given.program),
        "slurm": slurm or None,
        "modules": os.environ.get("LOADEDMODULES", ""),
    }


class Folder:
    """The two files, changed by one process at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.file = os.path.join(path, "environment.json")
        self.lock = open(os.path.join(path, ".lock"), "a")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.content = None
        if os.path.exists(self.file):
            with open(self.file, encoding="utf-8") as file:
                self.content = json.load(file)

    def finished(self, name: str) -> bool:
        return os.path.exists(os.path.join(self.path, "points", name + ".jsonl"))

    def _put(self, name: str, text: str) -> None:
        new = os.path.join(self.path, "." + name + ".new")
        with open(new, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(new, os.path.join(self.path, name))

    def write(self) -> None:
        content = self.content
        self._put("environment.json", json.dumps(content, indent=2) + "\n")
        lines = ["commit {}{}, {}".format(content["commit"], " with changes" if content["dirty"] else "", content["date"])]
        for script in sorted({point["script"] for point in content["plan"]}):
            of_script = [point for point in content["plan"] if point["script"] == script]
            lines += ["", "{}: {} points".format(script, len(of_script))]
            lines += ["  {:44} {:8} {}".format(p["name"], p["state"], p["command"]) for p in of_script]
        self._put("plan.txt", "\n".join(lines) + "\n")


def fail(text: str) -> None:
    print("environment.py: " + text, file=sys.stderr)
    sys.exit(2)


def begin(folder: Folder, given: argparse.Namespace, points: "list[list[str]]") -> None:
    now = machine(given)
    if folder.content is None:
        folder.content = dict(now, schema_version=1, sessions=[], plan=[])
    content = folder.content
    before = {point["name"]: point for point in content["plan"]}
    other = "{}; name another folder with --results, or delete its points".format
    for name, ranks, command in points:
        if not folder.finished(name):
            continue
        if name not in before:
            fail(other(folder.path + ": nothing tells how " + name + " was run"))
        if before[name]["command"] != command:
            fail(other("{} is finished, but was run by another command: {}".format(name, before[name]["command"])))
        if content["sessions"][before[name]["session"]]["program_sha256"] != now["program_sha256"]:
            fail(other("{} is finished, but was run by another program than today's {}".format(name, given.program)))
    content["sessions"].append(dict(now, script=given.script, invocation=given.invocation, ended=None))
    session = len(content["sessions"]) - 1
    for name, ranks, command in points:
        if not folder.finished(name):
            before[name] = {"name": name, "script": given.script, "ranks": int(ranks), "command": command,
                            "state": "planned", "session": session}
    content["plan"] = list(before.values())


def end(folder: Folder, points: "list[list[str]]") -> None:
    content = folder.content
    names = {point[0] for point in points}
    for point in content["plan"]:
        if point["name"] in names:
            point["state"] = "finished" if folder.finished(point["name"]) else "failed"
            content["sessions"][point["session"]]["ended"] = datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("begin", "end"))
    parser.add_argument("folder")
    for name in ("script", "root", "program", "launcher", "invocation"):
        parser.add_argument("--" + name, required=True)
    given = parser.parse_args()
    given.program = os.path.abspath(given.program)
    points = [line.rstrip("\n").split("\t") for line in sys.stdin]
    try:
        folder = Folder(given.folder)
        if given.what == "begin":
            begin(folder, given, points)
        else:
            end(folder, points)
        folder.write()
    except OSError as error:
        print("environment.py: {}: {}".format(error.filename or given.folder, error.strerror), file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        fail("{}: {}; it can't be used".format(folder.file if "folder" in locals() else given.folder, error))


main()
