"""Coded percentages: what a row shows under a policy, what that lets a reader know, and what stops a release.

A specification is one row of a table (`3/60`), the tails of a policy by size of the group, and what the release shows.
"""

from __future__ import annotations

import numpy as np
import pytest
from support.release_grids import Bench, bench, grid

from assets.release.policy import CodedTail, ReleasePolicy

TAILS = (CodedTail(20, 10, 90), CodedTail(60, 5, 95), CodedTail(300, 1, 99))
CODED = ReleasePolicy(percentages=TAILS)


def _room(cell: str, policy: ReleasePolicy = CODED) -> Bench:
    """One group among three that are large and middling, with margins."""
    y, n = (int(part) for part in cell.split("/"))
    rows = [f"A {cell} 300/700 {y + 300}/{n + 700}", "B 410/900 220/500 630/1400"]
    total = f"All {y + 410}/{n + 900} 520/1200 {y + 930}/{n + 2100}"
    return bench(grid("t", "\n".join(["place\\sex F M All", *rows, total])), policy=policy)


def _shown(room: Bench, place: str = "A", sex: str = "F") -> tuple[object, ...]:
    """Suppress, audit, and return numerator, denominator, rate and its text as released."""
    found = room.code()
    report = room.audit(found.hidden, coded=found.coded)
    assert report.passed, [str(finding) for finding in report.findings]
    sql = "select numerator, denominator, rate, rate_shown, suppressed from target.t where place = ? and sex = ?"
    return room.con.execute(sql, [place, sex]).fetchall()[0]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        # numerator, denominator, rate, rate_shown, suppressed
        pytest.param("30/100", (30, 100, 30.0, "30.0 %", False), id="in the middle: as it is"),
        pytest.param("2/30", (None, 30, None, "<10 %", True), id="few of a small group: its bound"),
        pytest.param("0/30", (None, 30, None, "<10 %", True), id="0 % is told as a bound too"),
        pytest.param("30/30", (None, 30, None, ">90 %", True), id="and so is 100 %"),
        pytest.param("6/60", (None, 60, None, None, True), id="a small count between the tails: nothing"),
        pytest.param("2/60", (None, 60, None, "<5 %", True), id="a larger group has a lower bound"),
        pytest.param("27/600", (27, 600, 4.5, "4.5 %", False), id="and a large one a lower one still"),
        pytest.param("594/600", (None, 600, None, None, True), id="exactly on the bound is not beyond it"),
        pytest.param("597/600", (None, 600, None, ">99 %", True), id="beyond it"),
        pytest.param("12/2000", (None, 2000, None, "<1 %", True), id="in a tail, however many children"),
        pytest.param("9/19", (None, 19, None, None, True), id="a group too small for any tail"),
        pytest.param("4/7", (None, None, None, None, True), id="a small group is hidden altogether"),
    ],
)
def test_what_a_row_shows(cell: str, expected: tuple[object, ...]) -> None:
    assert _shown(_room(cell)) == expected


def test_a_group_below_every_tail_shows_no_percentage_although_its_counts_are_large() -> None:
    policy = ReleasePolicy(percentages=(CodedTail(50, 5, 95),))
    assert _shown(_room("20/40", policy)) == (None, 40, None, None, True)


def test_a_bound_that_leaves_one_number_possible_is_not_told() -> None:
    policy = ReleasePolicy(percentages=(CodedTail(20, 5, 95),))
    assert _shown(_room("0/20", policy))[3] is None, "<5 % of 20 children is none of them"
    assert _shown(_room("0/21", policy))[3] == "<5 %", "of 21 it is none or one"


def test_without_tails_no_text_stands_beside_a_rate() -> None:
    room = _room("2/30", ReleasePolicy())
    found = room.code()
    room.audit(found.hidden, coded=found.coded)
    columns = {row[0] for row in room.con.execute("describe target.t").fetchall()}
    assert "rate_shown" not in columns


def test_the_column_says_what_it_is() -> None:
    room = _room("2/30")
    _shown(room)
    sql = "select comment from duckdb_columns() where database_name = 'target' and column_name = 'rate_shown'"
    assert "bound (<5 %, >95 %)" in room.con.execute(sql).fetchall()[0][0]


# What stops a release.

SMALL_PART = grid(
    # <5 % of all 150 in A is 0 to 7, so that the 3 in 20 could no longer be 10: the total keeps its bound to itself.
    "t",
    r"""
    place\sex  F       M        All
    A          3/20    1/130    4/150
    B          30/100  200/700  230/800
    C          40/120  250/800  290/920
    All        73/240  451/1630 524/1870
    """,
)


def _variable(room: Bench, name: str) -> int:
    return next(v for v in range(room.system.n_counts) if room.system.coordinates(v) == name)


