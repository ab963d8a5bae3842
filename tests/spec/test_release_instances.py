"""Tables that other tools use as examples, read in place from the shared folder and never copied."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest
from support.release_grids import Bench, bench, grid

from assets.release.policy import ReleasePolicy

INSTANCES = Path(__file__).resolve().parents[2].parent / "shared" / "instances"
pytestmark = pytest.mark.skipif(not INSTANCES.is_dir(), reason="the shared folder of instances is absent")


def _bench(file: str, dims: tuple[str, str], count: str, threshold: int) -> Bench:
    """Load a two-way table with its margins."""
    first, second = dims
    path = str(INSTANCES / file)
    with duckdb.connect() as con:
        found = con.execute(
            f"select replace(coalesce({first}, 'All'), ' ', '_') a, replace(coalesce({second}, 'All'), ' ', '_') b, "
            f"({count})::int n from '{path}' group by cube (1, 2) order by all".replace(
                "cube (1, 2)", f"cube ({first}, {second})"
            )
        ).fetchall()
    rows = [*sorted({a for a, _, _ in found} - {"All"}), "All"]
    columns = [*sorted({b for _, b, _ in found} - {"All"}), "All"]
    cells = {(a, b): n for a, b, n in found}
    text = [f"{first}\\{second} " + " ".join(columns)]
    text += [" ".join([a, *(str(cells.get((a, b), 0)) for b in columns)]) for a in rows]
    return bench(grid("t", "\n".join(text)), policy=ReleasePolicy(threshold=threshold))


def test_the_region_by_gender_example_needs_three_complementary_counts() -> None:
    room = _bench("sdcTable_microdata1.csv", ("region", "gender"), "count(*)", 10)
    hidden = room.suppress()
    primary = hidden & (room.system.values >= 1) & (room.system.values < 10)
    assert (int(primary.sum()), int(hidden.sum())) == (1, 4), "the proved optimum is 3 beside the primary one"
    assert room.audit(hidden).passed


@pytest.mark.parametrize("threshold", [4, 10])
def test_statistics_norways_table_is_protected(threshold: int) -> None:
    room = _bench("ssb_z1.csv", ("region", "hovedint"), "sum(ant)", threshold)
    hidden = room.suppress()
    small = (room.system.values >= 1) & (room.system.values < threshold) & (room.system.kind == 0)
    assert not (small & ~hidden).any()
    assert room.audit(hidden).passed
    total = np.flatnonzero(room.system.values == np.nanmax(room.system.values))
    assert not hidden[total].any(), "the grand total is shown"
