"""After a run no raw name, date of birth, SSN or record number lies anywhere: workspace, temporary folder, screen.

The landing files of the demo city are read here independently of the product (positions and columns by hand), and
everything the three nights left behind is searched for what they hold. Planting one value makes the search fail.
"""

import csv
import io
import re
import sqlite3
import zipfile
from pathlib import Path

import duckdb
import pytest
from support.at_rest import Wanted, search

SHORTEST_NAME = 4
FORMS = ("{y}-{m}-{d}", "{y}{m}{d}", "{m}/{d}/{y}", "{d}/{m}/{y}")


def _births(landing: Path) -> list[tuple[str, str, str, str]]:
    """(given, surname, date, record id) of each certificate, by the positions of the published layout."""
    rows = []
    for path in landing.glob("vital_records/*/natality_*.dat"):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if len(line) < 1151:
                continue
            year, state, number = line[0:4], line[4:6], line[6:12]
            date = f"{year}-{line[30:32]}-{line[32:34]}"
            rows.append((line[1000:1050].strip(), line[1100:1150].strip(), date, f"{year}-{state}-{number}"))
    return rows


def _pupils(landing: Path) -> list[tuple[str, str, str, str]]:
    rows = []
    for path in landing.glob("school_district/*/oneroster_*.zip"):
        with zipfile.ZipFile(path) as archive:
            users = list(csv.DictReader(io.TextIOWrapper(archive.open("users.csv"), "utf-8-sig")))
            about = {
                row["sourcedId"]: row
                for row in csv.DictReader(io.TextIOWrapper(archive.open("demographics.csv"), "utf-8-sig"))
            }
        rows += [
            (u["givenName"], u["familyName"], about.get(u["sourcedId"], {}).get("birthDate", ""), u["sourcedId"])
            for u in users
            if u["role"] == "student"
        ]
    return rows


def _members(landing: Path) -> tuple[list[tuple[str, str, str, str]], set[str]]:
    rows, ssns = [], set()
    for path in landing.glob("economic_assistance/*/snap_*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as handle:
            for row in csv.DictReader(handle):
                month, day, year = (row["date_of_birth"] or "").split("/") if row["date_of_birth"] else ("", "", "")
                rows.append((row["first_name"], row["last_name"] or "", f"{year}-{month}-{day}", row["person_id"]))
                ssns.add(row["ssn"] or "")
    return rows, ssns


@pytest.fixture(scope="module")
def wanted(city_before) -> Wanted:
    landing = city_before.workspace / "landing"
    members, ssns = _members(landing)
    people = [*_births(landing), *_pupils(landing), *members]
    # A birthday that is also a date of the run itself (a night, an agreement's term) says nothing about a child.
    innocent = _dates_of_the_run(city_before.workspace)
    days = {date for _, _, date, _ in people if re.fullmatch(r"\d{4}-\d{2}-\d{2}", date)} - innocent
    dates = {form.format(y=day[:4], m=day[5:7], d=day[8:]) for day in days for form in FORMS}
    digits = {re.sub(r"\D", "", ssn) for ssn in ssns}
    numbers = {ssn for ssn in digits if len(ssn) == 9}
    numbers |= {f"{ssn[:3]}-{ssn[3:5]}-{ssn[5:]}" for ssn in numbers}
    return Wanted(
        name_pairs=frozenset(
            (given.lower(), surname.lower())
            for given, surname, _, _ in people
            if len(given) >= SHORTEST_NAME and len(surname) >= SHORTEST_NAME
        ),
        dates=frozenset(dates),
        numbers=frozenset(numbers),
        record_ids=frozenset(record for _, _, _, record in people if len(record) > 6),
    )


def _dates_of_the_run(workspace: Path) -> set[str]:
    """Dates in the agreements and the settings, the nights, and today."""
    from datetime import date

    texts = [path.read_text(encoding="utf-8") for path in workspace.glob("agreements/*")]
    texts.append((workspace / "cradlepath.yaml").read_text(encoding="utf-8"))
    nights = {"2026-09-01", "2026-09-02", "2026-09-03", date.today().isoformat()}
    return nights | {found for text in texts for found in re.findall(r"\d{4}-\d{2}-\d{2}", text)}


def test_there_is_something_to_look_for(wanted: Wanted) -> None:
    assert len(wanted.name_pairs) > 500
    assert len(wanted.dates) > 500
    assert len(wanted.numbers) > 100
    assert len(wanted.record_ids) > 1000


def test_the_search_finds_the_same_values_in_the_landing_files(city_before, wanted: Wanted) -> None:
    kinds = {finding.kind for finding in search(city_before.workspace / "landing", wanted)}
    assert kinds == {"name", "date of birth", "number", "record id"}


@pytest.mark.parametrize("place", ["state", "agreements", "landing"])
def test_nothing_raw_is_left_in_the_workspace(city, wanted: Wanted, place: str) -> None:
    assert search(city.workspace / place, wanted) == []


def test_nothing_raw_is_left_in_temporary_folders_or_on_the_screen(city, wanted: Wanted, tmp_path: Path) -> None:
    (tmp_path / "screen.txt").write_text("\n".join(city.told), encoding="utf-8")
    assert search(tmp_path, wanted) == []
    assert search(city.temp, wanted) == []


def _plant_in_duckdb(folder: Path, value: str) -> None:
    with duckdb.connect(str(folder / "content.duckdb")) as con:
        con.execute("create table planted as select ? as remark", [value])


def _plant_in_sqlite(folder: Path, value: str) -> None:
    with sqlite3.connect(folder / "registry.sqlite") as con:
        con.execute("create table planted (remark text)")
        con.execute("insert into planted values (?)", [value])


def _plant_in_a_pickle(folder: Path, value: str) -> None:
    import pickle

    (folder / "io_manager_output").write_bytes(pickle.dumps({"row": [value]}))


@pytest.mark.parametrize("plant", [_plant_in_duckdb, _plant_in_sqlite, _plant_in_a_pickle])
@pytest.mark.parametrize("kind", ["name", "date of birth", "number", "record id"])
def test_a_planted_value_is_found(tmp_path: Path, wanted: Wanted, plant, kind: str) -> None:
    values = {
        "name": " ".join(sorted(wanted.name_pairs)[0]).title(),
        "date of birth": sorted(wanted.dates)[0],
        "number": sorted(wanted.numbers)[0],
        "record id": sorted(wanted.record_ids)[0],
    }
    plant(tmp_path, values[kind])
    assert kind in {finding.kind for finding in search(tmp_path, wanted)}
