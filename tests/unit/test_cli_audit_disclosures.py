"""`audit disclosures` at a small workspace: who is asked about, what is shown, and what is never shown."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import typer
from support.disclosed import record
from typer.testing import CliRunner

from consent.child_sets import ChildSets
from consent.disclosures import Disclosures
from consent.registry import open_registry
from linkage.keys import KeyRing
from linkage.ledger import Ledger, Membership
from linkage.protected import Protected
from linkage.records import key_matrix, record_keys
from pipelines.cli import audit_disclosures
from pipelines.workspace import WorkspaceError

RAW = ["PUPIL-0001", "PUPIL-0002", "PUPIL-0003"]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Three pupils; the third is protected; a release held the first two, an identifiable return the first."""
    root = tmp_path_factory.mktemp("city")
    (root / "cradlepath.yaml").write_text("city: Small City\nstart: 2026-09-01\nkeys: {path: keys}\n")
    ring = KeyRing.create(root / "keys")
    keys = record_keys(pa.array(RAW), "school", ring)
    ledger = Ledger(root / "state" / "ledger.sealed", ring)
    members = Membership(("school",), np.zeros(3, np.int64), key_matrix(keys))
    ledger.update(members, np.arange(3), np.empty((0, 16), np.uint8), date(2026, 9, 1))
    found = {row["record_key"]: row["child_id"] for row in ledger.record_child().to_pylist()}
    ids = [found[key] for key in keys.to_pylist()]
    Protected(root / "state" / "protected.sealed", ring).update("school", keys[2:], keys[:2])
    book = Disclosures(open_registry(f"sqlite:///{root / 'state' / 'registry.sqlite'}"), ChildSets(ring.derive))
    record(book, "r-1", {"school": ids[:2]})
    record(book, "r-2", {"school": ids[1:]}, on=date(2026, 9, 2), recipient="Analytics")
    record(book, "t-1", {"school": ids[:1]}, kind="return", form="identifiable", on=date(2026, 9, 3))
    book.engine.dispose()
    published = root / "state" / "releases" / "r-1"
    published.mkdir(parents=True)
    (published / "manifest.json").write_text("{}")
    return root, ids


def run(root: Path, *arguments: str) -> str:
    group = typer.Typer()
    audit_disclosures.add(group)
    group.command("other")(lambda: None)
    result = CliRunner().invoke(group, ["disclosures", "--workspace", str(root), *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def acts(root: Path, *arguments: str) -> list[tuple[str, str]]:
    return [(one["act"], one["state"]) for one in json.loads(run(root, "--format", "json", *arguments))]


R1, R2, T1 = ("r-1", "published"), ("r-2", "recorded, not published"), ("t-1", "handed over")
QUESTIONS = {
    "everything": ((), [R1, R2, T1]),
    "by record": (("--record", "school", RAW[0]), [R1, T1]),
    "by another record": (("--record", "school", RAW[1]), [R1, R2]),
    "by recipient": (("--recipient", "Analytics"), [R2]),
    "from a day": (("--from", "2026-09-02"), [R2, T1]),
    "to a day": (("--to", "2026-09-01"), [R1]),
    "by record and day": (("--record", "school", RAW[1], "--from", "2026-09-02"), [R2]),
    "as ferpa's record": (("--law", "ferpa", "--record", "school", RAW[0]), [R1, T1]),
    "as hipaa's account": (("--law", "hipaa"), []),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_is_found(city: tuple[Path, list[str]], name: str):
    arguments, expected = QUESTIONS[name]
    assert acts(city[0], *arguments) == expected


def test_a_child_is_asked_about_by_its_id(city: tuple[Path, list[str]]):
    root, ids = city
    assert acts(root, "--child", ids[0]) == [R1, T1]
    assert acts(root, "--child", ids[2]) == [R2]


REFUSALS = {
    "a protected record": (("--record", "school", RAW[2]), "that record of school is protected"),
    "a record never loaded": (("--record", "school", "PUPIL-0009"), "that record of school never had a child ID"),
    "a source never loaded": (("--record", "wic", RAW[0]), "that record of wic never had a child ID"),
    "an unknown recipient": (("--recipient", "Nobody"), "expected one of: Analytics; The public"),
    "two children": (("--child", "c-x", "--record", "school", "x"), "found both --child and --record"),
    "a file of text": (("--out", "x"), "expected csv or html"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_without_echoing_a_record(city: tuple[Path, list[str]], name: str):
    arguments, says = REFUSALS[name]
    with pytest.raises(WorkspaceError, match=says) as caught:
        run(city[0], *arguments)
    assert "PUPIL" not in str(caught.value)


def test_no_form_of_the_account_holds_a_record_id(city: tuple[Path, list[str]], tmp_path: Path):
    root, _ = city
    asked = ("--record", "school", RAW[0], "--law", "ferpa")
    text = run(root, *asked)
    assert "2 disclosures. Record of requests for access" in text
    assert "Not legal advice." in text
    for form in ("csv", "html"):
        out = tmp_path / f"account.{form}"
        assert run(root, *asked, "--format", form, "--out", str(out)) == f"Wrote {out}\n"
        text += out.read_text(encoding="utf-8")
    assert "PUPIL" not in text
    assert "about the child of one record of school" in text
    assert len(list(csv.reader(io.StringIO((tmp_path / "account.csv").read_text())))) == 3
    assert run(root, "--law", "hipaa") == "Nothing was disclosed.\n"
