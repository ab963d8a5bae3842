"""Every linear fact between counts of different outcomes, as it follows from the SQL of the measures.

What belongs here: which counts are the same children, or part of them, by definition; a small city tests that
each holds. What does not: margins and hierarchies of one table (`catalogue`). A fact that is not stated is not
known to the audit, so a test looks for counts that are equal in several invented cities for no stated reason.

Facts between rows that different nights count (a cohort a year later) hold only within one release. Each names
the version of a definition that it is true of: whoever raises a version looks here (a relation that ties nothing
fails its test).
"""

# The conditions are made of literals of this file, never of data.

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

from assets.outcomes.relation_sql import ALIKE, DENOMINATOR, SAME_MEASURE, of_measure, overall
from assets.outcomes.relations_programs import (
    CITY_CHILDREN,
    DISADVANTAGED,
    child_welfare_relations,
    program_relations,
)
from assets.release.tables import CellRef, Relation

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


def _same_children() -> Iterator[Relation]:
    """Measures of one population have one denominator, in every breakdown."""
    for family in (CITY_CHILDREN, TURNED_2, TURNED_3):
        for one, other in combinations(family, 2):
            yield Relation(
                f"{one} and {other} count the same children",
                DENOMINATOR,
                DENOMINATOR,
                where=f"measure = '{one}' and version = '1' and program = 'All'",
                on=f"{of_measure(other)} and {ALIKE}",
            )
    for later, sooner in product(TURNED_3, TURNED_2):
        yield Relation(
            f"{later} counts the children of {sooner} a year later",
            DENOMINATOR,
            DENOMINATOR,
            where=f"measure = '{later}' and version = '1' and economic_status = 'All'",
            on=f"{of_measure(sooner)} and l.of_release = r.of_release and l.race_ethnicity = r.race_ethnicity "
            "and l.sex = r.sex and r.economic_status = 'All' "
            "and left(l.period, 4)::integer = left(r.period, 4)::integer + 1",
        )
    for one, other in combinations(BORN, 2):
        yield Relation(
            f"{one} and {other} look at the same births",
            CellRef("measure_coverage", "children"),
            CellRef("measure_coverage", "children"),
            where=f"measure = '{one}' and version = '1' and because = 'All'",
            on=f"{of_measure(other)} and l.period = r.period and r.because = 'All'",
        )
    yield Relation(
        "a part of a measure counts the children of the measure",
        DENOMINATOR,
        DENOMINATOR,
        where=f"program <> 'All' and version = '1' and measure in {WITH_PARTS}",
        on=f"{SAME_MEASURE} and {overall()}",
    )


def _school() -> Iterator[Relation]:
    """Everyone enrolled is counted by mobility; chronic absence leaves out who was there for a few days."""
    yield Relation(
        "chronic_absence looks at the children of mobility",
        CellRef("measure_coverage", "children"),
        DENOMINATOR,
        where="measure = 'chronic_absence' and version = '1' and because = 'All'",
        on=f"{of_measure('mobility')} and l.period = r.period and {overall()}",
    )
    yield Relation(
        "the Rhode Island rule looks at the children of mobility in kindergarten to grade 3",
        CellRef("measure_coverage", "children"),
        DENOMINATOR,
        where="measure = 'chronic_absence' and version = 'ri-k3' and because = 'All'",
        on=f"{of_measure('mobility')} and l.period = r.period and {overall(but='grade_or_age_band')} "
        "and r.grade_or_age_band in ('KG', '01', '02', '03')",
    )
    yield Relation(
        "preschool_enrolled counts the kindergartners of mobility",
        DENOMINATOR,
        DENOMINATOR,
        where=f"measure = 'preschool_enrolled' and version = '1' and {overall('')}",
        on=f"{of_measure('mobility')} and l.period = r.period and {overall(but='grade_or_age_band')} "
        "and r.grade_or_age_band in ('KG', 'K')",
    )
    yield Relation(
        "chronic_absence counts children of mobility",
        DENOMINATOR,
        DENOMINATOR,
        where="measure = 'mobility' and version = '1'",
        on=f"{of_measure('chronic_absence')} and {ALIKE}",
        kind="within",
    )
    yield Relation(
        "the Rhode Island rule counts children of chronic_absence",
        DENOMINATOR,
        DENOMINATOR,
        where="measure = 'chronic_absence' and version = '1'",
        on=f"{of_measure('chronic_absence', 'ri-k3')} and {ALIKE}",
        kind="within",
    )
    yield Relation(
        "children without a calendar in kindergarten to grade 3 are among all of them",
        CellRef("measure_coverage", "children"),
        CellRef("measure_coverage", "children"),
        where="measure = 'chronic_absence' and version = '1' and because = 'No school calendar'",
        on=f"{of_measure('chronic_absence', 'ri-k3')} and l.period = r.period and r.because = l.because",
        kind="within",
    )


def _linked() -> Iterator[Relation]:
    """Absence by context and readiness by pathway count the children of their measures."""
    for count, share in (("children", "denominator"), ("chronically_absent", "numerator")):
        absence = CellRef("absence_by_service_context", count)
        counted = f"{of_measure('chronic_absence')} and l.period = r.period"
        yield Relation(
            f"absence by context counts the {count.replace('_', ' ')} of chronic_absence",
            absence,
            CellRef("measure", share),
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
                CellRef("measure", share),
                absence,
                where="measure = 'chronic_absence' and version = '1' and "
                f"{overall('', 'economic_status')} and economic_status = '{status}'",
                on=f"l.period = r.period and {contexts}",
                kind="within",
            )
    for count, share in (("children", "denominator"), ("ready", "numerator")):
        yield Relation(
            f"readiness by pathway counts the {count} of kindergarten_readiness",
            CellRef("readiness_by_pathway", count),
            CellRef("measure", share),
            where="birth = 'All' and preschool = 'All'",
            on="r.measure = 'kindergarten_readiness' and r.version = '1 ' || l.tool and l.period = r.period "
            f"and {overall()}",
        )


RELATIONS = (
    Relation(
        "the children counted are the measure's denominator",
        DENOMINATOR,
        CellRef("measure_coverage", "children"),
        where=overall(""),
        on=f"{SAME_MEASURE} and r.because = 'Counted'",
    ),
    *_same_children(),
    *_school(),
    *program_relations(),
    *child_welfare_relations(),
    *_linked(),
)
"""All of them, in a fixed order."""
