"""Tokens: who shares one with whom, what fills the gaps, and what a row does not show."""

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.atoms import build_atoms
from linkage.batch import SCHEMA, TokenBatch
from linkage.errors import VaultError
from linkage.records import key_matrix, record_keys
from linkage.rules import ANCHORS, ASKED, PRESENT, ROUND, SURNAME_SLOTS, SWAPPED_NAMES, TAGS
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
    """Tags, anchors and asked anchors (with a ``?``) by name, as 64-bit halves (n,)."""
    columns = [made.column(number).view("<u8")[:, 0] for number in range(len(NAMES))]
    return dict(zip(NAMES, columns, strict=True))


def features(made: TokenBatch) -> dict[str, np.ndarray]:
    return dict(zip(ROUND.features, made.features.T, strict=True))


def equal(columns: dict[str, np.ndarray]) -> set[str]:
    """Return the names of columns in which two records have the same token."""
    return {name for name, (one, other) in columns.items() if one == other}


def rules_without(parts: set[str]) -> set[str]:
    """Return the tags and anchors that are made of none of these parts."""
    return {rule.id for rule in (*TAGS, *ANCHORS) if not parts & set(rule.parts)}


DATES = {"birth_date", "birth_year_month", "birth_month_day", "birth_year_day", "birth_any_order"}
CHANGES = {  # what a clerk wrote instead, and the parts of rules that the two records no longer share
    "nothing": ({}, set()),
    "another surname": ({"surname": "Smith", "mother_surname": "Smith"}, {"surname_1", SWAPPED_NAMES}),
    "another given name": ({"given": "Zoe"}, {"given_canonical", "given_start", SWAPPED_NAMES}),
    "a nickname": ({"given": "Liz"}, {"given_start", SWAPPED_NAMES}),
    "a mistyped given name": ({"given": "Elizabteh"}, {"given_canonical", SWAPPED_NAMES}),
    "another day": ({"birth_date": "2015-03-19"}, DATES - {"birth_year_month"}),
    "another year": ({"birth_date": "2014-03-09"}, DATES - {"birth_month_day"}),
    "another month": ({"birth_date": "2015-11-09"}, DATES - {"birth_year_day"}),
    "day and month swapped": ({"birth_date": "2015-09-03"}, DATES - {"birth_any_order"}),
    "names swapped": (
        {"given": "Garcia", "surname": "Elizabeth", "mother_surname": None},
        {"given_canonical", "given_start", "surname_1"},
    ),
    "no birth date": ({"birth_date": None}, DATES),
    "no number": ({"ssn": None, "medicaid_id": None}, {"ssn", "medicaid_id"}),
    "another mother and home": ({"mother_given": "Eva", "zip": "10001"}, {"mother_given", "zip"}),
    "another middle name": ({"middle": "Zoe"}, {"middle"}),
    "the other sex": ({"sex": "M"}, {"sex"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_two_records_share_the_rules_all_of_whose_parts_they_share(ring, change):
    written, lost = CHANGES[change]
    assert equal(tokens(batch(ring, CHILD, CHILD | written))) == rules_without(lost)


def test_records_that_no_rule_pairs_share_no_token(ring):
    other = CHILD | {
        "given": "Sofia", "birth_date": "2012-07-21", "ssn": "223456788", "medicaid_id": "M7654321",
    }  # fmt: skip
    made = batch(ring, CHILD, other)
    every = [token for column in tokens(made).values() for token in column.tolist()]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    ("birth_date", "asks"), [("2015-03-09", False), (None, True), ("2015-01-01", True), ("x", True)]
)
def test_only_a_record_without_a_known_birth_date_asks(ring, birth_date, asks):
    made = tokens(batch(ring, CHILD, CHILD | {"birth_date": birth_date}))
    for number in ASKED:
        token, question = made[ANCHORS[number].id], made[f"{ANCHORS[number].id}?"]
        assert token[0] == token[1]
        assert (question == token).tolist() == [False, asks]


@pytest.mark.parametrize("change", CHANGES)
def test_a_feature_is_the_same_where_anchor_and_value_are_and_nowhere_else(ring, change):
    rows = table(ring, CHILD, CHILD | CHANGES[change][0])
    atoms = {name: values.to_pylist() for name, values in build_atoms(rows).items()}
    made = encode(rows, "birth", ring)

    def agrees(feature: str) -> bool:
        one, other = atoms[feature.removeprefix(PRESENT)]
        return None not in (one, other) and (feature.startswith(PRESENT) or one == other)

    met = equal(tokens(made))
    assert equal(features(made)) == {f"{a.id}_{f}" for a in ANCHORS if a.id in met for f in a.features if agrees(f)}


def test_a_missing_value_cannot_be_told_from_a_present_one(ring):
    made = features(batch(ring, CHILD, CHILD | {"middle": None}, CHILD | {"middle": None}))
    for name, column in made.items():
        if name.endswith("middle"):
            assert len(set(column.tolist())) == 3, name


def test_no_two_features_of_a_row_are_equal_so_that_nobody_counts_what_is_there(ring):
    people = [CHILD, CHILD | {"middle": None, "zip": None}, dict.fromkeys(CHILD)]
    for row in batch(ring, *people).features:
        by_chance = 3  # of 14,706 pairs of 16 bits each
        assert len(row) - len(set(row.tolist())) <= by_chance


def test_gaps_are_the_same_every_night_and_no_other_records(ring, tmp_path):
    empty = dict.fromkeys(CHILD)
    first, again = batch(ring, empty, empty), batch(ring, empty, empty)
    other_k1 = encode(table(ring, empty, empty), "birth", fixed_ring(tmp_path / "keys", seed=2))
    for part in ("tags", "anchors", "features", "digests"):
        assert (getattr(first, part) == getattr(again, part)).all(), part
        assert (getattr(first, part) != getattr(other_k1, part)).any(), part
    every = [token for column in tokens(first).values() for token in column.tolist()]
    assert len({*every, 0}) == len(every) + 1
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


def test_batches_put_together_have_the_unlinkable_records_of_all(ring):
    parts = [batch(ring, CHILD, {}), batch(ring, {}, {}), batch(ring, CHILD)]
    assert TokenBatch.joined(parts).unlinkable == 3


def test_slots_of_surnames_meet_across_a_hyphen_and_a_mother(ring):
    made = batch(ring, CHILD, CHILD | {"surname": "Lopez", "mother_surname": "Garcia"})
    met, slots = equal(tokens(made)), features(made)
    anchors = [a.id for a in ANCHORS if a.id in met and set(SURNAME_SLOTS) <= set(a.features)]
    assert anchors
    for anchor in anchors:
        one, other = ({slots[f"{anchor}_{slot}"][side] for slot in SURNAME_SLOTS} for side in (0, 1))
        assert len(one & other) >= 2, anchor


@pytest.mark.parametrize(("plurality", "known"), [("2", True), (None, True), ("1", False)])
def test_a_single_birth_has_no_birth_order(ring, plurality, known):
    child = CHILD | {"plurality": plurality}
    same = equal(features(batch(ring, child, child)))
    orders = {name for name in ROUND.features if name.endswith("_birth_order") and PRESENT not in name}
    assert orders & same == (orders if known else set())


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
    for keyed in (rows, rows.drop_columns(["record_key"])):
        with pytest.raises(VaultError, match="source birth: a record key is missing") as caught:
            encode(keyed, "birth", ring)
        assert "Elizabeth" not in str(caught.value)
        assert "\n" not in str(caught.value)


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
