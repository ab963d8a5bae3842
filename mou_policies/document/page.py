"""An agreement as one page of HTML: plain words, every clause once, print-ready, without scripts or anything fetched.

The page is a function of the agreement's tree, of what is known of its signatures and of the words of this edition, so
that `back` can tell whether a page was altered by making it again.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections import Counter
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mou_policies import vocabulary
from mou_policies.canonical import clauses, digest_of
from mou_policies.document import words
from mou_policies.document.appendix import appendix
from mou_policies.document.blocks import Content, Name, Piece, Plain
from mou_policies.document.fieldtable import count_uses
from mou_policies.document.part import Part
from mou_policies.document.sections import sections
from mou_policies.document.signatures import Signed, Signing, parties_of, signatures, text_of
from mou_policies.document.sources import Sources
from mou_policies.provisions import DSA
from mou_policies.values import Node

__all__ = ["Signed", "Signing", "edition", "render", "short_form"]

TEMPLATES = Path(__file__).parents[1] / "templates"


def render(root: Node, signing: Signing | None = None) -> str:
    """Return the page of an agreement (the root of its file, a mapping).

    Any tree is shown, whether or not its clauses make sense; `root` and the facts of `signing` can be read back with
    `read_rendered`. Raises AgreementError for a root that is no mapping.
    """
    signing = signing or Signing()
    digests, _ = clauses(root)
    sha256 = digest_of(digests)
    top, sources = Part(root), Sources()
    kind, title, name = top.take_value("kind"), top.take_value("title"), top.take_value("agreement")
    heading: Content = [title] if title is not None else [Plain("Agreement")]
    body = [*sections(top, sources), signatures(root, signing, sha256)]
    style = Markup(_environment().get_template("agreement.css.j2").render(sha256=sha256, short=short_form(sha256)))  # noqa: S704
    return _environment().get_template("agreement.html.j2").render(
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        tab="".join(c if c.isprintable() else " " for c in (name.text if name is not None else "Agreement")),
        kind=kind,
        kind_words=_kind(kind.text if kind is not None else DSA),
        heading=heading,
        name=name,
        between=_between(root),
        short=short_form(sha256),
        counts=_counts(root),
        sections=body,
        appendix=appendix(root, sources, digests, sha256, edition()),
    ) + "\n"  # fmt: skip


def short_form(sha256: str) -> str:
    """Return the first twenty hex digits of a SHA-256 in groups of four: what people compare by eye or on the phone."""
    return " ".join(sha256[i : i + 4] for i in range(0, 20, 4))


@lru_cache(maxsize=1)
def edition() -> str:
    """Return what tells this edition of words and layout from others: 16 hex digits over the files they stand in."""
    here = Path(__file__).parent
    files = [
        *sorted(here.glob("*.py")),
        *sorted(TEMPLATES.iterdir()),
        *sorted((here.parent / "vocabulary").glob("*.yaml")),
    ]
    found = hashlib.sha256(unicodedata.unidata_version.encode())
    for file in files:
        found.update(file.name.encode() + b"\0" + file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return found.hexdigest()[:16]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _kind(name: str) -> str:
    known = vocabulary.kinds().get(name)
    return known.title if known is not None else ""


def _between(root: Node) -> Content:
    """Return the names of the parties as a phrase: copies, since the section of the parties shows the clauses."""
    names = [name for _, party in parties_of(root) if (name := text_of(party, "name"))]
    shown: list[Piece] = []
    for place, name in enumerate(names):
        shown += [Plain(" and " if place == len(names) - 1 else ", ")] if place else []
        shown.append(Name(name, code=False))
    return shown


def _counts(root: Node) -> list[tuple[str, int]]:
    """Return how many fields there are for each use, as (what happens to them, number); nothing without fields."""
    found: Counter[str] = Counter()
    listed = Part(root).look("sources")
    for _, source in listed.rest() if listed is not None else []:
        tables = source.look("tables")
        for _, table in tables.rest() if tables is not None else []:
            fields = table.look("fields")
            found += count_uses(fields) if fields is not None else Counter()
    return [(says, found[use]) for use, says in words.words("counts").items() if found[use]]
