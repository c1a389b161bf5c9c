"""What the command-line tools have in common."""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import Callable

from .load import Loaded, NoReports, Problem, load

STATUS_FAILURE, STATUS_USAGE = 1, 2
PROBLEMS_SHOWN_PER_FILE = 5


def parser(description: str, epilog: str = "") -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument("--strict", action="store_true", help="end with status 1 if anything was skipped")
    return made


def complain(text: str) -> None:
    name = os.path.basename(sys.argv[0])
    print(f"{name}: {text}".encode("utf-8", "replace").decode("utf-8"), file=sys.stderr)


def tell(problems: list[Problem]) -> None:
    """Names what was skipped, and only the first few of a file that is full of it."""
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.path, []).append(problem)
    for path, of_file in by_file.items():
        for problem in of_file[:PROBLEMS_SHOWN_PER_FILE]:
            complain(str(problem))
        if len(of_file) > PROBLEMS_SHOWN_PER_FILE:
            complain(f"{path}: and {len(of_file) - PROBLEMS_SHOWN_PER_FILE} more problems")


def read(paths: list[str]) -> Loaded:
    loaded = load(paths)
    tell(loaded.problems)
    return loaded


def run(main: Callable[[], int]) -> None:
    """Ends the program with main's status; an error that a person can make is one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        status = main()
        sys.stdout.flush()
    except NoReports as error:
        complain(str(error))
        status = STATUS_FAILURE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = STATUS_FAILURE
    except OSError as error:
        complain(f"{error.filename or 'output'}: {error.strerror}")
        status = STATUS_FAILURE
    sys.exit(status)
