"""`cradlepath consent`: counts, one child, and the hub's own records, in a workspace with two children and no night."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest
from sqlalchemy import text
from support.consents import forms
from support.consents import key as record_key
from support.ledger_nights import Book, matrix
from typer.testing import CliRunner, Result

from consent.ledger import ConsentLedger
from linkage.errors import LinkageError
from linkage.keys import KeyRing
from linkage.ledger import Membership
from pipelines.cli import app
from pipelines.setting_up import write_workspace
from pipelines.workspace import Workspace, load

FORMS = """
record | decision | scope  | signed  | effective | signer | recipients | purposes | basis         | elements
f1     | grant    | school | 2026-08 | 2026-08   | parent | university | research | ferpa.consent | records signature
f2     | grant    | school | 2026-08 | 2026-08   | parent | university | research | ferpa.consent | records
f3     | refuse   | health | 2026-08 | 2026-08   | -      | -          | -        | -             | -
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_workspace(tmp_path_factory.mktemp("city"), city="Our City", start=date(2026, 9, 1)).root
    place = load(root)
    ring = KeyRing.create(place.keys)
    book = Book(place.state / "ledger.sealed", ring)
    place.state.mkdir(exist_ok=True)
    named = [record_key("consents", "f1"), record_key("consents", "f2")]
    keys = np.frombuffer(b"".join(named), np.uint8).reshape(-1, 16)
    members = Membership(("consents",), np.zeros(2, np.int64), keys)
    book.ledger.update(members, np.arange(2), matrix([]), date(2026, 9, 1))
    with ConsentLedger(place.registry_url) as ledger:
        ledger.record(forms(FORMS), date(2026, 9, 1))
    return root


@pytest.fixture
def place(city: Path) -> Workspace:
    return load(city)


def child(place: Workspace, form: str) -> str:
    linked = Book(place.state / "ledger.sealed", KeyRing.load(place.keys)).ledger.record_child().to_pylist()
    return next(row["child_id"] for row in linked if row["record_key"] == record_key("consents", form))


def run(place: Workspace, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["consent", *arguments, "--workspace", str(place.root)])


def test_show_counts_what_is_in_effect_and_names_what_forms_lack(place: Workspace) -> None:
    said = json.loads(run(place, "show", "--json", "--on", "2026-09-02").stdout)
    assert [(row["decision"], row["scope"], row["forms"]) for row in said["in_effect"]] == [
        ("refuse", "health", 1), ("grant", "school", 2)
    ]  # fmt: skip
    assert [(row["basis"], row["element"], row["cite"], row["forms"]) for row in said["not_valid"]] == [
        ("ferpa.consent", "signature", "34 CFR 99.30(a), (d)", 1)
    ]
    assert said["reach_no_child"] == []
    assert "how it is signed and dated" in run(place, "show", "--on", "2026-09-02").stdout


def test_show_counts_the_forms_that_reached_no_child_last_night(place: Workspace) -> None:
    with duckdb.connect(str(place.state / "nights.duckdb")) as nights:
        nights.execute("create table consent_pending (night date, scope varchar, decision varchar, forms bigint)")
        nights.execute("create table spine_counts (night date)")
        nights.execute("insert into consent_pending values ('2026-09-01', 'health', 'refuse', 7)")
        nights.execute("insert into consent_pending values ('2026-09-02', 'health', 'refuse', 1)")
        nights.execute("insert into spine_counts values ('2026-09-01'), ('2026-09-02')")
    pending = json.loads(run(place, "show", "--json").stdout)["reach_no_child"]
    assert pending == [{"scope": "health", "decision": "refuse", "forms": 1}]


def test_show_a_child_has_its_forms_and_the_hubs_own_records(place: Workspace) -> None:
    ann = child(place, "f1")
    done = run(
        place, "record", "--child", ann, "--decision", "emergency", "--scope", "school", "--by", "A. Steward",
        "--signer", "agency", "--recipient", "hospital", "--purpose", "emergency", "--basis",
        "ferpa.emergency", "--element", "threat", "--element", "record",
        "--from", "2026-09", "--expires", "2026-10", "--evidence", "Report 12",
    )  # fmt: skip
    assert (done.exit_code, done.stdout) == (
        0, "Recorded: emergency of school from 2026-09. It acts on the next night.\n"
    )  # fmt: skip
    said = json.loads(run(place, "show", "--child", ann, "--json").stdout)
    assert [
        (row["by"], row["decision"], row["effective_month"], row["expiry_month"], row["bases"]) for row in said
    ] == [
        ("form", "grant", "2026-08", None, ["ferpa.consent"]),
        ("hub", "emergency", "2026-09", "2026-10", ["ferpa.emergency"]),
    ]
    assert "recipients: university" in run(place, "show", "--child", ann).stdout
    assert b"Report 12" not in (place.state / "registry.sqlite").read_bytes()


def test_a_revocation_takes_back_narrower_grants_too(place: Workspace) -> None:
    bob = child(place, "f2")
    arguments = ("revoke", "--child", bob, "--scope", "school", "--by", "A. Steward", "--from", "2026-09")
    assert run(place, *arguments).stdout == "Recorded: 2 revocations of school from 2026-09 (0 known before).\n"
    assert run(place, *arguments).stdout == "Recorded: 0 revocations of school from 2026-09 (2 known before).\n"
    said = json.loads(run(place, "show", "--child", bob, "--json").stdout)
    assert [(row["decision"], row["terms"] and row["terms"]["recipients"]) for row in said] == [
        ("grant", ["university"]), ("revoke", None), ("revoke", ["university"])
    ]  # fmt: skip


def test_a_decision_that_lacks_something_is_recorded_and_wants_a_person(place: Workspace) -> None:
    done = run(
        place, "record", "--child", child(place, "f1"), "--decision", "court-order", "--scope", "health", "--by", "x",
        "--signer", "court", "--basis", "ferpa.judicial", "--element", "order",
    )  # fmt: skip
    assert done.exit_code == 3
    assert "not valid for ferpa.judicial: it lacks the effort to notify" in done.stdout
    assert "it permits nothing: an exception permits what it names" in done.stdout


def test_what_cannot_be_recorded_says_why(place: Workspace) -> None:
    rest = ("--scope", "school", "--by", "x")
    stranger = run(place, "revoke", "--child", "c-" + "a" * 26, *rest).exception
    assert isinstance(stranger, LinkageError)
    assert "not a child ID of this city" in str(stranger)
    word = run(
        place, "record", "--child", child(place, "f1"), "--decision", "grant", "--purpose", "fun", *rest
    ).exception
    assert str(word) == "found a word in purposes that no list knows; see `cradlepath consent words`"
    with ConsentLedger(place.registry_url) as ledger, ledger.engine.connect() as connection:
        assert connection.execute(text("select count(*) from audit_event where subject like '%c-%'")).scalar() == 0


def test_words_lists_decisions_scopes_and_what_a_form_must_carry() -> None:
    said = json.loads(CliRunner().invoke(app, ["consent", "words", "--json"]).stdout)
    assert {item["name"] for item in said["scopes"]} >= {"linkage", "directory"}
    assert said["bases"]["ferpa.consent"]["party"][1:] == ["34 CFR 99.30(b)(3)", "V"]
    assert "34 CFR 99.30(b)(3) [V]" in CliRunner().invoke(app, ["consent", "words"]).stdout
