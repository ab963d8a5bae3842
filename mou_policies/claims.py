"""Whether a release bears out a claim of de-identification: field by field, and as a whole.

A claim is refused by any one field, and is proved only when each field that leaves is proved by a clause of it. A named
person may accept what the rules let a person accept: then the claim is proved except for that risk, and says so.
What a claim says is data (`vocabulary/claims.yaml`); which fields leave is the caller's to know, and so is what follows
from a refusal. The shapes are in `verdict`. Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Protocol

from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.model import Treatment
from mou_policies.provisions import AcceptedRisk, ReleaseTerms
from mou_policies.verdict import ACCEPTED, PROVED, REFUSED, Line, Objection, ReleasedField, Verdict, said_by
from mou_policies.vocabulary import Claim, Keep

OLDEST_GROUP = 90
"""Ages over 89 are one group, 45 CFR 164.514(b)(2)(i)(C); a bound above it would tell them apart."""


class _Cited(Protocol):
    """A text of the vocabulary with its citation, and how far that was confirmed."""

    @property
    def cite(self) -> str: ...
    @property
    def mark(self) -> str: ...


def judge_all(
    licences: Sequence[Agreement], fields: Sequence[ReleasedField], agreements: Mapping[str, Agreement], on: date
) -> tuple[Verdict, ...]:
    """Judge every claim of every licence of a release over all fields that leave by it, whichever licensed them.

    `agreements` are those in force by id: a claim may need an exception that a licence or a parent of it names.
    """
    found = []
    for licence in licences:
        release = licence.provisions.release
        exceptions = exceptions_of(licence, agreements)
        for name in release.claims if release is not None else ():
            claim = vocabulary.claims()[name]
            found.append(judge(claim, fields, licence, exceptions, on))
    return tuple(found)


def exceptions_of(licence: Agreement, agreements: Mapping[str, Agreement]) -> frozenset[str]:
    """Return the exceptions that a licence and its parents name."""
    parents = [agreements[name] for name in licence.under if name in agreements]
    return frozenset(door.exception for agreement in (licence, *parents) for door in agreement.authority)


def judge(
    claim: Claim, fields: Sequence[ReleasedField], licence: Agreement, exceptions: Collection[str], on: date
) -> Verdict:
    """Return the verdict on a claim that a licence's release makes. Raises ValueError for a licence without release.

    `exceptions` are those that the agreements of the release name; `on` is the night of the release.
    """
    release = licence.provisions.release
    if release is None:
        raise ValueError(f"{licence.agreement_id} is for no release")
    return Verdict(
        claim,
        licence.agreement_id,
        release.level,
        tuple(_conditions(claim, release, exceptions, on)),
        tuple(_line(claim, field, release.level, licence.provisions.accepts, on) for field in fields),
    )


def objections(claim: Claim, field: ReleasedField, level: str, on: date) -> tuple[Objection, ...]:
    """Return what speaks against a field that leaves, whoever may accept it: at most one objection for a rule."""
    token = field.treatment.token
    found = {
        removal.rule: Objection(
            removal.rule, f"{field.cls} with treatment {field.treatment}: {removal.what}", _cited(removal)
        )
        for removal in claim.refusals(field.cls, token, level)
    }
    keep = claim.keep(field.cls, token)
    if keep is not None and keep.rule is not None and not _holds(keep, field.treatment, on):
        found.setdefault(keep.rule, Objection(keep.rule, f"{_failing(keep, field, on)}: {keep.because}", _cited(keep)))
    return tuple(found.values())


# -- one field -----------------------------------------------------------------------------------------------------


def _line(claim: Claim, field: ReleasedField, level: str, accepts: Sequence[AcceptedRisk], on: date) -> Line:
    against = objections(claim, field, level, on)
    if not against:
        says, cite = _proof(claim, field)
        return Line(str(field), PROVED, says, cite, field.clause)
    risks = {item.rule: _taken(item, field, accepts) for item in against}
    open_ = [item for item in against if not any(risk.holds(on) for risk in risks[item.rule])]
    first = (open_ or list(against))[0]
    rule = vocabulary.rules()[first.rule]
    if open_:
        ended = "".join(f"; {_ended(risk, on)}" for item in open_ for risk in risks[item.rule])
        says = "; ".join(str(item) for item in open_) + ended
        return Line(str(field), REFUSED, says, first.cite, field.clause, first.rule, rule.remedy)
    held = tuple(next(risk for risk in risks[item.rule] if risk.holds(on)) for item in against)
    says = "; ".join(f"{item}, {said_by(risk)}" for item, risk in zip(against, held, strict=True))
    return Line(str(field), ACCEPTED, says, first.cite, field.clause, first.rule, rule.remedy, held)


def _taken(item: Objection, field: ReleasedField, accepts: Sequence[AcceptedRisk]) -> list[AcceptedRisk]:
    """Return the entries, in force or not, by which somebody answers for an objection that a person may accept."""
    if not vocabulary.rules()[item.rule].acceptable:
        return []
    return [risk for risk in accepts if risk.rule == item.rule and risk.covers(str(field))]


def _ended(risk: AcceptedRisk, on: date) -> str:
    when = f"ended on {risk.until}" if risk.until < on else f"begins on {risk.on}"
    return f"the acceptance by {risk.by} {when} ({risk.clause})"


def _proof(claim: Claim, field: ReleasedField) -> tuple[str, str]:
    """Return by which clause a field may stay, and the text it rests on."""
    keep = claim.keep(field.cls, field.treatment.token)
    if keep is not None:
        return f"{field.cls} with treatment {field.treatment}: {keep.because}", _cited(keep)
    if field.cls in claim.stays:
        return f"{field.cls} stays under this claim", _cited(claim)
    return f"{field.cls} with treatment {field.treatment} is nothing that the claim removes", _cited(claim)


def _holds(keep: Keep, treatment: Treatment, on: date) -> bool:
    if keep.condition == "zip3-current":
        return vocabulary.zip3_is_current(on)
    return not treatment.bands or treatment.bands[-1] <= OLDEST_GROUP


def _failing(keep: Keep, field: ReleasedField, on: date) -> str:
    if keep.condition == "zip3-current":
        return f"no vintage of the ZIP3 table is current on {on} ({vocabulary.zip3_label()})"
    return f"{field.treatment} has the bound {field.treatment.bands[-1]}, above {OLDEST_GROUP}"


# -- the whole release ---------------------------------------------------------------------------------------------


def _conditions(claim: Claim, release: ReleaseTerms, exceptions: Collection[str], on: date) -> Iterator[Line]:
    """Yield what a claim asks of the whole release: level, people, cells, earlier releases, exceptions."""
    says = f"the release is at the level {release.level}"
    yield _condition("level", says, release.level in claim.levels, claim, release)
    for name, asked in claim.attests.items():
        held = next((a for a in release.attests if a.says == name and a.holds(on)), None)
        says = f"{held.by}, {held.role}, states on {held.on} {asked.asks}" if held else f"nobody states {asked.asks}"
        yield _condition(f"attests {name}", says, held is not None, asked, release)
    if claim.minimum_cell.value:
        least, stated = claim.minimum_cell.value, release.minimum_cell
        says = f"minimum_cell is {'not stated' if stated is None else stated}, and the claim asks for {least} or more"
        yield _condition("minimum_cell", says, (stated or 0) >= least, claim.minimum_cell, release, "REL-002")
    if claim.earlier_releases.value:
        says = f"earlier releases are {release.earlier_releases}"
        considered = release.earlier_releases == "considered"
        yield _condition("earlier_releases", says, considered, claim.earlier_releases, release, "REL-003")
    if claim.needs:
        found = sorted(set(claim.needs) & set(exceptions))
        says = f"{' or '.join(found or claim.needs)} is named by {'an' if found else 'no'} agreement of the release"
        yield _condition("needs", says, bool(found), claim, release)


def _condition(about: str, says: str, holds: bool, basis: _Cited, release: ReleaseTerms, rule: str = "REL-005") -> Line:
    if holds:
        return Line(about, PROVED, says, _cited(basis), release.clause)
    remedy = vocabulary.rules()[rule].remedy
    return Line(about, REFUSED, f"{says} ({rule}; {_cited(basis)})", _cited(basis), release.clause, rule, remedy)


def _cited(text: _Cited) -> str:
    return f"{text.cite} [{text.mark}]"
