"""What forms say beyond decision and scope, and what the ledger keeps of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, text
from support.consents import forms, key
from support.hub import rows_of

from consent.ledger import ChildDecision, ConsentLedger, DecisionError
from consent.tables import audit_event, audit_payload, consent_event, consent_terms
from consent.terms import TERMS_SCHEMA, Terms, TermsError, stored_terms

NIGHT = date(2026, 9, 2)
CHILD = "c-" + "a" * 26
HEADER = "record | decision | scope | effective | "


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty registry at its newest revision, made once."""
    file = tmp_path_factory.mktemp("empty") / "registry.db"
    ConsentLedger(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def ledger(tmp_path: Path, empty: Path) -> Iterator[ConsentLedger]:
    shutil.copy(empty, tmp_path / "registry.db")
    with ConsentLedger(f"sqlite:///{tmp_path / 'registry.db'}") as opened:
        yield opened


def events(ledger: ConsentLedger) -> list[dict[str, object]]:
    with ledger.engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(consent_event)).mappings()]


def terms_of_events(ledger: ConsentLedger) -> list[Terms | None]:
    with ledger.engine.connect() as connection:
        found = stored_terms(connection)
    return [found.get(str(event["terms_id"])) for event in events(ledger)]


def trail(ledger: ConsentLedger) -> list[tuple[str, str, str, dict[str, object]]]:
    query = select(audit_event.c.kind, audit_event.c.subject, audit_event.c.actor, audit_payload.c.payload).join(
        audit_payload, audit_payload.c.sequence == audit_event.c.sequence
    )
    with ledger.engine.connect() as connection:
        return [(kind, subject, actor, json.loads(said)) for kind, subject, actor, said in connection.execute(query)]


def test_a_form_that_says_no_more_than_its_scope_is_the_event_it_always_was(ledger: ConsentLedger):
    ledger.record(forms("record | decision | scope | signed | effective\nf1 | refuse | school | 2026-08 | -"), NIGHT)
    (event,) = events(ledger)
    said = f"|{key('consents', 'f1').hex().upper()}|refuse|school|||2026-08|"
    assert event["event_id"] == hashlib.sha256(said.encode()).hexdigest()
    assert [event[name] for name in ("terms_id", "child_id", "expiry_month", "evidence")] == [None] * 4


WORDS = """
decision | cell                             | is read as              | readable
grant    | purposes: research               | research                | yes
grant    | purposes: Research; public-health| public-health research  | yes
grant    | purposes: research nonsense      | ? research              | no
refuse   | purposes: research nonsense      | -                       | no
refuse   | purposes: research               | research                | yes
grant    | classes: health.* education.grade| education.grade health.*| yes
grant    | classes: helth.*                 | ?                       | no
opt_out  | classes: helth.*                 | -                       | no
grant    | classes: *                       | *                       | yes
grant    | sources: school; attendance      | attendance school       | yes
grant    | sources: 12                      | ?                       | no
grant    | recipients: school_district      | school_district         | yes
grant    | recipients: Dr.(Smith)           | ?                       | no
emergency| recipients: Dr.(Smith)           | ?                       | no
transfer | recipients: Dr.(Smith)           | -                       | no
"""


@pytest.mark.parametrize("row", rows_of(WORDS)[1], ids=lambda row: f"{row[0]} {row[1]}")
def test_an_unreadable_word_never_widens_a_grant_and_never_narrows_a_refusal(
    ledger: ConsentLedger, row: list[str | None]
):
    decision, cell, expected, readable = ((value or "") for value in row)
    column, value = cell.split(": ")
    report = ledger.record(forms(f"{HEADER}{column}\nf1 | {decision} | school | 2026-08 | {value}"), NIGHT)
    assert report.unreadable == (readable == "no")
    (terms,) = terms_of_events(ledger)
    assert getattr(terms, column) == tuple(expected.split())


def test_no_text_of_a_form_reaches_the_registry(ledger: ConsentLedger, tmp_path: Path):
    cells = "signer | sources | classes | purposes | recipients | basis | elements"
    planted = " | ".join(["Zebulon"] * 7)
    ledger.record(forms(f"{HEADER}{cells}\nf1 | grant | school | 2026-08 | {planted}"), NIGHT)
    assert terms_of_events(ledger) == [
        # the one word whose shape could be a source's or an agency's id is kept as such
        Terms(sources=("zebulon",), classes=("?",), purposes=("?",), recipients=("zebulon",))
    ]
    assert b"Zebulon" not in (tmp_path / "registry.db").read_bytes()


