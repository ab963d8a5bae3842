"""Random hierarchies: what suppression hides passes the audit, and what lies high is shown before what lies low."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.release_grids import Bench

from assets.release.building import build_system
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.prices import prices
from assets.release.suppress import suppress
from assets.release.system import Bools, System
from assets.release.tables import TREE, Additive, Catalogue, Count, PublishedTable

SLOW = settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
WITHIN = PublishedTable(
    name="place_within", description="The tree.", dims=TREE, counts=(), comments=dict.fromkeys(TREE, "said")
)
PLACES = PublishedTable(
    name="t",
    description="Children by place and sex.",
    dims=("place", "sex"),
    counts=(Count("children"),),
    additive=(Additive("place", hierarchy="place_within"), "sex"),
    comments=dict.fromkeys(("place", "sex", "children"), "said"),
)

CITY = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=7
)
"""Schools: their neighbourhood (0 none), its borough (0 none), girls, boys."""


def _city(schools: list[tuple[int, int, int, int]]) -> Bench:
    """Count children at every level, with the tree beside; a neighbourhood lies in the borough of its first school."""
    borough = {area: part for area, part, *_ in reversed(schools)}
    edges = [(f"school {n}", f"area {area}") for n, (area, *_) in enumerate(schools) if area]
    edges += [(f"area {area}", f"borough {part}") for area, part in sorted(borough.items()) if area and part]
    above = dict(edges)
    counts: dict[tuple[str, str], int] = {}
    for n, (_, _, *children) in enumerate(schools):
        values, value = ["All"], f"school {n}"
        while value:
            values.append(value)
            value = above.get(value, "")
        for place in values:
            for sex, number in zip(("F", "M"), children, strict=True):
                counts[place, sex] = counts.get((place, sex), 0) + number
                counts[place, "All"] = counts.get((place, "All"), 0) + number
    con = duckdb.connect(":memory:")
    con.execute("create schema work")
    none = pa.string()
    _create(con, WITHIN, {"part": [e[0] for e in edges], "whole": [e[1] for e in edges]}, none)
    places, sexes = zip(*counts, strict=True)
    _create(con, PLACES, {"place": list(places), "sex": list(sexes), "children": list(counts.values())}, none)
    catalogue = Catalogue((WITHIN, PLACES))
    system = build_system(con, catalogue, "memory.work")
    return Bench(con, catalogue, system, np.zeros(len(system.values), bool), ReleasePolicy())


def _create(
    con: duckdb.DuckDBPyConnection, spec: PublishedTable, columns: dict[str, list[object]], kind: object
) -> None:
    types = {name: pa.int64() if name in spec.count_names else kind for name in columns}
    arrays = {name: pa.array(values, types[name]) for name, values in columns.items()}
    size = len(next(iter(arrays.values())))
    con.register("given", pa.table({**arrays, "release_id": pa.array([None] * size, pa.string())}))
    con.execute(f"create table work.{spec.name} as select * from given")
    con.unregister("given")


@SLOW
@given(CITY)
def test_what_suppression_hides_in_a_hierarchy_passes_the_audit(schools: list[tuple[int, int, int, int]]) -> None:
    room = _city(schools)
    report = room.audit(room.suppress())
    assert report.passed, [str(finding) for finding in report.findings]


@SLOW
@given(CITY)
def test_a_reader_gains_nothing_by_adding_up_schools(schools: list[tuple[int, int, int, int]]) -> None:
    """Whatever sums of shown counts give, no count of 1..9 that is hidden follows from them."""
    room = _city(schools)
    hidden = room.suppress()
    shown = ~hidden & (room.system.kind == 0)
    free = np.flatnonzero(~shown)
    reduced = room.system.matrix[:, free].toarray()
    rank = np.linalg.matrix_rank(reduced) if reduced.size else 0
    for place, variable in enumerate(free):
        if hidden[variable]:
            without = np.delete(reduced, place, axis=1)
            assert np.linalg.matrix_rank(without) == rank, room.system.coordinates(int(variable))


def _top(system: System) -> Bools:
    """Return the grand total of the table."""
    found = np.zeros(len(system.values), bool)
    found[int(np.argmax(prices(system)))] = True
    return found


@SLOW
@given(CITY)
def test_the_total_of_the_city_is_hidden_only_where_nothing_else_would_do(
    schools: list[tuple[int, int, int, int]],
) -> None:
    room = _city(schools)
    total = _top(room.system)
    assert "the total" in room.system.coordinates(int(np.flatnonzero(total)[0]))
    small = 1 <= room.system.values[total][0] < room.policy.threshold
    if not small and room.suppress()[total].any():
        try:
            suppress(room.system, room.policy, published=total)
        except ReleaseError:
            return
        raise AssertionError("the total is hidden, although the numbers can be protected with it shown")
