"""A book of disclosures with keys of its own, and rows of it with what a test does not care about filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine

from consent.child_sets import ChildSets
from consent.disclosures import Act, Disclosed, Disclosures, Form
from consent.registry import open_registry

DAY = date(2026, 9, 1)


def derive(use: str) -> bytes:
    return hashlib.sha256(f"a key for {use}".encode()).digest()


def registry(folder: Path) -> Engine:
    return open_registry(f"sqlite:///{folder / 'registry.sqlite'}")


def book_of(engine: Engine) -> Disclosures:
    return Disclosures(engine, ChildSets(derive))


def row(
    exception: str = "ferpa.audit-evaluation",
    form: Form = "aggregate",
    *,
    set_id: str = "0" * 64,
    source: str = "school",
    recipient: str = "The public",
    classes: Sequence[str] = ("sex",),
) -> Disclosed:
    return Disclosed(
        source=source, owner=f"{source}_agency", recipient=recipient, contact=f"{recipient}@city.example",
        purpose="measure-success", agreement="dsa-2026", agreement_digest="d" * 64, exception=exception, cite="a cite",
        classes=tuple(classes), form=form, set_id=set_id,
    )  # fmt: skip


def record(
    book: Disclosures, act: str, sets: dict[str, Sequence[str]], *, kind: str = "release", on: date = DAY, **given: str
) -> bool:
    """Record one act with one row a source, about the children given for each."""
    sealed = {source: book.sets.seal(pa.array(list(ids), pa.string())) for source, ids in sets.items()}
    rows = [row(source=source, set_id=one.set_id, **given) for source, one in sealed.items()]  # type: ignore[arg-type]
    return book.record(Act(kind, act, on), rows, sets=list(sealed.values()), actor="night")
