"""What of the outcomes may be published, and every linear fact between the counts, for disclosure control.

What belongs here: one `PublishedTable` for each table of `outcomes.duckdb`, put together with the relations
between them (`relations`). What does not: computing a count (`run`), hiding one (`assets.release`).
"""

from __future__ import annotations

from assets.outcomes.relation_sql import overall
from assets.outcomes.relations import RELATIONS
from assets.release.tables import (
    TREE,
    Additive,
    Borrowed,
    Catalogue,
    Column,
    Count,
    PublishedTable,
    Rate,
)

_PERIOD = "School and fiscal year, 1 July to 30 June, such as 2025-26."
_VERSION = "Version of the definition; a tool that is never pooled with another is part of it."
MEASURE = PublishedTable(
    name="measure",
    description="Every measure, overall and by one breakdown at a time (and race and ethnicity by sex).",
    dims=(
        "measure",
        "version",
        "period",
        "place",
        "grade_or_age_band",
        "race_ethnicity",
        "sex",
        "economic_status",
        "program",
    ),
    counts=(Count("numerator", within="denominator"), Count("denominator")),
    rates=(Rate("rate", "numerator", "denominator"),),
    additive=(
        Additive("place", hierarchy="place_within"),
        Additive("grade_or_age_band", hierarchy="grade_within"),
        "race_ethnicity",
        "sex",
        "economic_status",
        Additive("program", kind="within", counts=("numerator",)),
    ),
    period="period",
    definition=("measure", "version"),
    version="version",
    weight=2.0,
    comments={
        "measure": "Name of the measure; measure_definition says what it counts.",
        "version": _VERSION,
        "period": _PERIOD,
        "place": "School the child last attended in the period, or the neighbourhood of schools that it lies in "
        "(place_within); All for the city.",
        "grade_or_age_band": "Grade, or age in full years on 30 June, or a band of them (grade_within); All for "
        "every one.",
        "race_ethnicity": "Hispanic of any race, or race alone, or Two or more; All for every one.",
        "sex": "Female, Male or Unknown; All for every one.",
        "economic_status": "Disadvantaged: SNAP, TANF, Medicaid or homeless; All for every one.",
        "program": "Part of the measure, such as one program; parts overlap. All for any of them.",
        "numerator": "Children who meet the measure.",
        "denominator": "Children counted by the measure.",
        "rate": "Numerator in percent of the denominator.",
    },
)


def _within(name: str, what: str) -> PublishedTable:
    return PublishedTable(
        name=name,
        description=f"Which {what} lies within which, in each measure and period: the whole is the sum of its parts.",
        dims=("measure", "version", "period", *TREE),
        counts=(),
        period="period",
        definition=("measure", "version"),
        comments={
            "measure": "Name of the measure.",
            "version": _VERSION,
            "period": _PERIOD,
            "part": f"One {what}; one that is no part here lies within All.",
            "whole": "What it lies directly within.",
        },
    )


PLACE_WITHIN = _within("place_within", "place")
GRADE_WITHIN = _within("grade_within", "grade or age band")

COVERAGE = PublishedTable(
    name="measure_coverage",
    description="Children a measure could have counted, and why some of them are not counted.",
    dims=("measure", "version", "period", "because"),
    counts=(Count("children"),),
    additive=("because",),
    period="period",
    definition=("measure", "version"),
    version="version",
    weight=0.2,
    comments={
        "measure": "Name of the measure.",
        "version": _VERSION,
        "period": _PERIOD,
        "because": "Counted, or why a child is left out (unknown, not tested); All for every child.",
        "children": "Children.",
    },
)

DISTINCT_SERVED = PublishedTable(
    name="distinct_served",
    description="Unduplicated children by exactly which programs served them.",
    dims=("period", "programs"),
    counts=(Count("children"),),
    additive=("programs",),
    period="period",
    comments={
        "period": _PERIOD,
        "programs": "The set of programs, joined by ' + '; All for children served by any.",
        "children": "Children of the city, 0-17, each in one set.",
    },
)

