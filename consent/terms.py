"""The terms of a decision: what it covers beyond its scope, who signed, and what its form carries for which basis.

Many forms share their terms, so they are kept once, in a table of their own, under the digest of their canonical form.
What belongs here: that form, the table, and which bases terms are valid for. What does not: how the cells of a form
become terms (`form_terms`), what an element is (`bases`), which decision wins (`gate`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from consent.bases import Required, bases, missing
from consent.tables import consent_terms
from mou_policies.canonical import canonical_json, sha256

UNREADABLE = "?"
"""Stands for a word of a list that cannot be read: it names nothing, so that a grant reaches no further for it."""

TERMS_SCHEMA = pa.schema(
    [
        ("terms_id", pa.string()),
        ("sources", pa.list_(pa.string())),
        ("classes", pa.list_(pa.string())),
        ("purposes", pa.list_(pa.string())),
        ("recipients", pa.list_(pa.string())),
        ("signer", pa.string()),
        ("bases", pa.list_(pa.string())),
    ]
)
"""Terms as a table: an empty list is everything the scope reaches; `bases` are those the form is valid for."""


class TermsError(Exception):
    """Terms in the registry that are not what their digest says: somebody changed them."""


@dataclass(frozen=True)
class Terms:
    """What forms of one kind say. Lists are sorted; an empty one is everything that the decision's scope reaches.

    `sources` are source ids, `classes` field classes or patterns (`health.*`), `purposes` and `classes` words of the
    agreement language, `recipients` agencies. `elements` holds, for every basis that the form claims, which of the
    basis's elements it carries.
    """

    sources: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    signer: str = "unknown"
    elements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def limits(self) -> dict[str, tuple[str, ...]]:
        """What the decision is limited to, by kind."""
        return {name: getattr(self, name) for name in ("sources", "classes", "purposes", "recipients")}

    def plain(self) -> dict[str, Any]:
        """Return the terms as JSON values."""
        return {
            **{name: list(words) for name, words in self.limits.items()},
            "signer": self.signer,
            "elements": {basis: list(names) for basis, names in self.elements.items()},
        }

    @property
    def text(self) -> str:
        """The canonical JSON of the terms."""
        return canonical_json(self.plain()).decode()

    @property
    def terms_id(self) -> str:
        """SHA-256 (hex) of the canonical JSON."""
        return sha256(self.plain())

    def lacking(self) -> dict[str, tuple[Required, ...]]:
        """Return what the form lacks for every basis that it claims; nothing lacking: valid for that basis."""
        return {name: missing(name, self.elements[name], self.signer) for name in bases() if name in self.elements}

    @property
    def bases(self) -> tuple[str, ...]:
        """The bases that the form is valid for; it is valid for none that it does not claim."""
        return tuple(name for name, lacks in self.lacking().items() if not lacks)


def read_terms(text: str) -> Terms:
    """Return terms from their canonical JSON."""
    said = json.loads(text)
    lists = {name: tuple(said[name]) for name in ("sources", "classes", "purposes", "recipients")}
    return Terms(**lists, signer=said["signer"], elements={k: tuple(v) for k, v in said["elements"].items()})


def write_terms(connection: Connection, terms: Iterable[Terms]) -> None:
    """Add terms to the table; those that it holds already stay as they are."""
    rows = [{"terms_id": one.terms_id, "terms": one.text} for one in terms]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    if rows:
        connection.execute(dialect.insert(consent_terms).on_conflict_do_nothing(index_elements=["terms_id"]), rows)


def stored_terms(connection: Connection) -> dict[str, Terms]:
    """Return every terms of the table by id. Raises TermsError for terms that are not what their id says."""
    found = {}
    for terms_id, text in connection.execute(select(consent_terms).order_by(consent_terms.c.terms_id)):
        terms = read_terms(text)
        if terms.terms_id != terms_id:
            raise TermsError(
                f"table consent_terms: found terms that are not those of their digest {terms_id[:12]}…, so somebody "
                "changed them; restore the registry from a backup, and see `cradlepath audit verify`"
            )
        found[terms_id] = terms
    return found


def terms_table(connection: Connection) -> pa.Table:
    """Return every terms of the registry (TERMS_SCHEMA), with the bases that each is valid for today's rules."""
    rows = [
        {name: value for name, value in terms.plain().items() if name != "elements"}
        | {"terms_id": terms_id, "bases": list(terms.bases)}
        for terms_id, terms in stored_terms(connection).items()
    ]
    return pa.Table.from_pylist(rows, schema=TERMS_SCHEMA)
