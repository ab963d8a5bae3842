"""What happens when an agreement does not let a measure be published, or a SQL file breaks its own header."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from support.hub import Hub, table_of

from assets.outcomes.cells import CREATE, MeasureError, add_cells
from assets.outcomes.definitions import Definition, measures
from assets.outcomes.run import build_outcomes
from assets.outcomes.success import TargetError, load_targets
from assets.spine.build import build_spine
from assets.spine.declared import DeclarationError, check_statement, parse_sql_file

BIRTHS = {
    "birth.births": "record | birth_year | birth_school_year | sex | birth_weight_g | gestation_weeks\n"
    "a | 2025 | 2025-26 | F | 2400 | 36"
}


def test_a_column_that_is_not_publish_withholds_its_measure_with_the_clause_and_nothing_else(tmp_path: Path):
    night = Hub(tmp_path / "state", BIRTHS, content_only=("birth.births.birth_weight_g",)).night()
    build_spine(night)
    report = build_outcomes(night, only={"low_birthweight", "preterm"})
    assert list(report.withheld) == ["low_birthweight 1"]
    assert table_of(night.paths.outcomes, "select distinct measure from measure") == [("preterm",)]
    assert table_of(
        night.paths.outcomes,
        "select column_name, reason, clause from measure_withheld where name = 'low_birthweight'",
    ) == [
        (
            "birth_weight_g",
            "the agreement grants the use content; a published measure needs publish",
            "birth.yaml:1 birth.births.birth_weight_g",
        )
    ]


def test_content_of_a_lapsed_agreement_stays_out_of_spine_and_measures(tmp_path: Path):
    night = Hub(tmp_path / "state", BIRTHS, lapsed=("birth",)).night()
    report = build_spine(night)
    assert report.children == 0
    assert "birth__births" not in report.tables
    withheld = build_outcomes(night, only={"preterm"}).withheld
    assert withheld == {"preterm 1": "birth.births.birth_school_year: no agreement in force: the agreement ended"}


def test_an_attribute_is_not_taken_from_a_column_that_may_not_be_published(tmp_path: Path):
    night = Hub(tmp_path / "state", BIRTHS, content_only=("birth.births.sex",)).night()
    build_spine(night)
    assert table_of(night.paths.spine, "select sex from child") == [("Unknown",)]
    build_outcomes(night, only={"preterm"})
    assert table_of(
        night.paths.outcomes,
        "select name, effect from measure_withheld where column_name = 'sex' and source = 'birth'",
    ) == [("child", "without this column")]


def test_a_measure_is_stopped_with_the_models_it_needs(tmp_path: Path):
    night = Hub(tmp_path / "state", BIRTHS).night()
    assert "school_segment" in build_spine(night).missing_models
    withheld = build_outcomes(night, only={"mobility", "absence_by_service_context"}).withheld
    assert withheld["mobility 1"].endswith("no file of this source has been loaded")
    assert withheld["absence_by_service_context 1"] == "uses chronic_absence, which is withheld"
    assert table_of(night.paths.outcomes, "select count(*) from absence_by_service_context") == [(0,)]


HEADER = "-- measure: x\n-- reads: birth.births.sex\n"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        pytest.param("select * from health__patient", "does not declare", id="a relation not declared"),
        pytest.param("select * from spine.main.c_birth__births", "names a schema", id="around the views"),
        pytest.param("select * from read_csv('x.csv')", "calls read_csv", id="a file by function"),
        pytest.param("select * from 'x.csv'", "does not declare", id="a file by name"),
        pytest.param("with a as (select 1) select * from a; drop table a", "not one select", id="two statements"),
        pytest.param("create table y as select 1", "not one select", id="not a select"),
        pytest.param(
            "select (select max(sex) from school__demographics) from birth__births", "does not declare", id="nested"
        ),
    ],
)
def test_a_statement_reads_only_what_its_header_declares(tmp_path: Path, sql: str, message: str):
    path = tmp_path / "x.sql"
    path.write_text(HEADER + sql, encoding="utf-8")
    with duckdb.connect() as connection, pytest.raises(DeclarationError, match=message):
        check_statement(connection, parse_sql_file(path))


def test_a_column_that_the_header_does_not_declare_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "x.sql"
    path.write_text(HEADER + "-- version: 1\nselect birth_weight_g from birth__births", encoding="utf-8")
    night = Hub(tmp_path / "state", BIRTHS).night()
    build_spine(night)
    monkeypatch.setattr("assets.outcomes.run.measures", lambda: (Definition(parse_sql_file(path)),))
    with pytest.raises(DeclarationError, match="birth_weight_g"):
        build_outcomes(night)
    assert not night.paths.outcomes.exists()


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "-- model: a\n-- model: b\nselect 1",
        "-- model: a\n-- reads: births.sex\nselect 1",
        "-- Nothing that is a key\nselect 1",
    ],
)
def test_a_header_that_cannot_be_understood_is_an_error(tmp_path: Path, text: str):
    path = tmp_path / "x.sql"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"x\.sql"):
        parse_sql_file(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param("('a', '2025-26', true, null), ('a', '2025-26', false, null)", "repeat a child", id="twice"),
        pytest.param("('a', '2025-26', true, 'Unknown')", "count an excluded child", id="excluded and counted"),
        pytest.param("('a', '2025-26', null, null)", "no numerator", id="null"),
    ],
)
def test_a_measure_that_counts_wrongly_stops_the_run(rows: str, message: str):
    definition = next(item for item in measures() if item.name == "preterm")
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as out")
        connection.execute(CREATE)
        connection.execute(f"create table r as select * from (values {rows}) t(child_id, period, numerator, excluded)")
        with pytest.raises(MeasureError, match=message):
            add_cells(connection, definition, "r")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense: {}", "no measure"),
        ("preterm: {version: '1'}", "exactly the keys"),
        ("preterm: {version: '1', baseline: first, target: 200, by: 2029-30, owner: X}", "percentage"),
        ("preterm: {version: '1', baseline: first, target: 8, by: 2029, owner: X}", "2025-26"),
        ("preterm: {version: '1', version: '2'}", "cannot be read"),
        ("[", "cannot be read"),
    ],
)
def test_a_targets_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str):
    path = tmp_path / "targets.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TargetError, match=message):
        load_targets(path)
