"""Every rule of lint, planted once: the words changed in agreements without a finding, where lint points, what it says.

`python -m pytest -rA tests/spec/test_mou_lint_rules.py` prints the table of rule, fixture and result.
"""

# ruff: noqa: E501  (a row of the table is one line)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest
from support.mou import NIGHT, SMALL, edited, write
from support.mou_clean import CLEAN, DSA, planted

from mou_policies import vocabulary
from mou_policies.linting import lint_folder
from mou_policies.policy import compile_policy
from mou_policies.usage import Reads, Seen, findings


@dataclass(frozen=True)
class Row:
    """A rule, the file and place (line:column) where it is found, words of the finding, and what plants it.

    `changes` are words of that file and what stands in their place; `elsewhere` the same for another file, `more` whole
    files beside the others, `after` a file's change made after everybody signed, `on` the date asked about.
    """

    rule: str
    file: str
    at: str
    words: str
    changes: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, str, str] | None = None
    on: date = NIGHT


AUDIT = DSA[DSA.index("  - exception:") : DSA.index("purposes:")]
STUDY = """\
  - exception: ferpa.studies
    cite: "34 CFR 99.31(a)(6)"
    elements: {scope: "A study", only-this-study: "Yes", no-identification: "Yes", destruction: "180 days"}
"""
FOSTER = """\
  - exception: ferpa.child-welfare
    cite: "20 USC 1232g(b)(1)(L)"
    elements: {responsibility: "The agency's", education-needs: "Only these"}
"""
DIRECTORY = """\
  - exception: ferpa.directory
    cite: "34 CFR 99.37"
    elements: {types-notice: "Each year", opt-out: "Honoured", former-students: "Honoured", no-ssn: "Never"}
"""
SEALED = '{name: school.sealed, field: sealed, class: status.protection, equals: ["Y"], safe: ["N"]'
GRADE = 'grade: {class: education.grade, use: publish, treatment: keep, reason: "Measures are by grade"}'
ZIP = 'zip: {class: address.zip, use: content, treatment: zip3, as: zip3, reason: "Residence, coarse"}'
LOGGED = '  disclosure-log: "Every release is logged, open to the district"\n'
ALLOWED = {'{allowed: false, text: "Nothing is passed on"}': '{allowed: true, text: "To the State"}'}
SAFE = {"[ferpa.deidentified]": "[hipaa.safe-harbor]", "reasonable-determination": "no-actual-knowledge"}
LATER = {"to: 2030-06-30": "to: 2035-06-30"}
PLACES = {'publish: ["birth.*",': 'publish: ["address.*", "place.*", "birth.*",'}
LICENSED = {'      grade: "M': '      school: "Measures by school"\n      grade: "M'}
NOTES = "          notes: {class"
SCHOOL = '          school: {class: place.school, use: publish, treatment: keep, reason: "Measures by school"}\n'
PROHIBITS = 'prohibits: [{use: [publish], class: ["education.*"], because: "Grades are small", cite: "Board rule 4"}]\n'
LIMITS = 'limits: [{use: [publish], class: ["birth.date"], treatment: {top_code: 5}, because: "Small", cite: "Board rule 5"}]\n'
MORE = edited("agreement: district-2025", "agreement: district-2026", DSA)
OTHERWISE = edited("delivery: full", "delivery: delta", MORE)
COARSER = edited("treatment: keep", "treatment: {recode: {KG: K}, else: other}", MORE)
RIVAL = edited("  clinic:\n    title", "  school:\n    title", SMALL)
ZEROS = "0" * 64
RISK = 'accepts: [{rule: AGR-011, on: 2025-07-01, until: 2027-06-30, because: "Soon"}]\n'
EXPECTS = "expect: [{field: school.students.grade, use: publish, on: 2026-09-01, is: denied}]\n"
ENDED = (
    'accepts: [{rule: AGR-011, by: "A. Example", role: Director, on: 2025-07-01, until: 2026-06-30, because: "Soon"}]\n'
)

