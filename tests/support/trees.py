"""Random trees as an agreement may hold them: any text, any key, any depth that the strict reader allows."""

from __future__ import annotations

from hypothesis import strategies as st

from mou_policies.emit import is_typed
from mou_policies.nodes import Node

NASTY = [
    "", " ", "  two", "trailing ", "two  blanks", "a\nb", "\n", "tab\there", "\r\n", "yes", "no", "true", "null", "~",
    "012", "1:30", "1_000", "1e3", "-0.5", ".5", "2025-07-01", "{a: b}", "[x]", "- x", "# no comment", "a: b", "a #b",
    '"quoted"', "it's", "<script>alert(1)</script>", "&amp; &#60;", "</bdi>", "%2F/#0", "doc:sha256", "\\n", "é",
    "日本語", "שלום", "\u202eevil", "\u200b", "\xa0", "\u2028", "\x00", "\x7f", "\x85", "👩‍👧",
    "❤️", "U+0041", "none", "empty", "*", "birth.*", "&anchor", "!tag", "|",
    ">", "@", "`", "%", "?", ":", "-", "on", "\ufeff", "\u3164",
]  # fmt: skip
TEXT = st.one_of(st.sampled_from(NASTY), st.from_regex(r"[a-z][a-z_.]{0,12}", fullmatch=True), st.text(max_size=30))
KEYS = TEXT.filter(lambda text: text not in {"", "<<"})
HEADS = [
    "agreement",
    "kind",
    "title",
    "parties",
    "term",
    "authority",
    "purposes",
    "sources",
    "fields",
    "prohibits",
    "terms",
]
INNER = ["class", "use", "treatment", "as", "reason", "tables", "fields", "excludes", "elements", "provider", "members"]
PLAIN = st.one_of(
    st.sampled_from(["true", "false", "0", "-1", "20", "3.50", "-0.0", "", "~", "null"]),
    st.integers(-(10**9), 10**9).map(str),
)


def node(raw: object, *, plain: bool = False) -> Node:
    """Return a node without a place."""
    return Node("t", 0, 0, raw, plain)  # type: ignore[arg-type]


SCALARS = st.one_of(TEXT.map(node), PLAIN.map(lambda text: node(text, plain=True)))


def _tables(keys: st.SearchStrategy[str], values: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.dictionaries(keys, values, max_size=4).map(node)


VALUES = st.recursive(
    SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=4).map(node), _tables(KEYS, below), _tables(st.sampled_from(INNER), below)
    ),
    max_leaves=25,
)
"""Any value; no deeper than the strict reader allows, which the leaves see to."""

ROOTS = st.dictionaries(st.one_of(KEYS, st.sampled_from(HEADS)), VALUES, max_size=6).map(node)


def meaning(tree: Node) -> object:
    """Return a tree without its places: text or typed values, lists, and mappings whose order is of no interest."""
    if isinstance(tree.raw, dict):
        return {key: meaning(value) for key, value in tree.raw.items()}
    if isinstance(tree.raw, list):
        return [meaning(item) for item in tree.raw]
    return ("typed" if is_typed(tree) else "text", tree.raw)


def depth(tree: Node) -> int:
    """Return how many levels stand below a node."""
    if isinstance(tree.raw, str):
        return 0
    below = tree.raw if isinstance(tree.raw, list) else list(tree.raw.values())
    return 1 + max(map(depth, below), default=0)
