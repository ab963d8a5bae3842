"""The child-ID ledger: which record is which child, now and on any past day, and why it changed.

`state/ledger.sealed` holds the current assignment, the records that were withdrawn, and events that are only ever
added. It is sealed, because who belongs together, and since when, tells children apart. In it children are counters;
their IDs (`linkage.child_ids`) are made when asked for.

Belongs here: reading, updating. What an event means is `linkage.ledger_events`, asking the past `linkage.lineage`.
Tokens, identifiers and content do not belong here.
"""

import itertools
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from linkage.assign import assign
from linkage.child_ids import ChildIds
from linkage.errors import LinkageError
from linkage.keys import KeyRing
from linkage.ledger_events import ASSIGN, KINDS, WITHDRAW, Event, Step, events_of
from linkage.merkle import leaf, root
from linkage.records import RECORD_KEY_TYPE, key_matrix
from linkage.sealing import SealedTables

_ASSIGNMENT: Final = pa.schema([("source", pa.int16()), ("record_key", RECORD_KEY_TYPE), ("child", pa.int64())])
EVENTS: Final = pa.schema(
    [
        ("batch", pa.int32()),
        ("kind", pa.int8()),
        ("child", pa.int64()),
        ("other", pa.int64()),
        ("source", pa.int16()),
        ("record_key", RECORD_KEY_TYPE),
        ("night", pa.date32()),
    ]
)
"""`batch` numbers the updates; `source` is -1 and `record_key` zero in an event of a child.

`night` of a first assignment is the first day of its period: the night a birth was first loaded tells the birthday.
"""

_PERIOD_BEGINS: Final = (7, 1)
"""Month and day: a period is a school year, 1 July to 30 June."""


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


