"""The policy of a night: default deny, and one bad agreement stops its own sources only."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.mou import NIGHT, SIGNED_ON, SMALL, demo_folder, edited, sign_all, write

from mou_policies.explain import Question, explain
from mou_policies.language import AgreementError, load_agreement
from mou_policies.policy import compile_policy

OTHER = SMALL.replace("clinic", "camp")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "agreements"
    write(folder)
    write(folder, OTHER, "camp.yaml")
    return sign_all(folder)


def test_what_is_signed_and_in_its_term_holds(folder: Path) -> None:
    policy = compile_policy(folder, NIGHT)
    assert sorted(policy.sources) == ["camp", "clinic"]
    assert not policy.refusals
    assert policy.zip3 == "union of 2000 Census and 2020 Census"
    source = policy.sources["clinic"]
    assert (source.agency, source.agreement_id, source.namespace) == ("clinic", "clinic-2025", "clinic")
    assert source.agreement_sha256 == policy.agreements["clinic-2025"].sha256


TERM = [
    # the night         holds
    (date(2025, 6, 30), False),
    (date(2025, 7, 1),  True),
    (date(2030, 6, 30), True),
    (date(2030, 7, 1),  False),
]  # fmt: skip


@pytest.mark.parametrize(("night", "holds"), TERM)
def test_the_term_is_inclusive(folder: Path, night: date, holds: bool) -> None:
    policy = compile_policy(folder, night)
    assert bool(policy.sources) is holds
    if not holds:
        assert {r.line for r in policy.refusals} == {6}
        assert all("the agreement" in r.reason and r.remedy for r in policy.refusals)


BAD = [
    # words changed            by                          why it is refused                        line
    ("treatment: zip3",        "treatment: zip4",          "unknown treatment 'zip4'",              31),
    ("delivery: delta",        "delivery: no",             "unquoted 'no'",                         19),
    ("period_days: 180",       "period_days: 181",         "changed after signing: destruction",    12),
    ("to: 2030-06-30",         "to: 2026-01-01",           "the agreement ended on 2026-01-01",     6),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "why", "line"), BAD)
def test_one_bad_agreement_stops_its_own_sources_only(folder: Path, old: str, new: str, why: str, line: int) -> None:
    write(folder, edited(old, new))
    policy = compile_policy(folder, NIGHT)
    assert list(policy.sources) == ["camp"]
    (refusal,) = policy.refusals
    assert why in refusal.reason
    assert (refusal.agreement_file, refusal.line, refusal.sources) == ("clinic.yaml", line, ("clinic",))
    assert refusal.remedy
    said = str(explain(policy, Question(("clinic", "visits", "visits"), "publish", NIGHT)))
    assert "clinic" in said
    assert "denied" in said


def test_the_sources_of_broken_yaml_are_still_named(folder: Path) -> None:
    (folder / "clinic.yaml").write_text(SMALL + "  second_source:\n    title: [\n")
    (refusal,) = compile_policy(folder, NIGHT).refusals
    assert refusal.sources == ("clinic", "second_source")


def test_a_signature_of_tomorrow_does_not_count_today(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    write(folder)
    sign_all(folder, on=date(2026, 9, 2))
    policy = compile_policy(folder, NIGHT)
    assert not policy.sources
    assert "after this night" in policy.refusals[0].reason
    assert compile_policy(folder, date(2026, 9, 2)).sources


def test_two_owners_of_one_source_stop_both(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    write(folder)
    write(folder, edited("clinic-2025", "clinic-again-2025").replace("agency: clinic", "agency: rival"), "again.yaml")
    write(folder, OTHER, "camp.yaml")
    sign_all(folder)
    policy = compile_policy(folder, NIGHT)
    assert list(policy.sources) == ["camp"]
    assert sorted((r.agreement_file, r.sources, r.line) for r in policy.refusals) == [
        ("again.yaml", ("clinic",), 15),
        ("clinic.yaml", ("clinic",), 15),
    ]
    assert "claimed by clinic and rival; an agreement never speaks for another's data" in policy.refusals[0].reason


UNITED = [
    # words of the second agreement   by                                what the two grant together
    ("treatment: {top_code: 20}",     "treatment: {top_code: 10}",      "top-coded at 10"),
    ("treatment: {top_code: 20}",     "treatment: {top_code: 30}",      "top-coded at 20"),
    ("treatment: {top_code: 20}",     "treatment: {band: [5, 9]}",      "banded at 5, 9"),
    ("treatment: {top_code: 20}",     "treatment: {band: [5, 30]}",     "banded at 5"),
    ("use: publish, treatment: {top", "use: content, treatment: {top",  "top-coded at 20"),
    ("use: publish, treatment: {top_code: 20}", "use: none",            None),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), UNITED)
def test_grants_of_one_owner_unite_and_the_most_restrictive_treatment_wins(
    tmp_path: Path, old: str, new: str, expected: str | None
) -> None:
    folder = tmp_path / "agreements"
    write(folder)
    write(folder, edited(old, new, edited("clinic-2025", "clinic-more-2025")), "more.yaml")
    policy = compile_policy(sign_all(folder), NIGHT)
    assert not policy.refusals
    granted = policy.granted("clinic", "visits", "visits")
    assert (str(granted.treatment) if granted else None) == expected
    if granted:
        assert granted.bounds == ("more.yaml:32 clinic-more-2025 clinic.visits.visits",)
    else:
        (denial,) = policy.denials
        assert (denial.granted_by, denial.by) == (
            "clinic.yaml:32 clinic-2025 clinic.visits.visits",
            ("more.yaml:32 clinic-more-2025 clinic.visits.visits",),
        )


def test_two_descriptions_of_one_source_stop_both(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    write(folder)
    write(folder, edited("delivery: delta", "delivery: full", edited("clinic-2025", "clinic-more-2025")), "more.yaml")
    policy = compile_policy(sign_all(folder), NIGHT)
    assert not policy.sources
    assert {r.agreement_file for r in policy.refusals} == {"clinic.yaml", "more.yaml"}
    assert "not described alike in clinic.yaml and more.yaml: delivery" in policy.refusals[0].reason


def test_two_agreements_with_one_id_stop_both(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    write(folder)
    write(folder, OTHER.replace("camp-2025", "clinic-2025"), "camp.yaml")
    sign_all(folder)
    policy = compile_policy(folder, NIGHT)
    assert not policy.sources
    assert "the id clinic-2025" in policy.refusals[0].reason


def test_a_draft_cannot_stop_the_agreement_in_force(folder: Path) -> None:
    write(folder, edited("clinic-2025", "clinic-2030"), "draft.yaml")
    policy = compile_policy(folder, NIGHT)
    assert sorted(policy.sources) == ["camp", "clinic"]
    assert [r.agreement_file for r in policy.refusals] == ["draft.yaml"]


def test_a_renewal_replaces_an_ended_agreement(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    write(folder, edited("to: 2030-06-30", "to: 2026-06-30"))
    write(folder, edited("clinic-2025", "clinic-2026").replace("2025-07-01", "2026-07-01"), "renewed.yaml")
    sign_all(folder)
    policy = compile_policy(folder, NIGHT)
    assert policy.sources["clinic"].agreement_id == "clinic-2026"
    assert compile_policy(folder, date(2026, 1, 1)).sources["clinic"].agreement_id == "clinic-2025"


def test_no_agreements_grant_nothing(tmp_path: Path) -> None:
    policy = compile_policy(tmp_path, NIGHT)
    assert not policy.sources
    assert not policy.refusals
    assert policy.publishable("clinic", "visits", "visits") is None


def test_the_digest_follows_the_agreements_in_force(folder: Path) -> None:
    before = compile_policy(folder, NIGHT)
    assert compile_policy(folder, SIGNED_ON).digest == before.digest
    (folder / "camp.yaml").unlink()
    assert compile_policy(folder, NIGHT).digest != before.digest


PUBLISHABLE = [
    # source      table          column        publishable
    ("birth",      "births",      "birth_year",  True),
    ("birth",      "births",      "zip3",        False),
    ("birth",      "births",      "IDOB",        False),
    ("birth",      "births",      "nothing",     False),
    ("birth",      "nothing",     "birth_year",  False),
    ("nothing",    "births",      "birth_year",  False),
    ("school",     "enrollments", "begin",       True),
    ("school",     "enrollments", "begin_year",  True),
    ("school",     "enrollments", "school",      False),
]  # fmt: skip

EXPLAINED = [
    # field asked about        use         answer
    (("birth", "births", "MOM_SSN"), "link",    "denied on 2026-09-01: vital_records.yaml:"),
    (("birth", "births", "MOM_SSN"), "link",    "denies it (Not needed: the child is linked"),
    (("birth", "births", "BWG"),     "publish", "grants it with treatment number, because"),
    (("birth", "births", "BWG"),     "content", "allowed on 2026-09-01: vital_records.yaml:"),
    (("birth", "births", "MEDUC"),   "publish", "grants only content"),
    (("birth", "births", "IDOB"),    "content", "treatment date: year"),
    (("birth", "births", "CNTYO"),   "content", "does not name it"),
    (("birth", "deaths", "CNTYO"),   "content", "names no table deaths"),
    (("tax", "returns", "income"),   "content", "no agreement names this source"),
]  # fmt: skip


def test_questions_to_the_demo_agreements(tmp_path: Path) -> None:
    policy = compile_policy(demo_folder(tmp_path), NIGHT)
    for source, table, column, expected in PUBLISHABLE:
        assert (policy.publishable(source, table, column) is not None) is expected, (source, table, column)
    for asked, use, answer in EXPLAINED:
        line = str(explain(policy, Question(asked, use, NIGHT)))
        assert answer in line
        assert "\n" not in line


DENIED = """\
      notes:
        files: ["notes_*.csv"]
        fields:
          note_id: {class: id.event, use: none, reason: "Not needed"}
          text: {class: text.free, use: none, reason: "May say anything"}
