"""The published schema against the loader: both take the same good agreements and refuse the same broken ones.

What takes a second look (a name that must stand elsewhere, dates in order) the schema cannot say: the rows of `BLIND`.
"""

# ruff: noqa: E501  (a row of the table is one line)
from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from spec.test_mou_errors import TABLE as ERRORS
from support.mou import DEMO, SMALL, edited, write

from mou_policies import schema, vocabulary
from mou_policies.language import AgreementError, agreement_files, load_agreement
from mou_policies.nodes import parse_yaml, read_yaml

VALIDATOR = Draft202012Validator(schema.build(), format_checker=FormatChecker())

EMOU = """\
agreement: cabinet-2025
kind: emou
title: "Children's Cabinet"
parties:
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
  members:
    - {agency: clinic, name: "Clinic", represented_by: "Director", contact: "data@clinic.example"}
term: {from: 2025-07-01, to: 2030-06-30}
purposes: {link-records: "Find the child", measure-success: "Publish measures"}
signatories: {hub: ["Director"], members: ["Counsel"]}
permits: {link: ["*"], content: ["health.*"], publish: [], publication: agreement}
terms: {security: "Kept apart"}
prohibits:
  - {use: [content], class: ["justice.*"], because: "Not needed", cite: "EMOU 4"}
  - {use: [publish], class: ["education.*"], with: ["benefit.*"], because: "Not together", cite: "EMOU 4"}
  - {use: [link], fields: ["clinic.visits.ssn"], purposes: [measure-success], because: "Not for this", cite: "EMOU 4"}
limits:
  - {use: [publish], class: ["birth.date"], treatment: {date: year}, because: "Coarse", cite: "EMOU 5"}
accepts:
  - {rule: FLD-008, field: "clinic.visits.school", by: "A. Person", role: "Counsel", "on": 2025-07-01, until: 2027-06-30, because: "Schools are public"}
expect:
  - {field: clinic.visits.ssn, use: publish, "on": 2026-09-01, is: denied, because: FLD-003}
"""

DUL = """\
agreement: visits-2025
kind: dul
title: "Who is served"
under: [clinic-2025]
parties:
  hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}
  recipient: {agency: college, name: "College", represented_by: "Dean", contact: "dean@college.example"}
term: {from: 2025-07-01, to: 2030-06-30}
purposes: {measure-success: "Publish measures"}
fields: {clinic: {visits: {visits: "What is counted"}}}
release:
  name: outcomes
  level: aggregate
  claims: [hipaa.safe-harbor]
  minimum_cell: 11
  quasi_identifiers: [clinic.visits.zip]
  earlier_releases: considered
  attests: [{says: no-actual-knowledge, by: "A. Person", role: "Statistician", "on": 2025-07-01}]
amends: {agreement: visits-2024, sha256: "0000000000000000000000000000000000000000000000000000000000000000"}
"""

# agreement, words replaced | by                                       what is wrong
BROKEN = [
    (EMOU, "kind: emou", "kind: mou",                                  "unknown kind"),
    (EMOU, "kind: emou", "kind: dsa",                                  "keys of another kind"),
    (EMOU, "permits: {link", "permit: {link",                          "unknown key"),
    (EMOU, 'link: ["*"], ', "",                                        "a use without its ceiling"),
    (EMOU, '["health.*"]', '["healthy.*"]',                            "pattern of no class"),
    (EMOU, "publication: agreement", "publication: always",            "unknown form of publication"),
    (EMOU, "hub: [\"Director\"], member", "hub: [\"Director\"], provider", "signer of no party"),
    (EMOU, "  members:\n    - {", "  members:\n    {",                 "members are no list"),
    (EMOU, 'use: [content], class: ["justice.*"], ', "use: [content], ", "a prohibition of nothing"),
    (EMOU, "use: [content], class", "use: [store], class",             "unknown use"),
    (EMOU, 'use: [publish], class: ["education.*"]', 'use: [content], class: ["education.*"]', "`with` beside another use"),
    (EMOU, "purposes: [measure-success], ", "purposes: [make-money], ", "unknown purpose"),
    (EMOU, '["clinic.visits.ssn"]', '["ssn"]',                         "no field"),
    (EMOU, 'because: "Not needed", ', "",                              "no reason"),
    (EMOU, "use: [publish], class: [\"birth.date\"]", "use: [link], class: [\"birth.date\"]", "a limit of linking"),
    (EMOU, "treatment: {date: year}", "treatment: tokenise",           "a limit that keeps nothing"),
    (EMOU, "rule: FLD-008", "rule: FLD-003",                           "a rule nobody may accept"),
    (EMOU, "until: 2027-06-30, ", "",                                  "a risk without end"),
    (EMOU, "is: denied", "is: forbidden",                              "unknown answer"),
    (EMOU, 'use: publish, "on": 2026-09-01', "use: publish",           "a question without a day"),
    (EMOU, 'terms: {security: "Kept apart"}', 'terms: {security: ""}', "empty text"),
    (DUL,  "under: [clinic-2025]\n", "",                               "a licence under nothing"),
    (DUL,  "under: [clinic-2025]", "under: [Clinic]",                  "no id"),
    (DUL,  "recipient: {", "provider: {",                              "party of another kind"),
    (DUL,  'visits: "What is counted"', "visits: 1",                   "a field without a reason"),
    (DUL,  "level: aggregate", "level: people",                        "unknown level"),
    (DUL,  "[hipaa.safe-harbor]", "[hipaa.safe]",                      "unknown claim"),
    (DUL,  "minimum_cell: 11", "minimum_cell: 0",                      "no cell size"),
    (DUL,  "considered", "forgotten",                                  "unknown answer"),
    (DUL,  "says: no-actual-knowledge", "says: trust-me",              "unknown attestation"),
    (DUL,  "name: outcomes", "name: Outcomes!",                        "no name of a release"),
    (DUL,  'sha256: "0', 'sha256: "',                                  "no digest"),
    (DUL,  "release:\n  name", "releases:\n  name",                    "unknown key"),
    (SMALL, "hipaa.public-health", "ferpa.child-welfare",              "elements of another exception"),
    (SMALL, "destruction: {period_days: 180, ", "destruction: {",      "no period"),
    (SMALL, "standard: csv", "standard: hmis-csv-2026",                "a table the standard has not"),
]  # fmt: skip

