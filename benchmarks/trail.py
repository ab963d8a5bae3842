"""A long audit trail: how long it takes to verify, whole and tampered with, and in how much memory.

    python -m benchmarks.trail [--events 1000000]

Writes the section `audit trail` of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, insert, text

from benchmarks.page import write_section
from consent.reading import open_to_read
from consent.registry import open_registry, writing
from consent.tables import audit_event, audit_payload
from consent.trail import FIRST, SALT_BYTES, AuditTrail, commitment, digest_of
from consent.trail_check import check
from mou_policies.canonical import canonical_json

CHUNK: Final = 5_000
EVENT: Final = ("sequence", "previous", "kind", "actor", "recorded_at", "subject", "commitment")


def fill(engine: Engine, count: int) -> None:
    """Write a chain of `count` events as `AuditTrail.append` would, in one transaction."""
    with writing(engine, audit_event, audit_payload) as connection:
        chain = _chain(count)
        while chunk := list(islice(chain, CHUNK)):
            connection.execute(insert(audit_event), [event for event, _ in chunk])
            connection.execute(insert(audit_payload), [payload for _, payload in chunk])


def _chain(count: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    previous = FIRST
    for sequence in range(1, count + 1):
        salt, said = os.urandom(SALT_BYTES), canonical_json({"read": sequence, "loaded": sequence})
        values = (sequence, previous, "load", "night", "2026-09-01T02:30:00Z", "school", commitment(salt, said))
        public = dict(zip(EVENT, values, strict=True))
        previous = digest_of(public)
        yield public | {"digest": previous}, {"sequence": sequence, "salt": salt, "payload": said.decode()}


def measure(title: str, file: Path, key: Ed25519PrivateKey) -> str:
    """Verify a trail once; return a row of the table."""
    wall, cpu = time.perf_counter(), time.process_time()
    report = check(open_to_read(str(file)), [key.public_key()])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = "; ".join(f"event {one.first:,} {one.fault}" for one in report.findings) or "nothing"
    return f"| {title} | {wall:.1f} | {cpu:.1f} | {peak:,.0f} | {found} |"


def table(events: int) -> str:
    """Return the figures as a Markdown table."""
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as root:
        file, key = Path(root) / "registry.sqlite", Ed25519PrivateKey.generate()
        engine = open_registry(f"sqlite:///{file}")
        fill(engine, events)
        AuditTrail(engine).checkpoint(key)
        rows = [measure("untouched", file, key)]
        with engine.begin() as connection:
            connection.execute(text("drop trigger audit_event_no_update"))
            connection.execute(text("drop trigger audit_event_no_delete"))
            connection.execute(text("update audit_event set actor = 'x' where sequence = :at"), {"at": events // 2})
        rows.append(measure("one event in the middle edited", file, key))
        with engine.begin() as connection:
            connection.execute(text("delete from audit_event where sequence = 5"))
            connection.execute(text("update audit_event set sequence = 1 - sequence where sequence > 5"))
            connection.execute(text("update audit_event set sequence = - sequence where sequence < 0"))
        rows.append(measure("one more removed, those after it moved up", file, key))
    head = ["| trail | wall s | processor s | peak MB | found |", "|---|---:|---:|---:|---|"]
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return "\n".join([*head, *rows, "", f"Measured on {os.cpu_count()} cores; load at the end {load}."])


HEAD = """## Audit trail

Written by `python -m benchmarks.trail`. A chain of {events:,} events with their payloads in SQLite, signed once,
verified by a reader who may not write.

"""


def main() -> None:
    """Measure and write the section."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    chosen = options.parse_args()
    said = HEAD.format(events=chosen.events) + table(chosen.events)
    write_section("audit trail", said)
    print(said)


if __name__ == "__main__":
    main()