"""
TWO_TABLES = SMALL.replace('    files: ["visits_*.csv"]\n', "").replace(
    "      visits:\n", '      visits:\n        files: ["visits_*.csv"]\n'
)


def test_a_table_of_which_all_is_denied_needs_no_key_and_is_not_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "agreements", TWO_TABLES + DENIED).parent
    policy = compile_policy(sign_all(folder), NIGHT)
    assert not policy.refusals
    assert list(policy.sources["clinic"].tables) == ["visits"]
    assert list(policy.agreed["clinic"].tables) == ["visits", "notes"]
    asked = Question(("clinic", "notes", "text"), "publish", NIGHT)
    assert "denies it (May say anything)" in str(explain(policy, asked))


def test_a_source_of_which_all_is_denied_is_not_read(tmp_path: Path) -> None:
    before, _, _ = TWO_TABLES.partition("      visits:\n")
    folder = write(tmp_path / "agreements", before + DENIED).parent
    policy = compile_policy(sign_all(folder), NIGHT)
    assert (list(policy.agreements), dict(policy.sources), policy.refusals) == (["clinic-2025"], {}, ())
    assert list(policy.agreed) == ["clinic"]


def test_a_table_of_which_something_is_granted_needs_a_key(tmp_path: Path) -> None:
    granted = edited("class: id.event, use: none", "class: id.event, use: content, treatment: pseudonymise", DENIED)
    with pytest.raises(AgreementError, match="needs a key"):
        load_agreement(write(tmp_path, TWO_TABLES + granted))