# words of errors that only the loader can find: two places must be compared
BLIND = (
    "ends before it starts",
    "names no such source",
    "unknown encoding",
    "record column child_id is not granted",
    "key column notes is denied",
    "two fields",
    "link fields need a record column",
    "that names its source is not granted",
    "is excluded and has no class",
    "is excluded and safe at once",
    "here and of health.visit under fields",
    "under authority",
)


def valid(text: str) -> bool:
    return VALIDATOR.is_valid(parse_yaml(Path("clinic.yaml"), text).plain_value())


def test_the_schema_is_a_schema_and_the_one_that_is_shipped() -> None:
    Draft202012Validator.check_schema(schema.build())
    assert schema.SHIPPED.read_text(encoding="utf-8") == schema.text(), (
        "the vocabulary has changed; write the schema anew: "
        "cradlepath mou schema --out mou_policies/agreement.schema.json"
    )


@pytest.mark.parametrize("file", agreement_files(DEMO), ids=lambda file: file.name)
def test_demo_agreements_are_valid(file: Path) -> None:
    assert not [f"{e.json_path}: {e.message}" for e in VALIDATOR.iter_errors(read_yaml(file).plain_value())]


@pytest.mark.parametrize("text", [SMALL, EMOU, DUL], ids=["dsa", "emou", "dul"])
def test_agreements_of_every_kind_are_valid_and_load(text: str, tmp_path: Path) -> None:
    load_agreement(write(tmp_path, text))
    assert not list(VALIDATOR.iter_errors(parse_yaml(Path("clinic.yaml"), text).plain_value()))


@pytest.mark.parametrize("row", BROKEN, ids=[f"{row[3]}: {row[2][:30]}" for row in BROKEN])
def test_what_the_schema_refuses(row: tuple[str, str, str, str], tmp_path: Path) -> None:
    text, old, new, wrong = row
    broken = edited(old, new, text)
    assert not valid(broken)
    if wrong != "a table the standard has not":  # which its reader refuses
        with pytest.raises(AgreementError):
            load_agreement(write(tmp_path, broken))


@pytest.mark.parametrize("row", ERRORS, ids=[f"{row[2]} {row[4]}" for row in ERRORS])
def test_the_schema_refuses_what_the_loader_refuses_where_it_can_say_so(row: tuple[str, str, str, str, str]) -> None:
    old, new, _, _, words = row
    try:
        taken = valid(edited(old, new))
    except AgreementError:
        return  # no YAML that two readers take alike
    assert taken == any(blind in words for blind in BLIND)


def test_every_example_of_the_vocabulary_is_valid() -> None:
    for name, key in vocabulary.keys()["agreement"].items():
        if key.example:
            text = f"{name}: {key.example}".replace(" on:", ' "on":').replace('sha256: "..."', f'sha256: "{"0" * 64}"')
            value = parse_yaml(Path("example.yaml"), text).plain_value()[name]
            part = {"$defs": schema.build()["$defs"], **schema.build()["properties"][name]}
            assert not list(Draft202012Validator(part).iter_errors(value)), name


def test_every_word_of_the_vocabulary_is_in_the_schema_with_its_citation() -> None:
    text = schema.text()
    for rule in [*vocabulary.exceptions().values(), *vocabulary.purposes().values(), *vocabulary.claims().values()]:
        assert f'"{rule.name}"' in text
        assert f"({rule.cite} [{rule.mark}])" in text
    for name in [*vocabulary.field_classes(), *vocabulary.uses(), *vocabulary.standards(), *vocabulary.kinds()]:
        assert f'"{name}"' in text
