"""The demo city's headers and positions are those of the standards.

The tables below are the standards' own words: OneRoster 1.1 (IMS), IJE natality positions.
Where the shared samples are present, every HMIS file and IJE field is compared with others' files.
"""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.demo import birth, hmis, school

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples"

ONEROSTER = """
users        | sourcedId status dateLastModified enabledUser orgSourcedIds role username userIds givenName familyName middleName identifier email sms phone agentSourcedIds grades password
enrollments  | sourcedId status dateLastModified classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate
orgs         | sourcedId status dateLastModified name type identifier parentSourcedId
"""  # noqa: E501

IJE = """
IDOB_YR  |    1 |  4
BSTATE   |    5 |  2
FILENO   |    7 |  6
VOID     |   13 |  1
ISEX     |   30 |  1
DOFP_MO  |  753 |  2
NPREV    |  769 |  2
WIC      |  784 |  1
BWG      |  865 |  4
OWGEST   |  870 |  2
PLUR     |  877 |  2
SORD     |  879 |  2
KIDFNAME | 1001 | 50
MOMMAIDN | 1540 | 50
ZIPCODE  | 1722 |  9
"""


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.parametrize(("file", "columns"), _rows(ONEROSTER))
def test_oneroster_headers(file: str, columns: str) -> None:
    assert school.headers()[file] == columns.split()


@pytest.mark.parametrize(("field", "start", "length"), _rows(IJE))
def test_ije_positions(field: str, start: str, length: str) -> None:
    assert birth.layout()[field] == (int(start) - 1, int(length))


def test_ije_fields_do_not_overlap_and_fit_4000_characters() -> None:
    spans = sorted(birth.layout().values())
    assert all(a + n <= b for (a, n), (b, _) in pairwise(spans))
    assert sum(spans[-1]) == birth.LENGTH


def test_ije_layout_is_that_of_the_published_mapping() -> None:
    path = next((SAMPLES / "birth_ije").glob("IJE*.csv"), None)
    if path is None:
        pytest.skip("shared samples are absent: birth_ije")
    with path.open(encoding="utf-8-sig", newline="") as handle:
        published = {
            row["Name"]: (int(row["Beginning Location"]) - 1, int(row["Length"]))
            for row in csv.DictReader(handle)
            if row["Data Flow"] == "Natality" and row["Beginning Location"].isdigit() and row["Length"].isdigit()
        }
    ours = birth.layout()
    shared = ours.keys() & published.keys()
    assert len(shared) > 340
    assert {name for name in shared if ours[name] != published[name]} == set()


def test_hmis_headers_are_those_of_a_real_export() -> None:
    folder = SAMPLES / "hmis_csv_fy2026_greenriver" / "validation_files"
    if not folder.is_dir():
        pytest.skip("shared samples are absent: hmis_csv_fy2026_greenriver")
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as handle:
            assert hmis.headers()[path.stem] == next(csv.reader(handle)), path.name


def test_hmis_client_has_sex_and_no_gender() -> None:
    columns = hmis.headers()["Client"]
    assert "Sex" in columns
    assert "HispanicLatinao" in columns
    assert "Woman" not in columns
    assert len(hmis.headers()) == 24