def test_terms_are_kept_once_and_say_the_bases_they_are_valid_for(ledger: ConsentLedger):
    given = forms("""
        record | decision | scope  | signed  | signer | sources | purposes | recipients | basis                   | elements
        f1     | grant    | school | 2026-08 | parent | school  | research | university | ferpa.consent           | signature
        f2     | grant    | school | 2026-08 | Parent | school  | research | University | ferpa.consent           | signature
        f3     | grant    | school | -       | parent | school  | research | university | ferpa.consent agreement | signature
        f4     | grant    | school | 2026-08 | -      | -       | -        | -          | -                       | -
    """)  # noqa: E501
    assert ledger.record(given, NIGHT).unreadable == 0
    table = ledger.terms()
    assert table.schema == TERMS_SCHEMA
    assert sorted(row["bases"] for row in table.to_pylist()) == [[], ["ferpa.consent"]]
    assert {row["signer"] for row in table.to_pylist()} == {"parent"}
    named = Counter(event["terms_id"] for event in events(ledger))
    assert sorted(named.values()) == [1, 1, 2]
    assert {name for name in named if name} == set(table["terms_id"].to_pylist())
    assert ledger.record(given, NIGHT).recorded == 0


def test_expiry_evidence_and_terms_are_part_of_what_a_form_says(ledger: ConsentLedger):
    versions = [
        "f1 | grant | school | 2026-08 | -       | -  | -",
        "f1 | grant | school | 2026-08 | 2027-06 | -  | -",
        "f1 | grant | school | 2026-08 | 2027-06 | e1 | -",
        "f1 | grant | school | 2026-08 | 2027-06 | e1 | research",
        "f1 | grant | school | 2026-08 | 2027-06 | e1 | public-health",
    ]
    for version in versions:
        given = forms(f"{HEADER}expires | evidence | purposes\n{version}")
        assert ledger.record(given, NIGHT).recorded == 1
        assert ledger.record(given, NIGHT).recorded == 0
    assert [(event["expiry_month"], event["evidence"]) for event in events(ledger)] == [
        (None, None), ("2027-06", None), *[("2027-06", key("evidence", "e1"))] * 3
    ]  # fmt: skip


CORRECTIONS = """
earlier                 | correction                 | newest event
grant school -          | correct school research    | grant school research readable
refuse health research  | correct health -           | refuse health - readable
revoke school -         | correct research -         | revoke research - readable
-                       | correct school research    | refuse outcomes research unreadable
nonsense school -       | correct school -           | refuse outcomes - unreadable
grant school nonsense   | correct school research    | grant school research readable
grant school -          | - school -                 | refuse outcomes - unreadable
"""


@pytest.mark.parametrize("row", rows_of(CORRECTIONS)[1], ids=lambda row: f"{row[0]}, then {row[1]}")
def test_a_correction_keeps_the_decision_of_its_form_and_replaces_the_rest(
    ledger: ConsentLedger, row: list[str | None]
):
    earlier, correction, newest = row
    for said in filter(None, (earlier, correction, correction)):
        decision, scope, purposes = said.split()
        given = forms(f"{HEADER}purposes\nf1 | {decision} | {scope} | 2026-08 | {purposes}")
        ledger.record(given, NIGHT)
    event, terms = events(ledger)[-1], terms_of_events(ledger)[-1]
    purposes = " ".join(terms.purposes) if terms else "-"
    found = [event["decision"], event["scope"], purposes, "unreadable" if event["unreadable"] else "readable"]
    assert " ".join(map(str, found)) == newest


def test_every_record_is_an_event_of_the_trail_in_counts(ledger: ConsentLedger):
    ledger.record(forms(f"{HEADER}purposes\nf1 | grant | school | 2026-08 | research\nf2 | what | - | - | -"), NIGHT)
    assert trail(ledger) == [
        (
            "consent",
            "forms of the night 2026-09-02",
            "night",
            {"forms": 2, "recorded": 2, "unchanged": 0, "unreadable": 1, "decisions": {"grant": 1, "refuse": 1}},
        )
    ]


