"""What is missed when prohibitions, limits and other bounds change, though they act on nothing: tables of before and after."""

# ruff: noqa: E501  (a row of the table stays one row)
from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.mou import edited, write
from support.mou_clean import CLEAN
from support.mou_differences import city, compared, told

from mou_policies.diff import side_of
from mou_policies.domain import spans

TERM = "{from: 2025-07-01, to: 2030-06-30}"
WHY = 'because: "b", cite: "c"'


def no(says: str) -> str:
    return f"prohibits: [{{{says}, {WHY}}}]\n"


def most(says: str) -> str:
    return f"limits: [{{{says}, {WHY}}}]\n"


def risk(says: str) -> str:
    return f'accepts: [{{rule: FLD-008, {says}, by: "A", role: "Counsel", because: "b"}}]\n'


def asked(says: str) -> str:
    return f"expect: [{{field: school.students.ssn, use: publish, {says}}}]\n"


BIRTHS = no('use: [publish], class: ["birth.*"]')
BORN = no("use: [publish], class: [birth.date]")
KEPT = no("use: [content], class: [birth.date]")
EVERY = no('use: [publish], class: ["*"]')
DOB = no('use: [publish], fields: ["school.students.dob"]')
DOBS = no('use: [publish], fields: ["school.*.dob"]')
TWO = no("use: [publish], class: [birth.date], purposes: [evaluate-education, measure-success]")
ONE = no("use: [publish], class: [birth.date], purposes: [measure-success]")
SEX = no("use: [publish], class: [birth.date], with: [sex]")
SEX_RACE = no("use: [publish], class: [birth.date], with: [sex, race_ethnicity]")
YEAR = most("use: [content], class: [date.event], treatment: {date: year}")
MONTH = most("use: [content], class: [date.event], treatment: {date: month}")
YEAR_OUT = most("use: [publish], class: [date.event], treatment: {date: year}")
STOPPED = no("use: [content], class: [date.event]")
ANY = risk("on: 2025-07-01, until: 2028-06-30")
GRADE = risk('field: "school.students.grade", on: 2025-07-01, until: 2028-06-30')
LONGER = risk('field: "school.students.grade", on: 2025-07-01, until: 2029-06-30')
DENIED = asked("on: 2026-09-01, is: denied")
FOR = asked("purpose: measure-success, on: 2026-09-01, is: denied")
LATER = asked("on: 2027-09-01, is: denied")
ALLOWED = asked("on: 2026-09-01, is: allowed")

CASES = [
    # before,  after,  what is newly possible
    (BIRTHS,   BORN,   "publish of birth.gestation, birth.order, birth.place, birth.plurality, birth.relative_date, birth.weight: not prohibited"),
    (BORN,     BIRTHS, None),
    (BORN,     EVERY,  None),
    (BORN,     KEPT,   None),
    (KEPT,     BORN,   "content of birth.date: not prohibited"),
    (DOB,      DOBS,   None),
    (DOBS,     DOB,    "publish of school.*.dob: not prohibited"),
    (DOB,      EVERY,  None),
    (DOB,      BIRTHS, "publish of school.students.dob: not prohibited"),
    (TWO,      ONE,    "publish of birth.date for evaluate-education: not prohibited"),
    (ONE,      TWO,    None),
    (ONE,      BORN,   None),
    (BORN,     TWO,    "publish of birth.date: not prohibited"),
    (BORN,     SEX,    "publish of birth.date: not prohibited"),
    (SEX,      BORN,   None),
    (SEX,      SEX_RACE, None),
    (SEX_RACE, SEX,    "publish of birth.date beside sex, race_ethnicity: not prohibited"),
    (YEAR,     MONTH,  "content of date.event: date: month"),
    (MONTH,    YEAR,   None),
    (YEAR,     YEAR_OUT, "content of date.event: no limit"),
    (YEAR_OUT, YEAR,   None),
    (YEAR,     STOPPED, None),
    (YEAR,     "",     "content of date.event: no limit"),
    (ANY,      GRADE,  None),
    (GRADE,    ANY,    "FLD-008 accepted for * by A, Counsel, 2025-07-01 to 2028-06-30"),
    (GRADE,    LONGER, "FLD-008 accepted for school.students.grade by A, Counsel, 2025-07-01 to 2029-06-30"),
    (LONGER,   GRADE,  None),
    (DENIED,   FOR,    "not asked"),
    (FOR,      DENIED, None),
    (DENIED,   LATER,  "not asked"),
    (ALLOWED,  "",     None),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_what_an_emou_leaves_out_is_missed(tmp_path: Path, before: str, after: str, expected: str | None) -> None:
    """Compared by itself, so that nothing acts on anything."""
    old, new = (edited("terms:\n", f"{bound}terms:\n", CLEAN["emou.yaml"]) for bound in (before, after))
    found = told(compared(write(tmp_path / "old", old), write(tmp_path / "new", new)).widened)
    assert [line.partition(" -> ")[2] for line in found] == ([expected] if expected else [])


def with_bound(name: str, bound: str = BORN) -> str:
    return edited("terms:\n", f"{bound}terms:\n", CLEAN[name])


SECOND = CLEAN["dsa.yaml"].replace("district-2025", "district-more")
SECOND_BOUND = edited("terms:\n", f"{BORN}terms:\n", SECOND)

MOVED = [
    # files before,                             and after,                                 still prohibited
    ({"dsa.yaml": with_bound("dsa.yaml")},      {"emou.yaml": with_bound("emou.yaml")},    True),
    ({"emou.yaml": with_bound("emou.yaml")},    {"dsa.yaml": with_bound("dsa.yaml")},      False),
    ({"dsa.yaml": with_bound("dsa.yaml"), "more.yaml": SECOND}, {"more.yaml": SECOND_BOUND}, True),
    ({"more.yaml": SECOND_BOUND},               {},                                        False),
    ({"more.yaml": SECOND_BOUND},               {"dsa.yaml": with_bound("dsa.yaml")},      True),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "kept"), MOVED)
