"""Tables of tokens as Parquet files, so that anybody can run another attack on exactly what was measured.

Every file has one row a record (`record_id` is a number without meaning) and one column a token, and a README names
each file, its comparable columns, and how to run an attack on it. What is in the tables is in other modules.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.attack.at_rest import RECORDS, Store
from linkage.attack.hub_view import hub_tables
from linkage.errors import LinkageError

README: Final = "README.md"
_OWNER_ONLY: Final = 0o700
_HEAD: Final = """# Token tables of a store

Written by `cradlepath attack --export`. One row a record; `record_id` numbers the rows of a file and means nothing.
Every other column holds tokens; only whether two are equal can mean anything. An empty cell is no token. The attack of
`structure_attack.py` gives these files the figures that `cradlepath attack --json` prints. They are what a thief of the
disk would have, some with more said than a thief knows (which rows are one source's): keep them as you keep the disk.
"""


@dataclass(frozen=True)
class Exported:
    """One file: its name without ending, what it shows, its tokens, and whether all its columns are comparable."""

    name: str
    about: str
    tokens: pa.Table
    comparable: bool


def export(folder: Path, files: Iterable[Exported]) -> list[Path]:
    """Write each table and the README into `folder`, which must be new or empty; return the files."""
    if folder.exists() and any(folder.iterdir()):
        raise LinkageError(f"{folder}: not empty, expected a new folder; name another one, or move it away")
    folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    lines, written = [_HEAD], []
    for file in files:
        path = folder / f"{file.name}.parquet"
        rows = pa.array(np.arange(file.tokens.num_rows))
        columns = {name: _exact(file.tokens.column(name)) for name in file.tokens.column_names}
        pq.write_table(pa.table({"record_id": rows, **columns}), path, compression="none", use_dictionary=False)
        lines.append(_line(file))
        written.append(path)
    (folder / README).write_text("\n".join(lines), encoding="utf-8")
    return [*written, folder / README]


def store_files(store: Store, prefix: str, about: str) -> Iterator[Exported]:
    """Yield the files of a store: all records, the rows of each source, every other table."""
    for name, table in store.tables.items():
        whole = f"{prefix}_all" if name == RECORDS else f"{prefix}_{name}"
        yield Exported(whole, f"{about}, table `{name}`", table, comparable=True)
    for number in store.numbers:
        source = store.sources[number]
        yield Exported(f"{prefix}_{source}", f"{about}, the rows of {source}", store.rows_of(number), comparable=True)


def hub_files(record_child: pa.Table) -> Iterator[Exported]:
    """Yield the one file of the view with the hub's own keys."""
    _, tokens = hub_tables(record_child)
    yield Exported(
        "hub_keys_all", "which records are one child, and of which source, with the hub's keys", tokens, False
    )


def _exact(column: pa.ChunkedArray) -> pa.Array:
    """Return whole numbers with gaps as bytes: readers that turn gaps into floating point would round tokens."""
    flat = column.combine_chunks()
    if not flat.null_count or not pa.types.is_integer(flat.type):
        return flat
    numbers = np.ascontiguousarray(flat.fill_null(0).to_numpy(zero_copy_only=False), np.uint64)
    missing = pa.array(np.asarray(flat.is_valid())).buffers()[1]
    return pa.Array.from_buffers(pa.binary(8), len(flat), [missing, pa.py_buffer(numbers)])


def _line(file: Exported) -> str:
    names = ",".join(file.tokens.column_names)
    same = f" --same-domain {names}" if file.comparable and file.tokens.num_columns > 1 else ""
    said = "all columns are comparable with one another" if same else "no two columns are comparable"
    command = f"structure_attack.py {file.name}.parquet{same}"
    return f"\n## {file.name}.parquet\n{file.about}; {said}.\n```sh\npython {command}\n```\n"
