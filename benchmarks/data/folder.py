"""A data set as a folder: one Parquet file of raw identifiers a source, and who is who.

``about.json`` names the sources in order, those that promise one record a child, and the form of each one's birth
dates. ``truth.parquet`` has one row a record, source after source in that order: `child` (a number) and `twin`.
Whatever measures a linkage answers with one cluster number a record, in the same order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KEY_BYTES = 16


@dataclass(frozen=True)
class Folder:
    """A data set on disk."""

    path: Path

    @property
    def about(self) -> dict[str, Any]:
        """`name`, `sources`, `one_record` (sources), `date_format` by source where one is stated."""
        found: dict[str, Any] = json.loads((self.path / "about.json").read_text(encoding="utf-8"))
        return found

    @property
    def sources(self) -> list[str]:
        """The sources in the order of the truth."""
        return list(self.about["sources"])

    def identifiers(self, source: str) -> pa.Table:
        """Return ``record_key`` and raw identifiers of one source, as `linkage.tokens.encode` takes them."""
        return pq.read_table(self.path / f"{source}.parquet")

    def source_of(self) -> np.ndarray:
        """Return the number of the source of every record, int64."""
        counts = [pq.read_metadata(self.path / f"{source}.parquet").num_rows for source in self.sources]
        return np.repeat(np.arange(len(counts)), counts)

    def truth(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the child of every record, int64, and whether it is a twin."""
        table = pq.read_table(self.path / "truth.parquet")
        return table["child"].to_numpy(), table["twin"].to_numpy()


def write_folder(
    path: Path,
    name: str,
    tables: dict[str, pa.Table],
    truth: pa.Table,
    one_record: list[str],
    date_format: dict[str, str] | None = None,
) -> Folder:
    """Write a data set; `truth` has the rows of all `tables` in order; random record keys are added where none are."""
    path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(truth))
    for source, table in tables.items():
        if "record_key" not in table.column_names:
            raw = pa.py_buffer(rng.bytes(KEY_BYTES * table.num_rows))
            keys = pa.Array.from_buffers(pa.binary(KEY_BYTES), table.num_rows, [None, raw])
            table = table.append_column("record_key", keys)  # noqa: PLW2901
        pq.write_table(table, path / f"{source}.parquet")
    pq.write_table(truth, path / "truth.parquet")
    about = {"name": name, "sources": list(tables), "one_record": one_record, "date_format": date_format or {}}
    (path / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return Folder(path)
