"""What is emitted parses to the tree it was emitted from, whatever the texts are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.mou import DEMO
from support.trees import ROOTS, TEXT, VALUES, depth, meaning, node

from mou_policies.emit import emit
from mou_policies.language import agreement_files
from mou_policies.nodes import MAX_DEPTH, Node, parse_yaml, read_yaml

FILE = Path("emitted.yaml")
FIELDS = st.fixed_dictionaries(
    {name: TEXT.map(node) for name in ("class", "use", "reason")},
    optional={"treatment": VALUES, "as": TEXT.map(node), "required": VALUES},
).map(node)
LISTINGS = st.dictionaries(
    TEXT.filter(lambda text: text not in {"", "<<"}),
    st.one_of(FIELDS, st.lists(FIELDS, max_size=3).map(node)),
    min_size=1,
    max_size=5,
).map(node)


@settings(max_examples=300, deadline=None)
@given(st.one_of(ROOTS, LISTINGS))
def test_parsing_what_was_emitted_gives_the_tree(root: Node) -> None:
    assume(depth(root) <= MAX_DEPTH)
    text = emit(root)
    assert meaning(parse_yaml(FILE, text)) == meaning(root)
    assert text.isascii() or all(c.isprintable() or c == "\n" for c in text)


@settings(max_examples=100, deadline=None)
@given(ROOTS)
def test_emitting_again_gives_the_same_text(root: Node) -> None:
    assume(depth(root) <= MAX_DEPTH)
    text = emit(root)
    assert emit(parse_yaml(FILE, text)) == text


@pytest.mark.parametrize("file", agreement_files(DEMO), ids=lambda file: file.stem)
def test_a_demo_agreement_is_emitted_whole(file: Path) -> None:
    root = read_yaml(file)
    assert meaning(parse_yaml(FILE, emit(root))) == meaning(root)
