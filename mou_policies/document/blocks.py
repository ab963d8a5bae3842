"""What a page is made of: inline pieces and blocks, which the template prints one by one.

These are shapes only. `kind` is what the template goes by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from mou_policies.document.values import Value, pieces


@dataclass(frozen=True)
class Gloss:
    """Words of the page about the agreement; no part of it."""

    text: str
    kind: str = "gloss"


@dataclass(frozen=True)
class Plain:
    """Words of the page that are as upright as the clause they belong to: a label, a comma."""

    text: str
    kind: str = "plain"


@dataclass(frozen=True)
class Name:
    """A key of the agreement, or a copy of one of its texts, shown exactly; it is read back from elsewhere."""

    text: str
    code: bool = True
    kind: str = "name"

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """The text as `values.pieces`."""
        return list(pieces(self.text, code=self.code))


@dataclass(frozen=True)
class Note:
    """A reference to a citation in the table of sources, by its number there."""

    number: int
    kind: str = "note"


@dataclass(frozen=True)
class Line:
    """The end of a line within a cell."""

    kind: str = "line"


@dataclass(frozen=True)
class Pairs:
    """A list of terms, each with what stands under it."""

    rows: Sequence[tuple[Content, Content]]
    kind: str = "pairs"


@dataclass(frozen=True)
class Listing:
    """A numbered list."""

    items: Sequence[Content]
    kind: str = "listing"


@dataclass(frozen=True)
class Cell:
    """A cell of a table; `heads` says that it names its row."""

    content: Content
    heads: bool = False
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True)
class Grid:
    """A table: caption, column headings, and groups of rows that no page break parts. `look` is its CSS class."""

    caption: str
    columns: Sequence[str]
    groups: Sequence[Sequence[Sequence[Cell]]]
    look: str = ""
    kind: str = "grid"


@dataclass(frozen=True)
class Paragraph:
    """One paragraph."""

    content: Content
    look: str = ""
    kind: str = "paragraph"


@dataclass
class Section:
    """A part of the page under its own heading; `sections` stand within it. `look` is its CSS class."""

    title: Content
    blocks: list[Block] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    look: str = ""


Block: TypeAlias = Pairs | Listing | Grid | Paragraph
Piece: TypeAlias = Value | Gloss | Plain | Name | Note | Line | Pairs | Listing | Grid
Content: TypeAlias = Sequence[Piece]
