"""A source of the demo city is destroyed by the command: no file under state/ holds any of its record keys."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import City, child_ids

from linkage.keys import KeyRing
from linkage.vault import Vault

pytestmark = pytest.mark.slow

SOURCE, AGREEMENT, ON = "child_welfare", "child-welfare-2025", "2030-11-01"


def _keys_of(home: Path) -> set[bytes]:
    vault = Vault(home / "workspace" / "state" / "vault", KeyRing.load(home / "keys"))
    return {bytes(key) for key in vault.keys(SOURCE)}


def _files_with(state: Path, keys: set[bytes]) -> set[str]:
    found = set()
    for path in state.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if any(key in data or key.hex().encode() in data or key.hex().upper().encode() in data for key in keys):
            found.add(path.name)
    return found


def test_a_source_of_the_city_is_destroyed(city: City, tmp_path: Path):
    home = tmp_path / "city"
    shutil.copytree(city.home, home)
    state, keys, ids = home / "workspace" / "state", _keys_of(home), child_ids(home / "workspace" / "state")
    assert "content.duckdb" in _files_with(state, keys)
    asked = ["audit", "destruction", "-w", str(home), "--on", ON]
    due = json.loads(city.run(*asked, "--due", "--json", expect=3))
    assert {one["source"] for one in due} >= {SOURCE}

    [certificate] = json.loads(city.run(*asked, "--destroy", AGREEMENT, "--attested-by", "A. Officer", "--json"))
    assert certificate["holds"]
    assert certificate["certificate"]["destroyed"]["records"] == len(keys)

    assert _files_with(state, keys) == set()
    assert child_ids(state) == {record: child for record, child in ids.items() if record[0] != SOURCE}
    page = tmp_path / "certificate.html"
    city.run(*asked[:4], "--certificates", AGREEMENT, "--html", str(page))
    assert "A. Officer" in page.read_text()
