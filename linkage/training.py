"""Training: m by expectation maximisation on pairs that were compared, u as it was. Levels in, a model out.

Splink's own EM (`estimate_parameters_using_expectation_maximisation`) trains under one blocking rule at a time and
leaves out every comparison that reads a column of that rule. Here every comparison reads the anchors themselves (two
records that share one agree on what it is made of), so no rule would train a date or a name, and the records of a block
meet under several anchors at once. So EM runs over the counts of level patterns of all compared pairs, under the prior
that scoring uses: a pair that no anchor brought together, or whose evidence was not kept because its weight is low, has
a chance near zero of being one child and adds nothing to m. The same model: Fellegi and Sunter 1969, Winkler 1988.

What belongs here: the estimate. Where levels come from is the caller's; where models are kept is `linkage.model`.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from linkage.comparisons import comparisons
from linkage.errors import LinkageError
from linkage.evidence import MISSING
from linkage.model import Model, Probability, prior
from linkage.model_levels import explained
from linkage.rules import ROUND, Round
from linkage.score import Records, score

MAX_PAIRS: Final = 1_000_000
"""Pairs trained on unless told otherwise; more change nothing that rounding keeps."""

LEAST_PAIRS: Final = 500
"""Pairs of one child below which nothing is learnt: they are 1,000 records, the least that a statistic may be of."""

_STRENGTH: Final = 200.0
"""How many pairs of one child the earlier model counts for in every comparison: rare levels do not jump."""
_STEPS: Final = 200
_STILL: Final = 1e-6
_DIGITS: Final = 2


@dataclass(frozen=True)
class Trained:
    """A trained model, how many compared pairs it was made of, how many of them are one child, and the EM steps."""

    model: Model
    pairs: int
    one_child: float
    steps: int


def train(records: Records, round_: Round, start: Model, max_pairs: int, seed: int) -> Trained:
    """Return `start` with the m that fits the pairs of these opened records; the same seed gives the same model.

    Raises LinkageError where fewer than `LEAST_PAIRS` pairs of one child are found.
    """
    return train_on_levels(score(records, round_, start).levels, records.population, start, max_pairs, seed)


def train_on_levels(levels: np.ndarray, population: int, start: Model, max_pairs: int, seed: int) -> Trained:
    """Return `start` with the m that fits k compared pairs of a city of `population` records.

    `levels` uint8 (k, comparisons): the position of the level that held, or `MISSING`. Of more than `max_pairs` pairs
    that many are drawn, whatever their order. Comparisons that are `fixed` keep their m, no level falls below its
    `least_m`, and every m but each comparison's largest has two digits: no count can be read from it.
    """
    patterns, counts = np.unique(levels, axis=0, return_counts=True)
    if counts.sum() > max_pairs:
        counts = np.random.default_rng(seed).multivariate_hypergeometric(counts, max_pairs)
    shapes = [[level.name for level in one.levels] for one in comparisons(ROUND)]
    names = [one.name for one in comparisons(ROUND)]
    u = [np.array([start.probabilities[name][at].u for at in shape]) for name, shape in zip(names, shapes, strict=True)]
    begin = [
        np.array([start.probabilities[name][at].m for at in shape]) for name, shape in zip(names, shapes, strict=True)
    ]
    chance = prior(population)
    m, steps = begin, 0
    one_child = _expected(patterns, counts, m, u, chance)
    while steps < _STEPS:
        steps += 1
        fitted = [_fitted(name, patterns[:, n], one_child, begin[n]) for n, name in enumerate(names)]
        moved = max(float(np.abs(new - old).max()) for new, old in zip(fitted, m, strict=True))
        m, one_child = fitted, _expected(patterns, counts, fitted, u, chance)
        if moved < _STILL:
            break
    if one_child.sum() < LEAST_PAIRS:
        raise LinkageError(
            f"training: found {one_child.sum():.0f} pairs of one child among {counts.sum()} compared, expected at "
            f"least {LEAST_PAIRS}; keep the model in force until more nights are linked"
        )
    probabilities = {
        name: dict(zip(shape, map(Probability, _rounded(new, old).tolist(), chance_u.tolist()), strict=True))
        for name, shape, new, old, chance_u in zip(names, shapes, m, begin, u, strict=True)
    }
    size = float(f"{counts.sum():.{_DIGITS}g}")
    about = f"m: EM on about {size:,.0f} compared pairs of this city, seed {seed}, from {start.version}"
    model = Model("trained", f"{about}; u: as {start.version}", probabilities)
    return Trained(model, int(counts.sum()), float(one_child.sum()), steps)


def levels_of(pairs: pa.Table) -> np.ndarray:
    """Return the levels of stored evidence, uint8 (k, comparisons); LinkageError for those of another release."""
    names = [f"level_{one.name}" for one in comparisons(ROUND)]
    if missing := [name for name in names if name not in pairs.column_names]:
        raise LinkageError(f"evidence: found no column {missing[0]}, expected this release's comparisons; link again")
    return np.stack([pairs.column(name).to_numpy() for name in names], axis=1)


def _expected(
    patterns: np.ndarray, counts: np.ndarray, m: list[np.ndarray], u: list[np.ndarray], chance: float
) -> np.ndarray:
    """Return how many pairs of each pattern are one child, as the model has it."""
    bits = np.full(len(patterns), math.log2(chance / (1 - chance)))
    for number, (one, other) in enumerate(zip(m, u, strict=True)):
        said = patterns[:, number] != MISSING
        bits[said] += np.log2(one / other)[patterns[said, number]]
    return np.asarray(counts / (1 + np.exp2(-bits)))


def _fitted(name: str, held: np.ndarray, one_child: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Return the m of one comparison, given which level each pattern has and how many of it are one child."""
    if "fixed" in explained()[name]:
        return begin
    said = held != MISSING
    counted = np.bincount(held[said], weights=one_child[said], minlength=len(begin)) + _STRENGTH * begin
    return raised(name, counted / counted.sum())


def raised(name: str, m: np.ndarray) -> np.ndarray:
    """Raise rare levels of a comparison to their least m, at the cost of the first."""
    least = np.array([level.get("least_m", 0.0) for level in explained()[name]["levels"].values()])
    lifted = np.maximum(m, least)
    lifted[0] = 1 - lifted[1:].sum()
    return np.asarray(lifted)


def _rounded(m: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Round to two digits all but the largest, which takes what is left; an m that did not move stays as it is."""
    if np.array_equal(m, begin):
        return m
    kept = np.array([float(f"{share:.{_DIGITS}g}") for share in m])
    largest = int(m.argmax())
    kept[largest] = 0.0
    kept[largest] = round(1 - kept.sum(), 6)
    return kept
