"""Verifying a release from its own files alone: no outcomes, no workspace; and what an alteration is called."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.release_keys import FixedKeys
from support.release_tables import city_catalogue, fill_city

from assets.release import folder as places
from assets.release.annex import seal, unseal
from assets.release.manifest import AUDITOR_KEY, canonical, file_digest, sign
from assets.release.order import Order
from assets.release.publish import publish
from assets.release.verify import Verification, verify

KEYS = FixedKeys()
PUBLIC, AUDITOR = KEYS.signing_key.public_key(), KEYS.derive(AUDITOR_KEY)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases of a city, the second with a new period."""
    root = tmp_path_factory.mktemp("city")
    for night in (date(2026, 9, 1), date(2027, 9, 1)):
        with duckdb.connect(str(root / "outcomes.duckdb")) as con:
            fill_city(con, children=500, measures=1, places=3, periods=("2025-26", "2026-27"))
        publish(Order(root / "releases", root / "outcomes.duckdb", night, city_catalogue()), KEYS)
    return root / "releases"


@pytest.fixture
def releases(published: Path, tmp_path: Path) -> Path:
    """A copy of the folder of releases, in an empty place: what an auditor is handed, with the keys."""
    shutil.copytree(published, tmp_path / "handed")
    for path in (tmp_path / "handed").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tmp_path / "handed"


def _problems(found: Verification) -> str:
    return "; ".join(f"{check.name}: {check.detail}" for check in found.checks if not check.passed)


def test_the_folder_of_releases_and_the_keys_are_enough(releases: Path) -> None:
    for release in places.releases(releases):
        found = verify(releases, PUBLIC, release.id, AUDITOR)
        assert found.passed, _problems(found)
        assert [check.name for check in found.checks] == [
            "signature", "files", "series", "claims", "tables", "audit", "certificate", "pointer",
        ]  # fmt: skip
        assert "intervals are possible" in next(c.detail for c in found.checks if c.name == "certificate")


def test_without_the_auditors_key_exact_recovery_is_looked_for_and_that_is_said(releases: Path) -> None:
    found = verify(releases, PUBLIC)
    assert found.passed, _problems(found)
    assert "exact recovery only" in next(check.detail for check in found.checks if check.name == "audit")


def test_another_auditors_key_is_no_crash(releases: Path) -> None:
    assert "annex: the annex does not open" in _problems(verify(releases, PUBLIC, auditor_key=bytes(32)))


# The files are altered and nothing else: the signature tells.


def _one_number(release: Path) -> None:
    with duckdb.connect(str(release / places.DATABASE)) as con:
        con.execute("update measure set denominator = denominator + 1 where rate is not null")


def _annex(release: Path) -> None:
    path = release / places.ANNEX
    path.write_bytes(path.read_bytes()[:-1] + b"0")


def _certificate(release: Path) -> None:
    path = release / places.MANIFEST
    path.write_text(path.read_text(encoding="utf-8").replace('"hidden": ', '"hidden": 1'), encoding="utf-8")


@pytest.mark.parametrize(
    ("which", "alter", "named"),
    [
        pytest.param(-1, _one_number, "files: release.duckdb is missing or altered", id="one number"),
        pytest.param(-1, _annex, "files: annex.sealed is missing or altered", id="the annex"),
        pytest.param(-1, _certificate, "signature: {id}: its manifest is not signed", id="the certificate"),
        pytest.param(0, _one_number, "series: {id}, which it builds on, was altered", id="an earlier release"),
        pytest.param(0, _annex, "series: {id}, which it builds on, was altered", id="an earlier annex"),
        pytest.param(0, shutil.rmtree, "series: {id}, which it builds on, is missing", id="an earlier release gone"),
    ],
)
def test_an_alteration_is_named(releases: Path, which: int, alter: Callable[[Path], None], named: str) -> None:
    release = places.releases(releases)[which]
    alter(release.path)
    assert named.format(id=release.id) in _problems(verify(releases, PUBLIC, auditor_key=AUDITOR))


# Whoever holds the keys alters and signs again: the audit tells.


def _signed_again(releases: Path, change: Callable[[dict[str, object]], None]) -> Verification:
    release = places.current(releases)
    manifest = json.loads((release.path / places.MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    for name in (places.DATABASE, places.ANNEX):
        manifest["files"][name] = file_digest(release.path / name)
    (release.path / places.MANIFEST).write_text(canonical(manifest), encoding="utf-8")
    sign(release.path, KEYS.signing_key)
    return verify(releases, PUBLIC, auditor_key=AUDITOR)


@pytest.mark.parametrize(
    ("entry", "value", "named"),
    [
        ("constraints_sha256", "0" * 64, "other constraints sha256"),
        ("hidden", 0, "other hidden"),
        ("policy", "threshold-3/zeros-shown/certain-shown", "other policy"),
        ("releases_considered", [], "other releases considered"),
        ("passed", False, "did not pass"),
    ],
)
def test_a_certificate_that_says_something_else_is_named(releases: Path, entry: str, value: object, named: str) -> None:
    def change(manifest: dict[str, object]) -> None:
        manifest["audit"][entry] = value  # type: ignore[index]

    assert f"certificate: {named}" in _problems(_signed_again(releases, change)).replace(
        "the certificate names ", ""
    ).replace("the certificate says that its audit ", "")


@pytest.mark.parametrize(
    ("ends", "named"),
    [
        pytest.param(
            (0.0, 1e7), "in the certificate is missing, too narrow, or not possible", id="wider than possible"
        ),
        pytest.param((4.0, 4.0), "in the certificate is missing, too narrow, or not possible", id="too narrow"),
        pytest.param(None, "in the certificate is missing, too narrow, or not possible", id="one left out"),
    ],
)
def test_one_interval_altered_is_named(releases: Path, ends: tuple[float, float] | None, named: str) -> None:
    path = places.current(releases).path / places.ANNEX
    annex = json.loads(unseal(path.read_bytes(), AUDITOR))
    first = min(annex["intervals"], key=int)
    if ends is None:
        del annex["intervals"][first]
    else:
        annex["intervals"][first] = ends
    path.write_bytes(seal(json.dumps(annex, sort_keys=True).encode(), AUDITOR))
    problems = _problems(_signed_again(releases, lambda manifest: None))
    assert "audit: " in problems
    assert "(" in problems, "table and cell"
    assert named in problems


def test_a_hidden_number_shown_and_signed_again_is_named(releases: Path) -> None:
    release = places.current(releases)
    with duckdb.connect(str(release.database)) as con:
        con.execute(
            "update measure set numerator = 4 where rowid = (select min(rowid) from measure where numerator is null)"
        )
    assert "not those of the annex" in _problems(_signed_again(releases, lambda manifest: None))
