"""What each law asks to be accounted for: the rules of `accounting.yaml`, and the account of some disclosures by them.

What belongs here: which law a row falls under, whether its account is required and why not, how far back an account
reaches, and the account's lines in the law's own columns. What does not: the rows (`disclosures`), how lines look
(`account_page`). Not legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from consent.disclosures import Disclosed, Entry
from mou_policies import vocabulary

_FILE = Path(__file__).with_name("accounting.yaml")


@dataclass(frozen=True)
class Column:
    """One column of an account: its heading, and where the law asks for it."""

    name: str
    heading: str
    cite: str


@dataclass(frozen=True)
class Exemption:
    """Which rows a law needs no account of: those of one exception, or of one form (the other is None)."""

    exception: str | None
    form: str | None
    because: str
    cite: str

    def covers(self, row: Disclosed) -> bool:
        """Say whether a row is exempt by it."""
        return self.exception == row.exception or self.form == row.form


@dataclass(frozen=True)
class Law:
    """One law's accounting: title, citation with its mark, what it is about, its columns and exemptions."""

    name: str
    title: str
    cite: str
    about: str
    exceptions: tuple[str, ...]
    years: int | None
    columns: tuple[Column, ...]
    exempt: tuple[Exemption, ...]

    def covers(self, row: Disclosed) -> bool:
        """Say whether a row falls under the law."""
        return row.exception.startswith(self.exceptions)

    def exemption(self, row: Disclosed) -> Exemption | None:
        """Return why no account of a row is required, None where it is."""
        return next((one for one in self.exempt if one.covers(row)), None)

    def since(self, today: date) -> date | None:
        """Return the first day an account given on `today` reaches back to, None for no bound."""
        if self.years is None:
            return None
        year = today.year - self.years
        # A year without a 29 February begins its account a day later, not a day earlier.
        return today.replace(year=year, day=28) if (today.month, today.day) == (2, 29) else today.replace(year=year)


@dataclass(frozen=True)
class Line:
    """One line of an account. `required` is None for a row under no law that was asked about; `act` its public id."""

    date: date
    party: str
    contact: str
    interest: str
    records: str
    authority: str
    required: bool | None
    because: str
    act: str
    kind: str
    published: bool


@cache
def laws() -> Mapping[str, Law]:
    """Read `accounting.yaml` once, laws by name. Raises KeyError when the packaged file lacks a part."""
    return {name: _law(name, item) for name, item in _read()["laws"].items()}


def lines(entries: Iterable[Entry], law: Law | None, published: Mapping[str, bool]) -> list[Line]:
    """Return the account of some rows: those a law covers, or all of them with what any law says (`law` is None).

    `published` says of acts that were recorded whether they ever appeared; of one it does not name, that it did.
    """
    return [
        _line(entry, law, published.get(entry.act.id, True))
        for entry in entries
        if law is None or law.covers(entry.row)
    ]


def judged(row: Disclosed, law: Law | None = None) -> tuple[bool | None, str]:
    """Return whether the account of a row is required, and why: by one law, or by whichever covers it."""
    covering = [one for one in ([law] if law else laws().values()) if one.covers(row)]
    if not covering:
        elsewhere = _read()["elsewhere"]
        return None, _because(elsewhere["because"], elsewhere)
    found = [(one, one.exemption(row)) for one in covering]
    asking = next((one for one, exemption in found if exemption is None), None)
    if asking is not None:
        return True, f"required ({asking.cite})"
    return False, "; ".join(f"not required: {e.because} ({e.cite})" for _, e in found if e is not None)


def _line(entry: Entry, law: Law | None, published: bool) -> Line:
    row = entry.row
    required, because = judged(row, law)
    return Line(
        date=entry.act.on,
        party=row.recipient,
        contact=row.contact,
        interest=_purpose(row.purpose),
        records=f"{row.owner}, {row.source}: {', '.join(row.classes)} ({row.form})",
        authority=f"{row.agreement}, sha256 {row.agreement_digest[:12]}; {row.exception} ({row.cite})",
        required=required,
        because=because,
        act=entry.act.id,
        kind=entry.act.kind,
        published=published,
    )


def _purpose(name: str) -> str:
    known = vocabulary.purposes().get(name)
    return known.means if known else name


@cache
def _read() -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe").load(_FILE.read_text(encoding="utf-8"))
    return data


def _law(name: str, item: Mapping[str, Any]) -> Law:
    return Law(
        name=name,
        title=item["title"],
        cite=_cited(item),
        about=item["about"],
        exceptions=tuple(item["exceptions"]),
        years=item["years"],
        columns=tuple(Column(key, body["heading"], _cited(body)) for key, body in item["columns"].items()),
        exempt=tuple(
            Exemption(one.get("exception"), one.get("form"), one["because"], _cited(one)) for one in item["exempt"]
        ),
    )


def _cited(item: Mapping[str, Any]) -> str:
    return f"{item['cite']} [{item['mark']}]"


def _because(words: str, item: Mapping[str, Any]) -> str:
    return f"{words} ({_cited(item)})"
