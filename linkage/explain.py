"""Why two records are one child, or are not: a waterfall of agreements in bits, with no token and no value in it.

A waterfall starts from the bits of two random records (far below zero), adds a bar for every comparison that said
something, and ends at the total, which is compared with the threshold. A pair that a tag joined has the bars of the
fields the tag is made of. Records are named by source and the first 8 hex digits of their key.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from linkage import rules
from linkage.comparisons import comparisons
from linkage.errors import LinkageError
from linkage.evidence import LINKED, MISSING
from linkage.model import Model, prior
from linkage.rules import ANCHORS, Round

SHOWN_DIGITS: Final = 8
"""Hex digits of a record key that are shown: enough to name a record of one child, useless elsewhere."""

REVIEWED: Final = "reviewed"
"""The tag of a pair that a reviewer joined."""

SURE_BITS: Final = 60.0
"""What a reviewer's word counts."""

LEVEL_OF_ATOM: Final = {
    "birth_date": ("birth_date", "same"),
    "given_canonical": ("given_name", "same or nickname"),
    "given_start": ("given_name", "alike"),
    "surname_1": ("surname", "a part the same"),
    "ssn": ("ssn", "same"),
    "medicaid_id": ("medicaid_id", "same"),
}
"""Which level two records show when they share an atom of a tag."""

SHAPES: Final = comparisons(Round("levels", ANCHORS))
"""The comparisons in order, with the names of their levels; the numbers in `pairs` point into them."""

_OTHER: Final = "rest of the weight"
_BROKEN: Final = "evidence of another model: it has a level that this release does not know; link again, then ask again"


@dataclass(frozen=True)
class Bar:
    """One step of a waterfall: the comparison, the level that held, and the bits it adds."""

    comparison: str
    level: str
    bits: float


