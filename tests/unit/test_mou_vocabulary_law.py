"""The vocabulary of law: exceptions, purposes, kinds of agreement and lint rules agree with one another."""

from __future__ import annotations

import re
from pathlib import Path

import mou_policies
from mou_policies import vocabulary
from mou_policies.language import load_agreements


def test_every_exception_asks_for_something_with_a_citation() -> None:
    for rule in vocabulary.exceptions().values():
        assert rule.elements, rule.name
        for element in rule.elements.values():
            assert element.asks
            assert element.cite
            assert element.mark in vocabulary.MARKS


# Each class of a protected regime, and the only exceptions under which it may be used at all (FLD-011).
REGIMES = {
    "health.substance_use": "part2.consent part2.research part2.audit",
    "wic.participation": "wic.designation",
    "child_welfare.report": "capta.state-statute",
    "child_welfare.placement": "capta.state-statute ferpa.child-welfare",
    "education.meal_status": "meals.eligibility",
    "consent.decision": "consent.instruction ferpa.consent",
}


def test_a_protected_regime_names_its_own_exceptions() -> None:
    for cls, needs in REGIMES.items():
        assert " ".join(vocabulary.field_classes()[cls].needs) == needs
    assert "idea.consent" in vocabulary.field_classes()["special_education"].needs
    assert "idea.consent" in vocabulary.field_classes()["education.early_intervention"].needs
    assert "ferpa.directory" not in vocabulary.field_classes()["special_education"].needs


def test_what_a_class_needs_covers_it() -> None:
    for c in vocabulary.field_classes().values():
        for need in c.needs:
            assert c.name in vocabulary.exceptions()[need].covers, (c.name, need)
            assert vocabulary.doors(c.name, [need]) == (need,)


# exception: the purposes that may rest on it besides linking and counting (AGR-006, AGR-007), and whom it is about
PURPOSES = {
    "ferpa.studies": "predictive-tests student-aid improve-instruction",
    "ferpa.audit-evaluation": "evaluate-education",
    "ferpa.child-welfare": "protect-children education-needs",
    "hipaa.limited-data-set": "research public-health health-operations",
    "hipaa.waiver": "research",
    "ferpa.consent": "",
    "hipaa.authorization": "",
}


def test_an_exception_admits_its_own_purposes_and_linking_and_counting() -> None:
    companions = {p.name for p in vocabulary.purposes().values() if p.any_exception}
    assert companions == {"link-records", "measure-success"}
    for name, purposes in PURPOSES.items():
        admitted = {p for p in vocabulary.purposes() if vocabulary.admits(name, p)}
        assert admitted == (set(purposes.split()) | companions if purposes else set(vocabulary.purposes())), name


def test_only_the_child_welfare_exception_is_about_some_children_only() -> None:
    found = {e.name: e.population for e in vocabulary.exceptions().values() if e.population}
    assert found == {"ferpa.child-welfare": "foster-placement"}


def test_directory_information_never_holds_a_number_or_a_living_situation() -> None:
    never = (
        "id.ssn id.student id.record id.other education.homeless housing.situation special_education economic.status"
    )
    assert set(never.split()) <= vocabulary.exceptions()["ferpa.directory"].never
    assert vocabulary.doors("id.ssn", ["ferpa.directory"]) == ()
    assert vocabulary.doors("name.given", ["ferpa.directory", "ferpa.studies"]) == ("ferpa.directory", "ferpa.studies")


def test_records_without_identifiers_bring_no_names_or_numbers() -> None:
    found = {e.name for e in vocabulary.exceptions().values() if not e.identifiable}
    assert found == {"ferpa.deidentified", "ferpa.record-code", "hipaa.limited-data-set"}
    for name in found:
        assert {"name.given", "name.full", "id.ssn", "id.medicaid"} <= vocabulary.exceptions()[name].never


