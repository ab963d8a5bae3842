"""A small city for the door and the pages: signed agreements, a book of one night, a release, four people."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from support.mou import demo_folder

from assets.extracts.nights import QUARANTINE, FileCount, Page, Tokens, open_nights
from assets.night import StatePaths
from assets.release import folder as places
from consent.access_keys import Cost
from consent.people import ROLES, People
from consent.registry import open_registry
from linkage.keys import KeyRing
from pipelines.setting_up import write_workspace
from pipelines.workspace import Workspace, load

NIGHT = date(2026, 9, 1)
CHEAP = Cost(n=2**4)
RELEASE = "r-2026-09-01-0"
MINE, THEIRS = "school_district", "vital_records"
NOT_MINE = ("birth", "natality.dat", "births", "vital_records", "secret-reason", "birth_extra", "wic", "hmis")
"""Words of other agencies' loads, none of which may reach the steward of the schools."""


@dataclass(frozen=True)
class SmallCity:
    """The workspace, and an access key by role."""

    place: Workspace
    keys: dict[str, str]


def make(root: Path) -> Path:
    """Write the city without its people and return the folder of its workspace."""
    place = write_workspace(root / "workspace", city="Small City", start=NIGHT)
    KeyRing.create(place.keys)
    shutil.rmtree(place.agreements)
    demo_folder(place.root)
    wic = place.agreements / "wic.yaml"
    wic.write_text(wic.read_text().replace('title: "WIC', 'title: "The WIC'))  # changed after signing: refused
    paths = StatePaths.under(place.state)
    with open_nights(paths.nights) as book:
        book.write(NIGHT, "school", MINE, _page("users.csv", "users", "school", "grade 14 is no grade"))
        book.write(NIGHT, "birth", THEIRS, _page("natality.dat", "births", "birth", "secret-reason"))
        book.refuse(NIGHT, "attendance", ("school_district.yaml", "a file is truncated", "export it again"))
        book.refuse(NIGHT, "hmis", ("human_services.yaml", "a hashed export", "export it unhashed"))
        book.note_commit(NIGHT, [], 2, "deleted")
    _release(paths.releases)
    return place.root


def _page(file: str, table: str, name: str, reason: str) -> Page:
    rows = pa.table({"file": [file], "table_name": [table], "row": [7], "column_name": [name], "reason": [reason]})
    counts = FileCount(file, table, read=12, new=10, quarantined=1, dropped_by_policy=1)
    dropped = [(file, table, f"{name}.rule", 1, "34 CFR 99.3", "excluded value")]
    unread = [(file, table, f"{name}_extra")]
    return Page([file], [counts], [rows.cast(QUARANTINE)], dropped, [], unread, [], [], Tokens(10, 1))


def _release(folder: Path) -> None:
    place = folder / RELEASE
    place.mkdir(parents=True)
    with duckdb.connect(str(place / places.DATABASE)) as con:
        con.execute("create table measure as select range as children, 'absence' as measure from range(600)")
    manifest = {
        "release_id": RELEASE,
        "night": NIGHT.isoformat(),
        "sequence": 1,
        "log": {"tables": 1, "counts": 600, "hidden": 60, "policy": "threshold-10"},
        "audit": {"passed": True},
        "inputs": [],
        "tables": {"measure": {"rows": 600, "sha256": "ab" * 32}},
        "policy": {"threshold": 10, "zeros": "shown", "certain": "hidden"},
        "catalogue": {"tables": [], "relations": []},
    }
    (place / places.MANIFEST).write_text(json.dumps(manifest))
    (folder / places.POINTER).write_text(RELEASE)


def enrol(root: Path) -> SmallCity:
    """Enrol a person of every role, at a cost that tests can bear."""
    place = load(root)
    with people_of(place) as people:
        keys = {
            role: people.enrol(f"The {role}", role, MINE if role == "steward" else None, "os:test")
            for role in reversed(ROLES)
        }
    return SmallCity(place, keys)


@contextmanager
def people_of(place: Workspace) -> Iterator[People]:
    engine = open_registry(place.registry_url)
    try:
        yield People(engine, CHEAP)
    finally:
        engine.dispose()