def test_a_prohibition_may_move_where_it_acts_as_much(
    tmp_path: Path, before: dict[str, str], after: dict[str, str], kept: bool
) -> None:
    """From an agreement to its parent or to another of its owner, not from the parent to one child."""
    old, new = city(tmp_path / "old"), city(tmp_path / "new")
    for folder, files in ((old, before), (new, after)):
        for name, text in files.items():
            write(folder, text, name)
    found = [change for change in compared(old, new).widened if change.facet == "prohibits"]
    assert bool(found) is not kept


def test_a_parent_may_give_way_to_its_amendment(tmp_path: Path) -> None:
    old, new = city(tmp_path / "old"), city(tmp_path / "new")
    digest = side_of(old / "emou.yaml").agreements[0].sha256
    amends = f"agreement: cabinet-2026\namends: {{agreement: cabinet-2025, sha256: {digest}}}\n"
    write(new, edited("agreement: cabinet-2025\n", amends, CLEAN["emou.yaml"]), "emou-2026.yaml")
    write(new, edited("under: [cabinet-2025]", "under: [cabinet-2026]", CLEAN["dsa.yaml"]), "dsa.yaml")
    assert not compared(old, new).widened


def test_the_people_an_exception_is_about(tmp_path: Path) -> None:
    head = '    cite: "34 CFR 99.31(a)(3)'
    some = edited(head, f"    population: students\n{head}", CLEAN["dsa.yaml"])
    old, new = write(tmp_path / "old", some), write(tmp_path / "new", CLEAN["dsa.yaml"])
    assert told(compared(old, new).widened) == [
        "district-2025: ferpa.audit-evaluation, students only -> ferpa.audit-evaluation"
    ]
    assert not compared(new, old).widened


def test_rows_with_any_other_value(tmp_path: Path) -> None:
    rule = '- {{name: school.late, field: grade, equals: ["X"], {}because: "b", cite: "c"}}\n          - {{name: school.sealed'
    strict, loose = (
        edited("- {name: school.sealed", rule.format(safe), CLEAN["dsa.yaml"]) for safe in ('safe: ["01"], ', "")
    )
    (change,) = compared(write(tmp_path / "old", strict), write(tmp_path / "new", loose)).widened
    assert (change.about, change.came, change.after) == ("school.students.grade", "any other value, or none", "loaded")


def test_words_of_what_is_gone_are_not_told_apart(tmp_path: Path) -> None:
    """A prohibition that is gone is told as such; its reasons are not words that changed."""
    found = compared(write(tmp_path / "old", with_bound("emou.yaml")), write(tmp_path / "new", CLEAN["emou.yaml"]))
    assert (len(found.widened), found.words) == (1, ())


def test_dates_are_cut_where_risks_and_statements_begin_and_end(tmp_path: Path) -> None:
    stated = edited("on: 2025-07-01}\nterms:", f"on: 2025-08-01, until: 2027-12-31}}\n{GRADE}terms:", CLEAN["dul.yaml"])
    found = spans(side_of(write(tmp_path, stated)).agreements)
    assert [str(span) for span in found] == [
        "2025-07-01 to 2025-07-31",
        "2025-08-01 to 2027-12-31",
        "2028-01-01 to 2028-06-30",
        "2028-07-01 to 2030-06-30",
    ]
    assert spans([]) == []
    longer = edited(TERM, "{from: 2025-07-01, to: 2032-06-30}", CLEAN["dul.yaml"])
    assert len(spans(side_of(write(tmp_path, longer)).agreements)) == 2  # the ZIP3 table of 2020 is current until 2031
    assert found[0].first == date(2025, 7, 1)


def test_what_an_amendment_leaves_out_does_not_act_any_more(tmp_path: Path) -> None:
    old, new = city(tmp_path / "old"), city(tmp_path / "new")
    for folder in (old, new):
        write(folder, with_bound("dsa.yaml"), "dsa.yaml")
    digest = next(a.sha256 for a in side_of(old).agreements if a.agreement_id == "district-2025")
    amends = f"agreement: district-2026\namends: {{agreement: district-2025, sha256: {digest}}}\n"
    write(new, edited("agreement: district-2025\n", amends, CLEAN["dsa.yaml"]), "dsa-2026.yaml")
    assert [change.before for change in compared(old, new).widened if change.facet == "prohibits"] == [
        "publish of birth.date: prohibited (b)"
    ]
