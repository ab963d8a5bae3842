"""Weights of a data lead: what they make dearer, which are refused, and that they are part of the rule."""

from __future__ import annotations

import json

import duckdb
import numpy as np
import pytest
from support.release_tables import city_catalogue, fill_city

from assets.outcomes.catalogue import catalogue
from assets.release.building import build_system
from assets.release.policy import WEIGHTS, ReleaseError, ReleasePolicy
from assets.release.prices import check_weights, prices
from assets.release.system import Floats, System


def test_weights_make_a_table_and_its_breakdowns_dearer_and_nothing_else() -> None:
    con = duckdb.connect(":memory:")
    fill_city(con, children=300, periods=("2025-26",))
    system = build_system(con, city_catalogue())
    plain, weighed = prices(system), prices(system, (("measure", 2.0), ("measure.place", 0.5)))
    ratio = dict(zip([block.spec.name for block in system.blocks], _ratios(system, plain, weighed), strict=True))
    assert ratio == {
        "measure": {1.0, 2.0},  # by place, and all else
        "distinct_served": {1.0},
        "program_overlap": {1.0},
        "source_freshness": {1.0},
    }
    assert not weighed[system.n_counts :].any()


def _ratios(system: System, plain: Floats, weighed: Floats) -> list[set[float]]:
    spans = [slice(block.offset, block.offset + block.rows * len(block.spec.counts)) for block in system.blocks]
    return [set(np.round(weighed[span] / plain[span], 6).tolist()) for span in spans]


@pytest.mark.parametrize("name", ["measures", "measure.colour", "place_within", ""])
def test_a_weight_of_nothing_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(ReleaseError, match=r"release.weights names .*, expected one of") as caught:
        check_weights(catalogue(), ((name, 2.0),))
    assert "\n" not in str(caught.value)


def test_weights_are_part_of_the_rule_and_old_rules_have_none() -> None:
    policy = ReleasePolicy(weights=(("measure", 2.0),))
    assert ReleasePolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy
    assert ReleasePolicy.from_json({"threshold": 10, "zeros": "shown", "certain": "hidden"}) == ReleasePolicy()
    with pytest.raises(ReleaseError, match=r"gives measure the weight 0, expected 0.1 to 10"):
        ReleasePolicy(weights=(("measure", 0.0),))


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("dims", [("place",), ("race_ethnicity", "sex"), ("place", "grade_or_age_band", "sex")])
def test_no_weight_makes_a_part_dearer_than_its_whole(weight: float, dims: tuple[str, ...]) -> None:
    con = duckdb.connect(":memory:")
    fill_city(con, children=300, periods=("2025-26",))
    system = build_system(con, city_catalogue())
    price = prices(system, [(f"measure.{dim}", weight) for dim in dims])
    sums = system.matrix[[str(label).startswith("measure: ") and "complement" not in label for label in system.labels]]
    whole = np.asarray(sums.minimum(0).argmin(axis=1)).ravel()
    part, row = sums.maximum(0).tocoo().col, sums.maximum(0).tocoo().row
    assert (price[whole[row]] > price[part]).all()
