"""Claims of de-identification as a table: each field that leaves is proved, refused, or accepted by a named person.

A row is a claim, a field's class and treatment, and what the verdict says of it in a release of records. Accepted risks
and the conditions on the whole release follow below, each as its own table.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.licences import DUL, NIGHT, licence_in
from support.mou import edited

from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.claims import judge, judge_all
from mou_policies.model import Treatment
from mou_policies.verdict import ACCEPTED, PROVED, REFUSED, ReleasedField, Verdict

CLAIMS = {
    "ferpa": "ferpa.deidentified",
    "safe": "hipaa.safe-harbor",
    "limited": "hipaa.limited-data-set",
}

FIELDS = """
    claim   | class              | treatment        | outcome | rule    | words of the line
    ferpa   | sex                | keep             | proved  |         | is nothing that the claim removes
    ferpa   | education.grade    | keep             | proved  |         | 34 CFR 99.31(b)(1) [V]
    ferpa   | place.school       | keep             | proved  |         | is nothing that the claim removes
    ferpa   | birth.date         | date.year        | proved  |         | a year of birth is no date of birth
    ferpa   | address.zip        | zip3             | proved  |         | three digits name an area, not an address
    ferpa   | id.record          | record           | refused | REL-005 | personal identifiers, such as SSN
    ferpa   | id.event           | pseudonymise     | refused | REL-005 | a code of a single row
    ferpa   | name.given         | tokenise         | refused | REL-005 | the student's name
    safe    | sex                | keep             | proved  |         | is nothing that the claim removes
    safe    | birth.date         | date.year        | proved  |         | the year may stay
    safe    | birth.date         | date.school_year | refused | FLD-007 | a date finer than the year, or that tells one
    safe    | date.event         | date.month       | refused | FLD-007 | finer than the year
    safe    | date.event         | date.age_years   | proved  |         | one group of 90 and older
    safe    | date.event         | date.age_band    | proved  |         | one group of 90 and older
    safe    | address.zip        | zip3             | proved  |         | more than 20,000 people
    safe    | place.school       | keep             | refused | FLD-008 | county, town, school, ZIP code
    safe    | address.county     | keep             | refused | FLD-008 | county, town, school, ZIP code
    safe    | place.school       | pseudonymise     | refused | FLD-005 | FLD-008
    limited | place.school       | keep             | proved  |         | is nothing that the claim removes
    limited | address.county     | keep             | proved  |         | address.county stays under this claim
    limited | date.event         | date.month       | proved  |         | date.event stays under this claim
    limited | name.given         | tokenise         | refused | REL-005 | names
    limited | text.free          | keep             | refused | REL-005 | free text
