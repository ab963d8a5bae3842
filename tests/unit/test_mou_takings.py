"""What takes away never gives elsewhere: cases that random sets of agreements brought up, told one by one."""

from __future__ import annotations

from pathlib import Path

from support.mou import NIGHT, SMALL, edited, write
from support.mou_clean import CLEAN

from mou_policies.domain import RELEASE, Point, granted
from mou_policies.explain import Question, explain
from mou_policies.language import load_agreement
from mou_policies.policy import Policy, assumed_policy

MORE = edited("clinic-2025", "clinic-more-2025")
VISITS = "visits: {class: health.visit, use: publish, treatment: {top_code: 20}"
REF = ("clinic", "visits", "visits")


def provision(key: str, says: str, text: str = SMALL) -> str:
    return edited("sources:\n", f'{key}: [{{{says}, because: "b", cite: "c"}}]\nsources:\n', text)


def policy_of(folder: Path, *texts: str) -> Policy:
    files = [write(folder, text, f"{number}.yaml") for number, text in enumerate(texts)]
    return assumed_policy([load_agreement(file) for file in files], NIGHT)


def visits(policy: Policy) -> dict[str, str]:
    """The treatments of the field `visits` by use."""
    points = granted(policy).items()
    return {p.use: str(f.treatment) for p, fields in points for f in fields if p.ref == REF and p.use != RELEASE}


LIMIT = "use: [publish], class: [health.visit], treatment: {band: [5]}"
FORBID = "use: [publish], class: [health.visit]"


def test_a_limit_on_publication_stays_when_publication_is_prohibited(tmp_path: Path) -> None:
    both = provision("prohibits", FORBID, provision("limits", LIMIT))
    assert visits(policy_of(tmp_path, provision("limits", LIMIT))) == dict.fromkeys(
        ("content", "publish"), "banded at 5"
    )
    assert visits(policy_of(tmp_path, both)) == {"content": "banded at 5"}


def test_a_limit_on_what_is_kept_is_one_on_what_is_only_published(tmp_path: Path) -> None:
    text = edited(VISITS, f"{VISITS}, for: [measure-success]", provision("limits", LIMIT.replace("publish", "content")))
    assert visits(policy_of(tmp_path, text)) == {"publish": "banded at 5"}


def test_a_grant_that_is_prohibited_leaves_its_coarser_treatment(tmp_path: Path) -> None:
    kept = edited(VISITS, "visits: {class: health.visit, use: content, treatment: {band: [5]}", MORE)
    stopped = "use: [content], class: [health.visit], purposes: [public-health]"
    assert visits(policy_of(tmp_path, SMALL, kept)) == dict.fromkeys(("content", "publish"), "banded at 5")
    assert visits(policy_of(tmp_path, SMALL, provision("prohibits", stopped, kept))) == {"publish": "banded at 5"}


def test_a_column_that_two_fields_give_is_not_freed_by_a_prohibition(tmp_path: Path) -> None:
    none = edited(VISITS, "other: {class: health.visit, use: none", MORE)
    rival = edited("treatment: zip3, as: zip3", "treatment: zip3, as: visits", none)
    stopped = provision("prohibits", "use: [content], class: [address.zip]", rival)
    assert visits(policy_of(tmp_path, SMALL, rival)) == {}
    policy = policy_of(tmp_path, SMALL, stopped)
    assert visits(policy) == {}
    assert "it gives the column visits too (REL-001)" in str(explain(policy, Question(REF, "content", NIGHT)))


def test_a_field_is_of_one_class(tmp_path: Path) -> None:
    other = edited(VISITS, "visits: {class: health.result, use: publish, treatment: {top_code: 20}, as: results", MORE)
    policy = policy_of(tmp_path, SMALL, other)
    assert visits(policy) == {}
    assert {denial.because for denial in policy.denials if denial.ref == REF} == {
        "visits is health.visit in one and health.result in the other (REL-001)",
        "visits is health.result in one and health.visit in the other (REL-001)",
    }


