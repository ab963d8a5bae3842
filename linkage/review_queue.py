"""Which pairs to ask a person about, and in which order.

Borderline are the pairs that a tie left alone, and those within `REVIEW_BITS` of the threshold on either side, linked
or refused. Two children are one question, however many of their records met. Disputed pairs come first, then the
questions about children that a tie touches, then refused pairs, linked pairs, and last the pairs of children that have
a source in common (nearly all of them are two children, `linkage.quality_refused`); within each the nearest to the
threshold first, where an answer tells most. Nothing here decides; a question holds no token, no value and 8 hex digits
of a record key.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import LinkageError
from linkage.evidence import LINKED, TIED
from linkage.explain import record_name
from linkage.review import DISPUTED, Pair, Standing, Verdict, pair_of

REVIEW_BITS: Final = 3.0
"""How far from the threshold a pair is still borderline: at 3 bits one in nine is not what it seems."""

_HISTOGRAM_BITS: Final = 5


@dataclass(frozen=True)
class Question:
    """One question: its number (fixed until the next night), the pair, its row of evidence, and what stands.

    `row` is None for a disputed pair that the newest night did not compare. `common` names the sources in which both
    children have a record: two children, unless a source holds one child twice. `touched`: by a tie.
    """

    number: int
    pair: Pair
    row: Mapping[str, Any] | None
    standing: str | None
    common: tuple[str, ...]
    touched: bool

    @property
    def names(self) -> tuple[str, str]:
        """Return how the two records are named to people."""
        return record_name(*self.pair[0]), record_name(*self.pair[1])

    @property
    def seen(self) -> bytes:
        """Return 16 bytes that change when the evidence does: weight to a tenth, outcome, levels."""
        return _seen(self.row)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, without keys, tokens or values."""
        row = self.row or {}
        return {
            "number": self.number,
            "left": self.names[0],
            "right": self.names[1],
            "weight_bits": round(float(row["weight"]), 1) if row else None,
            "outcome": row.get("outcome"),
            "standing": self.standing,
            "sources_in_common": list(self.common),
            "touched_by_tie": self.touched,
        }


def questions(
    evidence: Mapping[str, pa.Table],
    record_child: pa.Table,
    standing: Mapping[Pair, Standing],
    threshold: float = 0.0,
) -> list[Question]:
    """Return the open questions in order; numbers count all borderline pairs, so that answering one moves no other."""
    asked = _numbered(evidence.get("pairs"), record_child, standing, threshold)
    return [question for question in asked if _is_open(question, standing.get(question.pair))]


def question(
    number: int,
    evidence: Mapping[str, pa.Table],
    record_child: pa.Table,
    standing: Mapping[Pair, Standing],
    threshold: float = 0.0,
) -> Question:
    """Return one question, answered or not. Raises LinkageError when there is none of that number."""
    asked = _numbered(evidence.get("pairs"), record_child, standing, threshold)
    for one in asked:
        if one.number == number:
            return one
    raise LinkageError(f"no question {number}: this night has {len(asked)}; see `cradlepath review list`")


def review_metadata(
    evidence: Mapping[str, pa.Table],
    record_child: pa.Table,
    standing: Mapping[Pair, Standing],
    threshold: float = 0.0,
) -> dict[str, Any]:
    """Return counts for a page that many may read: nothing in them is of a record.

    Counts by name, and two tables as lists of rows: open questions by source pair, and scored pairs by weight in steps
    of 5 bits and outcome.
    """
    asked = questions(evidence, record_child, standing, threshold)
    pairs = Counter(" - ".join(sorted(record[0] for record in one.pair)) for one in asked)
    return {
        "open questions": len(asked),
        "open questions touched by a tie": sum(one.touched for one in asked),
        "open questions that reviewers dispute": sum(one.standing == DISPUTED for one in asked),
        "decided by reviewers": dict(sorted(Counter(str(one.verdict) for one in standing.values()).items())),
        "open questions by source pair": [{"sources": one, "questions": count} for one, count in sorted(pairs.items())],
        "scored pairs by weight": [
            {"bits": bits, "outcome": outcome, "pairs": count}
            for bits, outcome, count in _histogram(evidence.get("pairs"))
        ],
    }


