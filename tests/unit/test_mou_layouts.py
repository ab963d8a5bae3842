"""The fields of the standards in the vocabulary are those the readers know, and the demo agreements name no others."""

from __future__ import annotations

import pytest
from support.mou import DEMO

from assets.extracts.readers.flatten import columns_of
from assets.extracts.standards import describe
from mou_policies import vocabulary
from mou_policies.language import load_agreements
from mou_policies.model import SourcePolicy
from mou_policies.vocabulary import Layout, layout_of
from pipelines.demo import hmis, school

LAYOUTS = {name: found for name in vocabulary.standards() if (found := layout_of(name)) is not None}
SOURCES = [s for a in load_agreements(DEMO) for s in a.sources.values() if s.standard in LAYOUTS]

CLASSES = """
ije-natality  births       MOM_SSN               id.ssn_relative
ije-natality  births       SYPH                  health.diagnosis
ije-natality  births       CIGPN                 health.diagnosis
ije-natality  births       ACKN                  unlisted
ije-natality  births       IDOB_DY               date.part
ije-natality  births       PLACE20               text.free
ije-natality  births       MBPLACE_CNTRY_TXT     immigration
hmis-csv-2026 HealthAndDV  CurrentlyFleeing      safety.violence
hmis-csv-2026 IncomeBenefits SSI                 health.diagnosis
hmis-csv-2026 Project      TargetPopulation      safety.violence
hmis-csv-2026 Client       VeteranStatus         unlisted
oneroster-1.1 demographics countryOfBirthCode    immigration
oneroster-1.1 users        password              online.account
fhir-bulk-r4  Encounter    reasonCode            health.diagnosis
fhir-bulk-r4  Patient      link                  id.other
"""


def test_every_standard_with_tables_of_its_own_has_a_layout() -> None:
    assert set(LAYOUTS) == {"ije-natality", "fhir-bulk-r4", "hmis-csv-2026", "oneroster-1.1"}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_tables_keys_and_records_are_those_of_the_reader(layout: Layout) -> None:
    described = describe(layout.standard).tables
    assert {n: (t.key, t.record) for n, t in layout.tables.items()} == {
        n: (t.key, t.record) for n, t in described.items()
    }


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_every_column_that_the_reader_names_is_in_the_vocabulary(layout: Layout) -> None:
    standard = describe(layout.standard)
    by_reader = {standard.facts.get(f"{what}_column") for what in ("status", "modified", "withdrawn")} - {None}
    for name, table in standard.tables.items():
        named = {*table.key, *table.required, *table.aliases, *(k.column for k in table.foreign_keys), *by_reader}
        assert named <= set(layout.tables[name].fields), name


def test_natality_fields_are_those_of_the_record_and_the_composites() -> None:
    standard = describe("ije-natality")
    known = {*standard.layout, *standard.facts["composite_dates"], *standard.facts["composite_ids"]}
    assert set(LAYOUTS["ije-natality"].tables["births"].fields) == known


def test_fhir_fields_are_the_columns_of_the_sql_and_the_others_are_marked_unread() -> None:
    for name, table in LAYOUTS["fhir-bulk-r4"].tables.items():
        assert {f.name for f in table.fields.values() if f.is_read} == set(columns_of(name)), name


@pytest.mark.parametrize(("standard", "headers"), [("oneroster-1.1", school.headers), ("hmis-csv-2026", hmis.headers)])
def test_csv_fields_are_the_published_headers_in_their_order(standard: str, headers) -> None:  # type: ignore[no-untyped-def]
    tables = LAYOUTS[standard].tables
    published = headers()
    for name in tables.keys() & published.keys():
        assert list(tables[name].fields) == published[name], name
    assert tables.keys() - published.keys() <= {"categories", "resources", "classResources", "courseResources"}
    assert published.keys() - tables.keys() <= {"manifest", "Export", "User"}


@pytest.mark.parametrize("line", CLASSES.strip().splitlines())
def test_classes_that_counsel_would_look_for(line: str) -> None:
    standard, table, field, cls = line.split()
    assert LAYOUTS[standard].tables[table].fields[field].cls == cls
    assert not vocabulary.field_classes()[cls].uses


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_records_are_record_ids_and_flags_of_protection_exclude(layout: Layout) -> None:
    for table in layout.tables.values():
        assert table.record is None or table.fields[table.record].cls == "id.record"
        flags = {f.name for f in table.fields.values() if vocabulary.field_classes()[f.cls].protects}
        assert flags <= {e.field for e in table.excludes if e.safe}
        assert all(table.fields[e.field].cls == e.cls for e in table.excludes)


@pytest.mark.parametrize("source", SOURCES, ids=[s.source for s in SOURCES])
def test_demo_agreements_name_fields_of_the_standard_with_its_classes(source: SourcePolicy) -> None:
    layout = LAYOUTS[source.standard]
    for table in source.tables.values():
        for name in (*(f.field for f in table.fields), *table.key, *(e.field for e in table.excludes)):
            assert layout.names(table.table, name), f"{table.table}.{name}"
        for field in table.fields:
            standard = layout.tables[table.table].fields.get(field.field)
            assert standard is None or field.cls == standard.cls, field.clause
            assert standard is None or standard.is_read or field.use == "none", field.clause


def test_a_name_that_no_standard_has() -> None:
    roster = LAYOUTS["oneroster-1.1"]
    assert roster.names("users", "metadata.zip")
    assert not roster.names("users", "shoeSize")
    assert not roster.names("shoes", "metadata.zip")
    assert not LAYOUTS["ije-natality"].names("births", "metadata.zip")