PROGRAM_OVERLAP = PublishedTable(
    name="program_overlap",
    description="Children served by two programs; a program with itself is its total.",
    dims=("period", "program_a", "program_b"),
    counts=(Count("children"),),
    period="period",
    comments={
        "period": _PERIOD,
        "program_a": "One program.",
        "program_b": "The other program, or the same.",
        "children": "Children of the city, 0-17, served by both in the period.",
    },
)

ABSENCE = PublishedTable(
    name="absence_by_service_context",
    description="Chronic absence among children with a service or circumstance in the same period.",
    dims=("period", "context"),
    counts=(Count("chronically_absent", within="children"), Count("children")),
    rates=(Rate("rate", "chronically_absent", "children"),),
    additive=(
        Additive("context", kind="within"),
        # 'Any of these' came later than the table; periods published without it keep their form.
        Additive(
            "context",
            where="context in ('All', 'Any of these', 'None of these') and period in (select a.period from "
            "temp.main.numbered_absence_by_service_context a where a.context = 'Any of these')",
        ),
    ),
    period="period",
    comments={
        "period": _PERIOD,
        "context": "Service or circumstance; they overlap. All for every child counted in chronic_absence, "
        "'Any of these' and 'None of these' are the two halves of it.",
        "chronically_absent": "Children absent on at least 10 % of the days enrolled.",
        "children": "Children counted in chronic_absence, version 1.",
        "rate": "Chronically absent in percent of the children.",
    },
)

READINESS = PublishedTable(
    name="readiness_by_pathway",
    description="Kindergarten readiness by birth and by preschool in the year before.",
    dims=("period", "tool", "birth", "preschool"),
    counts=(Count("ready", within="children"), Count("children")),
    rates=(Rate("rate", "ready", "children"),),
    additive=("birth", "preschool"),
    period="period",
    comments={
        "period": _PERIOD,
        "tool": "Assessment and its version; never pooled.",
        "birth": "Preterm or low birth weight, term and normal weight, or not known; All for every one.",
        "preschool": "Whether a preschool program reported the child in the year before; All for every one.",
        "ready": "Children at or above the tool's cut.",
        "children": "Children tested with a known level.",
        "rate": "Ready in percent of the children.",
    },
)


def _borrowed(name: str, period: str) -> Borrowed:
    return Borrowed(
        name,
        "measure",
        "rate",
        on=f"r.measure = l.measure and r.version = l.version and r.period = l.{period} and {overall()}",
        hides=("on_track",),
    )


SUCCESS = PublishedTable(
    name="measures_of_success",
    description="Baseline, target, latest value and owner of each measure the cabinet set a target for.",
    dims=("measure", "version"),
    counts=(),
    columns=(
        "area",
        "title",
        "owner",
        "direction",
        "baseline_period",
        "target_period",
        Column("target", digits=1),
        "latest_period",
        "on_track",
    ),
    borrowed=(_borrowed("baseline", "baseline_period"), _borrowed("latest", "latest_period")),
    comments={
        "measure": "Name of the measure.",
        "version": _VERSION,
        "area": "Education, health, economic security, housing or safety.",
        "title": "The measure in words.",
        "owner": "Who answers for it.",
        "direction": "Which way is better: lower or higher.",
        "baseline_period": "Period of the starting point.",
        "target_period": "Period by which the target is to be reached.",
        "target": "Percent to reach.",
        "latest_period": "Latest period with a value.",
        "on_track": "Yes when the latest value is on or beyond the straight line from baseline to target.",
        "baseline": "Percent in the baseline period.",
        "latest": "Percent in the latest period.",
    },
)

