"""The child-ID ledger: which record is which child, now and as of any date, and why it changed.

`state/ledger.duckdb` holds the current assignment, the records that were withdrawn, and events that are only
ever added. Dates: a move, merge, split, withdrawal, return, retirement or revival keeps its night. The first
assignment of a record keeps only its *period* (1 July to 30 June), because the night a birth record was first
loaded tells the birthday. For the same reason no table is in order of arrival: every change writes the
file anew, sorted by child ID, which is a keyed permutation.

Belongs here: child IDs and record keys. Does not: tokens, identifiers, content.
"""

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from linkage.assign import assign
from linkage.child_ids import ChildIds
from linkage.errors import LinkageError
from linkage.keys import KeyRing
from linkage.ledger_events import EVENT_SCHEMA, Before, Events, events_of
from linkage.records import RECORD_KEY_TYPE, find_keys, key_matrix
from linkage.storage import reading, rewrite

SUPPORT_STEP: Final = 5
SUPPORT_MOST: Final = 40
_TABLES: Final = ("assignment", "withdrawn", "event")
_ORDER: Final = {
    "assignment": "child_id, source, record_key",
    "withdrawn": "child_id, source, record_key",
    "event": "child_id, source, record_key, step, kind, other_id",
}
_VIEWS: Final = (
    "create view record_child as select source, record_key, child_id from assignment",
    "create view child as select child_id, count(*)::int as records, count(distinct source)::int as sources "
    "from assignment group by child_id order by child_id",
)


@dataclass(frozen=True)
class Membership:
    """Whose n rows are: `sources` names, `source` int (n,) into them, `keys` uint8 (n, 16) record keys."""

    sources: tuple[str, ...]
    source: np.ndarray
    keys: np.ndarray


@dataclass(frozen=True)
class LedgerChanges:
    """What one update changed, in counts."""

    children: int = 0
    new_children: int = 0
    assigned: int = 0
    moved: int = 0
    merged: int = 0
    split: int = 0
    withdrawn: int = 0
    returned: int = 0
    retired: int = 0
    revived: int = 0

    def __bool__(self) -> bool:
        return any(value for name, value in asdict(self).items() if name != "children")