"""


BANDS = {"date.age_band": (0, 18)}


def rows(text: str) -> list[list[str]]:
    """Split a table at its bars, without its heading."""
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()[1:]]


def field(cls: str, token: str, bands: tuple[int, ...] = ()) -> ReleasedField:
    """A released field of a class, in the place where the licence of these tests may accept a risk."""
    kind, _, unit = token.partition(".")
    treatment = Treatment(kind, unit=unit or None, bands=bands)
    return ReleasedField(("birth", "births", "school"), "school", cls, treatment, "births.yaml:34 births-2025 school")


def verdict(licence: Agreement, claim: str, *fields: ReleasedField, on: date = NIGHT) -> Verdict:
    return judge(vocabulary.claims()[CLAIMS[claim]], fields, licence, {"hipaa.limited-data-set"}, on)


@pytest.fixture
def records(tmp_path: Path) -> Agreement:
    return licence_in(tmp_path, edited("level: aggregate", "level: records", DUL))


@pytest.mark.parametrize("row", rows(FIELDS), ids=" ".join)
def test_each_field_is_proved_or_refused_by_a_clause_of_the_claim(records: Agreement, row: list[str]) -> None:
    claim, cls, token, outcome, rule, words = row
    found = verdict(records, claim, field(cls, token, BANDS.get(token, ())))
    (line,) = found.fields
    assert (line.outcome, line.rule) == (outcome, rule)
    assert words in f"{line.says} {line.cite}"
    assert line.about == "birth.births.school"
    assert line.clause == "births.yaml:34 births-2025 school"
    assert bool(line.remedy) is (outcome == REFUSED)
    assert found.outcome == outcome


def test_a_code_of_a_row_may_be_counted_in_an_aggregate(tmp_path: Path) -> None:
    assert verdict(licence_in(tmp_path), "ferpa", field("id.event", "pseudonymise")).outcome == PROVED


def test_one_refused_field_refuses_the_claim_and_says_why_in_one_line(records: Agreement) -> None:
    found = verdict(records, "safe", field("sex", "keep"), field("place.school", "keep"))
    assert found.outcome == REFUSED
    assert [line.rule for line in found.refused] == ["FLD-008"]
    assert str(found) == (
        "De-identified by Safe Harbor (45 CFR 164.514(b)(2) [V]): refused: birth.births.school: place.school with "
        "treatment keep: places smaller than a State: county, town, school, ZIP code (FLD-008; 45 CFR "
        "164.514(b)(2)(i)(B) [V]), births.yaml:34 births-2025 school; Remove it, or do not make the claim"
    )


CONDITIONS = """
    vintage on the night  | bands    | class       | treatment     | outcome | rule
    2026-09-01            |          | address.zip | zip3          | proved  |
    2031-03-31            |          | address.zip | zip3          | proved  |
    2031-04-01            |          | address.zip | zip3          | refused | FLD-006
    2026-09-01            | 0 65 90  | date.event  | date.age_band | proved  |
    2026-09-01            | 0 65 95  | date.event  | date.age_band | refused | FLD-007
    2031-04-01            | 0 18     | date.event  | date.age_band | proved  |
"""


@pytest.mark.parametrize("row", rows(CONDITIONS), ids=" ".join)
def test_zip3_needs_a_current_census_and_ages_over_89_one_group(records: Agreement, row: list[str]) -> None:
    night, bands, cls, token, outcome, rule = row
    item = field(cls, token, tuple(map(int, bands.split())))
    (line,) = verdict(records, "safe", item, on=date.fromisoformat(night)).fields
    assert (line.outcome, line.rule) == (outcome, rule)


ACCEPTED_RISKS = """
    rule accepted | about                 | on         | until      | class        | treatment    | outcome  | words
    FLD-008       | birth.births.school   | 2025-07-01 | 2027-06-30 | place.school | keep         | accepted | accepted by Bo Reed, Counsel, until 2027-06-30: Schools are public
    FLD-008       | birth.*.*             | 2025-07-01 | 2027-06-30 | place.school | keep         | accepted | Bo Reed
    FLD-008       | birth.births.hospital | 2025-07-01 | 2027-06-30 | place.school | keep         | refused  | FLD-008
    FLD-007       | birth.births.school   | 2025-07-01 | 2027-06-30 | place.school | keep         | refused  | FLD-008
    FLD-008       | birth.births.school   | 2025-07-01 | 2026-08-31 | place.school | keep         | refused  | the acceptance by Bo Reed ended on 2026-08-31
    FLD-008       | birth.births.school   | 2026-09-02 | 2027-06-30 | place.school | keep         | refused  | the acceptance by Bo Reed begins on 2026-09-02
    FLD-008       | birth.births.school   | 2025-07-01 | 2027-06-30 | place.school | pseudonymise | refused  | FLD-005
    FLD-008       | birth.births.school   | 2025-07-01 | 2027-06-30 | sex          | keep         | proved   | nothing that the claim removes
