"""Rounds one and two: who sends anchors, whose features are opened, and the table that is scored.

Only groups that still lack a source send anchors, and only records whose anchors meet another group's show features,
under those anchors and no others. Scoring and resolving are elsewhere; nothing here is kept.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from linkage.rounds import among, collisions, representatives
from linkage.rules import ANCHORS, ASKED, ROUND, TAGS
from linkage.score import Records
from linkage.universe import Universe
from linkage.vault import Vault

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = np.uint64(0xBF58476D1CE4E5B9)
_FIRST: Final = len(TAGS)


@dataclass(frozen=True)
class Opened:
    """What the rounds opened.

    `senders` int64: the new records that sent anchors, `sent` bool (anchors, fresh): which of them each sent; `record`
    int64 (k,): the rows of the `table` that is scored; `meets` bool (anchors, k): under which anchors each shows
    features; `crowded` counts anchors that were left out.
    """

    senders: np.ndarray
    sent: np.ndarray
    record: np.ndarray
    meets: np.ndarray
    table: Records
    crowded: int


def open_rounds(tonight: Universe, group: np.ndarray, vault: Vault) -> Opened:
    """Return what must be compared, given the group of every node."""
    sources, single = tonight.nodes.gathered(group)
    of_record = group[tonight.node]
    lacking = sources != np.uint64((1 << len(tonight.names)) - 1)
    of_fresh = of_record[: tonight.fresh]
    senders = representatives(of_fresh, tonight.values[0], lacking[of_fresh])
    everyone = np.flatnonzero(lacking[of_fresh])
    sent = np.zeros((len(ANCHORS), tonight.fresh), bool)
    sent[:, senders] = True
    meets, crowded = np.zeros((len(ANCHORS), len(tonight.node)), bool), 0
    met: dict[str, np.ndarray] = {}
    for number, anchor in enumerate(ANCHORS):
        held = tonight.holding(_FIRST + number, everyone if anchor.answered else senders)
        asking = _asking(tonight, number, senders)
        if anchor.asked:
            held = held.take(among(held.value, held.value[asking[held.record]]))
            sent[number] = False
            sent[number, held.record[held.record < tonight.fresh]] = True
        pairs, left_out = collisions(held.value, group[held.node], single)
        crowded += left_out
        ends = held.record[np.concatenate([np.empty((2, 0), np.int64), *(np.stack(pair) for pair in pairs)], axis=1)]
        ends = np.sort(ends[:, asking[ends].any(axis=0)], axis=0)
        met[anchor.id] = ends[0] * len(tonight.node) + ends[1]
        told = np.concatenate([np.empty(0, np.int64), *(met[other] for other in anchor.unless)])
        meets[number, ends[:, ~among(met[anchor.id], told)]] = True
    record = np.flatnonzero(meets.any(axis=0))
    meets = meets[:, record]
    tokens = _tokens(tonight, record, meets, vault)
    records = Records(of_record[record].astype(np.int32), single[of_record[record]], tokens, tonight.population)
    return Opened(senders, sent, record, meets, records, crowded)


def _asking(tonight: Universe, number: int, senders: np.ndarray) -> np.ndarray:
    """Return which records ask under an anchor, bool (n,): two records meet only where one of them asks."""
    if ANCHORS[number].asked:
        return np.asarray(tonight.asking[ASKED.index(number)])
    asking = np.ones(len(tonight.node), bool)
    asking[: tonight.fresh] = False
    asking[senders] = True
    return asking


def _tokens(tonight: Universe, record: np.ndarray, meets: np.ndarray, vault: Vault) -> np.ndarray:
    """Return the columns of the table, uint64 (columns, k); whatever is not opened is a number nobody else has."""
    columns, k = len(ROUND.columns), len(record)
    tokens = np.arange(columns * k, dtype=np.uint64).reshape(columns, k)
    for number in range(len(ANCHORS)):
        new = np.flatnonzero(meets[number] & (record < tonight.fresh))
        old = np.flatnonzero(meets[number] & (record >= tonight.fresh))
        span = ROUND.spans[number]
        _put(
            tokens, number, new, tonight.values[_FIRST + number, record[new]], tonight.batch.features[record[new], span]
        )
        if len(old):
            value, features = _stored(tonight, record[old], number, vault)
            _put(tokens, number, old, value, features)
    return tokens


def _put(tokens: np.ndarray, anchor: int, rows: np.ndarray, value: np.ndarray, features: np.ndarray) -> None:
    tokens[anchor, rows] = value
    start = len(ANCHORS) + ROUND.spans[anchor].start
    for place in range(features.shape[1]):
        mixed = value + (features[:, place].astype(np.uint64) + np.uint64(1)) * _GOLDEN
        tokens[start + place, rows] = (mixed ^ (mixed >> np.uint64(31))) * _MIX


def _stored(tonight: Universe, record: np.ndarray, anchor: int, vault: Vault) -> tuple[np.ndarray, np.ndarray]:
    """Return the token and the features of stored records under one anchor, opened with a new record's token."""
    met = tonight.met
    here = np.flatnonzero(met.column == _FIRST + anchor)
    _, first = np.unique(met.record[here], return_index=True)
    by_record = here[first]
    use = by_record[np.searchsorted(met.record[by_record], record)]
    hashed = vault.map.hashed(vault.secrets(tonight.batch.anchors[met.probe[use], anchor], _FIRST + anchor))
    features = vault.rows.features(tonight.at[record], anchor, hashed, met.slot[use])
    return tonight.values[_FIRST + anchor, met.probe[use]], features