# fmt: off
TABLE = [
    # -- the file ----------------------------------------------------------------------------------------
    Row("YML-001", "dsa.yaml", "35:1", "found a tab", {"    delivery: full": "\tdelivery: full"}),
    Row("YML-001", "dul.yaml", "3:1", "found a second YAML document", {"agreement: outcomes-2025": "---\nagreement: outcomes-2025\n---"}),
    Row("YML-002", "dsa.yaml", "7:8", "anchors and aliases", {"  hub: {agency": "  hub: &hub {agency"}),
    Row("STR-001", "dsa.yaml", "1:1", "title missing", {'title: "Students"\nunder': "under"}),
    Row("STR-001", "dul.yaml", "17:10", "unknown level 'agregate'", {"level: aggregate": "level: agregate"}),
    # -- the agreement -----------------------------------------------------------------------------------
    Row("AGR-001", "dsa.yaml", "1:1", "names no authority", {"authority:\n" + AUDIT: ""}),
    Row("AGR-002", "dsa.yaml", "13:7", "requires the element 'activity' (34 CFR 99.35(a)(3)(ii)(C) [M])", {'      activity: "Measures of attendance and readiness"\n': ""}),
    Row("AGR-003", "dsa.yaml", "20:14", "destruction period is not stated", {"period_days: 180, ": ""}),
    Row("AGR-004", "dsa.yaml", "8:1", "ended on 2026-06-30", {"to: 2030-06-30": "to: 2026-06-30"}),
    Row("AGR-004", "dsa.yaml", "8:1", "begins on 2026-10-01", {"from: 2025-07-01": "from: 2026-10-01"}),
    Row("AGR-005", "dsa.yaml", "48:1", "changed after signing", after=("dsa.yaml", "treatment: keep", "treatment: {recode: {A: x}}")),
    Row("AGR-006", "dsa.yaml", "10:5", "ferpa.studies may only serve", {AUDIT: STUDY}),
    Row("AGR-007", "dsa.yaml", "19:1", "purpose public-health cannot rest on ferpa.audit", {'measure-success: "': 'public-health: "Also", measure-success: "'}),
    Row("AGR-008", "dsa.yaml", "19:16", "is for the population foster-placement", {AUDIT: AUDIT + FOSTER}),
    Row("AGR-009", "dsa.yaml", "4:1", "its parent cabinet-2024 is not among the agreements", {"[cabinet-2025]": "[cabinet-2024]"}),
    Row("AGR-009", "dul.yaml", "4:1", "none of its parents is a DSA", {"[district-2025, cabinet-2025]": "[cabinet-2025]"}),
    Row("AGR-009", "dsa.yaml", "4:1", "its parent cabinet-2025 is not in force", after=("emou.yaml", "by majority", "alone")),
    Row("AGR-010", "dsa.yaml", "20:1", "keeps data 1800 days", {"period_days: 180": "period_days: 1800"}),
    Row("AGR-010", "dsa.yaml", "48:18", "which cabinet-2025 does not permit for education.grade", elsewhere={"emou.yaml": {', "education.*"': ""}}),
    Row("AGR-010", "dul.yaml", "14:1", "licenses school.students.zip, which no agreement", {'      grade: "M': '      zip: "Places"\n      grade: "M'}),
    Row("AGR-011", "dsa.yaml", "22:1", "the clause 'audit' is missing", {'  audit: "The district may inspect at any time"\n': ""}),
    Row("AGR-012", "dsa.yaml", "8:1", "ends on 2030-06-30, in 29 days", on=date(2030, 6, 1)),
    Row("AGR-013", "rival.yaml", "15:1", "claimed by clinic and district", more={"rival.yaml": RIVAL}),
    Row("AGR-013", "more.yaml", "31:1", "not described alike in dsa.yaml and more.yaml: delivery", more={"more.yaml": OTHERWISE}),
    Row("AGR-013", "dsa.yaml", "1:1", "the id district-2025 is claimed by another agreement too: more.yaml", more={"more.yaml": DSA}),
    Row("AGR-014", "dsa.yaml", "4:9", "it amends district-2024, which is not among", {"under:": f'amends: {{agreement: district-2024, sha256: "{ZEROS}"}}\nunder:'}),
    Row("AGR-015", "dsa.yaml", "22:10", "is expected to be denied on 2026-09-01, and is allowed", {"terms:\n": EXPECTS + "terms:\n"}),
    Row("AGR-016", "dsa.yaml", "22:11", "accepted without by, role", {"terms:\n": RISK + "terms:\n"}),
    Row("AGR-016", "dsa.yaml", "22:18", "AGR-005 is not for a person to accept", {"terms:\n": ENDED.replace("AGR-011", "AGR-005") + "terms:\n"}),
    Row("AGR-016", "dsa.yaml", "22:11", "the acceptance of AGR-011 by A. Example ended on 2026-06-30", {"terms:\n": ENDED + "terms:\n"}),
    Row("AGR-017", "dsa.yaml", "48:82", "the placeholder TODO was left", {'"Measures are by grade"': '"TODO: why"'}),
    Row("AGR-017", "dsa.yaml", "8:14", "the placeholder TODO was left", {"from: 2025-07-01": "from: TODO"}),
    Row("AGR-018", "dsa.yaml", "47:16", "zip is granted the use content, and no purpose", {', evaluate-education: "Evaluate"': ""}),
    Row("AGR-019", "dsa.yaml", "1:1", "stands alone", {"under: [cabinet-2025]\n": ""}),
    # -- the field ---------------------------------------------------------------------------------------
    Row("FLD-001", "dsa.yaml", "48:18", "grade has no class", {"class: education.grade, ": ""}),
    Row("FLD-002", "dsa.yaml", "48:26", "did you mean 'education.grade'?", {"education.grade": "education.grades"}),
    Row("FLD-003", "dsa.yaml", "46:37", "id.ssn may never have the use publish", {"ssn: {class: id.ssn, use: link, treatment: tokenise": "ssn: {class: id.ssn, use: publish, treatment: keep"}),
    Row("FLD-004", "dsa.yaml", "47:62", "use one of: zip3", {"treatment: zip3": "treatment: keep"}),
    Row("FLD-007", "dsa.yaml", "45:60", "birth.date may not be kept with treatment keep", {"{date: year}": "keep"}),
    Row("FLD-009", "dsa.yaml", "35:31", "class id.record can never rest on ferpa.directory", {AUDIT: DIRECTORY}),
    Row("FLD-010", "dsa.yaml", "48:18", "grade has no reason", {', reason: "Measures are by grade"': ""}),
    Row("FLD-011", "dsa.yaml", "48:26", "health.substance_use needs an authority", {GRADE: GRADE.replace("education.grade, use: publish", "health.substance_use, use: content")}),
    Row("FLD-012", "dsa.yaml", "35:15", "unquoted 'no' means true or false", {"delivery: full": "delivery: no"}),
    Row("FLD-012", "dul.yaml", "19:3", "unknown key 'minimum_cel'; did you mean 'minimum_cell'?", {"minimum_cell": "minimum_cel"}),
    Row("FLD-013", "dsa.yaml", "44:15", "dob is denied and granted at once", {"- {class: birth.date, use: link, treatment: tokenise": "- {class: birth.date, use: none"}),
    # -- rows that are never loaded ----------------------------------------------------------------------
    Row("EXC-001", "dsa.yaml", "39:42", "sealed is excluded and has no class", {"class: status.protection, ": ""}),
    Row("EXC-002", "dsa.yaml", "39:13", "without the values that are safe", {', safe: ["N"]': ""}),
    Row("EXC-003", "dsa.yaml", "49:11", "without an exclusion", {"notes: {class: text.free": "notes: {class: status.protection"}),
    Row("EXC-004", "dsa.yaml", "39:97", "'Y' is excluded and safe at once", {'safe: ["N"]': 'safe: ["N", "y"]'}),
    # -- the release -------------------------------------------------------------------------------------
    Row("REL-001", "dsa.yaml", "48:18", "not by emou.yaml:16 cabinet-2025 prohibits[1]: Grades are small (Board rule 4)", elsewhere={"emou.yaml": {"terms:\n": PROHIBITS + "terms:\n"}}),
    Row("REL-001", "dsa.yaml", "45:15", "none of these is the coarser: date: year, top-coded at 5", elsewhere={"emou.yaml": {"terms:\n": LIMITS + "terms:\n"}}),
    Row("REL-001", "dsa.yaml", "48:18", "treated keep here and not in more.yaml:48 district-2026 school.students.grade: recode holds", more={"more.yaml": COARSER}),
    Row("FLD-005", "dul.yaml", "14:1", "school.students.school, kept as school: place.school with treatment pseudonymise", SAFE | LICENSED, {"dsa.yaml": {NOTES: SCHOOL.replace("keep", "pseudonymise") + NOTES}, "emou.yaml": PLACES}),
    Row("FLD-006", "dul.yaml", "14:1", "no vintage of the ZIP3 table is current on 2031-06-01", SAFE | LATER | {'      grade: "M': '      zip: "Places"\n      grade: "M'}, {"dsa.yaml": LATER | {"zip: {class: address.zip, use: content": "zip: {class: address.zip, use: publish"}, "emou.yaml": LATER | PLACES}, on=date(2031, 6, 1)),
    Row("FLD-007", "dul.yaml", "13:1", "birth.date with treatment date: school_year", SAFE, {"dsa.yaml": {"{date: year}": "{date: school_year}"}}),
    Row("FLD-008", "dul.yaml", "14:1", "places smaller than a State", SAFE | LICENSED, {"dsa.yaml": {NOTES: SCHOOL + NOTES}, "emou.yaml": PLACES}),
    Row("REL-002", "dul.yaml", "15:1", "states no minimum_cell", {"  minimum_cell: 10\n": ""}),
    Row("REL-003", "dul.yaml", "15:1", "earlier_releases is not `considered`", {"earlier_releases: considered": "earlier_releases: ignored"}),
    Row("REL-004", "dsa.yaml", "21:1", "no clause 'disclosure-log'", {LOGGED: "", **ALLOWED}),
    Row("REL-005", "dul.yaml", "15:1", "nobody states that no student's identity", {"reasonable-determination": "no-actual-knowledge"}),
    Row("REL-008", "dul.yaml", "15:1", "the mode is differential-privacy and minimum_cell is 10", {"minimum_cell: 10": "minimum_cell: 10\n  mode: differential-privacy\n  privacy: {epsilon: 1, budget: 4}"}),
    Row("REL-007", "dul.yaml", "15:1", "no `records` says which columns", {"level: aggregate": "level: records"}),
    Row("REL-007", "dul.yaml", "15:1", "rows are asked for, and the level is aggregate", {"level: aggregate": "level: aggregate\n  records: {keep: [sex]}"}),
    Row("REL-006", "dul.yaml", "15:1", "what is published here is the release outcomes", {"name: outcomes": "name: outcome"}),
]

