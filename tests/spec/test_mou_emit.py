"""How an agreement is written: one line of each kind, as people write it."""

from pathlib import Path

import pytest

from mou_policies.emit import emit, is_typed, quoted
from mou_policies.errors import AgreementError
from mou_policies.nodes import Node, parse_yaml

LINES = [
    # what a file says                                what is written
    ("a: word", "a: word"),
    ("a: 'two words'", 'a: "two words"'),
    ('a: "no"', 'a: "no"'),
    ('a: "012"', 'a: "012"'),
    ('a: "12"', 'a: "12"'),
    ("a: 12", "a: 12"),
    ("a: true", "a: true"),
    ('a: "true"', 'a: "true"'),
    ("a: 2025-07-01", "a: 2025-07-01"),
    ('a: "say \\"hi\\""', 'a: "say \\"hi\\""'),
    ("a: |\n  one\n  two\n", 'a: "one\\ntwo\\n"'),
    ('a: "\\u202e"', 'a: "\\u202e"'),
    ("a: {from: 2025-07-01, to: 2030-06-30}", "a: {from: 2025-07-01, to: 2030-06-30}"),
    ('a: ["*", birth.date]', 'a: ["*", birth.date]'),
    ("a: []", "a: []"),
    ('"yes": 1', '"yes": 1'),
    ("a: {on: 2025-07-01}", "a: {on: 2025-07-01}"),
    ("a: {b: {c: d}}", "a:\n  b: {c: d}"),
    ("a: [{b: [c]}]", "a:\n  - {b: [c]}"),
    (
        "f:\n  x: {class: sex, use: none, reason: Why}\n  long: {class: birth.date, use: link, reason: Why}",
        "f:\n  x:    {class: sex,        use: none, reason: Why}\n  long: {class: birth.date, use: link, reason: Why}",
    ),
]


@pytest.mark.parametrize(("said", "written"), LINES, ids=[said[:24] for said, _ in LINES])
def test_a_line(said: str, written: str) -> None:
    assert emit(parse_yaml(Path("x.yaml"), said)) == written + "\n"


def test_a_key_that_yaml_cannot_hold_is_an_error() -> None:
    long = "k" * 1001
    root = Node("x.yaml", 1, 1, {long: Node("x.yaml", 3, 9, "v", False, 3, 5)})
    said = r"x\.yaml:3:5: STR-001 a key of 1,001 characters; shorten it to 1,000 at most"
    with pytest.raises(AgreementError, match=said):
        emit(root)


def test_what_cannot_be_printed_is_escaped() -> None:
    assert quoted("\x07\u200b\U000e0001") == '"\\x07\\u200b\\U000e0001"'


def test_only_unquoted_values_are_typed() -> None:
    assert is_typed(Node("x", 1, 1, "true", plain=True))
    assert is_typed(Node("x", 1, 1, "~", plain=True))
    assert not is_typed(Node("x", 1, 1, "true"))
    assert not is_typed(Node("x", 1, 1, "2025-07-01", plain=True))
