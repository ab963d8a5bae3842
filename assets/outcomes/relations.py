"""Every linear fact between counts of different outcomes, as it follows from the SQL of the measures.

What belongs here: which counts are the same children, or part of them, by definition; a small city tests that
each holds. What does not: margins and hierarchies of one table (`catalogue`). A fact that is not stated is not
known to the audit, so a test looks for counts that are equal in several invented cities for no stated reason.

Facts between rows that different nights count (a cohort a year later) hold only within one release.
"""

# The conditions are made of literals of this file, never of data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, product

from assets.release.tables import CellRef, Relation

GROUPS = ("place", "grade_or_age_band", "race_ethnicity", "sex", "economic_status", "program")
"""The breakdowns of `measure`."""

CITY_CHILDREN = ("benefit_participation", "child_welfare_contact", "housing_instability")
TURNED_2 = ("immunisation_combo10", "lead_screened", "well_child")
TURNED_3 = ("lead_screened_twice", "well_child_30m")
BORN = ("low_birthweight", "prenatal_adequacy", "preterm")
WITH_PARTS = (
    "benefit_participation",
    "child_welfare_contact",
    "housing_instability",
    "lead_elevated",
    "preschool_enrolled",
)
"""Measures whose parts count the same children as the whole, whatever the part."""

DISADVANTAGED = "['SNAP', 'TANF', 'Medicaid', 'McKinney-Vento', 'HMIS']"
"""The programs that make a child Disadvantaged in the model `child_year`."""

_SETS = "string_split(r.programs, ' + ')"
_OWN_PROGRAMS = (
    "(select list(m.program) from temp.main.numbered_measure m where m.measure = 'benefit_participation'"
    " and m.version = '1' and m.period = l.period and m.program <> 'All')"
)


def overall(of: str = "r.", but: str = "") -> str:
    """Return the SQL condition that a row of `measure` is not broken down, `but` perhaps by one dimension."""
    return " and ".join(f"{of}{dim} = 'All'" for dim in GROUPS if dim != but)


def _of(measure: str, version: str = "1") -> str:
    return f"r.measure = '{measure}' and r.version = '{version}'"


def _same(*dims: str) -> str:
    return " and ".join(f"l.{dim} = r.{dim}" for dim in ("period", *dims))


_ALIKE = _same(*GROUPS)


def _measure(count: str) -> CellRef:
    return CellRef("measure", count)


def _same_children() -> Iterable[Relation]:
    """Measures of one population have one denominator, in every breakdown."""
    for family in (CITY_CHILDREN, TURNED_2, TURNED_3):
        for one, other in combinations(family, 2):
            yield Relation(
                f"{one} and {other} count the same children",
                _measure("denominator"),
                _measure("denominator"),
                where=f"measure = '{one}' and version = '1' and program = 'All'",
                on=f"{_of(other)} and {_ALIKE}",
            )
    for later, sooner in product(TURNED_3, TURNED_2):
        yield Relation(
            f"{later} counts the children of {sooner} a year later",
            _measure("denominator"),
            _measure("denominator"),
            where=f"measure = '{later}' and version = '1' and economic_status = 'All'",
            on=f"{_of(sooner)} and l.of_release = r.of_release and l.race_ethnicity = r.race_ethnicity "
            "and l.sex = r.sex and r.economic_status = 'All' "
            "and left(l.period, 4)::integer = left(r.period, 4)::integer + 1",
        )
    for one, other in combinations(BORN, 2):
        yield Relation(
            f"{one} and {other} look at the same births",
            CellRef("measure_coverage", "children"),
            CellRef("measure_coverage", "children"),
            where=f"measure = '{one}' and version = '1' and because = 'All'",
            on=f"{_of(other)} and l.period = r.period and r.because = 'All'",
        )
    yield Relation(
        "a part of a measure counts the children of the measure",
        _measure("denominator"),
        _measure("denominator"),
        where=f"program <> 'All' and version = '1' and measure in {WITH_PARTS}",
        on=f"l.measure = r.measure and l.version = r.version and l.period = r.period and {overall()}",
    )


