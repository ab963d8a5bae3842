"""What three nights of the demo city left in the audit trail: every load, decision, link and release, no gap."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter

import duckdb
import pytest

NIGHTS = ("2026-09-01", "2026-09-02", "2026-09-03")


@pytest.fixture(scope="module")
def events(city) -> list[tuple]:
    with sqlite3.connect(f"file:{city.state / 'registry.sqlite'}?mode=ro", uri=True) as con:
        rows = con.execute(
            "select sequence, kind, subject, payload from audit_event join audit_payload using (sequence) order by 1"
        ).fetchall()
    return [(sequence, kind, subject, json.loads(payload)) for sequence, kind, subject, payload in rows]


def test_the_trail_has_no_gap(events: list[tuple]):
    assert [event[0] for event in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("night", NIGHTS)
def test_every_row_of_the_book_of_nights_is_in_an_event(city, events: list[tuple], night: str):
    with duckdb.connect(str(city.state / "nights.duckdb"), read_only=True) as con:
        book = con.execute(
            "select source, sum(read)::bigint from file_counts where night = ? group by 1 having sum(read) > 0", [night]
        ).fetchall()
    told: dict[str, int] = {}
    for _, kind, subject, payload in events:
        if kind in {"load", "refusal"} and subject.startswith(night):
            told[subject.split()[1]] = sum(count["read"] for count in payload.get("files", ()))
    assert {source: rows for source, rows in told.items() if rows} == dict(book)


@pytest.mark.parametrize("night", NIGHTS)
def test_a_night_says_what_it_linked_what_consent_took_and_what_it_ran_under(events: list[tuple], night: str):
    kinds = Counter(kind for _, kind, subject, _ in events if subject.startswith(night))
    assert kinds["link"] == kinds["decision"] == kinds["night"] >= 1
    [last] = [payload for _, kind, subject, payload in events if kind == "night" and subject == night][-1:]
    assert len(last["policy"]) == 64
    assert last["agreements"]
    linked = next(payload for _, kind, subject, payload in events if kind == "link" and subject.startswith(night))
    assert linked["model"]
    assert len(linked["ledger_root"]) == len(linked["model_card_sha256"]) == 64


def test_a_publication_is_an_event_with_the_digest_of_its_manifest(city, events: list[tuple]):
    told = {payload["release"]: payload["manifest_sha256"] for _, kind, _, payload in events if kind == "release"}
    published = [path.name for path in (city.state / "releases").iterdir() if path.is_dir()]
    assert sorted(told) == sorted(published)


def test_each_night_ends_with_a_checkpoint(city, events: list[tuple]):
    ends = [sequence for sequence, kind, _, _ in events if kind == "night"]
    with sqlite3.connect(f"file:{city.state / 'registry.sqlite'}?mode=ro", uri=True) as con:
        signed = [row[0] for row in con.execute("select sequence from audit_checkpoint order by 1").fetchall()]
    assert signed == ends
