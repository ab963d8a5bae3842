"""What becomes possible by headings: term, parties, parents, exceptions, destruction, releases, accepted risks.

Agreements of the two sides are paired by id, or by what one amends. What is new altogether is judged by what it grants
(`diff_points`). Here `widened` says what the later of a pair allows and the earlier does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from mou_policies.agreement import Agreement, Redisclosure
from mou_policies.changes import NOTHING, Change, Side
from mou_policies.diff_provisions import no_longer_limited, no_longer_prohibited, permitted
from mou_policies.diff_release import UNSAID, loosened
from mou_policies.provisions import DSA, DUL, EMOU, AcceptedRisk, Expectation, RecordTerms, ReleaseTerms

LEVELS = ("aggregate", "records")


@dataclass(frozen=True)
class Pair:
    """One agreement as it was and as it is."""

    old: Agreement
    new: Agreement

    @property
    def turned(self) -> Pair:
        """The pair looked at from the other side."""
        return Pair(self.new, self.old)

    def change(self, facet: str, before: str, after: str, path: str = "") -> Change:
        """Return a change of a clause that both may have."""
        at = path or facet
        return Change(facet, self.new.agreement_id, before, after, (_at(self.old, at),), (_at(self.new, at),))


def _at(agreement: Agreement, path: str) -> str:
    return f"{agreement.file}:{agreement.lines.get(path, 1)} {agreement.agreement_id} {path}"


def paired(old: Side, new: Side) -> list[Pair]:
    """Return the agreements that are the same on both sides: by id, or the newer amends the older by its id."""
    if old.alone and new.alone:
        return [Pair(old.agreements[0], new.agreements[0])]
    found = []
    for agreement in new.agreements:
        amends = agreement.provisions.amends
        before = old.with_id(agreement.agreement_id) or (old.with_id(amends.agreement) if amends else [])
        same = [one for one in before if one.file == agreement.file]
        alone = len(new.with_id(agreement.agreement_id)) == 1
        found += [Pair(one, agreement) for one in same or before[:alone]]
    return found


def widened_agreements(pairs: Sequence[Pair], old: Side, new: Side) -> Iterator[Change]:
    """Yield what the agreements of the second side allow and those of the first did not, field by field apart."""
    successors = {(pair.old.agreement_id, pair.new.agreement_id) for pair in pairs}
    kinds = {a.agreement_id: a.kind for a in (*old.agreements, *new.agreements)}
    for pair in pairs:
        yield from _heading(pair)
        yield from _parents(pair, successors, kinds)
        yield from _handling(pair)
        yield from _provisions(pair)
        acting = [pair.new, *new.above(pair.new), *new.of_owner(pair.new)]
        yield from no_longer_prohibited(pair.old, acting)
        yield from no_longer_limited(pair.old, acting)
        if old.alone:
            yield from _licensed(pair)
    kept = [pair.old for pair in pairs]
    for gone in old.agreements:
        heirs = new.of_owner(gone)
        if gone.kind == DSA and heirs and not any(gone is agreement for agreement in kept):
            acting = [*heirs, *(parent for heir in heirs for parent in new.above(heir))]
            yield from no_longer_prohibited(gone, acting)
            yield from no_longer_limited(gone, acting)


def _heading(pair: Pair) -> Iterator[Change]:
    old, new = pair.old, pair.new
    if old.kind != new.kind:
        yield pair.change("kind", old.kind, new.kind)
    if new.starts < old.starts or new.ends > old.ends:
        yield pair.change("term", f"{old.starts} to {old.ends}", f"{new.starts} to {new.ends}")
    for party in new.parties:
        if (party.role, party.agency) not in {(p.role, p.agency) for p in old.parties}:
            yield pair.change("parties", NOTHING, f"{party.role} {party.agency} ({party.name})")
    for purpose in new.purposes:
        if purpose not in old.purposes:
            yield pair.change("purposes", NOTHING, purpose)
    for door in new.authority:
        before = [other for other in old.authority if other.exception == door.exception]
        if not any(other.population in {None, door.population} for other in before):
            was = ", ".join(_door(other.exception, other.population) for other in before) or NOTHING
            yield pair.change("authority", was, _door(door.exception, door.population))
    for role, offices in old.provisions.signatories.items():
        now = new.provisions.signatories.get(role, ())
        if set(offices) - set(now):
            yield pair.change(
                "signatories", f"{role}: {', '.join(offices)}", f"{role}: {', '.join(now) or 'any signer'}"
            )


def _door(exception: str, population: str | None) -> str:
    return f"{exception}, {population} only" if population else exception


def _parents(pair: Pair, successors: Set[tuple[str, str]], kinds: Mapping[str, str]) -> Iterator[Change]:
    """Yield the ceilings that are gone, and for a licence the agreements it may newly take fields from.

    Of a parent that is on neither side nobody knows what it is: it counts as what would make the change wider.
    """
    kept = {(name, name) for name in (*pair.old.under, *pair.new.under)} | successors
    gone = [name for name in pair.old.under if not any((name, now) in kept for now in pair.new.under)]
    for name in gone:
        if pair.new.kind != DUL or kinds.get(name, EMOU) == EMOU:
            yield pair.change("under", f"under {name}", NOTHING)
    for name in pair.new.under if pair.new.kind == DUL else ():
        if not any((was, name) in kept for was in pair.old.under) and kinds.get(name, DSA) == DSA:
            yield pair.change("under", NOTHING, f"takes fields shared under {name}")


def _handling(pair: Pair) -> Iterator[Change]:
    """Yield how much longer data may be kept, and whether it may be passed on."""
    was, now = (side.destruction.period_days if side.destruction else None for side in (pair.old, pair.new))
    if was is not None and (now is None or now > was):
        yield pair.change("destruction", f"{was} days", UNSAID if now is None else f"{now} days")
    before, after = pair.old.redisclosure, pair.new.redisclosure
    if _openness(after) > _openness(before):
        yield pair.change("redisclosure", _passing(before), _passing(after))


def _openness(said: Redisclosure | None) -> int:
    return 1 if said is None else 2 if said.allowed else 0


def _passing(said: Redisclosure | None) -> str:
    return UNSAID if said is None else "allowed" if said.allowed else "not allowed"


def _provisions(pair: Pair) -> Iterator[Change]:
    before, after = pair.old.provisions, pair.new.provisions
    if before.permits and after.permits:
        yield from permitted(before.permits, after.permits, pair.new.agreement_id)
    for risk in after.accepts:
        if not any(_as_long(other, risk) for other in before.accepts):
            yield Change("accepts", pair.new.agreement_id, NOTHING, _risk(risk), (), (risk.clause,))
    for asked in before.expects:
        if not asked.allowed and not any(_as_strict(other, asked) for other in after.expects):
            says = f"{'.'.join(asked.ref)}: {asked.use} on {asked.on} expected to be denied"
            yield Change("expect", pair.new.agreement_id, says, "not asked", (asked.clause,))
    if after.release:
        yield from _release(pair, before.release, after.release)


def _as_strict(new: Expectation, old: Expectation) -> bool:
    """Whether a denial is expected still, on the same day and for the same purpose or any."""
    same = (new.ref, new.use, new.on, new.allowed) == (old.ref, old.use, old.on, old.allowed)
    return same and new.purpose in {None, old.purpose}


def _as_long(old: AcceptedRisk, new: AcceptedRisk) -> bool:
    """Whether a risk was accepted already, for these fields and these days."""
    return old.rule == new.rule and old.about in {"*", new.about} and old.on <= new.on and new.until <= old.until


def _risk(risk: AcceptedRisk) -> str:
    return f"{risk.rule} accepted for {risk.about} by {risk.by}, {risk.role}, {risk.on} to {risk.until}"


def _release(pair: Pair, old: ReleaseTerms | None, new: ReleaseTerms) -> Iterator[Change]:
    if old is None:
        yield pair.change("release", NOTHING, f"the release {new.name}")
        return
    if old.name != new.name:
        yield pair.change("release", f"the release {old.name}", f"the release {new.name}")
    if LEVELS.index(new.level) > LEVELS.index(old.level):
        yield pair.change("release", f"level {old.level}", f"level {new.level}")
    for claim in old.claims:
        if claim not in new.claims:
            yield pair.change("release", f"claims {claim}", "does not claim it")
    if old.minimum_cell is not None and (new.minimum_cell is None or new.minimum_cell < old.minimum_cell):
        yield pair.change("release", f"minimum cell {old.minimum_cell}", f"minimum cell {new.minimum_cell or UNSAID}")
    if (old.earlier_releases, new.earlier_releases) == ("considered", "ignored"):
        yield pair.change("release", "earlier releases considered", "earlier releases ignored")
    for pattern in old.quasi_identifiers:
        if pattern not in new.quasi_identifiers:
            yield pair.change("release", f"{pattern} protected as a quasi-identifier", "not protected as one")
    yield from (pair.change("release", before, after) for before, after in loosened(old, new))
    if new.records is not None:
        yield from _records(pair, old.records, new.records)


def _records(pair: Pair, old: RecordTerms | None, new: RecordTerms) -> Iterator[Change]:
    """Yield what a file of rows newly holds, and where it is less protected."""
    if old is None:
        yield pair.change("release", "no file of rows", f"rows with {', '.join(new.keep)}")
        return
    for column in new.keep:
        if column not in old.keep:
            yield pair.change("release", NOTHING, f"rows with {column}")
    for name in ("k", "l"):
        was, now = getattr(old, name), getattr(new, name)
        if now < was:
            yield pair.change("release", f"{name} {was}", f"{name} {now}")
    if old.t is not None and (new.t is None or new.t > old.t):
        yield pair.change("release", f"t {old.t:g}", UNSAID if new.t is None else f"t {new.t:g}")


def _licensed(pair: Pair) -> Iterator[Change]:
    """Yield the fields that a licence by itself newly takes."""
    for ref, licensed in pair.new.provisions.licensed.items():
        if ref not in pair.old.provisions.licensed:
            clause = _at(pair.old, "fields")
            yield Change("licence", ".".join(ref), "not licensed", "licensed", (clause,), (licensed.clause,))
