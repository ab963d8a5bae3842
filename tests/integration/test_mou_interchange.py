"""Every demo agreement as data contracts and as an ODRL policy, and its contracts back as drafts that grant nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdflib import Graph
from rdflib.namespace import ODRL2, RDF
from support.interchange import (
    answered,
    assert_only_placeholders_keep_it_from_loading,
    grants,
    odcs_schema,
    odrl_graph,
    odrl_schema,
)
from support.mou import DEMO

from mou_policies import odcs, odrl
from mou_policies.agreement import Agreement
from mou_policies.iris import iri
from mou_policies.language import agreement_files, load_agreement
from mou_policies.odcs_draft import draft

AGREEMENTS = {file.stem: load_agreement(file) for file in agreement_files(DEMO)}
SOURCES = [(name, source) for name, agreement in AGREEMENTS.items() for source in agreement.sources]


def points(agreement: Agreement, *, denied: bool) -> set[tuple[str, str]]:
    """Return (IRI of the field, use) of what an agreement grants, or denies."""
    return {
        (iri("field", source.source, table.table, field.field), field.use)
        for source in agreement.sources.values()
        for table in source.tables.values()
        for field in table.fields
        if (field.use == "none") is denied
    }


def permitted(graph: Graph) -> set[tuple[str, str]]:
    """Ask a policy's graph which action of the profile is permitted on which field."""
    query = "SELECT ?field ?use { ?policy odrl:permission [ odrl:target ?field ; odrl:action [ rdf:value ?use ] ] }"
    found = graph.query(query, initNs={"odrl": str(ODRL2), "rdf": str(RDF)})
    return {(str(field), str(use).removeprefix(f"{odrl.PROFILE}:")) for field, use in found}


def prohibited(graph: Graph) -> set[tuple[str, str]]:
    """Ask which fields may not be used at all; `none` stands for the use, as in an agreement."""
    query = (
        "SELECT ?field { ?policy odrl:prohibition [ odrl:target ?field ; odrl:action odrl:use ] . ?field a odrl:Asset }"
    )
    return {(str(row[0]), "none") for row in graph.query(query, initNs={"odrl": str(ODRL2)})}


@pytest.mark.parametrize(("name", "source"), SOURCES)
def test_a_contract_is_valid_and_names_every_column(name: str, source: str) -> None:
    contract = odcs.contract(AGREEMENTS[name], source, odcs.ACTIVE)
    assert [error.message for error in odcs_schema().iter_errors(contract)] == []
    held = AGREEMENTS[name].sources[source]
    for described, table in zip(contract["schema"], held.tables.values(), strict=True):
        named = [column["name"] for column in described["properties"]]
        assert set(named) == {*table.wanted, *(field.field for field in table.fields)}
        assert len(named) == len(set(named))


@pytest.mark.parametrize(("name", "source"), SOURCES)
def test_a_contract_comes_back_as_a_draft_that_grants_nothing(name: str, source: str, tmp_path: Path) -> None:
    contract = odcs.contract(AGREEMENTS[name], source, odcs.ACTIVE)
    (tmp_path / "contract.yaml").write_text(odcs.as_yaml(contract), encoding="utf-8")
    (tmp_path / "contract.json").write_text(odcs.as_json(contract), encoding="utf-8")
    text = draft(tmp_path / "contract.yaml")
    assert draft(tmp_path / "contract.json") == text.replace("contract.yaml", "contract.json")
    assert_only_placeholders_keep_it_from_loading(text, tmp_path)
    agreement = answered(text, tmp_path)
    assert grants(agreement) == set()
    for described, table in zip(contract["schema"], agreement.sources[source].tables.values(), strict=True):
        assert [field.field for field in table.fields] == [column["name"] for column in described["properties"]]
        assert table.wanted == ("row_KEY",)


@pytest.mark.parametrize("name", AGREEMENTS)
def test_a_policy_permits_what_the_agreement_grants_and_nothing_else(name: str) -> None:
    policy = odrl.policy(AGREEMENTS[name])
    assert [error.message for error in odrl_schema().iter_errors(policy)] == []
    graph = odrl_graph(policy)
    assert permitted(graph) == points(AGREEMENTS[name], denied=False)
    assert prohibited(graph) == points(AGREEMENTS[name], denied=True)
