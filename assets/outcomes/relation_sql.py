"""The SQL in which relations between outcomes are said: `l` is a row of the total's table, `r` one of the parts'.

What belongs here: conditions on rows of `measure` that several relations need. What does not: a relation.
"""

from __future__ import annotations

from assets.release.tables import CellRef

GROUPS = ("place", "grade_or_age_band", "race_ethnicity", "sex", "economic_status", "program")
"""The breakdowns of `measure`."""

NUMERATOR, DENOMINATOR = CellRef("measure", "numerator"), CellRef("measure", "denominator")


def overall(of: str = "r.", but: str = "") -> str:
    """Return the SQL condition that a row of `measure` is not broken down, `but` perhaps by one dimension."""
    return " and ".join(f"{of}{dim} = 'All'" for dim in GROUPS if dim != but)


def of_measure(measure: str, version: str = "1", of: str = "r.") -> str:
    """Return the SQL condition that a row is of one version of a measure."""
    return f"{of}measure = '{measure}' and {of}version = '{version}'"


ALIKE = " and ".join(f"l.{dim} = r.{dim}" for dim in ("period", *GROUPS))
"""Two rows of `measure` are about the same group of one period."""

SAME_MEASURE = "l.measure = r.measure and l.version = r.version and l.period = r.period"
"""Two rows of `measure` are about one measure and period."""
