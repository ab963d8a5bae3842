"""A small city for tests of the load: agreements as objects, a landing folder, and everything stored as rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assets.night import Night, NightSettings, StatePaths
from linkage.keys import KeyRing
from linkage.records import record_keys
from mou_policies.model import Exclusion, FieldPolicy, SourcePolicy, TablePolicy, Treatment
from mou_policies.policy import Policy

NIGHT_1, NIGHT_2, NIGHT_3 = date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 3)


def field(raw: str, cls: str, treatment: str = "tokenise", *, use: str | None = None, **more: Any) -> FieldPolicy:
    """A field policy; `treatment` is `tokenise`, `record`, `keep`, `number`, or `date.<unit>`."""
    kind, _, unit = treatment.partition(".")
    given = use or ("link" if kind in {"tokenise", "record"} else "content")
    about = {"name": raw, "reason": "test", "required": False, "clause": f"test.yaml:1 test {raw}", **more}
    made = Treatment(kind, unit=unit or None, namespace_column=about.pop("namespace", None))
    return FieldPolicy(field=raw, cls=cls, use=given, treatment=made, **about)


def table(name: str, key: Sequence[str], record: str | None, *fields: FieldPolicy, **more: Any) -> TablePolicy:
    """A table policy whose files are `<name>*.csv`."""
    about = {"files": (f"{name}*.csv",), "excludes": (), "optional": True, **more}
    return TablePolicy(table=name, key=tuple(key), record=record, fields=tuple(fields), **about)


def source(name: str, *tables: TablePolicy, **more: Any) -> SourcePolicy:
    """A CSV source of the agency of the same name."""
    about: dict[str, Any] = {
        "title": name,
        "agency": name,
        "owner_contact": f"steward@{name}.example",
        "agreement_id": f"{name}-1",
        "agreement_file": f"{name}.yaml",
        "agreement_sha256": "0" * 64,
        "standard": "csv",
        "files": (),
        "options": {},
        "kind": "records",
        "records_of": None,
        "one_record_a_child": False,
        "delivery": "delta",
        "expects_days": 31,
        **more,
    }
    return SourcePolicy(source=name, tables={t.table: t for t in tables}, **about)


PEOPLE = table(
    "people",
    ["id"],
    "id",
    field("id", "id.record", "record"),
    field("first", "name.given"),
    field("last", "name.surname"),
    field("dob", "birth.date"),
    field("dob", "birth.date", "date.year", name="birth_year"),
    excludes=(Exclusion("sealed", ("Y",), "a sealed record", "a statute", "test.sealed", True),),
)
VISITS = table(
    "visits",
    ["visit"],
    "id",
    field("id", "id.record", "record"),
    field("kind", "health.visit", "keep"),
    field("on", "date.event", "date.age_days", name="age_days"),
    field("on", "date.event", "date.month", name="month", required=True),
)


def people_source(**more: Any) -> SourcePolicy:
    """The source `clinic`: people, and visits whose age needs the person's birth date."""
    return source("clinic", PEOPLE, VISITS, **more)


class City:
    """A landing folder and a state folder, with as many nights as a test needs."""

    def __init__(self, root: Path, *sources: SourcePolicy, **settings: Any) -> None:
        self.root = root
        self.sources = {s.source: s for s in sources}
        self.settings = NightSettings(**settings)
        ring = root / "keys"
        self.keys = KeyRing.load(ring) if ring.exists() else KeyRing.create(ring)
        self.paths = StatePaths.under(root / "state")

    def deliver(self, agency: str, folder: date | None, files: Mapping[str, str | bytes]) -> Path:
        """Put files into the landing folder of an agency, for a night or undated."""
        home = self.root / "landing" / agency / (folder.isoformat() if folder else "")
        home.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (home / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return home

    def night(
        self, on: date = NIGHT_1, optouts: Callable[[str], Any] | None = None, refusals: Sequence[Any] = ()
    ) -> Night:
        """A night of this city."""
        refused = {name for refusal in refusals for name in refusal.sources}
        granted = {name: s for name, s in self.sources.items() if name not in refused}
        policy = Policy(on, granted, tuple(refusals), {}, "0" * 64, "")
        more = {"optouts": optouts} if optouts else {}
        return Night(on, self.root / "landing", self.paths, self.keys, policy, self.settings, **more)

    def keys_of(self, namespace: str, *ids: str) -> pa.Array:
        """Record keys of raw ids."""
        return record_keys(pa.array(ids, pa.string()), namespace, self.keys)

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table of the state folder, sorted, by database and table."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for path in sorted((self.root / "state").glob("*.duckdb")):
            with duckdb.connect(str(path), read_only=True) as con:
                for (name,) in con.execute("select table_name from duckdb_tables() where not internal").fetchall():
                    rows = con.execute(f'select * from "{name}"').fetchall()
                    found[f"{path.stem}.{name}"] = sorted(rows, key=repr)
        return found

    def stored(self, name: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """Rows of one table of the content store, sorted."""
        with duckdb.connect(str(self.paths.content), read_only=True) as con:
            return sorted(con.execute(f'select {columns} from "{name}"').fetchall(), key=repr)


def csv(*lines: str) -> str:
    """A CSV file of these lines."""
    return "\n".join(lines) + "\n"
