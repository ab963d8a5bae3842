"""What the answer to a query discloses, and to whom: the person who asked. Recorded before the answer is shown.

What belongs here: which of a release's classes the tables asked about show, and the act with its digest of the
question. What does not: answering (`query`), what the release itself disclosed (`disclosed`), who may ask (`consent`).

The children are those of the release: the act refers to the release's own sets. Answers of a release that was published
before disclosures were recorded leave their event without rows.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from assets.release.folder import read_release
from assets.release.query import Answer
from consent.child_sets import ChildSets
from consent.disclosures import Act, Disclosed, Disclosures
from consent.registry import open_registry


def record_query(
    registry_url: str,
    derive: Callable[[str], bytes],
    releases: Path,
    sql: str,
    answer: Answer,
    *,
    actor: str,
    on: date,
) -> str:
    """Record that `actor` is shown `answer`, and return the act's id.

    `derive` is the key ring's, `releases` the folder in which the answer's release lies. The statement is not kept, its
    SHA-256 is: what was asked may itself tell something.
    """
    release = read_release(releases / answer.release_id)
    act = Act("query", f"q-{on.isoformat()}-{secrets.token_hex(8)}", on)
    engine = open_registry(registry_url)
    try:
        book = Disclosures(engine, ChildSets(derive))
        disclosed = [entry.row for entry in book.of_act("release", release.id)]
        about = {
            "release": release.id,
            "sql_sha256": hashlib.sha256(sql.encode()).hexdigest(),
            "tables": list(answer.tables),
            "answered": len(answer.rows),
            "accounted": bool(disclosed),
        }
        book.record(act, list(_rows(disclosed, release.manifest, answer.tables, actor)), actor=actor, about=about)
    finally:
        engine.dispose()
    return act.id


def _rows(
    disclosed: list[Disclosed], manifest: Mapping[str, Any], tables: tuple[str, ...], actor: str
) -> Iterator[Disclosed]:
    """Yield the release's rows once for the asker, narrowed to the classes that the tables asked about may tell of.

    Where columns are only counted the manifest does not say: any table about children may hold their counts.
    """
    if not any(spec["name"].lower() in tables and (spec["counts"] or spec["borrowed"]) for spec in _tables(manifest)):
        return
    shown, shown_anywhere = set(_shown(manifest, tables)), set(_shown(manifest, None))
    seen: set[Disclosed] = set()
    for row in disclosed:
        told = [cls for cls in row.classes if (row.source, cls) in shown or (row.source, cls) not in shown_anywhere]
        narrowed = replace(row, recipient=actor, contact="", classes=tuple(told))
        if told and narrowed not in seen:
            seen.add(narrowed)
            yield narrowed


def _tables(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(manifest["catalogue"]["tables"])


def _shown(manifest: Mapping[str, Any], tables: tuple[str, ...] | None) -> Iterator[tuple[str, str]]:
    """Yield source and class of every column that is shown in some tables (None: in any)."""
    for item in manifest["governance"]["leaves"]:
        shown_in = {name.partition(".")[0].lower() for name in item["shown_in"]}
        if tables is None or shown_in & set(tables):
            yield item["column"].partition(".")[0], item["class"]
