"""A document as Markdown; figures are files beside it, and their numbers tables."""

from __future__ import annotations

import re
from typing import Callable

from .document import Block, Claim, Code, Document, Table, Text
from .figures import Figure


def _plain(text: str) -> str:
    """Text that no renderer takes for markup, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    lines = ["| " + " | ".join(map(_plain, table.header)) + " |", "|" + "---|" * len(table.header)]
    lines += ["| " + " | ".join(map(_plain, row)) + " |" for row in table.rows]
    return "\n".join(lines)


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.rstrip()}\n{fence}"


def _block(block: Block, path_of: Callable[[Figure, int], str]) -> str:
    if isinstance(block, Text):
        return _plain(block.text)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Code):
        return (f"{_plain(block.title)}:\n\n" if block.title else "") + _code(block.text)
    if isinstance(block, Claim):
        lines = "".join(f"\n  {_plain(line)}" for line in block.lines)
        return f"- **{block.verdict.capitalize()}**: {_plain(block.claim)}{lines}"
    figure = block.figure
    images = "\n".join(
        f"![{_plain(panel.title)}]({path_of(figure, i)})" for i, panel in enumerate(figure.panels, start=1)
    )
    parts = [
        f"### {_plain(figure.title)}",
        images,
        _plain(figure.caption),
        _plain(block.provenance),
        _table(Table(figure.header, figure.rows)),
    ]
    return "\n\n".join(part for part in parts if part)


def render(document: Document, path_of: Callable[[Figure, int], str]) -> str:
    """path_of names the file of a figure's panel (from 1), relative to the Markdown file."""
    parts = [f"# {_plain(document.title)}", _plain(document.lead)]
    for section in document.sections:
        parts.append(f"## {_plain(section.title)}")
        parts += [_block(block, path_of) for block in section.blocks]
    return "\n\n".join(part for part in parts if part) + "\n"
