"""The ledger of decisions: what it keeps, what it refuses, what holds on a night."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError
from support.consents import forms, key

from consent.ledger import ConsentLedger
from consent.schema import VERSION_TABLE
from consent.tables import metadata
from consent.vocabulary import vocabulary

NIGHT = date(2026, 9, 2)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'registry.db'}"


def test_recording_the_same_forms_again_adds_nothing(url: str):
    given = forms("""
        record | decision | scope   | about | signed  | effective
        f1     | opt_out  | linkage | x     | 2026-08 | 2026-08
        f2     | refuse   | health  | -     | 2026-08 | -
    """)
    with ConsentLedger(url) as ledger:
        assert ledger.record(given, NIGHT).recorded == 2
        again = ledger.record(given, date(2026, 9, 3))
        assert (again.recorded, again.unchanged) == (0, 2)
    with ConsentLedger(url) as reopened:
        assert reopened.record(given, NIGHT).recorded == 0


def test_a_form_corrected_and_corrected_back_is_three_events(url: str):
    said = ["refuse", "grant", "refuse"]
    with ConsentLedger(url) as ledger:
        for decision in said:
            form = forms(f"record | decision | scope | effective\nf1 | {decision} | school | 2026-08")
            assert ledger.record(form, NIGHT).recorded == 1
        with ledger.engine.connect() as connection:
            assert connection.execute(text("select count(*) from consent_event")).scalar() == 3
        assert ledger.state(NIGHT).to_pylist() == [
            {"scope": "school", "decision": "refuse", "forms": 1, "unreadable": 0}
        ]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["f1 | refuse | school | 2026-08 | -", "f1 | refuse | school | 2026-08 | 2026-08"], ("2026-08", 0)),
        (["f1 | nay | outcomes | - | 2026-08", "f1 | refuse | outcomes | - | 2026-08"], ("2026-08", 1)),
    ],
)
def test_of_a_form_that_comes_twice_one_counts_whatever_their_order(
    url: str, lines: list[str], kept: tuple[str, int], turned: bool
):
    given = "\n".join(["record | decision | scope | signed | effective", *(lines[::-1] if turned else lines)])
    with ConsentLedger(url) as ledger:
        ledger.record(forms(given), NIGHT)
        with ledger.engine.connect() as connection:
            found = connection.execute(text("select effective_month, unreadable from consent_event")).one()
    assert tuple(found) == kept


@pytest.mark.parametrize("statement", ["update consent_event set scope = 'health'", "delete from consent_event"])
def test_the_table_only_grows(url: str, statement: str):
    with ConsentLedger(url) as ledger:
        ledger.record(forms("record | decision | scope | effective\nf1 | refuse | school | 2026-08"), NIGHT)
        with pytest.raises(DatabaseError, match="append-only"), ledger.engine.begin() as connection:
            connection.execute(text(statement))
        assert ledger.state(NIGHT)["forms"].to_pylist() == [1]


@pytest.mark.parametrize(
    ("given", "on", "expected"),
    [
        pytest.param("f1 | opt_out | linkage | x | 2026-08 | 2026-09", NIGHT, ["x"], id="from its month on"),
        pytest.param("f1 | opt_out | linkage | x | 2026-08 | 2026-10", NIGHT, [], id="not before its month"),
        pytest.param("f1 | opt_out | linkage | x | 2026-08 | -", NIGHT, ["x"], id="else from the month signed"),
        pytest.param("f1 | opt_out | linkage | x | - | -", NIGHT, ["x"], id="else from the night it came"),
        pytest.param("f1 | opt_out | linkage | x | 2026-08 | -", date(2026, 9, 1), [], id="not before it came"),
        pytest.param("f1 | refuse | health | x | 2026-08 | -", NIGHT, [], id="only of scope linkage"),
        pytest.param("f1 | opt_out | linkage | - | 2026-08 | -", NIGHT, [], id="only where a record is named"),
        pytest.param(
            "f1 | opt_out | linkage | x | - | 2026-07\nf2 | grant | linkage | x | - | 2026-08",
            NIGHT, [], id="the latest decision wins",
        ),
        pytest.param(
            "f1 | opt_out | linkage | x | - | 2026-08\nf2 | grant | linkage | x | - | 2026-08",
            NIGHT, ["x"], id="at equal time the most restrictive",
        ),
        pytest.param(
            "f1 | opt_out | linkage | x | - | 2026-08\nf2 | grant | linkage | x | - | -",
            NIGHT, ["x"], id="a grant without a date never holds",
        ),
    ],
)  # fmt: skip
def test_linkage_optouts(url: str, given: str, on: date, expected: list[str]):
    with ConsentLedger(url) as ledger:
        ledger.record(forms("record | decision | scope | about | signed | effective\n" + given), NIGHT)
        assert ledger.linkage_optouts("school", on).to_pylist() == [key("school", name) for name in expected]
        assert ledger.linkage_optouts(["attendance", "school"], on).type == pa.binary(16)
        assert ledger.linkage_optouts("health", on).to_pylist() == []


def test_a_form_that_cannot_be_read_counts_as_a_refusal_of_outcomes(url: str):
    given = forms("record | decision | scope | effective\nf1 | nay | everything | 2026-08\nf2 | - | health | 2026-08")
    with ConsentLedger(url) as ledger:
        assert ledger.record(given, NIGHT).unreadable == 2
        assert ledger.state(NIGHT).to_pylist() == [
            {"scope": "outcomes", "decision": "refuse", "forms": 2, "unreadable": 2}
        ]


def test_spelling_of_decision_and_scope_does_not_matter(url: str):
    given = forms("record | decision | scope | effective\nf1 | Opt-Out | Human Services | 2026-08")
    with ConsentLedger(url) as ledger:
        assert ledger.record(given, NIGHT).unreadable == 0
        assert ledger.state(NIGHT)["scope"].to_pylist() == ["human_services"]


def test_migrations_and_tables_are_the_same(url: str):
    ConsentLedger(url).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_every_scope_and_decision_says_what_it_means_and_a_new_source_is_in_every_area():
    words = vocabulary()
    assert all(item.meaning for item in (*words.scopes.values(), *words.decisions.values()))
    assert all(item.cite for item in (*words.scopes.values(), *words.decisions.values()))
    assert words.areas_of("health") == ("health",)
    assert words.areas_of("a_new_source") == ("health", "human_services", "school")
    assert {name: item.effect for name, item in words.decisions.items() if not item.restricts} == {
        "emergency": "exception", "court_order": "exception", "grant": "grant", "transfer": "transfer"
    }  # fmt: skip
    assert {item.effect for item in words.decisions.values() if item.restricts} == {"refuse"}
