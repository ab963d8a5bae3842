"""Training: the m that made the pairs is found, rare levels keep their floor, the same pairs give the same model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.comparisons import comparisons
from linkage.errors import LinkageError
from linkage.evidence import MISSING
from linkage.model import Probability, load_model, prior
from linkage.model_levels import explained
from linkage.rules import ROUND
from linkage.training import LEAST_PAIRS, train_on_levels

V2 = load_model()
SHAPES = comparisons(ROUND)
POPULATION = 3000


def drawn(model, one_child, rng):
    """Return levels of that many pairs of one child and, as the prior has it, of strangers."""
    strangers = round(one_child * (1 / prior(POPULATION) - 1))
    columns = []
    for shape in SHAPES:
        known = [model.probabilities[shape.name][level.name] for level in shape.levels]
        parts = []
        for size, share in ((one_child, [p.m for p in known]), (strangers, [p.u for p in known])):
            parts.append(rng.choice(len(share), size, p=np.array(share) / sum(share)))
        columns.append(np.concatenate(parts))
    levels = np.stack(columns, axis=1).astype(np.uint8)
    for name, said in (("twin_guard", len(V2.probabilities["twin_guard"]) - 1), ("names", MISSING)):
        levels[:, [shape.name for shape in SHAPES].index(name)] = said
    return levels


def with_m(model, name, *m):
    levels = model.probabilities[name]
    changed = {at: Probability(share, p.u) for (at, p), share in zip(levels.items(), m, strict=True)}
    return replace(model, probabilities=model.probabilities | {name: changed})


@pytest.mark.parametrize(
    ("name", "m"), [("zip", (0.5, 0.5)), ("surname", (0.7, 0.1, 0.2)), ("middle_initial", (0.9, 0.1))]
)
def test_the_m_that_made_the_pairs_is_found_and_u_stays(name, m):
    levels = drawn(with_m(V2, name, *m), 4000, np.random.default_rng(5))
    trained = train_on_levels(levels, POPULATION, V2, len(levels), seed=1)
    found = trained.model.probabilities
    assert [p.m for p in found[name].values()] == pytest.approx(m, abs=0.03)
    assert [p.u for p in found[name].values()] == [p.u for p in V2.probabilities[name].values()]
    assert trained.one_child == pytest.approx(4000, rel=0.05)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_no_level_that_was_never_seen_falls_below_its_floor_and_what_is_fixed_stays(shape):
    words = explained()[shape.name]
    assert list(words["levels"]) == [level.name for level in shape.levels]
    levels = np.zeros((20_000, len(SHAPES)), np.uint8)
    levels[:, -1] = len(V2.probabilities["twin_guard"]) - 1
    found = train_on_levels(levels, POPULATION, V2, 10**6, seed=1).model.probabilities[shape.name]
    if "fixed" in words:
        assert found == V2.probabilities[shape.name]
    else:
        assert all(found[name].m >= max(level.get("least_m", 0.0), 1e-6) for name, level in words["levels"].items())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1500, 10**6))
def test_training_depends_on_the_seed_and_not_on_the_order_of_the_pairs(seed, max_pairs):
    levels = drawn(V2, 1500, np.random.default_rng(3))[:4000]
    mixed = levels[np.random.default_rng(seed).permutation(len(levels))]
    one, other = (train_on_levels(some, POPULATION, V2, max_pairs, seed) for some in (levels, mixed))
    assert one == other
    assert one.pairs == min(max_pairs, len(levels))
    for name, found in one.model.probabilities.items():
        if "fixed" not in explained()[name]:
            assert sum(p.m for p in found.values()) == pytest.approx(1, abs=1e-3)


def test_too_few_pairs_of_one_child_teach_nothing():
    with pytest.raises(LinkageError, match=f"expected at least {LEAST_PAIRS}; keep the model"):
        train_on_levels(drawn(V2, LEAST_PAIRS // 2, np.random.default_rng(3)), POPULATION, V2, 10**6, seed=1)
