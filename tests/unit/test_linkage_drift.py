"""Drift: what linked pairs show against what the model says, and when that is said to people."""

import numpy as np
import pytest

from linkage.comparisons import comparisons
from linkage.drift import LEAST_PAIRS, drifted, measure_drift
from linkage.evidence import MISSING
from linkage.model import load_model
from linkage.rules import ROUND

V2 = load_model()
NAMES = [one.name for one in comparisons(ROUND)]


def linked(name, *counts):
    """Return levels of linked pairs that speak in one comparison only, so often at each level."""
    levels = np.full((sum(counts), len(NAMES)), MISSING, np.uint8)
    levels[:, NAMES.index(name)] = np.repeat(np.arange(len(counts)), counts)
    return levels


@pytest.mark.parametrize(
    ("name", "counts", "judged", "past"),
    [
        ("zip", (716, 284), True, False),  # as the model says: .7159 and .2841
        ("zip", (650, 350), True, False),
        ("zip", (300, 700), True, True),  # most families moved
        ("sex", (900, 100), True, True),  # the model says .5 %
        ("zip", (100, LEAST_PAIRS - 101), False, False),  # one pair too few
        ("birth_order", (500, 500), False, False),  # not learnt, so not judged
    ],
)
def test_shares_far_from_the_model_are_named(name, counts, judged, past):
    found = measure_drift(linked(name, *counts), V2)
    assert [one.comparison for one in found] == [name] * judged
    assert [one.comparison for one in drifted(found)] == [name] * past


def test_drift_names_the_level_that_moved_most_and_both_shares():
    (one,) = measure_drift(linked("zip", 300, 700), V2)
    assert str(one).startswith("zip: PSI 0.74, expected at most 0.25; level 'differs' in 70% of linked pairs")
    assert one.as_dict() == {"psi": 0.74, "level": "differs", "expected": 0.28, "found": 0.7}
