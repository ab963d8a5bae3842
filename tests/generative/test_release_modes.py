"""Random tables in a mode: the auditor against brute force, and the same children against themselves."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.release_grids import Bench, Grid, grid
from support.release_modes import UNDER_THE_RULE, attack, protector, repaired, room_of

from assets.release.inferred import FORMS
from assets.release.policy import ReleasePolicy

SLOW = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SMALL = ReleasePolicy(threshold=3, certain="shown", mode="round-3")
MODES = st.sampled_from(UNDER_THE_RULE)


def _whole(inner: np.ndarray) -> np.ndarray:
    return np.block([[inner, inner.sum(axis=1, keepdims=True)], [inner.sum(axis=0), inner.sum()]])


def _grid(whole: np.ndarray, name: str = "t", labels: str = "p") -> Grid:
    rows, columns = whole.shape
    names = [*(f"{labels}{row}" for row in range(rows - 1)), "All"]
    text = ["place\\sex " + " ".join([*(f"s{column}" for column in range(columns - 1)), "All"])]
    text += [" ".join([names[row], *map(str, whole[row])]) for row in range(rows)]
    return grid(name, "\n".join(text))


def _in_order(whole: np.ndarray) -> np.ndarray:
    """Return a grid's numbers in the order of its variables: `All` sorts before the other labels."""
    return np.roll(np.roll(whole, 1, axis=0), 1, axis=1).ravel()


@SLOW
@given(cells=st.lists(st.integers(0, 14), min_size=4, max_size=4), seed=st.binary(min_size=1, max_size=1))
def test_the_auditor_of_a_mode_agrees_with_brute_force(cells: list[int], seed: bytes) -> None:
    whole = _whole(np.array(cells).reshape(2, 2))
    room = room_of(_grid(whole), policy=SMALL)
    shown = protector(room, seed).protect({}).shown
    hidden = np.isnan(shown)
    hidden[room.system.n_counts :] = False
    assume(hidden[: room.system.n_counts].sum() <= 2)
    report = attack(room, hidden, shown)
    truth, boxes = _in_order(whole), []
    for number, value in enumerate(shown[: len(truth)]):
        low, high = (0, 60) if hidden[number] else (value - 2 * (value > 0), value + 2 * (value > 0))
        boxes.append((max(low, 0), high))
    inner = [boxes[number] for number in (4, 5, 7, 8)]
    choices = np.array(list(itertools.product(*(range(int(a), int(b) + 1) for a, b in inner))))
    tables = choices @ np.array([_in_order(_whole(one.reshape(2, 2))) for one in np.eye(4, dtype=np.int64)])
    low, high = np.array(boxes).T
    tables = tables[((tables >= low) & (tables <= high)).all(axis=1)]
    least, most = tables.min(axis=0), tables.max(axis=0)
    small = (truth >= 1) & (truth < 3)
    narrow = small & ~((least < 3) & (most >= 3) & (most - least >= 3))
    pinned = (hidden[: len(truth)] | (shown[: len(truth)] > 0)) & (least == most)
    assert set(report.narrow) == set(np.flatnonzero(narrow | pinned))


@SLOW
@given(
    cells=st.lists(st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=2, max_size=5),
    mode=MODES,
    seed=st.binary(min_size=1, max_size=1),
)
def test_what_a_mode_shows_passes_its_audit(cells: list[list[int]], mode: str, seed: bytes) -> None:
    policy = ReleasePolicy(mode=mode)  # type: ignore[arg-type]
    room = room_of(_grid(_whole(np.array(cells))), policy=policy, keys={"children": "hash(place, sex)"})
    found, report = repaired(room, protector(room, seed))
    assert report.passed, [str(finding) for finding in report.findings]
    counts = room.system.n_counts
    least = found.shown[:counts][~found.hidden[:counts] & (room.system.values[:counts] > 0)]
    assert (least - FORMS[mode].reach >= policy.threshold).all()


@SLOW
@given(
    children=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=40, max_size=90),
    coarser=st.lists(st.integers(0, 1), min_size=4, max_size=4),
    mode=MODES,
)
def test_the_same_children_are_shown_alike_in_every_table_and_release(
    children: list[tuple[int, int]], coarser: list[int], mode: str
) -> None:
    policy = ReleasePolicy(threshold=3, mode=mode)  # type: ignore[arg-type]
    fine = _counted(children, 4)
    bands = _counted([(coarser[place], sex) for place, sex in children], 2)
    number: dict[int, set[float]] = {}
    for tables in ({"t": fine}, {"t": fine, "u": bands}, {"u": bands}):
        room = _room(tables, policy)
        shown = protector(room).protect({}).shown[: room.system.n_counts]
        keys = np.concatenate([_in_order(keys) for _, keys in tables.values()])
        for key, value in zip(keys[~np.isnan(shown)], shown[~np.isnan(shown)], strict=True):
            number.setdefault(int(key), set()).add(value)
    assert all(len(values) == 1 for values in number.values()), "nothing to average"


def _counted(children: list[tuple[int, int]], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how many children are in each cell, and the key of the children there."""
    counts, keys = np.zeros((rows + 1, 3), np.int64), np.zeros((rows + 1, 3), np.uint64)
    for child, (row, column) in enumerate(children):
        key = int.from_bytes(hashlib.sha256(str(child).encode()).digest()[:8], "big")
        for r, c in itertools.product((row, rows), (column, 2)):
            counts[r, c] += 1
            keys[r, c] ^= np.uint64(key)
    return counts, keys


def _room(tables: dict[str, tuple[np.ndarray, np.ndarray]], policy: ReleasePolicy) -> Bench:
    room = room_of(*(_grid(counts, name) for name, (counts, _) in tables.items()), policy=policy)
    for name, (_, keys) in tables.items():
        rows, columns = keys.shape
        places, sexes = [*(f"p{r}" for r in range(rows - 1)), "All"], [*(f"s{c}" for c in range(columns - 1)), "All"]
        given_keys = pa.table(
            {
                "place": np.repeat(places, columns),
                "sex": np.tile(sexes, rows),
                "of": pa.array(keys.ravel(), pa.uint64()),
            }
        )
        room.con.register("given_keys", given_keys)
        room.con.execute(
            f"update work.{name} as w set children__key = k.of from given_keys k "
            "where w.place = k.place and w.sex = k.sex"
        )
        room.con.unregister("given_keys")
    return room
