"""What an ODRL policy permits, prohibits and obliges, as a table, and that it says so in W3C's words."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph
from rdflib.namespace import ODRL2, RDF
from support.interchange import PREFIXES, odrl_graph, odrl_schema, odrl_terms
from support.mou import SMALL, edited, write

from mou_policies import odrl
from mou_policies.errors import AgreementError
from mou_policies.language import load_agreement

EXCLUDES = """\
        excludes:
          - {name: clinic.test, field: site, class: id.organization, equals: ["T", "U"], because: "Tests", cite: "None"}
          - {name: clinic.sealed, field: sealed, class: status.protection, equals: ["Y"], safe: ["N"],
             because: "Sealed", cite: "State statute"}
        fields:
"""

PROVISIONS = """\
prohibits:
  - {use: [content], class: [health.visit, sex], purposes: [public-health], because: "Counts only", cite: "Board"}
  - {use: [link], class: [id.ssn], because: "Not by number", cite: "Board"}
  - {use: [publish], fields: ["clinic.*.dob"], with: ["justice.*"], because: "Not beside charges", cite: "Board"}
limits:
  - {use: [content], class: [address.zip], treatment: zip3, because: "Coarse", cite: "Board"}
  - {use: [publish], class: ["birth.*"], treatment: {date: age_years}, because: "No order with years", cite: "Board"}
  - {use: [publish], class: ["health.*"], treatment: {top_code: 10}, because: "Few have more", cite: "Board"}
