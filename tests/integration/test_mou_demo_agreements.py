"""The agreements of the demo city: they load, are in force once signed, and name what the standards have."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from support.mou import DEMO, NIGHT, demo_folder

from mou_policies.language import agreement_files, load_agreement
from mou_policies.lint import check
from mou_policies.model import SourcePolicy
from mou_policies.policy import Policy, compile_policy
from mou_policies.summary import COLUMNS, summary
from mou_policies.treatments import output_types

ROOT = Path(__file__).resolve().parents[2]
COMPOSITES = {"IDOB", "MDOB", "FDOB", "DOFP", "DLMP", "CERT"}

SOURCES = [
    # source          agency                 standard         delivery    kind       records of
    ("birth",         "vital_records",       "ije-natality",  "delta",    "records", None),
    ("health",        "health_exchange",     "fhir-bulk-r4",  "delta",    "records", None),
    ("hmis",          "human_services",      "hmis-csv-2026", "full",     "records", None),
    ("snap",          "economic_assistance", "csv",           "delta",    "records", None),
    ("tanf",          "economic_assistance", "csv",           "delta",    "records", None),
    ("medicaid",      "economic_assistance", "csv",           "delta",    "records", None),
    ("wic",           "wic",                 "csv",           "delta",    "records", None),
    ("child_welfare", "child_welfare",       "csv",           "full",     "records", None),
    ("school",        "school_district",     "oneroster-1.1", "standard", "records", None),
    ("attendance",    "school_district",     "csv",           "delta",    "records", "school"),
    ("preschool",     "early_learning",      "csv",           "full",     "records", None),
    ("consents",      "consent_office",      "csv",           "delta",    "consent", None),
]  # fmt: skip

# source.table             columns that may be stored (* = may enter published aggregates)
STORED = """
birth.births               birth_year* birth_school_year* sex* zip3 plurality birth_weight_g*
                           gestation_weeks* prenatal_visits* prenatal_start_age_days* mother_wic*
                           payer* mother_education mother_hispanic_1* mother_hispanic_2*
                           mother_hispanic_3* mother_hispanic_4* mother_race_white* mother_race_black*
                           mother_race_aian* mother_race_asian*
health.Patient             birth_year* birth_school_year* sex* zip3 race* ethnicity*
health.Immunization        status* cvx* age_days*
health.Encounter           status* class type_code* age_days*
health.Observation         status* loinc* age_days* observed_year* value* unit*
health.Coverage            status* type_code* start_month* end_month*
hmis.Client                birth_year* sex* race_aian* race_asian* race_black* hispanic* race_nhpi*
                           race_white*
hmis.Organization          organization
hmis.Project               project organization project_type*
hmis.Enrollment            enrollment project entry_month* living_situation* relationship
hmis.Exit                  enrollment exit_month* destination*
snap.monthly               benefit_month* amount
tanf.monthly               benefit_month* amount
medicaid.monthly           benefit_month*
wic.monthly                benefit_month*
child_welfare.clients      race*
child_welfare.reports      report_month* report_year* disposition*
child_welfare.placements   start_month* end_month* placement_type*
school.users               grade* school
school.demographics        birth_year* birth_school_year* sex* race_aian* race_asian* race_black* race_nhpi*
                           race_white* hispanic*
school.orgs                school name* type* part_of
school.classes             class grade*
school.enrollments         school class role* begin* begin_year* end* end_year*
attendance.events          school absent* absent_year* status* portion*
attendance.calendar        school day* day_year* instructional*
attendance.assessments     tool* tool_version* subject* grade* school_year* score level* tested*
attendance.mckinney_vento  school_year* nighttime_residence* unaccompanied
preschool.enrolments       program_type* start_month* end_month* funding*
consents.forms             decision scope about_source about_record signed_month effective_month expiry_month
                           signer purposes recipients basis elements evidence
