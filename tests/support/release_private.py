"""A small invented city with public domains, for the tests of differential privacy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from support.release_tables import city_catalogue, fill_city

from assets.release.building import build_system
from assets.release.modes.budget import Account, ledger_of
from assets.release.modes.domains import complete
from assets.release.modes.spending import Plan, plan
from assets.release.order import Order
from assets.release.policy import ReleasePolicy
from assets.release.system import System
from assets.release.tables import Catalogue
from assets.release.working import WORK, assemble
from consent.privacy import Spend

NIGHT = date(2026, 9, 1)
PRIVATE = ReleasePolicy(mode="differential-privacy", epsilon=2.0, budget=5.0)
SMALL = {"children": 60, "measures": 2, "places": 3}
HAS_DOMAIN = ("measure", "distinct_served", "program_overlap")


def fill(con: duckdb.DuckDBPyConnection, **city: Any) -> None:
    """Fill `con` with a small city's tables and their domains."""
    chosen = {**SMALL, **city}
    con.execute("create schema if not exists domain")
    for name, rows in domains(**{key: value for key, value in chosen.items() if key != "children"}).items():
        con.register("listed", rows)
        con.execute(f"create or replace table domain.{name} as select * from listed")
        con.unregister("listed")
    fill_city(con, **chosen)


@cache
def domains(**city: Any) -> dict[str, pa.Table]:
    """Return the domains: the rows that a city of 4,000 such children has."""
    with duckdb.connect(":memory:") as con:
        fill_city(con, **city, children=4000)
        counts = {name: ", ".join(city_catalogue().by_name[name].count_names) for name in HAS_DOMAIN}
        return {name: con.sql(f"select * exclude ({counts[name]}) from {name}").to_arrow_table() for name in HAS_DOMAIN}


def read(outcomes: Path | None = None, catalogue: Catalogue | None = None, **city: Any) -> tuple[System, Plan]:
    """Return the system of a city under differential privacy, its rows completed, and what it would draw."""
    con = duckdb.connect(":memory:")
    if outcomes is None:
        con.execute("attach ':memory:' as outcomes")
        con.execute("use outcomes")
        fill(con, **city)
        con.execute("use memory")
    else:
        con.execute(f"attach '{outcomes}' as outcomes (read_only)")
    tables = catalogue or city_catalogue()
    assemble(con, tables, NIGHT, None)
    complete(con, tables, NIGHT)
    system = build_system(con, tables, WORK)
    return system, plan(system, PRIVATE)


def drawn_cells(system: System, planned: Plan) -> dict[str, Mapping[Any, float]]:
    """Return every count and complement that gets noise, by table and by its row's key and name."""
    out: dict[str, dict[Any, float]] = {}
    for block in system.blocks:
        spec = block.spec
        dims = ", ".join(f'"{dim}"' for dim in spec.dims)
        keys = system._con.execute(f'select {dims} from temp.main."numbered_{spec.name}" order by rid').fetchall()
        for variable in np.flatnonzero(planned.contribution.drawn):
            part = int(system.subtrahend[variable])
            count = int(system.minuend[variable]) if part >= 0 else int(variable)
            if block.offset <= count < block.offset + block.rows * len(spec.counts):
                row, number = divmod(count - block.offset, len(spec.counts))
                name = spec.count_names[number] + ("'s rest" if part >= 0 else "")
                out.setdefault(spec.name, {})[*keys[row], name] = float(system.values[variable])
    return out


@dataclass
class City:
    """A city on disk with its releases and its registry."""

    root: Path
    policy: ReleasePolicy = PRIVATE
    made_of: dict[str, Any] = field(default_factory=dict)
    kept: bool = False

    def __post_init__(self) -> None:
        if not self.kept:
            self.fill()

    @property
    def registry(self) -> str:
        """The address of its registry."""
        return f"sqlite:///{self.root / 'registry.sqlite'}"

    def fill(self, **changes: Any) -> None:
        """Make tonight's outcomes."""
        self.made_of = {**self.made_of, **changes}
        (self.root / "outcomes.duckdb").unlink(missing_ok=True)
        with duckdb.connect(str(self.root / "outcomes.duckdb")) as con:
            fill(con, **self.made_of)

    def order(self, night: date = NIGHT, **policy: Any) -> Order:
        """What a release of a night is made from."""
        account = Account(self.registry, "night", "licence.yaml:12 release.privacy")
        return Order(
            self.root / "releases",
            self.root / "outcomes.duckdb",
            night,
            city_catalogue(),
            policy=replace(self.policy, **policy),
            account=account,
        )

    def spends(self) -> list[Spend]:
        """Every row of the ledger."""
        with ledger_of(self.registry) as ledger:
            return ledger.all()