def _school() -> Iterable[Relation]:
    """Everyone enrolled is counted by mobility; chronic absence leaves out who was there for a few days."""
    yield Relation(
        "chronic_absence looks at the children of mobility",
        CellRef("measure_coverage", "children"),
        _measure("denominator"),
        where="measure = 'chronic_absence' and version = '1' and because = 'All'",
        on=f"{_of('mobility')} and l.period = r.period and {overall()}",
    )
    yield Relation(
        "the Rhode Island rule looks at the children of mobility in kindergarten to grade 3",
        CellRef("measure_coverage", "children"),
        _measure("denominator"),
        where="measure = 'chronic_absence' and version = 'ri-k3' and because = 'All'",
        on=f"{_of('mobility')} and l.period = r.period and {overall(but='grade_or_age_band')} "
        "and r.grade_or_age_band in ('KG', '01', '02', '03')",
    )
    yield Relation(
        "preschool_enrolled counts the kindergartners of mobility",
        _measure("denominator"),
        _measure("denominator"),
        where=f"measure = 'preschool_enrolled' and version = '1' and {overall('')}",
        on=f"{_of('mobility')} and l.period = r.period and {overall(but='grade_or_age_band')} "
        "and r.grade_or_age_band in ('KG', 'K')",
    )
    yield Relation(
        "chronic_absence counts children of mobility",
        _measure("denominator"),
        _measure("denominator"),
        where="measure = 'mobility' and version = '1'",
        on=f"{_of('chronic_absence')} and {_ALIKE}",
        kind="within",
    )
    yield Relation(
        "the Rhode Island rule counts children of chronic_absence",
        _measure("denominator"),
        _measure("denominator"),
        where="measure = 'chronic_absence' and version = '1'",
        on=f"{_of('chronic_absence', 'ri-k3')} and {_ALIKE}",
        kind="within",
    )
    yield Relation(
        "children without a calendar in kindergarten to grade 3 are among all of them",
        CellRef("measure_coverage", "children"),
        CellRef("measure_coverage", "children"),
        where="measure = 'chronic_absence' and version = '1' and because = 'No school calendar'",
        on=f"{_of('chronic_absence', 'ri-k3')} and l.period = r.period and r.because = l.because",
        kind="within",
    )


def _programs() -> Iterable[Relation]:
    """Children by program: the measures, the pairs, the exact sets."""
    numerator, sets = _measure("numerator"), CellRef("distinct_served", "children")
    pairs = CellRef("program_overlap", "children")
    yield Relation(
        "a pair of programs is the sum of the sets that hold both",
        pairs,
        sets,
        on=f"l.period = r.period and list_contains({_SETS}, l.program_a) and list_contains({_SETS}, l.program_b)",
    )
    yield Relation(
        "a program of a measure is that program with itself",
        numerator,
        pairs,
        where="program <> 'All' and version = '1' and measure in ('benefit_participation', 'housing_instability')",
        on="l.period = r.period and r.program_a = l.program and r.program_b = l.program",
    )
    yield Relation(
        "contact with child welfare is that program with itself",
        numerator,
        pairs,
        where=f"measure = 'child_welfare_contact' and version = '1' and {overall('')}",
        on="l.period = r.period and r.program_a = 'Child welfare' and r.program_b = 'Child welfare'",
    )
    for measure, programs in (
        ("benefit_participation", _OWN_PROGRAMS),
        ("housing_instability", "['McKinney-Vento', 'HMIS']"),
    ):
        yield Relation(
            f"{measure} is the sum of the sets that hold a program of it",
            numerator,
            sets,
            where=f"measure = '{measure}' and version = '1' and {overall('')}",
            on=f"l.period = r.period and list_has_any({_SETS}, {programs})",
        )
    yield Relation(
        "children of the city who are disadvantaged are the sum of the sets that make them so",
        _measure("denominator"),
        sets,
        where=f"measure in {CITY_CHILDREN} and version = '1' and economic_status = 'Disadvantaged'",
        on=f"l.period = r.period and list_has_any({_SETS}, {DISADVANTAGED})",
    )
    yield Relation(
        "disadvantaged children with a benefit are the sum of the sets that hold both",
        _measure("denominator"),
        sets,
        where="measure = 'benefit_continuity' and version = '1' and economic_status = 'Disadvantaged'",
        on=f"l.period = r.period and list_has_any({_SETS}, {DISADVANTAGED}) and list_has_any({_SETS}, {_OWN_PROGRAMS})",
    )
    yield Relation(
        "children served by any program are children of the city",
        _measure("denominator"),
        sets,
        where=f"measure in {CITY_CHILDREN} and version = '1' and {overall('')}",
        on="l.period = r.period and r.programs = 'All'",
        kind="within",
    )
    yield Relation(
        "benefit_continuity counts those who meet benefit_participation",
        _measure("denominator"),
        numerator,
        where="measure = 'benefit_continuity' and version = '1'",
        on=f"{_of('benefit_participation')} and {_ALIKE}",
    )


