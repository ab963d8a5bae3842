"""Readable specifications of hierarchies: a tree as a table in, the equations between rows out."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import pytest

from assets.release.building import build_system
from assets.release.policy import ReleaseError
from assets.release.prices import prices
from assets.release.system import Kind, System
from assets.release.tables import Additive, Catalogue, CatalogueError, Count, PublishedTable


def _table(
    name: str, dims: str, counts: str = "", additive: tuple[Additive, ...] = (), **more: object
) -> PublishedTable:
    names = (*dims.split(), *counts.split())
    return PublishedTable(
        name=name,
        description=f"The {name}.",
        dims=tuple(dims.split()),
        counts=tuple(map(Count, counts.split())),
        additive=additive,
        comments=dict.fromkeys(names, "said"),
        **more,  # type: ignore[arg-type]
    )


def _load(con: duckdb.DuckDBPyConnection, spec: PublishedTable, text: str) -> None:
    """Create a table from lines of `value value ... count`."""
    names = (*spec.dims, *spec.count_names)
    types = ", ".join(f'"{name}" {"bigint" if name in spec.count_names else "varchar"}' for name in names)
    con.execute(f"create table {spec.name} ({types})")
    for line in text.strip().splitlines():
        con.execute(f"insert into {spec.name} values ({', '.join('?' * len(names))})", line.split())


def _system(*tables: tuple[PublishedTable, str]) -> System:
    con = duckdb.connect(":memory:")
    for spec, text in tables:
        _load(con, spec, text)
    return build_system(con, Catalogue(tuple(spec for spec, _ in tables)))


def _equations(system: System) -> set[str]:
    """Write every sum as `whole = part + part`, by the values that are not All."""

    def name(variable: int) -> str:
        return system.coordinates(variable).split("(")[1].rstrip(")").replace("place=", "").replace("the total", "All")

    found = set()
    for row in range(system.matrix.shape[0]):
        cells = system.matrix.indices[system.matrix.indptr[row] : system.matrix.indptr[row + 1]]
        signs = system.matrix.data[system.matrix.indptr[row] : system.matrix.indptr[row + 1]]
        wholes = [name(int(cell)) for cell in cells[signs < 0]]
        parts = sorted(name(int(cell)) for cell in cells[signs > 0])
        found.add(f"{wholes[0]} = {' + '.join(parts)}")
    return found


WITHIN = _table("place_within", "part whole")
PLACES = _table("t", "place", "children", (Additive("place", hierarchy="place_within"),))
BY_SEX = _table("t", "place sex", "children", (Additive("place", hierarchy="place_within"),))

TREES = [
    pytest.param(
        PLACES, "A North\nB North\nC South\nD South",
        "A 10\nB 20\nC 30\nD 40\nNorth 30\nSouth 70\nAll 100",
        {"North = A + B", "South = C + D", "All = North + South"},
        id="schools in neighbourhoods in the city",
    ),
    pytest.param(
        PLACES, "A North\nB North",
        "A 10\nB 20\nC 30\nNorth 30\nAll 60",
        {"North = A + B", "All = C + North"},
        id="a value that the tree does not name is a child of All",
    ),
    pytest.param(
        PLACES, "A North\nB North\nEmpty South",
        "A 10\nB 20\nNorth 30\nAll 30",
        {"North = A + B", "All = North"},
        id="values without a row count zero",
    ),
    pytest.param(
        PLACES, "A North\nB North\nNorth Upper\nC Upper\nD Lower",
        "A 1\nB 2\nC 4\nD 8\nNorth 3\nUpper 7\nLower 8\nAll 15",
        {"North = A + B", "Upper = C + North", "Lower = D", "All = Lower + Upper"},
        id="three levels, unevenly deep",
    ),
    pytest.param(
        BY_SEX, "A North\nB North\nC South",
        "A All 10\nB All 20\nC All 30\nNorth All 30\nSouth All 30\nAll All 60\nA F 4\nB F 5\nC F 6\nAll F 15",
        {"North = A + B", "South = C", "All = North + South", "sex=F = A, sex=F + B, sex=F + C, sex=F"},
        id="where a level is not crossed with sex, the one below sums to the one above",
    ),
    pytest.param(
        BY_SEX, "A North\nB North\nC South",
        "A All 10\nB All 20\nC All 30\nNorth All 30\nSouth All 30\nAll All 60\nNorth F 9\nSouth F 6\nAll F 15",
        {"North = A + B", "South = C", "All = North + South", "sex=F = North, sex=F + South, sex=F"},
        id="where only the upper level is crossed with sex, it sums to the city",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "tree", "rows", "expected"), TREES)
def test_every_inner_value_is_the_sum_of_its_children(
    spec: PublishedTable, tree: str, rows: str, expected: set[str]
) -> None:
    system = _system((WITHIN, tree), (spec, rows))
    assert _equations(system) == expected


def test_two_hierarchies_of_one_dimension_leave_out_each_others_groups() -> None:
    spec = replace(PLACES, additive=(*PLACES.additive, Additive("place", hierarchy="network_of")))
    system = _system(
        (WITHIN, "A North\nB North\nC South"),
        (_table("network_of", "part whole"), "A Red\nC Red\nB Blue"),
        (spec, "A 1\nB 2\nC 4\nNorth 3\nSouth 4\nRed 5\nBlue 2\nAll 7"),
    )
    assert _equations(system) == {
        "North = A + B", "South = C", "All = North + South", "Red = A + C", "Blue = B", "All = Blue + Red"
    }  # fmt: skip


def test_two_hierarchies_may_share_a_level() -> None:
    spec = replace(PLACES, additive=(*PLACES.additive, Additive("place", hierarchy="network_of")))
    system = _system(
        (WITHIN, "A North\nB North"),
        (_table("network_of", "part whole"), "A North\nB North\nNorth Red\nC Red"),
        (spec, "A 1\nB 2\nC 4\nNorth 3\nRed 7\nAll 7"),
    )
    assert _equations(system) == {"North = A + B", "All = C + North", "Red = C + North", "All = Red"}


def test_a_school_that_moves_counts_in_each_period_where_it_was() -> None:
    within = _table("place_within", "period part whole", period="period")
    spec = _table("t", "period place", "children", (Additive("place", hierarchy="place_within"),), period="period")
    rows = """
    2024-25 A 1
    2024-25 B 2
    2024-25 North 1
    2024-25 South 2
    2024-25 All 3
    2025-26 A 4
    2025-26 B 5
    2025-26 South 9
    2025-26 All 9
    """
    system = _system((within, "2024-25 A North\n2024-25 B South\n2025-26 A South\n2025-26 B South"), (spec, rows))
    equations = {text.replace("period=", "").replace(", ", ":") for text in _equations(system)}
    assert equations == {
        "2024-25:North = 2024-25:A",
        "2024-25:South = 2024-25:B",
        "2024-25 = 2024-25:North + 2024-25:South",
        "2025-26:South = 2025-26:A + 2025-26:B",
        "2025-26 = 2025-26:South",
    }


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        pytest.param("A North\nNorth Upper\nUpper North", "hierarchy place_within: A lies within itself", id="circle"),
        pytest.param("A A", "hierarchy place_within: A lies within itself", id="its own whole"),
        pytest.param("A North\nA South", "place_within: A lies within two values at once", id="two parents"),
        pytest.param("All North", "place_within: All lies within a value, but it is the root", id="the root"),
    ],
)
def test_rows_that_are_no_tree_stop_the_release(tree: str, message: str) -> None:
    with pytest.raises(ReleaseError, match=message) as caught:
        _system((WITHIN, tree), (PLACES, "A 1\nAll 1"))
    assert "\n" not in str(caught.value)


def test_a_neighbourhood_that_is_not_the_sum_of_its_schools_stops_the_release() -> None:
    with pytest.raises(ReleaseError, match="t: place: parts do not add up"):
        _system((WITHIN, "A North\nB North"), (PLACES, "A 1\nB 1\nNorth 3\nAll 3"))


FROZEN = _table("t", "period place", "children", (Additive("place", hierarchy="tree"),), period="period")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        pytest.param([PLACES], "no table of part and whole", id="unknown table"),
        pytest.param([PLACES, _table("place_within", "part")], "no table of part and whole", id="no edges"),
        pytest.param([PLACES, _table("place_within", "part whole", "n")], "no table of part", id="with counts"),
        pytest.param([PLACES, _table("place_within", "part whole colour")], "name them alike", id="other dimensions"),
        pytest.param(
            [replace(PLACES, additive=(Additive("place", kind="within", hierarchy="place_within"),)), WITHIN],
            "overlap sum to nothing", id="parts that overlap",
        ),
        pytest.param(
            [replace(FROZEN, period=None), _table("tree", "period part whole", period="period")],
            "must freeze with the table", id="only the tree freezes",
        ),
    ],
)  # fmt: skip
def test_a_catalogue_says_what_is_wrong_with_a_hierarchy(tables: list[PublishedTable], message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        Catalogue(tuple(tables))


def test_a_catalogue_with_hierarchies_is_read_back_from_a_release() -> None:
    catalogue = Catalogue((PLACES, WITHIN))
    assert Catalogue.from_json(catalogue.to_json()) == catalogue
    before = catalogue.to_json()
    for part in before["tables"][0]["additive"]:
        del part["hierarchy"]  # as releases before hierarchies wrote it
    assert Catalogue.from_json(before).tables[0].partitions == (Additive("place"),)


def test_counts_of_a_tree_table_are_none() -> None:
    system = _system((WITHIN, "A North"), (PLACES, "A 1\nNorth 1\nAll 1"))
    assert system.n_counts == 3
    assert np.all(system.kind == Kind.COUNT)


def test_the_city_is_dearer_than_its_neighbourhoods_and_these_than_their_schools() -> None:
    tree = "A North\nB North\nNorth Upper\nC Upper\nD Lower"
    system = _system((WITHIN, tree), (PLACES, "A 9\nB 0\nC 0\nD 0\nNorth 9\nUpper 9\nLower 0\nAll 9"))
    price = {system.coordinates(number): cost for number, cost in enumerate(prices(system).tolist())}
    rows = ("place=A", "place=North", "place=Upper", "the total")
    school, north, upper, city = (price[f"t.children ({row})"] for row in rows)
    assert school < north < upper < city
