"""What each kind of change of an agreement makes possible, and what it stops: a table of words, and what is told."""

# ruff: noqa: E501  (a row of the table stays one row)
from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.mou import DEMO, edited, write
from support.mou_clean import CLEAN
from support.mou_differences import city, compared, told

from mou_policies.diff import side_of
from mou_policies.diff_text import plain, text
from mou_policies.domain import Span

GRADE = "{class: education.grade, use: publish, treatment: keep"
KEPT = "{class: education.grade, use: content, treatment: keep"
CODED = "{class: education.grade, use: publish, treatment: {recode: {K: early}, else: later}"
MONTHS = "{class: education.role, use: publish, treatment: keep"
DOB = "treatment: {date: year}, as: birth_year"
SCHOOL_YEAR = "treatment: {date: school_year}, as: birth_year"
NOTES = "notes: {class: text.free, use: none"
LINKED = "notes: {class: sex, use: link, treatment: tokenise"
SAFE = 'equals: ["Y"], safe: ["N"]'
TERM = "{from: 2025-07-01, to: 2030-06-30}"
PERMITS = 'publish: ["birth.*", "sex", "education.*"]'
FORBID = 'prohibits: [{use: [publish], class: ["birth.*"], because: "Too telling", cite: "Board"}]\nterms:'
BESIDE = 'prohibits: [{use: [publish], class: ["birth.*"], with: [sex], because: "Too telling", cite: "Board"}]\nterms:'
LIMIT = 'limits: [{use: [content], class: [address.zip], treatment: zip3, because: "Coarse", cite: "Board"}]\nterms:'
ACCEPT = 'accepts: [{rule: FLD-008, field: "school.students.grade", by: "A. Example", role: "Counsel", on: 2025-07-01, until: 2030-06-30, because: "Public"}]\nterms:'
SIGN = "signatories: {hub: [Director, Counsel]}\nterms:"
EXPECT = "expect: [{field: school.students.ssn, use: publish, on: 2026-09-01, is: denied}]\nterms:"

