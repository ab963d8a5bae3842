"""Waterfalls of agreements: readable tables of evidence and the bars they give."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage import rules
from linkage.errors import LinkageError
from linkage.evidence import JOINS, MISSING, pairs_schema
from linkage.explain import SHAPES, explain, pair_bars, tag_bits
from linkage.model import load_model

MODEL = load_model()
NAMES = tuple(shape.name for shape in SHAPES)
KEYS = {name: bytes([number]) * 4 + bytes(range(12)) for number, name in enumerate("abcd", start=1)}
CHILDREN = pa.table(
    {
        "source": ["birth", "school", "health", "birth"],
        "record_key": pa.array(list(KEYS.values()), pa.binary()),
        "child_id": ["c-one", "c-one", "c-one", "c-two"],
    }
)


@pytest.fixture(autouse=True)
def tags(monkeypatch):
    made = (
        SimpleNamespace(id="e", parts=("birth_date", "given_canonical", "surname_1")),
        SimpleNamespace(id="sd", parts=("ssn", "birth_date", "given_start")),
    )
    monkeypatch.setattr(rules, "TAGS", made, raising=False)


def side(name, where):
    sources = dict(zip("abcd", CHILDREN.column("source").to_pylist(), strict=True))
    return {f"{where}_source": sources[name], f"{where}_key": KEYS[name]}


def row(left, right, weight, outcome="linked", **levels):
    said = {f"level_{name}": MISSING for name in NAMES} | {f"level_{name}": at for name, at in levels.items()}
    return {**side(left, "left"), **side(right, "right"), "weight": weight, "outcome": outcome, **said}


def evidence(pairs=(), joins=()):
    joined = [{**side(left, "left"), **side(right, "right"), "tag": tag} for left, right, tag in joins]
    return {
        "pairs": pa.Table.from_pylist(list(pairs), pairs_schema(NAMES)),
        "joins": pa.Table.from_pylist(joined, JOINS),
    }


def bits(comparison, level):
    return MODEL.probabilities[comparison][level].weight


def test_bars_start_from_two_random_records_and_name_each_level():
    shown = [
        ("birth_date", "same"),
        ("given_name", "alike"),
        ("surname", "a part the same"),
        ("sex", "differs"),
    ]
    start = pair_bars(row("a", "b", 0.0), MODEL, 3 << 14)[0]
    weight = start.bits + sum(bits(*one) for one in shown)
    bars = pair_bars(row("a", "b", weight, birth_date=0, given_name=2, surname=0, sex=1), MODEL, 3 << 14)
    assert start.bits == pytest.approx(-8.997, abs=0.001)  # one in 512: 16,384 children, 5 bits for sharing an anchor
    assert [(bar.comparison, bar.level) for bar in bars] == [("start", "two random records"), *shown]
    assert [bar.bits for bar in bars[1:]] == pytest.approx([bits(*one) for one in shown])
    assert bars[-1].bits < 0 < bars[1].bits


@given(
    levels=st.fixed_dictionaries(
        {shape.name: st.sampled_from([MISSING, *range(len(shape.levels))]) for shape in SHAPES}
    ),
    weight=st.floats(-10, 80),
    records=st.integers(0, 10**7),
)
def test_bars_always_add_up_to_the_weight(levels, weight, records):
    bars = pair_bars(row("a", "b", weight, **levels), MODEL, records)
    assert sum(bar.bits for bar in bars) == pytest.approx(weight, abs=0.05)
    assert {bar.comparison for bar in bars} - {"start", "rest of the weight"} == {
        name for name, at in levels.items() if at != MISSING
    }


@pytest.mark.parametrize(
    ("tag", "bars"),
    [
        ("e", [("birth_date", "same"), ("given_name", "same or nickname"), ("surname", "a part the same")]),
        ("sd", [("ssn", "same"), ("birth_date", "same"), ("given_name", "alike")]),
    ],
)
def test_a_join_by_tag_shows_the_fields_of_the_tag(tag, bars):
    (found,) = explain(evidence(joins=[("a", "b", tag)]), MODEL, "c-one", CHILDREN)
    assert [(bar.comparison, bar.level) for bar in found.bars[1:]] == bars
    assert (found.how, found.outcome) == (f"joined by tag {tag}", "linked")
    assert found.total == pytest.approx(sum(bar.bits for bar in found.bars)) == pytest.approx(tag_bits(tag, MODEL, 4))


def test_a_reviewers_word_is_a_bar_of_its_own():
    (found,) = explain(evidence(joins=[("a", "b", "reviewed")]), MODEL, "c-one", CHILDREN)
    assert [(bar.comparison, bar.level) for bar in found.bars] == [("reviewer", "accepted")]


def test_links_come_first_then_what_was_refused():
    pairs = [row("c", "d", 7.0, "refused"), row("a", "c", 5.0), row("a", "b", 9.0)]
    found = explain(evidence(pairs), MODEL, "c-one", CHILDREN, threshold=4.0)
    assert [(one.outcome, one.total, one.threshold) for one in found] == [
        ("linked", 9.0, 4.0), ("linked", 5.0, 4.0), ("refused", 7.0, 4.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "count"), [("c-one", 2), ("c-two", 1), (KEYS["d"].hex()[:8], 1), (KEYS["d"].hex(), 1)]
)
def test_a_child_or_a_record_can_be_asked_for(wanted, count):
    pairs = [row("a", "b", 9.0), row("c", "d", 1.0, "refused")]
    assert len(explain(evidence(pairs), MODEL, wanted, CHILDREN)) == count


@pytest.mark.parametrize("wanted", ["c-three", "0101", "zz", "", "ffffffff", "0101010"])
def test_what_the_ledger_does_not_have_is_an_error_that_repeats_nothing(wanted):
    with pytest.raises(LinkageError) as error:
        explain(evidence(), MODEL, wanted, CHILDREN)
    assert "\n" not in str(error.value)
    assert not wanted or wanted not in str(error.value)


def test_levels_of_another_model_are_refused():
    with pytest.raises(LinkageError, match="another model"):
        pair_bars(row("a", "b", 1.0, sex=7), MODEL, 4)
    with pytest.raises(LinkageError, match="does not have"):
        tag_bits("zz", MODEL, 4)


def test_no_more_of_a_key_is_shown_than_eight_digits():
    found = explain(evidence([row("a", "b", 9.0)], [("b", "c", "e")]), MODEL, "c-one", CHILDREN)
    text = json.dumps([one.as_dict() for one in found])
    assert f"birth {KEYS['a'].hex()[:8]}" in text
    assert not [name for name, key in KEYS.items() if key.hex()[:9] in text]


def test_no_evidence_explains_nothing():
    assert explain({}, MODEL, "c-one", CHILDREN) == []