def test_decisions_and_their_event_of_the_trail_stand_or_fall_together(ledger: ConsentLedger):
    with ledger.engine.begin() as connection:
        connection.execute(text("drop table audit_payload"))
    with pytest.raises(Exception, match="audit_payload"):
        ledger.record(forms(f"{HEADER}purposes\nf1 | grant | school | 2026-08 | research"), NIGHT)
    with ledger.engine.connect() as connection:
        assert [connection.execute(select(t)).all() for t in (consent_event, consent_terms, audit_event)] == [[]] * 3


def test_the_hub_records_a_decision_about_a_child_once(ledger: ConsentLedger):
    order = ChildDecision(CHILD, "court_order", "school", "2026-09", {"signer": "court", "recipients": "police"})
    assert ledger.record_for_child(order, NIGHT, by="A. Steward")
    assert not ledger.record_for_child(order, NIGHT, by="A. Steward")
    (event,) = events(ledger)
    terms_id = ledger.terms()["terms_id"][0].as_py()
    assert (event["child_id"], event["terms_id"], event["about_record"]) == (CHILD, terms_id, None)
    assert event["record_key"] == hashlib.sha256(f"{CHILD}|school|{terms_id}".encode()).digest()[:16]
    ((kind, subject, actor, payload),) = trail(ledger)
    assert (kind, actor, payload["child_id"], payload["event_id"]) == (
        "consent", "A. Steward", CHILD, event["event_id"]
    )  # fmt: skip
    assert "c-" not in subject


def test_a_revocation_is_the_newest_word_of_its_thread(ledger: ConsentLedger):
    for decision in ("grant", "revoke", "grant"):
        assert ledger.record_for_child(ChildDecision(CHILD, decision, "school", "2026-09"), NIGHT, by="x")
    assert [event["decision"] for event in events(ledger)] == ["grant", "revoke", "grant"]
    assert len({event["record_key"] for event in events(ledger)}) == 1
    assert ledger.record_for_child(ChildDecision(CHILD, "revoke", "health", "2026-09"), NIGHT, by="x")
    assert len({event["record_key"] for event in events(ledger)}) == 2


REFUSED = [
    (ChildDecision("Ann", "revoke", "school", "2026-09"), "found no child ID, expected c- and 26 letters"),
    (ChildDecision(CHILD, "correct", "school", "2026-09"), "found the decision 'correct', expected one of emergency"),
    (ChildDecision(CHILD, "revoke", "all", "2026-09"), "found the scope 'all', expected one of linkage"),
    (ChildDecision(CHILD, "revoke", "school", "2026-13"), "found the month '2026-13', expected YYYY-MM"),
    (ChildDecision(CHILD, "revoke", "school", "2026-09", {"purposes": "all"}), "found a word in purposes that no list"),
]


@pytest.mark.parametrize(("given", "says"), REFUSED, ids=lambda case: case if isinstance(case, str) else "")
def test_a_word_that_no_list_knows_is_refused(ledger: ConsentLedger, given: ChildDecision, says: str):
    with pytest.raises(DecisionError, match=says):
        ledger.record_for_child(given, NIGHT, by="x")
    assert (events(ledger), trail(ledger)) == ([], [])


@pytest.mark.parametrize("by", ["", "  ", "x" * 65])
def test_who_records_must_be_said(ledger: ConsentLedger, by: str):
    with pytest.raises(DecisionError, match="found no name of 1 to 64 letters for who records it"):
        ledger.record_for_child(ChildDecision(CHILD, "revoke", "school", "2026-09"), NIGHT, by=by)


def test_terms_that_somebody_changed_are_found(ledger: ConsentLedger):
    ledger.record(forms(f"{HEADER}purposes\nf1 | grant | school | 2026-08 | research"), NIGHT)
    with ledger.engine.begin() as connection:
        for (name,) in connection.execute(text("select name from sqlite_master where type = 'trigger'")).all():
            connection.execute(text(f"drop trigger {name}"))
        connection.execute(text("update consent_terms set terms = replace(terms, '\"research\"', '')"))
    with pytest.raises(TermsError, match="somebody changed them; restore the registry"):
        ledger.terms()