CASES = [
    # file,      words,                 by,                  newly possible, and no longer possible
    # -- fields
    ("dsa.yaml", KEPT,                  GRADE,               ["school.students.grade: not published -> 04", "school.students.dob: not published -> 2014"], []),
    ("dsa.yaml", CODED,                 GRADE,               ["school.students.grade: early -> K"], []),
    ("dsa.yaml", DOB,                   SCHOOL_YEAR,         ["school.students.dob: 2014 -> 2014-15"], ["school.students.dob: 2014 -> 2014-15"]),
    ("dsa.yaml", GRADE,                 MONTHS,              ["school.students.grade: 04 (keep, education.grade) -> 04 (keep, education.role)"], ["school.students.grade: 04 (keep, education.grade) -> 04 (keep, education.role)"]),
    ("dsa.yaml", NOTES,                 LINKED,              ["school.students.notes: not read -> keyed token, then forgotten"], []),
    ("dsa.yaml", "as: birth_year",      "as: year_of_birth", [], []),
    ("dsa.yaml", 'reason: "Cohort"',    'reason: "Age"',     [], []),
    # -- rows, columns and files
    ("dsa.yaml", SAFE,                  'equals: ["Y"], safe: ["N", "U"]', ["school.students.sealed: left out (school.sealed) -> loaded"], []),
    ("dsa.yaml", SAFE + ",",            SAFE + ", cascade: true,", [], ["school.students.sealed: loaded -> left out too"]),
    ("dsa.yaml", "field: sealed",       "field: hidden",     ["school.students.hidden: not read -> read, not kept", "school.students.sealed: left out (school.sealed) -> loaded"], ["school.students.sealed: read, not kept -> not read", "school.students.hidden: loaded -> left out (school.sealed)"]),
    ("dsa.yaml", '"students_*.csv"',    '"*.csv"',           ["school: files students_*.csv -> files *.csv"], []),
    ("dsa.yaml", '"students_*.csv"',    '"students_2026_*.csv"', [], ["school: files students_*.csv -> files students_2026_*.csv"]),
    ("dsa.yaml", "delivery: full",      "delivery: delta",   ["school: delivery: full -> delivery: delta"], []),
    ("dsa.yaml", "delivery: full",      'delivery: full\n    options: {delimiter: ";"}', ["school: delimiter: – -> delimiter: ;"], ["school: delimiter: – -> delimiter: ;"]),
    ("dsa.yaml", "delivery: full",      'delivery: full\n    options: {nulls: ["-9"]}', [], ["school: nulls: – -> nulls: -9"]),
    ("dsa.yaml", "delivery: full",      "delivery: full\n    options: {date_format: MM/DD/YYYY}", ["school.students.dob: 2014 (date: year, birth.date) -> 2014 (date: year, birth.date, MM/DD/YYYY)", "school.students.dob: keyed token, then forgotten (tokenise, birth.date) -> keyed token, then forgotten (tokenise, birth.date, MM/DD/YYYY)"], ["school.students.dob: 2014 (date: year, birth.date) -> 2014 (date: year, birth.date, MM/DD/YYYY)", "school.students.dob: keyed token, then forgotten (tokenise, birth.date) -> keyed token, then forgotten (tokenise, birth.date, MM/DD/YYYY)"]),
    ("dsa.yaml", "        excludes:",   "        key: [student_id, term]\n        excludes:", ["school.students: rows told apart by student_id, of the record student_id -> rows told apart by student_id, term, of the record student_id", "school.students.term: not read -> read, not kept"], ["school.students: rows told apart by student_id, of the record student_id -> rows told apart by student_id, term, of the record student_id"]),
    # -- the heading
    ("dsa.yaml", "under: [cabinet-2025]\n", "",              ["district-2025: under cabinet-2025 -> –"], []),
    ("dsa.yaml", "period_days: 180",    "period_days: 300",  ["district-2025: 180 days -> 300 days"], []),
    ("dsa.yaml", "period_days: 180",    "period_days: 90",   [], ["district-2025: 180 days -> 90 days"]),
    ("emou.yaml", TERM,                 "{from: 2025-07-01, to: 2031-06-30}", ["cabinet-2025: 2025-07-01 to 2030-06-30 -> 2025-07-01 to 2031-06-30"], []),
    ("emou.yaml", "  members:\n",       '  members:\n    - {agency: clinic, name: "Clinic", represented_by: "Head", contact: "c@city.example"}\n', ["cabinet-2025: – -> member clinic (Clinic)"], []),
    ("emou.yaml", "{link-records:",     '{public-health: "Count", link-records:', ["cabinet-2025: – -> public-health"], []),
    ("emou.yaml", "terms:",             SIGN,                [], ["cabinet-2025: hub: any signer -> hub: Director, Counsel"]),
    # -- ceilings, prohibitions, limits
    ("emou.yaml", PERMITS,              PERMITS.replace("]", ", address.zip]"), ["cabinet-2025: publish of address.zip: not permitted -> publish of address.zip: permitted"], []),
    ("emou.yaml", "terms:",             FORBID,              [], ["school.students.dob: 2014 -> not published", "cabinet-2025: publish of birth.*: not prohibited -> publish of birth.*: prohibited (Too telling)"]),
    ("emou.yaml", "terms:",             BESIDE,              [], ["cabinet-2025: publish of birth.* beside sex: not prohibited -> publish of birth.* beside sex: prohibited (Too telling)"]),
    ("emou.yaml", "terms:",             LIMIT,               [], ["cabinet-2025: content of address.zip: no limit -> content of address.zip: at the finest zip3"]),
    ("emou.yaml", PERMITS,              PERMITS + "\n  publication: agreement", ["cabinet-2025: a release needs a licence -> a release needs no licence"], []),
    # -- the licence
    ("dul.yaml", '      dob: "Cohort"\n', "",                [], ["school.students.dob: 2014 -> not published"]),
    ("dul.yaml", "minimum_cell: 10",    "minimum_cell: 20",  [], ["outcomes-2025: minimum cell 10 -> minimum cell 20"]),
    ("dul.yaml", "minimum_cell: 10",    "minimum_cell: 10\n  zeros: hidden", [], ["outcomes-2025: zeros not said -> zeros hidden"]),
    ("dul.yaml", "minimum_cell: 10",    "minimum_cell: 10\n  mode: round-5", [], ["outcomes-2025: mode not said -> mode round-5"]),
    ("dul.yaml", "minimum_cell: 10",    "minimum_cell: 10\n  percentages: [{least: 10, low: 20, high: 80}]", [], ["outcomes-2025: not coded so -> percentages of 10 or more coded below 20 and above 80"]),
    ("dul.yaml", "minimum_cell: 10",    "minimum_cell: 10\n  amounts: {prior: 15}", [], ["outcomes-2025: no rule for amounts -> amounts: prior 15 %"]),
    ("dul.yaml", "level: aggregate",    "level: records\n  records: {keep: [sex]}", ["outcomes-2025: level aggregate -> level records", "outcomes-2025: no file of rows -> rows with sex"], []),
    ("dul.yaml", "  claims: [ferpa.deidentified]\n", "",     ["outcomes-2025: claims ferpa.deidentified -> does not claim it"], []),
    ("dul.yaml", "  quasi_identifiers: [school.students.grade]\n", "", ["outcomes-2025: school.students.grade protected as a quasi-identifier -> not protected as one"], []),
    ("dul.yaml", "agency: analytics, name: \"Analytics\"", "agency: university, name: \"University\"", ["outcomes-2025: – -> recipient university (University)"], ["outcomes-2025: recipient analytics (Analytics) -> –"]),
    ("dul.yaml", "terms:",              ACCEPT,              ["outcomes-2025: – -> FLD-008 accepted for school.students.grade by A. Example, Counsel, 2025-07-01 to 2030-06-30"], []),
    ("dul.yaml", "terms:",              EXPECT,              [], ["outcomes-2025: not asked -> school.students.ssn: publish on 2026-09-01 expected to be denied"]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "words", "by", "widened", "narrowed"), CASES)