@dataclass(frozen=True)
class LedgerState:
    """All records that have a child: `sources` names, `source` int16 (n,), `keys` uint8 (n, 16), `counter` int64 (n,).

    Rows are ordered by the first half of the key.
    """

    sources: tuple[str, ...]
    source: np.ndarray
    keys: np.ndarray
    counter: np.ndarray
    next_counter: int = 0

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the row of each record key (k, 16), int64, -1 where it has no child."""
        if not len(self.keys) or not len(keys):
            return np.full(len(keys), -1, np.int64)
        at = np.minimum(np.searchsorted(_half(self.keys), _half(keys)), len(self.keys) - 1)
        return np.where((self.keys[at] == keys).all(axis=1), at, -1)

    def rows_of(self, counters: np.ndarray) -> np.ndarray:
        """Return the rows whose child is among `counters`."""
        return np.flatnonzero(_among(counters, self.next_counter)[self.counter])


class Ledger:
    """The ledger in one sealed file, created at the first update."""

    def __init__(self, path: Path, ring: KeyRing):
        self._file = SealedTables(path, ring.derive("ledger.seal"))
        self.ring = ring
        self.ids = ChildIds(ring)
        self._tables: dict[str, pa.Table] | None = None

    def state(self) -> LedgerState:
        """Return who is which child now."""
        about = self._read()
        return _state(about["assignment"], tuple(about["sources"].column("name").to_pylist()), self._next())

    def update(self, members: Membership, cluster: np.ndarray, removed: np.ndarray, night: date) -> LedgerChanges:
        """Record that the members form these clusters as of `night`, and that others are gone; return what changed.

        `cluster` int64 (n,) says by equal numbers which members are one child; every record that is neither a member
        nor `removed` (record keys, (k, 16)) keeps its child. Nothing changed, nothing is written. Raises SealError
        when the ledger was made with other keys.
        """
        state, gone = self.state(), self._withdrawn()
        at, leaving = state.find(members.keys), state.find(removed)
        leaving = leaving[leaving >= 0]
        before = _taken(state.counter, at)
        past = np.where(before >= 0, -1, _taken(gone.counter, gone.find(members.keys)))
        stays = np.ones(len(state.keys), bool)
        stays[at[at >= 0]] = stays[leaving] = False
        touched = np.unique(np.concatenate([before, past, state.counter[leaving]]))
        lives = _among(state.counter[stays], state.next_counter)
        outside = touched[(touched >= 0) & lives[touched]] if len(lives) else touched[:0]
        _, numbers = np.unique(cluster, return_inverse=True)
        numbers = _by_first(numbers.ravel())
        given = assign(numbers, np.where(before >= 0, before, past), state.next_counter, outside)
        now = given.of_cluster[numbers] if len(numbers) else np.empty(0, np.int64)
        step = Step(before, past, now, state.counter[leaving], outside, state.next_counter)
        events = events_of(step)
        counts = {name: sum(len(e.child) for e in events if KINDS[e.kind] == kind) for name, kind in _COUNTED.items()}
        changes = LedgerChanges(
            children=int(np.count_nonzero(_among(np.concatenate([state.counter[stays], now]), given.next_counter))),
            new_children=given.next_counter - state.next_counter,
            **counts,
        )
        if changes:
            self._store(_Update(members, now, state, stays, gone, leaving, events, night, given.next_counter))
        return changes

    def record_child(self) -> pa.Table:
        """Return source, record_key and child_id of every record that has a child, ordered by child ID."""
        state = self.state()
        return self.named(state.sources, state.source, state.keys, state.counter)

    def named(self, sources: tuple[str, ...], source: np.ndarray, keys: np.ndarray, counter: np.ndarray) -> pa.Table:
        """Return source, record_key and child_id of some records, ordered by child ID, source and key."""
        children, of_row = np.unique(counter, return_inverse=True)
        texts = pa.array(self.ids.encode(children), pa.string())
        names = pa.array(sources, pa.string()) if sources else pa.array([], pa.string())
        table = pa.table(
            {
                "source": names.take(pa.array(source.astype(np.int32))),
                "record_key": _keys(keys).cast(pa.binary()),
                "child_id": texts.take(pa.array(of_row.ravel())),
            }
        )
        return table.sort_by([("child_id", "ascending"), ("source", "ascending"), ("record_key", "ascending")])

    def events(self) -> pa.Table:
        """Return all events in the order in which they were added, children as counters (`EVENTS`)."""
        return self._read()["events"]

    def sources(self) -> tuple[str, ...]:
        """Return the names that `source` numbers in the events."""
        return tuple(self._read()["sources"].column("name").to_pylist())

    def root(self) -> bytes:
        """Return the Merkle root of all nights' events, computed anew from the events."""
        events = self.events()
        batch = events.column("batch").to_numpy()
        ends = np.append(np.flatnonzero(np.diff(batch, prepend=-1)), len(batch))
        return root([leaf(events.slice(a, b - a)) for a, b in itertools.pairwise(ends.tolist())])

    def _read(self) -> dict[str, pa.Table]:
        if self._tables is None:
            self._tables = self._file.read() or _EMPTY
        return self._tables

    def _next(self) -> int:
        return int(self._read()["about"].column("next_counter")[0].as_py())

    def _withdrawn(self) -> LedgerState:
        return _state(self._read()["withdrawn"], (), self._next())

    def _store(self, update: "_Update") -> None:
        tables = self._read()
        sources = [*tables["sources"].column("name").to_pylist()]
        sources += [name for name in update.members.sources if name not in sources]
        number = np.array([sources.index(name) for name in update.members.sources], np.int16)
        of_member = number[update.members.source] if len(update.members.source) else np.empty(0, np.int16)
        state, gone = update.state, update.gone
        returned = gone.find(update.members.keys)
        away = np.ones(len(gone.keys), bool)
        away[returned[returned >= 0]] = False
        left = update.leaving
        batch = int(tables["events"].column("batch")[-1].as_py()) + 1 if tables["events"].num_rows else 0
        fresh = [_rows(event, update, of_member, batch) for event in update.events]
        self._tables = {
            "about": pa.table({"next_counter": pa.array([update.next_counter], pa.int64())}),
            "sources": pa.table({"name": pa.array(sources, pa.string())}),
            "assignment": _merged(state, update.stays, of_member, update.members.keys, update.now),
            "withdrawn": _merged(gone, away, state.source[left], state.keys[left], state.counter[left]),
            "events": pa.concat_tables([tables["events"], *fresh]).combine_chunks(),
        }
        self._file.write(self._tables)


