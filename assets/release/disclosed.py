"""What a release discloses, as rows of the book of disclosures; written before the release can be seen.

What belongs here: whose data, which classes, to whom, for what, under which agreements (from the release's manifest and
the policy of its night), and whose children (from the spine). What does not: the book itself (`consent.disclosures`),
what of an agreement leaves (`governance`), answers to queries (`queried`).

A release accounts for the children of its own night. Rows of closed periods that stay from earlier releases restate
numbers already published; the acts that published them first hold those children, and the event names them.
"""

# Names in these statements come from the agreements in force, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assets.night import Night
from assets.release.folder import read_release
from assets.release.rows.form import ENTRY
from assets.spine.declared import quoted, snake
from assets.spine.exposure import CONTENT_PREFIX
from consent.child_sets import ChildSets, SealedSet
from consent.disclosures import Act, Disclosed, Disclosures
from consent.registry import open_registry
from mou_policies.agreement import RECIPIENT, Agreement
from mou_policies.model import FieldPolicy, SourcePolicy
from mou_policies.policy import Policy

RECORDED_BY = "night"
"""The actor of what a night does by itself."""

_UNSTATED = "unstated"
"""Stands for a purpose or an exception that no agreement names: a night whose policy came from no agreement."""

Place = tuple[str, str, str]
"""A stored column: source, table, column."""


def record_release(night: Night, candidate: Path) -> bool:
    """Record what the release in the folder `candidate`, built and not yet visible, discloses.

    Returns False when its act is there already: a night that stopped between this and the publication is run again.
    """
    manifest = read_release(candidate).manifest
    engine = open_registry(night.paths.registry_url)
    try:
        sets = ChildSets(night.keys.derive)
        found = {name: sets.seal(ids) for name, ids in children_by_source(night).items()}
        return Disclosures(engine, sets).record(
            Act("release", manifest["release_id"], night.date),
            list(rows_of(manifest, night.policy, found)),
            sets=list(found.values()),
            actor=RECORDED_BY,
            about={"restates": [one["release_id"] for one in manifest["earlier"]]},
        )
    finally:
        engine.dispose()


def children_by_source(night: Night) -> dict[str, pa.Array]:
    """Return the child IDs that have a row of each source in the spine of the night; sources without any are not in."""
    found: dict[str, pa.Array] = {}
    with duckdb.connect(str(night.paths.spine), read_only=True) as connection:
        held = connection.execute(
            "select table_name from duckdb_columns() "
            "where column_name = 'child_id' and starts_with(table_name, $prefix)",
            {"prefix": CONTENT_PREFIX},
        ).fetchall()
        tables = {name for (name,) in held}
        for source, policy in night.policy.sources.items():
            mine = [name for table in policy.tables if (name := f"{CONTENT_PREFIX}{source}__{snake(table)}") in tables]
            if mine:
                every = " union ".join(f"select child_id from {quoted(name)}" for name in mine)
                ids = connection.sql(f"{every} order by child_id").to_arrow_table()["child_id"].combine_chunks()
                if len(ids):
                    found[source] = ids
    return found


def rows_of(manifest: Mapping[str, Any], policy: Policy, sets: Mapping[str, SealedSet]) -> Iterator[Disclosed]:
    """Yield one row for each source, recipient, purpose and exception that a release's columns go out under."""
    found: dict[tuple[str, str, str, str], set[str]] = {}
    licences = {a.agreement_id: a for a in policy.licence.licences}
    rows = {entry["licence"] for entry in manifest.get(ENTRY, []) if "refused" not in entry}
    for place in _columns(manifest):
        granted = policy.kept(*place)
        if granted is None or place[0] not in sets:
            continue
        for licence, purpose in _ways_out(policy, place, granted):
            for door in granted.doors or (_UNSTATED,):
                found.setdefault((place[0], licence, purpose, door), set()).add(granted.cls)
    for (source, licence, purpose, door), classes in sorted(found.items()):
        agreed = policy.sources[source]
        name, contact = _recipient(policy, agreed, licences.get(licence))
        yield Disclosed(
            source=source,
            owner=agreed.agency,
            recipient=name,
            contact=contact,
            purpose=purpose,
            agreement=agreed.agreement_id,
            agreement_digest=agreed.agreement_sha256,
            exception=door,
            cite=cite_of(policy.agreements.get(agreed.agreement_id), door),
            classes=tuple(sorted(classes)),
            form="de-identified" if licence in rows else "aggregate",
            set_id=sets[source].set_id,
        )


def _columns(manifest: Mapping[str, Any]) -> Iterator[Place]:
    """Yield the columns that a release shows or counts."""
    governed = manifest["governance"]
    for name in (*(item["column"] for item in governed["leaves"]), *governed["counted"]):
        source, table, column = name.split(".", 2)
        yield source, table, column


def _ways_out(policy: Policy, place: Place, granted: FieldPolicy) -> Iterator[tuple[str, str]]:
    """Yield by which licence (empty: by the owner's grant alone) and for which purposes a column leaves."""
    ref = (place[0], place[1], granted.field)
    licensed = False
    for licence in policy.licence.licences:
        alone = replace(policy.licence, licences=(licence,), needed_by=None)
        for purpose in sorted(licence.purposes):
            if alone.refusal(ref, granted, purpose) is None:
                licensed = True
                yield licence.agreement_id, purpose
    if not licensed and not policy.licence.needs(ref[0]):
        for purpose in sorted({purpose for _, purpose in granted.published_by}) or [_UNSTATED]:
            yield "", purpose


def _recipient(policy: Policy, source: SourcePolicy, licence: Agreement | None) -> tuple[str, str]:
    """Return name and contact of who receives: a licence's recipient, or the hub itself where none is asked for."""
    if licence is not None:
        party = next(p for p in licence.parties if p.role == RECIPIENT)
        return party.name, party.contact
    owner = policy.agreements.get(source.agreement_id)
    return (owner.hub.name, owner.hub.contact) if owner is not None else ("the hub", "")


def cite_of(agreement: Agreement | None, door: str) -> str:
    """Return the citation by which an agreement opens a door."""
    authority = agreement.authority if agreement is not None else ()
    return next((one.cite for one in authority if one.exception == door), _UNSTATED)
