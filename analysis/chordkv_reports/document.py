"""What a report says, before it is said in HTML or Markdown: sections of plain blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union

from .figures import Figure


@dataclass
class Text:
    text: str


@dataclass
class Table:
    """A cell such as R3 or E1 refers to the row that has it as `anchors` say."""

    header: list[str]
    rows: list[list[str]]
    anchors: bool = False  # the first cell of each row is what others refer to


@dataclass
class Code:
    """Text as it is, to be copied; folded away under a title if it has one."""

    text: str
    title: str = ""


@dataclass
class Claim:
    """A shape and the verdict on it."""

    claim: str
    verdict: str
    lines: list[str]


@dataclass
class Plot:
    figure: Figure
    provenance: str


Block = Union[Text, Table, Code, Claim, Plot]


@dataclass
class Section:
    key: str
    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Document:
    title: str
    lead: str
    sections: list[Section]

    @property
    def figures(self) -> list[Figure]:
        return [block.figure for section in self.sections for block in section.blocks if isinstance(block, Plot)]