"""

# rule        what                        action           with                 for
RULES = """
permission  | clinic/visits/record_id  | cp:link        | record                | link-records
permission  | clinic/visits/first_name | cp:link        | tokenise              | link-records
permission  | clinic/visits/dob        | cp:link        | tokenise              | link-records
permission  | clinic/visits/dob        | cp:content     | {"date": "year"}      | public-health
permission  | clinic/visits/dob        | cp:publish     | {"date": "year"}      | measure-success public-health
permission  | clinic/visits/ssn        | cp:link        | tokenise              | link-records
permission  | clinic/visits/zip        | cp:content     | zip3                  | public-health
permission  | clinic/visits/visits     | cp:content     | {"top_code": 20.0}    | public-health
permission  | clinic/visits/visits     | cp:publish     | {"top_code": 20.0}    | measure-success public-health
prohibition | clinic/visits/notes      | use            | -                     |
prohibition | clinic/visits where site isAnyOf T, U | use | -                   |
prohibition | clinic/visits where sealed isNoneOf N | use | -                   |
prohibition | clinic                   | distribute     | -                     |
obligation  | clinic                   | odrl:delete    | erased                |
"""

# The same, where the agreement prohibits and limits: the birth year is gone, and a count is kept for measures only.
BOUNDED = """
permission  | clinic/visits/record_id  | cp:link        | record                | link-records
permission  | clinic/visits/first_name | cp:link        | tokenise              | link-records
permission  | clinic/visits/dob        | cp:link        | tokenise              | link-records
permission  | clinic/visits/zip        | cp:content     | zip3, at finest zip3  | public-health
permission  | clinic/visits/visits     | cp:publish | {"top_code": 10.0}, at finest {"top_code": 10.0} | measure-success
prohibition | clinic/visits/ssn        | use            | -                     |
prohibition | clinic/visits/notes      | use            | -                     |
prohibition | clinic                   | distribute     | -                     |
prohibition | all of clinic where class isAnyOf health.visit, sex | cp:content | - | public-health
prohibition | all of clinic where class isAnyOf health.visit, sex | cp:publish | - | public-health
prohibition | all of clinic where class isAnyOf id.ssn | cp:link | - |
prohibition | clinic/visits/dob        | cp:publish     | -                     | beside justice.record
obligation  | clinic                   | odrl:delete    | erased                |
"""

Policy = dict[str, Any]
NAMESPACE = str(ODRL2)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    file = write(tmp_path_factory.mktemp("small"), edited("        fields:\n", EXCLUDES))
    return odrl.policy(load_agreement(file))


@pytest.fixture(scope="module")
def graph(policy: Policy) -> Graph:
    return odrl_graph(policy)


def what(target: Policy) -> str:
    place = str(target.get("uid", target.get("source"))).removeprefix("urn:cradlepath:field:")
    place = place.replace("urn:cradlepath:data:", "all of ")
    for one in target.get("refinement", []):
        values = [last(value["@id"]) if isinstance(value, dict) else value for value in one["rightOperand"]]
        place += f" where {last(one['leftOperand'])} {one['operator']} {', '.join(values)}"
    return place


def last(iri: str) -> str:
    return iri.replace("/", ":").rpartition(":")[2]


def reach(rule: Policy) -> str:
    """Return the purposes of a rule, and the classes beside which it holds."""
    words = {"purpose": "", "cp:beside": "beside "}
    of = {one["leftOperand"]: one["rightOperand"] for one in rule.get("constraint", [])}
    return "".join(word + " ".join(last(one["@id"]) for one in of[name]) for name, word in words.items() if name in of)


def rows(policy: Policy) -> list[str]:
    found = []
    for kind in ("permission", "prohibition", "obligation"):
        for rule in policy[kind]:
            action = rule["action"]
            word = action if isinstance(action, str) else action[0]["rdf:value"]["@id"]
            refinements = [] if isinstance(action, str) else action[0]["refinement"]
            with_what = ", at finest ".join(one["rightOperand"] for one in refinements) or "-"
            found.append(" | ".join([kind, what(rule["target"]), word, with_what, reach(rule)]))
    return found


def table(text: str) -> list[str]:
    return [" | ".join(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]


def test_the_rules_are_those_of_the_table(policy: Policy) -> None:
    assert rows(policy) == table(RULES)


def test_what_is_prohibited_and_limited_is_said_and_not_permitted(tmp_path: Path) -> None:
    made = odrl.policy(load_agreement(write(tmp_path, SMALL + PROVISIONS)))
    assert rows(made) == table(BOUNDED)
    assert odrl_schema().is_valid(made)
    (zip_code,) = [rule for rule in made["permission"] if rule["target"]["uid"].endswith("/zip")]
    (limit,) = zip_code["cp:limit"]
    assert (limit["dct:description"], limit["dct:bibliographicCitation"]) == ("Coarse", "Board")
    assert limit["cp:clause"].endswith("clinic-2025 limits[1]")


def test_every_permission_names_its_exception_and_holds_within_the_term(policy: Policy) -> None:
    door = {
        "cp:exception": {"@id": "urn:cradlepath:exception:hipaa.public-health"},
        "dct:bibliographicCitation": "45 CFR 164.512(b)(1)(i)",
    }
    for rule in policy["permission"]:
        assert rule["cp:authority"] == [door]
        assert [(c["leftOperand"], c["operator"], c["rightOperand"]) for c in rule["constraint"][1:]] == [
            ("dateTime", "gteq", {"@value": "2025-07-01", "@type": "xsd:date"}),
            ("dateTime", "lteq", {"@value": "2030-06-30", "@type": "xsd:date"}),
        ]


PARENT = """\
agreement: cabinet-2025
kind: emou
title: "Memorandum of the cabinet"
parties:
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
  members: [{agency: clinic, name: "Clinic", represented_by: "Director", contact: "data@clinic.example"}]