"""  # noqa: E501  (a row of the table is one line)


@pytest.mark.parametrize("row", rows(ACCEPTED_RISKS), ids=" ".join)
def test_a_named_person_may_accept_what_the_rules_let_a_person_accept(tmp_path: Path, row: list[str]) -> None:
    rule, about, starts, until, cls, token, outcome, words = row
    accepts = (
        f'accepts:\n  - {{rule: {rule}, field: "{about}", by: "Bo Reed", role: "Counsel", "on": {starts}, '
        f'until: {until}, because: "Schools are public"}}\n'
    )
    found = verdict(licence_in(tmp_path, DUL + accepts), "safe", field(cls, token))
    (line,) = found.fields
    expected = ACCEPTED if outcome == "accepted" else outcome
    assert (line.outcome, found.outcome) == (expected, expected)
    assert words in line.says
    if outcome == "accepted":
        assert str(found).startswith(
            "De-identified by Safe Harbor (45 CFR 164.514(b)(2) [V]): proved except for accepted risks; fields "
            "that leave: 1 (FLD-008, accepted by Bo Reed, Counsel, until 2027-06-30: Schools are public)"
        )


STATED = "attests reasonable-determination"
REASONABLE = '    - {says: reasonable-determination, by: "Ada Park", role: "Privacy officer", "on": 2025-07-01}\n'

NEXT_YEAR = REASONABLE.replace("2025", "2027")

WHOLE = [
    # claim      words changed               by                            about                             rule
    ("ferpa",   "",                         "",                           "",                               ""),
    ("ferpa",   REASONABLE,                 "",                           STATED,                           "REL-005"),
    ("ferpa",   REASONABLE,                 NEXT_YEAR,                    STATED,                           "REL-005"),
    ("ferpa",   "minimum_cell: 11",         "minimum_cell: 9",            "minimum_cell",                   "REL-002"),
    ("ferpa",   "  minimum_cell: 11\n",     "",                           "minimum_cell",                   "REL-002"),
    ("ferpa",   "releases: considered",     "releases: ignored",          "earlier_releases",               "REL-003"),
    ("safe",    REASONABLE,                 "",                           "",                               ""),
    ("safe",    "minimum_cell: 11",         "minimum_cell: 1",            "",                               ""),
    ("safe",    "releases: considered",     "releases: ignored",          "",                               ""),
    ("limited", "minimum_cell: 11",         "minimum_cell: 1",            "",                               ""),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "old", "new", "about", "rule"), WHOLE)
def test_what_a_claim_asks_of_the_whole_release(
    tmp_path: Path, claim: str, old: str, new: str, about: str, rule: str
) -> None:
    found = verdict(licence_in(tmp_path, edited(old, new, DUL) if old else DUL), claim, field("sex", "keep"))
    assert [(line.about, line.rule) for line in found.refused] == ([(about, rule)] if rule else [])
    assert found.outcome == (REFUSED if rule else PROVED)


def test_a_limited_data_set_needs_an_agreement_that_names_its_exception(tmp_path: Path) -> None:
    licence = licence_in(tmp_path, edited("[ferpa.deidentified]", "[hipaa.limited-data-set]", DUL))
    (found,) = judge_all([licence], [field("sex", "keep")], {}, NIGHT)
    assert [(line.about, line.rule) for line in found.refused] == [("needs", "REL-005")]
    assert "hipaa.limited-data-set is named by no agreement of the release" in str(found)


def test_a_claim_is_judged_over_all_that_leaves_whichever_licence_takes_it(tmp_path: Path) -> None:
    licences = [
        licence_in(tmp_path / "a"),
        licence_in(tmp_path / "b", edited("[ferpa.deidentified]", "[ferpa.deidentified, hipaa.safe-harbor]", DUL)),
    ]
    found = judge_all(licences, [field("place.school", "keep")], {}, NIGHT)
    assert [(one.claim.name, one.outcome) for one in found] == [
        ("ferpa.deidentified", PROVED),
        ("ferpa.deidentified", PROVED),
        ("hipaa.safe-harbor", REFUSED),
    ]
