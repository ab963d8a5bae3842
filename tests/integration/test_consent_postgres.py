"""The same ledger on a real PostgreSQL server."""

from __future__ import annotations

from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from support.consents import forms, key
from support.registries import PostgreSQL

from consent.ledger import ChildDecision, ConsentLedger
from consent.schema import VERSION_TABLE
from consent.tables import metadata

pytestmark = pytest.mark.slow

NIGHT = date(2026, 9, 2)
GIVEN = """
    record | decision | scope   | about | signed  | effective
    f1     | opt_out  | linkage | x     | 2026-08 | 2026-08
    f2     | refuse   | health  | -     | 2026-08 | -
    f3     | grant    | linkage | x     | 2026-08 | 2026-07
"""


@pytest.fixture(scope="module")
def url(postgresql: PostgreSQL) -> str:
    return postgresql.database()


def test_the_ledger_is_the_same_on_postgresql(url: str):
    with ConsentLedger(url) as ledger:
        assert ledger.record(forms(GIVEN), NIGHT).recorded == 3
        assert ledger.record(forms(GIVEN), NIGHT).recorded == 0
        assert ledger.linkage_optouts("school", NIGHT).to_pylist() == [key("school", "x")]
        assert ledger.active(NIGHT).num_rows == 3
        for statement in (
            "update consent_event set scope = 'health'",
            "delete from consent_event",
            "truncate consent_event",
        ):
            with pytest.raises(DatabaseError, match="append-only"), ledger.engine.begin() as connection:
                connection.execute(text(statement))
        with ledger.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            assert compare_metadata(context, metadata) == []


def test_terms_and_the_hubs_own_records_are_the_same_on_postgresql(url: str):
    said = "record | decision | scope | signed | signer | purposes | basis | elements | expires | evidence\n"
    given = forms(said + "g1 | grant | school | 2026-08 | parent | research | agreement | signature | 2027-06 | e1")
    order = ChildDecision(
        "c-" + "a" * 26, "court_order", "school", "2026-09", {"recipients": "court"}, evidence=b"e" * 16
    )
    with ConsentLedger(url) as ledger:
        assert [ledger.record(given, NIGHT).recorded for _ in range(2)] == [1, 0]
        assert [ledger.record_for_child(order, NIGHT, by="A. Steward") for _ in range(2)] == [True, False]
        assert sorted(row["bases"] for row in ledger.terms().to_pylist()) == [[], ["agreement"]]
        with ledger.engine.connect() as connection:
            kept = connection.execute(text("select evidence from consent_event where child_id is not null")).scalar()
            assert bytes(kept) == b"e" * 16
            assert connection.execute(text("select count(*) from audit_event where kind = 'consent'")).scalar() >= 3
