"""Whatever the strict reader takes, every reader of YAML takes for the same; whatever it gets, it never crashes.

The other readers: YAML 1.1 (PyYAML) and YAML 1.2 (ruamel.yaml).
"""

from __future__ import annotations

import random
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from support.mou import SMALL

from mou_policies import nodes
from mou_policies.errors import AgreementError
from mou_policies.nodes import Node, parse_yaml
from mou_policies.traps import NULL

FILE = Path("clinic.yaml")
NUMERAL = st.text("0123456789.:_-+eExob", min_size=1, max_size=12)
LETTERS = st.text("ynoesftrualNOYTFE~.ifaI", min_size=1, max_size=5)
DAY = st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9])?Z?)?", fullmatch=True)


def meant(node: Node) -> Any:
    """Return what our reader takes a file for, with nothing as None, as other readers have it."""
    if isinstance(node.raw, dict):
        return {key: meant(value) for key, value in node.raw.items()}
    if isinstance(node.raw, list):
        return [meant(value) for value in node.raw]
    return None if node.plain and node.raw in NULL else node.plain_value()


def taken(text: str) -> Any:
    """Return what our reader takes a text for, None if it refuses it."""
    try:
        return meant(parse_yaml(FILE, text))
    except AgreementError:
        return None


def others(text: str) -> list[Any]:
    """Return what the other readers take a text for, of those that take it at all; dates as they are written."""
    found = []
    for read in (yaml.safe_load, YAML(typ="safe", pure=True).load):
        try:
            found.append(_as_json(read(text)))
        except (yaml.YAMLError, YAMLError, ValueError):  # a date such as 2025-02-30 is a ValueError to both
            continue
    return found


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _as_json(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_as_json(held) for held in value]
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


@settings(max_examples=300, deadline=None)
@given(st.one_of(NUMERAL, LETTERS, DAY), st.sampled_from(["a: {}\n", "- {}\n", "[{}, b]\n", "{{a: {}}}\n"]))
def test_an_unquoted_word_that_is_taken_is_the_same_to_every_reader(word: str, place: str) -> None:
    text = place.format(word)
    ours = taken(text)
    for theirs in others(text) if ours is not None else []:
        assert (repr(theirs), text) == (repr(ours), text)


def mutated(seed: int) -> str:
    draw = random.Random(seed)
    text = list(draw.choice([SMALL, "a: {b: c, d: [e, f]}\ng:\n- h\n- i: j\n  k: |\n   x\n\n   y\nl: >\n  m\n  n\n"]))
    signs = [
        *"abz019 :{}[],\"'\n-#&*!|>%@`?~=.é_+<",
        "",
        "\n\n",
        ": ",
        "- ",
        "  ",
        "? ",
        "\r\n",
        "---\n",
        "\u00a0",
        "\x85",
    ]
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(text))
        text[place] = draw.choice(["", text[place]]) + draw.choice(signs)
    return "".join(text)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_a_changed_text_that_is_taken_is_the_same_to_every_reader(seed: int) -> None:
    text = mutated(seed)
    ours = taken(text)
    assume("on:" not in text)  # a key of our language that YAML 1.1 takes for true
    for theirs in others(text) if ours is not None else []:
        assert theirs == ours


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_both_parsers_of_ours_read_the_same(seed: int) -> None:
    found = []
    for parser in ("CLoader", "Loader"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(nodes, "_Loader", getattr(yaml, parser))
            found.append(taken(mutated(seed)))
    assert None in found or found[0] == found[1]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text("abn01:{}[],\"'\n -#&*!|>%?~.\\", max_size=60)))
def test_any_text_is_a_tree_or_one_line(text: str) -> None:
    try:
        assert isinstance(parse_yaml(FILE, text), Node)
    except AgreementError as error:
        assert str(error).isprintable()
        assert error.rule in {"YML-001", "YML-002", "STR-001", "FLD-012"}
