"""`mou render` on a workspace: the document, the way back, and what it says when they differ."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import typer
from support.mou import SMALL, edited, sign_all, write
from typer.testing import CliRunner

from mou_policies.errors import AgreementError
from mou_policies.language import load_agreement
from pipelines.cli import agreements
from pipelines.setting_up import write_workspace


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a workspace with the small agreement, signed."""
    root = write_workspace(tmp_path / "workspace", city="Testville", start=date(2026, 9, 1)).root
    write(root / "agreements")
    sign_all(root / "agreements")
    return root


def run(place: Path, *words: str, expect: int = 0) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    agreements.register(app)
    result = CliRunner().invoke(app, ["mou", "render", *words, "--workspace", str(place)], terminal_width=200)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == expect
    return result.stdout


def test_a_document_is_written_to_the_screen_or_a_file(place: Path, tmp_path: Path) -> None:
    page = tmp_path / "clinic.html"
    assert run(place, "clinic.yaml", "--out", str(page)) == f"Wrote {page}\n"
    text = page.read_text(encoding="utf-8")
    assert run(place, "clinic.yaml") == text
    assert "Signed as it stands." in text


def test_a_document_is_held_against_the_agreement(place: Path, tmp_path: Path) -> None:
    page = tmp_path / "clinic.html"
    run(place, "clinic.yaml", "--out", str(page))
    said = run(place, "clinic.yaml", "--from", str(page))
    assert said.startswith("clinic.html states clinic.yaml as it stands; fingerprint ")
    write(place / "agreements", edited("period_days: 180", "period_days: 18"))
    said = run(place, "clinic.yaml", "--from", str(page), expect=1)
    assert said == "clinic.html does not state clinic.yaml as it stands: destruction changed\n"


def test_an_agreement_is_made_from_its_document(place: Path, tmp_path: Path) -> None:
    page, file = tmp_path / "clinic.html", place / "agreements" / "clinic.yaml"
    run(place, "clinic.yaml", "--out", str(page))
    before = load_agreement(file).sha256
    run(place, "clinic.yaml", "--from", str(page), "--out", str(tmp_path / "again.yaml"))
    assert load_agreement(tmp_path / "again.yaml").sha256 == before
    assert file.read_text(encoding="utf-8") == SMALL
    file.unlink()
    assert run(place, "clinic.yaml", "--from", str(page)) == f"Wrote {file}\n"
    assert load_agreement(file).sha256 == before


def test_what_is_no_document_is_said_in_one_line(place: Path, tmp_path: Path) -> None:
    (tmp_path / "x.html").write_bytes(b"<p>\xff")
    for name, said in (("x.html", "not UTF-8"), ("none.html", "cannot be read")):
        with pytest.raises(AgreementError, match=rf"{name}:1:1: the document.* {said}"):
            run(place, "clinic.yaml", "--from", str(tmp_path / name))
