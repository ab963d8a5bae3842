"""Which disclosures each law asks to be accounted for, and what the account says."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from support.disclosed import row

from consent.account_page import page
from consent.account_table import cells, columns, to_csv
from consent.accounting import judged, laws, lines
from consent.disclosures import Act, Entry
from mou_policies import vocabulary

REQUIRED = """
exception               | form         | ferpa                | hipaa
ferpa.audit-evaluation  | identifiable | required             | -
ferpa.audit-evaluation  | limited      | required             | -
ferpa.audit-evaluation  | aggregate    | 99.31(b)(1)          | -
ferpa.studies           | identifiable | required             | -
ferpa.child-welfare     | identifiable | required             | -
ferpa.judicial          | identifiable | required             | -
ferpa.emergency         | identifiable | required             | -
ferpa.school-official   | identifiable | 99.32(d)(2)          | -
ferpa.consent           | identifiable | 99.32(d)(3)          | -
ferpa.directory         | identifiable | 99.32(d)(4)          | -
idea.consent            | identifiable | required             | -
hipaa.public-health     | identifiable | -                    | required
hipaa.public-health     | aggregate    | -                    | 164.502(d)(2)
hipaa.public-health     | limited      | -                    | 164.528(a)(1)(viii)
hipaa.limited-data-set  | identifiable | -                    | 164.528(a)(1)(viii)
hipaa.authorization     | identifiable | -                    | 164.528(a)(1)(iv)
hipaa.waiver            | identifiable | -                    | required
part2.consent           | identifiable | -                    | 164.528(a)(1)(iv)
part2.research          | identifiable | -                    | required
medicaid.administration | identifiable | -                    | required
snap.administration     | identifiable | -                    | -
hmis.privacy-notice     | identifiable | -                    | -
"""
CASES = [[cell.strip() for cell in line.split("|")] for line in REQUIRED.strip().splitlines()[1:]]


@pytest.mark.parametrize(("exception", "form", "ferpa", "hipaa"), CASES)
def test_what_is_required(exception: str, form: str, ferpa: str, hipaa: str):
    assert exception in vocabulary.exceptions()
    asked = row(exception, form)  # type: ignore[arg-type]
    for name, expected in (("ferpa", ferpa), ("hipaa", hipaa)):
        law = laws()[name]
        assert law.covers(asked) is (expected != "-")
        if law.covers(asked):
            required, because = judged(asked, law)
            assert required is (expected == "required")
            assert (law.cite if required else expected) in because
            assert because.endswith(" [M])")


def test_a_row_under_neither_law_says_so():
    assert judged(row("wic.designation")) == (
        None,
        "under neither law; its agreement says what is logged (the agreement's own disclosure log [M])",
    )


def test_every_rule_has_a_mark_and_every_exception_is_known():
    known = set(vocabulary.exceptions())
    for law in laws().values():
        assert all(one.cite.endswith(("[V]", "[V2]", "[M]")) for one in (*law.exempt, *law.columns, law))
        assert all(any(name.startswith(begins) for name in known) for begins in law.exceptions)
        assert {one.exception for one in law.exempt} - {None} <= known


SINCE = [
    ("hipaa", date(2026, 9, 1), date(2020, 9, 1)),
    ("hipaa", date(2028, 2, 29), date(2022, 2, 28)),
    ("ferpa", date(2026, 9, 1), None),
]


@pytest.mark.parametrize(("law", "today", "expected"), SINCE)
def test_how_far_back_an_account_reaches(law: str, today: date, expected: date | None):
    assert laws()[law].since(today) == expected


# -- what the account says -----------------------------------------------------------------------------------------

ENTRIES = [
    Entry(Act("release", "r-1", date(2026, 9, 1)), row(classes=("sex", "race_ethnicity")), 20, 1),
    Entry(Act("return", "t-1", date(2026, 9, 2)), row(form="identifiable", recipient="=cmd()|'x"), 20, 2),
    Entry(Act("release", "r-2", date(2026, 9, 3)), row("hipaa.waiver", "identifiable", recipient="<b>Lab</b>"), 20, 3),
]


def test_the_law_s_account_has_its_columns_and_its_rows_only():
    law = laws()["ferpa"]
    account = lines(ENTRIES, law, {"r-1": True, "r-2": False})
    assert [column.name for column in columns(law)][:5] == ["date", "party", "interest", "records", "authority"]
    assert cells(account[0], law) == [
        "2026-09-01",
        "The public (The public@city.example)",
        "publish aggregate measures of how the city's children do",
        "school_agency, school: sex, race_ethnicity (aggregate)",
        "dsa-2026, sha256 dddddddddddd; ferpa.audit-evaluation (a cite)",
        "release r-1",
        "published",
        "not required: no personally identifiable information leaves in aggregate tables "
        "(34 CFR 99.31(b)(1), 99.32(a)(1) [M])",
    ]
    assert [line.act for line in account] == ["r-1", "t-1"]
    assert [line.required for line in account] == [False, True]


def test_the_hub_s_own_list_has_every_row_and_says_what_was_never_published():
    account = lines(ENTRIES, None, {"r-1": True, "r-2": False})
    assert [cells(line, None)[6] for line in account] == ["published", "handed over", "recorded, not published"]
    assert [line.required for line in account] == [False, True, True]


def test_no_cell_of_the_csv_is_a_formula():
    rows = list(csv.reader(io.StringIO(to_csv(lines(ENTRIES, None, {}), None))))
    assert len(rows) == 4
    assert rows[2][1].startswith("'=cmd()")
    assert not any(cell[:1] in set("=+-@\t\r") for line in rows for cell in line)


@pytest.mark.parametrize("name", ["ferpa", "hipaa", None])
def test_the_page_stands_alone_and_cites_its_law(name: str | None):
    law = laws()[name] if name else None
    account = lines(ENTRIES, law, {"r-2": False})
    shown = page(account, law, asked="every disclosure", on=date(2026, 10, 1), holder="Demo & City")
    assert "Not legal advice." in shown
    assert "Demo &amp; City" in shown
    assert not any(word in shown for word in ("<script", "http://", "https://", "<b>Lab", "src="))
    assert "@page" in shown
    if law:
        assert law.title in shown
        assert law.cite in shown
    if name == "hipaa":
        assert 'reaching back to <time datetime="2020-10-01">' in shown
        assert "&lt;b&gt;Lab&lt;/b&gt;" in shown
        assert 'class="required unpublished"' in shown
    assert "Nothing was disclosed" in page([], law, asked="every disclosure", on=date(2026, 10, 1), holder="City")
