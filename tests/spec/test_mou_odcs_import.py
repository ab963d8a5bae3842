"""What a draft makes of a contract's claims, and which contracts are refused, as tables."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.interchange import answered, assert_only_placeholders_keep_it_from_loading, grants
from support.mou import sign_all

from mou_policies.explain import Question, explain
from mou_policies.language import AgreementError
from mou_policies.odcs_draft import UNDECIDED, draft
from mou_policies.policy import compile_policy

CONTRACT: dict[str, Any] = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "53581432-6c55-4ba2-a65f-72344a91553a",
    "name": "After-school visits",
    "version": "1.4.0",
    "status": "active",
    "schema": [{"name": "visits", "properties": [{"name": "visit_no", "primaryKey": True}]}],
}

# name        what else the contract says    class in the draft   comment in the draft
CLAIMS = """
q7          |                              | text.free           |
q7          | says=Any words               | text.free           | the contract: Any words
q7          | class=sex                    | text.free           | looks like sex (the contract says so)
q7          | class=photo                  | photo               | looks like photo (the contract says so)
q7          | class=status.protection      | text.free           | looks like status.protection (the contract says so)
q7          | class=harmless               | text.free           |
q7          | use=publish                  | text.free           |
q7          | tag=publish                  | text.free           |
q7          | cedsIri=#P000033             | text.free           | looks like birth.date (CEDS P000033)
q7          | url=#P000190                 | address.county      | looks like address.county (CEDS P000190)
q7          | url=#P999999                 | text.free           |
q7          | physical=HOME_PHONE          | contact.telephone   | looks like contact.telephone (by its name)
home_phone  |                              | contact.telephone   | looks like contact.telephone (by its name)
telephoned  |                              | text.free           |
DateOfBirth |                              | text.free           | looks like birth.date (by its name)
mother_dob  |                              | birth.relative_date | looks like birth.relative_date (by its name)
SSN         |                              | text.free           | looks like id.ssn (by its name)
SSN         | class=photo                  | photo               | looks like photo (the contract says so)
"""


def column(name: str, said: str) -> dict[str, Any]:
    """Return a contract's column that says one thing more than its name."""
    what, _, value = said.partition("=")
    return {"name": name} | {
        "": {},
        "says": {"description": value},
        "tag": {"tags": [value], "classification": "public"},
        "physical": {"physicalName": value},
        "url": {"authoritativeDefinitions": [{"url": value, "type": "businessDefinition"}]},
    }.get(what, {"customProperties": [{"property": what, "value": value}, {"property": "denied", "value": False}]})


def contract(**changes: Any) -> dict[str, Any]:
    return CONTRACT | changes


def columns(*properties: dict[str, Any]) -> dict[str, Any]:
    return contract(schema=[{"name": "visits", "properties": list(properties)}])


def drafted(folder: Path, made: dict[str, Any] | str) -> str:
    file = folder / "visits.odcs.json"
    file.write_text(made if isinstance(made, str) else json.dumps(made), encoding="utf-8")
    return draft(file)


def fields(text: str) -> list[str]:
    """Return the lines of the fields of a draft."""
    return [line.strip() for line in text.splitlines() if "use: none" in line]


@pytest.mark.parametrize("line", CLAIMS.strip().splitlines())
def test_a_claim_stands_in_a_comment_and_grants_nothing(tmp_path: Path, line: str) -> None:
    name, said, cls, comment = (cell.strip() for cell in line.split("|"))
    text = drafted(tmp_path, columns(column(name, said)))
    (field,) = fields(text)
    entry, _, noted = field.partition("   # ")
    assert entry.partition(": ")[2] == f'{{class: {cls}, use: none, reason: "Not yet reviewed"}}'
    assert noted == comment
    assert grants(answered(text, tmp_path)) == set()


def test_a_class_that_stands_can_never_be_granted(tmp_path: Path) -> None:
    """Whoever turns `use: none` into a grant has to decide on the class first."""
    text = drafted(tmp_path, columns({"name": "notes"}, {"name": "phone"}, {"name": "grade"}))
    assert UNDECIDED == "text.free"
    for field in fields(text):
        granted = field.replace("use: none", "use: publish, treatment: keep")
        with pytest.raises(AgreementError, match=r"FLD-003 .* may never have the use publish"):
            answered(text.replace(field, granted), tmp_path)


def test_a_draft_says_what_is_missing_and_grants_nothing_even_when_signed(tmp_path: Path) -> None:
    service = [{"property": "retention", "value": 3, "unit": "y"}]
    text = drafted(tmp_path, contract(slaProperties=service))
    assert '# A draft made from the data contract "visits.odcs.json", version 1.4.0.' in text
    assert "# The contract's service levels: retention 3 y" in text
    assert "key: [TODO_KEY]   # the contract's primary key: visit_no" in text
    assert_only_placeholders_keep_it_from_loading(text, tmp_path)
    folder = tmp_path / "agreements"
    folder.mkdir()
    agreement = answered(text, folder)
    policy = compile_policy(sign_all(folder), date(2026, 9, 1))
    assert not policy.refusals
    assert policy.sources == {}
    table = policy.agreed["after_school_visits"].tables["visits"]
    assert (table.wanted, table.link_fields, table.content_fields) == (("row_KEY",), (), ())
    asked = Question(("after_school_visits", "visits", "visit_no"), "link", policy.on)
    assert not explain(policy, asked).allowed
    assert agreement.agreement_id == "draft-after-school-visits"