def test_what_a_refused_agreement_forbids_holds(tmp_path: Path) -> None:
    """A second agreement forbids publication; a purpose nobody may rest on has lint refuse it."""
    forbids = provision("prohibits", FORBID, MORE)
    refused = edited('public-health: "Who', 'research: "Who', forbids)
    assert visits(policy_of(tmp_path, SMALL, forbids)) == {"content": "top-coded at 20"}
    policy = policy_of(tmp_path, SMALL, refused)
    assert list(policy.agreements) == ["clinic-2025"]
    assert visits(policy) == {"content": "top-coded at 20"}
    assert "1.yaml:14 clinic-more-2025 prohibits[1]" in str(explain(policy, Question(REF, "publish", NIGHT)))


def test_a_licence_takes_what_its_own_agreement_grants_for_the_purpose(tmp_path: Path) -> None:
    """Of two agreements on a source only one is over the licence, and that one lets nothing be published for it."""
    only = "grade: {class: education.grade, use: publish, treatment: keep"
    mine = edited(only, f"{only}, for: [evaluate-education]", CLEAN["dsa.yaml"])
    other = CLEAN["dsa.yaml"].replace("district-2025", "district-more")
    licence = CLEAN["dul.yaml"]
    for under, expected in (("district-2025", False), ("district-2025, district-more", True)):
        dul = edited("under: [district-2025,", f"under: [{under},", licence)
        policy = policy_of(tmp_path, CLEAN["emou.yaml"], mine, other, dul)
        assert not policy.refusals
        point = Point(("school", "students", "grade"), "publish", "measure-success")
        assert point in granted(policy)
        assert (point._replace(use=RELEASE) in granted(policy)) is expected


def test_an_emou_over_a_licence_is_its_ceiling(tmp_path: Path) -> None:
    """The licence stands under a second EMOU too, under which no data is shared."""
    emou = CLEAN["emou.yaml"].replace("cabinet-2025", "board-2025")
    forbids = provision_of("prohibits", 'use: [publish], class: ["education.*"]', emou)
    narrow = edited('"sex", "education.*"]', '"sex"]', emou)
    limits = provision_of("limits", "use: [publish], class: [education.grade], treatment: {recode: {K: x}}", emou)
    dul = edited("cabinet-2025]", "cabinet-2025, board-2025]", CLEAN["dul.yaml"])
    point = Point(("school", "students", "grade"), RELEASE, "measure-success")
    for over, expected in ((emou, True), (forbids, False), (narrow, False), (limits, False)):
        policy = policy_of(tmp_path, CLEAN["emou.yaml"], CLEAN["dsa.yaml"], over, dul)
        assert (point in granted(policy)) is expected


def provision_of(key: str, says: str, text: str) -> str:
    return edited("terms:\n", f'{key}: [{{{says}, because: "b", cite: "c"}}]\nterms:\n', text)


def test_a_licence_falls_with_its_emou(tmp_path: Path) -> None:
    """Lint refuses the second EMOU: what may be passed on must be logged."""
    emou = CLEAN["emou.yaml"].replace("cabinet-2025", "board-2025")
    dul = edited("cabinet-2025]", "cabinet-2025, board-2025]", CLEAN["dul.yaml"])
    for over, expected in ((emou, 1), (edited("{allowed: false,", "{allowed: true,", emou), 0)):
        policy = policy_of(tmp_path, CLEAN["emou.yaml"], CLEAN["dsa.yaml"], over, dul)
        assert len(policy.licence.licences) == expected


def test_each_output_is_explained(tmp_path: Path) -> None:
    text = edited(
        'as: birth_year, reason: "Cohort"}',
        'as: birth_year, reason: "Cohort"}\n'
        '            - {class: birth.date, use: content, treatment: {date: school_year}, as: born, reason: "C"}',
    )
    said = explain(policy_of(tmp_path, text), Question(("clinic", "visits", "dob"), "content", NIGHT))
    assert {name: str(treatment) for name, treatment in said.outputs.items()} == {
        "birth_year": "date: year",
        "born": "date: school_year",
    }
    assert "with treatment date: year as birth_year and date: school_year as born" in str(said)


def test_a_source_of_which_all_is_denied_is_named(tmp_path: Path) -> None:
    head, _, _ = SMALL.partition("        key: [record_id]")
    text = f'{head}        fields:\n          text: {{class: text.free, use: none, reason: "May say anything"}}\n'
    said = str(explain(policy_of(tmp_path, text), Question(("clinic", "visits", "text"), "content", NIGHT)))
    assert "0.yaml:23 clinic-2025 clinic.visits.text denies it (May say anything)" in said
