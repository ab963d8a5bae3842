"""Adding a source needs an agreement file and no code: the tutorial's clinic, in CSV and in Parquet, links as well."""

import csv
import json
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

DOC = Path(__file__).resolve().parents[2] / "docs" / "agreements.md"
VISITORS = 600
NIGHT = "2026-09-01"


def _visitors(landing: Path, truth: Path) -> tuple[list[dict[str, str]], list[tuple[str, str]]]:
    """Return clinic rows made from birth certificates (positions of the published layout), and their true children."""
    with truth.open(encoding="utf-8", newline="") as handle:
        child_of = {row["record_id"]: row["child"] for row in csv.DictReader(handle) if row["source"] == "birth"}
    rows, known = [], []
    for path in sorted(landing.glob(f"vital_records/{NIGHT}/natality_*.dat")):
        for line in path.read_text(encoding="utf-8").splitlines():
            certificate = f"{line[0:4]}-{line[4:6]}-{line[6:12]}"
            given, surname = line[1000:1050].strip(), line[1100:1150].strip()
            if certificate not in child_of or given.startswith("BABY") or not given or line[12] == "1":
                continue
            number = f"CL-{len(rows):06d}"
            rows.append(
                {
                    "record_id": number,
                    "first_name": given.title(),
                    "middle_initial": line[1050:1051].strip(),
                    "last_name": surname.title(),
                    "dob": f"{line[30:32]}/{line[32:34]}/{line[0:4]}",
                    "sex": line[29],
                    "zip": line[1721:1726].strip(),
                    "mother_first": line[1282:1332].strip(),
                    "mother_last": line[1382:1432].strip(),
                    "ssn": "",
                    "medicaid_id": "",
                    "visits": str(len(rows) % 7 + 1),
                }
            )
            known.append((number, child_of[certificate]))
            if len(rows) == VISITORS:
                return rows, known
    return rows, known


def _sign(city, agreements: Path) -> None:
    keys = city.home / "clinic-keys"
    where = ("--workspace", str(city.home))
    signer = ("mou", "new-signer", "--key-folder", str(keys), *where)
    city.run(*signer, "Clinic Director", "--role", "provider", "--agency", "clinic")
    city.run(*signer, "Cabinet Director", "--role", "hub", "--agency", "hub")
    for key in sorted(keys.glob("*.pem")):
        city.run("mou", "sign", "clinic.yaml", "--key", str(key), "--on", "2026-08-01", *where)
    assert "signed" in city.run("mou", "verify", "clinic.yaml", *where)


@pytest.mark.slow
@pytest.mark.parametrize("standard", ["csv", "parquet"])
def test_a_source_with_any_column_names_links(city_before, tmp_path: Path, standard: str) -> None:
    city = type(city_before)(tmp_path / "city", tmp_path / "temp")
    city.temp.mkdir()
    shutil.copytree(city_before.home, city.home)
    [example] = re.findall(r"```yaml\n(agreement: clinic.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    agreement = example.replace("standard: csv", f"standard: {standard}")
    agreement = agreement.replace("visits_*.csv", f"visits_*.{standard}")
    (city.workspace / "agreements" / "clinic.yaml").write_text(agreement, encoding="utf-8")
    _sign(city, city.workspace / "agreements")
    rows, known = _visitors(city.workspace / "landing", city.truth)
    assert len(rows) == VISITORS
    arriving = city.workspace / "landing" / "clinic" / NIGHT / f"visits_2026-08.{standard}"
    arriving.parent.mkdir(parents=True)
    if standard == "csv":
        with arriving.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), arriving)
    with city.truth.open("a", encoding="utf-8") as handle:
        handle.writelines(f"clinic,{number},{child}\n" for number, child in known)

    story = city.night(NIGHT)
    [line] = [line for line in story["sources"] if line["source"] == "clinic"]
    assert (line["read"], line["loaded"]) == (VISITORS, VISITORS)
    found = json.loads(city.run("evaluate", "--json", "--workspace", str(city.home), "--truth", str(city.truth)))
    scores = found["by_source_pair"]["birth - clinic"]
    assert scores["precision"] >= 0.99
    assert scores["recall"] >= 0.98
