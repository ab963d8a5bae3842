"""What changed between two nights of the ledger, as events: pure functions over numbers, no storage.

Events of a record (they carry its source and key): `assign` its first child, `move` to another one, `withdraw`,
`return`. Events of a child: `merge` (child absorbed other), `split` (child left other), `retire` (no record left),
`revive`. Children are counters here; -1 stands for none.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

KINDS: Final = ("assign", "move", "withdraw", "return", "merge", "split", "retire", "revive")
OF_RECORD: Final = 4
"""The first four kinds are of records."""

ASSIGN, MOVE, WITHDRAW, RETURN, MERGE, SPLIT, RETIRE, REVIVE = range(len(KINDS))


@dataclass(frozen=True)
class Step:
    """What tonight does to n records and their children, as counters, all int64.

    `before` is what each record has (-1 for none), `past` what a withdrawn one had, `now` what it gets; `leaving` are
    those of records that are withdrawn, `outside` what records not concerned tonight hold; `next_counter` is the
    first one not used before.
    """

    before: np.ndarray
    past: np.ndarray
    now: np.ndarray
    leaving: np.ndarray
    outside: np.ndarray
    next_counter: int


@dataclass(frozen=True)
class Event:
    """Some events of one kind: `child` and `other` counters (k,), `row` which record, -1 for an event of a child."""

    kind: int
    child: np.ndarray
    other: np.ndarray
    row: np.ndarray


def events_of(step: Step) -> list[Event]:
    """Return tonight's events; rows of `withdraw` number the leaving records, all others the n records."""
    is_new = (step.before < 0) & (step.past < 0)
    is_back = (step.before < 0) & (step.past >= 0)
    is_moved = (step.before >= 0) & (step.before != step.now)
    leaving = Event(WITHDRAW, step.leaving, _none(step.leaving), np.arange(len(step.leaving)))
    events = [
        _records(ASSIGN, is_new, step.now, np.full(len(step.now), -1)),
        _records(RETURN, is_back, step.now, step.past),
        _records(MOVE, is_moved, step.now, step.before),
        leaving,
    ]
    alive_before = np.unique(np.concatenate([step.before[step.before >= 0], step.leaving, step.outside]))
    alive_now = np.unique(np.concatenate([step.now, step.outside]))
    pairs = np.unique(np.stack([step.now[is_moved], step.before[is_moved]], axis=1), axis=0)
    absorbed = ~np.isin(pairs[:, 1], alive_now)
    is_split = ~absorbed & (pairs[:, 0] >= step.next_counter)
    events += [_children(MERGE, *pairs[absorbed].T), _children(SPLIT, *pairs[is_split].T)]
    retired = np.setdiff1d(np.setdiff1d(alive_before, alive_now), pairs[absorbed, 1])
    revived = np.setdiff1d(alive_now[alive_now < step.next_counter], alive_before)
    events += [_children(RETIRE, retired, _none(retired)), _children(REVIVE, revived, _none(revived))]
    return [event for event in events if len(event.child)]


def _records(kind: int, which: np.ndarray, child: np.ndarray, other: np.ndarray) -> Event:
    rows = np.flatnonzero(which)
    return Event(kind, child[rows], other[rows], rows)


def _children(kind: int, child: np.ndarray, other: np.ndarray) -> Event:
    return Event(kind, child, other, _none(child))


def _none(like: np.ndarray) -> np.ndarray:
    return np.full(len(like), -1, np.int64)
