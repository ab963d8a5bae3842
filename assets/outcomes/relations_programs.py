"""Relations between counts of children by program: the measures, the pairs of programs, the exact sets.

What belongs here: facts about benefits, housing and child welfare, as they follow from the SQL of the measures
and of the models `program_year` and `child_year`. What does not: all other relations (`relations`).
"""

# The conditions are made of literals of these files, never of data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator

from assets.outcomes.relation_sql import ALIKE, DENOMINATOR, NUMERATOR, SAME_MEASURE, of_measure, overall
from assets.release.tables import CellRef, Relation

CITY_CHILDREN = ("benefit_participation", "child_welfare_contact", "housing_instability")
"""Measures that count every child of the city."""

DISADVANTAGED = "['SNAP', 'TANF', 'Medicaid', 'McKinney-Vento', 'HMIS']"
"""The programs that make a child Disadvantaged in the model `child_year`."""

_SETS = "string_split(r.programs, ' + ')"
_OWN_PROGRAMS = (
    "(select list(m.program) from temp.main.numbered_measure m where m.measure = 'benefit_participation'"
    " and m.version = '1' and m.period = l.period and m.program <> 'All')"
)


def program_relations() -> Iterator[Relation]:
    """Children by program: the measures, the pairs, the exact sets."""
    sets, pairs = CellRef("distinct_served", "children"), CellRef("program_overlap", "children")
    yield Relation(
        "a pair of programs is the sum of the sets that hold both",
        pairs,
        sets,
        on=f"l.period = r.period and list_contains({_SETS}, l.program_a) and list_contains({_SETS}, l.program_b)",
    )
    yield Relation(
        "a program of a measure is that program with itself",
        NUMERATOR,
        pairs,
        where="program <> 'All' and version = '1' and measure in ('benefit_participation', 'housing_instability')",
        on="l.period = r.period and r.program_a = l.program and r.program_b = l.program",
    )
    yield Relation(
        "contact with child welfare is that program with itself",
        NUMERATOR,
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
            NUMERATOR,
            sets,
            where=f"measure = '{measure}' and version = '1' and {overall('')}",
            on=f"l.period = r.period and list_has_any({_SETS}, {programs})",
        )
    yield Relation(
        "children of the city who are disadvantaged are the sum of the sets that make them so",
        DENOMINATOR,
        sets,
        where=f"measure in {CITY_CHILDREN} and version = '1' and economic_status = 'Disadvantaged'",
        on=f"l.period = r.period and list_has_any({_SETS}, {DISADVANTAGED})",
    )
    yield Relation(
        "disadvantaged children with a benefit are the sum of the sets that hold both",
        DENOMINATOR,
        sets,
        where="measure = 'benefit_continuity' and version = '1' and economic_status = 'Disadvantaged'",
        on=f"l.period = r.period and list_has_any({_SETS}, {DISADVANTAGED}) and list_has_any({_SETS}, {_OWN_PROGRAMS})",
    )
    yield Relation(
        "children served by any program are children of the city",
        DENOMINATOR,
        sets,
        where=f"measure in {CITY_CHILDREN} and version = '1' and {overall('')}",
        on="l.period = r.period and r.programs = 'All'",
        kind="within",
    )
    yield Relation(
        "benefit_continuity counts those who meet benefit_participation",
        DENOMINATOR,
        NUMERATOR,
        where="measure = 'benefit_continuity' and version = '1'",
        on=f"{of_measure('benefit_participation')} and {ALIKE}",
    )


def child_welfare_relations() -> Iterator[Relation]:
    """Victims are reported; whoever is in contact is reported, or in care and not reported."""
    whole = f"measure = 'child_welfare_contact' and version = '1' and {overall('', 'program')}"
    yield Relation(
        "victims are among the reported",
        NUMERATOR,
        NUMERATOR,
        where=f"{whole} and program = 'Reported'",
        on=f"{SAME_MEASURE} and r.program = 'Victim'",
        kind="within",
    )
    yield Relation(
        "children in care and not reported are in care",
        NUMERATOR,
        NUMERATOR,
        where=f"{whole} and program = 'Out-of-home care'",
        on=f"{SAME_MEASURE} and r.program = 'Out-of-home care, not reported'",
        kind="within",
    )
    yield Relation(
        "contact is a report, or care without a report",
        NUMERATOR,
        NUMERATOR,
        where=f"{whole} and program = 'All' and period in (select m.period from temp.main.numbered_measure m "
        "where m.measure = 'child_welfare_contact' and m.program = 'Out-of-home care, not reported')",
        on=f"{SAME_MEASURE} and r.program in ('Reported', 'Out-of-home care, not reported')",
    )
