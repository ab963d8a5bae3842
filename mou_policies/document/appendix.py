"""The end of a document: what its words mean, the sources of law with their marks, and the clauses' fingerprints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mou_policies import vocabulary
from mou_policies.document.blocks import Block, Cell, Gloss, Grid, Name, Paragraph, Plain, Section
from mou_policies.document.sources import STATED, STATED_MEANS, Sources
from mou_policies.document.values import Value, below
from mou_policies.values import Node
from mou_policies.vocabulary.letters import letters

CLAUSE = "doc:clause"
SHORT = 16
"""Hex digits of a clause's digest that are printed: enough to name a clause that differs."""

_RULES = (("HIPAA", "safe_harbor"), ("FERPA", "ferpa"))


def appendix(root: Node, sources: Sources, digests: Mapping[str, str], sha256: str, edition: str) -> list[Section]:
    """Return the sections of the appendix of an agreement whose clauses have these digests."""
    said = set(_texts(root))
    return [_meanings(said), _identifiers(said), _citations(sources), _fingerprints(digests, sha256, edition)]


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node.raw, str):
        yield node.raw
        return
    for inner in node.raw if isinstance(node.raw, list) else node.raw.values():
        yield from _texts(inner)
    if isinstance(node.raw, dict):
        yield from node.raw


def _meanings(said: set[str]) -> Section:
    """Return what the uses and treatments mean that stand in the agreement."""
    uses = {name: use.means for name, use in vocabulary.uses().items() if name in said}
    treatments = {name: rule.means for name, rule in vocabulary.treatments().items() if said >= set(name.split("."))}
    grids = [_words(title, found) for title, found in (("Use", uses), ("Treatment", treatments)) if found]
    return Section([Plain("What the words mean")], [*grids])


def _words(title: str, found: Mapping[str, str]) -> Grid:
    rows = [[[Cell([Name(name)], heads=True), Cell([Plain(means)])]] for name, means in found.items()]
    return Grid("", [title, "Means"], rows, look="words")


def _identifiers(said: set[str]) -> Section:
    """Return what the letters of the privacy rules stand for under which classes of the agreement fall."""
    classes = [cls for name, cls in vocabulary.field_classes().items() if name in said]
    rows = [
        [[Cell([Plain(f"{name} ({letter})")], heads=True), Cell([Plain(means)]), Cell([Plain(listed.cite_of(letter))])]]
        for name, rule in _RULES
        for listed in [letters()[rule]]
        for letter, means in listed.letters.items()
        if letter in {getattr(cls, rule) for cls in classes}
    ]
    says = "Which letter a class of fields falls under is this project's reading of the rule."
    grid = Grid("", ["Letter", "Identifiers", "Where"], rows, look="letters")
    return Section([Plain("Identifiers that the privacy rules list")], [Paragraph([Gloss(says)], look="says"), grid])


def _citations(sources: Sources) -> Section:
    """Return the table of everything cited, by number, with how far its text was checked."""
    rows = []
    for (cite, mark), number in sources.found.items():
        short, long = ("–", STATED_MEANS) if mark == STATED else (mark, vocabulary.MARKS[mark])
        head = Cell([Plain(str(number))], heads=True)
        rows.append([[head, Cell([Name(cite, code=False)]), Cell([Plain(short)]), Cell([Plain(long)])]])
    says = "Numbers in the text point here. The mark says how far a citation was checked; none replaces counsel."
    grid = Grid("", ["No.", "Citation", "Mark", "How far it was checked"], rows, look="sources")
    return Section([Plain("Sources of law")], [Paragraph([Gloss(says)], look="says"), grid])


def _fingerprints(digests: Mapping[str, str], sha256: str, edition: str) -> Section:
    """Return the fingerprints: of the whole, of every clause, and of the words that the page puts around them."""
    says = (
        "A signature covers the SHA-256 of the agreement: what its clauses say, not their order or layout. Below are "
        f"the first {SHORT} digits of each clause's own; where two wordings of an agreement differ, theirs differ."
    )
    rows = [
        [[Cell([Name(path)], heads=True), Cell([Value(below(CLAUSE, path), digest[:SHORT], code=True)])]]
        for path, digest in sorted(digests.items())
    ]
    blocks: list[Block] = [
        Paragraph([Plain("SHA-256 of the agreement: "), Name(sha256)]),
        Paragraph([Plain("Edition of the explanations: "), Value("doc:edition", edition, code=True)]),
        Paragraph([Gloss(says)], look="says"),
        Grid("", ["Clause", "Fingerprint"], rows, look="clauses"),
    ]
    return Section([Plain("Fingerprints")], blocks)