def _histogram(pairs: pa.Table | None) -> list[tuple[str, str, int]]:
    if pairs is None or not pairs.num_rows:
        return []
    step = pc.multiply(pc.floor(pc.divide(pairs.column("weight").cast(pa.float64()), _HISTOGRAM_BITS)), _HISTOGRAM_BITS)
    counted = pa.table({"bits": step, "outcome": pairs.column("outcome").cast(pa.string())})
    rows = (
        counted.group_by(["bits", "outcome"])
        .aggregate([([], "count_all")])
        .sort_by([("bits", "ascending"), ("outcome", "ascending")])
    )
    return [
        (f"{row['bits']:.0f} to {row['bits'] + _HISTOGRAM_BITS:.0f}", row["outcome"], row["count_all"])
        for row in rows.to_pylist()
    ]


def _is_open(one: Question, standing: Standing | None) -> bool:
    if standing is None or standing.verdict == DISPUTED:
        return True
    return standing.verdict == Verdict.CANT_TELL and one.seen not in standing.seen


def _numbered(
    pairs: pa.Table | None, record_child: pa.Table, standing: Mapping[Pair, Standing], threshold: float
) -> list[Question]:
    rows = _borderline(pairs, threshold)
    keys = {record[1] for row in rows for record in _sides(row)} | {r[1] for pair in standing for r in pair}
    child, sources = _children(record_child, keys)
    tied = {child.get(record, record) for row in rows if row["outcome"] == TIED for record in _sides(row)}
    disputed = {pair for pair, now in standing.items() if now.verdict == DISPUTED}
    best: dict[Any, tuple[Any, Pair, dict[str, Any] | None, tuple[str, ...], bool]] = {}
    for pair, row in [*((pair_of(*_sides(row)), row) for row in rows), *((pair, None) for pair in sorted(disputed))]:
        one, other = (child.get(record, record) for record in pair)
        about = pair if row is None or row["outcome"] == LINKED or pair in disputed else frozenset((one, other))
        touched = bool({one, other} & tied)
        far = abs(row["weight"] - threshold) if row else 0.0
        common = () if one == other else tuple(sorted(sources.get(one, set()) & sources.get(other, set())))
        order = (pair not in disputed, not touched, bool(common), one == other, round(far, 3), pair)
        if about not in best or order < best[about][0]:
            best[about] = (order, pair, row, common, touched)
    found = sorted(best.values(), key=lambda item: item[0])
    return [
        Question(number, pair, row, _word(standing.get(pair)), common, touched)
        for number, (_, pair, row, common, touched) in enumerate(found, start=1)
    ]


def _word(standing: Standing | None) -> str | None:
    return str(standing.verdict) if standing else None


def _borderline(pairs: pa.Table | None, threshold: float) -> list[dict[str, Any]]:
    if pairs is None or not pairs.num_rows:
        return []
    far = pc.abs(pc.subtract(pairs.column("weight").cast(pa.float64()), threshold))
    tied = pc.equal(pairs.column("outcome").cast(pa.string()), TIED)
    rows: list[dict[str, Any]] = pairs.filter(pc.or_(tied, pc.less_equal(far, REVIEW_BITS))).to_pylist()
    return rows


def _sides(row: Mapping[str, Any]) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    return (row["left_source"], row["left_key"]), (row["right_source"], row["right_key"])


def _children(record_child: pa.Table, keys: set[bytes]) -> tuple[dict[Any, str], dict[Any, set[str]]]:
    """Return the child of every record whose key is asked for, and the sources of those children."""
    held = record_child.column("record_key").cast(pa.binary())
    mine = record_child.filter(pc.is_in(held, pa.array(sorted(keys), pa.binary())))
    child = {(row["source"], row["record_key"]): row["child_id"] for row in mine.to_pylist()}
    all_of = record_child.filter(pc.is_in(record_child.column("child_id"), mine.column("child_id").combine_chunks()))
    sources: dict[Any, set[str]] = {}
    for row in all_of.select(["child_id", "source"]).to_pylist():
        sources.setdefault(row["child_id"], set()).add(row["source"])
    return child, sources


def _seen(row: Mapping[str, Any] | None) -> bytes:
    if row is None:
        return bytes(16)
    levels = [(name, row[name]) for name in sorted(row) if name.startswith("level_")]
    text = repr((round(float(row["weight"]), 1), row["outcome"], levels))
    return hashlib.sha256(text.encode()).digest()[:16]
