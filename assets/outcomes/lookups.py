"""Small tables of rules that measures read: code lists and schedules, each row with its citation.

What belongs here: loading `data/*.csv` as relations. What does not: anything about children.
"""

# Names in these statements come from checked files and literals, never from data.

from __future__ import annotations

from pathlib import Path

import duckdb

_FOLDER = Path(__file__).with_name("data")

LOOKUPS = {
    "cvx_antigen": "cvx varchar, antigen varchar, product varchar, cite varchar",
    "combo10_rule": (
        "antigen varchar, doses integer, two_dose_doses integer, from_day integer, to_day integer, cite varchar"
    ),
    "prenatal_schedule": "week integer, cite varchar",
    "grade_band": "part varchar, whole varchar, cite varchar",
}
"""Relation -> its columns: `data/<relation>.csv` has them in this order."""


def load_lookups(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every lookup in the connection's own database, before files are out of its reach."""
    for name, columns in LOOKUPS.items():
        connection.execute(f"create table {name} ({columns})")
        connection.execute(f"copy {name} from '{str(_FOLDER / name).replace(chr(39), chr(39) * 2)}.csv' (header)")