def _child_welfare() -> Iterable[Relation]:
    """Victims are reported; whoever is in contact is reported, or in care and not reported."""
    whole = f"measure = 'child_welfare_contact' and version = '1' and {overall('', 'program')}"
    same = "l.measure = r.measure and l.version = r.version and l.period = r.period"
    numerator = _measure("numerator")
    yield Relation(
        "victims are among the reported",
        numerator,
        numerator,
        where=f"{whole} and program = 'Reported'",
        on=f"{same} and r.program = 'Victim'",
        kind="within",
    )
    yield Relation(
        "children in care and not reported are in care",
        numerator,
        numerator,
        where=f"{whole} and program = 'Out-of-home care'",
        on=f"{same} and r.program = 'Out-of-home care, not reported'",
        kind="within",
    )
    yield Relation(
        "contact is a report, or care without a report",
        numerator,
        numerator,
        where=f"{whole} and program = 'All' and period in (select m.period from temp.main.numbered_measure m "
        "where m.measure = 'child_welfare_contact' and m.program = 'Out-of-home care, not reported')",
        on=f"{same} and r.program in ('Reported', 'Out-of-home care, not reported')",
    )


def _linked() -> Iterable[Relation]:
    """Absence by context and readiness by pathway count the children of their measures."""
    for count, of_measure in (("children", "denominator"), ("chronically_absent", "numerator")):
        absence = CellRef("absence_by_service_context", count)
        counted = f"{_of('chronic_absence')} and l.period = r.period"
        yield Relation(
            f"absence by context counts the {count.replace('_', ' ')} of chronic_absence",
            absence,
            _measure(of_measure),
            where="context = 'All'",
            on=f"{counted} and {overall()}",
        )
        yield Relation(
            f"{count.replace('_', ' ')} with any context are counted with it",
            absence,
            absence,
            where="context = 'Any of these'",
            on="l.period = r.period and r.context not in ('All', 'Any of these', 'None of these')",
            kind="within",
        )
        for status, contexts in (
            ("Disadvantaged", f"list_contains({DISADVANTAGED}, r.context)"),
            ("Not disadvantaged", "r.context = 'None of these'"),
        ):
            yield Relation(
                f"{count.replace('_', ' ')} by context are among the {status.lower()}",
                _measure(of_measure),
                absence,
                where="measure = 'chronic_absence' and version = '1' and "
                f"{overall('', 'economic_status')} and economic_status = '{status}'",
                on=f"l.period = r.period and {contexts}",
                kind="within",
            )
    for count, of_measure in (("children", "denominator"), ("ready", "numerator")):
        yield Relation(
            f"readiness by pathway counts the {count} of kindergarten_readiness",
            CellRef("readiness_by_pathway", count),
            _measure(of_measure),
            where="birth = 'All' and preschool = 'All'",
            on="r.measure = 'kindergarten_readiness' and r.version = '1 ' || l.tool and l.period = r.period "
            f"and {overall()}",
        )


RELATIONS = (
    Relation(
        "the children counted are the measure's denominator",
        _measure("denominator"),
        CellRef("measure_coverage", "children"),
        where=overall(""),
        on="l.measure = r.measure and l.version = r.version and l.period = r.period and r.because = 'Counted'",
    ),
    *_same_children(),
    *_school(),
    *_programs(),
    *_child_welfare(),
    *_linked(),
)
"""All of them, in a fixed order."""
