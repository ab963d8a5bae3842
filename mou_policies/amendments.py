"""Amendments: which agreement takes the place of which, word for word, back to the first of the chain.

An agreement that `amends` another names its id and the digest of its wording. Only the same parties amend: nobody can
put their own agreement in the place of another's. On which date an amendment takes effect is decided in `inforce`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from mou_policies.agreement import MEMBER, Agreement


def amended_by(agreement: Agreement, among: Collection[Agreement]) -> Agreement | None:
    """Return the agreement that another amends: of that id and wording, or else of that id; None if there is none."""
    amends = agreement.provisions.amends
    if amends is None:
        return None
    named = [a for a in among if a.agreement_id == amends.agreement and a.sha256 != agreement.sha256]
    return next((a for a in named if a.sha256 == amends.sha256), named[0] if named else None)


def chain(agreement: Agreement, among: Collection[Agreement]) -> tuple[Agreement, ...]:
    """Return an agreement, the one it amends, and so on to the first, as far as every link holds."""
    found = [agreement]
    while not any(faults(found[-1], among)):
        older = amended_by(found[-1], among)
        if older is None:
            break
        found.append(older)
    return tuple(found)


def faults(agreement: Agreement, among: Collection[Agreement]) -> Iterator[tuple[str, str]]:
    """Yield why an amendment does not take the place of what it amends, with the remedy; nothing where it does."""
    amends = agreement.provisions.amends
    if amends is None:
        return
    older = amended_by(agreement, among)
    if older is None:
        says = f"it amends {amends.agreement}, which is not among the agreements"
        yield says, "keep the amended agreement in the folder"
        return
    if older.sha256 != amends.sha256:
        says = f"it amends {older.agreement_id} with the digest {amends.sha256[:12]}, and that file has"
        yield f"{says} {older.sha256[:12]}", "state the digest that `cradlepath mou verify` shows of that file"
    if _who(older) != _who(agreement):
        says = f"it amends {older.agreement_id}, which is {_words(older)}, and this one is {_words(agreement)}"
        yield says, "have the same parties amend it, by an agreement of the same kind"
    if _returns(agreement, among):
        yield "the chain of what it amends comes back on itself", "amend an agreement that was signed before this one"


def links(standing: Iterable[Agreement], among: Collection[Agreement]) -> list[tuple[Agreement, Agreement]]:
    """Return every (agreement, the one whose place it has taken); `standing` are those in effect."""
    return [link for agreement in standing for link in pairwise(chain(agreement, among))]


def heir(name: str, taken: Mapping[str, str]) -> str:
    """Return the id of the agreement that now stands where this one stood (itself, where nothing took its place)."""
    while name in taken:
        name = taken[name]
    return name


def under_heirs(agreement: Agreement, taken: Mapping[str, str]) -> Agreement:
    """Return an agreement under those that have taken the place of its parents."""
    under = tuple(dict.fromkeys(heir(name, taken) for name in agreement.under))
    return agreement if under == agreement.under else replace(agreement, under=under)


def _who(agreement: Agreement) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return what an amendment keeps: the kind, and the parties, save that members join and leave an EMOU."""
    return agreement.kind, frozenset((p.role, p.agency) for p in agreement.parties if p.role != MEMBER)


def _words(agreement: Agreement) -> str:
    return f"a {agreement.kind.upper()} of {' and '.join(sorted(agency for _, agency in _who(agreement)[1]))}"


def _returns(agreement: Agreement, among: Collection[Agreement]) -> bool:
    seen = {agreement.agreement_id}
    older = amended_by(agreement, among)
    while older is not None and older.agreement_id not in seen:
        seen.add(older.agreement_id)
        older = amended_by(older, among)
    return older is not None
