"""Signatures: two parties, one wording, and a change that is named."""

from __future__ import annotations

import base64
import json
import re
from datetime import date
from pathlib import Path

import pytest
from support.mou import NIGHT, SIGNED_ON, SMALL, edited, sign_all, write

from mou_policies import signing
from mou_policies.errors import AgreementError
from mou_policies.policy import compile_policy
from mou_policies.sidecar import payload as payload_of
from mou_policies.trust import load_trust


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    folder = tmp_path / "agreements"
    file = write(folder)
    sign_all(folder)
    return file


def state(file: Path) -> str:
    return signing.verify(file).state


def test_both_parties_sign(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    file = write(folder)
    assert state(file) == "unsigned"
    provider = signing.new_signer(folder, "Director", "provider", "clinic")
    hub = signing.new_signer(folder, "Director", "hub", "hub")
    assert signing.sign(file, provider, SIGNED_ON).state == "incomplete"
    status = signing.sign(file, hub, date(2025, 7, 9))
    assert status.state == "signed"
    assert [(s.name, s.role, s.agency) for s in status.signatures] == [
        ("Director", "provider", "clinic"),
        ("Director", "hub", "hub"),
    ]
    assert status.signed_on == date(2025, 7, 9)


def test_a_key_is_private_and_outside_the_agreements(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    key = signing.new_signer(folder, 'The "Director"', "provider", "clinic")
    assert key.stat().st_mode & 0o777 == 0o600
    assert folder not in key.parents
    assert "PRIVATE" not in (folder / "signers.yaml").read_text()
    assert load_trust(folder).signers["clinic-the-director"].name == 'The "Director"'
    with pytest.raises(AgreementError, match="never overwritten"):
        signing.new_signer(folder, 'The "Director"', "provider", "clinic")


CHANGES = [
    # words changed, by, the clause that is named, its line
    ("period_days: 180", "period_days: 181",             "destruction changed",                  12),
    ("allowed: false",   "allowed: true",                "redisclosure changed",                 13),
    ("treatment: zip3",  "treatment:  zip3",             None,                                   0),
    ("term:",            "# a comment\nterm:",           None,                                   0),
    ('"visits_*.csv"',   '"*.csv"',                      "sources.clinic changed",               15),
    ("key: [record_id]", "key: [record_id, first_name]", "sources.clinic.tables.visits changed", 21),
    ("top_code: 20",     "top_code: 200",                "visits.fields.visits changed",         32),
    ("dob:\n",           "birthday:\n",                  "fields.birthday added",                27),
    ("dob:\n",           "birthday:\n",                  "fields.dob removed",                   27),
    ("clinic-2025",      "clinic-2026",                  "agreement changed",                    1),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "named", "line"), CHANGES)
def test_a_change_after_signing_is_named(signed: Path, old: str, new: str, named: str | None, line: int) -> None:
    signed.write_text(edited(old, new))
    status = signing.verify(signed)
    if named is None:
        assert status.state == "signed"
        return
    assert status.state == "changed"
    assert named in status.reason
    assert status.line == line
    assert compile_policy(signed.parent, NIGHT).refusals[0].line == line


def test_order_and_comments_are_not_meaning(signed: Path) -> None:
    lines = SMALL.splitlines(keepends=True)
    lines[0], lines[1] = lines[1], lines[0]
    signed.write_text("# moved\n" + "".join(lines))
    assert state(signed) == "signed"


def test_signing_a_changed_agreement_starts_anew(signed: Path) -> None:
    signed.write_text(edited("period_days: 180", "period_days: 90"))
    keys = sorted((signed.parent.parent / "signers").iterdir())
    assert signing.sign(signed, keys[0], NIGHT).state == "incomplete"
    assert signing.sign(signed, keys[1], NIGHT).state == "signed"


TAMPERING = [
    (
        lambda held: held["clauses"].update(term="0" * 64),
        "its list of clauses is not the one that was signed",
    ),
    (lambda held: held["signatures"][0].update(signed_on="2025-07-02"), "does not verify"),
    (lambda held: held["signatures"][0].update(signature="AAAA"), "does not verify"),
    (lambda held: held["signatures"][0].update(signature="!"), "does not verify"),
    (lambda held: held["signatures"][0].update(role="provider", agency="clinic"), "does not verify"),
    (lambda held: held.update(agreement="other-2025"), "does not verify"),
    (lambda held: held.pop("clauses"), "this is no signature file"),
    (lambda held: held["signatures"][0].update(extra="x"), "this is no signature file"),
    (lambda held: held["signatures"].append(5), "this is no signature file"),
]


@pytest.mark.parametrize(("tamper", "words"), TAMPERING)
def test_a_signature_file_that_was_changed_is_invalid(signed: Path, tamper, words: str) -> None:  # type: ignore[no-untyped-def]
    sidecar = signing.sidecar_of(signed)
    held = json.loads(sidecar.read_text())
    tamper(held)
    sidecar.write_text(json.dumps(held))
    status = signing.verify(signed)
    assert status.state == "invalid"
    assert words in status.reason


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_junk_beside_an_agreement_is_no_signature(signed: Path, data: bytes) -> None:
    signing.sidecar_of(signed).write_bytes(data)
    assert state(signed) == "invalid"


def test_a_dropped_signature_leaves_it_incomplete(signed: Path) -> None:
    sidecar = signing.sidecar_of(signed)
    held = json.loads(sidecar.read_text())
    held["signatures"].pop()
    sidecar.write_text(json.dumps(held))
    assert state(signed) == "incomplete"


def test_a_signer_who_is_not_trusted_counts_for_nothing(signed: Path) -> None:
    trust = signed.parent / "signers.yaml"
    trust.write_text(re.sub(r"\n  hub-.*\n", "\n", trust.read_text()))
    assert state(signed) == "incomplete"


def test_another_key_under_a_known_name_counts_for_nothing(signed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    signing.new_signer(other, "hub signer", "hub", "hub", key_folder=tmp_path / "k")
    stolen = load_trust(other).signers["hub-hub-signer"].public_key
    trust = signed.parent / "signers.yaml"
    true = load_trust(signed.parent).signers["hub-hub-signer"].public_key
    trust.write_text(trust.read_text().replace(true, stolen))
    assert state(signed) == "incomplete"


def test_one_key_cannot_sign_as_two_people(signed: Path) -> None:
    key = load_trust(signed.parent).signers["hub-hub-signer"].public_key
    trust = signed.parent / "signers.yaml"
    entry = f'  second: {{name: B, role: provider, agency: clinic, public_key: "{key}"}}\n'
    trust.write_text(trust.read_text() + entry)
    (refusal,) = compile_policy(signed.parent, NIGHT).refusals
    assert "signer second has the key of another" in refusal.reason


def test_a_role_changed_in_the_trust_store_spoils_what_was_signed_in_the_other(signed: Path) -> None:
    trust = signed.parent / "signers.yaml"
    trust.write_text(trust.read_text().replace("role: hub", "role: provider"))
    status = signing.verify(signed)
    assert status.state == "invalid"
    assert "a role the trust store does not give" in status.reason


def test_a_trusted_signer_of_another_agency_is_not_this_provider(tmp_path: Path) -> None:
    """A signature file put together by hand: true signatures, one of them by a provider who is no party."""
    folder = tmp_path / "agreements"
    ours, theirs = write(folder), write(folder, SMALL.replace("agency: clinic", "agency: camp"), "camp.yaml")
    hub = signing.new_signer(folder, "Director", "hub", "hub")
    camp = signing.new_signer(folder, "Nurse", "provider", "camp")
    signing.sign(ours, hub, SIGNED_ON)
    theirs.write_text(SMALL.replace("agency: clinic", "agency: camp"))
    signing.sign(theirs, camp, SIGNED_ON)
    held = json.loads(signing.sidecar_of(ours).read_text())
    entry = dict(json.loads(signing.sidecar_of(theirs).read_text())["signatures"][0])
    payload = payload_of(held["agreement"], held["sha256"], entry)
    entry["signature"] = base64.b64encode(signing._private_key(camp).sign(payload)).decode()
    held["signatures"].append(entry)
    signing.sidecar_of(ours).write_text(json.dumps(held))
    status = signing.verify(ours)
    assert status.state == "incomplete"
    assert {s.agency for s in status.signatures} == {"hub", "camp"}


def test_nobody_signs_for_another_agency(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    file = write(folder)
    foreign = signing.new_signer(folder, "Nurse", "provider", "school_district")
    with pytest.raises(
        AgreementError, match="signs as provider for school_district, but the parties are hub hub, provider clinic"
    ):
        signing.sign(file, foreign, SIGNED_ON)
    stranger = signing.new_signer(tmp_path / "elsewhere" / "agreements", "Nobody", "hub", "hub")
    with pytest.raises(AgreementError, match="not in the trust store"):
        signing.sign(file, stranger, SIGNED_ON)
    with pytest.raises(AgreementError, match="no Ed25519 signing key"):
        signing.sign(file, file, SIGNED_ON)
    with pytest.raises(AgreementError, match="unknown role 'boss'"):
        signing.new_signer(folder, "Boss", "boss", "clinic")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("a: {name: A, role: provider, agency: clinic, public_key: AAAA}", "no Ed25519 public key"),
        ("a: {name: A, role: boss, agency: clinic, public_key: AAAA}", "no Ed25519 public key"),
        ("a: {name: A, role: provider, agency: clinic}", "public_key missing"),
        ("A B: {name: A, role: hub, agency: hub, public_key: AAAA}", "cannot be a signer's id"),
    ],
)
def test_a_malformed_trust_store_stops_everything(signed: Path, entry: str, words: str) -> None:
    (signed.parent / "signers.yaml").write_text(f"signers:\n  {entry}\n")
    policy = compile_policy(signed.parent, NIGHT)
    assert not policy.sources
    assert words in policy.refusals[0].reason
    assert policy.refusals[0].sources == ("clinic",)
