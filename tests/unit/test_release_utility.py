"""What hiding cost a reader, worked out from the released tables alone."""

from __future__ import annotations

import pytest
from support.release_grids import bench, grid

from assets.release.utility import Cost, utility

# grid (* is hidden) | by | cells, hidden, children in shown totals, behind hidden cells, lines and children back
COSTS = {
    "nothing hidden": (
        """
        place\\sex  F   M   All
        north       20  30  50
        All         20  30  50
        """,
        "sex", (4, 0, 100, 0, 0, 0),
    ),
    "a whole line hidden comes back by no grouping": (
        """
        place\\sex  F   M   All
        north       4*  46* 50
        south       24* 46* 70
        All         28  92  120
        """,
        "sex", (6, 4, 240, 120, 0, 0),
    ),
    "two of three hidden come back as one group": (
        """
        place\\sex  F   M   X   All
        north       4*  46  9*  59
        south       24* 46  11* 81
        All         28  92  20  140
        """,
        "sex", (9, 4, 280, 48, 2, 48),
    ),
    "a line whose total is hidden is no line": (
        """
        place\\sex  F   M   All
        north       4*  46  50*
        south       24  46* 70
        All         28  92  120
        """,
        "sex", (4, 1, 190, 46, 0, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COSTS)
def test_the_cost_of_hiding(name: str) -> None:
    text, by, expected = COSTS[name]
    room_of = bench(grid("t", text))
    room_of.release(room_of.marked)
    (found,) = [
        one for one in utility(room_of.con, room_of.catalogue, room_of.policy, "target.main") if one.breakdown == by
    ]
    assert (found.cells, found.hidden, found.children, found.behind, found.lines_back, found.together) == expected


@pytest.mark.parametrize(
    ("cost", "says"),
    [
        (Cost("t", "n", "sex", 2, 4, 0, 90, 0, 0, 0), ""),
        (Cost("t", "n", "sex", 2, 4, 2, 90, 40, 1, 20), "merge the rarest values: 20 children come back, in 1 line"),
        (Cost("t", "n", "sex", 2, 4, 4, 90, 90, 0, 0), "too fine for this city"),
        (Cost("t", "n", "sex", 2, 40, 2, 900, 10, 0, 0), "keep it"),
    ],
)
def test_what_to_do_about_it(cost: Cost, says: str) -> None:
    assert cost.advice.startswith(says) and bool(cost.advice) == bool(says)


def test_two_cities_that_show_the_same_have_the_same_report() -> None:
    one = "place\\sex F M X All\nnorth 4* 46 9* 59\nAll 4* 46 9* 59"
    other = "place\\sex F M X All\nnorth 10* 46 3* 59\nAll 10* 46 3* 59"
    reports = []
    for text in (one, other):
        room = bench(grid("t", text))
        room.release(room.marked)
        reports.append(list(utility(room.con, room.catalogue, room.policy, "target.main")))
    assert reports[0] == reports[1]
