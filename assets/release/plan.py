"""What a release of a night would newly expose, worked out in memory before anything is built.

What belongs here: whether and why a release would go out, which groups of rows it would show for the first time and how
many of their counts it would hide, which columns leave for the first time, what stays as it was published although
records arrived late. What does not: building a release (`publish`), what hiding cost in a finished one (`utility`).
A plan is made inside the hub from unsuppressed outcomes, so it is for those who run it; it shows no count of children.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from assets.night import Night
from assets.release import folder as places
from assets.release.auditing import rules_before
from assets.release.calendar import due, next_planned
from assets.release.folder import StoredRelease
from assets.release.modes.budget import NotDrawnError
from assets.release.modes.form import Setting
from assets.release.modes.protect import Protector
from assets.release.nightly import ReleaseSettings, order_of
from assets.release.order import Keys, Order
from assets.release.publish import prepare
from assets.release.system import NEWEST, Bools, System, TableBlock, numbered
from assets.release.tables import Catalogue, PublishedTable
from assets.release.working import OUTCOMES, WORK

OF_THE_NIGHT = "of the night itself"


@dataclass(frozen=True)
class Exposed:
    """Rows of a table that share a definition and period: how many, how many counts, how many of those hidden."""

    table: str
    what: str
    rows: int
    counts: int
    hidden: int


@dataclass(frozen=True)
class Plan:
    """What a release of `night` would be. `late`: published groups whose outcomes have changed since; they stay."""

    night: date
    due: bool
    next_day: date | None
    rule: str
    refusals: tuple[str, ...]
    exposes: tuple[Exposed, ...]
    stays: int
    late: tuple[Exposed, ...]
    columns: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence: what would happen."""
        if self.refusals:
            return f"Nothing would be published: {self.refusals[0]}"
        following = f"; the next day of the calendar is {self.next_day}" if self.next_day else ""
        if not self.due:
            return f"No release is due on {self.night}{following}. This is what one would show."
        return f"A release is due on {self.night}{following}."


def plan(night: Night, catalogue: Catalogue, settings: ReleaseSettings) -> Plan:
    """Return what a release of the night would newly expose. Raises ReleaseError where it could not be made at all."""
    order = order_of(night, catalogue, settings)
    earlier = [release for release in places.releases(order.releases) if release.night <= order.night]
    published = [release.night for release in earlier]
    exposes, stays, late = _exposed(order, night.keys, earlier)
    return Plan(
        night=order.night,
        due=due(order.night, settings.calendar, published),
        next_day=next_planned(settings.calendar, order.night),
        rule=order.policy.name,
        refusals=order.governance.refusals,
        exposes=exposes,
        stays=stays,
        late=late,
        columns=_new_columns(order, earlier),
    )


def _exposed(
    order: Order, keys: Keys, earlier: Sequence[StoredRelease]
) -> tuple[tuple[Exposed, ...], int, tuple[Exposed, ...]]:
    """Return what would be shown first, how many rows stay, and what of those arrived too late to change them."""
    with duckdb.connect(":memory:", config={"temp_directory": ""}) as con:
        system = prepare(con, order, keys, earlier)
        hidden = _hidden(con, order, keys, earlier, system)
        new = [one for block in system.blocks for one in _new_groups(con, block, hidden)]
        late = [one for block in system.blocks if block.spec.period for one in _late_groups(con, block.spec)]
        return tuple(new), _staying(system), tuple(late)


def _hidden(
    con: duckdb.DuckDBPyConnection, order: Order, keys: Keys, earlier: Sequence[StoredRelease], system: System
) -> Bools:
    """Return the counts, shape (n,), that would be hidden. A plan draws no noise: that would be paid for."""
    setting = Setting(con, keys, order.releases, order.night, order.account, may_draw=False)
    try:
        return Protector(setting, system, order.policy, rules_before(earlier)).protect({}).hidden
    except NotDrawnError:
        return np.zeros(len(system.values), bool)


def _staying(system: System) -> int:
    return int(sum((block.release != NEWEST).sum() for block in system.blocks))


def _new_groups(con: duckdb.DuckDBPyConnection, block: TableBlock, hidden: Bools) -> Iterator[Exposed]:
    """Yield the definitions and periods of one table that no earlier release shows."""
    spec, width = block.spec, len(block.spec.counts)
    flags = hidden[block.offset : block.offset + block.rows * width].reshape(block.rows, width).sum(axis=1)
    con.register("flags", pa.table({"rid": np.arange(block.rows), "hidden": flags.astype(np.int64)}))
    found = con.execute(
        f"select {_what(spec)} as what, count(*), coalesce(sum(f.hidden), 0)::bigint "
        f"from {numbered(spec)} n join flags f using (rid) where n.of_release = '{NEWEST}' group by 1 order by 1"
    ).fetchall()
    con.unregister("flags")
    yield from (Exposed(spec.name, what, rows, rows * width, hid) for what, rows, hid in found)


def _late_groups(con: duckdb.DuckDBPyConnection, spec: PublishedTable) -> Iterator[Exposed]:
    """Yield the published groups of one table whose rows tonight's outcomes give otherwise, or no longer."""
    key = ", ".join(f'"{dim}"' for dim in spec.dims)
    counts = "".join(f', "{name}"::bigint as "{name}"' for name in spec.count_names)
    dims = ", ".join(f'"{dim}"::varchar as "{dim}"' for dim in spec.dims)
    frozen = f'select {key}{counts} from {WORK}."{spec.name}" where release_id is not null'
    groups = " and ".join(f'o."{dim}" = f."{dim}"' for dim in spec.frozen_by)
    now = f'select {dims}{counts} from {OUTCOMES}."{spec.name}" o where exists (select 1 from frozen f where {groups})'
    found = con.execute(
        f"with frozen as ({frozen}), now as ({now}), "
        "changed as ((from frozen except from now) union (from now except from frozen)), "
        f"rows as (select distinct {key} from changed) "
        f"select {_what(spec)} as what, count(*) from rows n group by 1 order by 1"
    ).fetchall()
    yield from (Exposed(spec.name, what, rows, rows * len(spec.counts), 0) for what, rows in found)


def _what(spec: PublishedTable) -> str:
    """Return the SQL that names a group of rows that freeze together."""
    parts = ", ".join(f'n."{dim}"' for dim in spec.frozen_by)
    return f"concat_ws(' ', {parts})" if parts else f"'{OF_THE_NIGHT}'"


def _new_columns(order: Order, earlier: Sequence[StoredRelease]) -> tuple[str, ...]:
    """Return the columns of the agreements that no earlier release showed."""
    before = {
        entry["column"] for release in earlier for entry in (release.manifest.get("governance") or {}).get("leaves", [])
    }
    return tuple(sorted({item.column for item in order.governance.leaves} - before))