KEPT = {("school", "students", column) for column in ("birth_year", "zip3", "grade")}
LINKED = frozenset({"name.given", "birth.date", "id.ssn"})
USED = Reads(frozenset(KEPT), frozenset(KEPT), LINKED)
GRADES, NICKNAME = ("school", "students", "grade"), ("school", "students", "nickname")

# rule, file, place, words of the finding, what reads the columns, which columns came
DELIVERED = [
    ("RUN-001", "dsa.yaml", "37:1", "in no agreement and not read: nickname", USED, Seen(unnamed=frozenset({NICKNAME}))),
    ("RUN-002", "dsa.yaml", "48:18", "the file that came last does not have it", USED, Seen(absent=frozenset({GRADES}))),
    ("RUN-002", "dsa.yaml", "47:16", "zip is granted the use content, and nothing reads it", replace(USED, kept=frozenset(KEPT - {("school", "students", "zip3")})), Seen()),
    ("RUN-002", "dsa.yaml", "46:16", "no rule of linking uses its class", replace(USED, linked=LINKED - {"id.ssn"}), Seen()),
    ("RUN-002", "dul.yaml", "14:1", "no table of the release holds it", replace(USED, published=frozenset(KEPT - {GRADES})), Seen()),
]
# fmt: on


def caught(folder: Path, row: Row) -> list[str]:
    """Plant a row and return what lint says of its rule at its place."""
    changes = {row.file: row.changes, **row.elsewhere}
    planted(folder, changes, row.more)
    if row.after is not None:
        name, old, new = row.after
        write(folder, edited(old, new, (folder / name).read_text(encoding="utf-8")), name)
    found = lint_folder(folder, row.on)
    return [str(f) for f in found if (f.rule, f.file, f"{f.line}:{f.column}") == (row.rule, row.file, row.at)]