def test_what_a_change_makes_possible_and_stops(
    tmp_path: Path, file: str, words: str, by: str, widened: list[str], narrowed: list[str]
) -> None:
    """Read forward or back: what one way widens, the other way narrows. No change goes without its clause named."""
    plainly = words if words in CLEAN[file] else by
    other = by if plainly is words else words
    clean, changed = city(tmp_path / "clean"), city(tmp_path / "changed", file, plainly, other)
    old, new = (clean, changed) if plainly is words else (changed, clean)
    found, back = compared(old, new), compared(new, old)
    assert told(found.widened) == sorted(widened)
    assert told(found.narrowed) == sorted(narrowed)
    assert [change.turned for change in back.narrowed] == list(found.widened)
    assert [change.turned for change in back.widened] == list(found.narrowed)
    assert found.widens is bool(widened)
    assert found.clauses
    assert all(change.old or change.new for change in (*found.widened, *found.narrowed))


def test_an_agreement_by_itself_is_not_judged_by_lint_or_parents(tmp_path: Path) -> None:
    """What lint would refuse beside its parent is shown all the same: nobody has to find the parent first."""
    old, new = CLEAN["dsa.yaml"], edited("{allowed: false,", "{allowed: true,", CLEAN["dsa.yaml"])
    new = edited("use: content, treatment: zip3", "use: publish, treatment: zip3", new)
    found = compared(write(tmp_path / "old", old), write(tmp_path / "new", new))
    assert told(found.widened) == ["district-2025: not allowed -> allowed", "school.students.zip: not published -> 012"]
    assert not found.refused


def test_a_licence_by_itself_is_judged_by_what_it_names(tmp_path: Path) -> None:
    old = CLEAN["dul.yaml"]
    new = edited('dob: "Cohort"', 'zip: "Residence"', edited("under: [district-2025, ", "under: [", old))
    found = compared(write(tmp_path / "old", old), write(tmp_path / "new", new))
    assert told(found.widened) == [
        "outcomes-2025: under district-2025 -> –",
        "school.students.zip: not licensed -> licensed",
    ]
    assert told(found.narrowed) == [
        "outcomes-2025: takes fields shared under district-2025 -> –",
        "school.students.dob: licensed -> not licensed",
    ]


def test_dates_are_compared_by_spans(tmp_path: Path) -> None:
    """A second agreement of the owner, for a part of the first one's term, lets one field be linked meanwhile."""
    old, new = city(tmp_path / "old"), city(tmp_path / "new")
    more = edited(NOTES, LINKED, CLEAN["dsa.yaml"].replace("district-2025", "district-more"))
    write(new, edited(TERM, "{from: 2026-07-01, to: 2027-06-30}", more), "more.yaml")
    write(old, edited(NOTES, "other: {class: text.free, use: none", CLEAN["dsa.yaml"]), "dsa.yaml")
    write(new, edited(NOTES, "other: {class: text.free, use: none", CLEAN["dsa.yaml"]), "dsa.yaml")
    (change,) = compared(old, new).widened
    assert (change.about, change.uses) == ("school.students.notes", (("link", ("link-records",)),))
    assert change.spans == (Span(date(2026, 7, 1), date(2027, 6, 30)),)
    assert change.old == ("dsa.yaml:37 district-2025 school.students",)
    assert change.new == ("more.yaml:49 district-more school.students.notes",)