@dataclass(frozen=True)
class _Update:
    members: Membership
    now: np.ndarray
    state: LedgerState
    stays: np.ndarray
    gone: LedgerState
    leaving: np.ndarray
    events: list[Event]
    night: date
    next_counter: int


def period_of(night: date) -> date:
    """Return the first day of the period of a night."""
    return date(night.year - ((night.month, night.day) < _PERIOD_BEGINS), *_PERIOD_BEGINS)


def child_number(ids: ChildIds, child_id: str) -> int:
    """Return the counter of one child ID; raises LinkageError for one that is not of this city."""
    try:
        return int(ids.decode(np.array([child_id]))[0])
    except (ValueError, IndexError):
        raise LinkageError(
            f"not a child ID of this city; expected c- and {26} letters, as in the spine; check for a slip of the pen"
        ) from None


def _rows(event: Event, update: _Update, of_member: np.ndarray, batch: int) -> pa.Table:
    n = len(event.child)
    source, keys = np.full(n, -1, np.int16), np.zeros((n, 16), np.uint8)
    if event.kind == WITHDRAW:
        source, keys = update.state.source[update.leaving], update.state.keys[update.leaving]
    elif len(event.row) and event.row[0] >= 0:
        source, keys = of_member[event.row], update.members.keys[event.row]
    columns = [
        pa.array(np.full(n, batch, np.int32)),
        pa.array(np.full(n, event.kind, np.int8)),
        pa.array(event.child),
        pa.array(event.other),
        pa.array(source.astype(np.int16)),
        _keys(keys),
        pa.repeat(pa.scalar(period_of(update.night) if event.kind == ASSIGN else update.night, pa.date32()), n),
    ]
    return pa.table(columns, schema=EVENTS)


def _merged(old: LedgerState, keep: np.ndarray, source: np.ndarray, keys: np.ndarray, counter: np.ndarray) -> pa.Table:
    """Return kept rows of `old` and new ones, ordered by the first half of the key."""
    order = np.argsort(_half(keys), kind="stable")
    kept = old.keys[keep]
    at = np.searchsorted(_half(kept), _half(keys)[order])
    columns = [
        np.insert(old.source[keep], at, source[order].astype(np.int16)),
        np.insert(kept, at, keys[order], axis=0),
        np.insert(old.counter[keep], at, counter[order]),
    ]
    return pa.table([pa.array(columns[0]), _keys(columns[1]), pa.array(columns[2])], schema=_ASSIGNMENT)


def _by_first(numbers: np.ndarray) -> np.ndarray:
    """Return the numbers 0, 1, 2 ... in the order in which they first occur."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.ravel()]


def _state(table: pa.Table, sources: tuple[str, ...], next_counter: int) -> LedgerState:
    columns = [table.column(name).to_numpy() for name in ("source", "child")]
    return LedgerState(sources, columns[0], key_matrix(table.column("record_key")), columns[1], next_counter)


def _taken(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.where(at >= 0, values[at], -1) if len(values) else np.full(len(at), -1, np.int64)


def _among(counters: np.ndarray, count: int) -> np.ndarray:
    """Return which of the counters below `count` occur, bool (count,)."""
    found = np.zeros(count, bool)
    found[counters] = True
    return found


def _half(keys: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(keys).view(">u8").reshape(-1, 2)[:, 0].astype(np.uint64)


def _keys(keys: np.ndarray) -> pa.Array:
    return pa.Array.from_buffers(RECORD_KEY_TYPE, len(keys), [None, pa.py_buffer(np.ascontiguousarray(keys))])


_COUNTED: Final = {
    "assigned": "assign",
    "moved": "move",
    "merged": "merge",
    "split": "split",
    "withdrawn": "withdraw",
    "returned": "return",
    "retired": "retire",
    "revived": "revive",
}
_EMPTY: Final = {
    "about": pa.table({"next_counter": pa.array([0], pa.int64())}),
    "sources": pa.table({"name": pa.array([], pa.string())}),
    "assignment": _ASSIGNMENT.empty_table(),
    "withdrawn": _ASSIGNMENT.empty_table(),
    "events": EVENTS.empty_table(),
}
