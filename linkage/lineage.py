"""Asking the ledger's past: which ID a record had on a day, who was one child then, and what became of an ID.

Reads the events in the order in which they were added; writes nothing. IDs of the past are resolved through merges to
the one that is valid now. A first assignment holds from the first day of its period (`linkage.ledger.period_of`): the
ledger does not know the night. A record that is protected now has no past: which ID it had is told for no day.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.ledger import Ledger, child_number
from linkage.ledger_events import KINDS, MERGE, OF_RECORD, RETIRE, SPLIT, WITHDRAW
from linkage.protected import Protected
from linkage.records import find_keys, key_matrix


@dataclass(frozen=True)
class Happening:
    """One thing that happened to an ID: `night`, `kind`, how many `records` of each source, the `other` ID or none."""

    night: date
    kind: str
    records: dict[str, int]
    other: str | None


@dataclass(frozen=True)
class Lineage:
    """Everything that ever happened to one ID, and which ID stands for it now (none where the child has no record)."""

    child_id: str
    valid: str | None
    records: dict[str, int]
    happenings: tuple[Happening, ...]


def as_of(ledger: Ledger, day: date, protected: Protected) -> pa.Table:
    """Return source, record_key and child_id of every record as they stood at the end of `day`, but protected ones."""
    events = _until(ledger, day)
    of_record = events.filter(pc.less(events.column("kind"), OF_RECORD))
    keys = key_matrix(of_record.column("record_key"))
    last = _last_of_each(of_record.column("source").to_numpy(), keys)
    rows = last[of_record.column("kind").to_numpy()[last] != WITHDRAW]
    sources = of_record.column("source").to_numpy()[rows]
    told = np.ones(len(rows), bool)
    for number, name in enumerate(ledger.sources()):
        mine = sources == number
        told[mine] = find_keys(protected.keys(name), keys[rows[mine]]) < 0
    rows, sources = rows[told], sources[told]
    return ledger.named(ledger.sources(), sources, keys[rows], of_record.column("child").to_numpy()[rows])


def id_of(ledger: Ledger, source: str, record_key: bytes, day: date, protected: Protected) -> str | None:
    """Return the ID a record had at the end of `day`, or None where it had none or is protected now."""
    names = ledger.sources()
    if source not in names or protected.holds(source, record_key):
        return None
    events = _until(ledger, day)
    mine = events.filter(
        pc.and_(
            pc.equal(events.column("source"), names.index(source)), pc.equal(events.column("record_key"), record_key)
        )
    )
    if not mine.num_rows or mine.column("kind")[-1].as_py() == WITHDRAW:
        return None
    return str(ledger.ids.encode(mine.column("child").to_numpy()[-1:])[0])


def ids_ever(ledger: Ledger, child_id: str) -> tuple[str, ...]:
    """Return every ID that the records of one child ever had, sorted: what was told of it under any of them is its own.

    The child is that which the ID stands for now, through merges; its records are those it has, and those withdrawn
    from it. Raises LinkageError for an ID that this ledger never gave.
    """
    number = child_number(ledger.ids, child_id)
    state, events = ledger.state(), ledger.events()
    if number >= state.next_counter:
        child_number(ledger.ids, "")
    valid = _valid(events, number, state.counter)
    own = _merged_into(events, number if valid is None else valid, state.counter)
    of_record = events.filter(pc.less(events.column("kind"), OF_RECORD))
    keys, child = key_matrix(of_record.column("record_key")), of_record.column("child").to_numpy()
    last = _last_of_each(of_record.column("source").to_numpy(), keys)
    mine = last[np.isin(child[last], np.array(sorted(own)))]
    numbers = np.unique(np.concatenate([child[find_keys(keys[mine], keys) >= 0], [number]]))
    return tuple(sorted(str(one) for one in ledger.ids.encode(numbers)))


def last_id_of(ledger: Ledger, source: str, record_key: bytes, protected: Protected) -> str | None:
    """Return the ID a record has, or had last where it is withdrawn; None where it had none or is protected now."""
    names = ledger.sources()
    if source not in names or protected.holds(source, record_key):
        return None
    events = ledger.events()
    of_source = pc.equal(events.column("source"), names.index(source))
    mine = events.filter(pc.and_(of_source, pc.equal(events.column("record_key"), record_key)))
    return str(ledger.ids.encode(mine.column("child").to_numpy()[-1:])[0]) if mine.num_rows else None


def _merged_into(events: pa.Table, number: int, counters: np.ndarray) -> set[int]:
    """Return a child's number with those of all that were merged into it and stand for nobody now."""
    kinds = events.column("kind").to_numpy()
    into, other = events.column("child").to_numpy(), events.column("other").to_numpy()
    pairs = [(int(into[at]), int(other[at])) for at in np.flatnonzero(kinds == MERGE)]
    alive, own = set(np.unique(counters).tolist()), {number}
    # From the newest merge back: what was merged into a child that was merged later is found in one pass.
    for child, absorbed in reversed(pairs):
        if child in own and absorbed not in alive:
            own.add(absorbed)
    return own


