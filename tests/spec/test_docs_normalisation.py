"""The tables of docs/normalisation.md are run: what is written on the left becomes what stands on the right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jellyfish
import pyarrow as pa
import pytest

from linkage import fields, likeness, names
from linkage.atoms import build_atoms

PAGE = Path(__file__).resolve().parents[2] / "docs" / "normalisation.md"
Words = tuple[str | None, ...]
CODES = {"sex": fields.parse_sex, "zip": fields.parse_zip, "ssn": fields.parse_ssn, "medicaid": fields.parse_number}


def atoms(**columns: str) -> dict[str, str | None]:
    """Return the atoms of one record."""
    table = pa.table({name: pa.array([value or None], pa.string()) for name, value in columns.items()})
    return {name: values.to_pylist()[0] for name, values in build_atoms(table).items()}


def given(text: str) -> Words:
    read = names.parse_given(text)
    return read.exact, read.canonical, read.second_initial


def newborn(text: str) -> Words:
    read = names.parse_given(text)
    return read.exact, read.mother, read.birth_order


def surname(text: str) -> Words:
    read = names.parse_surname(text)
    return read.first, read.last


def slots(own: str, mother: str, maiden: str) -> Words:
    found = atoms(surname=own, mother_surname=mother, mother_maiden=maiden)
    return (" ".join(found[f"surname_{n}"] for n in range(1, 5) if found[f"surname_{n}"]),)


def nicknames(name: str) -> Words:
    return (" ".join([names.canonical_given(name), *filter(None, likeness.other_formal_names(name))]),)


def birth_order(order: str, plurality: str, name: str) -> Words:
    return (atoms(birth_order=order, plurality=plurality, given=name)["birth_order"],)


TABLES: dict[str, tuple[int, Callable[..., Words]]] = {
    "written | folded": (1, lambda text: (names.fold(text),)),
    "written | exact | canonical | second initial": (1, given),
    "canonical and others of | are": (1, nicknames),
    "written | exact | mother's given name | birth order": (1, newborn),
    "written | middle initial | mother's given name": (
        1,
        lambda text: (names.parse_middle(text), names.parse_mother_given(text)),
    ),
    "written | first | last": (1, surname),
    "surname | mother's surname | mother's maiden name | slots": (3, slots),
    "written | given | middle | surname": (1, names.split_full),
    "written | sound | end | even | odd | vowels": (
        1,
        lambda name: (jellyfish.soundex(name), *likeness.alike_forms(name)),
    ),
    "written | format | compared": (2, lambda text, form: (fields.date_parser(form or None)(text),)),
    "what | written | compared": (2, lambda what, text: (CODES[what](text),)),
    "birth order | plurality | given name | compared": (3, birth_order),
}
"""Heading of a table (without its last column, `why`) -> how many columns are input, and what makes the others."""


def tables() -> dict[str, list[list[str]]]:
    """Return the rows of every table of the page, by heading."""
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] | None = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]] if line.startswith("|") else None
        if cells is None:
            rows = None
        elif rows is None:
            rows = found.setdefault(" | ".join(cell for cell in cells if cell != "why"), [])
        elif set(line) - set("|- "):
            rows.append(cells)
    return found


ROWS = [(heading, row) for heading, rows in tables().items() for row in rows]


def test_every_table_is_run() -> None:
    assert set(tables()) == set(TABLES)
    assert len(ROWS) > 60


@pytest.mark.parametrize(("heading", "row"), ROWS)
def test_a_line_of_the_page(heading: str, row: list[str]) -> None:
    inputs, form = TABLES[heading]
    wanted = row[inputs : len(heading.split(" | "))]
    assert [part or "" for part in form(*row[:inputs])] == wanted


def test_a_first_of_january_blocks_and_says_nothing() -> None:
    found = atoms(birth_date="2019-01-01")
    assert (found["birth_date"], found["birth_known"]) == ("2019-01-01", None)


def test_every_code_and_list_that_the_page_names_is_there() -> None:
    lists = fields.identifier_lists()
    assert (lists["earliest_year"], lists["latest_year"]) == (1901, 2099)
    assert "12345" in lists["invalid_zip"]
    assert "078051120" in lists["invalid_ssn"]
    assert likeness.RARE == 1 / 20_000
    assert {*["UNKNOWN", "TEST", "REFUSED", "XXX", "NMN"]} <= set(names.name_lists()["placeholder_core"])