def test_an_amendment_is_held_against_what_it_amends(tmp_path: Path) -> None:
    """A prohibition that the amendment leaves out is missed, though the old text is still in the folder."""
    strict = edited("terms:", FORBID, CLEAN["emou.yaml"])
    old, new = (
        city(tmp_path / "old", "emou.yaml", "terms:", FORBID),
        city(tmp_path / "new", "emou.yaml", "terms:", FORBID),
    )
    digest = side_of(write(tmp_path, strict)).agreements[0].sha256
    amends = f"agreement: cabinet-2026\namends: {{agreement: cabinet-2025, sha256: {digest}}}\n"
    write(new, edited("agreement: cabinet-2025\n", amends, CLEAN["emou.yaml"]), "emou-2026.yaml")
    assert told(compared(old, new).widened) == [
        "cabinet-2025: publish of birth.*: prohibited (Too telling) -> publish of birth.*: not prohibited",
        "school.students.dob: not published -> 2014",
    ]


def test_what_lint_refuses_is_told(tmp_path: Path) -> None:
    old, new = city(tmp_path / "old"), city(tmp_path / "new", "dul.yaml", "minimum_cell: 10", "minimum_cell: 5")
    found = compared(old, new)
    assert told(found.widened) == ["outcomes-2025: minimum cell 10 -> minimum cell 5"]
    assert told(found.narrowed) == [
        "school.students.dob: 2014 -> not published",
        "school.students.grade: 04 -> not published",
    ]
    assert len(found.refused) == 1
    assert "minimum_cell is 5" in found.refused[0]
    assert compared(new, old).mended == found.refused


def test_nothing_changes_unseen_and_words_do_not_widen(tmp_path: Path) -> None:
    words = [
        ("dsa.yaml", 'cite: "34 CFR 99.31(a)(3), 99.35"', 'cite: "The law"', "district-2025, authority ferpa.audit-evaluation cite"),
        ("dsa.yaml", 'reason: "Cohort"', 'reason: "Age"', "district-2025, school.students.dob birth_year reason"),
        ("dsa.yaml", 'because: "Sealed records are not joined"', 'because: "So it is"', "district-2025, school.students excludes school.sealed because"),
        ("dul.yaml", "Counts below ten", "Small counts", "outcomes-2025, terms publication"),
        ("emou.yaml", "terms:", "terms:\n  seat: \"In the city hall\"", "cabinet-2025, terms seat"),
    ]  # fmt: skip
    for number, (file, old, new, about) in enumerate(words):
        found = compared(city(tmp_path / f"old{number}"), city(tmp_path / f"new{number}", file, old, new))
        assert [word.about for word in found.words] == [about]
        assert (found.widened, found.narrowed, len(found.clauses)) == ((), (), 1)


def test_layout_changes_nothing(tmp_path: Path) -> None:
    spaced = city(
        tmp_path / "new", "dsa.yaml", 'title: "Students"\nunder', 'title:   "Students"   # a comment\n\nunder'
    )
    found = compared(city(tmp_path / "old"), spaced)
    assert (found.widened, found.narrowed, found.words, found.clauses) == ((), (), (), {})


SAID = """\
Newly possible
  school.students: released for measure-success; from 2025-07-01 to 2030-06-30
    dob  2014-09-02: not published -> 2014  old dsa.yaml:45  new dsa.yaml:45
  school.students: publishable for evaluate-education, measure-success; released for measure-success; from 2025-07-01 to 2030-06-30
    grade  04: not published -> 04  old dsa.yaml:48  new dsa.yaml:48

No longer refused
  dul.yaml:14: it licenses school.students.grade, which no agreement it stands under lets be published (AGR-010) (stopped: no source could be named); Narrow the agreement to its parent, or have the parent amended and signed by all its parties.

Clauses that read otherwise
  district-2025: sources.school.tables.students.fields.grade

2 newly possible, 0 no longer possible, words changed in 0 places. This widens what may be done: ask for a second signature before it is accepted."""


def test_as_text_and_as_values(tmp_path: Path) -> None:
    found = compared(city(tmp_path / "old", "dsa.yaml", GRADE, KEPT), city(tmp_path / "new"))
    assert text(found) == SAID
    values = plain(found)
    assert values["widens"] is True
    assert values["newly_possible"][1] == {
        "facet": "field",
        "about": "school.students.grade",
        "uses": {"publish": ["evaluate-education", "measure-success"], "release": ["measure-success"]},
        "dates": [{"from": "2025-07-01", "to": "2030-06-30"}],
        "before": "not published",
        "after": "04",
        "example": {"came": "04", "before": "not published", "after": "04"},
        "old_clauses": ["dsa.yaml:48 district-2025 school.students.grade"],
        "new_clauses": ["dsa.yaml:48 district-2025 school.students.grade"],
    }


def test_nothing_widens_where_nothing_changes() -> None:
    found = compared(DEMO, DEMO)
    assert not found.widens
    assert text(found).endswith("Nothing is newly possible: no second signature is needed.")