"""


def _tables(text: str) -> dict[str, list[str]]:
    """Read the table above: a name in the first column starts an entry, an indented line goes on with it."""
    found: dict[str, list[str]] = {}
    for line in text.strip("\n").splitlines():
        name, _, columns = ("", "", line) if line.startswith(" ") else line.partition(" ")
        found.setdefault(name or list(found)[-1], []).extend(columns.split())
    return found


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return compile_policy(demo_folder(tmp_path_factory.mktemp("demo")), NIGHT)


def test_every_source_of_the_city_is_in_force(policy: Policy) -> None:
    assert not policy.refusals
    found = {(s.source, s.agency, s.standard, s.delivery, s.kind, s.records_of) for s in policy.sources.values()}
    assert found == set(SOURCES)


def test_what_is_stored_is_what_the_table_says(policy: Policy) -> None:
    stored = {}
    for source in policy.sources.values():
        for table in source.tables.values():
            names = [
                name + ("*" if field.is_publish else "")
                for field in table.content_fields
                for name in output_types(field)
            ]
            stored[f"{source.source}.{table.table}"] = names
    assert stored == _tables(STORED)


def test_every_person_links_and_reference_tables_do_not(policy: Policy) -> None:
    for source in policy.sources.values():
        classes = {f.cls for t in source.tables.values() for f in t.link_fields}
        if source.records_of is None:
            assert {"name.given", "name.surname", "birth.date", "sex", "address.zip"} - classes <= {"address.zip"}
        else:
            assert not classes
    for source, table in (
        ("hmis", "Project"),
        ("hmis", "Organization"),
        ("school", "orgs"),
        ("attendance", "calendar"),
    ):
        assert policy.sources[source].tables[table].record is None


def test_exclusions_name_their_law(policy: Policy) -> None:
    rules = {e.name: e for s in policy.sources.values() for t in s.tables.values() for e in t.excludes}
    assert set(rules) == {
        "birth.void",
        "hmis.victim-service",
        "child-welfare.sealed-adoption",
        "child-welfare.address-confidential",
        "oneroster.not-student",
    }
    assert all(rule.cite and rule.because for rule in rules.values())
    assert rules["hmis.victim-service"].cascade


def test_nothing_denied_is_wanted_from_a_reader(policy: Policy) -> None:
    for source in policy.sources.values():
        for table in source.tables.values():
            denied = {f.field for f in table.fields if f.use == "none"}
            assert not denied & set(table.wanted), (source.source, table.table)
    births = policy.sources["birth"].tables["births"].wanted
    assert "VOID" in births
    assert "MOM_SSN" not in births


def _headers(name: str, key: str) -> dict[str, set[str]]:
    with (ROOT / "pipelines" / "demo" / "data" / name).open(newline="") as handle:
        return {row[key]: set(row["columns"].split("|")) for row in csv.DictReader(handle)}


def _named(source: SourcePolicy, table: str) -> set[str]:
    held = source.tables[table]
    return {f.field for f in held.fields} | set(held.wanted)


def test_the_fields_named_are_fields_of_the_standards(policy: Policy) -> None:
    with (ROOT / "pipelines" / "demo" / "data" / "ije_natality.csv").open(newline="") as handle:
        ije = {row["field"] for row in csv.DictReader(handle)}
    assert _named(policy.sources["birth"], "births") - COMPOSITES <= ije
    for name, headers in (
        ("hmis", _headers("hmis_2026.csv", "file")),
        ("school", _headers("oneroster_11.csv", "file")),
    ):
        for table in policy.sources[name].tables:
            named = {f for f in _named(policy.sources[name], table) if not f.startswith("metadata.")}
            assert named <= headers[table], table


def test_a_consent_form_names_another_agencys_record(policy: Policy) -> None:
    table = policy.sources["consents"].tables["forms"]
    about = next(f for f in table.fields if f.name == "about_record")
    assert about.treatment.namespace_column == "agency_source"
    assert not about.is_record
    assert table.record == "form_id"
    assert {"agency_source", "agency_record_id"} <= set(table.wanted)


def test_attendance_uses_the_district_s_records(policy: Policy) -> None:
    assert policy.sources["attendance"].namespace == "school"
    assert policy.sources["school"].namespace == "school"


def test_files_read_as_agreements_between_people() -> None:
    kinds: dict[str, list[str]] = {}
    for file in agreement_files(DEMO):
        agreement = load_agreement(file)
        kinds.setdefault(agreement.kind, []).append(agreement.agreement_id)
        assert agreement.hub.agency == "hub"
        assert agreement.provisions.expects
        if agreement.kind == "dsa":
            assert agreement.provider.agency == file.stem
            assert agreement.redisclosure is not None and not agreement.redisclosure.allowed
            assert agreement.destruction is not None and agreement.destruction.period_days
            assert "link-records" in agreement.purposes
    assert (kinds["emou"], kinds["dul"], len(kinds["dsa"])) == (
        ["childrens-cabinet-2025"],
        ["cabinet-outcomes-2025"],
        9,
    )


def test_lint_finds_nothing_in_the_demo_agreements(policy: Policy) -> None:
    for agreement in policy.agreements.values():
        assert check(agreement, policy.agreements, NIGHT) == []
    assert not policy.denials


def test_a_release_takes_only_what_the_licence_names(policy: Policy) -> None:
    granted = policy.granted("birth", "births", "payer")
    assert granted is not None
    assert policy.publishable("birth", "births", "payer") is None
    said = policy.licence.refuses(("birth", "births", "PAY"), granted)
    assert said is not None and said.endswith("cabinet-outcomes-2025 fields does not name it")
    assert policy.publishable("birth", "births", "birth_weight_g") is not None


def test_a_summary_has_every_line_of_the_agreement(policy: Policy) -> None:
    for source in policy.sources.values():
        rows = summary(source)
        assert all(tuple(row) == COLUMNS and all(row.values()) for row in rows)
        fields = sum(len(t.fields) for t in source.tables.values())
        excludes = sum(len(t.excludes) for t in source.tables.values())
        assert len(rows) >= fields + excludes
    ssn = next(r for r in summary(policy.sources["birth"]) if r["field"] == "MOM_SSN")
    assert (ssn["may be"], ssn["after"], ssn["as"]) == ("not used", "-", "-")
    keys = [r for r in summary(policy.sources["health"]) if r["may be"] == "read, not kept"]
    assert {r["table"] for r in keys} == {"Immunization", "Encounter", "Observation", "Coverage"}


def test_counsel_asks_about_fields_that_an_agreement_names() -> None:
    agreements = [load_agreement(file) for file in agreement_files(DEMO)]
    tables = [t for a in agreements for s in a.sources.values() for t in [(s.source, t) for t in s.tables.values()]]
    named = {(source, table.table, field.field) for source, table in tables for field in table.fields}
    assert {e.ref for a in agreements for e in a.provisions.expects} <= named
