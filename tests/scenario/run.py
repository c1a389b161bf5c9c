#!/usr/bin/python3
"""Runs the shell's transcripts: each tests/scenario/*.txt is a session, commands and answers as `--prompt always` prints
them.

    # ranks 5                    the first lines say how it is run
    # options --replicas 3       (any number of lines; #: is a comment)
    # id-bits 8                  ids have so many bits; node r of N has r * (2^bits / N), so that transcripts are stable,
    # ids 7,200 33,90            or these, a rank after the other, where ranks have several with a comma between them
    # oracle                     what is expected must be what oracle.py works out from the ids alone, too
    # status 1                   the exit status, 0 if it isn't given
    chordkv> insert a b
    Key:a inserted ...

The commands are read from the file, given to a ring on standard input (or, `# script`, as a script) and the whole output
is compared. `@` stands for this machine's host name, SCRIPT for the script's. Times alone are normalised: <T>; and the
number of a change's messages: <N>, since on a busy machine some are sent again after a time.
With --update the files are written anew: look at the difference before you commit it.
"""

import argparse
import difflib
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

import oracle

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
PROMPT = b"chordkv> "
TIME = re.compile(rb" *\b[0-9][0-9.,]* (?:ns|us|ms|s)\b")
MESSAGES = re.compile(rb"(at most, )[0-9,]+( messages)")
JSON_TIME = re.compile(rb'("[a-z0-9_]*_ns(?:_max)?":)[0-9]+')
JSON_MESSAGES = re.compile(rb'("(?:routing_)?message_count":)[0-9]+')


class Scenario:
    def __init__(self, path):
        self.path = path
        self.head, self.ranks, self.bits, self.status, self.options, self.script = [], 5, 8, 0, [], False
        self.ids, self.oracle = None, False
        lines = path.read_bytes().splitlines(keepends=True)
        while lines and lines[0].startswith(b"#"):
            self.head.append(lines.pop(0))
            words = self.head[-1].decode().strip("# \n").split()
            if words[:1] == ["ranks"]:
                self.ranks = int(words[1])
            elif words[:1] == ["id-bits"]:
                self.bits = int(words[1])
            elif words[:1] == ["status"]:
                self.status = int(words[1])
            elif words[:1] == ["options"]:
                self.options += words[1:]
            elif words[:1] == ["ids"]:
                self.ids = [[int(one) for one in word.split(",")] for word in words[1:]]
            elif words == ["script"]:
                self.script = True
            elif words == ["oracle"]:
                self.oracle = True
            elif not self.head[-1].startswith(b"#:"):
                sys.exit(f"{path}: what does '{' '.join(words)}' mean?")
        if self.ids is None:
            self.ids = [[rank * ((1 << self.bits) // self.ranks)] for rank in range(self.ranks)]
        self.json = "--json" in self.options
        # In JSON sessions nothing is echoed: the commands stand in the file and the answers follow them.
        self.commands = [line[len(PROMPT):] for line in lines if line.startswith(PROMPT)]
        if self.commands and not self.commands[-1].strip():
            self.commands.pop()  # the prompt that the end of the input meets
        self.expected = b"".join(line for line in lines if not (self.json and line.startswith(PROMPT)))
        self.body = lines

    def run(self, program, folder):
        host = socket.gethostname().encode()
        ids = folder / "ids.txt"
        ids.write_text("".join(f"{rank} {' '.join(map(str, own))}\n" for rank, own in enumerate(self.ids)))
        command = [str(ROOT / "jobs" / "launch.sh"), "-n", str(self.ranks), "--", program, "shell", "--id-bits",
                   str(self.bits), "--node-ids", str(ids), *self.options]
        text = b"".join(self.commands).replace(b"@", host)
        if not self.json:
            command += ["--prompt", "always"]
        if self.script:
            (folder / "script").write_bytes(text)
            command += ["--script", str(folder / "script")]
        done = subprocess.run(command, input=b"" if self.script else text, capture_output=True, timeout=120, check=False,
                              cwd=ROOT)
        got = done.stdout.replace(str(folder / "script").encode(), b"SCRIPT")
        got = MESSAGES.sub(rb"\1<N>\2", JSON_TIME.sub(rb"\1<T>", TIME.sub(b" <T>", got)))
        got = JSON_MESSAGES.sub(rb"\1<N>", got)
        return done.returncode, re.sub(rb"\b" + re.escape(host) + rb"(?=[:\"\n])", b"@", got), done.stderr

    def option(self, name, fallback):
        return self.options[self.options.index(name) + 1] if name in self.options else fallback

    def predicted(self):
        """What the oracle says to the commands; None if it isn't asked."""
        if not self.oracle:
            return None
        asked = oracle.Oracle(self.ids, self.bits, int(self.option("--replicas", 1)),
                              self.option("--consistency", "linearizable") == "eventual",
                              int(self.option("--initial-nodes", self.ranks)))
        return "".join(line + "\n" for line in oracle.predict(asked, [line.decode().rstrip("\n") for line in self.commands]))

    def update(self, got):
        lines = got.splitlines(keepends=True)
        if self.json:
            lines = [PROMPT + command for command in self.commands] + lines
        self.path.write_bytes(b"".join(self.head + lines))


def show_difference(expected, got, names):
    print("\n".join(difflib.unified_diff(expected.splitlines(), got.splitlines(), *names, lineterm="")))


def check(scenario, program, update):
    with tempfile.TemporaryDirectory() as name:
        status, got, errors = scenario.run(program, pathlib.Path(name))
    if update:
        scenario.update(got)
        scenario.expected = got
    expected = scenario.expected.decode("utf-8", "replace")
    good = got == scenario.expected
    if not good:
        show_difference(expected, got.decode("utf-8", "replace"), (str(scenario.path), "got"))
    predicted = scenario.predicted()
    if predicted is not None and predicted != expected:
        show_difference(predicted, expected, ("oracle.py", str(scenario.path)))
        good = False
    if status != scenario.status:
        print(f"{scenario.path.name}: status {status} instead of {scenario.status}")
    if not good or status != scenario.status:
        print(errors.decode("utf-8", "replace"))
    return good and status == scenario.status


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", required=True, help="the chordkv to test")
    arguments.add_argument("--update", action="store_true", help="write the transcripts anew")
    arguments.add_argument("files", nargs="*", type=pathlib.Path, help="all of them if none is given")
    given = arguments.parse_args()
    paths = given.files or sorted(path for path in FOLDER.glob("*.txt") if path.name != "CMakeLists.txt")
    failed = [path.name for path in paths if not check(Scenario(path), given.program, given.update)]
    print(f"{len(paths)} transcripts, {len(failed)} differ: {' '.join(failed)}" if failed else
          f"{len(paths)} transcripts, none differs")
    sys.exit(1 if failed or not paths else 0)


main()
