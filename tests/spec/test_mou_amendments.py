"""Amendments: from its first day an amendment stands where what it amends stood, and nothing brings that back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.mou import NIGHT, SIGNED_ON, SMALL, edited, write
from support.signed import DUL, EMOU, UNDER, Signers, amending

from mou_policies import amendments, lint, signing
from mou_policies.inforce import in_force
from mou_policies.language import load_agreement
from mou_policies.policy import compile_policy

COARSER = edited("treatment: {top_code: 20}", "treatment: {top_code: 5}")
BEFORE, FIRST = date(2026, 6, 30), date(2026, 7, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agreements"


@pytest.fixture
def city(folder: Path) -> Signers:
    """The clinic's agreement and its amendment of 2026, signed on 20 June 2026."""
    keys = Signers(folder)
    first = keys.written("clinic.yaml", SMALL, SIGNED_ON)
    keys.written("clinic-2026.yaml", amending(first, "clinic-2026", COARSER), date(2026, 6, 20))
    return keys


def granted(folder: Path, on: date) -> tuple[str, str] | None:
    """Return which agreement grants visits, and with which treatment."""
    policy = compile_policy(folder, on)
    field = policy.granted("clinic", "visits", "visits")
    return (policy.sources["clinic"].agreement_id, str(field.treatment)) if field else None


DAYS = [
    # on                 who grants      with              superseded
    (BEFORE,             "clinic-2025",  "top-coded at 20", {}),
    (FIRST,              "clinic-2026",  "top-coded at 5",  {"clinic-2025": "clinic-2026"}),
    (date(2030, 6, 30),  "clinic-2026",  "top-coded at 5",  {"clinic-2025": "clinic-2026"}),
]  # fmt: skip


@pytest.mark.parametrize(("on", "grants", "treatment", "superseded"), DAYS)
def test_the_amendment_stands_from_its_first_day(
    city: Signers, on: date, grants: str, treatment: str, superseded: dict[str, str]
) -> None:
    assert granted(city.folder, on) == (grants, treatment)
    held = in_force(city.folder, on)
    assert list(held.agreements) == [grants]
    assert held.superseded == superseded
    assert [r.agreement_file for r in held.refusals] == ([] if superseded else ["clinic-2026.yaml"])


def test_the_last_signature_is_the_first_day_when_it_comes_later(folder: Path) -> None:
    keys = Signers(folder)
    first = keys.written("clinic.yaml", SMALL, SIGNED_ON)
    keys.written("clinic-2026.yaml", amending(first, "clinic-2026", COARSER), date(2026, 7, 9))
    assert granted(folder, date(2026, 7, 8)) == ("clinic-2025", "top-coded at 20")
    assert granted(folder, date(2026, 7, 9)) == ("clinic-2026", "top-coded at 5")


def test_a_draft_of_an_amendment_changes_nothing(folder: Path) -> None:
    keys = Signers(folder)
    first = keys.written("clinic.yaml", SMALL, SIGNED_ON)
    draft = write(folder, amending(first, "clinic-2026", COARSER), "clinic-2026.yaml")
    assert granted(folder, NIGHT) == ("clinic-2025", "top-coded at 20")
    keys.sign(draft, FIRST, leave_out=("hub",))
    assert granted(folder, NIGHT) == ("clinic-2025", "top-coded at 20"), "one party alone amends nothing"
    assert in_force(folder, NIGHT).superseded == {}


RETURNS = [
    # what happens to the amendment after it stood
    ("it ends",                     ("to: 2030-06-30", "to: 2026-08-31"), True),
    ("it is changed after signing", ("period_days: 180", "period_days: 90"), False),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "signed_so"), RETURNS)
def test_what_was_superseded_does_not_come_back(
    folder: Path, what: str, change: tuple[str, str], signed_so: bool
) -> None:
    keys = Signers(folder)
    first = keys.written("clinic.yaml", SMALL, SIGNED_ON)
    text = amending(first, "clinic-2026", COARSER)
    second = keys.written("clinic-2026.yaml", edited(*change, text) if signed_so else text, date(2026, 6, 20))
    assert granted(folder, FIRST) == ("clinic-2026", "top-coded at 5")
    if not signed_so:
        second.write_text(edited(*change, text))
    assert granted(folder, NIGHT) is None, what
    (refusal,) = compile_policy(folder, NIGHT).refusals
    assert (refusal.agreement_file, refusal.sources) == ("clinic-2026.yaml", ("clinic",))