def lineage(ledger: Ledger, child_id: str) -> Lineage:
    """Return the history of one ID; raises LinkageError for an ID that this ledger never gave."""
    number = child_number(ledger.ids, child_id)
    state = ledger.state()
    if number >= state.next_counter:
        child_number(ledger.ids, "")
    events = ledger.events()
    mine = events.filter(pc.or_(pc.equal(events.column("child"), number), pc.equal(events.column("other"), number)))
    rows = state.rows_of(np.array([number]))
    valid = _valid(events, number, state.counter)
    return Lineage(
        child_id=child_id,
        valid=None if valid is None else str(ledger.ids.encode(np.array([valid]))[0]),
        records=_by_source(ledger.sources(), state.source[rows]),
        happenings=tuple(_happenings(ledger, mine, number)),
    )


def _happenings(ledger: Ledger, events: pa.Table, number: int) -> list[Happening]:
    """Return the events of one child, those of one night, kind and other child together."""
    names, found = ledger.sources(), []
    groups: dict[tuple[date, str, int], list[int]] = {}
    for row in events.to_pylist():
        kind, child, other = KINDS[row["kind"]], row["child"], row["other"]
        if child != number:
            kind, other = {"move": "left", "return": "left", "merge": "merged into", "split": "split off"}[kind], child
        elif row["kind"] in (MERGE, SPLIT):
            kind = "absorbed" if row["kind"] == MERGE else "split from"
        elif kind == "return" and other == number:
            other = -1
        groups.setdefault((row["night"], kind, other), []).append(row["source"])
    for (night, kind, other), sources in groups.items():
        text = None if other < 0 else str(ledger.ids.encode(np.array([other]))[0])
        found.append(Happening(night, kind, _by_source(names, np.array([s for s in sources if s >= 0], int)), text))
    return found


def _valid(events: pa.Table, number: int, counters: np.ndarray) -> int | None:
    """Follow merges from one child to the one that stands for it now."""
    kinds = events.column("kind").to_numpy()
    merges = np.flatnonzero((kinds == MERGE) | (kinds == RETIRE))
    into = {}
    for at in merges.tolist():
        if kinds[at] == MERGE:
            into[events.column("other")[at].as_py()] = events.column("child")[at].as_py()
    seen = set()
    while number not in seen:
        seen.add(number)
        if (counters == number).any():
            return number
        number = into.get(number, number)
    return None


def _until(ledger: Ledger, day: date) -> pa.Table:
    events = ledger.events()
    return events.filter(pc.less_equal(events.column("night"), pa.scalar(day, pa.date32())))


def _last_of_each(source: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the row of the last event of each record."""
    words = np.ascontiguousarray(keys).view("<u8").reshape(-1, 2)
    order = np.lexsort((np.arange(len(source)), words[:, 0], words[:, 1], source))
    ordered = np.column_stack([source[order].astype(np.uint64), words[order]])
    last = np.ones(len(order), bool)
    last[:-1] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return np.sort(order[last])


def _by_source(names: tuple[str, ...], numbers: np.ndarray) -> dict[str, int]:
    found, counts = np.unique(numbers, return_counts=True)
    return {names[number]: int(count) for number, count in zip(found.tolist(), counts.tolist(), strict=True)}
