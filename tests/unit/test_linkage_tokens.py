"""Tokens: who shares one with whom, what fills the gaps, and what a row does not show."""

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.batch import SCHEMA, TokenBatch
from linkage.errors import VaultError
from linkage.records import key_matrix, record_keys
from linkage.rules import ANCHORS, ASKED, PRESENT, ROUND, TAGS
from linkage.tokens import digests, encode

CHILD = {
    "given": "Elizabeth", "middle": "Ann", "surname": "Garcia-Lopez", "birth_date": "2015-03-09", "sex": "F",
    "zip": "02909", "mother_given": "Maria", "mother_surname": "Lopez", "ssn": "123456788",
    "medicaid_id": "M1234567", "birth_order": "1", "plurality": "2",
}  # fmt: skip
NAMES = [*(tag.id for tag in TAGS), *(anchor.id for anchor in ANCHORS), *(f"{ANCHORS[n].id}?" for n in ASKED)]


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


def table(ring, *children: dict, source: str = "birth") -> pa.Table:
    ids = pa.array([f"record-{number}" for number in range(len(children))])
    columns = {name: pa.array([child.get(name) for child in children], pa.string()) for name in CHILD}
    return pa.table({"record_key": record_keys(ids, source, ring), **columns})


def batch(ring, *children: dict) -> TokenBatch:
    return encode(table(ring, *children), "birth", ring)


def tokens(made: TokenBatch) -> dict[str, np.ndarray]:
    """Tags, anchors and asked anchors (``n1?``) by name, as 64-bit halves (n,)."""
    columns = [made.column(number).view("<u8")[:, 0] for number in range(len(NAMES))]
    return dict(zip(NAMES, columns, strict=True))


def features(made: TokenBatch) -> dict[str, np.ndarray]:
    return dict(zip(ROUND.features, made.features.T, strict=True))


def shared(ring, one: dict, other: dict) -> set[str]:
    """Return the tags and anchors two records have in common, and the features under those anchors."""
    made = batch(ring, one, other)
    common = {name for name, (a, b) in tokens(made).items() if a == b}
    return common | {name for name, (a, b) in features(made).items() if a == b and name.split("_")[0] in common}


def anchors(names: set[str]) -> str:
    return " ".join(name for name in NAMES if name in names)