def test_agreements_without_a_fault_give_no_finding(tmp_path: Path) -> None:
    assert lint_folder(planted(tmp_path / "agreements", {}, {}), NIGHT) == []


@pytest.mark.parametrize("row", TABLE, ids=[f"{row.rule} {row.file}:{row.at} {row.words}" for row in TABLE])
def test_a_planted_violation_is_caught_where_it_stands(tmp_path: Path, row: Row) -> None:
    folder = tmp_path / "agreements"
    said = caught(folder, row)
    print(*said, sep="\n")
    assert any(row.words in line for line in said), [str(f) for f in lint_folder(folder, row.on)]


@pytest.mark.parametrize("row", DELIVERED, ids=[f"{row[0]} {row[1]}:{row[2]} {row[3]}" for row in DELIVERED])
def test_a_delivery_that_does_not_fit_is_caught(tmp_path: Path, row: tuple[str, str, str, str, Reads, Seen]) -> None:
    rule, file, at, words, read, came = row
    policy = compile_policy(planted(tmp_path / "agreements", {}, {}), NIGHT)
    assert findings(policy, USED, Seen()) == []
    (found,) = findings(policy, read, came)
    print(found)
    assert (found.rule, found.file, f"{found.line}:{found.column}") == (rule, file, at)
    assert words in str(found)


def test_every_rule_is_planted() -> None:
    rules = {row.rule for row in TABLE} | {row[0] for row in DELIVERED}
    assert rules == set(vocabulary.rules())
    assert set(CLEAN) >= {row.file for row in TABLE} - {"more.yaml", "rival.yaml"}
