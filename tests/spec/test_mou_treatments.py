"""What each treatment makes of each value, as tables: treatment, value that came, what may be stored."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from mou_policies.dates import parse_dates
from mou_policies.model import DATE_UNITS, FieldPolicy, Treatment
from mou_policies.treatments import apply_treatment, output_types

SECRET = b"a key of the agency, 32 bytes long"
BORN = date(2020, 2, 29)


def granted(treatment: Treatment, *, use: str = "content", date_format: str | None = None) -> FieldPolicy:
    clause = "clinic.yaml:1 clinic-2025 clinic.visits.raw"
    return FieldPolicy("raw", "date.event", use, treatment, "out", "test", False, clause, date_format)


def treated(treatment: Treatment, values: list[str | None], **more: str | None) -> tuple[dict[str, list[object]], int]:
    born = pa.array([BORN] * len(values), pa.date32())
    result = apply_treatment(granted(treatment, **more), pa.chunked_array([values], pa.string()), born, SECRET)  # type: ignore[arg-type]
    assert {name: column.type for name, column in result.columns.items()} == output_types(granted(treatment))
    return {name: column.to_pylist() for name, column in result.columns.items()}, result.unparsed


TEXTS = [
    # treatment                                                    came          stored
    (Treatment("keep"),                                            " 2106-3 ",   "2106-3"),
    (Treatment("keep"),                                            "  ",         None),
    (Treatment("number"),                                          "3310",       3310.0),
    (Treatment("number"),                                          "-0.5",       -0.5),
    (Treatment("number"),                                          "1e2",        100.0),
    (Treatment("top_code", limit=20),                              "12",         12.0),
    (Treatment("top_code", limit=20),                              "21",         20.0),
    (Treatment("band", edges=(1500, 2500)),                        "1499.9",     "<1500"),
    (Treatment("band", edges=(1500, 2500)),                        "1500",       "1500 to <2500"),
    (Treatment("band", edges=(1500, 2500)),                        "2500",       ">=2500"),
    (Treatment("band", edges=(18,)),                               "17",         "<18"),
    (Treatment("band", edges=(0.1, 12345678901.5)),                "1",          "0.1 to <12345678901.5"),
    (Treatment("zip3"),                                            "02903",      "029"),
    (Treatment("zip3"),                                            "02903-1234", "029"),
    (Treatment("zip3"),                                            "029031234",  "029"),
    (Treatment("zip3"),                                            "03601",      "000"),
    (Treatment("zip3"),                                            "06301",      "000"),  # 2000 Census only
    (Treatment("zip3"),                                            "77201",      "000"),  # 2020 Census only
    (Treatment("recode", recode=(("A", "x"), ("B", "y"))),         "B",          "y"),
    (Treatment("recode", recode=(("A", "x"),), otherwise="other"), "C",          "other"),
    (Treatment("recode", recode=(("A", "x"),), otherwise="other"), "",           None),
]  # fmt: skip


@pytest.mark.parametrize(("treatment", "came", "stored"), TEXTS)
def test_text_treatments(treatment: Treatment, came: str, stored: object) -> None:
    assert treated(treatment, [came, None]) == ({"out": [stored, None]}, 0)


UNREADABLE = [
    (Treatment("number"), ["1,000", "$5", "nan", "inf", "1e999", "twelve", "0x10", "--1"]),
    (Treatment("top_code", limit=20), ["many"]),
    (Treatment("band", edges=(1, 2)), ["many"]),
    (Treatment("zip3"), ["2903", "0290", "ABCDE", "02903-12", "029 03"]),
    (Treatment("recode", recode=(("A", "x"),)), ["a", "B"]),
]


@pytest.mark.parametrize(("treatment", "values"), UNREADABLE)
def test_what_cannot_be_read_is_emptied_and_counted(treatment: Treatment, values: list[str | None]) -> None:
    assert treated(treatment, [*values, None, " "]) == ({"out": [None] * (len(values) + 2)}, len(values))


DATES = [
    # unit         came                         stored
    ("year",        "2025-06-30",                {"out": 2025}),
    ("year",        "2025",                      {"out": 2025}),
    ("month",       "2025-06-30",                {"out": "2025-06"}),
    ("month",       "2026-07",                   {"out": "2026-07"}),
    ("month",       "7/2026",                    {"out": "2026-07"}),
    ("school_year", "2025-06-30",                {"out": "2024-25"}),
    ("school_year", "2025-07-01",                {"out": "2025-26"}),
    ("school_year", "1999-12-31",                {"out": "1999-00"}),
    ("school_day",  "2025-07-01",                {"out": 0, "out_year": "2025-26"}),
    ("school_day",  "2026-06-30",                {"out": 364, "out_year": "2025-26"}),
    ("school_day",  "2024-06-30",                {"out": 365, "out_year": "2023-24"}),  # a leap year
    ("age_days",    "2020-03-01",                {"out": 1}),
    ("age_days",    "2020-02-19",                {"out": -10}),  # before birth: prenatal care
    ("age_days",    "2019-08-01T09:30:00-05:00", {"out": -212}),
    ("age_days",    "2110-02-28",                {"out": 32871}),  # a day before 90 years
    ("age_days",    "2110-03-01",                {"out": 32873}),  # 90 years
    ("age_days",    "2149-01-01",                {"out": 32873}),
    ("age_months",  "2020-03-28",                {"out": 0}),
    ("age_months",  "2020-03-29",                {"out": 1}),
    ("age_months",  "2021-02-28",                {"out": 11}),
    ("age_years",   "2021-02-28",                {"out": 0}),
    ("age_years",   "2021-03-01",                {"out": 1}),
    ("age_years",   "2110-03-01",                {"out": 90}),
    ("age_years",   "2149-03-01",                {"out": 90}),
    ("age_band",    "2021-03-01",                {"out": "1 to <3"}),
    ("age_band",    "2060-03-01",                {"out": ">=18"}),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "came", "stored"), DATES)
def test_date_treatments(unit: str, came: str, stored: dict[str, object]) -> None:
    treatment = Treatment("date", unit=unit, bands=(0, 1, 3, 5, 10, 15, 18) if unit == "age_band" else ())
    columns, unparsed = treated(treatment, [came, None])
    assert columns == {name: [value, None] for name, value in stored.items()}
    assert unparsed == 0


FORMS = [
    # stated form  came                    read
    (None,         "2020-02-29",           date(2020, 2, 29)),
    (None,         "2/9/2020",             date(2020, 2, 9)),
    (None,         "02/09/2020 0:00:00",   date(2020, 2, 9)),
    (None,         "20200209",             date(2020, 2, 9)),
    (None,         "2020-02-09T23:59:59Z", date(2020, 2, 9)),
    (None,         "2020-02-09T23:59:59.123+14:00", date(2020, 2, 9)),  # the day as written
    (None,         "2021-02-29",           None),
    (None,         "13/02/2020",           None),
    (None,         "2/9/20",               None),  # two digits of a year are never guessed at
    (None,         "20-02-09",             None),
    (None,         "2020-2-9",             None),
    (None,         "99999999",             None),
    (None,         "2020-00-10",           None),
    (None,         "2020-02",              None),
    (None,         "1849-12-31",           None),
    (None,         "2020-02-09 and more",  None),
    ("DD/MM/YYYY", "13/02/2020",           date(2020, 2, 13)),
    ("DD/MM/YYYY", "02/13/2020",           None),
    ("DD/MM/YYYY", "2020-02-13",           date(2020, 2, 13)),
    ("MM/DD/YYYY", "20200213",             None),
    ("MMDDYYYY",   "02132020",             date(2020, 2, 13)),
    ("YYYYMMDD",   "20200213",             date(2020, 2, 13)),
    ("YYYYMMDD",   "02/13/2020",           None),
]  # fmt: skip


@pytest.mark.parametrize(("form", "came", "read"), FORMS)
def test_forms_of_dates(form: str | None, came: str, read: date | None) -> None:
    days, unparsed = parse_dates(pa.chunked_array([[came, None, " "]]), form)
    assert days.to_pylist() == [read, None, None]
    assert unparsed == (read is None)


def test_dates_pass_through_and_nothing_is_nothing() -> None:
    assert parse_dates(pa.array([BORN, None], pa.date32()))[0].to_pylist() == [BORN, None]
    assert parse_dates(pa.array([], pa.string())) == (pa.array([], pa.date32()), 0)
    assert parse_dates(pa.nulls(3, pa.string()))[0].null_count == 3


def test_an_unknown_birth_gives_no_age_and_is_not_an_unreadable_date() -> None:
    field = granted(Treatment("date", unit="age_days"))
    result = apply_treatment(field, pa.array(["2021-01-01", "junk"]), pa.array([None, BORN], pa.date32()), SECRET)
    assert result.columns["out"].to_pylist() == [None, None]
    assert result.unparsed == 1


def test_pseudonyms_join_within_an_agency_and_not_beyond() -> None:
    field = granted(Treatment("pseudonymise"))
    one = apply_treatment(field, pa.array(["school-1", "school-2", "school-1", ""]), None, SECRET).columns["out"]
    other = apply_treatment(field, pa.array(["school-1"]), None, SECRET[::-1]).columns["out"]
    a, b, again, empty = one.to_pylist()
    assert a == again != b
    assert empty is None
    assert other[0].as_py() not in {a, b}


@pytest.mark.parametrize(
    ("field", "birth"),
    [
        (granted(Treatment("tokenise"), use="link"), None),
        (granted(Treatment("drop"), use="none"), None),
        (granted(Treatment("record", namespace_column="x")), None),
        (granted(Treatment("keep"), use="link"), None),
        (granted(Treatment("date", unit="age_days")), None),
    ],
)
def test_what_is_not_for_this_room_is_refused_without_a_value(field: FieldPolicy, birth: None) -> None:
    with pytest.raises(ValueError, match=r"clinic\.yaml:1") as caught:
        apply_treatment(field, pa.array(["SECRET-VALUE"]), birth, SECRET)
    assert "SECRET-VALUE" not in str(caught.value)


def test_a_short_pseudonym_key_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter than 16 bytes"):
        apply_treatment(granted(Treatment("pseudonymise")), pa.array(["school-1"]), None, SECRET[:15])


def test_every_unit_is_in_the_table() -> None:
    assert {unit for unit, _, _ in DATES} == set(DATE_UNITS)