def test_in_the_demo_every_grant_has_a_purpose_and_every_field_an_exception() -> None:
    for agreement in load_agreements(Path(mou_policies.__file__).parent / "agreements"):
        named = [authority.exception for authority in agreement.authority]
        for source in agreement.sources.values():
            for field in (f for table in source.tables.values() for f in table.fields if f.use != "none"):
                serving = [p for p in agreement.purposes if field.use in vocabulary.purposes()[p].serves]
                doors = vocabulary.doors(field.cls, named)
                assert doors, field.clause
                assert any(vocabulary.admits(door, p) for door in doors for p in serving), field.clause
        for purpose in agreement.purposes if named else ():
            assert any(vocabulary.admits(name, purpose) for name in named), (agreement.agreement_id, purpose)


RULES = {
    "YML": 2,
    "STR": 1,
    "AGR": 19,
    "FLD": 13,
    "EXC": 4,
    "REL": 8,
    "RUN": 2,
}


def test_every_lint_rule_has_a_well_formed_id_and_none_is_left_out() -> None:
    expected = [f"{group}-{number:03}" for group, count in RULES.items() for number in range(1, count + 1)]
    assert list(vocabulary.rules()) == expected


def test_every_lint_rule_is_one_plain_sentence_with_a_remedy_and_a_marked_citation() -> None:
    for rule in vocabulary.rules().values():
        for sentence in (rule.title, rule.remedy):
            assert re.fullmatch(r"[A-Z].{10,120}\.", sentence), rule.id
            assert ". " not in sentence, rule.id
        assert rule.severity in vocabulary.SEVERITIES, rule.id
        assert rule.cite, rule.id
        assert rule.mark in vocabulary.MARKS, rule.id


def test_nobody_may_accept_away_a_condition_of_the_law() -> None:
    acceptable = {rule.id for rule in vocabulary.rules().values() if rule.acceptable and rule.severity == "error"}
    assert acceptable == {"FLD-006", "FLD-007", "FLD-008"}


def test_every_rule_id_in_the_code_is_in_the_catalogue() -> None:
    room = Path(mou_policies.__file__).parent
    text = "\n".join(file.read_text(encoding="utf-8") for file in room.glob("**/*.py"))
    assert set(re.findall(rf"\b(?:{'|'.join(RULES)})-\d{{3}}\b", text)) <= set(vocabulary.rules())


# kind | parties | parents | needs one of | clauses of its own | clauses a parent may hold
KINDS = """
    emou | hub members   | -        | -   | definitions governance ownership individuals requests findings transparency security breach amendment withdrawal disputes | -
    dsa  | provider hub  | emou     | -   | identity publication transfer custodians disclosure-log audit data-limits | individuals security breach withdrawal
    dul  | hub recipient | dsa emou | dsa | question people environment identity publication output-review sanctions | -
"""  # noqa: E501


def test_the_kinds_and_their_clauses() -> None:
    lines = KINDS.replace("| -", "|").strip().splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert [row[0] for row in rows] == list(vocabulary.kinds())
    for name, parties, parents, needs, own, inherited in rows:
        kind = vocabulary.kinds()[name]
        clauses = kind.clauses.items()
        assert (kind.parties, kind.parents, kind.needs_parent) == tuple(
            tuple(c.split()) for c in (parties, parents, needs)
        )
        assert [c for c, clause in clauses if not clause.inherits] == own.split()
        assert [c for c, clause in clauses if clause.inherits] == inherited.split()


def test_a_parent_can_hold_every_clause_that_is_inherited() -> None:
    for kind in vocabulary.kinds().values():
        for name, clause in kind.clauses.items():
            if clause.inherits:
                assert any(name in vocabulary.kinds()[parent].clauses for parent in kind.parents), (kind.name, name)


def test_every_kind_has_the_keys_all_share_and_none_twice() -> None:
    for kind in vocabulary.kinds().values():
        assert {"agreement", "title", "parties", "term", "purposes"} <= set(kind.required)
        assert "kind" in {*kind.required, *kind.optional}
        assert {"amends", "signatories", "terms", "prohibits", "limits", "accepts", "expect"} <= set(kind.optional)
        assert not set(kind.required) & set(kind.optional)
        assert not set(kind.clauses) & {*kind.required, *kind.optional}
