"""Readable tables of tokens, and the bad example: one keyed token a field."""

import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.attack import TokenTable, exposure

YARDSTICK = Path(__file__).parents[3] / "shared" / "yardsticks" / "structure_attack.py"
FIELDS = ("given", "surname", "birth_date", "sex", "zip")


def tokens(text: str) -> pa.Table:
    """Read a table of tokens: a header line, then one line a record; `.` is no token, `a+b` is a list of two."""
    head, *lines = [line.split() for line in text.strip().splitlines()]
    columns = {name: [None if line[at] == "." else line[at] for line in lines] for at, name in enumerate(head)}
    listed = {name for name, cells in columns.items() if any("+" in (cell or "") for cell in cells)}
    return pa.table({name: _lists(cells) if name in listed else cells for name, cells in columns.items()})


def _lists(cells: list[str | None]) -> list[list[str] | None]:
    return [None if cell is None else cell.split("+") for cell in cells]


def figures(table: pa.Table, *comparable: tuple[str, ...]) -> dict[str, float]:
    return exposure(table.num_rows, [TokenTable.of(table, comparable)]).to_json()


def yardstick(table: pa.Table | Path, folder: Path, *comparable: tuple[str, ...]) -> dict[str, float]:
    """Run the independent attack on a table of tokens, or skip where it is not at hand."""
    if not YARDSTICK.is_file():
        pytest.skip("the yardstick of the project's owners is not beside this checkout")
    path = table if isinstance(table, Path) else folder / "tokens.parquet"
    if isinstance(table, pa.Table):
        pq.write_table(table, path)
    same = ["--same-domain", *(",".join(group) for group in comparable)] if comparable else []
    command = [sys.executable, str(YARDSTICK), str(path), *same]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def per_field(people: pa.Table, key: bytes = b"k" * 32) -> pa.Table:
    """Encode every field by itself, the way that gives people away."""
    return pa.table({name: [_keyed(key, name, value) for value in people.column(name).to_pylist()] for name in FIELDS})


def _keyed(key: bytes, name: str, value: str | None) -> bytes | None:
    return None if value is None else hmac.digest(key, f"{name}={value}".encode(), hashlib.sha256)[:16]