EVERYTHING = "e sd md a1 a2 a3 a4 a5 a6 a7 s m n1 n2 n3 w"
CHANGES = {  # what a clerk wrote instead, and the tags and anchors that the two records still share
    "nothing": ({}, EVERYTHING),
    "another surname": ({"surname": "Smith", "mother_surname": "Smith"}, "sd md a1 a7 s m"),
    "another given name": ({"given": "Zoe"}, "a2 a7 s m"),
    "a nickname": ({"given": "Liz"}, "e a1 a2 a3 a4 a5 a6 a7 s m n1 n2 n3"),
    "a mistyped given name": ({"given": "Elizabteh"}, "sd md a2 a7 s m"),
    "another day": ({"birth_date": "2015-03-19"}, "a3 s m n1 n2 n3"),
    "another year": ({"birth_date": "2014-03-09"}, "a4 s m n1 n2 n3"),
    "another month": ({"birth_date": "2015-11-09"}, "a5 s m n1 n2 n3"),
    "day and month swapped": ({"birth_date": "2015-09-03"}, "a6 s m n1 n2 n3"),
    "names swapped": ({"given": "Garcia", "surname": "Elizabeth", "mother_surname": None}, "a7 s m w"),
    "no birth date": ({"birth_date": None}, "s m n1 n2 n3"),
    "no number": ({"ssn": None, "medicaid_id": None}, "e a1 a2 a3 a4 a5 a6 a7 n1 n2 n3 w"),
    "only name and sex": (dict.fromkeys(set(CHILD) - {"given", "surname", "sex"}), ""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_two_records_of_a_child_share(ring, change):
    written, expected = CHANGES[change]
    assert anchors(shared(ring, CHILD, CHILD | written)) == expected


def test_records_that_no_rule_pairs_share_no_token(ring):
    other = CHILD | {
        "given": "Sofia", "birth_date": "2012-07-21", "ssn": "223456788", "medicaid_id": "M7654321",
    }  # fmt: skip
    made = batch(ring, CHILD, other)
    every = [token for column in tokens(made).values() for token in column.tolist()]
    assert len(set(every)) == len(every)


def test_only_a_record_without_a_known_birth_date_asks(ring):
    rows = [CHILD, CHILD | {"birth_date": None}, CHILD | {"birth_date": "2015-01-01"}, CHILD | {"birth_date": "x"}]
    made = tokens(batch(ring, *rows))
    for number in ASKED:
        name = ANCHORS[number].id
        assert len(set(made[name].tolist())) == 1
        assert (made[f"{name}?"] == made[name]).tolist() == [False, True, True, True]


def test_features_are_comparable_only_under_a_shared_anchor(ring):
    other = CHILD | {"surname": "Smith", "mother_surname": "Smith", "ssn": None, "medicaid_id": None, "zip": "10001"}
    made = features(batch(ring, CHILD, other))
    same = {name for name, (one, two) in made.items() if one == two}
    assert {name.split("_")[0] for name in same} == {"a1", "a7"}
    assert {"a1_sex", "a1_middle", "a1_has_zip", "a7_given_canonical"} <= same
    assert not {"a1_zip", "a1_has_ssn", "a2_zip"} & same


def test_a_missing_value_cannot_be_told_from_a_present_one(ring):
    made = features(batch(ring, CHILD, CHILD | {"middle": None}, CHILD | {"middle": None}))
    for name, column in made.items():
        if name.endswith("middle"):
            assert len(set(column.tolist())) == 3, name


def test_gaps_are_the_same_every_night_and_no_other_records(ring, tmp_path):
    empty = dict.fromkeys(CHILD)
    first, again = batch(ring, empty, empty), batch(ring, empty, empty)
    other_k1 = encode(table(ring, empty, empty), "birth", fixed_ring(tmp_path / "keys", seed=2))
    for part in ("tags", "anchors", "features", "digests"):
        assert (getattr(first, part) == getattr(again, part)).all(), part
        assert (getattr(first, part) != getattr(other_k1, part)).any(), part
    every = [token for column in tokens(first).values() for token in column.tolist()]
    assert len(set(every)) == len(every)
    assert first.unlinkable == 2


UNLINKABLE = {  # what a record has, and whether any rule can use it
    "nothing": ({}, True),
    "a given name": ({"given": "Ann"}, True),
    "both names": ({"given": "Ann", "surname": "Smith"}, True),
    "both names and a ZIP": ({"given": "Ann", "surname": "Smith", "zip": "02909"}, False),
    "a number": ({"ssn": "123456788"}, False),
    "an impossible number": ({"ssn": "000000000"}, True),
    "a newborn without a name": ({"given": "Baby Girl", "surname": "Smith"}, True),
}


@pytest.mark.parametrize("case", UNLINKABLE)
def test_which_records_are_counted_as_unlinkable(ring, case):
    has, expected = UNLINKABLE[case]
    assert batch(ring, has).unlinkable == int(expected)


def test_slots_of_surnames_meet_across_a_hyphen_and_a_mother(ring):
    made = features(batch(ring, CHILD, CHILD | {"surname": "Lopez", "mother_surname": "Garcia"}))
    slots = [made[f"a1_surname_{number}"] for number in (1, 2, 3)]
    assert len({slot[0] for slot in slots} & {slot[1] for slot in slots}) >= 2


def test_a_single_birth_has_no_birth_order(ring):
    def agrees(child):
        one, other = features(batch(ring, child, child))["a2_birth_order"]
        return one == other

    assert agrees(CHILD)
    assert agrees(CHILD | {"plurality": None})
    assert not agrees(CHILD | {"plurality": "1"})


def test_a_digest_changes_with_any_value_and_with_nothing_else(ring):
    rows = table(ring, CHILD)
    same = digests(rows, ring)
    assert (same == digests(rows.select(rows.column_names[::-1]), ring)).all()
    for name in CHILD:
        for other in ("", None, "Elizabeth ", "é"):
            changed = rows.set_column(rows.column_names.index(name), name, pa.array([other], pa.string()))
            assert (digests(changed, ring) != same).any(), name
    assert (digests(rows, ring, "MM/DD/YYYY") != same).any()
    moved = table(ring, CHILD | {"given": "Eliza", "middle": "bethAnn"})
    assert (digests(moved, ring) != digests(table(ring, CHILD | {"given": "Elizabeth", "middle": "Ann"}), ring)).any()


def test_a_batch_goes_through_a_table_unchanged(ring):
    made = batch(ring, CHILD, CHILD | {"given": "Zoe"}, {})
    told = made.to_table()
    assert told.schema.equals(SCHEMA)
    back = TokenBatch.from_table(told)
    parted = TokenBatch.joined([TokenBatch.from_table(told.slice(0, 1)), made.take(np.array([1, 2]))])
    for part in ("keys", "tags", "anchors", "features", "digests"):
        assert (getattr(back, part) == getattr(made, part)).all(), part
        assert (getattr(parted, part) == getattr(made, part)).all(), part


def test_a_missing_record_key_is_refused_without_a_value(ring):
    rows = pa.table({"record_key": pa.array([None], pa.binary(16)), "given": ["Elizabeth"]})
    with pytest.raises(VaultError) as caught:
        encode(rows, "birth", ring)
    assert "Elizabeth" not in str(caught.value)


def test_an_empty_delivery_has_no_tokens(ring):
    rows = pa.table({"record_key": pa.array([], pa.binary(16)), "given": pa.array([], pa.string())})
    assert len(encode(rows, "birth", ring)) == 0


def test_record_keys_depend_on_the_namespace(ring):
    ids = pa.chunked_array([["a", "b"], [None, "a"]])
    keys = record_keys(ids, "birth", ring).to_pylist()
    assert keys[0] == keys[3] != keys[1]
    assert keys[2] is None
    assert record_keys(ids, "health", ring).to_pylist()[0] != keys[0]
    with pytest.raises(ValueError, match="1 record keys are null"):
        key_matrix(record_keys(ids, "birth", ring))


def test_no_feature_repeats_a_part_of_its_anchor():
    for anchor in ANCHORS:
        told = set(anchor.parts) | {PRESENT + part for part in anchor.parts}
        assert not told & set(anchor.features), anchor.id
        assert len(set(anchor.features)) == len(anchor.features), anchor.id
