"""The model card: every parameter with a sentence, what is not in force and why, and no count of pairs."""

import numpy as np
import pytest

from linkage.backends import DuckDb
from linkage.comparisons import comparisons
from linkage.drift import measure_drift
from linkage.evidence import MISSING
from linkage.identifiers import IDENTIFIERS
from linkage.model import load_model
from linkage.model_card import Setting, carried, model_card
from linkage.rules import ROUND, layout

SETTING = Setting("hub-tokenised", "0011223344556677", DuckDb(), ("school", "birth"), 0.0, 60_000)
SHAPES = comparisons(ROUND)
NAMES = [one.name for one in SHAPES]


def card(model, levels):
    return model_card(model, SETTING, levels, measure_drift(levels, model))


def test_the_card_says_how_the_night_was_linked():
    found = card(load_model(), np.zeros((3, len(NAMES)), np.uint8))
    expected = {
        "version": "v3",
        "layout": layout(),
        "mode": "hub-tokenised",
        "backend": "duckdb",
        "sources": ["birth", "school"],
        "threshold_bits": 0.0,
        "prior": 2.0**-9,
        "records": 60_000,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["drift"]["past_the_limit"] == []
    assert {"m", "u", "bits", "prior", "threshold_bits", "drift"} <= set(found["terms"])


def test_every_level_has_its_numbers_and_a_sentence():
    model, found = load_model(), card(load_model(), np.zeros((3, len(NAMES)), np.uint8))["comparisons"]
    for shape in SHAPES:
        assert list(found[shape.name]["levels"]) == [level.name for level in shape.levels]
        for name, level in found[shape.name]["levels"].items():
            known = model.probabilities[shape.name][name]
            assert (level["m"], level["u"], level["bits"]) == (known.m, known.u, round(known.weight, 2))
            assert level["says"].endswith(".")


@pytest.mark.parametrize(
    ("held", "said", "state"),
    [
        (IDENTIFIERS, True, "in force"),
        (IDENTIFIERS, False, "silent"),
        (("given", "surname", "birth_date", "sex"), False, "left out"),
    ],
)
def test_a_comparison_that_says_nothing_is_marked(held, said, state):
    levels = np.zeros((3, len(NAMES)), np.uint8)
    levels[:, NAMES.index("ssn")] = 0 if said else MISSING
    found = card(load_model().for_fields(frozenset(held)), levels)["comparisons"]
    assert found["ssn"]["state"].startswith(state)
    assert found["surname"]["state"] == "in force"


def test_a_night_without_anything_new_keeps_what_the_last_one_saw():
    silent, nothing = np.full((600, len(NAMES)), MISSING, np.uint8), np.empty((0, len(NAMES)), np.uint8)
    silent[:, 0] = 0
    first, again = card(load_model(), silent), card(load_model(), nothing)
    assert again != first
    assert carried(again, first) == first
    assert carried(again, {}) == again
    assert carried(again, first | {"version": "city-1"}) == again


def test_what_no_source_holds_any_longer_is_left_out_whatever_was_seen():
    first = card(load_model(), np.zeros((3, len(NAMES)), np.uint8))
    fewer = card(
        load_model().for_fields({"given", "surname", "birth_date", "sex"}), np.empty((0, len(NAMES)), np.uint8)
    )
    assert carried(fewer, first)["comparisons"] == fewer["comparisons"]
