"""The grain of a signature: which clause is named when a provision of a signed agreement is changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.mou import SIGNED_ON, SMALL, edited, write
from support.signed import DUL, EMOU, Signers

from mou_policies import signing
from mou_policies.canonical import clauses, digest_of
from mou_policies.errors import AgreementError
from mou_policies.language import load_agreement
from mou_policies.nodes import parse_yaml

EXPECTS = (
    SMALL
    + """\
expect:
  - {field: clinic.visits.ssn, use: publish, on: 2026-09-01, is: denied}
  - {field: clinic.visits.visits, use: publish, on: 2026-09-01, is: allowed}
"""
)
OFFICES = edited("term:", "signatories: {provider: [head], hub: [director]}\nterm:")
SECOND = '  - {use: [content, publish], class: ["housing.*"], because: "Courts seal them", cite: "State statute"}\n'

CHANGES = [
    # agreement  words changed            by                          what is named
    (EMOU,       '["health.*", "birth.',  '["birth.',                 ["permits.publish changed (line 14)"]),
    (EMOU,       '["housing.*"]',         '["*"]',                    ["prohibits[2] changed (line 17)"]),
    (EMOU,       SECOND,                  "",                         ["prohibits[2] removed"]),
    (EMOU,       SECOND,                  SECOND + SECOND,            ["prohibits[3] added (line 18)"]),
    (EMOU,       "{date: year}",          "{date: month}",            ["limits[1] changed (line 19)"]),
    (DUL,        '"By cohort"',           '"By class"',               ["fields.clinic.visits.dob changed (line 14)"]),
    (DUL,        '      visits: "Child',  '      sex: "Child',        ["fields.clinic.visits.visits removed",
                                                                       "fields.clinic.visits.sex added (line 13)"]),
    (DUL,        "minimum_cell: 11",      "minimum_cell: 5",          ["release.minimum_cell changed (line 19)"]),
    (DUL,        "A. Registrar",          "B. Registrar",             ["release.attests changed (line 21)"]),
    (DUL,        "until: 2026-12-31",     "until: 2027-12-31",        ["accepts[1] changed (line 24)"]),
    (EXPECTS,    "is: allowed",           "is: denied",               ["expect[2] changed (line 36)"]),
    (OFFICES,    "[director]",            "[director, counsel]",      ["signatories.hub changed (line 6)"]),
    (DUL,        "under: [clinic-2025]",  "under: [clinic-2026]",     ["under changed (line 4)"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "named"), CHANGES)
def test_a_change_names_the_entry(tmp_path: Path, text: str, old: str, new: str, named: list[str]) -> None:
    keys = Signers(tmp_path / "agreements")
    file = keys.written("signed.yaml", text, SIGNED_ON)
    file.write_text(edited(old, new, text))
    status = signing.verify(file)
    assert status.state == "changed"
    assert sorted(status.reason.removeprefix("changed after signing: ").split(", ")) == sorted(named)
    assert status.line == min((int(n.split("line ")[1].rstrip(")")) for n in named if "line" in n), default=1)


def test_every_clause_has_its_line_and_provisions_have_one_as_a_whole(tmp_path: Path) -> None:
    agreement = load_agreement(write(tmp_path, DUL))
    assert set(agreement.clauses) <= set(agreement.lines)
    assert [agreement.place(key)[0] for key in ("fields", "release", "accepts")] == [10, 15, 23]


def test_two_clauses_never_have_one_path(tmp_path: Path) -> None:
    """A digest left out of what is signed would be a word that anyone may change."""
    twice = DUL.replace(
        "      visits:", '      "x.z": "One"\n    visits.x:\n      z: "Other"\n    more:\n      visits:', 1
    )
    with pytest.raises(AgreementError, match=r"the clause fields\.clinic\.visits\.x\.z stands twice"):
        load_agreement(write(tmp_path, twice))


def test_names_with_dots_are_told_apart() -> None:
    one, other = ("fields: {s: {a.b: {c: why}}}", "fields: {s: {a: {b.c: why}}}")
    digests = [digest_of(clauses(parse_yaml(Path("x.yaml"), text))[0]) for text in (one, other)]
    assert digests[0] != digests[1]