term: {from: 2025-09-01, to: 2029-06-30}
purposes: {link-records: "Find the child", measure-success: "Publish how many"}
permits: {link: ["*"], content: ["*"], publish: ["health.*"]}
prohibits: [{use: [link], class: [id.ssn], because: "Not by number", cite: "Board"}]
"""


def test_parents_take_away_and_are_named_but_nothing_is_inherited(tmp_path: Path) -> None:
    parent = load_agreement(write(tmp_path, PARENT, "cabinet.yaml"))
    child = load_agreement(write(tmp_path, edited('title: "Visits to', 'under: [cabinet-2025]\ntitle: "Visits to')))
    made = odrl.policy(child, [parent])
    assert [line.split(" | ")[1:3] for line in rows(made) if line.startswith("permission")] == [
        ["clinic/visits/record_id", "cp:link"],
        ["clinic/visits/first_name", "cp:link"],
        ["clinic/visits/dob", "cp:link"],
        ["clinic/visits/visits", "cp:publish"],
    ]
    assert "prohibition | all of clinic where class isAnyOf id.ssn | cp:link | - | " in rows(made)
    assert [c["rightOperand"]["@value"] for c in made["permission"][0]["constraint"][1:]] == [
        "2025-09-01",
        "2029-06-30",
    ]
    (under,) = made["cp:under"]
    assert (under["uid"], under["cp:sha256"]) == ("urn:cradlepath:agreement:cabinet-2025", parent.sha256)
    assert "inheritFrom" not in made
    with pytest.raises(AgreementError, match="its parent cabinet-2025 is not here"):
        odrl.policy(child)


def test_deletion_is_due_within_the_period_and_on_a_last_day(policy: Policy) -> None:
    (duty,) = policy["obligation"]
    values = [(c["leftOperand"], c["rightOperand"]["@value"]) for c in duty["constraint"]]
    assert values == [("elapsedTime", "P180D"), ("dateTime", "2030-12-27")]


def test_redisclosure_that_is_allowed_is_not_prohibited(tmp_path: Path) -> None:
    text = edited("allowed: false", "allowed: true")
    made = odrl.policy(load_agreement(write(tmp_path, text)))
    assert not [rule for rule in made["prohibition"] if rule["action"] == "distribute"]


def test_a_prohibition_wins_and_an_unknown_profile_stops(policy: Policy) -> None:
    assert policy["conflict"] == "prohibit"
    assert policy["profile"] == odrl.PROFILE


# -- in W3C's words ---------------------------------------------------------------------------------------------------


def test_the_graph_uses_only_terms_of_the_odrl_vocabulary(graph: Graph) -> None:
    used = {term.removeprefix(NAMESPACE) for triple in graph for term in triple if term.startswith(NAMESPACE)}
    assert used <= odrl_terms()
    assert used >= {"Agreement", "permission", "prohibition", "obligation", "isNoneOf", "elapsedTime", "delete"}


def test_every_word_of_a_policy_becomes_a_triple(policy: Policy, graph: Graph) -> None:
    """Nothing is lost for want of a term: each key of the JSON is a predicate of the graph, or one of JSON-LD's own."""

    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return {key for key in value if key[0] != "@"}.union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    def full(key: str) -> str:
        prefix, _, name = key.rpartition(":")
        return ({"cp": f"{odrl.PROFILE}:", "": NAMESPACE} | PREFIXES)[prefix] + name

    said = {key: value for key, value in policy.items() if key != "@context"}
    assert {full(key) for key in keys(said)} - {full("uid")} == {str(p) for p in graph.predicates() if p != RDF.type}


