"""What changed between two nights of the ledger, as events: pure functions, no storage.

Events of a record (they carry its source and key): `assign` its first child ID (period only), `move` to
another ID, `withdraw`, `return`. Events of a child: `merge` (child_id absorbed other_id), `split`
(child_id left other_id), `retire` (no record left), `revive`. `step` numbers the events of one record,
and of nothing else.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from linkage.child_ids import ChildIds

if TYPE_CHECKING:
    from linkage.ledger import Membership

EVENT_SCHEMA: Final = pa.schema(
    [
        ("kind", pa.string()),
        ("child_id", pa.string()),
        ("other_id", pa.string()),
        ("source", pa.string()),
        ("record_key", pa.binary()),
        ("step", pa.int16()),
        ("night", pa.date32()),
        ("period", pa.string()),
    ]
)


@dataclass(frozen=True)
class Before:
    """The ledger as it stood, laid out by tonight's n members and by its own rows.

    `active` (n,) the counter each member has, -1 for none; `past` (n,) the one a withdrawn member had;
    `support` (n,) bands. `table`, `counters`, `still`: the assignment rows, their counters, and whether
    each is a member tonight. `withdrawn` rows, of which `returned` come back. `events` so far.
    """

    active: np.ndarray
    past: np.ndarray
    support: np.ndarray
    table: pa.Table
    counters: np.ndarray
    still: np.ndarray
    withdrawn: pa.Table
    returned: np.ndarray
    events: pa.Table
    next_counter: int

    @property
    def earlier(self) -> np.ndarray:
        """The counter each member had last, withdrawn meanwhile or not; -1 for a new record."""
        return np.where(self.active >= 0, self.active, self.past)


@dataclass(frozen=True)
class Events:
    """The new events, and how many of each kind."""

    table: pa.Table
    counts: dict[str, int]


def period_of(night: date) -> str:
    """Return the school or fiscal year of a night, 1 July to 30 June: ``2026-27``."""
    first = night.year if night.month >= 7 else night.year - 1
    return f"{first}-{(first + 1) % 100:02d}"


def events_of(before: Before, now: np.ndarray, members: "Membership", night: date, ids: ChildIds) -> Events:
    """Return the events that lead from `before` to the counters `now` (n,) of the members."""
    is_new = (before.active < 0) & (before.past < 0)
    is_back = (before.active < 0) & (before.past >= 0)
    is_moved = (before.active >= 0) & (before.active != now)
    writer = _Writer(before, members, night, ids)
    writer.records("assign", is_new, now, None)
    writer.records("return", is_back, now, before.past)
    writer.records("move", is_moved, now, before.active)
    writer.withdrawals()
    merged, split = _families(before, now, is_moved)
    writer.children("merge", merged[:, 0], merged[:, 1])
    writer.children("split", split[:, 0], split[:, 1])
    alive_before, alive_now = np.unique(before.counters), np.unique(now)
    retired = np.setdiff1d(np.setdiff1d(alive_before, alive_now), merged[:, 1])
    writer.children("retire", retired, None)
    old_now = alive_now[alive_now < before.next_counter]
    revived = np.setdiff1d(old_now, alive_before)
    writer.children("revive", revived, None)
    counts = {
        "assigned": int(is_new.sum()),
        "returned": int(is_back.sum()),
        "moved": int(is_moved.sum()),
        "withdrawn": int((~before.still).sum()),
        "merged": len(merged),
        "split": len(split),
        "retired": len(retired),
        "revived": len(revived),
    }
    return Events(writer.table(), counts)


def _families(before: Before, now: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return merges (survivor, absorbed) and splits (new child, child it left), each of shape (k, 2)."""
    steps = np.unique(np.stack([now[moved], before.active[moved]], axis=1), axis=0)
    absorbed = ~np.isin(steps[:, 1], now)
    is_new = steps[:, 0] >= before.next_counter
    return steps[absorbed], steps[~absorbed & is_new]


class _Writer:
    """Collects event rows as Arrow tables."""

    def __init__(self, before: Before, members: "Membership", night: date, ids: ChildIds):
        self._before, self._members, self._night, self._ids = before, members, night, ids
        self._parts = [EVENT_SCHEMA.empty_table()]
        self._steps = _last_steps(before.events)

    def records(self, kind: str, which: np.ndarray, child: np.ndarray, other: np.ndarray | None) -> None:
        rows = np.flatnonzero(which)
        members = self._members
        names = pa.array(members.sources, pa.string()).take(pa.array(members.source[rows], pa.int32()))
        keys = pa.array([bytes(key) for key in members.keys[rows]], pa.binary())
        self._add(kind, child[rows], None if other is None else other[rows], names, keys)

    def withdrawals(self) -> None:
        gone = self._before.table.filter(pa.array(~self._before.still))
        names, keys = gone.column("source").combine_chunks(), gone.column("record_key").combine_chunks()
        self._add("withdraw", self._before.counters[~self._before.still], None, names, keys)

    def children(self, kind: str, child: np.ndarray, other: np.ndarray | None) -> None:
        nothing = pa.nulls(len(child), pa.string())
        self._add(kind, child, other, nothing, pa.nulls(len(child), pa.binary()))

    def table(self) -> pa.Table:
        return pa.concat_tables(self._parts)

    def _add(self, kind: str, child: np.ndarray, other: np.ndarray | None, names: pa.Array, keys: pa.Array) -> None:
        n = len(child)
        if not n:
            return
        dated = kind != "assign"
        owners = zip(names.to_pylist(), keys.to_pylist(), strict=True)
        steps = [None if key is None else self._steps.get((name, key), -1) + 1 for name, key in owners]
        columns = [
            pa.array([kind] * n, pa.string()),
            pa.array(self._ids.encode(child).tolist(), pa.string()),
            pa.nulls(n, pa.string()) if other is None else pa.array(self._ids.encode(other).tolist(), pa.string()),
            names.cast(pa.string()),
            keys.cast(pa.binary()),
            pa.array(steps, pa.int16()),
            pa.array([self._night if dated else None] * n, pa.date32()),
            pa.array([period_of(self._night)] * n, pa.string()),
        ]
        self._parts.append(pa.table(columns, schema=EVENT_SCHEMA))


def _last_steps(events: pa.Table) -> dict[tuple[str, bytes], int]:
    """Return the number of each record's last event."""
    owned = events.filter(events.column("record_key").is_valid())
    last = owned.group_by(["source", "record_key"]).aggregate([("step", "max")])
    names, keys = last.column("source").to_pylist(), last.column("record_key").to_pylist()
    return dict(zip(zip(names, keys, strict=True), last.column("step_max").to_pylist(), strict=True))
