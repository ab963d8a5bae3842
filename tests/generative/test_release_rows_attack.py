"""Attacks on rows and tables together, over random cities: nobody who joins them works out a hidden count."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest
from support.release_keys import FixedKeys
from support.row_city import MOBILITY, RowCity, request, rows_in

from assets.release.building import build_system
from assets.release.folder import StoredRelease
from assets.release.publish import publish
from assets.release.rows.classes import Rule
from assets.release.rows.form import ROWS
from assets.release.tables import Catalogue

DIMS = {"race_ethnicity": "race_ethnicity", "sex": "sex", "grade_or_age_band": "grade", "place": "place"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_no_hidden_count_follows_from_rows_and_tables(tmp_path: Path, seed: int) -> None:
    """Elimination over margins and over what rows say of groups, the groups counted here in plain Python."""
    city = RowCity(tmp_path / "city", 400 + 150 * seed, seed, ("2024-25", "2025-26"), rare=20 + 10 * (seed % 3))
    asked = request(rule=Rule(k=5, suppress=0.0), outcomes=(MOBILITY,) if seed % 2 else request().outcomes)
    release = publish(city.order(asked), FixedKeys())
    (entry,) = release.manifest["rows"]
    with duckdb.connect() as con:
        con.execute(f"attach '{release.database}' as released (read_only)")
        system = build_system(con, Catalogue.from_json(release.manifest["catalogue"]), "released.main", drifting=[])
        cells = con.sql("select * from temp.main.numbered_measure order by rid").to_arrow_table().to_pylist()
    extra = [] if "refused" in entry else sums(release, cells, len(system.values))
    unknown = np.flatnonzero(np.isnan(system.values))
    equations = np.vstack([system.matrix.toarray(), *extra])[:, unknown]
    _, values, basis = np.linalg.svd(equations, full_matrices=True)
    free = basis[int((values > 1e-9).sum()) :]
    counts = system.kind[unknown] == 0
    assert not counts.any() or (np.abs(free[:, counts]).max(axis=0) > 1e-9).all()


def sums(release: StoredRelease, cells: list[dict[str, object]], n: int) -> list[np.ndarray]:
    """Return a row of an equation for each outcome, period, dimension and value that the rows show."""
    (entry,) = release.manifest["rows"]
    assert entry["dropped_percent"] == 0
    rows = rows_in(release.path / ROWS).to_pylist()
    levels = {item["name"]: item for item in entry["quasi"]}
    inner = {"North"}
    out = []
    for outcome in entry["outcomes"]:
        for dim, column in DIMS.items():
            for period, value in sorted({(row["period"], row[column]) for row in rows}):
                equation = np.zeros((2, n))
                for cell in cells:
                    same = (cell["measure"], cell["period"]) == (outcome["measure"], period)
                    only = all((cell[other] != "All") == (other == dim) for other in DIMS)
                    if same and only and cell[dim] not in inner and shown(str(cell[dim]), levels[column]) == value:
                        equation[0, 2 * int(str(cell["rid"]))] = equation[1, 2 * int(str(cell["rid"])) + 1] = 1.0
                out.append(equation)
    return out


def shown(value: str, level: dict[str, object]) -> str:
    """Return what a file shows of a value."""
    if level["others"] is None:
        return value
    groups = level["groups"]
    assert isinstance(groups, dict)
    return next((group for group, values in groups.items() if value in values), str(level["others"]))
