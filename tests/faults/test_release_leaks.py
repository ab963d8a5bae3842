"""A leak of each kind, planted in a release: the audit stops it, and names the table and the cell.

The first table plants by choice: `*` marks what is hidden, and that is too little. The second plants in the finished
file, with the annex left as it was. The third plants in a series, between an earlier release and this one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.release_grids import Bench, Grid, bench, grid

from assets.release.audit import AuditReport
from assets.release.building import build_system
from assets.release.tables import Additive, Borrowed, CellRef, Column, Relation

LINKED = tuple(
    Relation(
        f"{school} is A",
        CellRef("u", "children"),
        CellRef("t", "children"),
        where=f"school = '{school}' and band = '{band}'",
        on=f"r.place = 'A' and r.sex = '{sex}'",
    )
    for school, band, sex in (("C", "p", "F"), ("D", "q", "M"))
)
OVERLAPPING = {"additive": (Additive("program", kind="within"),)}

CHOSEN: dict[str, tuple[list[Grid], str]] = {
    "one number, by elimination": (
        [
            grid(
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
        ],
        "t.children (place=A, sex=q): it can be worked out exactly",
    ),
    "a narrow interval: 5 to 14": (
        [
            grid(
                "t",
                r"""
                place\sex  F    M    X    All
                A          8*   12*  30   50
                B          6*   3*   30   39
                All        14   15   60   89
                """,
            )
        ],
        "t.children (place=A, sex=F): its interval does not reach",
    ),
    "a group with a small sum": (
        [
            grid(
                "t",
                r"""
                place\sex  F    M    X    All
                A          3*   2*   25   30
                B          4*   18*  30   52
                All        7*   20*  55   82
                """,
            )
        ],
        "t.children (place=A, sex=F): hidden counts of one equation (t: sex) have a known small sum",
    ),
    "a complement": (
        [
            grid(
                "t",
                r"""
                place\sex  F      M      All
                A          36/40  18/34  54/74
                B          20/40  25/60  45/100
                All        56/80  43/94  99/174
                """,
            )
        ],
        "t.denominator (place=A, sex=F) less t.numerator (place=A, sex=F): a number that the rule hides is shown",
    ),
    "100 %": (
        [
            grid(
                "t",
                r"""
                place\sex  F      M      All
                A          40/40  18/34  58/74
                B          20/40  25/60  45/100
                All        60/80  43/94  103/174
                """,
            )
        ],
        "t.denominator (place=A, sex=F) less t.numerator (place=A, sex=F): a number that the rule hides is shown",
    ),
    "0 %": (
        [
            grid(
                "t",
                r"""
                place\sex  F      M      All
                A          0/40   18/34  18/74
                B          20/40  25/60  45/100
                All        20/80  43/94  63/174
                """,
            )
        ],
        "t.numerator (place=A, sex=F): a number that the rule hides is shown",
    ),
    "100 %, or nearly, behind intervals": (
        [
            grid(
                "t",
                r"""
                place\sex  F        M        All
                A          30*/30*  20*/35*  50/65
                B          12*/20*  30*/40*  42/60
                All        42/50    50/75    92/125
                """,
            )
        ],
        "t.denominator (place=A, sex=F) less t.numerator (place=A, sex=F): its interval does not reach",
    ),
    "two linked tables, each safe alone": (
        [
            grid(
                "t",
                r"""
                place\sex  F    M    All
                A          6*   30*  36
                B          25*  40*  65
                All        31   70   101
                """,
            ),
            grid(
                "u",
                r"""
                school\band  p    q    All
                C            6*   25*  31
                D            20*  30*  50
                All          26   55   81
                """,
            ),
        ],
        "t.children (place=A, sex=F): it can be worked out exactly",
    ),
    "a nested difference": (
        [
            grid(
                "t",
                r"""
                period\program  food  home  All
                2024            36    21    40
                """,
                **OVERLAPPING,
            )
        ],
        "t.children (period=2024) less t.children (period=2024, program=food): a number that the rule hides is shown",
    ),
    "rounding too fine": (
        [
            grid(
                "t",
                r"""
                place\sex  F
                A          36/40
                B          20/40
                """,
                additive=(),
                rounding=2,
            )
        ],
        "t.denominator (place=A, sex=F) less t.numerator (place=A, sex=F): its interval does not reach",
    ),
}


def _stops(report: AuditReport, expected: str) -> None:
    findings = [str(finding) for finding in report.findings]
    assert any(finding.startswith(expected) for finding in findings), findings


@pytest.mark.parametrize("kind", CHOSEN)
def test_too_little_is_hidden(kind: str) -> None:
    tables, expected = CHOSEN[kind]
    room = bench(*tables, relations=LINKED if len(tables) == 2 else ())
    _stops(room.audit(), expected)


RATES = r"""
    place\sex  F      M      All
    A          4/40   18/34  22/74
    B          20/40  25/60  45/100
    C          30/50  31/70  61/120
    All        54/130 74/164 128/294
