"""Tokens: who shares one with whom, padding, shape, re-keying."""

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.errors import VaultError
from linkage.prf import Chain, Permutation
from linkage.records import key_matrix, record_keys
from linkage.rules import ANCHORS, ONE_ROUND, Round
from linkage.tokens import encode

CHILD = {
    "given": "Elizabeth", "middle": "Ann", "surname": "Garcia-Lopez", "birth_date": "2015-03-09", "sex": "F",
    "zip": "02909", "mother_given": "Maria", "mother_surname": "Lopez", "ssn": "123456788",
    "medicaid_id": "M1234567", "birth_order": "1", "plurality": "2",
}  # fmt: skip


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


def tokens_of(ring, *children: dict, source: str = "birth", round_: Round = ONE_ROUND) -> dict[str, np.ndarray]:
    ids = pa.array([f"record-{number}" for number in range(len(children))])
    columns = {name: pa.array([child.get(name) for child in children], pa.string()) for name in CHILD}
    table = pa.table({"record_key": record_keys(ids, source, ring), **columns})
    blobs = encode(table, source, ring, None, round_).column("tokens").to_pylist()
    return {
        name: np.array([blob[16 * n : 16 * n + 16] for blob in blobs], object) for n, name in enumerate(round_.columns)
    }


def shared(tokens: dict[str, np.ndarray]) -> set[str]:
    return {name for name, (one, other) in tokens.items() if one == other}


def test_the_same_child_shares_every_token_it_has(ring):
    assert shared(tokens_of(ring, CHILD, CHILD)) == {
        name for name in ONE_ROUND.columns if not name.endswith("surname_3")
    }


def test_children_whom_no_anchor_pairs_share_nothing(ring):
    other = CHILD | {
        "given": "Sofia", "birth_date": "2012-07-21", "ssn": "223456788", "medicaid_id": "M7654321",
    }  # fmt: skip
    assert shared(tokens_of(ring, CHILD, other)) == set()


def test_features_are_comparable_only_under_a_shared_anchor(ring):
    nickname = CHILD | {"given": "Liz", "surname": "Other", "mother_given": "Eve", "ssn": None, "medicaid_id": None}
    names = shared(tokens_of(ring, CHILD, nickname))
    assert {name.split("_")[0] for name in names} == {"a1"}
    assert {"a1", "a1_sex", "a1_middle", "a1_zip", "a1_has_mother_given"} <= names
    assert "a1_mother_given" not in names
    assert "a1_has_ssn" not in names


@pytest.mark.parametrize(
    ("change", "anchors"),
    [
        ({"surname": "Smith"}, "a1 a6 s m"),
        ({"given": "Zoe"}, "a2 a6 s m"),
        ({"birth_date": "2015-03-19"}, "a3 s m n1 n2 n3"),
        ({"birth_date": "2014-03-09"}, "a4 s m n1 n2 n3"),
        ({"birth_date": "2015-11-09"}, "a5 s m n1 n2 n3"),
        ({"given": "Garcia", "surname": "Elizabeth"}, "a6 s m w"),
        ({"birth_date": None}, "s m n1 n2 n3"),
    ],
)
def test_which_anchors_survive_a_mistake(ring, change, anchors):
    names = shared(tokens_of(ring, CHILD, CHILD | change))
    assert " ".join(a.id for a in ANCHORS if a.id in names) == anchors


def test_gaps_are_filled_the_same_every_night_and_differ_everywhere(ring):
    empty = dict.fromkeys(CHILD)
    first, again = tokens_of(ring, empty, empty), tokens_of(ring, empty, empty)
    assert all((first[name] == again[name]).all() for name in first)
    every = [token for column in first.values() for token in column]
    assert len(set(every)) == len(every)


def test_a_missing_value_cannot_be_told_from_a_present_one(ring):
    names = shared(tokens_of(ring, CHILD, CHILD | {"middle": None}))
    assert not {name for name in names if "middle" in name}
    assert "n1" not in names


def test_slots_of_surnames_meet_across_a_hyphen_and_a_mother(ring):
    tokens = tokens_of(ring, CHILD, CHILD | {"surname": "Lopez", "mother_surname": "Garcia"})
    one = {tokens[f"a1_surname_{n}"][0] for n in (1, 2, 3)}
    other = {tokens[f"a1_surname_{n}"][1] for n in (1, 2, 3)}
    assert len(one & other) == 2


def test_a_single_birth_has_no_birth_order(ring):
    single = CHILD | {"plurality": "1"}
    assert "a2_birth_order" not in shared(tokens_of(ring, single, single))
    assert "a2_birth_order" in shared(tokens_of(ring, CHILD, CHILD | {"plurality": None}))


def test_tokens_depend_on_both_keys(ring, tmp_path):
    other = fixed_ring(tmp_path / "keys", seed=2)
    assert not any(
        (a == b).any() for a, b in zip(tokens_of(ring, CHILD).values(), tokens_of(other, CHILD).values(), strict=True)
    )


def test_a_smaller_round_sends_the_same_tokens(ring):
    small = Round("anchors-only", tuple(type(a)(a.id, a.parts, ()) for a in ANCHORS))
    all_tokens, few = tokens_of(ring, CHILD), tokens_of(ring, CHILD, round_=small)
    assert set(few) == {a.id for a in ANCHORS}
    assert all(few[name][0] == all_tokens[name][0] for name in few)
    assert small.layout != ONE_ROUND.layout


def test_a_missing_record_key_is_refused_without_a_value(ring):
    table = pa.table({"record_key": pa.array([None], pa.binary(16)), "given": ["Elizabeth"]})
    with pytest.raises(VaultError) as caught:
        encode(table, "birth", ring)
    assert "Elizabeth" not in str(caught.value)


def test_an_empty_delivery_has_no_tokens(ring):
    table = pa.table({"record_key": pa.array([], pa.binary(16)), "given": pa.array([], pa.string())})
    assert encode(table, "birth", ring).num_rows == 0


def test_record_keys_depend_on_the_namespace(ring):
    ids = pa.chunked_array([["a", "b"], [None, "a"]])
    keys = record_keys(ids, "birth", ring).to_pylist()
    assert keys[0] == keys[3] != keys[1]
    assert keys[2] is None
    assert record_keys(ids, "health", ring).to_pylist()[0] != keys[0]
    with pytest.raises(ValueError, match="1 record keys are null"):
        key_matrix(record_keys(ids, "birth", ring))


def test_a_chain_has_one_length_and_a_permutation_can_be_undone():
    blocks = np.random.default_rng(0).integers(0, 256, (5, 16), np.uint8)
    with pytest.raises(ValueError, match="found 1 blocks, expected 2"):
        Chain(bytes(32), 2)(blocks)
    permutation = Permutation(bytes(32))
    assert (permutation.backward(permutation.forward(blocks)) == blocks).all()
    assert (permutation.forward(blocks) != blocks).any()
