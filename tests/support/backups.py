"""A tiny workspace with a registry, an agreement and a ledger, to be backed up in milliseconds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, insert, select

from consent.registry import open_registry, writing
from consent.tables import consent_terms, metadata, person_event
from consent.trail import AuditTrail
from linkage.keys import KeyRing
from linkage.ledger import Ledger, Membership
from pipelines.setting_up import write_workspace
from pipelines.workspace import Workspace

START = date(2026, 9, 1)


def tiny_workspace(home: Path, *, registry: str | None = None) -> Workspace:
    """Make a workspace in `home`/workspace with keys beside it: two children, a chain of three events, a person."""
    workspace = write_workspace(home / "workspace", city="Tiny", start=START)
    if registry:
        settings = workspace.root / "cradlepath.yaml"
        settings.write_text(f"{settings.read_text()}\nregistry: {registry}\n")
        from pipelines.workspace import load

        workspace = load(workspace.root)
    keys = KeyRing.create(workspace.keys)
    (workspace.agreements / "one.yaml").write_text("# an agreement\n")
    (workspace.landing / "clinic").mkdir()
    (workspace.landing / "clinic" / "raw.csv").write_text("NEVER-IN-A-BACKUP\n")
    (workspace.state / "dagster").mkdir(exist_ok=True)
    (workspace.state / "dagster" / "history").write_text("NEVER-IN-A-BACKUP\n")
    members = Membership(("birth",), np.zeros(2, np.int64), np.arange(32, dtype=np.uint8).reshape(2, 16))
    Ledger(workspace.state / "ledger.sealed", keys).update(members, np.arange(2), np.empty((0, 16), np.uint8), START)
    engine = open_registry(workspace.registry_url)
    fill(engine)
    engine.dispose()
    return workspace


def fill(engine: Engine, terms: str = "0" * 64) -> None:
    trail = AuditTrail(engine)
    for number, kind in enumerate(("person", "load", "load")):
        trail.append(kind, f"source-{number}", {"rows": number}, actor="night")
    with writing(engine) as connection:
        connection.execute(insert(consent_terms), [{"terms_id": terms, "terms": "{}"}])
        person = {"audit_sequence": 1, "event": "enrolled", "name": "ada", "role": "auditor", "key_id": "k"}
        secret = {"salt": b"\x00" * 16, "hash": b"\xff" * 32, "cost_n": 1, "cost_r": 1, "cost_p": 1}
        connection.execute(insert(person_event), [{**person, **secret, "agency": agency} for agency in (None, "x")])


def rows(engine: Engine) -> dict[str, list[tuple]]:
    """Return every row of every table of a registry."""
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }


def open_rows(url: str) -> dict[str, list[tuple]]:
    """Return every row of the registry at `url`."""
    engine = open_registry(url)
    try:
        return rows(engine)
    finally:
        engine.dispose()
