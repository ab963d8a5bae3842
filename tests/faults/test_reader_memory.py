"""A million rows are read in bounded memory: the peak of a process that does nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = 1_000_000
CEILING = 300  # MB, interpreter and libraries (about 90) included
PROGRAM = """
import re, sys, time
from pathlib import Path
sys.path[:0] = ["tests", "."]
from support.reader_sources import source, table
from assets.extracts.delivery import open_delivery
made = source(sys.argv[2], [table("events", sys.argv[3].split(","), key=["student_id", "date"])])
if sys.argv[2] == "fhir-bulk-r4":
    made = source("fhir-bulk-r4", [table("Immunization", sys.argv[3].split(","), record="patient")])
begun = time.monotonic()
delivery = open_delivery(made, [Path(sys.argv[1])])
rows = sum(batch.rows.num_rows for name in delivery.tables for batch in delivery.batches(name))
# The kernel's high-water mark of this program alone: ru_maxrss would keep that of the process it was forked from.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(rows, len(delivery.problems), round(peak), round(time.monotonic() - begun, 2))
"""


def measured(path, standard, columns):
    command = [sys.executable, "-c", PROGRAM, str(path), standard, ",".join(columns)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows, problems, peak, seconds = done.stdout.split()
    print(f"{standard}: {rows} rows, {problems} problems, {peak} MB, {seconds} s")
    return int(rows), int(problems), int(peak)


@pytest.mark.slow
@pytest.mark.parametrize("quoted", [False, True])
def test_a_million_delimited_rows(tmp_path, quoted):
    path = tmp_path / "attendance.csv"
    mark = '"' if quoted else ""
    with path.open("w", encoding="utf-8") as stream:
        stream.write("student_id,school_id,date,status,portion\n")
        for i in range(ROWS):
            stream.write(f"{i:032x},S{i % 60:03d},2026-01-{i % 28 + 1:02d},{mark}absent_excused{mark},1.0\n")
    rows, problems, peak = measured(path, "csv", ["student_id", "school_id", "date", "status", "portion"])
    assert (rows, problems) == (ROWS, 0)
    assert peak < CEILING


@pytest.mark.slow
def test_many_resources(tmp_path):
    path = tmp_path / "Immunization.ndjson"
    with path.open("w", encoding="utf-8") as stream:
        for i in range(300_000):
            stream.write(
                f'{{"resourceType":"Immunization","id":"{i:032x}","status":"completed","vaccineCode":{{"coding":'
                f'[{{"system":"http://hl7.org/fhir/sid/cvx","code":"20"}}]}},"patient":{{"reference":"Patient/{i:032x}"}},'
                f'"occurrenceDateTime":"2020-01-01"}}\n'
            )
    rows, problems, peak = measured(path, "fhir-bulk-r4", ["id", "patient", "vaccineCode.cvx", "occurrenceDateTime"])
    assert (rows, problems) == (300_000, 0)
    assert peak < CEILING + 150  # DuckDB's own library and one batch of 16 MiB as JSON
