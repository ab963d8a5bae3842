"""The account of a return: which owner's classes went to the agency, about which children.

What belongs here: a return's rows of the book of disclosures. What does not: the book (`consent.disclosures`). A row
rests on the exception of the owner's agreement, so that an account of it is required wherever that exception asks for
one; that the family agreed is the licence's condition on top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from assets.release.disclosed import cite_of
from assets.returns.licensed import Flag, Grounds
from consent.child_sets import ChildSets, SealedSet
from consent.disclosures import Disclosed


def rows_of(
    grounds: Grounds, flags: Sequence[Flag], children: Mapping[str, pa.Array], sets: ChildSets
) -> tuple[list[Disclosed], list[SealedSet]]:
    """Return a row for each source and exception that any flag rests on, with the sets of its children."""
    classes: dict[tuple[str, str], set[str]] = {}
    about: dict[str, list[pa.Array]] = {}
    for flag in flags:
        if not len(children[flag.name]):
            continue
        for ref, granted in flag.told.items():
            for door in granted.doors or ("unstated",):
                classes.setdefault((ref.source, door), set()).add(granted.cls)
        for source in sorted({source for source, _ in flag.asked}):
            about.setdefault(source, []).append(children[flag.name])
    sealed = {source: sets.seal(pa.chunked_array(parts)) for source, parts in about.items()}
    rows = []
    for (source, door), held in sorted(classes.items()):
        agreed = grounds.policy.sources[source]
        rows.append(
            Disclosed(
                source=source,
                owner=agreed.agency,
                recipient=grounds.recipient.name,
                contact=grounds.recipient.contact,
                purpose=grounds.purpose,
                agreement=agreed.agreement_id,
                agreement_digest=agreed.agreement_sha256,
                exception=door,
                cite=cite_of(grounds.policy.agreements.get(agreed.agreement_id), door),
                classes=tuple(sorted(held)),
                form="identifiable",
                set_id=sealed[source].set_id,
            )
        )
    return rows, list(sealed.values())
