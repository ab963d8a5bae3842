"""What one night's linking found, for those who look at it later: evidence of links, and the transcript.

Evidence is kept, sealed, by record key (`linkage.evidence`); the transcript is handed to whoever measures it and
forgotten. Nothing here decides anything.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from linkage.comparisons import comparisons
from linkage.evidence import JOINS, KEEP_BITS, LINKED, REFUSED, TIED, pairs_schema
from linkage.linking import Linked
from linkage.records import RECORD_KEY_TYPE, find_keys, key_matrix
from linkage.rules import ANCHORS, ASKED, ROUND, TAGS
from linkage.transcript import Sent, Transcript

_ANCHOR_COLUMNS: Final = (*(a.id for a in ANCHORS), *(f"{ANCHORS[number].id}_asked" for number in ASKED))
_ASKED_COLUMNS: Final = tuple((number, len(ANCHORS) + place) for place, number in enumerate(ASKED))
_OUTCOMES: Final = pa.array([LINKED, REFUSED, TIED])


def comparison_names() -> tuple[str, ...]:
    """Return the names of all comparisons, in the order of `Pairs.levels`."""
    return tuple(one.name for one in comparisons(ROUND))


def transcript_of(linked: Linked) -> Transcript:
    """Return everything that crossed into linking tonight."""
    tonight, opened = linked.tonight, linked.opened
    sent = np.union1d(opened.senders, opened.record)
    asked = np.isin(sent, opened.senders)
    tokens = np.zeros((len(_ANCHOR_COLUMNS), len(sent)), np.uint64)
    present = np.broadcast_to(asked, tokens.shape).copy()
    tokens[:, asked] = tonight.values[len(TAGS) :, sent[asked]]
    present[: len(ANCHORS), asked] = opened.sent[:, sent[asked]]
    place = np.searchsorted(sent, opened.record)
    for number in range(len(ANCHORS)):
        shown = opened.meets[number]
        tokens[number, place[shown]] = opened.table.tokens[number, shown]
        present[number, place[shown]] = True
    names = {name: number for number, name in enumerate(ROUND.features)}
    shown = np.concatenate([np.repeat(opened.meets[n : n + 1], len(a.features), 0) for n, a in enumerate(ANCHORS)])
    new = np.arange(tonight.fresh)
    return Transcript(
        tonight.names,
        tonight.source.astype(np.int16),
        (
            Sent(
                "tags",
                new,
                tuple(t.id for t in TAGS),
                tonight.values[: len(TAGS)],
                np.ones((len(TAGS), len(new)), bool),
                (),
            ),
            Sent("anchors", sent, _ANCHOR_COLUMNS, tokens, present, _ASKED_COLUMNS),
            Sent(
                "features",
                opened.record,
                ROUND.features,
                opened.table.tokens[len(ANCHORS) :],
                shown,
                tuple(tuple(names[name] for name in group) for group in ROUND.comparable()),
            ),
        ),
    )


def evidence_of(linked: Linked) -> dict[str, pa.Table]:
    """Return tonight's evidence: the tables `pairs` and `joins` of `linkage.evidence`."""
    tonight, pairs, record = linked.tonight, linked.pairs, linked.opened.record
    cluster = linked.cluster[tonight.node]
    left, right = record[pairs.left], record[pairs.right]
    one_child = cluster[left] == cluster[right]
    keep = np.flatnonzero((pairs.weight >= KEEP_BITS) | one_child)
    part = linked.opened.table.group
    low, high = np.minimum(part[pairs.left], part[pairs.right]), np.maximum(part[pairs.left], part[pairs.right])
    tied = {tuple(pair) for pair in linked.links.tied.tolist()}
    ties = np.array([(a, b) in tied for a, b in zip(low[keep].tolist(), high[keep].tolist(), strict=True)], bool)
    outcome = np.where(one_child[keep], 0, np.where(ties, 2, 1)).astype(np.int16)
    columns = [*_sides(linked, left[keep], right[keep])]
    columns.append(pa.array(pairs.weight[keep].astype(np.float32)))
    columns.append(pa.DictionaryArray.from_arrays(pa.array(outcome), _OUTCOMES))
    columns += [pa.array(pairs.levels[keep, number]) for number in range(pairs.levels.shape[1])]
    joins = linked.joins
    kept = cluster[joins.left] == cluster[joins.right]
    by = pa.DictionaryArray.from_arrays(pa.array(joins.tag[kept].astype(np.int16)), pa.array([t.id for t in TAGS]))
    return {
        "pairs": pa.table(columns, schema=pairs_schema(comparison_names())),
        "joins": pa.table([*_sides(linked, joins.left[kept], joins.right[kept]), by], schema=JOINS),
    }


def merged_evidence(
    before: Mapping[str, pa.Table], tonight: Mapping[str, pa.Table], replaced: np.ndarray
) -> dict[str, pa.Table]:
    """Return earlier evidence without what concerns the `replaced` record keys (k, 16), and tonight's after it."""
    merged = {}
    for name, fresh in tonight.items():
        old = before.get(name)
        if old is None or not old.num_rows:
            merged[name] = fresh
            continue
        stays = np.ones(old.num_rows, bool)
        for side in ("left_key", "right_key"):
            stays &= find_keys(replaced, key_matrix(old.column(side))) < 0
        merged[name] = pa.concat_tables([old.filter(pa.array(stays)), fresh]).unify_dictionaries()
    return merged


def _sides(linked: Linked, left: np.ndarray, right: np.ndarray) -> list[pa.Array]:
    tonight, columns = linked.tonight, []
    names = pa.array(tonight.names, pa.string())
    for rows in (left, right):
        source = pa.array(tonight.source[rows].astype(np.int16))
        keys = np.ascontiguousarray(tonight.keys[rows])
        columns.append(pa.DictionaryArray.from_arrays(source, names))
        columns.append(pa.Array.from_buffers(RECORD_KEY_TYPE, len(rows), [None, pa.py_buffer(keys)]))
    return columns
