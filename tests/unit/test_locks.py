"""The locks hold what pyproject.toml asks for, with hashes and without the address of any package index."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
HUB_ONLY = {"dagster", "splink", "great-expectations", "sqlalchemy", "pandas", "scipy", "pyspark", "altair"}


def wanted(*extras: str) -> list[Requirement]:
    """Return what the extras ask for, and what everything asks for; an extra that names another one brings its own."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    found = []
    for requirement in map(Requirement, lines):
        found += wanted(*requirement.extras) if requirement.name == "cradlepath" else [requirement]
    return found


def held(lock: str) -> dict[str, set[str]]:
    """Return the versions of every package in a lock (more than one where they differ by Python version)."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", (ROOT / lock).read_text(), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


@pytest.mark.parametrize(
    ("extra", "locks"),
    [
        ("agency", ["requirements-agency.lock"]),
        ("hub", ["requirements.lock"]),
        ("dev", ["requirements-dev.lock"]),
        ("spark", ["requirements.lock", "requirements-spark.lock"]),
    ],
)
def test_a_lock_holds_what_its_extra_asks_for(extra: str, locks: list[str]) -> None:
    found = {name: versions for lock in locks for name, versions in held(lock).items()}
    missing = [str(one) for one in wanted(extra) if not found.get(canonicalize_name(one.name))]
    outside = [
        str(one)
        for one in wanted(extra)
        if not all(one.specifier.contains(version) for version in found.get(canonicalize_name(one.name), set()))
    ]
    assert (missing, outside) == ([], [])


def test_an_agencys_lock_is_small_and_agrees_with_the_hubs() -> None:
    agency, hub = held("requirements-agency.lock"), held("requirements.lock")
    assert not HUB_ONLY & set(agency)
    assert {name: versions for name, versions in agency.items() if hub.get(name, versions) != versions} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_hash_for_every_package_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=\S)", text.strip()))