def test_parts_of_an_object_are_columns_and_the_physical_name_counts(tmp_path: Path) -> None:
    given = {"name": "given", "physicalName": "first"}
    names = {"name": "name", "logicalType": "object", "properties": [given, {"name": "family"}]}
    phones = {"name": "telecom", "logicalType": "array", "items": {"properties": [{"name": "value"}]}}
    text = drafted(tmp_path, columns(names, phones, {"name": "TODO_KEY"}))
    assert [line.partition(":")[0] for line in fields(text)] == [
        '"name.first"', '"name.family"', '"telecom.value"', '"TODO_KEY"',
    ]  # fmt: skip
    assert "key: [TODO_KEY_]" in text


def test_no_name_or_word_of_a_contract_leaves_its_comment(tmp_path: Path) -> None:
    """A line break of any kind would begin a line of the agreement."""
    breaks = "a\nb\x85c\u2028d"
    file = tmp_path / f"{breaks}.json"
    service = [{"property": breaks, "value": "x"}]
    made = columns({"name": "q7", "description": breaks}) | {"version": breaks, "slaProperties": service}
    file.write_text(json.dumps(made | {"name": breaks}), encoding="utf-8")
    text = draft(file)
    assert '"a b c d.json", version a b c d.' in text
    assert 'title: "a b c d"' in text
    assert len(text.splitlines()) == len(drafted(tmp_path, columns({"name": "q7"})).splitlines()) + 1


def test_a_contract_in_yaml_as_people_write_it(tmp_path: Path) -> None:
    """Unquoted `y` is how the standard's own examples write years."""
    lines = [
        "apiVersion: v3.1.0",
        "kind: DataContract",
        "id: visits",
        "slaProperties:",
        "  - {property: retention, value: 3, unit: y}",
        "  - {property: timeOfAvailability, value: 09:00}",
        "schema:",
        "  - name: visits",
        "    properties:",
        "      - {name: no}",
    ]
    text = drafted(tmp_path, "\n".join(lines))
    assert "retention 3 y; timeOfAvailability 09:00" in text
    assert fields(text)[0].startswith('"no": {class: text.free')


# the contract                                                            what the error says
REFUSED: list[tuple[Any, str]] = [
    ("{", "this is not YAML"),
    ("", "YAML document"),
    ("[1, 2]", "key: value"),
    ("a: &x 1\nb: *x", "anchors and aliases are not allowed"),
    ("kind: DataContract\nkind: DataContract", "key 'kind' stands twice"),
    ({}, "kind is missing"),
    (contract(kind="Dataset"), "kind is Dataset"),
    (contract(apiVersion="v2.2.2"), "apiVersion is v2.2.2"),
    (contract(schema=None), "expected"),
    (contract(schema=[]), "the contract describes no table"),
    (contract(schema=[{"name": "visits"}]), "table visits has no columns"),
    (contract(schema=[{"properties": [{"name": "a"}]}]), "name missing"),
    (contract(schema=CONTRACT["schema"] * 2), "table 'visits' cannot be told from another"),
    (contract(schema=[{"name": f"t{i}", "properties": [{"name": "a"}]} for i in range(201)]), "201 tables, more than"),
    (columns(*({"name": f"c{i}"} for i in range(5_001))), "more than 5,000 columns"),
    (columns({"name": "a"}, {"name": "a"}), "column 'a' of visits stands twice"),
    (columns({"name": ""}), "cannot be a table's or column's name"),
    (columns({"name": "a\nuse: publish"}), "cannot be a table's or column's name"),
    (columns({"name": "a\u202eb"}), "cannot be a table's or column's name"),
    (columns({"name": "x" * 201}), "cannot be a table's or column's name"),
    (columns({"name": "p" * 199, "properties": [{"name": "c"}]}), "cannot be a table's or column's name"),
    (columns({"name": "<<"}), "cannot be a table's or column's name"),
    (columns({"name": ["a"]}), "cannot be a table's or column's name"),
    (columns("a"), "key: value"),
    (columns({"name": "a", "primaryKey": True, "primaryKeyPosition": "first"}), "a whole number is expected"),
]


@pytest.mark.parametrize(
    ("made", "says"),
    REFUSED,
)
def test_a_contract_that_cannot_be_read_exactly_is_refused_with_its_place(
    tmp_path: Path, made: dict[str, Any] | str, says: str
) -> None:
    with pytest.raises(AgreementError) as caught:
        drafted(tmp_path, made)
    assert says in str(caught.value)
    assert str(caught.value).startswith("visits.odcs.json:")
    assert str(caught.value).isprintable()


def test_a_huge_contract_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(AgreementError, match="2,000,001 bytes"):
        drafted(tmp_path, " " * 2_000_001)


def test_a_draft_too_big_to_be_an_agreement_is_refused(tmp_path: Path) -> None:
    parts = [{"name": f"c{i:04}", "description": "d" * 119} for i in range(5_000)]
    with pytest.raises(AgreementError, match="the draft would be more than"):
        drafted(tmp_path, columns({"name": "p" * 190, "properties": parts}))
