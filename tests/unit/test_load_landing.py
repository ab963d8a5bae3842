from datetime import date

import pytest
from support.load_cases import City, people_source

from assets.extracts.landing import date_of, deliveries_of

FILE = {"people.csv": "id\n1\n"}


def seen(city, on=date(2026, 9, 3)):
    source = city.sources["clinic"]
    return [(p.delivered_for, [f.path.name for f in p.files]) for p in deliveries_of(city.night(on), source)]


def test_dated_folders_come_oldest_first_and_the_undated_one_last(tmp_path):
    city = City(tmp_path, people_source())
    for folder in (date(2026, 9, 2), None, date(2026, 9, 1), date(2026, 9, 4)):
        city.deliver("clinic", folder, FILE)
    assert seen(city) == [
        (date(2026, 9, 1), ["people.csv"]),
        (date(2026, 9, 2), ["people.csv"]),
        (date(2026, 9, 3), ["people.csv"]),
    ]


@pytest.mark.parametrize(
    "name", ["people.csv.part", "people.csv.tmp", ".people.csv", "_COMPLETE", "payments.csv", "people.xlsx"]
)
def test_unfinished_hidden_and_foreign_files_are_no_delivery(tmp_path, name):
    city = City(tmp_path, people_source())
    city.deliver("clinic", date(2026, 9, 1), {name: "x"})
    assert seen(city) == []


def test_links_out_of_the_landing_folder_are_not_followed(tmp_path):
    city = City(tmp_path, people_source())
    home = city.deliver("clinic", None, {})
    (tmp_path / "elsewhere.csv").write_text("id\n1\n")
    (home / "people.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert seen(city) == []


def test_an_agency_that_delivered_nothing_has_no_deliveries(tmp_path):
    assert seen(City(tmp_path, people_source())) == []


def test_a_file_is_known_by_its_bytes_not_by_its_name(tmp_path):
    city = City(tmp_path, people_source())
    city.deliver("clinic", None, {"people_1.csv": "id\n1\n", "people_2.csv": "id\n1\n", "people_3.csv": "id\n2\n"})
    [pending] = deliveries_of(city.night(), city.sources["clinic"])
    one, two, three = (file.digest for file in pending.files)
    assert one == two != three


@pytest.mark.parametrize(
    ("name", "expected"),
    [("2026-09-01", date(2026, 9, 1)), ("2026-9-1", None), ("20260901", None), ("2026-13-01", None), ("old", None)],
)
def test_only_full_iso_dates_name_a_night(name, expected):
    assert date_of(name) == expected
