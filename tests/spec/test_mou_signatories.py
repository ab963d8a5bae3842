"""Who must sign: a party's trusted signer, or one for each office that the agreement names; and until when they may."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from support.mou import NIGHT, SIGNED_ON, SMALL, edited, write
from support.signed import EMOU, Signers

from mou_policies import signing
from mou_policies.errors import AgreementError
from mou_policies.language import load_agreement
from mou_policies.policy import compile_policy
from mou_policies.signatures import SignatureStatus
from mou_policies.trust import load_trust

OFFICES = edited("term:", "signatories: {provider: [superintendent, counsel], hub: [director]}\nterm:")
MEMBERS = EMOU.replace("term:", "signatories: {hub: [director], members: [head]}\nterm:")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agreements"


def signed_by(folder: Path, text: str, *signers: tuple[str, str, str | None, str]) -> SignatureStatus:
    """Sign with each (role, agency, office, day) in turn and return what the signatures amount to."""
    file, keys = write(folder, text), Signers(folder)
    for role, agency, office, day in signers:
        signing.sign(file, keys.key(role, agency, office), date.fromisoformat(day))
    return signing.verify(file)


SUPERINTENDENT = ("provider", "clinic", "superintendent", "2025-07-02")
COUNSEL = ("provider", "clinic", "counsel", "2025-07-05")
DIRECTOR = ("hub", "hub", "director", "2025-07-03")
HUB = ("hub", "hub", None, "2025-07-03")
CLINIC, CAMP = ("provider", "clinic", None, "2025-07-02"), ("provider", "camp", None, "2025-07-09")

BOTH = "the hub, Cabinet (director) or for the provider, Clinic (counsel)"
HEAD = ("provider", "clinic", "head", "2025-07-02")
TABLE = [
    # agreement  who signed                           state         since         whose signatures are missing
    (SMALL,      [CLINIC],                            "incomplete", None,         "the hub, Cabinet"),
    (SMALL,      [CLINIC, HUB],                       "signed",     "2025-07-03", ""),
    (SMALL,      [SUPERINTENDENT, DIRECTOR],          "signed",     "2025-07-03", ""),
    (OFFICES,    [SUPERINTENDENT],                    "incomplete", None,         BOTH),
    (OFFICES,    [SUPERINTENDENT, DIRECTOR],          "incomplete", None,         "the provider, Clinic (counsel)"),
    (OFFICES,    [COUNSEL, SUPERINTENDENT],           "incomplete", None,         "the hub, Cabinet (director)"),
    (OFFICES,    [SUPERINTENDENT, COUNSEL, DIRECTOR], "signed",     "2025-07-05", ""),
    (EMOU,       [HUB, CLINIC],                       "incomplete", None,         "the member, Camp"),
    (EMOU,       [HUB, CLINIC, CAMP],                 "signed",     "2025-07-09", ""),
    (MEMBERS,    [DIRECTOR, HEAD],                    "incomplete", None,         "the member, Camp (head)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "signers", "state", "since", "missing"), TABLE)
def test_signed_is_signed_in_every_office(  # type: ignore[no-untyped-def]
    folder: Path, text: str, signers, state: str, since: str | None, missing: str
) -> None:
    status = signed_by(folder, text, *signers)
    assert (status.state, status.signed_on and str(status.signed_on)) == (state, since)
    assert " or for ".join(map(str, status.missing)) == missing
    assert missing in status.reason
    assert bool(compile_policy(folder, NIGHT).sources) is (state == "signed" and "sources:" in text)


REFUSED = [
    # role      agency    office      dated         the error says
    ("provider", "clinic", None,       "2025-07-01", "holds no office in signers.yaml, and for the provider"),
    ("provider", "clinic", "nurse",    "2025-07-01", "holds the office nurse, and for the provider, Clinic, sign"),
    ("hub",      "hub",    "counsel",  "2025-07-01", "for the hub, Cabinet, sign: director"),
    ("hub",      "hub",    "director", "2030-07-01", "the agreement ends on 2030-06-30, before the signature"),
]  # fmt: skip


@pytest.mark.parametrize(("role", "agency", "office", "day", "says"), REFUSED)
def test_nobody_signs_what_would_count_for_nothing(
    folder: Path, role: str, agency: str, office: str | None, day: str, says: str
) -> None:
    with pytest.raises(AgreementError, match=says):
        signed_by(folder, OFFICES, (role, agency, office, day))
    assert not signing.sidecar_of(folder / "clinic.yaml").exists()


def test_a_later_signature_of_another_signer_does_not_move_the_day(folder: Path) -> None:
    second = ("hub", "hub", "deputy", "2026-08-01")
    assert signed_by(folder, SMALL, CLINIC, HUB, second).signed_on == date(2025, 7, 3)


def test_the_office_is_part_of_what_is_signed(folder: Path) -> None:
    signed_by(folder, OFFICES, SUPERINTENDENT, COUNSEL, DIRECTOR)
    file = folder / "clinic.yaml"
    sidecar = signing.sidecar_of(file)
    good = sidecar.read_text()
    for change in ("counsel", None):
        held = json.loads(good)
        held["signatures"][0]["office"] = change
        if change is None:
            del held["signatures"][0]["office"]
        sidecar.write_text(json.dumps(held))
        assert signing.verify(file).state == "invalid"


def test_an_office_the_trust_store_no_longer_gives_is_not_signed_in(folder: Path) -> None:
    signed_by(folder, OFFICES, SUPERINTENDENT, COUNSEL, DIRECTOR)
    trust = folder / "signers.yaml"
    trust.write_text(trust.read_text().replace('office: "counsel"', 'office: "nurse"'))
    status = signing.verify(folder / "clinic.yaml")
    assert (status.state, [str(need) for need in status.missing]) == ("incomplete", ["the provider, Clinic (counsel)"])


UNTIL = [
    # until         state         in force
    ("2025-07-01",  "signed",     True),
    ("2025-06-30",  "incomplete", False),
]  # fmt: skip


@pytest.mark.parametrize(("until", "state", "holds"), UNTIL)
def test_signatures_after_a_signers_last_day_do_not_count(folder: Path, until: str, state: str, holds: bool) -> None:
    keys = Signers(folder)
    file = keys.written("clinic.yaml", SMALL, SIGNED_ON)
    before = load_trust(folder).fingerprint
    trust = folder / "signers.yaml"
    trust.write_text(trust.read_text().replace("role: hub, agency: hub,", f"role: hub, agency: hub, until: {until},"))
    status = signing.verify(file)
    assert status.state == state
    assert status.not_counted == (() if holds else ("hub signer signed on 2025-07-01, and could until 2025-06-30",))
    assert bool(compile_policy(folder, NIGHT).sources) is holds
    assert load_trust(folder).fingerprint != before
    with pytest.raises(AgreementError, match=f"hub signer could sign until {until}"):
        signing.sign(file, keys.key("hub", "hub"), NIGHT)


CAUTIONS = [
    # dated              today                says
    (date(2025, 7, 1),   date(2025, 7, 1),    []),
    (date(2025, 6, 1),   date(2025, 7, 1),    ["the agreement is in force from 2025-07-01"]),
    (date(2025, 8, 1),   date(2025, 7, 1),    ["after today, and counts from that day"]),
    (date(2025, 6, 30),  date(2025, 6, 1),    ["after today", "in force from 2025-07-01"]),
]  # fmt: skip


@pytest.mark.parametrize(("on", "today", "says"), CAUTIONS)
def test_a_date_that_may_surprise_is_said(folder: Path, on: date, today: date, says: list[str]) -> None:
    said = list(signing.cautions(load_agreement(write(folder)), on, today))
    assert len(said) == len(says)
    assert all(words in line for words, line in zip(says, said, strict=True))


MALFORMED = [
    # signatories                               the error says
    ("{boss: [director]}",                      "unknown key 'boss'"),
    ("{members: [director]}",                   "unknown key 'members'"),
    ("{hub: []}",                               "found an empty list"),
    ("{hub: [director, director]}",             "'director' is listed twice"),
    ("{hub: director}",                         "found a single value where a list is expected"),
]  # fmt: skip


@pytest.mark.parametrize(("signatories", "says"), MALFORMED)
def test_offices_are_named_for_parties_of_the_agreement(folder: Path, signatories: str, says: str) -> None:
    with pytest.raises(AgreementError, match=says):
        load_agreement(write(folder, edited("term:", f"signatories: {signatories}\nterm:")))


def test_a_recipient_signs_for_the_recipient_only(folder: Path) -> None:
    key = signing.new_signer(folder, "Provost", "recipient", "clinic")
    with pytest.raises(AgreementError, match="signs as recipient for clinic, but the parties are hub hub, provider"):
        signing.sign(write(folder), key, SIGNED_ON)
