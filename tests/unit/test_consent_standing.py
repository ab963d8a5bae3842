"""Which events stand on a night, as they are streamed out of the registry."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.hub import key, rows_of

from consent.ledger import ConsentLedger
from consent.standing import load_standing
from consent.streaming import DriverMissingError
from consent.tables import consent_event
from consent.terms import TERMS_SCHEMA

NIGHT = date(2026, 9, 2)
HEAD = "form | decision | scope | signed | effective | expiry | recorded | terms\n"
EVENTS = """
    f1 | grant     | health  | 2026-01 | -       | 2026-09 | 2026-08-31 | t
    f2 | grant     | health  | 2026-01 | 2026-02 | 2026-08 | 2026-08-31 | t
    f3 | refuse    | health  | -       | 2026-10 | -       | 2026-08-31 | -
    f4 | grant     | school  | -       | -       | -       | 2026-08-31 | -
    f5 | emergency | school  | -       | -       | -       | 2026-08-31 | -
    f6 | opt_out   | linkage | -       | -       | -       | 2026-08-31 | gone
    f7 | transfer  | linkage | -       | -       | -       | 2026-08-31 | -
    f8 | refuse    | school  | -       | 2026-07 | -       | 2026-08-01 | -
    f8 | grant     | school  | -       | 2026-08 | -       | 2026-08-31 | -
    f9 | refuse    | school  | -       | 2026-07 | -       | 2026-08-01 | -
    f9 | grant     | school  | -       | 2026-08 | -       | 2026-09-03 | -
    f0 | refuse    | school  | -       | 2026-07 | -       | 2026-08-01 | -
    f0 | grant     | school  | -       | 2026-10 | -       | 2026-08-31 | -
"""
STANDS = {
    "f1": ("grant", 2026 * 12 + 1, 1),  # to the last day of its last month
    "f6": ("opt_out", 2026 * 12 + 8, -1),  # terms that are not there are not none
    "f7": ("transfer", 2026 * 12 + 8, 0),
    "f8": ("grant", 2026 * 12 + 8, 0),
    "f9": ("refuse", 2026 * 12 + 7, 0),  # the grant is not known yet
}
TERMS = [
    {"terms_id": "t", "sources": [], "classes": [], "purposes": [], "recipients": [], "signer": "parent", "bases": []}
]


@pytest.fixture
def ledger(tmp_path: Path):
    with ConsentLedger(f"sqlite:///{tmp_path / 'registry.db'}") as made:
        yield made


def test_which_events_stand(ledger: ConsentLedger):
    _, rows = rows_of(HEAD + EVENTS)
    events = [
        {
            "event_id": str(number), "record_key": key("consents", str(form)), "decision": decision, "scope": scope,
            "signed_month": signed, "effective_month": effective, "expiry_month": expiry, "unreadable": 0,
            "recorded_night": recorded, "terms_id": terms,
        }
        for number, (form, decision, scope, signed, effective, expiry, recorded, terms) in enumerate(rows)
    ]  # fmt: skip
    with ledger.engine.begin() as connection:
        connection.execute(consent_event.insert(), events)
    with duckdb.connect() as con:
        load_standing(con, ledger.engine, NIGHT, TERMS_SCHEMA.empty_table().from_pylist(TERMS, schema=TERMS_SCHEMA))
        found = con.execute("select record_key, decision, month, terms from consent_form").fetchall()
    names = {key("consents", form): form for form in STANDS}
    assert {names[record]: tuple(said) for record, *said in found} == STANDS
    assert ledger.active(NIGHT).num_rows == len(STANDS)


def test_a_ledger_of_nothing(ledger: ConsentLedger):
    with duckdb.connect() as con:
        ledger.load_standing(con, NIGHT)
        assert con.execute("select count(*) from consent_form").fetchall() == [(0,)]
    assert (ledger.active(NIGHT).num_rows, ledger.state(NIGHT).num_rows) == (0, 0)


def test_a_driver_that_is_not_there_is_named_with_what_to_install(ledger: ConsentLedger, monkeypatch):
    monkeypatch.setitem(sys.modules, "adbc_driver_sqlite.dbapi", None)
    with pytest.raises(DriverMissingError, match=r"adbc_driver_sqlite is not installed.*cradlepath\[hub\]"):
        ledger.active(NIGHT)
