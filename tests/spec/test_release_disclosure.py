"""Readable specifications of what the audit must catch, and of what suppression must hide.

Each is a table with `*` on the counts that are hidden. The first part says why the pattern gives a child away, the
second lets the room choose the pattern and has the audit look at it.
"""

from __future__ import annotations

import pytest
from support.release_grids import Grid, bench, grid

from assets.release.policy import ReleasePolicy
from assets.release.tables import CellRef, Relation

ONE_IN_A_LINE = grid(
    "t",
    r"""
    place\sex  F    M    All
    A          4*   30   34
    B          25   40   65
    All        29   70   99
    """,
)
ALL_HIDDEN_ARE_ZERO = grid(
    "t",
    r"""
    place\sex  F    M    All
    A          0*   0*   0
    B          25   40   65
    All        25   40   65
    """,
)
HIDDEN_SUM_IS_SMALL = grid(
    "t",
    r"""
    place\sex  F    M    X    All
    A          3*   2*   25   30
    B          4*   18*  30   52
    All        7*   20*  55   82
    """,
)
COMPLEMENT_IS_SMALL = grid(
    "t",
    r"""
    place\sex  F      M      All
    A          36/40  18/34  54/74
    B          20/40  25/60  45/100
    All        56/80  43/94  99/174
    """,
)
EVERY_CHILD_HAS_IT = grid(
    "t",
    r"""
    place\sex  F      M      All
    A          40/40  18/34  58/74
    B          20/40  25/60  45/100
    All        60/80  43/94  103/174
    """,
)
FOUR_BY_FOUR = grid(
    # Two hidden counts in every line and column, yet A-q is 5: rows A, B less columns r, s leave only that cell.
    "t",
    r"""
    place\sex  p    q    r    s    All
    A          20   5*   14*  16*  55
    B          30   22   13*  17*  82
    C          8*   18*  31   25   82
    D          12*  19*  27   22   80
    All        70   64   85   80   299
    """,
)
LINKED_LEFT = grid(
    "t",
    r"""
    place\sex  F    M    All
    A          6*   30*  36
    B          25*  40*  65
    All        31   70   101
    """,
)
LINKED_RIGHT = grid(
    # The same children by place and sex, in bands of which 'low' is all of A: safe alone, open together.
    "u",
    r"""
    band\sex   F    M    All
    low        6    30   36
    high       25   40   65
    All        31   70   101
    """,
)
TRAP_LEFT = grid(
    # A-F can be 0 to 31 here, and C-p 0 to 26 in the other table ...
    "t",
    r"""
    place\sex  F    M    All
    A          6*   30*  36
    B          25*  40*  65
    All        31   70   101
    """,
)
TRAP_RIGHT = grid(
    "u",
    r"""
    school\band  p    q    All
    C            6*   25*  31
    D            20*  30*  50
    All          26   55   81
    """,
)
TRAP = tuple(
    # ... but when A-F rises, A-M falls, while C-p and D-q, which are the same children, rise together.
    Relation(
        f"{school} is A",
        CellRef("u", "children"),
        CellRef("t", "children"),
        where=f"school = '{school}' and band = '{band}'",
        on=f"r.place = 'A' and r.sex = '{sex}'",
    )
    for school, band, sex in (("C", "p", "F"), ("D", "q", "M"))
)
SHARED = Relation(
    "the low band is place A",
    CellRef("u", "children"),
    CellRef("t", "children"),
    where="band = 'low'",
    on="r.place = 'A' and r.sex = l.sex",
)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        pytest.param(ONE_IN_A_LINE, "worked out exactly|too narrow", id="one hidden count in a line"),
        pytest.param(ALL_HIDDEN_ARE_ZERO, "worked out exactly", id="all hidden counts are zero"),
        pytest.param(HIDDEN_SUM_IS_SMALL, "known small sum|too narrow", id="hidden counts sum to a few"),
        pytest.param(COMPLEMENT_IS_SMALL, "shown or follows", id="denominator less numerator is a few"),
        pytest.param(EVERY_CHILD_HAS_IT, "shown or follows", id="100 % of a group"),
        pytest.param(FOUR_BY_FOUR, "worked out exactly|too narrow", id="two hidden in each line, one still solvable"),
    ],
)
def test_the_audit_stops_the_classic_failures(table: Grid, expected: str) -> None:
    findings = [str(finding) for finding in bench(table).audit().findings]
    assert any(part in finding for finding in findings for part in expected.split("|")), findings


