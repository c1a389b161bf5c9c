#!/usr/bin/python3
"""Feeds the launcher's reader of the verdict record generated, truncated and hostile files.

The reader is the function verdict_status of jobs/launch.sh, taken from there as it stands, in both of its forms: with jq,
and with awk where there is no jq. What it prints becomes the status of a run, so it must print the record's exit_status,
or nothing. jq is held to exactly that. awk knows no JSON: it is held to it for all records that this program's report
writes (whole, cut off or doubled), and for hostile ones to printing nothing but a whole number from 0 to 255.
"""

import argparse
import json
import math
import pathlib
import random
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VERDICTS = ("valid", "wrong", "lost", "timeout", "usage", "failure")


def reader() -> str:
    """The text of the function under test."""
    found = re.search(r"^verdict_status\(\) \{\n.*?^\}\n", (ROOT / "jobs/launch.sh").read_text(), re.M | re.S)
    if found is None:
        raise SystemExit("jobs/launch.sh has no function verdict_status")
    return found.group(0)


def written(draw: random.Random) -> bytes:
    """A record as the program writes it: one line, the three fields among others, text escaped."""
    record: dict[str, object] = {
        "record": "verdict",
        "verdict": draw.choice(VERDICTS),
        "exit_status": draw.choice((0, 1, 2, 3, 4, 5, 255)),
        "wrong": draw.randrange(10),
    }
    if draw.random() < 0.3:
        record["error"] = draw.choice(("", 'a "quoted" word', "back\\slash", "line\nbreak", "{}", "\u00e9"))
    separators = draw.choice(((",", ":"), (", ", ": ")))
    return (json.dumps(record, separators=separators) + "\n").encode()


def changed(draw: random.Random, line: bytes) -> tuple[bytes, bool]:
    """The record, perhaps with something done to it; whether that is hostile rather than an accident of writing."""
    kind = draw.randrange(8)
    if kind <= 1:
        return line, False
    if kind == 2:
        return line[: draw.randrange(len(line))], False
    if kind == 3:
        return line + line, False
    if kind == 4:
        at = draw.randrange(len(line))
        return line[:at] + bytes((draw.randrange(256),)) + line[at + 1 :], True
    if kind == 5:
        value = draw.choice(("-1", "256", "0.5", "1e1", '"0"', "null", "true", "[0]", "9" * 30, "00", "0x1", "1e999"))
        return re.sub(rb'("exit_status": ?)\d+', rb"\g<1>" + value.encode(), line), True
    if kind == 6:
        return bytes(draw.randrange(256) for _ in range(draw.randrange(200))), True
    return draw.choice((b"[" + line + b"]", b"\n" + line, line.replace(b"record", b"Record"), b"\xef\xbb\xbf" + line)), True


def expected(content: bytes) -> str | None:
    """The status that the file says, '' for none; None where readers of JSON disagree and any status or none will do."""
    if b"\0" in content or b"\xef\xbb\xbf" in content:
        return None
    try:
        text = content.decode()
        record = json.loads(text, parse_constant=lambda word: None)
    except UnicodeDecodeError:
        return None  # jq replaces what is no UTF-8
    except (ValueError, RecursionError):
        # jq also takes several values, NaN and numbers such as 00: only what is surely none is held against it.
        return "" if not re.search(rb"nan|NaN|:\s*-?0\d|[^\x20-\x7e\n]", content) else None
    if not isinstance(record, dict) or record.get("record") != "verdict" or not isinstance(record.get("verdict"), str):
        return ""
    status = record.get("exit_status")
    if isinstance(status, bool) or not isinstance(status, (int, float)) or not math.isfinite(status):
        return ""
    return str(int(status)) if status == int(status) and 0 <= status <= 255 else ""


def run(function: str, path: str, folder: pathlib.Path, count: int) -> list[str]:
    """What the reader prints for files 0 to count - 1, with the programs of PATH."""
    script = function + (
        'for ((i = 0; i < $2; i++)); do printf "%s\\n" "$(verdict_status "$1/$i" 2>/dev/null | tr "\\n" ";")"; done\n'
    )
    ended = subprocess.run(
        ["/bin/bash", "-c", script, "bash", str(folder), str(count)],
        env={"PATH": path, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True, check=True,
    )
    return [line.rstrip(";") for line in ended.stdout.splitlines()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="files (default: 300)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: 1)")
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    function = reader()
    failures = statuses = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        without_jq = folder / "bin"
        without_jq.mkdir()
        for tool in ("awk", "tr"):
            (without_jq / tool).symlink_to(subprocess.check_output(["/bin/sh", "-c", f"command -v {tool}"], text=True).strip())
        files = [changed(draw, written(draw)) for _ in range(arguments.count)]
        for i, (content, _) in enumerate(files):
            (folder / str(i)).write_bytes(content)
        by_jq = run(function, "/usr/local/bin:/usr/bin:/bin", folder, len(files))
        by_awk = run(function, str(without_jq), folder, len(files))
    if len(by_jq) != len(files) or len(by_awk) != len(files):
        raise SystemExit(f"{len(files)} files, but {len(by_jq)} and {len(by_awk)} answers")
    for (content, hostile), jq, awk in zip(files, by_jq, by_awk):
        said = expected(content)
        statuses += jq != ""
        for form, printed in (("jq", jq), ("awk", awk)):
            is_status = printed == "" or (re.fullmatch(r"\d{1,3}", printed) is not None and int(printed) <= 255)
            is_right = said is None or printed == said or (form == "awk" and hostile)
            if not (is_status and is_right):
                failures += 1
                print(f"seed {arguments.seed}: {form} reads {printed!r} instead of {said!r} from {content!r}")
    print(f"{len(files)} files, {statuses} with a status, {failures} failures")
    if statuses == 0 or statuses == len(files):
        print("the files were all alike: nothing was shown")
        return 1
    return failures > 0


if __name__ == "__main__":
    raise SystemExit(main())
