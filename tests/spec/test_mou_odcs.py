"""What a data contract says of each column of an agreement, as a table."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.interchange import odcs_schema
from support.mou import SMALL, edited, write

from mou_policies import odcs
from mou_policies.language import load_agreement

CEDS = "http://ceds.ed.gov/terms#"

EXCLUDES = """\
        excludes:
          - {name: clinic.sealed, field: sealed, class: status.protection, equals: ["Y"], safe: ["N"],
             because: "Sealed", cite: "State statute"}
        fields:
"""

# column      tags           classification  type    key  use            treatment           safe harbor, FERPA, CEDS
COLUMNS = """
record_id   | link         | restricted   | string | 1 | link          | record             | R d P001572
first_name  | link         | restricted   | string | - | link          | tokenise           | A a P000115
dob         | link publish | restricted   | date   | - | link publish  | tokenise date:year | C e P000033
ssn         | link         | restricted   | string | - | link          | tokenise           | G d -
zip         | content      | restricted   | string | - | content       | zip3               | B c P000214
visits      | publish      | confidential | number | - | publish       | top_code:20.0      | - f P001631
notes       | denied       | restricted   | string | - | none          | -                  | R f -
sealed      | exclusion    | confidential | string | - | -             | -                  | - f -
"""


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = write(tmp_path_factory.mktemp("small"), edited("        fields:\n", EXCLUDES))
    return odcs.contract(load_agreement(file), "clinic")


def custom(entry: dict[str, Any]) -> dict[str, Any]:
    return {one["property"]: one["value"] for one in entry["customProperties"]}


def row(column: dict[str, Any]) -> str:
    own = custom(column)
    grants = own.get("grants", [])
    treatments = [
        one["treatment"] if isinstance(one["treatment"], str) else ":".join(map(str, *one["treatment"].items()))
        for one in grants
    ]
    rules = [own.get("safeHarbor", "-"), own.get("ferpaLimb", "-"), own.get("cedsIri", "-").removeprefix(CEDS)]
    cells = [
        column["name"],
        " ".join(column["tags"]),
        column["classification"],
        column["logicalType"],
        str(column.get("primaryKeyPosition", "-")),
        " ".join(own.get("use", ["-"])),
        " ".join(treatments) or "-",
        " ".join(rules),
    ]
    return " | ".join(cells)


def table(text: str) -> list[str]:
    return [" | ".join(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]


def test_every_column_is_described_as_the_table_says(contract: dict[str, Any]) -> None:
    (visits,) = contract["schema"]
    assert [row(column) for column in visits["properties"]] == table(COLUMNS)


def test_a_denied_column_says_so_three_times(contract: dict[str, Any]) -> None:
    denied = [column for column in contract["schema"][0]["properties"] if custom(column).get("denied")]
    assert [column["name"] for column in denied] == ["notes"]
    assert denied[0]["tags"] == ["denied"]
    assert denied[0]["description"].startswith("Denied: ")
    assert "transformDescription" not in denied[0]
    assert "grants" not in custom(denied[0])


def test_a_grant_has_its_reason_its_stored_column_and_the_clause(contract: dict[str, Any]) -> None:
    dob = contract["schema"][0]["properties"][2]
    assert custom(dob)["grants"][1] == {
        "use": "publish",
        "treatment": {"date": "year"},
        "as": "birth_year",
        "purposes": {"content": ["public-health"], "publish": ["measure-success", "public-health"]},
        "exceptions": ["hipaa.public-health"],
        "reason": "Cohort",
        "clause": "clinic.yaml:32 clinic-2025 clinic.visits.dob",
    }


def test_a_column_says_what_is_prohibited_and_limited_and_what_is_left(tmp_path: Path) -> None:
    provisions = """\
prohibits:
  - {use: [content], class: [address.zip], because: "No place of residence", cite: "Board"}
  - {use: [publish], fields: ["clinic.visits.visits"], purposes: [measure-success], because: "Needs", cite: "Board"}
limits:
  - {use: [publish], class: ["health.*"], treatment: {top_code: 10}, because: "Few have more", cite: "Board"}
"""
    made = odcs.contract(load_agreement(write(tmp_path, SMALL + provisions)), "clinic")
    columns = {column["name"]: column for column in made["schema"][0]["properties"]}
    assert odcs_schema().is_valid(made)
    assert columns["zip"]["tags"] == ["denied"]
    assert columns["zip"]["description"] == "Denied: No place of residence (Board)"
    assert custom(columns["zip"])["prohibits"][0]["use"] == ["content", "publish"]
    visits = custom(columns["visits"])
    assert visits["prohibits"][0]["purposes"] == ["measure-success"]
    (grant,) = visits["grants"]
    assert grant["treatment"] == grant["limits"][0]["finest"] == {"top_code": 10}
    assert grant["purposes"] == {"content": ["public-health"], "publish": ["public-health"]}


def test_the_contract_carries_the_agreement_it_was_made_from(tmp_path: Path) -> None:
    agreement = load_agreement(write(tmp_path))
    made = odcs.contract(agreement, "clinic")
    assert custom(made)["agreementSha256"] == agreement.sha256
    assert custom(made)["agreement"] == "clinic-2025"
    assert custom(made)["authority"][0]["elements"] == dict(agreement.authority[0].elements)
    assert made["version"] == f"2025.7.1+{agreement.sha256[:12]}"
    service = {one["property"]: one["value"] for one in made["slaProperties"]}
    assert service == {
        "generalAvailability": "2025-07-01",
        "endOfLife": "2030-06-30",
        "retention": 180,
        "frequency": 31,
    }
    assert [one["role"] for one in made["roles"]] == ["link", "content", "publish"]
    assert [one["role"] for one in made["team"]["members"]] == ["provider", "hub"]
    assert made["authoritativeDefinitions"][0]["url"] == "https://www.ecfr.gov/current/title-45/section-164.512"


@pytest.mark.parametrize(
    ("on", "in_force", "status"),
    [
        (date(2026, 9, 1), True, "active"),
        (date(2026, 9, 1), False, "proposed"),
        (date(2025, 6, 30), False, "proposed"),
        (date(2030, 7, 1), False, "retired"),
    ],
)
def test_the_status_is_that_of_a_day(tmp_path: Path, on: date, in_force: bool, status: str) -> None:
    assert odcs.status_on(load_agreement(write(tmp_path)), on, in_force=in_force) == status


def test_yaml_and_json_say_the_same_to_every_reader(tmp_path: Path) -> None:
    """`no`, `N` and `1:30` are texts in the agreement, and to a reader of YAML 1.1 too."""
    recode = 'treatment: {recode: {A: "no", B: "1:30", C: "012"}, else: "N"}'
    made = odcs.contract(load_agreement(write(tmp_path, edited("treatment: {top_code: 20}", recode))), "clinic")
    assert yaml.safe_load(odcs.as_yaml(made)) == made
    assert json.loads(odcs.as_json(made)) == made


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ({"status": None}, "None is not of type 'string'"),
        ({"apiVersion": "v9"}, "'v9' is not one of"),
        ({"purpose": "x"}, "Unevaluated properties are not allowed|Additional properties are not allowed"),
        ({"schema": [{}]}, "'name' is a required property"),
    ],
)
def test_the_official_schema_refuses_what_is_no_contract(
    contract: dict[str, Any], edit: dict[str, Any], says: str
) -> None:
    assert odcs_schema().is_valid(contract)
    messages = [error.message for error in odcs_schema().iter_errors(contract | edit)]
    assert any(part in message for message in messages for part in says.split("|")), messages
