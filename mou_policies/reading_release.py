"""Reading what a licence says of its release: safeguards, claims, statements, and how numbers are protected.

The other provisions are read in `reading`; how the rule is applied is no matter of agreements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from mou_policies import vocabulary
from mou_policies.fields import field_patterns
from mou_policies.nodes import Node
from mou_policies.provisions import AmountTerms, Attestation, PrivacyTerms, RecordTerms, ReleaseTerms, Tail

LEVELS = ("aggregate", "records")
EARLIER = ("considered", "ignored")
SWITCH = ("shown", "hidden")
PRIVATE = "differential-privacy"

OPTIONAL = (
    "claims",
    "minimum_cell",
    "quasi_identifiers",
    "earlier_releases",
    "attests",
    "zeros",
    "certain",
    "percentages",
    "amounts",
    "mode",
    "privacy",
    "records",
)

MOST_SUPPRESSED = 0.5
"""A file that leaves out more than half of its rows is no file of them."""

_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,60}")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,60}")

Found = TypeVar("Found")


def read_release(node: Node, clause_of: Callable[[str, int], str]) -> ReleaseTerms:
    """Read the section `release` of a licence; `clause_of` says where a path and line stand. Raises AgreementError."""
    keys = node.keys_of(["name", "level"], OPTIONAL)

    def read(name: str, how: Callable[[Node], Found], absent: Found) -> Found:
        return how(keys[name]) if name in keys else absent

    mode = read("mode", lambda n: n.word(vocabulary.release_modes(), "mode"), None)
    return ReleaseTerms(
        name=keys["name"].matching(_WORD, "release name", "use lower case, digits, - and _"),
        level=keys["level"].word(LEVELS, "level"),
        claims=read("claims", _claims, ()),
        minimum_cell=read("minimum_cell", lambda n: n.integer(1, 1000), None),
        earlier_releases=read("earlier_releases", lambda n: n.word(EARLIER, "answer"), "ignored"),
        quasi_identifiers=read("quasi_identifiers", field_patterns, ()),
        attests=read("attests", lambda n: tuple(_attests(item) for item in n.items()), ()),
        clause=clause_of("release", node.line),
        zeros=read("zeros", lambda n: n.word(SWITCH, "switch"), None),
        certain=read("certain", lambda n: n.word(SWITCH, "switch"), None),
        percentages=read("percentages", _tails, ()),
        amounts=read("amounts", _amounts, None),
        mode=mode,
        privacy=_privacy(keys, mode, node),
        records=read("records", lambda n: _records(n, clause_of("release.records", n.line)), None),
    )


def _claims(node: Node) -> tuple[str, ...]:
    return tuple(item.word(vocabulary.claims(), "claim") for item in node.items())


def _attests(node: Node) -> Attestation:
    keys = node.keys_of(["says", "by", "role", "on"], ["until"])
    known = {attested for claim in vocabulary.claims().values() for attested in claim.attests}
    says = keys["says"].word(known, "attestation")
    since, until = keys["on"].day(), keys["until"].day() if "until" in keys else None
    if until is not None and until < since:
        raise keys["until"].error("the statement ends before it is made", "mend the dates")
    return Attestation(says, keys["by"].text(), keys["role"].text(), since, until, (node.line, node.column))


def _percent(node: Node) -> float:
    value = node.number()
    if not 0 <= value <= 100:
        raise node.error(f"found {value:g} where a percentage is expected", "write one from 0 to 100")
    return value


def _tails(node: Node) -> tuple[Tail, ...]:
    """Read the coded tails, which go from the smallest group to the largest, or the name of some that are known."""
    if not node.is_list:
        known = vocabulary.percentages()
        return tuple(Tail(*band) for band in known[node.word(known, "bands of percentages")].bands)
    found: list[Tail] = []
    for item in node.items():
        keys = item.keys_of(["least", "low", "high"])
        tail = Tail(keys["least"].integer(1, 10**6), _percent(keys["low"]), _percent(keys["high"]))
        if tail.low >= tail.high:
            raise keys["high"].error("the upper bound is not above the lower one", "mend the bounds")
        if found and tail.least <= found[-1].least:
            raise keys["least"].error("the groups do not grow", "write the smallest group first, each one once")
        found.append(tail)
    return tuple(found)


def _amounts(node: Node) -> AmountTerms:
    """Read when a sum of amounts is not shown: a dominance rule, the p % rule, or both."""
    keys = node.keys_of([], ["dominant", "share", "prior"])
    if not keys or ("dominant" in keys) != ("share" in keys):
        raise node.error("found no whole rule for amounts", "write dominant and share, or prior, or all three")
    return AmountTerms(
        dominant=keys["dominant"].integer(1, 10) if "dominant" in keys else None,
        share=_percent(keys["share"]) if "share" in keys else None,
        prior=_percent(keys["prior"]) if "prior" in keys else None,
    )


def _privacy(keys: Mapping[str, Node], mode: str | None, node: Node) -> PrivacyTerms | None:
    """Read the budget, which belongs to differential privacy and to nothing else."""
    if ("privacy" in keys) != (mode == PRIVATE):
        place = keys.get("privacy", keys.get("mode", node))
        raise place.error(f"`privacy` belongs to the mode {PRIVATE}, and the mode to it", "write both or neither")
    if "privacy" not in keys:
        return None
    said = keys["privacy"].keys_of(["epsilon", "budget"])
    epsilon, budget = said["epsilon"].number(), said["budget"].number()
    if not 0 < epsilon <= budget:
        raise said["epsilon"].error("one release may not spend more than the series", "write 0 < epsilon <= budget")
    return PrivacyTerms(epsilon, budget)


def _records(node: Node, clause: str) -> RecordTerms:
    keys = node.keys_of(["keep"], ["k", "l", "t", "suppress"])
    for item in keys["keep"].items():
        item.matching(_COLUMN, "column", "write the name of a measure or of a quasi-identifier, as in docs/releases.md")
    return RecordTerms(
        keep=keys["keep"].texts(),
        k=keys["k"].integer(2, 1000) if "k" in keys else RecordTerms.k,
        l=keys["l"].integer(2, 3) if "l" in keys else RecordTerms.l,
        t=_share(keys["t"], 1.0) if "t" in keys else None,
        suppress=_share(keys["suppress"], MOST_SUPPRESSED) if "suppress" in keys else RecordTerms.suppress,
        clause=clause,
    )


def _share(node: Node, most: float) -> float:
    found = node.number()
    if not 0 <= found <= most:
        raise node.error(f"found {found:g} where a share is expected", f"write a number from 0 to {most:g}")
    return found