ASKS = {
    "a rule without exactly one assigner, assignee and action": """
        { ?policy odrl:permission|odrl:prohibition|odrl:obligation ?rule .
          ?rule odrl:assigner|odrl:assignee|odrl:action ?x } GROUP BY ?rule HAVING (COUNT(?x) != 3)""",
    "a permission or prohibition without exactly one target": """
        { ?policy odrl:permission|odrl:prohibition ?rule . OPTIONAL { ?rule odrl:target ?x } }
        GROUP BY ?rule HAVING (COUNT(?x) != 1)""",
    "a constraint without exactly one left operand and operator": """
        { ?any odrl:constraint|odrl:refinement ?rule . OPTIONAL { ?rule odrl:leftOperand|odrl:operator ?x } }
        GROUP BY ?rule HAVING (COUNT(DISTINCT ?x) != 2)""",
    "a constraint without a right operand": """
        { ?any odrl:constraint|odrl:refinement ?rule . FILTER NOT EXISTS { ?rule odrl:rightOperand ?x } }
        GROUP BY ?rule""",
    "an action of the profile that is included in no action of ODRL": """
        { ?any rdf:value|odrl:action ?rule . FILTER(!isBlank(?rule) && !STRSTARTS(STR(?rule), STR(odrl:)))
          FILTER NOT EXISTS { ?rule a odrl:Action ; odrl:includedIn odrl:use } } GROUP BY ?rule""",
    "a left operand of the profile that is not defined": """
        { ?any odrl:leftOperand ?rule . FILTER(!STRSTARTS(STR(?rule), STR(odrl:)))
          FILTER NOT EXISTS { ?rule a odrl:LeftOperand } } GROUP BY ?rule""",
    "a field that is permitted and denied": """
        { ?policy odrl:permission/odrl:target ?rule ; odrl:prohibition [ odrl:target ?rule ; odrl:action odrl:use ] }
        GROUP BY ?rule""",
    "a policy that is not one agreement with a profile": """
        { ?rule odrl:permission|odrl:prohibition|odrl:obligation ?x
          FILTER NOT EXISTS { ?rule a odrl:Agreement ; odrl:profile ?p } } GROUP BY ?rule""",
}
"""Breaches of the Information Model's cardinalities (sections 2.1, 2.5, 2.6, 3.3): queries that must find nothing."""


DAMAGES: dict[str, Callable[[Policy], object]] = {
    "a rule without exactly one assigner, assignee and action": lambda p: p["permission"][0].pop("assignee"),
    "a permission or prohibition without exactly one target": lambda p: p["prohibition"][0].pop("target"),
    "a constraint without exactly one left operand and operator": lambda p: _constraint(p).pop("operator"),
    "a constraint without a right operand": lambda p: _constraint(p).pop("rightOperand"),
    "an action of the profile that is included in no action of ODRL": lambda p: p["cp:defines"][0].pop("includedIn"),
    "a left operand of the profile that is not defined": lambda p: p["cp:defines"].pop(),
    "a field that is permitted and denied": lambda p: p["prohibition"].append(p["permission"][0] | {"action": "use"}),
    "a policy that is not one agreement with a profile": lambda p: p.pop("profile"),
}
"""For each breach, how a policy comes to have it."""


def _constraint(policy: Policy) -> Policy:
    found: Policy = policy["permission"][0]["constraint"][0]
    return found


def breaches(graph: Graph, breach: str) -> int:
    return len(list(graph.query(f"SELECT ?rule WHERE {ASKS[breach]}", initNs={"odrl": NAMESPACE, "rdf": str(RDF)})))


@pytest.mark.parametrize("breach", ASKS)
def test_the_information_model_is_kept(policy: Policy, graph: Graph, breach: str) -> None:
    assert breaches(graph, breach) == 0
    damaged = copy.deepcopy(policy)
    DAMAGES[breach](damaged)
    assert breaches(odrl_graph(damaged), breach) > 0


MALFORMED: dict[str, Callable[[Policy], object]] = {
    "no assignee": lambda p: p["permission"][0].pop("assignee"),
    "two actions": lambda p: p["prohibition"][0].update(action=["use", "distribute"]),
    "a day that is only text": lambda p: p["permission"][0]["constraint"][1].update(rightOperand="2025-07-01"),
    "a collection named and refined": lambda p: p["prohibition"][1]["target"].update(uid="urn:x:y"),
    "an unknown operator": lambda p: _constraint(p).update(operator="is"),
    "no rule": lambda p: [p.pop(kind) for kind in ("permission", "prohibition", "obligation")],
    "an unknown word": lambda p: p["permission"][0].update(allows="all"),
    "a policy without a name": lambda p: p.pop("uid"),
}


@pytest.mark.parametrize("damage", MALFORMED)
def test_our_schema_of_the_subset_refuses_what_is_no_policy(policy: Policy, damage: str) -> None:
    assert odrl_schema().is_valid(policy)
    damaged = copy.deepcopy(policy)
    MALFORMED[damage](damaged)
    assert not odrl_schema().is_valid(damaged)