DEFINITION = PublishedTable(
    name="measure_definition",
    description="What each measure and linked table counts, and the columns of the agreements it reads.",
    dims=("name", "version"),
    counts=(),
    columns=(
        "area",
        "title",
        "definition",
        "numerator",
        "denominator",
        "unknowns",
        "periods",
        "direction",
        "source",
        "reads",
    ),
    comments={
        "name": "Measure or linked table.",
        "version": "Version of the definition.",
        "area": "One of five areas; empty for a linked table.",
        "title": "In words.",
        "definition": "What is counted.",
        "numerator": "Which children meet the measure.",
        "denominator": "Which children are counted.",
        "unknowns": "What happens to unknown values.",
        "periods": "What a period is for this measure.",
        "direction": "Which way is better.",
        "source": "Where the definition comes from; [M] marks what is still to be confirmed.",
        "reads": "Every source.Table.column it reads, itself or through the spine's models.",
    },
)

WITHHELD = PublishedTable(
    name="measure_withheld",
    description="Measures and tables not computed, or only in part, and the clause that says why.",
    dims=("name", "version", "effect", "source", "table_name", "column_name"),
    counts=(),
    columns=("reason", "clause"),
    comments={
        "name": "Measure or linked table.",
        "version": "Version of the definition.",
        "effect": "withheld: not computed; without this column, or a breakdown: computed without it.",
        "source": "Source whose column is missing; empty when another measure is.",
        "table_name": "Table of the source.",
        "column_name": "Column that is not there or may not be published.",
        "reason": "Why.",
        "clause": "File, line and field of the agreement.",
    },
)

QUALITY = PublishedTable(
    name="linkage_quality",
    description="How many records of each source are linked, and how sure the links are.",
    dims=("source", "subgroup"),
    counts=(Count("linked", within="records"), Count("records")),
    rates=(Rate("rate", "linked", "records"),),
    columns=(
        Column("precision_estimate", hidden_with_counts=True, digits=3, held=True),
        # The ends of an interval tell how many records there are, so small groups do not show them.
        Column("precision_low", hidden_with_counts=True, digits=2, least=200, held=True),
        Column("precision_high", hidden_with_counts=True, digits=2, least=200, held=True),
        Column("recall_estimate", hidden_with_counts=True, digits=3, held=True),
        Column("recall_low", hidden_with_counts=True, digits=2, least=200, held=True),
        Column("recall_high", hidden_with_counts=True, digits=2, least=200, held=True),
    ),
    additive=(Additive("subgroup", kind="within"),),
    rounding=20,
    held=True,
    comments={
        "source": "Source id.",
        "subgroup": "Subgroup of its records; All for the source.",
        "linked": "Records linked to a record of another source.",
        "records": "Records.",
        "rate": "Linked in percent of the records.",
        "precision_estimate": "Model's estimate of the share of links that are right.",
        "precision_low": "Lower end of its interval.",
        "precision_high": "Upper end of its interval.",
        "recall_estimate": "Estimate of the share of true links that were found; null where no number ever linked any.",
        "recall_low": "Lower end of its interval.",
        "recall_high": "Upper end of its interval.",
    },
)

FRESHNESS = PublishedTable(
    name="source_freshness",
    description="The newest delivery of each source: when, how much of it, how much could not be used.",
    dims=("source",),
    counts=(Count("rows_quarantined", within="rows_read", complement_sensitive=False), Count("rows_read")),
    columns=("agency", "last_delivery", "lag_days", "files"),
    rounding=20,
    held=True,
    certain_shown=True,
    comments={
        "source": "Source id.",
        "agency": "Agency that delivers it.",
        "last_delivery": "Date of the newest delivery loaded.",
        "lag_days": "Days from that delivery to the night of the release.",
        "files": "Files of that load.",
        "rows_read": "Rows read from them.",
        "rows_quarantined": "Rows that could not be used.",
    },
)

TABLES = (
    MEASURE,
    PLACE_WITHIN,
    GRADE_WITHIN,
    COVERAGE,
    DISTINCT_SERVED,
    PROGRAM_OVERLAP,
    ABSENCE,
    READINESS,
    SUCCESS,
    DEFINITION,
    WITHHELD,
    QUALITY,
    FRESHNESS,
)


def catalogue() -> Catalogue:
    """Return the catalogue of all outcomes. Raises CatalogueError when it contradicts itself."""
    return Catalogue(TABLES, RELATIONS)