def _findings(room: Bench, hidden: object, coded: object) -> str:
    return "; ".join(str(found) for found in room.audit(hidden, coded=coded).findings)  # type: ignore[arg-type]


def test_a_bound_that_would_give_a_smaller_group_away_is_not_told_and_stops_the_release_if_it_is() -> None:
    room = bench(SMALL_PART, policy=CODED)
    found = room.code()
    assert room.audit(found.hidden, coded=found.coded).passed
    total = _variable(room, "t.numerator (place=A)")
    assert found.coded is not None and found.hidden[total] and found.coded[total] == ""
    planted = found.coded.copy()
    planted[total] = "<5 %"
    assert "t.numerator (place=A, sex=F): its interval" in _findings(room, found.hidden, planted)


def test_numerator_denominator_and_bound_are_never_shown_together() -> None:
    room = _room("2/30")
    found = room.code()
    numerator = _variable(room, "t.numerator (place=A, sex=F)")
    room.release(found.hidden, found.coded)
    room.con.execute("update target.t set numerator = 2 where place = 'A' and sex = 'F'")
    text = "; ".join(str(finding) for finding in room.audit_released(found.hidden).findings)
    assert "rate_shown is neither its percentage nor a bound" in text
    assert "the hidden cells are not those of the annex" in text
    shown = found.hidden.copy()
    shown[numerator] = False
    assert "t.numerator (place=A, sex=F): a number that the rule hides" in _findings(room, shown, found.coded)


def test_a_shown_percentage_in_a_tail_stops_the_release_however_many_children_it_counts() -> None:
    room = _room("12/2000")
    found = room.code()
    shown = found.hidden.copy()
    shown[_variable(room, "t.numerator (place=A, sex=F)")] = False
    assert "t.numerator (place=A, sex=F): a number that the rule hides" in _findings(room, shown, found.coded)


@pytest.mark.parametrize(
    ("cell", "planted", "expected"),
    [
        pytest.param("2/30", "<5 %", "another bound than the rule", id="a bound of other groups"),
        pytest.param("2/30", ">90 %", "does not hold", id="a bound that is not true"),
        pytest.param("6/60", "<5 %", "does not hold", id="a bound between the tails"),
        pytest.param("2/30", "6.7 %", "neither its percentage nor a bound", id="the percentage of a hidden number"),
        pytest.param("4/7", "<10 %", "neither its percentage nor a bound", id="a bound beside a hidden group"),
        pytest.param("1/19", "<10 %", "another bound than the rule", id="a bound for a group too small for any"),
    ],
)
def test_a_wrong_bound_stops_the_release_with_its_cell(cell: str, planted: str, expected: str) -> None:
    room = _room(cell)
    found = room.code()
    assert found.coded is not None
    coded = found.coded.copy()
    coded[_variable(room, "t.numerator (place=A, sex=F)")] = planted
    findings = [str(finding) for finding in room.audit(found.hidden, coded=coded).findings]
    assert any(expected in finding and "place=A" in finding and "sex=F" in finding for finding in findings), findings


def test_a_bound_that_one_number_fits_stops_the_release() -> None:
    room = _room("0/20", ReleasePolicy(percentages=(CodedTail(20, 5, 95),)))
    found = room.code()
    assert found.coded is not None
    coded = found.coded.copy()
    coded[_variable(room, "t.numerator (place=A, sex=F)")] = "<5 %"
    assert "t.numerator (place=A, sex=F): its percentage has another bound" in _findings(room, found.hidden, coded)


def test_hiding_too_little_beside_a_bound_stops_the_release() -> None:
    room = _room("2/30")
    found = room.code()
    alone = np.zeros_like(found.hidden)
    alone[_variable(room, "t.numerator (place=A, sex=F)")] = True
    assert "t.numerator (place=A, sex=F): more of it can be worked out than the bound" in _findings(
        room, alone, found.coded
    )


def test_bounds_excuse_nothing_that_would_be_known_without_them() -> None:
    room = bench(
        grid(
            # Each of the four may be 0 to 4, all that <5 % of 100 allows; yet without bounds two count 4 children.
            "t",
            r"""
            place\sex  F        M        X        All
            A          2*/100   2*/100   30/100   34/300
            B          2*/100   2*/100   30/100   34/300
            C          30/100   30/100   30/100   90/300
            All        34/300   34/300   90/300   158/900
            """,
        ),
        policy=CODED,
    )
    coded = np.where(room.marked, "<5 %", "").astype(object)
    assert "t.numerator (place=A, sex=F): its interval does not reach" in _findings(room, room.marked, coded)
    found = room.code()
    assert room.audit(found.hidden, coded=found.coded).passed
