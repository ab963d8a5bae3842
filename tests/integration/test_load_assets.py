"""The extracts as Dagster runs them: a readable graph, counts for the steward, and no value in anything it keeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, DailyPartitionsDefinition, materialize
from support.load_cases import NIGHT_1, City, csv, field, people_source, source, table

from assets.extracts.assets import build_extract_assets, content_key, tokens_key
from assets.extracts.checks import CHECKS
from assets.release.reporting import NOT_TOLD
from mou_policies.agreement import Refusal

PARTITIONS = DailyPartitionsDefinition("2026-09-01")
FORMS = table("forms", ["form"], "form", field("form", "id.record", "record"), field("last", "name.surname"))
DAYS = table(
    "days", ["id", "day"], "id", field("id", "id.record", "record"), field("day", "date.school", "date.school_day")
)


@pytest.fixture
def city(tmp_path):
    made = City(
        tmp_path, people_source(), source("forms", FORMS, kind="consent"), source("turnout", DAYS, records_of="clinic")
    )
    made.deliver(
        "clinic",
        NIGHT_1,
        {
            "people.csv": csv(
                "id,first,last,dob,sealed,hobby", "1,Marisol,Ruiz,2019-02-03,N,chess", "2,Ben,Low,2019-02-03,Y,"
            ),
            "visits.csv": csv("visit,id,kind,on", "v1,1,flu,2019-02-13", "v1,1,flu,2019-02-13", "v2,9,flu,2019-02-13"),
        },
    )
    made.deliver("turnout", NIGHT_1, {"days.csv": csv("id,day", "1,2025-09-02")})
    return made


def test_the_graph_loads_consents_first_and_records_before_what_refers_to_them(city):
    built = build_extract_assets(list(city.sources.values()), partitions_def=PARTITIONS, freshness=True)
    assert [a.op.name for a in built] == ["load_forms", "load_clinic", "load_turnout"]
    found = {
        spec.key.to_user_string(): sorted(dep.asset_key.to_user_string() for dep in spec.deps)
        for a in built
        for spec in a.specs
    }
    assert found == {
        "extract/forms/tokens": [],
        "extract/forms/content": [],
        "extract/clinic/tokens": ["extract/forms/content"],
        "extract/clinic/content": ["extract/forms/content"],
        "extract/turnout/tokens": ["extract/clinic/tokens", "extract/forms/content"],
        "extract/turnout/content": ["extract/clinic/tokens", "extract/forms/content"],
    }


def test_every_source_waits_for_the_asset_that_applies_consents(city):
    built = build_extract_assets(list(city.sources.values()), consent=AssetKey("consent_ledger"))
    waits = {a.op.name: {dep.asset_key for spec in a.specs for dep in spec.deps} for a in built}
    assert AssetKey("consent_ledger") in waits["load_clinic"]
    assert waits["load_forms"] == set()


def test_a_steward_reads_what_an_asset_is(city):
    [_, clinic, _] = build_extract_assets(list(city.sources.values()), partitions_def=PARTITIONS)
    spec = clinic.specs_by_key[content_key("clinic")]
    assert [(c.name, c.type) for c in spec.metadata["dagster/column_schema"].columns] == [
        ("clinic__people.birth_year", "int32"),
        ("clinic__visits.kind", "string"),
        ("clinic__visits.age_days", "int32"),
        ("clinic__visits.month", "string"),
    ]
    assert (spec.group_name, spec.owners, spec.tags["agency"]) == ("extracts", ["steward@clinic.example"], "clinic")
    blocking = [check.name for check in clinic.check_specs if check.blocking]
    assert blocking == ["stored_state_sound"]
    assert {check.name for check in clinic.check_specs} == set(CHECKS)


def test_a_night_materialises_counts_and_checks_and_keeps_no_value(city, tmp_path):
    built = build_extract_assets(list(city.sources.values()), partitions_def=PARTITIONS)
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        ran = materialize(
            built,
            resources={"night": city.night()},
            partition_key="2026-09-01",
            instance=instance,
            raise_on_error=False,
        )
        assert ran.success
        told = {
            event.asset_key: {
                name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            for event in ran.get_asset_materialization_events()
        }
    content = told[content_key("clinic")]
    assert content["status"] == "loaded"
    [people, visits] = [r.data for r in content["files"].records]
    assert [(r["read"], r["accepted"], r["quarantined"], r["dropped_by_policy"]) for r in (people, visits)] == [
        (2, 1, 0, 1),
        (3, 1, 2, 0),
    ]
    assert not {"loaded", "dropped_by_consent", "dagster/row_count"} & {*people, *content}, "what depends on families"
    assert content["columns nobody granted"] == ["people.hobby"]
    assert [r.data for r in content["dropped by policy"].records] == [
        {"policy": "test.sealed", "reason": "excluded value", "file": "people.csv", "table": "people", "rows": 1}
    ]
    assert {r.data["reason"]: r.data["rows"] for r in content["quarantined"].records} == {
        "duplicate key": 1,
        "person not in this delivery": 1,
    }
    assert told[tokens_key("clinic")] == {"status": "loaded", "not told": NOT_TOLD}
    assert len(ran.get_asset_check_evaluations()) == sum(len(a.check_keys) for a in built)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "landing" not in path.parts)
    assert b"test.sealed" in kept
    for value in (b"Marisol", b"Ruiz", b"2019-02-03", b"2019-02-13"):
        assert value not in kept


def test_a_refused_source_materialises_with_its_status_and_the_rest_goes_on(city):
    gone = Refusal("clinic.yaml", ("clinic",), "the term ended on 2026-08-31", 12, "sign a new agreement")
    built = build_extract_assets(list(city.sources.values()), partitions_def=PARTITIONS)
    ran = materialize(built, resources={"night": city.night(refusals=[gone])}, partition_key="2026-09-01")
    assert ran.success
    [failed] = [e for e in ran.get_asset_check_evaluations() if not e.passed and e.asset_key == content_key("clinic")]
    assert (failed.check_name, failed.description) == (
        "agreement_in_force",
        "the term ended on 2026-08-31; sign a new agreement",
    )
    statuses = {
        event.asset_key.path[1]: event.step_materialization_data.materialization.metadata["status"].value
        for event in ran.get_asset_materialization_events()
    }
    assert statuses == {"clinic": "refused", "forms": "nothing new", "turnout": "loaded"}


def test_drawing_the_graph_does_not_import_great_expectations():
    code = "import sys, assets.extracts.assets; sys.exit('great_expectations' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
