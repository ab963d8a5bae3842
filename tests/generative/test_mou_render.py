"""Rendering and reading back are inverse, whatever an agreement says; what is altered on the page is noticed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.mou import DEMO
from support.trees import ROOTS, SCALARS, TEXT, VALUES, depth, meaning, node

from mou_policies.canonical import clauses, digest_of
from mou_policies.document import Signed, Signing, read_rendered, render
from mou_policies.document.reading import Reading
from mou_policies.document.values import character_of, pieces
from mou_policies.errors import AgreementError
from mou_policies.language import agreement_files
from mou_policies.nodes import MAX_DEPTH, Node, parse_yaml, read_yaml

PAGE = Path("page.html")
DEMOS = agreement_files(DEMO)


def maps(keys: list[str], values: st.SearchStrategy[Node] = SCALARS) -> st.SearchStrategy[Node]:
    """Mappings of some of these keys and of any other."""
    some = st.dictionaries(st.sampled_from(keys), values, max_size=len(keys))
    other = st.dictionaries(TEXT.filter(lambda text: text not in {"", "<<"}), VALUES, max_size=1)
    return st.tuples(some, other).map(lambda both: node(both[0] | both[1]))


def lists(of: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.lists(of, max_size=3).map(node)


NAMES = TEXT.filter(lambda text: text not in {"", "<<"})
FIELD = maps(["class", "use", "treatment", "as", "reason", "required", "format"], st.one_of(SCALARS, VALUES))
FIELDS = st.dictionaries(NAMES, st.one_of(FIELD, lists(FIELD), VALUES), max_size=3).map(node)
EXCLUDES = lists(
    maps(["name", "field", "class", "equals", "safe", "because", "cite"], st.one_of(SCALARS, lists(SCALARS)))
)
TABLE = st.fixed_dictionaries({}, optional={"fields": FIELDS, "excludes": EXCLUDES, "key": VALUES}).map(node)
TABLES = st.dictionaries(NAMES, st.one_of(TABLE, VALUES), max_size=2).map(node)
SOURCE = st.fixed_dictionaries({}, optional={"title": SCALARS, "tables": TABLES, "standard": VALUES}).map(node)
PARTY = maps(["agency", "name", "represented_by", "contact"])
RULES = lists(
    maps(["use", "class", "fields", "with", "because", "cite", "treatment"], st.one_of(SCALARS, lists(SCALARS)))
)
DOORS = lists(maps(["exception", "cite", "elements", "population"], st.one_of(SCALARS, maps(["scope", "destruction"]))))
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "agreement": st.one_of(SCALARS, VALUES),
        "kind": st.one_of(SCALARS, VALUES),
        "title": st.one_of(SCALARS, VALUES),
        "parties": st.one_of(maps(["provider", "hub", "members"], st.one_of(PARTY, lists(PARTY))), VALUES),
        "authority": st.one_of(DOORS, VALUES),
        "purposes": st.one_of(maps(["link-records", "measure-success"]), VALUES),
        "sources": st.one_of(st.dictionaries(NAMES, st.one_of(SOURCE, VALUES), max_size=2).map(node), VALUES),
        "fields": st.one_of(st.dictionaries(NAMES, TABLES, max_size=2).map(node), VALUES),
        "prohibits": st.one_of(RULES, VALUES),
        "limits": st.one_of(RULES, VALUES),
        "terms": VALUES,
    },
).map(node)
SIGNINGS = st.builds(
    Signing, TEXT, TEXT, st.lists(st.builds(Signed, TEXT, TEXT, TEXT, TEXT), max_size=3).map(tuple)
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(st.one_of(ROOTS, SHAPED), SIGNINGS)
def test_reading_what_was_rendered_gives_the_agreement(root: Node, signing: Signing) -> None:
    assume(depth(root) <= MAX_DEPTH)
    read = read_rendered(PAGE, render(root, signing))
    assert meaning(read.root) == meaning(root)
    assert read.sha256 == digest_of(clauses(root)[0])
    assert meaning(parse_yaml(PAGE, read.text)) == meaning(root)
    assert (read.signing, read.note) == (signing, "")


@pytest.mark.parametrize("file", DEMOS, ids=lambda file: file.stem)
def test_a_demo_agreement_comes_back(file: Path) -> None:
    root = read_yaml(file)
    read = read_rendered(PAGE, render(root))
    assert meaning(read.root) == meaning(root)
    assert clauses(parse_yaml(file, read.text))[0] == clauses(root)[0]


@given(st.one_of(TEXT, st.text()))
def test_every_character_of_a_text_can_be_seen(text: str) -> None:
    shown = list(pieces(text))
    assert "".join(character_of(s) or "" if k == "mark" else "\n" if k == "break" else s for k, s in shown) == text
    for kind, words in shown:
        assert kind == "break" or (words.isprintable() and words.strip())
        assert "  " not in words


WIC = read_yaml(DEMO / "wic.yaml")
WIC_PAGE = render(WIC)


@settings(max_examples=80, deadline=None)
@given(st.integers(WIC_PAGE.index("<main>"), len(WIC_PAGE) - 1), st.sampled_from(["", "aa", *"bz09 <>&\"'/="]))
def test_a_character_changed_on_the_page_is_noticed(place: int, other: str) -> None:
    """The page is refused, with the place, or it still says the same."""
    altered = WIC_PAGE[:place] + other + WIC_PAGE[place + 1 :]
    try:
        read = read_rendered(PAGE, altered)
    except AgreementError as error:
        assert re.match(r"page\.html:\d+:\d+: ", str(error))
        return
    assert meaning(read.root) == meaning(WIC)
    assert seen(altered) == seen(WIC_PAGE)


def seen(page: str) -> list[str]:
    return [one.what for one in Reading(PAGE, page).seen]