"""
IN_A_F = "where place = 'A' and sex = 'F'"
WRITTEN: dict[str, tuple[str, str]] = {
    "a rate beside a hidden count": (
        f"update target.main.t set rate = 10.0 {IN_A_F}",
        "t (place=A, sex=F): rate is not that of its counts",
    ),
    "rate x denominator": (
        f"update target.main.t set rate = 10.0 {IN_A_F}",
        "t.numerator (place=A, sex=F): it can be worked out exactly",
    ),
    "a hidden count shown": (
        f"update target.main.t set numerator = 4 {IN_A_F}",
        "the whole release: the hidden cells are not those of the annex",
    ),
    "a coded column beside a hidden count": (
        f"update target.main.t set low = 0.1 {IN_A_F}",
        "t (place=A, sex=F): low is shown beside a hidden or small count",
    ),
    "a column finer than it should be": (
        "update target.main.t set low = 0.123 where place = 'C' and sex = 'F'",
        "t (place=C, sex=F): low is shown finer than it should be",
    ),
    "a borrowed column": (
        "update target.main.u set latest = 10.0",
        "u (place=A, sex=F): latest is not what t shows",
    ),
    "a flag taken away": (
        f"update target.main.t set suppressed = false {IN_A_F}",
        "t (place=A, sex=F): the flag `suppressed` is wrong",
    ),
    "a reason of its own": (
        f"update target.main.t set suppressed_because = 'a small count' {IN_A_F}",
        "t (place=A, sex=F): it says something else of why a number is hidden",
    ),
    "a shown count altered": (
        "update target.main.t set numerator = 32 where place = 'C' and sex = 'F'",
        "t: place: shown and hidden counts do not add up",
    ),
    "a column nobody declared": (
        "alter table target.main.t add column counted integer default 4",
        "t.counted: the catalogue does not name this column",
    ),
    "a table nobody declared": (
        "create table target.main.work as select 4 as counted",
        "work.counted: the catalogue does not name this table",
    ),
    "a row left out": (
        f"delete from target.main.t {IN_A_F}",
        "the whole release: the hidden cells are not those of the annex",
    ),
}


@pytest.fixture(scope="module")
def room() -> Bench:
    borrowed = Borrowed("latest", "t", "rate", on="r.place = l.place and r.sex = l.sex")
    comments = dict.fromkeys(("place", "sex", "numerator", "denominator", "rate", "low", "latest", "children"), "said")
    low = Column("low", hidden_with_counts=True, digits=2)
    copy = grid("u", "place\\sex F\nA 50", additive=(), borrowed=(borrowed,), comments=comments)
    made = bench(grid("t", RATES, columns=(low,), comments=comments), copy)
    made.con.execute("alter table work.t add column low double default 0.12")
    return made


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_finished_file_says_more(room: Bench, kind: str) -> None:
    statement, expected = WRITTEN[kind]
    hidden = room.suppress()
    room.release(hidden)
    assert room.audit_released(hidden).passed
    room.con.execute(statement)
    _stops(room.audit_released(hidden), expected)


VERSIONS = r"""
    version\period  2024-25  2025-26
    1               40       52
    2               {}       52
"""
FROZEN = {"additive": (), "period": "period", "definition": ("version",), "version": "version"}
OLD = "version = '1'"
SERIES: dict[str, tuple[int, str, str]] = {
    "a late record shown": (
        55,
        "update target.main.t set children = 43 where version = '1' and period = '2024-25'",
        "t (version=1, period=2024-25): it differs from an earlier release",
    ),
    "history altered": (
        55,
        "update target.main.t set release_id = 'r-1' where version = '1' and period = '2024-25'",
        "t (version=1, period=2024-25): it differs from an earlier release",
    ),
    "a row of an earlier release left out": (
        55,
        "delete from target.main.t where version = '1' and period = '2024-25'",
        "t (version=1, period=2024-25): a row of an earlier release is left out",
    ),
    "a row passed off as old": (
        55,
        "update target.main.t set release_id = 'r-0' where version = '2' and period = '2024-25'",
        "t (version=2, period=2024-25): it claims that an earlier release showed it, and none did",
    ),
    "a few children between two versions": (
        43,
        "",
        "t.children (version=2, period=2024-25) less t.children (version=1, period=2024-25): "
        "a number that the rule hides is shown",
    ),
}


@pytest.mark.parametrize("kind", SERIES)
def test_two_releases_say_more_than_one(kind: str, tmp_path: Path) -> None:
    second, statement, expected = SERIES[kind]
    room, before = _series(tmp_path, second)
    nothing = np.zeros(len(room.system.values), bool)
    room.release(nothing)
    if statement:
        assert room.audit_released(nothing, (before,)).passed
        room.con.execute(statement)
    _stops(room.audit_released(nothing, (before,)), expected)


def _series(folder: Path, second: int) -> tuple[Bench, Path]:
    """Return tonight's tables, of which version 1 was published before, and the file in which it was."""
    room, before = bench(grid("t", VERSIONS.format(second), **FROZEN)), folder / "earlier.duckdb"
    room.con.execute(f"attach '{before}' as old")
    room.con.execute(f"create table old.t as select * replace ('r-0' as release_id) from work.t where {OLD}")
    room.con.execute("detach old")
    room.con.execute(f"update work.t set release_id = 'r-0' where {OLD}")
    room.system = build_system(room.con, room.catalogue, "memory.work")
    return room, before
