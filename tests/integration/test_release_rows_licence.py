"""From a signed licence of records to a file of rows: what it grants, what is left out, and what pyCANON says of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.hub import table_of
from support.licences import DSA, DUL, EMOU, ROWS_DUL
from support.licensed import night_of, order_for, outcomes_of
from support.mou import edited
from support.release_keys import FixedKeys
from support.row_city import RowCity, request

from assets.release.folder import StoredRelease
from assets.release.governance import NotLicensedError
from assets.release.manifest import AUDITOR_KEY
from assets.release.publish import publish
from assets.release.rows.classes import Rule
from assets.release.rows.form import ROWS, RowFile
from assets.release.verify import verify

CANON = Path(__file__).resolve().parents[2] / ".venv" / "canon" / "bin" / "python"
TABLE = "rows_outcomes_2026"


def released(root: Path, *texts: str, children: int = 90) -> StoredRelease:
    """Publish what a night under these agreements may."""
    night = night_of(root, EMOU, DSA, *texts, children=children)
    outcomes_of(night)
    return publish(order_for(night), night.keys)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def release(city: Path) -> StoredRelease:
    """The release of 90 births under a licence of records."""
    return released(city, ROWS_DUL)


def test_a_licence_of_records_gets_a_file_and_its_claim_is_judged_on_all_that_is_behind_it(
    city: Path, release: StoredRelease
) -> None:
    (entry,) = release.manifest["rows"]
    assert (entry["rule"]["k"], entry["rule"]["l"], entry["left_out"]) == (12, 2, [])
    assert {item["name"]: item["level"] for item in entry["quasi"]} == {"sex": 1, "race_ethnicity": 0}
    leaves = {item["column"]: item["shown_in"] for item in release.manifest["governance"]["leaves"]}
    assert leaves["birth.births.birth_weight_g"] == [f"{TABLE}.low_birthweight_1"]
    assert leaves["birth.births.sex"] == ["measure.sex", f"{TABLE}.sex"]
    (claim,) = release.manifest["governance"]["claims"]
    assert (claim["level"], claim["outcome"]) == ("records", "proved")
    found = table_of(release.path / ROWS, f"select count(*), count(distinct child) from {TABLE}")
    assert found == [(90, 90)]
    keys = night_of(city).keys
    checked = verify(release.path.parent, keys.signing_key.public_key(), auditor_key=keys.derive(AUDITOR_KEY))
    assert checked.passed, checked


def test_no_id_tells_a_child(city: Path, release: StoredRelease) -> None:
    whole = (release.path / ROWS).read_bytes() + (release.path / "manifest.json").read_bytes()
    spine = table_of(city / "state" / "spine.duckdb", "select child_id from child")
    assert len(spine) == 90
    ids = {child for (child,) in table_of(release.path / ROWS, f"select child from {TABLE}")}
    assert ids.isdisjoint(child for (child,) in spine)
    key = night_of(city).keys.derive("release.rows.outcomes-2026")
    keyed = {hmac.new(key, f"2025-26|{child}".encode(), hashlib.sha256).hexdigest()[:32] for (child,) in spine}
    assert ids == keyed
    assert b"child_id" not in whole


def test_a_licence_that_asks_for_no_rows_gets_none(tmp_path: Path) -> None:
    release = released(tmp_path, DUL)
    assert "rows" not in release.manifest
    assert not (release.path / ROWS).exists()


NOT_IN_FORCE = {
    "another level": edited("level: records", "level: aggregate", ROWS_DUL),
    "no quasi-identifiers": edited("  quasi_identifiers: [birth.births.sex, birth.births.born]\n", "", ROWS_DUL),
}


@pytest.mark.parametrize("name", NOT_IN_FORCE)
def test_a_licence_that_asks_for_rows_without_their_safeguards_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotLicensedError, match="REL-007"):
        order_for(night_of(tmp_path, EMOU, DSA, NOT_IN_FORCE[name])).governance.require()


def test_an_outcome_of_a_field_that_the_licence_does_not_name_is_left_out(tmp_path: Path) -> None:
    """Another licence lets the same release show it in tables; rows are by the licence that asks for them alone."""
    narrow = edited('      weight: "Low birth weight"\n', "", ROWS_DUL)
    wide = edited("agreement: outcomes-2026", "agreement: outcomes-2025", DUL)
    release = released(tmp_path, narrow, wide)
    (entry,) = release.manifest["rows"]
    assert [outcome["column"] for outcome in entry["outcomes"]] == ["preterm_1"]
    assert [line.split(":")[0] for line in entry["left_out"]] == ["low_birthweight_1"]
    assert table_of(release.database, "select count(*) > 0 from measure where measure = 'low_birthweight'") == [(True,)]


def test_a_prohibition_on_joined_rows_refuses_the_file(tmp_path: Path) -> None:
    """The two fields stand in two measures, so no table joins them; a row would."""
    forbids = (
        'prohibits:\n  - {use: [publish], class: ["birth.weight"], with: ["birth.gestation"], '
        'because: "Two measures of one birth", cite: "Statute"}\n'
    )
    (entry,) = released(tmp_path, ROWS_DUL + forbids).manifest["rows"]
    assert "may not be in one row with birth.gestation" in entry["refused"]


def test_a_declared_quasi_identifier_behind_an_outcome_makes_the_outcome_one(tmp_path: Path) -> None:
    text = edited("[birth.births.sex, birth.births.born]", "[birth.births.weight]", ROWS_DUL)
    (entry,) = released(tmp_path, text, children=300).manifest["rows"]
    assert [item["name"] for item in entry["quasi"]] == ["sex", "race_ethnicity", "low_birthweight_1"]
    assert [item["column"] for item in entry["outcomes"]] == ["preterm_1"]


def test_k_is_never_below_the_minimum_cell(tmp_path: Path) -> None:
    (asked,) = order_for(night_of(tmp_path, EMOU, DSA, edited("k: 12", "k: 5", ROWS_DUL))).governance.rows
    assert asked.rule == Rule(k=11, l=2, t=None, suppress=0.05)


def test_two_licences_that_ask_get_nothing(tmp_path: Path) -> None:
    second = edited("agreement: outcomes-2026", "agreement: outcomes-2027", ROWS_DUL)
    entries = released(tmp_path, ROWS_DUL, second).manifest["rows"]
    assert ["two files of the same children can be joined" in entry["refused"] for entry in entries] == [True, True]


def test_a_claim_that_rows_do_not_bear_out_stops_the_release(tmp_path: Path) -> None:
    """Safe Harbor has nothing against counts of a school year of birth in tables; rows show it."""
    with pytest.raises(NotLicensedError, match=r"hipaa\.safe-harbor"):
        released(tmp_path, edited("[ferpa.deidentified]", "[hipaa.safe-harbor]", ROWS_DUL))


# -- pyCANON, the outside check --------------------------------------------------------------------------------------

SCRIPT = """
import json, sys
import pandas as pd
from pycanon import anonymity
asked = json.load(open(sys.argv[1]))
data = pd.read_csv(asked["file"], dtype=str)
found = []
for period in sorted(set(data["period"])):
    rows = data[data["period"] == period].reset_index(drop=True)
    args = rows, ["history"], asked["outcomes"]
    found.append([anonymity.k_anonymity(*args[:2]), anonymity.l_diversity(*args), anonymity.t_closeness(*args)])
