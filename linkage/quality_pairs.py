"""The links a quality estimate is about: every two records with one child ID, and how sure their link is.

A pair is as sure as the weakest step of the surest chain of evidence between its two records. A tag counts with the
weights of the fields it is made of. Here are only links that exist; the ones that are missing are
`linkage.quality_missed`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from linkage.evidence import LINKED
from linkage.explain import SURE_BITS, tag_bits
from linkage.model import Model
from linkage.records import RECORD_KEY_BYTES, key_matrix

_MOST_BITS: Final = 24
_LEAST_BITS: Final = -10


@dataclass(frozen=True)
class World:
    """n records: `source` int (n,) into `sources`, `child` int (n,); edges of evidence between record numbers.

    Of k scored pairs: `left`, `right`, `weight` bits, `linked` and `outcome`, `levels` by comparison. Of j joins:
    `join_left`, `join_right`, `tag`. Evidence about records that are no longer there is left out.
    """

    sources: tuple[str, ...]
    source: np.ndarray
    child: np.ndarray
    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray
    outcome: np.ndarray
    levels: dict[str, np.ndarray]
    join_left: np.ndarray
    join_right: np.ndarray
    tag: np.ndarray

    @property
    def linked(self) -> np.ndarray:
        """Return bool (k,): the scored pairs that are one child."""
        return np.asarray(self.outcome == LINKED)


def read_world(record_child: pa.Table, evidence: Mapping[str, pa.Table]) -> World:
    """Return records and evidence as numbers; `evidence` may lack `pairs` or `joins` where nothing was linked."""
    names = pc.unique(record_child.column("source").cast(pa.string())).sort()
    sources = tuple(names.to_pylist())
    source = np.asarray(pc.index_in(record_child.column("source").cast(pa.string()), names)).astype(np.int64)
    coded = record_child.column("child_id").combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    ids = _identities(source, key_matrix(record_child.column("record_key")))
    pairs, joins = evidence.get("pairs"), evidence.get("joins")
    left, right, kept = _ends(pairs, sources, ids)
    join_left, join_right, kept_joins = _ends(joins, sources, ids)
    return World(
        sources, source, np.asarray(coded.indices).astype(np.int64), left, right,
        _values(pairs, "weight", kept).astype(float), _values(pairs, "outcome", kept),
        {name[6:]: _values(pairs, name, kept) for name in _level_columns(pairs)},
        join_left, join_right, _values(joins, "tag", kept_joins),
    )  # fmt: skip


def _level_columns(pairs: pa.Table | None) -> list[str]:
    return [] if pairs is None else [name for name in pairs.column_names if name.startswith("level_")]


def _identities(source: np.ndarray, keys: np.ndarray) -> pa.Array:
    """Return source and key of n records as one binary value each: a key alone may be in two sources."""
    joined = np.concatenate([source.astype("<u2").view(np.uint8).reshape(-1, 2), keys], axis=1)
    flat = pa.py_buffer(np.ascontiguousarray(joined))
    return pa.Array.from_buffers(pa.binary(RECORD_KEY_BYTES + 2), len(keys), [None, flat])


def _ends(table: pa.Table | None, sources: tuple[str, ...], ids: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both record numbers of every row whose records are both there, and which rows those are."""
    if table is None or not table.num_rows:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    at = []
    for side in ("left", "right"):
        named = pc.index_in(table.column(f"{side}_source").cast(pa.string()), pa.array(sources, pa.string()))
        number = np.asarray(named.fill_null(0xFFFF)).astype(np.int64)
        identities = _identities(number, key_matrix(table.column(f"{side}_key")))
        at.append(np.asarray(pc.index_in(identities, ids).fill_null(-1)).astype(np.int64))
    kept = np.flatnonzero((at[0] >= 0) & (at[1] >= 0))
    return at[0][kept], at[1][kept], kept


def _values(table: pa.Table | None, column: str, kept: np.ndarray) -> np.ndarray:
    if table is None or not table.num_rows:
        return np.empty(0)
    values = table.column(column)
    plain = values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values
    return np.asarray(plain.to_numpy(zero_copy_only=False)).take(kept)


def child_pairs(child: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the record numbers of all pairs that share a child, each pair once."""
    order = np.argsort(child, kind="stable")
    _, start, size = np.unique(child[order], return_index=True, return_counts=True)
    position = np.arange(len(child)) - np.repeat(start, size)
    before = np.repeat(np.arange(len(child)), position)
    offset = np.arange(len(before)) - np.repeat(np.cumsum(position) - position, position)
    first = (np.arange(len(child)) - position)[before] + offset
    return order[first], order[before]


def link_bits(world: World, left: np.ndarray, right: np.ndarray, model: Model) -> np.ndarray:
    """Return the bits of each pair of records of one child: of the weakest step of its surest chain.

    Whole bits; not a number where no chain of evidence is kept.
    """
    joined = np.array([tag_bits(tag, model, len(world.source)) for tag in np.unique(world.tag)] or [0.0])
    at = np.unique(world.tag, return_inverse=True)[1] if len(world.tag) else np.empty(0, np.int64)
    inside = world.child[world.left] == world.child[world.right] if len(world.left) else np.empty(0, bool)
    one = np.concatenate([world.left[inside], world.join_left])
    other = np.concatenate([world.right[inside], world.join_right])
    bits = np.concatenate([world.weight[inside], joined[at]])
    found = np.full(len(left), np.nan)
    open_ = np.ones(len(left), bool)
    for least in (SURE_BITS, *range(_MOST_BITS, _LEAST_BITS - 1, -1)):
        part = components(len(world.source), one[bits >= least], other[bits >= least])
        met = open_ & (part[left] == part[right])
        found[met] = least
        open_ &= ~met
        if not open_.any():
            break
    return found


def components(n: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return for each of n records the number of the part it is in, given edges between records."""
    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