def test_an_amendment_replaces_what_has_ended_or_was_damaged(folder: Path) -> None:
    keys = Signers(folder)
    first = keys.written("clinic.yaml", edited("to: 2030-06-30", "to: 2026-06-30"), SIGNED_ON)
    keys.written("clinic-2026.yaml", amending(first, "clinic-2026", COARSER), date(2026, 6, 20))
    assert granted(folder, NIGHT) == ("clinic-2026", "top-coded at 5")
    signing.sidecar_of(first).unlink()
    assert not compile_policy(folder, NIGHT).refusals


LENGTHS = [2, 3, 7]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_chain_of_any_length_is_the_newest_link(folder: Path, length: int) -> None:
    keys = Signers(folder)
    file = keys.written("a1.yaml", SMALL, SIGNED_ON)
    for number in range(2, length + 1):
        limit = f"treatment: {{top_code: {30 - number}}}"
        text = edited("treatment: {top_code: 20}", limit)
        before = load_agreement(file).agreement_id
        text = text.replace("agreement: clinic-2025", f"agreement: {before}")
        starts = f"2026-0{number}-01"
        file = keys.written(f"a{number}.yaml", amending(file, f"clinic-{number}", text, starts=starts), SIGNED_ON)
        assert granted(folder, date(2026, number, 1)) == (f"clinic-{number}", f"top-coded at {30 - number}")
    held = in_force(folder, NIGHT)
    assert list(held.agreements) == [f"clinic-{length}"]
    assert len(held.superseded) == length - 1
    assert amendments.heir("clinic-2025", held.superseded) == f"clinic-{length}"


def test_signing_the_newest_link_confirms_those_between(folder: Path) -> None:
    keys = Signers(folder)
    first = keys.written("clinic.yaml", SMALL, SIGNED_ON)
    second = write(folder, amending(first, "clinic-2026", COARSER), "never-signed.yaml")
    text = COARSER.replace("agreement: clinic-2025", "agreement: clinic-2026")
    keys.written("clinic-2027.yaml", amending(second, "clinic-2027", text), FIRST)
    held = in_force(folder, NIGHT)
    assert (list(held.agreements), held.refusals) == (["clinic-2027"], ())
    assert held.superseded == {"clinic-2025": "clinic-2026", "clinic-2026": "clinic-2027"}


# -- what is no amendment ------------------------------------------------------------------------------------------

ZERO = "0" * 64
FAULTS = [
    # the amendment's words        by                          AGR-014 says
    ("agreement: clinic-2025,",    "agreement: clinic-2020,",  "it amends clinic-2020, which is not among"),
    ("sha256: \"",                 f'sha256: "{ZERO}"}}\n# ',  "it amends clinic-2025 with the digest 000000000000"),
    ("provider: {agency: clinic",  "provider: {agency: camp",  "which is a DSA of clinic and hub, and this one"),
    ("hub: {agency: hub",          "hub: {agency: other",      "which is a DSA of clinic and hub, and this one"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), FAULTS)
def test_an_amendment_that_is_none_is_refused_and_supersedes_nothing(
    folder: Path, old: str, new: str, says: str
) -> None:
    keys = Signers(folder)
    first = keys.written("clinic.yaml", SMALL, SIGNED_ON)
    text = amending(first, "clinic-2026", COARSER)
    keys.written("clinic-2026.yaml", edited(old, new, text), FIRST)
    held = in_force(folder, NIGHT)
    assert (list(held.agreements), held.superseded) == (["clinic-2025"], {})
    (refusal,) = held.refusals
    assert says in refusal.reason
    assert "(AGR-014)" in refusal.reason


def test_two_amendments_of_one_agreement_stop_both(folder: Path) -> None:
    keys = Signers(folder)
    first = keys.written("clinic.yaml", SMALL, SIGNED_ON)
    for name in ("clinic-one", "clinic-two"):
        keys.written(f"{name}.yaml", amending(first, name, COARSER), FIRST)
    held = in_force(folder, NIGHT)
    assert not held.agreements
    assert {r.agreement_file: "as well (AGR-014)" in r.reason for r in held.refusals} == {
        "clinic-one.yaml": True,
        "clinic-two.yaml": True,
    }


def test_a_chain_that_comes_back_on_itself_is_refused(folder: Path) -> None:
    """No digest can be part of what it is the digest of, so one link is broken too; both are said."""
    first = write(folder, SMALL)
    second = write(folder, amending(first, "clinic-2026", COARSER), "second.yaml")
    write(folder, amending(second, "clinic-2025", COARSER.replace("clinic-2025", "clinic-2026")))
    known = {a.agreement_id: a for a in map(load_agreement, sorted(folder.glob("*.yaml")))}
    for agreement in known.values():
        said = [f.says for f in lint.check(agreement, known, NIGHT) if f.rule == "AGR-014"]
        assert "the chain of what it amends comes back on itself" in said
        assert amendments.chain(agreement, known.values()) == (agreement,)


