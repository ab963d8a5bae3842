"""A question asked of agreements cut down to it has the answer it has of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.mou import NIGHT, SMALL, demo_folder, edited, sign_all, write
from support.signed import EMOU, UNDER

from mou_policies.explain import USES, Question, explain
from mou_policies.inforce import InForce, in_force
from mou_policies.policy import Policy, compile_policy, policy_about
from mou_policies.provisions import FieldRef


def fields_of(policy: Policy) -> list[FieldRef]:
    """Return every field the agreements in force name, granted or denied, by source, table and name."""
    return sorted(
        {
            (source.source, table.table, field.field)
            for agreement in policy.agreements.values()
            for source in agreement.sources.values()
            for table in source.tables.values()
            for field in table.fields
        }
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[InForce, Policy]:
    folder = demo_folder(tmp_path_factory.mktemp("demo"))
    return in_force(folder, NIGHT), compile_policy(folder, NIGHT)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_on_the_demo_city(demo: tuple[InForce, Policy], data: st.DataObject) -> None:
    held, whole = demo
    some = data.draw(st.lists(st.sampled_from(fields_of(whole)), min_size=1, max_size=3, unique=True))
    asked = [*some, ("school", "users", "nobody"), ("nothing", "at", "all")]
    part = policy_about(held, NIGHT, asked)
    for ref in asked:
        for use in USES:
            question = Question(ref, use, NIGHT)
            assert explain(part, question) == explain(whole, question)


OTHERS = [
    # what a second agreement of the owner says otherwise
    ("treatment: {top_code: 20}", "treatment: {top_code: 10}"),
    ("use: publish, treatment: {top_code: 20}", "use: none"),
    ("          zip: {class", "          district: {class"),
    ("delivery: delta", "delivery: full"),
    ("period_days: 180", "period_days: 90"),
]


@pytest.mark.parametrize("emou", [EMOU, edited('["housing.*"]', '["birth.*"]', EMOU)], ids=["emou", "stricter"])
@pytest.mark.parametrize(("old", "new"), OTHERS)
def test_where_agreements_disagree(tmp_path: Path, emou: str, old: str, new: str) -> None:
    folder = tmp_path / "agreements"
    write(folder, emou, "cabinet.yaml")
    write(folder, UNDER)
    write(folder, edited(old, new, edited("clinic-2025", "clinic-more-2025", SMALL)), "more.yaml")
    sign_all(folder)
    whole = compile_policy(folder, NIGHT)
    for ref in [*fields_of(whole), ("clinic", "visits", "visits")]:
        part = policy_about(in_force(folder, NIGHT), NIGHT, [ref])
        for use in USES:
            assert explain(part, Question(ref, use, NIGHT)) == explain(whole, Question(ref, use, NIGHT))
