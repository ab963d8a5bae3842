"""Which column of a file holds which wanted field: matching a header by name, in any order and case.

A row of cells is *proven* to be the header when it names every column that the reader cannot do without.
Until then none of its cells is told to anybody: a file without a header starts with a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assets.extracts.delivery import DeliveryError


@dataclass(frozen=True)
class Asked:
    """What is asked of a table's header.

    `wanted` are the columns to hand on, `required` those without which the file is refused, `aliases` other
    names of columns: {column: other names}, `denied` columns that the agreement names to refuse them, `also`
    those that the reader itself looks at if they are there.
    """

    wanted: tuple[str, ...]
    required: tuple[str, ...]
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    denied: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column asked for, wanted first."""
        return tuple(dict.fromkeys((*self.wanted, *self.required, *self.also)))


@dataclass(frozen=True)
class Header:
    """A proven header: the place of each column found, the columns not there, and those nobody asked for."""

    places: Mapping[str, int]
    absent: tuple[str, ...]
    unnamed: tuple[str, ...]
    width: int


def plain(name: str) -> str:
    """Return a column's name as it is compared: in lower case, without blanks around it."""
    return name.strip().strip("\ufeff").strip().casefold()


def found_in(cells: Sequence[str], asked: Asked) -> int:
    """Return how many of the columns asked for a row of cells names, under any of their names."""
    names = {plain(cell) for cell in cells}
    return sum(any(plain(n) in names for n in _names(column, asked)) for column in asked.columns)


def is_header(cells: Sequence[str], asked: Asked) -> bool:
    """Say whether a row of cells names every required column and at least one column at all."""
    names = {plain(cell) for cell in cells}
    required = asked.required or asked.wanted[:1]
    return all(any(plain(n) in names for n in _names(column, asked)) for column in required)


def match(file: str, cells: Sequence[str], asked: Asked) -> Header:
    """Match a proven header. Raises DeliveryError when a column asked for is there twice."""
    places: dict[str, int] = {}
    for column in asked.columns:
        at = _places(column, cells, asked)
        if len(at) > 1:
            what = f"the header names column {column} {len(at)} times"
            raise DeliveryError(file, what, "deliver each agreed column once")
        if at:
            places[column] = at[0]
    absent = tuple(column for column in asked.wanted if column not in places)
    taken = set(places.values())
    denied = {plain(name) for name in asked.denied}
    unnamed = tuple(
        " ".join(cell.split())
        for i, cell in enumerate(cells)
        if i not in taken and plain(cell) and plain(cell) not in denied
    )
    return Header(places, absent, unnamed, len(cells))


def missing(file: str, seen: int, required: Sequence[str], best: Sequence[str], asked: Asked) -> DeliveryError:
    """Return the refusal of a file without a usable header.

    `best` are the cells of the row that came nearest, which are compared and not told; `seen` rows were
    looked at.
    """
    names = {plain(cell) for cell in best}
    lacking = [c for c in required if not any(plain(n) in names for n in _names(c, asked))]
    what = f"no header with column {', '.join(lacking)} in the first {seen} rows"
    return DeliveryError(
        file,
        what,
        "compare the agreement's column names, delimiter and skip_lines with the file's header line",
    )


def _names(column: str, asked: Asked) -> tuple[str, ...]:
    return (column, *asked.aliases.get(column, ()))


def _places(column: str, cells: Sequence[str], asked: Asked) -> list[int]:
    """Return where a column stands: under its exact name, else in other case or spacing, else by an alias."""
    exact = [i for i, cell in enumerate(cells) if cell == column]
    if exact:
        return exact
    for name in _names(column, asked):
        loose = [i for i, cell in enumerate(cells) if plain(cell) == plain(name)]
        if loose:
            return loose
    return []