@dataclass(frozen=True)
class Waterfall:
    """The whole explanation of one pair of records; `total` is in bits, as is `threshold`."""

    left: str
    right: str
    bars: tuple[Bar, ...]
    total: float
    threshold: float
    outcome: str
    how: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, bits rounded to two places."""
        return {
            "left": self.left,
            "right": self.right,
            "how": self.how,
            "outcome": self.outcome,
            "threshold_bits": round(self.threshold, 2),
            "total_bits": round(self.total, 2),
            "bars": [{"comparison": b.comparison, "level": b.level, "bits": round(b.bits, 2)} for b in self.bars],
        }


def tag_parts(tag: str) -> tuple[str, ...]:
    """Return the atoms a tag is made of; none for `reviewed`. Raises LinkageError for a tag of another release."""
    known = {one.id: one.parts for one in rules.TAGS}
    if tag == REVIEWED:
        return ()
    if tag not in known:
        raise LinkageError(f"evidence names the tag {tag!r}, which this release does not have; link again")
    return tuple(known[tag])


def tag_bits(tag: str, model: Model, records: int) -> float:
    """Return the bits of a pair that shares this tag, among so many records."""
    return SURE_BITS if tag == REVIEWED else sum(bar.bits for bar in tag_bars(tag, model, records))


def tag_bars(tag: str, model: Model, records: int) -> tuple[Bar, ...]:
    """Return the bars of a pair that shares this tag: the start, and one for each field it is made of."""
    fields = (LEVEL_OF_ATOM[atom] for atom in tag_parts(tag))
    return (_start(records), *(Bar(name, level, model.probabilities[name][level].weight) for name, level in fields))


def pair_bars(row: Mapping[str, Any], model: Model, records: int) -> tuple[Bar, ...]:
    """Return the bars of one row of `pairs`: those that add up to its weight.

    The start is what two random records of tonight have. Where the weight was made on a night of other size, the
    difference is a bar of its own, so that the bars always add up. Raises LinkageError for levels of another model.
    """
    bars = [_start(records)]
    for shape in SHAPES:
        at = row[f"level_{shape.name}"]
        if at is None or at == MISSING:
            continue
        if at >= len(shape.levels):
            raise LinkageError(_BROKEN)
        level = shape.levels[at].name
        known = model.probabilities.get(shape.name, {}).get(level)
        if known is None:
            raise LinkageError(_BROKEN)
        bars.append(Bar(shape.name, level, known.weight))
    rest = row["weight"] - sum(bar.bits for bar in bars)
    return (*bars, Bar(_OTHER, "linked on a night of other size", rest)) if abs(rest) >= 0.05 else tuple(bars)


def _start(records: int) -> Bar:
    chance = prior(records)
    return Bar("start", "two random records", math.log2(chance / (1 - chance)))


def explain(
    evidence: Mapping[str, pa.Table],
    model: Model,
    wanted: str,
    record_child: pa.Table,
    threshold: float = 0.0,
) -> list[Waterfall]:
    """Return the waterfalls of one child or one record, the links first, each by falling total.

    `wanted` is a child ID, or the first 8 or more hex digits of a record key. Raises LinkageError when the ledger
    has neither, or when the digits fit several records.
    """
    mine = _records_of(wanted, record_child)
    size = record_child.num_rows
    found = [pair_waterfall(row, model, size, threshold) for row in _touching(evidence.get("pairs"), mine)]
    found += [_of_join(row, model, size, threshold) for row in _touching(evidence.get("joins"), mine)]
    return sorted(found, key=lambda one: (one.outcome != LINKED, -one.total, one.left, one.right))


def record_name(source: str, key: bytes) -> str:
    """Return how a record is named to people: its source and the first 8 hex digits of its key."""
    return f"{source} {key.hex()[:SHOWN_DIGITS]}"


def _records_of(wanted: str, record_child: pa.Table) -> pa.Array:
    by_child = record_child.filter(pc.equal(record_child.column("child_id"), wanted))
    if by_child.num_rows:
        return by_child.column("record_key").cast(pa.binary()).combine_chunks()
    text = wanted.lower()
    if len(text) < SHOWN_DIGITS or len(text) % 2 or any(c not in "0123456789abcdef" for c in text):
        raise LinkageError(
            "no such child ID in the ledger; give one as `cradlepath child` prints it, or the first 8 hex digits of "
            "a record key"
        )
    keys = record_child.column("record_key").cast(pa.binary()).combine_chunks()
    fits = pc.unique(keys.filter(pc.starts_with(keys, bytes.fromhex(text))))
    if len(fits) != 1:
        raise LinkageError(f"these digits fit {len(fits)} records of the ledger, expected one; give more digits")
    return fits


def _touching(table: pa.Table | None, keys: pa.Array) -> list[dict[str, Any]]:
    if table is None:
        return []
    sides = [pc.is_in(table.column(f"{side}_key").cast(pa.binary()), keys) for side in ("left", "right")]
    rows: list[dict[str, Any]] = table.filter(pc.or_(*sides)).to_pylist()
    return rows


def pair_waterfall(row: Mapping[str, Any], model: Model, records: int, threshold: float) -> Waterfall:
    """Return the waterfall of one row of `pairs`."""
    bars = pair_bars(row, model, records)
    return Waterfall(*_names(row), bars, float(row["weight"]), threshold, str(row["outcome"]), "compared")


def _of_join(row: dict[str, Any], model: Model, records: int, threshold: float) -> Waterfall:
    tag = str(row["tag"])
    if tag == REVIEWED:
        bars: tuple[Bar, ...] = (Bar("reviewer", "accepted", SURE_BITS),)
        return Waterfall(*_names(row), bars, SURE_BITS, threshold, LINKED, "joined by a reviewer")
    bars = tag_bars(tag, model, records)
    return Waterfall(*_names(row), bars, sum(bar.bits for bar in bars), threshold, LINKED, f"joined by tag {tag}")


def _names(row: Mapping[str, Any]) -> tuple[str, str]:
    left, right = (record_name(str(row[f"{side}_source"]), row[f"{side}_key"]) for side in ("left", "right"))
    return left, right
