"""Families' decisions as readable tables, put straight into the relations that the room of consent decides on.

A form: `child | decision | scope | month | names | signer | basis | night`. `names` narrows its scope: words such as
`to uni`, `for research`, `of health.*`, `from snap`, set apart by commas. Cells may be left out from the right. A form
with neither names, signer nor basis has no terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
from support.hub import key, rows_of

from consent.decisions import judge, state
from consent.gate import decide
from consent.questions import Question, ask
from consent.subjects import resolve_subjects
from consent.terms import TERMS_SCHEMA
from consent.vocabulary import vocabulary

ON = date(2026, 9, 1)
_LISTS = {"to": "recipients", "for": "purposes", "of": "classes", "from": "sources"}


@dataclass(frozen=True)
class Form:
    """A form as it stands: `names` maps recipients, purposes, classes and sources to words; None: it has no terms."""

    sequence: int
    child: str
    decision: str
    scope: str
    month: str
    names: Mapping[str, tuple[str, ...]] | None = None
    signer: str = "unknown"
    bases: tuple[str, ...] = ()
    night: str = "2026-08-01"
    named_child: bool = False


def read_forms(text: str) -> list[Form]:
    """Read a readable table without its header; a child written `=ann` is one the hub named by child ID."""
    _, rows = rows_of("header\n" + text)
    return [_form(number, row) for number, row in enumerate(rows, 1)]


def _form(number: int, row: Sequence[str | None]) -> Form:
    child, decision, scope, month, names, signer, basis, night = [*row, *[None] * (8 - len(row))]
    lists: dict[str, tuple[str, ...]] = {}
    for words in (names or "").split(","):
        if words.strip():
            kind, word = words.split()
            lists[_LISTS[kind]] = (*lists.get(_LISTS[kind], ()), word)
    has_terms = bool(names or signer or basis)
    return Form(
        number, str(child).removeprefix("="), str(decision), str(scope), str(month), lists if has_terms else None,
        signer or "unknown", tuple((basis or "").split()), night or "2026-08-01", str(child).startswith("="),
    )  # fmt: skip


@dataclass(frozen=True)
class City:
    """What else the room may know: years of birth, IDs that stand for others, and what children were once."""

    births: tuple[tuple[str, int], ...] = ()
    now: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, str, str], ...] = ()
    part_forms: tuple[tuple[str, int], ...] = ()
    children: tuple[str, ...] = ("ann", "bob")


def decide_all(
    forms: Sequence[Form],
    questions: Sequence[Question],
    city: City | None = None,
    *,
    exceptions: bool = True,
    on: date = ON,
) -> dict[tuple[str, int], tuple[str, int | None]]:
    """Return state and deciding form for each child and question (by its place)."""
    with duckdb.connect() as con:
        _fill(con, forms, city or City())
        ask(con, questions)
        resolve_subjects(con, ["consents"])
        judge(con, on)
        return {(c, q): (s, n) for c, q, s, n in state(con, exceptions=exceptions).fetchall()}


def gate_all(
    forms: Sequence[Form], questions: Sequence[Question], city: City | None = None
) -> tuple[dict[str, dict[str, str]], set[str]]:
    """Return the sources that leave by child, with the scope that takes each out, and the children that leave whole."""
    with duckdb.connect() as con:
        _fill(con, forms, city or City())
        decide(con, ["consents"], questions, ON)
        left: dict[str, dict[str, str]] = {}
        for child, source, scope in con.execute("select * from refused_source order by all").fetchall():
            left.setdefault(child, {})[source] = scope
        return left, {row[0] for row in con.execute("select child_id from refused_child").fetchall()}


def _fill(con: duckdb.DuckDBPyConnection, forms: Sequence[Form], city: City) -> None:
    terms = _terms(forms)
    numbers = {name: n for n, name in enumerate(sorted({form_terms(f) for f in forms} - {""}), 1)}
    con.register("given_terms", terms)
    con.execute(
        "create temp table consent_terms as "
        "select row_number() over (order by terms_id)::integer as terms, * from given_terms"
    )
    words = vocabulary()
    for name, listing in (("consent_decisions", words.decisions), ("consent_scopes", words.scopes)):
        con.execute(f"create type {name} as enum ({', '.join(map(repr, listing))})")
    con.execute(
        "create temp table consent_form (sequence bigint, record_key blob, decision consent_decisions, "
        "scope consent_scopes, about_source varchar, about_record blob, month smallint, night date, terms integer, "
        "child_id varchar)"
    )
    for form in forms:
        year, month = map(int, form.month.split("-"))
        con.execute(
            "insert into consent_form values (?, ?, ?, ?, null, null, ?, ?, ?, ?)",
            [form.sequence, form_key(form.sequence), form.decision, form.scope, year * 12 + month, form.night,
             numbers.get(form_terms(form), 0), form.child if form.named_child else None],
        )  # fmt: skip
    links = [("school", key("school", child), child) for child in city.children]
    links += [("consents", form_key(form.sequence), form.child) for form in forms if not form.named_child]
    con.register("record_child", table(links, "source", "record_key", "child_id"))
    con.register("birth_year", table(city.births, "child_id", "birth_year", years=True))
    con.register("child_now", table(city.now, "child_id", "now"))
    con.execute("create temp table child_part (child_id varchar, part varchar, before_night date)")
    con.execute("create temp table child_part_record (part varchar, record_key blob, child_id varchar)")
    for row in city.parts:
        con.execute("insert into child_part values (?, ?, ?)", row)
    for part, number in city.part_forms:
        con.execute("insert into child_part_record values (?, ?, null)", [part, form_key(number)])


def form_key(number: int) -> bytes:
    """Return the record key of a form."""
    return key("consents", str(number))


def form_terms(form: Form) -> str:
    """Return an id of a form's terms, '' where it has none."""
    return "" if form.names is None else repr((sorted(form.names.items()), form.signer, form.bases))


def _terms(forms: Sequence[Form]) -> pa.Table:
    found = {form_terms(form): form for form in forms if form.names is not None}
    rows = [
        {"terms_id": name, "signer": form.signer, "bases": list(form.bases)}
        | {kind: list((form.names or {}).get(kind, ())) for kind in _LISTS.values()}
        for name, form in found.items()
    ]
    return pa.Table.from_pylist(rows, schema=TERMS_SCHEMA)


def table(rows: Sequence[tuple[object, ...]], *names: str, years: bool = False) -> pa.Table:
    """Return an Arrow table of text (record keys: bytes; years: numbers)."""
    types = [
        pa.binary() if n == "record_key" else pa.int32() if years and n == "birth_year" else pa.string() for n in names
    ]
    return pa.table([pa.array([row[i] for row in rows], kind) for i, kind in enumerate(types)], names=list(names))
