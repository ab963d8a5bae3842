"""A small trail for tests, and the means to tamper with it as somebody would who holds the database."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from consent.registry import open_registry, writing
from consent.tables import audit_event, destruction
from consent.trail import FIRST, SALT_BYTES, AuditTrail, commitment, digest_of, fingerprint, statement
from mou_policies.canonical import canonical_json

EVENT = ("sequence", "previous", "kind", "actor", "recorded_at", "subject", "commitment")
EVENTS = 12
SIGNED = (4, 8, 12)


def small_trail(folder: Path, key: Ed25519PrivateKey) -> Path:
    """Make a registry of `EVENTS` events: signed at 4, 8 and 12, payloads of 2 and 7 destroyed by 9; a row names 10."""
    file = folder / "registry.sqlite"
    engine = open_registry(f"sqlite:///{file}")
    trail = AuditTrail(engine)
    for number in range(1, EVENTS + 1):
        if number == 9:
            trail.erase([2, 7], "the agreement ended", actor="lead")
        elif number == 10:
            with writing(engine, audit_event, destruction) as connection:
                trail.append("destruction", "school", {"source": "school"}, actor="lead", connection=connection)
                connection.execute(insert(destruction), [_destroyed(number)])
        else:
            trail.append("load", f"school {number}", {"read": number}, actor="night")
        if number in SIGNED:
            trail.checkpoint(key)
    engine.dispose()
    return file


def _destroyed(number: int) -> dict[str, object]:
    text = dict.fromkeys(("agreement", "agreement_digest", "source", "due_on", "destroyed_on", "certificate"), "x")
    return text | {"audit_sequence": number, "signature": b""}


class Editor:
    """The trail of a SQLite file in the hands of somebody who has dropped the triggers and writes what they like."""

    def __init__(self, file: Path, key: Ed25519PrivateKey) -> None:
        self.file = file
        self.key = key
        with closing(sqlite3.connect(file)) as connection:
            connection.row_factory = sqlite3.Row
            self.events = [dict(row) for row in connection.execute("select * from audit_event order by sequence")]
            self.payloads = [dict(row) for row in connection.execute("select * from audit_payload")]
            self.signed = [dict(row) for row in connection.execute("select * from audit_checkpoint")]
            self.erasures = [dict(row) for row in connection.execute("select * from audit_erasure")]
            self.destroyed = [dict(row) for row in connection.execute("select * from destruction")]

    def event(self, number: int) -> dict[str, Any]:
        return next(one for one in self.events if one["sequence"] == number)

    def payload(self, number: int) -> dict[str, Any]:
        return next(one for one in self.payloads if one["sequence"] == number)

    def without(self, number: int, *, payload: bool = True) -> dict[str, Any]:
        """Take an event out, with its payload and the record of its destruction."""
        taken = self.event(number)
        self.events.remove(taken)
        if payload:
            self.payloads = [one for one in self.payloads if one["sequence"] != number]
            self.erasures = [one for one in self.erasures if one["sequence"] != number]
        return taken

    def move(self, above: int, by: int) -> None:
        """Change the number of every event after one, of its payload and of what says that it was destroyed."""
        for rows in (self.events, self.payloads, self.erasures):
            for one in rows:
                one["sequence"] += by if one["sequence"] > above else 0
        for one in self.erasures:
            one["erased_by"] += by if one["erased_by"] > above else 0

    def cover_up(self, above: int, by: int) -> None:
        """After `move`, let what names events by number name them by the new one: erasures' payloads, other tables."""
        for one in self.destroyed:
            one["audit_sequence"] += by if one["audit_sequence"] > above else 0
        for event in self.events:
            if event["kind"] == "erasure":
                held = self.payload(event["sequence"])
                said = json.loads(held["payload"])
                said["erased"] = [[n + by if n > above else n for n in part] for part in said["erased"]]
                held["payload"] = canonical_json(said).decode()
                event["commitment"] = commitment(held["salt"], held["payload"].encode())

    def put_in(self, number: int) -> dict[str, Any]:
        """Put in an event with a payload, after moving those from this number on."""
        self.move(number - 1, 1)
        salt = os.urandom(SALT_BYTES)
        said = {"subject": "forged", "commitment": commitment(salt, b"{}"), "digest": "ab" * 32}
        like = self.events[0] | said | {"sequence": number}
        self.events.append(like)
        self.payloads.append({"sequence": number, "salt": salt, "payload": "{}"})
        self.events.sort(key=lambda one: one["sequence"])
        return like

    def seal(self, event: dict[str, Any]) -> None:
        """Compute the digest of one event anew."""
        event["digest"] = digest_of({name: event[name] for name in EVENT})

    def chain_from(self, number: int, to: int = 10**9) -> None:
        """Compute the link and the digest of every event from a number on anew."""
        previous = FIRST
        for event in sorted(self.events, key=lambda one: one["sequence"]):
            if number <= event["sequence"] <= to:
                event["previous"] = previous
                self.seal(event)
            previous = event["digest"]

    def sign_anew(self, key: Ed25519PrivateKey | None = None) -> None:
        """Sign every checkpoint anew, over the events as they are now; those without an event go."""
        key = key or self.key
        digests = {one["sequence"]: one["digest"] for one in self.events}
        self.signed = [one for one in self.signed if one["sequence"] in digests]
        for one in self.signed:
            one |= {"digest": digests[one["sequence"]], "key": fingerprint(key.public_key())}
            one["signature"] = key.sign(statement(one["sequence"], one["digest"], one["signed_at"], one["key"]))

    def save(self, *, keys: bool = True) -> None:
        """Write it all back, the triggers gone; without `keys` the tables are made anew to allow anything."""
        tables = {
            "audit_event": self.events,
            "audit_payload": self.payloads,
            "audit_checkpoint": self.signed,
            "audit_erasure": self.erasures,
            "destruction": self.destroyed,
        }
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("pragma synchronous = off")
            for (name,) in connection.execute("select name from sqlite_master where type = 'trigger'").fetchall():
                connection.execute(f"drop trigger {name}")
            for table, rows in tables.items():
                columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
                if not keys:
                    connection.execute(f"drop table {table}")
                    connection.execute(f"create table {table} ({', '.join(columns)})")
                connection.execute(f"delete from {table}")
                marks = ", ".join("?" for _ in columns)
                connection.executemany(f"insert into {table} values ({marks})", [[r[c] for c in columns] for r in rows])
            connection.commit()
