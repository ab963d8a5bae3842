"""Which of two treatments tells less: the partial order by which "the most restrictive wins" is decided.

One treatment is as coarse as another when what it stores could be worked out from what the other stores, for every
value that may come: then it tells no more. `keep` is the finest, `drop` the coarsest, and many have no order: a
calendar year and a school year cut time at different days. Not here: whether a class of fields allows a treatment
(`fields`), or what a treatment does (`treatments`); the tests hold this order against what it really does.

Two things are read as people mean them, not to the letter:
- Days since birth do not quite give months, which follow the calendar (30 days are one month or none): days give
  months of any one child, and months count as coarser.
- A date unit also reads dates that came no finer than itself: "2025" is a year, and no month. What came that coarse
  counts as told by nobody.

Both treatments are those of one field: read in one date form, keyed with one agency's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf

from mou_policies.model import Treatment

_NUMBERS = frozenset({"number", "top_code", "band"})
_OF_ONE_TEXT = _NUMBERS | {"zip3", "recode", "pseudonymise", "date"}
_FINER_UNITS: Mapping[str | None, frozenset[str]] = {
    "year": frozenset({"month", "school_day"}),
    "school_year": frozenset({"month", "school_day"}),
    "month": frozenset({"school_day"}),
    "age_band": frozenset({"age_years", "age_months", "age_days"}),
    "age_years": frozenset({"age_months", "age_days"}),
    "age_months": frozenset({"age_days"}),
}


def as_coarse(a: Treatment, b: Treatment) -> bool:
    """Whether `a` tells no more than `b`, whatever value comes: its result is a function of the result of `b`.

    Every treatment is as coarse as itself. Two different ones can be as coarse as each other: recodes that differ
    in their words only. A pseudonym cannot be undone, so nothing but itself and `drop` is as coarse as it.
    """
    if a == b or a.kind == "drop":
        return True
    if b.kind == "keep":
        return a.kind in _OF_ONE_TEXT and not _is_age(a)
    if a.kind in _NUMBERS and b.kind in _NUMBERS:
        return _numbers_as_coarse(a, b)
    if a.kind == b.kind == "recode":
        return _recode_as_coarse(a, b)
    return a.kind == b.kind == "date" and _date_as_coarse(a, b)


def coarser(a: Treatment, b: Treatment) -> Treatment | None:
    """Return the finest treatment that is as coarse as both: what remains where both must be kept to.

    That is one of the two, or the bands between the bounds that they share. None where only `drop` is as coarse as
    both, and for two recodes of which neither is coarser, since nobody agreed to a third: then the field is denied.
    """
    lower = [t for t, other in ((a, b), (b, a)) if as_coarse(t, other)]
    return min(lower, key=repr) if lower else _shared_bounds(a, b)


def coarsest(treatments: Iterable[Treatment]) -> Treatment | None:
    """Return `coarser` of any number of treatments, the same in whatever order they come; None as there.

    Pair by pair the order would matter: of two recodes neither is coarser, though a third may be as coarse as both.
    Raises ValueError where there are none.
    """
    different = set(treatments)
    if len(different) == 1:
        return different.pop()
    first, *others = sorted(different, key=repr)
    for treatment in (first, *others):
        if all(as_coarse(treatment, other) for other in (first, *others)):
            return treatment
    every: Treatment | None = first
    for other in others:
        every = coarser(every, other) if every else None
    return every


def _is_age(treatment: Treatment) -> bool:
    """Whether the result depends on the child's birth too."""
    return (treatment.unit or "").startswith("age_")


def _numbers_as_coarse(a: Treatment, b: Treatment) -> bool:
    """Numbers are told exactly up to a limit (`number` has none), or as the band between two bounds."""
    if b.kind == "band":
        return a.kind == "band" and set(a.edges) <= set(b.edges)
    return max(a.edges or (_limit(a),)) <= _limit(b)


def _limit(treatment: Treatment) -> float:
    return inf if treatment.limit is None else treatment.limit


def _recode_as_coarse(a: Treatment, b: Treatment) -> bool:
    """Whether whatever `b` makes one word, `a` makes one word too: all listed codes, one that is not, and a blank."""
    of_a, of_b = dict(a.recode), dict(b.recode)
    outcomes = {(of_b.get(code, b.otherwise), of_a.get(code, a.otherwise)) for code in of_a | of_b}
    outcomes |= {(b.otherwise, a.otherwise), (None, None)}
    return len(outcomes) == len({word for word, _ in outcomes})


def _date_as_coarse(a: Treatment, b: Treatment) -> bool:
    if a.unit == b.unit == "age_band":
        return set(a.bands) <= set(b.bands)
    return b.unit in _FINER_UNITS.get(a.unit, ())


def _shared_bounds(a: Treatment, b: Treatment) -> Treatment | None:
    """Return the bands between the bounds that both tell apart; None where they share none."""
    if a.unit == b.unit == "age_band":
        bands = tuple(bound for bound in a.bands if bound in b.bands)
        return Treatment("date", unit="age_band", bands=bands) if bands else None
    kinds = {a.kind, b.kind}
    if "band" not in kinds or not kinds <= _NUMBERS:
        return None
    limit = min(_limit(a), _limit(b))
    edges = tuple(e for e in a.edges or b.edges if e <= limit and e in (b.edges or a.edges))
    return Treatment("band", edges=edges) if edges else None
