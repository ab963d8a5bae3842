"""The command `release rows` over the folder of a city's releases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.release_keys import FixedKeys
from support.row_city import MOBILITY, RowCity, request
from typer.testing import CliRunner

from assets.release.publish import publish
from pipelines.cli import app

RUN = CliRunner()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose state folder holds one release with rows."""
    root = tmp_path_factory.mktemp("city") / "workspace"
    assert RUN.invoke(app, ["init", str(root)]).exit_code == 0
    city = RowCity(root / "state", 900, periods=("2025-26",), rare=30)
    publish(city.order(request(outcomes=(MOBILITY,), quasi=request().quasi[:2])), FixedKeys())
    return root


def test_it_shows_columns_and_protection(workspace: Path) -> None:
    shown = RUN.invoke(app, ["release", "rows", "-w", str(workspace)])
    assert shown.exit_code == 0, shown.output
    for words in ("rows-2026", "mobility_1", "quasi-identifier", "k, children of one history", "10 or more"):
        assert words in shown.output
    told = json.loads(RUN.invoke(app, ["release", "rows", "-w", str(workspace), "--json"]).output)
    assert told["rows"][0]["reached"]["k"] >= 10
    assert "rows-2026: " in RUN.invoke(app, ["release", "show", "-w", str(workspace)]).output
