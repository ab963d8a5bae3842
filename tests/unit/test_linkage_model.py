"""The model: every level has a weight that points the right way, and errors name what is missing."""

from dataclasses import replace

import pytest

from linkage.comparisons import comparisons
from linkage.errors import LinkageError
from linkage.model import load_model, prior
from linkage.rules import ONE_ROUND


def test_the_model_fits_the_comparisons_and_weights_fall_from_level_to_level():
    model = load_model()
    for one in comparisons(ONE_ROUND):
        levels = [model.probabilities[one.name][level.name] for level in one.levels]
        assert all(0 < p.m <= 1 and 0 < p.u <= 1 for p in levels)
        if one.name != "twin_guard":
            weights = [p.weight for p in levels]
            assert weights == sorted(weights, reverse=True)
            assert weights[0] > 0 > weights[-1]
            assert sum(p.m for p in levels) == pytest.approx(1, abs=1e-3)
            assert sum(p.u for p in levels) == pytest.approx(1, abs=1e-3)


def test_the_twin_guard_only_ever_costs():
    guard = load_model().probabilities["twin_guard"]
    assert all(p.weight <= 0 for p in guard.values())


def test_splink_accepts_the_settings():
    settings = load_model().settings(ONE_ROUND, 1000).create_settings_dict("duckdb")
    assert len(settings["blocking_rules_to_generate_predictions"]) == len(ONE_ROUND.anchors)
    assert len(settings["comparisons"]) == len(comparisons(ONE_ROUND))


def test_the_prior_moves_in_whole_bits():
    assert prior(60_000) == prior(60_001) == 2.0**-14
    assert prior(0) == prior(3) == 2.0**-3


def test_an_unknown_or_unfit_model_is_named():
    with pytest.raises(LinkageError, match="not in this release"):
        load_model("v99")
    with pytest.raises(LinkageError, match="no probabilities for 'birth_date'"):
        replace(load_model(), probabilities={}).settings(ONE_ROUND, 10)
