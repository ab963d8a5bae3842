"""Every use of a key is in the table of docs/keys.md, and each belongs to one purpose."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("linkage", "assets", "consent", "mou_policies", "pipelines")


def general(use):
    """Return a use with whatever varies in it as a star."""
    return re.sub(r"\{[^}]*\}|<[^>]*>", "*", use)


def in_code():
    texts = [path.read_text(encoding="utf-8") for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    named = {use for text in texts for use in re.findall(r"\.derive\(\s*f?\"([^\"]+)\"", text)}
    return {general(use) for use in named | {"release.auditor", "disclosure.set", "disclosure.seal"}}


def in_docs():
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    return [general(use) for use in re.findall(r"^\| `([^`]+)` \|", page.partition("## Every use")[2], re.MULTILINE)]


def test_the_table_of_uses_is_complete():
    shown = in_docs()
    assert len(shown) == len(set(shown))
    assert len(shown) > 20
    assert in_code() - set(shown) == set()
    assert set(shown) - in_code() == set()
