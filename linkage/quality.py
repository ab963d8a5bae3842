"""Linkage quality without any truth: who is linked, how sure the links are, and how many are missing.

By source, by every two sources, and by subgroup; from child IDs and evidence only, no token and no value.

*Precision.* The wrong links of the night are counted by the duplicate method (`linkage.quality_refused`) and spread
over the links in proportion to what their weights say: a link of w bits is wrong with chance 1 / (1 + 2^w), times one
calibration factor for the night. *Recall.* Missed links that are in sight are counted by the same method; those that
never met, by capture-recapture of numbers and names (`linkage.quality_missed`).

Intervals are 95 %: the calibration factor and the missed links with the ends of a Poisson interval of merges (a wrong
or missed merge makes several wrong or missing pairs at once), Wilson's interval around the links, and a Beta interval
for the catch of names. How often they hold the truth of made-up cities is measured in docs/review.md. Sources: Blakely
and Salmond, Int J Epidemiol 31 (2002) 1246; Christen, Data Matching (2012) ch. 7; Dasylva, Goussanou and Nambeu, Survey
Methodology 50 (2024) 375; subgroups as in Libuy et al. (ECHILD), IJPDS 6 (2021).
Published figures must go through disclosure control like any other table.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from scipy.stats import beta, gamma

from linkage.intervals import wilson
from linkage.model import Model
from linkage.quality_missed import Catches, read_catches
from linkage.quality_pairs import World, child_pairs, link_bits, read_world
from linkage.quality_refused import Refused, read_refused

ALL: Final = "All"
SCHEMA: Final = pa.schema(
    [
        ("source", pa.string()),
        ("other_source", pa.string()),
        ("subgroup", pa.string()),
        ("records", pa.int64()),
        ("linked", pa.int64()),
        ("rate", pa.float64()),
        *((f"{what}_{end}", pa.float64()) for what in ("precision", "recall") for end in ("estimate", "low", "high")),
    ]
)
_NO_LABELS: Final = pa.table({"record_key": pa.array([], pa.binary()), "subgroup": pa.array([], pa.string())})
_LOW, _HIGH = 0.025, 0.975


@dataclass(frozen=True)
class _Night:
    """What holds for the whole night: three calibration factors, merges in pairs, and the odds of not meeting."""

    factor: tuple[float, float, float]
    merge: float
    unmet: tuple[float | None, float | None]


def linkage_quality(
    record_child: pa.Table,
    evidence: Mapping[str, pa.Table],
    labels: pa.Table | None,
    model: Model,
    threshold: float = 0.0,
    one_record_sources: Collection[str] = (),
) -> pa.Table:
    """Return one row a source and subgroup, and one a source, other source and subgroup (`SCHEMA`).

    `record_child` has source, record_key and child_id; `evidence` is what `linkage.evidence` keeps; `labels` has
    record_key and subgroup, as many rows a record as it has labels; ``All`` is added. `threshold` in bits. Pairs of
    children that share one of the `one_record_sources` are taken to be not scored.

    Of a row with no `other_source`: records of the source; linked, those whose child has a record of another source;
    rate = linked / records; precision and recall of all pairs of one of its records and one of another source. Of a
    row with `other_source`: the same, of that source alone (the source itself: second records of one child). Both are
    null where nothing is linked or no evidence is kept; recall also where no number ever linked anything, for then it
    cannot be known.
    """
    if not record_child.num_rows:
        return SCHEMA.empty_table()
    world = read_world(record_child, evidence)
    refused, catches = read_refused(world, threshold, one_record_sources), read_catches(world)
    left, right = child_pairs(world.child)
    wrong = _chance_wrong(link_bits(world, left, right, model))
    counted = _count(world, refused, _links(world, catches, left, right, wrong), _labels(record_child, labels))
    night = _Night(_factors(refused, float(wrong.sum())), refused.pairs_a_merge, _unmet(catches))
    rows = [_row(cell, night) for cell in counted.to_pylist()]
    return pa.Table.from_pylist(rows, SCHEMA)


def _chance_wrong(bits: np.ndarray) -> np.ndarray:
    """Return the chance that each link is wrong, as weights say; links without evidence are like the mean of others."""
    chance = 1 / (1 + 2.0**bits)
    known = ~np.isnan(chance)
    return np.where(known, chance, chance[known].mean() if known.any() else np.nan)


def _links(world: World, catches: Catches, left: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> pa.Table:
    """Return every linked pair in both directions; `hard`: neither a tag of names nor a number holds it."""
    numbered = catches.by_number[left] & catches.by_number[right]
    hard = ((catches.part[left] != catches.part[right]) & ~numbered).astype(np.int8)
    one, other = np.concatenate([left, right]), np.concatenate([right, left])
    return pa.table(
        {
            "record": one.astype(np.int32),
            "source": _named(world, one),
            "other_source": _named(world, other),
            "wrong": np.concatenate([wrong, wrong]).astype(np.float32),
            "hard": np.concatenate([hard, hard]),
        }
    )


def _named(world: World, records: np.ndarray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(world.source[records], pa.int16()), pa.array(world.sources))


def _labels(record_child: pa.Table, labels: pa.Table | None) -> pa.Table:
    """Return record number and subgroup of every label whose record is there."""
    chosen = _NO_LABELS if labels is None else labels
    numbers = np.arange(record_child.num_rows)
    keys = pa.table({"record": numbers, "record_key": record_child.column("record_key").cast(pa.binary())})
    named = [chosen.column("record_key").cast(pa.binary()), chosen.column("subgroup")]
    joined = keys.join(pa.table(named, names=["record_key", "subgroup"]), "record_key", join_type="inner")
    return joined.select(["record", "subgroup"])


def _count(world: World, refused: Refused, links: pa.Table, labels: pa.Table) -> pa.Table:
    everyone = np.arange(len(world.source))
    tables = {
        "records": pa.table({"record": everyone, "source": _named(world, everyone), "child": world.child}),
        "refused": pa.table(
            {
                "left_child": refused.left,
                "right_child": refused.right,
                "missed": refused.missed,
                "least": refused.least,
                "most": refused.most,
            }
        ),
        "links": links,
        "labels": labels,
    }
    with duckdb.connect(config={"temp_directory": ""}) as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(_cells(), params={"everyone": ALL}).to_arrow_table()


def _cells() -> str:
    return files("linkage").joinpath("data/quality_cells.sql").read_text(encoding="utf-8")


def _factors(refused: Refused, believed: float) -> tuple[float, float, float]:
    """Return by how much the wrong links that weights imply must be multiplied: low, middle, high."""
    if not believed or math.isnan(believed):
        return 0.0, 0.0, 0.0
    merges = refused.wrong_links
    if merges is None:
        return refused.wrong_share
    ends = (_least(merges), merges, _most(merges))
    low, middle, high = (merge * refused.pairs_a_merge / believed for merge in ends)
    return low, middle, high


def _unmet(catches: Catches) -> tuple[float | None, float | None]:
    """Return the odds that names do not bring a pair together, middle and high (Jeffreys); None without trials."""
    if not catches.trials:
        return None, None
    middle = catches.failed / catches.trials
    high = float(beta.ppf(_HIGH, catches.failed + 0.5, catches.trials - catches.failed + 0.5))
    return middle / max(1 - middle, 0.5), high / max(1 - high, 0.5)


def _row(cell: dict[str, Any], night: _Night) -> dict[str, Any]:
    pairs, merge = cell["pairs"], night.merge
    kept = {name: cell[name] for name in ("source", "other_source", "subgroup", "records", "linked")}
    kept["rate"] = cell["linked"] / cell["records"]
    if not pairs or math.isnan(cell["wrong"]):
        return kept
    fewest_wrong, wrong, most_wrong = (factor * cell["wrong"] for factor in night.factor)
    wrong_ends = (most_wrong, wrong, merge * _least(fewest_wrong / merge))
    low, middle, high = (max(pairs - count, 0.0) for count in wrong_ends)
    precision = (middle / pairs, wilson(low / merge, pairs / merge)[0], wilson(high / merge, pairs / merge)[1])
    kept |= dict(zip(("precision_estimate", "precision_low", "precision_high"), precision, strict=True))
    unmet, unmet_high = night.unmet
    if unmet is None or unmet_high is None:
        return kept
    missed = cell["missed"] + unmet * (cell["hard"] + cell["missed"])
    fewest = merge * _least(cell["least"] / merge)
    most = merge * _most(cell["most"] / merge) + unmet_high * (cell["hard"] + cell["most"])
    recall = (middle / (middle + missed), low / (low + most), high / (high + fewest))
    return kept | dict(zip(("recall_estimate", "recall_low", "recall_high"), recall, strict=True))


def _least(count: float) -> float:
    """Return the low end of the 95 % Poisson interval of an expected count (Garwood 1936)."""
    return float(gamma.ppf(_LOW, count)) if count > 0 else 0.0


def _most(count: float) -> float:
    """Return the high end of the 95 % Poisson interval of an expected count (Garwood 1936)."""
    return float(gamma.ppf(_HIGH, count + 1))
