"""A demo city whose nights have not run, as a data set: what its sources' real readers bring to the tokens.

The readers run on a temporary copy. For made-up children only: identifiers are written to the folder.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from assets.extracts import settle
from assets.extracts.load import load_source
from assets.night import Night
from benchmarks.data.folder import Folder, write_folder
from linkage.keys import KeyRing
from linkage.records import find_keys, key_matrix, key_order, record_keys
from linkage.tokens import encode
from pipelines import workspace as workspaces
from pipelines.resources import make_night


def make_folder(path: Path, city: Path, night: date) -> Folder:
    """Write the records of the city's first night into `path`; a record that no truth knows is a child of its own."""
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as copy:
        shutil.copytree(city, copy, dirs_exist_ok=True)
        at = make_night(workspaces.load(workspaces.find(Path(copy))), night)
        tables, formats = collect(at)
        truth = pa.concat_tables(_truth(city, source, table, at.keys) for source, table in tables.items())
    one = [name for name in tables if at.policy.sources[name].one_record_a_child]
    return write_folder(path, f"demo city {city.name}", tables, _numbered(truth), one, formats)


def collect(night: Night) -> tuple[dict[str, pa.Table], dict[str, str]]:
    """Load every source; return the identifiers of each, the last row of each record, and its form of dates."""
    seen: dict[str, list[pa.Table]] = {}
    formats: dict[str, str] = {}

    def remember(identifiers, source, ring, date_format=None):
        seen.setdefault(source, []).append(identifiers)
        formats.update({source: date_format} if date_format else {})
        return encode(identifiers, source, ring, date_format)

    settle.encode = remember
    try:
        for source in night.policy.sources:
            load_source(night, source)
    finally:
        settle.encode = encode
    return {source: _last_rows(seen[source]) for source in sorted(seen)}, formats


def _last_rows(parts: list[pa.Table]) -> pa.Table:
    table = pa.concat_tables(parts, promote_options="default")
    keys = key_matrix(table.column("record_key"))
    order = key_order(keys)
    last = np.ones(len(order), bool)
    last[:-1] = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    return table.take(pa.array(order[last])).combine_chunks()


def _truth(city: Path, source: str, table: pa.Table, ring: KeyRing) -> pa.Table:
    rows = [row for row in _read(city / "truth.csv") if row["source"] == source]
    twins = {row["child"] for row in _read(city / "people.csv") if row["twin_group"]}
    known = key_matrix(record_keys(pa.array([row["record_id"] for row in rows], pa.string()), source, ring))
    at = find_keys(known, key_matrix(table.column("record_key")))
    child = [rows[place]["child"] if place >= 0 else f"unknown {source} {n}" for n, place in enumerate(at.tolist())]
    return pa.table({"child": child, "twin": [one in twins for one in child]})


def _numbered(truth: pa.Table) -> pa.Table:
    number = np.unique(truth["child"].to_pylist(), return_inverse=True)[1]
    return truth.set_column(0, "child", pa.array(number))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
