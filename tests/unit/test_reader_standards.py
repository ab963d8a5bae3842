"""The descriptions of standards hold together, and agree with the published layouts in the samples."""

from __future__ import annotations

import csv
from itertools import pairwise

import pytest
from support.reader_sources import SAMPLES

from assets.extracts.readers import READERS
from assets.extracts.readers.flatten import columns_of
from assets.extracts.readers.header import plain
from assets.extracts.standards import describe

IJE = SAMPLES / "birth_ije" / "IJE_File_Layouts_and_FHIR_Mapping_24-06-21.csv"
HMIS = SAMPLES / "hmis_csv_fy2026_greenriver" / "validation_files"


@pytest.mark.parametrize("name", READERS)
def test_description(name):
    standard = describe(name)
    assert standard.title
    assert standard.source
    for table in standard.tables.values():
        assert set(table.key) <= set(table.required) | {table.record}
        for key in table.foreign_keys:
            assert key.target_column in standard.tables[key.target].key


def test_persons_are_read_first():
    assert next(iter(describe("hmis-csv-2026").tables)) == "Client"
    assert list(describe("oneroster-1.1").tables)[:2] == ["users", "demographics"]
    assert next(iter(describe("fhir-bulk-r4").tables)) == "Patient"


def test_unknown_standard():
    with pytest.raises(KeyError):
        describe("../secrets")


@pytest.mark.skipif(not IJE.exists(), reason="the published IJE layout is not among the samples here")
def test_natality_positions_are_the_published_ones():
    with IJE.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["Data Flow"] == "Natality"]
    published = {
        row["Name"].strip(): (int(row["Beginning Location"]), int(row["Length"]))
        for row in rows
        if row["Beginning Location"].strip().isdigit() and row["Length"].strip().isdigit()
    }
    layout = describe("ije-natality").layout
    assert {name: (span.start, span.length) for name, span in layout.items()}.items() <= published.items()
    left_out = {name for name in published if name not in layout}
    assert all(name.startswith(("BLANK", "REPLACE", "*")) for name in left_out)
    assert max(span.end for span in layout.values()) <= describe("ije-natality").facts["record_length"]


def test_natality_spans_do_not_overlap():
    spans = sorted((span.start, span.end) for span in describe("ije-natality").layout.values())
    assert all(end < start for (_, end), (start, _) in pairwise(spans))


@pytest.mark.skipif(not HMIS.exists(), reason="the HMIS sample files are not here")
def test_hmis_columns_stand_in_the_published_headers():
    for table in describe("hmis-csv-2026").tables.values():
        with (HMIS / table.file).open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream))
        named = {*table.required, *table.key, *(key.column for key in table.foreign_keys)}
        assert {plain(name) for name in named} <= {plain(cell) for cell in header}, table.name


def test_fhir_columns_of_the_description_are_those_of_the_sql():
    for name, table in describe("fhir-bulk-r4").tables.items():
        assert set(table.required) <= set(columns_of(name))