def test_a_draft_with_the_id_of_what_was_amended_stops_nothing(city: Signers) -> None:
    write(city.folder, edited("period_days: 180", "period_days: 181"), "another.yaml")
    held = in_force(city.folder, NIGHT)
    assert list(held.agreements) == ["clinic-2026"]
    assert [r.agreement_file for r in held.refusals] == ["another.yaml"]
    city.sign(city.folder / "another.yaml", FIRST)
    held = in_force(city.folder, NIGHT)
    assert list(held.agreements) == ["clinic-2026"]
    assert "claimed by another agreement too: clinic.yaml" in held.refusals[0].reason


def test_a_signed_agreement_of_another_owner_under_the_same_id_stops_both_and_a_draft_of_it_neither(
    folder: Path,
) -> None:
    keys = Signers(folder)
    keys.written("clinic.yaml", SMALL, SIGNED_ON)
    theirs = edited("agency: clinic", "agency: hospital", edited("clinic:", "hospital:", SMALL))
    write(folder, theirs, "theirs.yaml")
    assert list(in_force(folder, NIGHT).agreements) == ["clinic-2025"]
    keys.sign(folder / "theirs.yaml", SIGNED_ON)
    assert list(in_force(folder, NIGHT).agreements) == []


# -- what stands under an agreement that was amended ---------------------------------------------------------------


@pytest.fixture
def tiers(folder: Path) -> Signers:
    keys = Signers(folder)
    keys.written("cabinet.yaml", EMOU, SIGNED_ON)
    keys.written("clinic.yaml", UNDER, SIGNED_ON)
    keys.written("outcomes.yaml", DUL, SIGNED_ON)
    return keys


AMENDED = [
    # the EMOU's words changed        by                  signed by all but   what the clinic may publish
    ('["housing.*"]',                 '["birth.*"]',      (),                 {"visits"}),
    ('["housing.*"]',                 '["birth.*"]',      ("camp",),          {"visits"}),
    ('["housing.*"]',                 '["birth.*"]',      ("clinic",),        set()),
    ('["housing.*"]',                 '["birth.*"]',      ("hub",),           {"visits", "birth_year"}),
    ('["health.*", "birth.date"]',    '["birth.date"]',   (),                 set()),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "unsigned", "may"), AMENDED)
def test_what_stood_under_an_emou_stands_under_its_amendment(
    tiers: Signers, old: str, new: str, unsigned: tuple[str, ...], may: set[str]
) -> None:
    text = amending(tiers.folder / "cabinet.yaml", "cabinet-2026", edited(old, new, EMOU))
    tiers.sign(write(tiers.folder, text, "cabinet-2026.yaml"), FIRST, leave_out=unsigned)
    assert publishable(tiers.folder, BEFORE) == {"visits", "birth_year"}
    assert publishable(tiers.folder, NIGHT) == may


def publishable(folder: Path, on: date) -> set[str]:
    policy = compile_policy(folder, on)
    return {name for name in ("visits", "birth_year", "zip3") if policy.publishable("clinic", "visits", name)}


def test_a_licence_stands_under_the_amended_sharing_agreement(tiers: Signers) -> None:
    text = amending(tiers.folder / "clinic.yaml", "clinic-2026", UNDER)
    tiers.written("clinic-2026.yaml", text, FIRST)
    policy = compile_policy(tiers.folder, NIGHT)
    assert not policy.refusals
    assert policy.agreements["outcomes-2025"].under == ("clinic-2026",)
    assert policy.publishable("clinic", "visits", "visits") is not None
    assert policy.publishable("clinic", "visits", "zip3") is None


def test_nobody_amends_anothers_agreement(tiers: Signers) -> None:
    """A camp that amends the clinic's agreement would lift what that forbids: it is refused, the clinic's stands."""
    text = amending(tiers.folder / "clinic.yaml", "camp-2026", UNDER.replace("agency: clinic", "agency: camp"))
    tiers.written("camp.yaml", text, FIRST)
    policy = compile_policy(tiers.folder, NIGHT)
    assert policy.sources["clinic"].agreement_id == "clinic-2025"
    assert "(AGR-014)" in policy.refusals[0].reason
