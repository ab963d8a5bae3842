"""The model: every level has a weight that points the right way, and errors name what is missing."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.linkage_city import ONE_RECORD, SOURCES, make_city

from linkage.comparisons import comparisons
from linkage.decisions import Decisions
from linkage.errors import LinkageError
from linkage.keys import KeyRing
from linkage.linking import Clock, link_tonight
from linkage.model import load_model, plain, prior, save_model
from linkage.model_levels import fields_held
from linkage.rules import ROUND
from linkage.tokens import encode
from linkage.universe import NOBODY, build_universe
from linkage.vault import Vault

FIELDS = {source: frozenset(columns.split()) for source, (_, columns) in SOURCES.items()}


def test_the_model_fits_the_comparisons_and_weights_fall_from_level_to_level():
    model = load_model()
    for one in comparisons(ROUND):
        levels = [model.probabilities[one.name][level.name] for level in one.levels]
        assert all(0 < p.m <= 1 and 0 < p.u <= 1 for p in levels)
        if one.name != "twin_guard":
            weights = [p.weight for p in levels]
            assert weights[0] > 0 > weights[-1]
            assert max(weights[1:]) < weights[0] + 0.5, "a later level never says much more than the one before it"
            assert sum(p.m for p in levels) == pytest.approx(1, abs=1e-3)
            assert sum(p.u for p in levels) == pytest.approx(1, abs=1e-3)


def test_the_twin_guard_only_ever_costs():
    guard = load_model().probabilities["twin_guard"]
    assert all(p.weight <= 0 for p in guard.values())


def test_splink_accepts_the_settings():
    settings = load_model().settings(ROUND, 1000).create_settings_dict("duckdb")
    assert len(settings["blocking_rules_to_generate_predictions"]) == len(ROUND.anchors)
    assert len(settings["comparisons"]) == len(comparisons(ROUND))


def test_the_prior_moves_in_whole_bits():
    assert prior(60_000) == prior(60_001) == 2.0**-9
    assert prior(0) == prior(3) == 2.0**-4


@pytest.mark.parametrize(
    ("sources", "silent", "anchors"),
    [
        (("birth", "health"), set(), 13),
        (("birth", "school"), {"ssn", "medicaid_id"}, 11),
        (("snap", "preschool"), {"medicaid_id"}, 12),
        (("birth", "school", "a source whose agreement ended"), set(), 13),
    ],
)
def test_settings_are_built_from_what_the_sources_present_hold(sources, silent, anchors):
    model = load_model().for_fields(fields_held(sources, FIELDS))
    assert model.silent == silent
    settings = model.settings(ROUND, 1000).create_settings_dict("duckdb")
    assert len(settings["blocking_rules_to_generate_predictions"]) == anchors


def test_what_is_left_out_changes_no_pair_and_no_weight(tmp_path):
    ring, city, present = KeyRing.create(tmp_path / "keys"), make_city(300, seed=4), ("birth", "preschool", "school")
    vault = Vault(tmp_path / "vault", ring)
    for source in present:
        vault.upsert(source, encode(city.keyed(source, ring), source, ring))
    tonight = build_universe(vault, vault.waiting(), NOBODY, ONE_RECORD, Decisions())
    models = (load_model(), load_model().for_fields(fields_held(present, FIELDS)))
    full, fitted = (link_tonight(tonight, vault, model, 0.0, Clock()).pairs for model in models)
    assert len(full.left) > 20
    for name in ("left", "right", "levels"):
        assert np.array_equal(getattr(full, name), getattr(fitted, name))
    assert full.weight == pytest.approx(fitted.weight)


def test_a_saved_model_is_read_back_and_never_replaced(tmp_path):
    model = replace(load_model(), version="city-1", trained_on="this city")
    save_model(model, tmp_path)
    assert load_model("city-1", tmp_path) == model
    for taken in ("city-1", "v3"):
        with pytest.raises(LinkageError, match="exists already"):
            save_model(replace(model, version=taken), tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layout": "0123"}, "layout 0123, expected this release's"),
        ({"probabilities": {}}, "other comparisons or levels than this release's"),
        ({"layout": None}, "layout None"),
        (
            {"probabilities": plain(load_model()) | {"sex": {"same": {"m": 0, "u": 1}, "differs": {"m": 1, "u": 1}}}},
            "above 0",
        ),
        ({"probabilities": 3}, "found no model"),
    ],
)
def test_a_model_of_another_layout_is_refused_in_one_line(tmp_path, change, said):
    path = save_model(replace(load_model(), version="city-1"), tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(LinkageError, match=said) as refused:
        load_model("city-1", tmp_path)
    assert "cradlepath model train" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["v99", "levels", "../keys/keyring", "City 1"])
def test_a_model_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(LinkageError, match="found none in this release"):
        load_model(name, tmp_path)


def test_a_model_without_a_level_is_named():
    with pytest.raises(LinkageError, match="no probabilities for 'birth_date'"):
        replace(load_model(), probabilities={}).settings(ROUND, 10)
