"""A small demo city read back from its files: complete, true, repeatable, plausible, new every night."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipelines.demo import birth
from pipelines.demo.benefits import LATE_WIC_MONTH, MONTHS
from pipelines.demo.city import SOURCES, make_city

NIGHTS = ("2026-09-01", "2026-09-02", "2026-09-03")
Row = dict[str, str]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("city")
    make_city(out, 4000, 11)
    return out


@pytest.fixture(scope="module")
def truth(city: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    with (city / "truth.csv").open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            assert row["record_id"] not in found[row["source"]]
            found[row["source"]][row["record_id"]] = row["child"]
    return found


def landing(city: Path, agency: str, night: int) -> Path:
    return city / "workspace" / "landing" / agency / NIGHTS[night - 1]


def table(path: Path, *, delimiter: str = ",", encoding: str = "utf-8-sig") -> list[Row]:
    return _whole(csv.DictReader(io.StringIO(path.read_text(encoding=encoding), newline=""), delimiter=delimiter))


def member(path: Path, name: str) -> list[Row]:
    with zipfile.ZipFile(path) as archive:
        return _whole(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"))))


def _whole(rows: csv.DictReader[str]) -> list[Row]:
    """Return the rows that are not cut short."""
    return [row for row in rows if None not in row.values()]


def zips(city: Path, agency: str, night: int) -> Path:
    return next(landing(city, agency, night).glob("*.zip"))


def resources(city: Path, kind: str, night: int) -> Iterator[dict]:
    path = landing(city, "health_exchange", night) / f"{kind}.000.ndjson"
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def births(city: Path, night: int) -> list[Row]:
    out = []
    for line in next(landing(city, "vital_records", night).glob("*.dat")).read_bytes().split(b"\n"):
        if len(line) == birth.LENGTH:
            text = line.decode("ascii")
            out.append({name: text[a : a + n].strip() for name, (a, n) in birth.layout().items()})
    return out


def certificate(row: Row) -> str:
    return f"{row['IDOB_YR']}-{row['BSTATE']}-{row['FILENO']}"


def digest(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_same_seed_same_bytes_and_nights_do_not_change_the_first(tmp_path: Path) -> None:
    first, again = tmp_path / "a", tmp_path / "b"
    make_city(first, 300, 3)
    make_city(again, 300, 3)
    assert digest(first) == digest(again)
    make_city(tmp_path / "one", 300, 3, nights=1)
    only, both = digest(tmp_path / "one" / "workspace"), digest(first / "workspace")
    assert set(only) == {name for name in both if NIGHTS[0] in name}
    assert all(both[name] == value for name, value in only.items())
    make_city(tmp_path / "c", 300, 4)
    assert digest(tmp_path / "c") != digest(first)


@pytest.mark.parametrize(("children", "nights"), [(20, 3), (500, 0), (500, 4)])
def test_a_city_that_cannot_be_made_says_why(tmp_path: Path, children: int, nights: int) -> None:
    with pytest.raises(ValueError, match="a demo city"):
        make_city(tmp_path, children, 1, nights)


def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    summary = make_city(tmp_path, 120, 1, 1, lambda step, share: told.append((step, share)))
    assert told[-1] == ("done", 1.0)
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert summary.files == sum(1 for path in (tmp_path / "workspace").rglob("*") if path.is_file())


def test_truth_names_every_source_and_every_record_of_the_files(city: Path, truth: dict[str, dict[str, str]]) -> None:
    assert set(truth) == set(SOURCES)
    seen: dict[str, set[str]] = defaultdict(set)
    for night in (1, 2, 3):
        seen["birth"] |= {certificate(row) for row in births(city, night) if row["FILENO"]}
        seen["health"] |= {patient["id"] for patient in resources(city, "Patient", night) if "id" in patient}
        seen["school"] |= {
            row["sourcedId"]
            for row in member(zips(city, "school_district", night), "users.csv")
            if row["role"] == "student"
        }
        seen["consents"] |= {row["form_id"] for row in table(landing(city, "consent_office", night) / "forms.csv")}
    for night in (1, 2):
        seen["hmis"] |= {row["PersonalID"] for row in member(zips(city, "human_services", night), "Client.csv")}
        seen["child_welfare"] |= {
            row["client_id"] for row in table(landing(city, "child_welfare", night) / "clients.csv")
        }
        seen["preschool"] |= {
            row["child_id"] for row in table(landing(city, "early_learning", night) / "enrolments.csv")
        }
        for path in landing(city, "economic_assistance", night).glob("*.csv"):
            seen[path.name.split("_")[0]] |= {row["person_id"] for row in table(path)}
        for path in landing(city, "wic", night).glob("*.csv"):
            seen["wic"] |= {row["person_id"] for row in table(path, delimiter=";", encoding="cp1252")}
    for source in SOURCES:
        assert seen[source] - {""} == set(truth[source]), source


def test_twins_share_birth_date_and_mother_and_have_an_order(city: Path, truth: dict[str, dict[str, str]]) -> None:
    sets: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in {certificate(row): row for row in births(city, 1) if row["PLUR"] != "01" and row["FILENO"]}.values():
        sets[row["MOM_SSN"], row["PLUR"]].append(row)
    full = [rows for rows in sets.values() if len(rows) == int(rows[0]["PLUR"])]
    assert len(full) >= 0.85 * len(sets) > 10
    same = [len({row["IDOB_MO"] + row["IDOB_DY"] for row in rows}) == 1 for rows in full]
    assert np.mean(same) > 0.9
    for rows in full:
        assert {row["SORD"] for row in rows} == {f"{n + 1:02d}" for n in range(len(rows))}
        assert len({truth["birth"][certificate(row)] for row in rows}) == len(rows)


def test_births_are_plausible(city: Path) -> None:
    rows = births(city, 1)
    weights = np.array([int(row["BWG"]) for row in rows if row["BWG"] != "9999"])
    weeks = np.array([int(row["OWGEST"]) for row in rows if row["OWGEST"] != "99"])
    assert 0.055 < (weights < 2500).mean() < 0.115
    assert 0.08 < (weeks < 37).mean() < 0.15
    assert {row["PLUR"] for row in rows} <= {"01", "02", "03"}
    assert 0.02 < np.mean([row["PLUR"] != "01" for row in rows]) < 0.05
    assert {"M", "F"} <= {row["ISEX"] for row in rows} <= {"M", "F", "N"}
    assert any(row["DOFP_MO"] == "88" and row["NPREV"] == "00" for row in rows)


def test_absence_and_reading_are_plausible_and_follow_circumstances(city: Path) -> None:
    folder = landing(city, "school_district", 1)
    absent: Counter[str] = Counter()
    for row in table(folder / "attendance_2025-26.csv"):
        if row["status"] != "tardy":
            absent[row["student_id"]] += float(row["portion"])
    teaching = Counter(
        row["school_id"] for row in table(folder / "calendar_2025-26.csv") if row["instructional"] == "Y"
    )
    assert all(165 < days < 190 for days in teaching.values())
    whole = {
        row["userSourcedId"]
        for row in member(zips(city, "school_district", 1), "enrollments.csv")
        if (row["beginDate"], row["endDate"]) == ("2025-09-02", "2026-06-18") and row["role"] == "student"
    }
    homeless = {row["student_id"] for row in table(folder / "mckinney_vento_2025-26.csv")}
    chronic = {student: absent[student] >= 17.5 for student in whole}
    assert 0.17 < np.mean(list(chronic.values())) < 0.30
    assert np.mean([chronic[s] for s in whole & homeless]) > 1.5 * np.mean([chronic[s] for s in whole - homeless])
    results = [row for year in ("2024-25", "2025-26") for row in table(folder / f"assessments_{year}.csv")]
    met = [row["level"] in {"met", "exceeded"} for row in results if row["tool"] == "G3ELA" and row["tested"] == "Y"]
    assert 0.30 < np.mean(met) < 0.52
    assert all(not row["level"] and not row["score"] for row in results if row["tested"] == "N")


def test_every_night_brings_new_corrected_and_withdrawn_records(city: Path) -> None:
    first = {certificate(row) for row in births(city, 1)}
    for night in (2, 3):
        later = births(city, night)
        assert {certificate(row) for row in later} - first
        assert {certificate(row) for row in later} & first
        assert any(row["VOID"] == "1" for row in later)
        gone = list(resources(city, "deleted", night))
        assert gone[0]["entry"][0]["request"]["method"] == "DELETE"
    students = [
        {row["sourcedId"] for row in member(zips(city, "school_district", night), "users.csv")} for night in (1, 2, 3)
    ]
    assert students[1] - students[0]
    assert students[0] - students[1] - {""}
    deleted = [row for row in member(zips(city, "human_services", 2), "Client.csv") if row["DateDeleted"]]
    assert deleted
    agencies = {path.name for path in (city / "workspace" / "landing").glob("*") if (path / NIGHTS[2]).is_dir()}
    assert agencies == {"vital_records", "health_exchange", "school_district", "consent_office"}


def test_the_late_file_and_the_quirks_of_benefit_files(city: Path) -> None:
    assert not (landing(city, "wic", 1) / f"wic_{LATE_WIC_MONTH}.csv").exists()
    assert (landing(city, "wic", 2) / f"wic_{LATE_WIC_MONTH}.csv").exists()
    raw = (landing(city, "economic_assistance", 1) / f"snap_{MONTHS[-1]}.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfcase_number,")
    assert raw.count(b"\r\n") == raw.count(b"\n")
    wic = (landing(city, "wic", 1) / f"wic_{MONTHS[-1]}.csv").read_bytes()
    assert any(byte > 127 for byte in wic)
    with pytest.raises(UnicodeDecodeError):
        wic.decode("utf-8")
    assert wic.decode("cp1252").splitlines()[0].split(";")[:2] == ["case_number", "person_id"]


def test_an_unchanged_record_is_the_same_on_every_night(city: Path) -> None:
    nights = [
        {row["sourcedId"]: row for row in member(zips(city, "school_district", night), "users.csv") if row["sourcedId"]}
        for night in (1, 2, 3)
    ]
    for before, after in pairwise(nights):
        shared = before.keys() & after.keys()
        changed = [key for key in shared if before[key] != after[key]]
        assert len(changed) <= 0.01 * len(shared)


def test_bad_rows_are_there_and_few(city: Path) -> None:
    lines = (landing(city, "child_welfare", 1) / "clients.csv").read_text(encoding="utf-8").splitlines()
    columns = lines[0].count(",") + 1
    short = [line for line in lines if line.count(",") + 1 < columns]
    nameless = [line for line in lines if line.startswith(",")]
    assert short
    assert nameless
    ids = Counter(row["client_id"] for row in table(landing(city, "child_welfare", 1) / "clients.csv"))
    assert max(ids.values()) == 2
    events = list(resources(city, "Immunization", 1))
    known = {patient.get("id") for patient in resources(city, "Patient", 1)}
    orphans = [event for event in events if event["patient"]["reference"].removeprefix("Patient/") not in known]
    assert len(orphans) == 1


def test_opt_outs_name_a_record_of_the_agency(city: Path, truth: dict[str, dict[str, str]]) -> None:
    forms = [row for night in (1, 2, 3) for row in table(landing(city, "consent_office", night) / "forms.csv")]
    named = [row for row in forms if row["agency_source"] and row["form_id"]]
    assert len(named) >= 8
    assert {row["scope"] for row in named} == {"linkage"}
    for row in named:
        assert truth[row["agency_source"]][row["agency_record_id"]] == truth["consents"][row["form_id"]]
    assert {"opt_out", "refuse", "grant", "revoke"} <= {row["decision"] for row in forms}


def test_patients_are_us_core_shaped(city: Path) -> None:
    patients = [patient for patient in resources(city, "Patient", 1) if "identifier" in patient]
    codes = Counter(
        (item["type"]["coding"][0]["code"], item["system"]) for patient in patients for item in patient["identifier"]
    )
    assert {code for code, _ in codes} == {"MR", "SS", "MC"}
    urls = Counter(extension["url"].rsplit("/", 1)[1] for patient in patients for extension in patient["extension"])
    assert urls["us-core-race"] == urls["us-core-ethnicity"] > 0.85 * len(patients)
    assert any(patient.get("multipleBirthInteger") == 2 for patient in patients)
    mothers = [patient["contact"][0] for patient in patients if "contact" in patient]
    assert {mother["relationship"][0]["coding"][0]["code"] for mother in mothers} == {"MTH"}
    unnamed = [patient for patient in patients if patient["name"][0]["given"][0].startswith("Baby ")]
    assert 0 < len(unnamed) < 0.03 * len(patients)


def test_a_victim_service_provider_has_clients(city: Path) -> None:
    path = zips(city, "human_services", 1)
    providers = {
        row["OrganizationID"] for row in member(path, "Organization.csv") if row["VictimServiceProvider"] == "1"
    }
    projects = {row["ProjectID"] for row in member(path, "Project.csv") if row["OrganizationID"] in providers}
    assert any(row["ProjectID"] in projects for row in member(path, "Enrollment.csv"))
    assert member(path, "Export.csv")[0]["CSVVersion"] == "2026 v1"
    assert member(path, "Export.csv")[0]["HashStatus"] == "1"
