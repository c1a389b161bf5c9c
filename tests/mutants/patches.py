"""The mutants: patches beside this file, each with a header that says what it breaks."""

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIELDS = {"Rule", "Breaks", "Seen by", "Quick"}
CODE = (".c", ".h")


class PatchError(Exception):
    """A patch whose header doesn't say what it must."""


@dataclass(frozen=True)
class Mutant:
    path: Path
    rule: str  # what it breaks, as DESIGN names it
    breaks: str  # in a sentence
    seen_by: tuple[str, ...]  # tests that are run first; what is neither unit nor simulator is run for it alone
    quick: bool  # one of the ten of label ci
    files: tuple[str, ...]  # that it changes, relative to the project's folder

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def number(self) -> str:
        return self.name.split("-", 1)[0]

    @property
    def changes_code(self) -> bool:
        return any(name.endswith(CODE) for name in self.files)


def read_header(path: Path, text: str) -> dict[str, str]:
    """The lines before the diff: 'Field: text', where an indented line goes on with the one before."""
    header: dict[str, str] = {}
    field = ""
    for line in text.split("\n--- ", 1)[0].splitlines():
        found = re.match(r"([A-Z][a-z ]*): +(\S.*)", line)
        if found:
            field = found.group(1)
            if field not in FIELDS or field in header:
                raise PatchError(f"{path.name}: the header's field '{field}' is unknown, or there twice")
            header[field] = found.group(2).strip()
        elif field and re.match(r"\s+\S", line):
            header[field] += " " + line.strip()
        elif line.strip():
            raise PatchError(f"{path.name}: what is '{line}' in the header?")
    for needed in ("Rule", "Breaks", "Seen by"):
        if needed not in header:
            raise PatchError(f"{path.name}: the header lacks '{needed}:'")
    return header


def read_mutant(path: Path) -> Mutant:
    text = path.read_text(encoding="utf-8")
    header = read_header(path, text)
    files = tuple(re.findall(r"^\+\+\+ b/(\S+)", text, re.MULTILINE))
    if not files:
        raise PatchError(f"{path.name}: there is no '+++ b/...' line: it changes nothing")
    if not re.fullmatch(r"\d\d-[a-z0-9-]+", path.stem):
        raise PatchError(f"{path.name}: a patch is called NN-what-it-breaks.patch")
    return Mutant(path=path, rule=header["Rule"], breaks=header["Breaks"],
                  seen_by=tuple(re.split(r"[,\s]+", header["Seen by"])), quick=header.get("Quick", "no") == "yes",
                  files=files)


def all_mutants() -> list[Mutant]:
    """In the order of their numbers; PatchError if one is malformed, or two have one number."""
    mutants = [read_mutant(path) for path in sorted(HERE.glob("*.patch"))]
    for before, after in zip(mutants, mutants[1:]):
        if before.number == after.number:
            raise PatchError(f"{before.path.name} and {after.path.name} have one number")
    return mutants
