"""Which family lets which of its child's data go back to an agency: opt-in, in its own words, still valid.

What belongs here: the question that a return asks (`Permitted`), and an answer from the grants of the consent ledger.
What does not: what is asked (`made`). A grant counts when its form names the recipient and the purpose, covers source
and class, claims a basis, and has not expired; whatever the gate takes out of the spine for the child is not permitted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import duckdb
import pyarrow as pa
from sqlalchemy import func, select

from assets.night import Night
from assets.spine.gate import namespaces
from consent.gate import decide
from consent.ledger import ConsentLedger
from consent.tables import consent_event, consent_terms
from mou_policies import vocabulary


@dataclass(frozen=True)
class Asked:
    """The question whether a class of a source may go to an agency for a purpose."""

    source: str
    cls: str
    purpose: str
    recipient: str


class Permitted(Protocol):
    """Answers for every child at once: the child IDs that `asked` is permitted of, as (child_id, asked's place)."""

    def __call__(self, night: Night, asked: Sequence[Asked]) -> pa.Table:
        """Return child_id (string) and asked (int32): one row for each child and question that is permitted."""
        ...


_PERMITTED = """
    select distinct form.child_id, family_grant.asked
    from consent_form_child as form
    join family_grant using (record_key)
    left join refused_source as refused
        on refused.child_id = form.child_id and refused.source = family_grant.source
    where form.decision = 'grant' and refused.child_id is null
    order by all
"""


def granted_by_ledger(night: Night, asked: Sequence[Asked]) -> pa.Table:
    """Answer from the forms in the consent ledger as of the night."""
    with ConsentLedger(night.paths.registry_url) as ledger:
        forms, grants = ledger.active(night.date), list(_grants(ledger, night.date.isoformat()[:7], asked))
    form_source = next((name for name, s in night.policy.sources.items() if s.kind == "consent"), "consents")
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        connection.register("record_child", night.record_child())
        decide(connection, forms, form_source, namespaces(night.policy))
        schema = pa.schema([("record_key", pa.binary()), ("source", pa.string()), ("asked", pa.int32())])
        connection.register("family_grant", pa.Table.from_pylist(grants, schema=schema))
        return connection.sql(_PERMITTED).to_arrow_table()


def _grants(ledger: ConsentLedger, month: str, asked: Sequence[Asked]) -> Iterator[dict[str, Any]]:
    """Yield which newest events permit which questions; terms, which many share, are judged once each."""
    newest = select(func.max(consent_event.c.sequence)).group_by(consent_event.c.record_key)
    query = (
        select(consent_event.c.record_key, consent_event.c.terms_id)
        .where(consent_event.c.sequence.in_(newest), consent_event.c.decision == "grant")
        .where(func.coalesce(consent_event.c.expiry_month, month) >= month)
    )
    with ledger.engine.connect() as connection:
        terms = {name: json.loads(text) for name, text in connection.execute(select(consent_terms))}
        covered = {name: [n for n, one in enumerate(asked) if _covers(said, one)] for name, said in terms.items()}
        for record_key, terms_id in connection.execute(query):
            for place in covered.get(terms_id or "", ()):
                yield {"record_key": record_key, "source": asked[place].source, "asked": place}


def _covers(said: Mapping[str, Any], asked: Asked) -> bool:
    """Say whether terms permit something: recipient and purpose by name, source and class by name or left open."""
    return (
        asked.recipient in said.get("recipients", ())
        and asked.purpose in said.get("purposes", ())
        and (not said.get("sources") or asked.source in said["sources"])
        and (not said.get("classes") or any(vocabulary.matches(pattern, asked.cls) for pattern in said["classes"]))
        and bool(said.get("elements"))
    )