whole = data, ["period", *asked["quasi"]]
found.append([anonymity.k_anonymity(*whole), anonymity.l_diversity(*whole, asked["outcomes"]), 0.0])
print(json.dumps([[int(k), int(l), float(t)] for k, l, t in found]))
"""


def canon(file: RowFile, folder: Path) -> list[list[float]]:
    """Ask pyCANON of each period, whole histories being the quasi-identifier, and last of the rows as they are."""
    told = file.about["outcomes"]
    with duckdb.connect(str(file.path), read_only=True) as con:
        key = " || '/' || ".join(["period", *(f'"{name}"' for name in file.quasi)])
        con.execute(
            f"copy (select *, string_agg({key}, ';') over (partition by child order by period "
            f"rows between unbounded preceding and unbounded following) as history from {file.table}) "
            f"to '{folder / 'rows.csv'}' (header)"
        )
    (folder / "canon.py").write_text(SCRIPT, encoding="utf-8")
    asked: dict[str, Any] = {
        "file": str(folder / "rows.csv"),
        "quasi": list(file.quasi),
        "outcomes": [item["column"] for item in told],
    }
    (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    done = subprocess.run(
        [str(CANON), str(folder / "canon.py"), str(folder / "asked.json")],
        check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    found: list[list[float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.parametrize("rule", [Rule(k=10, suppress=0.05), Rule(k=5, l=2, t=0.15, suppress=0.2)], ids=str)
def test_pycanon_finds_the_same_k_l_and_t(tmp_path: Path, rule: Rule) -> None:
    if not CANON.is_file():
        pytest.skip("pyCANON is not installed: requirements-canon.lock goes into .venv/canon")
    city = RowCity(tmp_path / "city", 900, periods=("2024-25", "2025-26"), rare=30)
    release = publish(city.order(replace(request(), rule=rule)), FixedKeys())
    (entry,) = release.manifest["rows"]
    *periods, whole = canon(RowFile(release.path / ROWS, entry), tmp_path)
    reached = entry["reached"]
    assert min(k for k, _, _ in periods) == reached["k"] >= rule.k
    assert min(different for _, different, _ in periods) == reached["l"] >= rule.l
    assert max(t for _, _, t in periods) == pytest.approx(reached["t"], abs=1e-9)
    assert reached["t"] <= (1.0 if rule.t is None else rule.t + 1e-9)
    assert whole[0] >= rule.k
    assert whole[1] >= rule.l
