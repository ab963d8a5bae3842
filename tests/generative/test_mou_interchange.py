"""Random agreements export validly, and no contract, whatever it claims, becomes a draft that grants anything."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.interchange import (
    answered,
    covers,
    grants,
    odcs_schema,
    odrl_graph,
    odrl_schema,
    permitted,
    points,
    prohibited,
)
from support.mou import write
from support.random_agreements import PRINTABLE, agreements

from mou_policies import odcs, odrl, vocabulary
from mou_policies.enforce import unite
from mou_policies.iris import iri
from mou_policies.language import AgreementError, load_agreement
from mou_policies.odcs_draft import draft

ANY_TEXT = st.text(max_size=40)


def claims(words: st.SearchStrategy[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return custom properties by which a contract says that it may do something, or what a column is."""
    known = sorted([*vocabulary.field_classes(), *vocabulary.uses(), *vocabulary.treatments()])
    value = st.one_of(st.sampled_from(known), st.booleans(), st.integers(), words, st.lists(words, max_size=2))
    name = st.sampled_from(["class", "use", "denied", "grants", "cedsIri", "standard"])
    return st.lists(st.fixed_dictionaries({"property": name, "value": value}), max_size=4)


COLUMN = st.fixed_dictionaries(
    {"name": ANY_TEXT},
    optional={
        "description": ANY_TEXT,
        "businessName": ANY_TEXT,
        "logicalType": st.sampled_from(["string", "date", "object"]),
        "tags": st.lists(st.sampled_from(["publish", "link", "public"])),
        "primaryKey": st.booleans(),
        "primaryKeyPosition": st.integers(-1, 3),
        "customProperties": claims(ANY_TEXT),
    },
)
NESTED = st.recursive(
    COLUMN,
    lambda inner: st.builds(lambda column, parts: column | {"properties": parts}, COLUMN, st.lists(inner, max_size=2)),
    max_leaves=3,
)
CONTRACT = st.fixed_dictionaries(
    {
        "apiVersion": st.just("v3.1.0"),
        "kind": st.just("DataContract"),
        "id": ANY_TEXT,
        "schema": st.lists(
            st.fixed_dictionaries({"name": ANY_TEXT, "properties": st.lists(NESTED, min_size=1, max_size=3)}),
            min_size=1,
            max_size=2,
        ),
    },
    optional={"name": ANY_TEXT, "version": ANY_TEXT, "status": ANY_TEXT, "customProperties": claims(ANY_TEXT)},
)


def grants_of_draft(contract: dict[str, Any], *, escaped: bool = False) -> set[tuple[str, str, str]]:
    """Return what the draft of a contract grants once its placeholders are answered. Raises AgreementError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "contract.json"
        file.write_text(json.dumps(contract, ensure_ascii=escaped), encoding="utf-8")
        return grants(answered(draft(file), Path(folder)))


@settings(max_examples=30, deadline=None)
@given(agreements())
def test_a_random_agreement_exports_validly_and_its_contract_comes_back_denied(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        agreement = load_agreement(write(Path(folder), text))
    contract, policy = odcs.contract(agreement, "clinic"), odrl.policy(agreement)
    assert [error.message for error in odcs_schema().iter_errors(contract)] == []
    assert [error.message for error in odrl_schema().iter_errors(policy)] == []
    assert yaml.safe_load(odcs.as_yaml(contract)) == contract
    assert len(odrl_graph(policy)) > 0
    assert grants_of_draft(contract) == set()


@settings(max_examples=30, deadline=None)
@given(agreements(), st.data())
def test_an_export_with_any_claims_in_it_comes_back_denied(text: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        contract = odcs.contract(load_agreement(write(Path(folder), text)), "clinic")
    for column in contract["schema"][0]["properties"]:
        column["customProperties"] = data.draw(claims(PRINTABLE))
    assert grants_of_draft(contract) == set()


ABOUT = ['class: ["*"]', 'class: ["health.*"]', "class: [sex, birth.weight]", 'fields: ["clinic.visits.*"]']
FOR = ["", ", purposes: [measure-success]", ", purposes: [public-health]"]


@st.composite
def provisions(draw: st.DrawFn) -> str:
    """Draw the text of some prohibitions and limits."""
    uses = ["link", "content", "publish", "content, publish"]
    rule = st.tuples(st.sampled_from(uses), st.sampled_from(ABOUT), st.sampled_from(FOR))
    coarse = ["treatment: keep", "treatment: {date: year}", "treatment: zip3", "treatment: {top_code: 10}"]
    limit = st.tuples(st.sampled_from(uses[1:]), st.sampled_from(ABOUT), st.sampled_from(coarse).map(", {}".format))
    lines = []
    for name, drawn in (("prohibits", st.lists(rule, max_size=3)), ("limits", st.lists(limit, max_size=2))):
        found = [f'  - {{use: [{use}], {about}{more}, because: "b", cite: "c"}}' for use, about, more in draw(drawn)]
        lines += [f"{name}:", *found] if found else []
    return "\n".join([*lines, ""])


@settings(max_examples=30, deadline=None)
@given(agreements(), provisions())
def test_what_a_policy_permits_and_prohibits_is_what_is_enforced(text: str, more: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        agreement = load_agreement(write(Path(folder), text + more))
    policy = odrl.policy(agreement)
    assert [error.message for error in odrl_schema().iter_errors(policy)] == []
    graph, united = odrl_graph(policy), unite([agreement], {})
    found, prohibitions = permitted(graph), prohibited(graph)
    if not united.stopped:
        assert found == points(united.sources.values())
    assert not any(covers(prohibitions, one) for one in found)
    if not agreement.provisions.limits:
        assert found == {one for one in points(agreement.sources.values()) if not covers(prohibitions, one)}
    contract = odcs.contract(agreement, "clinic")
    assert [error.message for error in odcs_schema().iter_errors(contract)] == []
    assert used(contract) == {one[:2] for one in found}


def used(contract: dict[str, Any]) -> set[tuple[str, str]]:
    """Return (IRI of the field, use) of every purpose that a contract states."""
    own = {
        column["name"]: {one["property"]: one["value"] for one in column["customProperties"]}
        for column in contract["schema"][0]["properties"]
    }
    return {
        (iri("field", "clinic", "visits", name), use)
        for name, said in own.items()
        for grant in said.get("grants", [])
        for use in grant["purposes"]
    }


@settings(max_examples=150, deadline=None)
@given(CONTRACT)
def test_any_contract_becomes_a_draft_that_grants_nothing_or_is_refused_in_one_line(contract: dict[str, Any]) -> None:
    try:
        found = grants_of_draft(contract, escaped=True)
    except AgreementError as error:
        assert Path(error.file).name == "contract.json"
        assert "\n" not in str(error)
    else:
        assert found == set()
