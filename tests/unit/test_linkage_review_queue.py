"""The review queue: which pairs are asked about, in which order, and when an answer takes one out."""

import json
from datetime import date

import pyarrow as pa
import pytest

from linkage.errors import LinkageError
from linkage.evidence import MISSING, pairs_schema
from linkage.explain import SHAPES
from linkage.review import DISPUTED, Standing, pair_of
from linkage.review_queue import question, questions, review_metadata

NAMES = tuple(shape.name for shape in SHAPES)
DAY = date(2026, 9, 1)
RECORDS = """
a birth  1
b school 1
c health 2
d birth  3
e school 4
f health 5
g snap   5
h snap   6
"""
ROWS = [line.split() for line in RECORDS.strip().splitlines()]
RECORD = {name: (source, name.encode() * 16) for name, source, _ in ROWS}
CHILDREN = pa.table(
    {
        "source": [source for _, source, _ in ROWS],
        "record_key": pa.array([RECORD[name][1] for name, _, _ in ROWS], pa.binary()),
        "child_id": [f"c-{child}" for _, _, child in ROWS],
    }
)


def evidence(text, **levels):
    """Evidence from lines of: two records, weight, outcome."""
    rows = []
    for line in text.strip().splitlines():
        left, right, weight, outcome = line.split()
        said = {f"level_{name}": levels.get(name, MISSING) for name in NAMES}
        ends = {"left": RECORD[left], "right": RECORD[right]}
        sides = {
            f"{where}_{what}": value
            for where, end in ends.items()
            for what, value in zip(("source", "key"), end, strict=True)
        }
        rows.append({**sides, "weight": float(weight), "outcome": outcome, **said})
    return {"pairs": pa.Table.from_pylist(rows, pairs_schema(NAMES))}


def named(asked):
    letters = {record: name for name, record in RECORD.items()}
    return ["".join(sorted(letters[record] for record in one.pair)) for one in asked]


def pair(text):
    return pair_of(*(RECORD[name] for name in text))


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("a b 3.1 linked", []),
        ("a b 3.0 linked", ["ab"]),
        ("a c -3.0 refused", ["ac"]),
        ("a c -3.1 refused", []),
        ("a c 40 refused", []),
        ("a c 40 tied", ["ac"]),
        ("a c -1 refused \n d e 0.5 refused", ["de", "ac"]),
        ("d e 0.5 refused \n a c 9 tied", ["ac", "de"]),
        ("d e 0.5 refused \n a c 9 tied \n b h -2 refused", ["bh", "ac", "de"]),
        ("a c -2 refused \n b c -0.5 refused", ["bc"]),
        ("a b 1 linked \n f g 0.2 linked", ["fg", "ab"]),
        ("f h 0.1 refused \n a b 0.2 linked \n d e 2 refused", ["de", "ab", "fh"]),
    ],
)
def test_what_is_asked_and_in_which_order(pairs, expected):
    assert named(questions(evidence(pairs), CHILDREN, {})) == expected


def test_borderline_is_around_the_threshold_in_force():
    pairs = evidence("a c 9 refused \n d e 1 refused")
    assert named(questions(pairs, CHILDREN, {}, threshold=8.0)) == ["ac"]


PAIRS = "a c -1 refused \n d e 0.5 refused \n f h 2 refused"


@pytest.mark.parametrize(
    ("verdict", "open_"),
    [("accept", ["ac", "fh"]), ("refuse", ["ac", "fh"]), (DISPUTED, ["de", "ac", "fh"])],
)
def test_an_answer_closes_a_question_and_a_dispute_puts_it_first(verdict, open_):
    standing = {pair("de"): Standing(verdict, frozenset())}
    asked = questions(evidence(PAIRS), CHILDREN, standing)
    assert named(asked) == open_


def test_numbers_do_not_move_when_a_question_is_answered():
    before = {one.pair: one.number for one in questions(evidence(PAIRS), CHILDREN, {})}
    after = questions(evidence(PAIRS), CHILDREN, {pair("de"): Standing("refuse", frozenset())})
    assert {one.pair: one.number for one in after} == {k: n for k, n in before.items() if k != pair("de")}
    assert [one.number for one in after] == [2, 3]


def test_cant_tell_holds_until_the_evidence_changes():
    (first,) = questions(evidence("d e 0.50 refused"), CHILDREN, {})
    standing = {pair("de"): Standing("cant-tell", frozenset({first.seen}))}
    assert questions(evidence("d e 0.52 refused"), CHILDREN, standing) == []
    for changed in (evidence("d e 0.7 refused"), evidence("d e 0.5 tied"), evidence("d e 0.5 refused", sex=0)):
        assert named(questions(changed, CHILDREN, standing)) == ["de"]


def test_a_dispute_stays_in_sight_without_evidence():
    (one,) = questions({}, CHILDREN, {pair("de"): Standing(DISPUTED, frozenset())})
    assert (one.pair, one.row, one.standing) == (pair("de"), None, "disputed")
    assert one.as_dict()["weight_bits"] is None


def test_sources_in_common_are_named():
    (one,) = questions(evidence("c f 1 refused"), CHILDREN, {})
    assert one.common == ("health",)
    (linked,) = questions(evidence("a b 1 linked"), CHILDREN, {})
    assert linked.common == ()


def test_an_unknown_number_is_an_error_for_people():
    assert named([question(2, evidence(PAIRS), CHILDREN, {})]) == ["ac"]
    with pytest.raises(LinkageError, match="no question 9: this night has 3"):
        question(9, evidence(PAIRS), CHILDREN, {})


def test_metadata_counts_and_holds_nothing_of_a_record():
    standing = {
        pair("de"): Standing("refuse", frozenset()),
        pair("ac"): Standing(DISPUTED, frozenset()),
    }
    found = review_metadata(evidence(PAIRS + "\n f e 30 tied \n a b 30 linked"), CHILDREN, standing)
    assert found["decided by reviewers"] == {"disputed": 1, "refuse": 1}
    counts = ("open questions", "open questions touched by a tie", "open questions that reviewers dispute")
    assert [found[name] for name in counts] == [3, 2, 1]
    assert [tuple(row.values()) for row in found["open questions by source pair"]] == [
        ("birth - health", 1), ("health - school", 1), ("health - snap", 1),
    ]  # fmt: skip
    assert [tuple(row.values()) for row in found["scored pairs by weight"]] == [
        ("-5 to 0", "refused", 1), ("0 to 5", "refused", 2), ("30 to 35", "linked", 1), ("30 to 35", "tied", 1),
    ]  # fmt: skip
    text = json.dumps(found)
    assert not [name for name, record in RECORD.items() if record[1].hex()[:8] in text]


def test_a_night_without_evidence_asks_nothing():
    assert questions({}, CHILDREN, {}) == []
    assert review_metadata({}, CHILDREN, {})["open questions"] == 0


def test_a_question_shows_eight_digits_of_a_key():
    (one,) = questions(evidence("d e 1 refused"), CHILDREN, {})
    assert one.names == (f"birth {'64' * 4}", f"school {'65' * 4}")
    assert "64" * 5 not in json.dumps(one.as_dict())
