"""Writers of the registry as processes of their own, which can be stepped and killed.

An act writes one named thing: a delivery of one form to the consent ledger, or an event to the audit chain. Names come
back from `kept`, which also checks that what is there is whole.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

# Alembic and pandas are what the first upgrade and the first Arrow table load: once here, not in every writer.
import alembic.command  # noqa: F401
import pandas  # noqa: F401
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, event, select
from support.whole_trails import assert_whole

import consent
from consent.forms import FORM_SCHEMA
from consent.ledger import ConsentLedger
from consent.registry import open_registry, writing
from consent.tables import audit_event, consent_event
from consent.trail import AuditTrail

NIGHT = date(2026, 9, 2)
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def delivery(*names: str) -> pa.Table:
    """A delivery with one form of each name."""
    rows = [
        {"record_key": name.encode().ljust(16), "decision": "refuse", "scope": "school", "effective_month": "2026-08"}
        for name in names
    ]
    return pa.Table.from_pylist(rows, schema=FORM_SCHEMA)


class LedgerOf(ConsentLedger):
    """The ledger on an engine that is open already, so that its steps can be watched."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine


def record(engine: Engine, name: str) -> None:
    """Record a form; what the ledger says about it must be true."""
    assert LedgerOf(engine).record(delivery(name), NIGHT).forms == 1


def append(engine: Engine, name: str) -> None:
    """Append an event and sign the chain."""
    AuditTrail(engine).append("load", name, {"about": name}, actor="night")
    AuditTrail(engine).checkpoint(SIGNER)


def both(engine: Engine, name: str) -> None:
    """Append an event in a transaction that took the ledger's lock before; `crossing` takes both at once."""
    with writing(engine, consent_event) as connection:
        AuditTrail(engine).append("consent", name, {}, actor="night", connection=connection)


def crossing(engine: Engine, name: str) -> None:
    """Append an event in a transaction that takes both locks at its beginning."""
    with writing(engine, audit_event, consent_event) as connection:
        AuditTrail(engine).append("consent", name, {}, actor="night", connection=connection)


ACTS: dict[str, Callable[[Engine, str], None]] = {
    "ledger": record,
    "trail": append,
    "both": both,
    "crossing": crossing,
}


def kept(engine: Engine, act: str) -> list[str]:
    """Return the names of what is in the registry, in the order of writing."""
    subjects = assert_whole(engine)
    deliveries = [subject for subject in subjects if subject.startswith("forms of ")]
    with engine.connect() as connection:
        keys = connection.execute(select(consent_event.c.record_key).order_by("sequence")).scalars().all()
    assert deliveries or not keys, "a form is never there without the event of its delivery"
    if act != "ledger":
        return [subject for subject in subjects if subject not in deliveries]
    return [key.decode().rstrip() for key in keys]


def at_each_step(engine: Engine, call: Callable[[str], None]) -> None:
    """Call before every statement and every commit of an engine's connections."""

    @event.listens_for(engine, "before_cursor_execute")
    def _statement(_: Any, __: Any, statement: str, *___: Any) -> None:
        call(statement.split(maxsplit=1)[0].lower())

    @event.listens_for(engine, "commit")
    def _commit(_: Any) -> None:
        call("commit")


class Writer:
    """A process that works until it has done its part or is killed; `told` is what it said so far."""

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        context = _context()
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()

    def hears(self) -> Any:
        """Return the next thing it says, None when it is gone."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return None

    def all_it_said(self) -> Iterator[Any]:
        while (said := self.hears()) is not None:
            yield said

    def kill(self) -> None:
        os.kill(self.process.pid or 0, signal.SIGKILL)
        self.process.join()

    def ends_well(self) -> None:
        self.process.join()
        assert self.process.exitcode == 0


def many(pipe: Connection, url: str, act: str, names: list[str]) -> None:
    """Do an act for every name, and say so after each."""
    with _opened(url) as engine:
        pipe.send("ready")
        pipe.recv()
        for name in names:
            ACTS[act](engine, name)
            pipe.send(name)


def without_end(pipe: Connection, url: str, act: str, prefix: str) -> None:
    """Do acts until somebody ends it, and say so after each."""
    with _opened(url) as engine, suppress(BrokenPipeError):
        for number in range(10_000):
            ACTS[act](engine, f"{prefix}.{number}")
            pipe.send(f"{prefix}.{number}")
            time.sleep(0.01)  # SQLite's writers do not queue: let another one in


def step_by_step(pipe: Connection, url: str, act: str, name: str) -> None:
    """Do one act; before each step say which, and wait to be told to go on."""

    def announce(step: str) -> None:
        pipe.send(step)
        pipe.recv()

    with _opened(url) as engine:
        at_each_step(engine, announce)
        ACTS[act](engine, name)
        pipe.send("kept")


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = open_registry(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _context() -> Any:
    """Processes forked from one that has imported all this once, and never opened a database."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    folders = [str(Path(consent.__file__).parents[1]), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    with patch.dict(os.environ, {"PYTHONPATH": os.pathsep.join(filter(None, folders))}):
        forkserver.ensure_running()
    return context
