"""Every demo DSA as data contracts and as an ODRL policy, and its contracts back as drafts that grant nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.interchange import (
    answered,
    assert_only_placeholders_keep_it_from_loading,
    covers,
    denied,
    grants,
    odcs_schema,
    odrl_graph,
    odrl_schema,
    permitted,
    points,
    prohibited,
)
from support.mou import DEMO

from mou_policies import odcs, odrl
from mou_policies.agreement import Agreement
from mou_policies.enforce import unite
from mou_policies.errors import AgreementError
from mou_policies.iris import iri
from mou_policies.language import agreement_files, load_agreement
from mou_policies.odcs_draft import draft
from mou_policies.provisions import DSA, EMOU

AGREEMENTS = {file.stem: load_agreement(file) for file in agreement_files(DEMO)}
SHARES = [name for name, agreement in AGREEMENTS.items() if agreement.kind == DSA]
SOURCES = [(name, source) for name in SHARES for source in AGREEMENTS[name].sources]
PARENTS = {agreement.agreement_id: agreement for agreement in AGREEMENTS.values() if agreement.kind == EMOU}


@pytest.mark.parametrize(("name", "source"), SOURCES)
def test_a_contract_is_valid_and_names_every_column(name: str, source: str) -> None:
    contract = odcs.contract(AGREEMENTS[name], source, odcs.ACTIVE, PARENTS.values())
    assert [error.message for error in odcs_schema().iter_errors(contract)] == []
    held = AGREEMENTS[name].sources[source]
    for described, table in zip(contract["schema"], held.tables.values(), strict=True):
        named = [column["name"] for column in described["properties"]]
        assert set(named) == {*table.wanted, *(field.field for field in table.fields)}
        assert len(named) == len(set(named))


@pytest.mark.parametrize(("name", "source"), SOURCES)
def test_a_contract_comes_back_as_a_draft_that_grants_nothing(name: str, source: str, tmp_path: Path) -> None:
    contract = odcs.contract(AGREEMENTS[name], source, odcs.ACTIVE, PARENTS.values())
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


@pytest.mark.parametrize("name", SHARES)
def test_a_policy_permits_point_by_point_what_is_granted_under_the_parents_and_nothing_else(name: str) -> None:
    agreement = AGREEMENTS[name]
    policy = odrl.policy(agreement, PARENTS.values())
    assert [error.message for error in odrl_schema().iter_errors(policy)] == []
    graph = odrl_graph(policy)
    found = permitted(graph)
    assert found == points(unite([agreement], PARENTS).sources.values())
    prohibitions = prohibited(graph)
    assert found == {one for one in points(agreement.sources.values()) if not covers(prohibitions, one)}
    named = {iri("field", *place) for place in fields(agreement)}
    assert denied(graph) == named - {field for field, _, _ in found}


def fields(agreement: Agreement) -> set[tuple[str, str, str]]:
    """Return (source, table, field) of every field that an agreement names."""
    return {
        (source.source, table.table, field.field)
        for source in agreement.sources.values()
        for table in source.tables.values()
        for field in table.fields
    }


@pytest.mark.parametrize("name", [name for name in AGREEMENTS if name not in SHARES])
def test_what_shares_no_data_is_not_exported(name: str) -> None:
    with pytest.raises(AgreementError, match="shares no data to export; export a data sharing agreement") as caught:
        odrl.policy(AGREEMENTS[name], AGREEMENTS.values())
    assert "\n" not in str(caught.value)
