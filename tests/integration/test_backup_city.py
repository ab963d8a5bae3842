"""The demo city after three nights, backed up and restored: the same child IDs; a night again changes nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import NIGHTS, City, child_ids, table_hashes

pytestmark = pytest.mark.slow


def test_a_city_is_restored_into_an_empty_folder(city: City, tmp_path: Path):
    home = tmp_path / "elsewhere"
    home.mkdir()
    shutil.copytree(city.home, tmp_path / "city")
    workspace = tmp_path / "city" / "workspace"
    taken = json.loads(city.run("backup", "--out", str(tmp_path / "b"), "-w", str(workspace), "--json"))
    raw = (tmp_path / "b").read_bytes()
    assert b"duckdb" not in raw.lower()
    assert b"agreement" not in raw

    keys = str(tmp_path / "city" / "keys")
    into = home / "workspace"
    arguments = ["restore", str(tmp_path / "b"), "--into", str(into), "--keys", keys, "--json"]
    told = json.loads(city.run(*arguments))
    assert told["backup"] == taken["id"]
    assert [line.split(":")[0] for line in told["verified"]] == [
        "files",
        "registry",
        "audit chain",
        "child IDs",
        "releases",
    ]

    shutil.copytree(keys, home / "keys")
    ids = child_ids(into / "state")
    assert ids == city.ids[NIGHTS[-1]]
    before, after = table_hashes(workspace / "state"), table_hashes(into / "state")
    differ = {name for name in before if before[name] != after[name]}
    assert differ <= {"registry.sqlite:audit_event", "registry.sqlite:audit_payload", "registry.sqlite:sqlite_sequence"}

    city.run("nightly", "-w", str(into), "--date", NIGHTS[-1], "--json")
    assert child_ids(into / "state") == ids
    city.run("release", "verify", "-w", str(into))