class Ledger:
    """The ledger in one DuckDB file, created at the first update."""

    def __init__(self, path: Path):
        self._path = path

    def update(
        self, members: Membership, cluster: np.ndarray, support: np.ndarray, night: date, ring: KeyRing
    ) -> LedgerChanges:
        """Record that the members form these clusters as of `night`; return what changed.

        `cluster` int64 (n,) numbers from 0; `support` float (n,) the best match weight of each record's
        links. The same clusters again change nothing and write nothing. Raises LinkageError when the
        ledger was made with other keys.
        """
        ids = ChildIds(ring)
        before = self._before(members, ids)
        given = assign(cluster, before.earlier, before.next_counter)
        now = given.of_cluster[cluster] if len(cluster) else np.empty(0, np.int64)
        events = events_of(before, now, members, night, ids)
        bands = support_band(support)
        changes = LedgerChanges(
            children=len(np.unique(now)),
            new_children=given.next_counter - before.next_counter,
            **events.counts,
        )
        if changes or not self._path.exists() or not np.array_equal(bands, before.support):
            self._store(members, ids.encode(now), bands, before, events, next_counter=given.next_counter)
        return changes

    def current(self) -> pa.Table:
        """Return source, record_key, child_id and support band of every record that has tokens."""
        return self._table("assignment")

    def events(self) -> pa.Table:
        """Return all events, ordered by child ID."""
        return self._table("event")

    def as_of(self, day: date) -> pa.Table:
        """Return source, record_key and child_id as they stood at the end of `day`.

        A record counts from the first day of the period it was first assigned in: its night is not kept.
        """
        if not self._path.exists():
            return self._table("assignment").select(["source", "record_key", "child_id"])
        query = """
            with per_record as (
                select source, record_key, step, kind, child_id,
                       coalesce(night, make_date(left(period, 4)::int, 7, 1)) as since
                from event where record_key is not null
            ),
            last as (
                select source, record_key, arg_max(kind, step) as kind, arg_max(child_id, step) as child_id
                from per_record where since <= $day group by source, record_key
            )
            select source, record_key, child_id from last where kind <> 'withdraw'
            order by child_id, source, record_key
        """
        with reading(self._path) as connection:
            return connection.sql(query, params={"day": day}).to_arrow_table()

    def _table(self, name: str) -> pa.Table:
        if not self._path.exists():
            return _EMPTY[name]
        with reading(self._path) as connection:
            return connection.sql(f"from {name} order by rowid").to_arrow_table()

    def _before(self, members: Membership, ids: ChildIds) -> Before:
        current, gone = self._table("assignment"), self._table("withdrawn")
        try:
            counters = ids.decode(_text(current.column("child_id")))
            gone_counters = ids.decode(_text(gone.column("child_id")))
        except ValueError:
            raise LinkageError(
                f"{self._path}: child IDs of other keys than this key ring's; restore the key ring they belong to"
            ) from None
        at = _locate(current, members)
        gone_at = _locate(gone, members)
        active = np.where(at >= 0, counters[at] if len(counters) else -1, -1)
        past = np.where(gone_at >= 0, gone_counters[gone_at] if len(gone_counters) else -1, -1)
        support = current.column("support").to_numpy()
        still = np.zeros(current.num_rows, bool)
        still[at[at >= 0]] = True
        return Before(
            active=active,
            past=past,
            support=np.where(at >= 0, support[at] if len(support) else -1, -1),
            table=current,
            counters=counters,
            still=still,
            withdrawn=gone,
            returned=gone_at[gone_at >= 0],
            events=self._table("event"),
            next_counter=self._next_counter(),
        )

    def _next_counter(self) -> int:
        if not self._path.exists():
            return 0
        with reading(self._path) as connection:
            return int(connection.execute("select next_counter from about").fetchall()[0][0])

    def _store(
        self,
        members: Membership,
        child_ids: np.ndarray,
        support: np.ndarray,
        before: Before,
        events: Events,
        *,
        next_counter: int,
    ) -> None:
        left = before.table.filter(pa.array(~before.still)).select(["source", "record_key", "child_id"])
        stayed_away = np.ones(before.withdrawn.num_rows, bool)
        stayed_away[before.returned] = False
        tables = {
            "assignment": _assignment(members, child_ids, support),
            "withdrawn": pa.concat_tables([before.withdrawn.filter(pa.array(stayed_away)), left]),
            "event": pa.concat_tables([before.events.cast(EVENT_SCHEMA), events.table]),
        }

        def build(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute("create table about as select ?::bigint as next_counter", [next_counter])
            for name in _TABLES:
                connection.register("incoming", tables[name])
                connection.execute(f"create table {name} as from incoming order by {_ORDER[name]}")
                connection.unregister("incoming")
            for view in _VIEWS:
                connection.execute(view)

        rewrite(self._path, build)


def support_band(weight: np.ndarray) -> np.ndarray:
    """Return match weights as int16 bands: rounded down to 5 bits, at most 40, -1 where a record has no link.

    Kept instead of the weight itself, which would tell exactly what a record's fields agreed on.
    """
    bands = np.clip(np.floor(weight / SUPPORT_STEP) * SUPPORT_STEP, 0, SUPPORT_MOST)
    return np.where(weight > 0, bands, -1).astype(np.int16)


def _assignment(members: Membership, child_ids: np.ndarray, support: np.ndarray) -> pa.Table:
    keys = pa.Array.from_buffers(
        RECORD_KEY_TYPE, len(members.keys), [None, pa.py_buffer(np.ascontiguousarray(members.keys))]
    )
    names = pa.array(members.sources, pa.string()).take(pa.array(members.source, pa.int32()))
    columns = [names, keys.cast(pa.binary()), pa.array(child_ids.tolist(), pa.string()), pa.array(support)]
    return pa.table(columns, schema=_ASSIGNMENT)


def _locate(table: pa.Table, members: Membership) -> np.ndarray:
    """Return the row of `table` that each member is, -1 where it is not there."""
    keys = key_matrix(table.column("record_key"))
    numbers = {name: number for number, name in enumerate(members.sources)}
    of_row = np.array([numbers.get(name, -1) for name in table.column("source").to_pylist()], np.int64)
    at = np.full(len(members.keys), -1, np.int64)
    for number in range(len(members.sources)):
        rows = np.flatnonzero(of_row == number)
        mine = np.flatnonzero(members.source == number)
        found = find_keys(keys[rows], members.keys[mine])
        at[mine[found >= 0]] = rows[found[found >= 0]]
    return at


def _text(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.to_pylist(), dtype=str)


_ASSIGNMENT: Final = pa.schema(
    [("source", pa.string()), ("record_key", pa.binary()), ("child_id", pa.string()), ("support", pa.int16())]
)
_EMPTY: Final = {
    "assignment": _ASSIGNMENT.empty_table(),
    "withdrawn": _ASSIGNMENT.remove(3).empty_table(),
    "event": EVENT_SCHEMA.empty_table(),
}
