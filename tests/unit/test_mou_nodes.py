"""A value of an agreement: it knows its place and its key's, compares, cannot be changed, and is cheap."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest
import yaml

from mou_policies.errors import AgreementError
from mou_policies.nodes import Node, parse_yaml

FILE = Path("folder/clinic.yaml")
TEXT = """\
a:
  b: [1, "2"]
  c: |
    some
    lines
"d": yes sir
"""


def test_every_value_knows_its_place_and_the_place_of_its_key() -> None:
    root = parse_yaml(FILE, TEXT)
    assert [(key, k.line, k.column, v.line, v.column) for key, k, v in root.entries()] == [
        ("a", 1, 1, 2, 3),
        ("d", 6, 1, 6, 6),
    ]
    inner = root.keys_of(["a", "d"])["a"].keys_of(["b", "c"])
    one, two = inner["b"].items()
    assert (one.line, one.column, one.raw, one.plain) == (2, 7, "1", True)
    assert (two.line, two.column, two.raw, two.plain) == (2, 10, "2", False)
    assert (inner["c"].line, inner["c"].column, inner["c"].text()) == (3, 6, "some\nlines\n")
    assert (inner["c"].key_line, inner["c"].key_column) == (3, 3)
    assert str(two.error("found", "mend")) == "clinic.yaml:2:10: STR-001 found; mend"


def test_values_compare_and_cannot_be_changed() -> None:
    root = parse_yaml(FILE, TEXT)
    assert root == parse_yaml(FILE, TEXT)
    assert root != parse_yaml(FILE, TEXT.replace("1,", "3,"))
    with pytest.raises(AttributeError):
        root.line = 2  # type: ignore[misc]
    keys = root.keys_of(["a", "d"])
    keys.clear()
    assert root == parse_yaml(FILE, TEXT)


def test_an_error_is_one_line_whatever_it_quotes() -> None:
    error = Node("folder/a\nb.yaml", 1, 2, "").error("one\ntwo \x1b[31m" + "x" * 5000 + " end", "re\r\nmedy")
    assert str(error).startswith("a b.yaml:1:2: STR-001 one two  [31mxxx")
    assert str(error).endswith(" end; re  medy")
    assert len(str(error)) < 1_000
    with pytest.raises(AgreementError, match=r"^clinic\.yaml:1:4: STR-001 found '9+ \[\.\.\.\] 9+' where a whole"):
        parse_yaml(FILE, f'a: "{"9" * 9000}"\n').keys_of(["a"])["a"].integer()


@pytest.mark.skipif(not hasattr(yaml, "CLoader"), reason="PyYAML was built without libyaml")
def test_two_thousand_fields_are_read_in_a_moment() -> None:
    line = "      f{}: {{class: health.visit, use: publish, treatment: {{top_code: {}}}, as: c{}, reason: Count {}}}\n"
    text = "sources:\n  s:\n    fields:\n" + "".join(line.format(n, n, n, n) for n in range(2_000))
    started = time.process_time()
    root = parse_yaml(FILE, text)
    assert time.process_time() - started < 0.6
    assert len(root.keys_of(["sources"])["sources"].plain_value()["s"]["fields"]) == 2_000


def test_reading_leaves_the_search_for_cycles_as_it_was() -> None:
    assert gc.isenabled()
    with pytest.raises(AgreementError):
        parse_yaml(FILE, "a: [")
    assert gc.isenabled()
    gc.disable()
    try:
        parse_yaml(FILE, TEXT)
        assert not gc.isenabled()
    finally:
        gc.enable()