def test_two_linked_tables_each_safe_alone_are_not_safe_together() -> None:
    for table in (TRAP_LEFT, TRAP_RIGHT):
        assert bench(table).audit().passed
    together = bench(TRAP_LEFT, TRAP_RIGHT, relations=TRAP).audit()
    findings = [str(finding) for finding in together.findings]
    assert "t.children (place=A, sex=F): it can be worked out exactly" in findings


def test_numerator_denominator_and_percentage_are_not_all_shown() -> None:
    room = bench(COMPLEMENT_IS_SMALL)
    hidden = room.suppress()
    room.release(hidden)
    sql = "select count(*) from target.main.t where denominator - numerator between 1 and 9 or rate > 90 or rate < 10"
    assert room.con.execute(sql).fetchall() == [(0,)]
    assert room.con.execute("select bool_and(rate is null) from target.main.t where suppressed").fetchall() == [(True,)]
    assert room.audit_released(hidden).passed


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param((ONE_IN_A_LINE,), id="one hidden count in a line"),
        pytest.param((HIDDEN_SUM_IS_SMALL,), id="hidden counts sum to a few"),
        pytest.param((COMPLEMENT_IS_SMALL,), id="small complement"),
        pytest.param((EVERY_CHILD_HAS_IT,), id="100 % of a group"),
        pytest.param((FOUR_BY_FOUR,), id="four by four"),
        pytest.param((LINKED_LEFT, LINKED_RIGHT), id="linked tables"),
        pytest.param((TRAP_LEFT, TRAP_RIGHT), id="two linked tables each safe alone"),
    ],
)
def test_suppression_hides_enough_for_the_audit(tables: tuple[Grid, ...]) -> None:
    links = {LINKED_RIGHT.spec.dims: (SHARED,), TRAP_RIGHT.spec.dims: TRAP}
    room = bench(*tables, relations=links[tables[-1].spec.dims] if len(tables) == 2 else ())
    report = room.audit(room.suppress())
    assert report.passed, [str(finding) for finding in report.findings]


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        pytest.param(ReleasePolicy(), True, id="zeros may be shown"),
        pytest.param(ReleasePolicy(zeros="hidden"), False, id="zeros are hidden"),
    ],
)
def test_the_zero_rule_is_a_switch(policy: ReleasePolicy, shown: bool) -> None:
    table = grid(
        "t",
        r"""
        place\sex  F    M    All
        A          0    34   34
        B          25   40   65
        All        25   74   99
        """,
    )
    room = bench(table, policy=policy)
    hidden = room.suppress()
    assert ("t.children (place=A, sex=F)" not in room.names(hidden)) is shown
    assert room.audit(hidden).passed


@pytest.mark.parametrize(
    ("certain", "hidden"),
    [pytest.param("hidden", True, id="0 and 100 % hidden"), pytest.param("shown", False, id="0 and 100 % shown")],
)
def test_certain_percentages_are_a_switch(certain: str, hidden: bool) -> None:
    room = bench(EVERY_CHILD_HAS_IT, policy=ReleasePolicy(certain=certain))  # type: ignore[arg-type]
    found = room.suppress()
    assert ("t.numerator (place=A, sex=F)" in room.names(found)) is hidden
    assert room.audit(found).passed


def test_the_citys_total_stays_when_a_schools_count_can_go() -> None:
    names = bench(ONE_IN_A_LINE)
    hidden = names.names(names.suppress())
    assert hidden == {
        "t.children (place=A, sex=F)",
        "t.children (place=A, sex=M)",
        "t.children (place=B, sex=F)",
        "t.children (place=B, sex=M)",
    }


def test_a_finding_names_table_and_cell_and_no_number() -> None:
    text = "; ".join(str(finding) for finding in bench(ONE_IN_A_LINE).audit().findings)
    assert "t.children (place=A, sex=F)" in text
    assert not any(number in text.split() for number in ("4", "30", "34", "99"))


@pytest.mark.parametrize("threshold", [5, 10, 11])
def test_the_threshold_is_the_smallest_count_shown(threshold: int) -> None:
    table = grid(
        "t",
        rf"""
        place\sex  F                M    All
        A          {threshold}      40   {threshold + 40}
        B          {threshold - 1}  40   {threshold + 39}
        C          30               40   70
        All        {2 * threshold + 29}  120  {2 * threshold + 149}
        """,
    )
    room = bench(table, policy=ReleasePolicy(threshold=threshold))
    names = room.names(room.suppress())
    assert "t.children (place=B, sex=F)" in names
    assert room.audit(room.suppress()).passed
