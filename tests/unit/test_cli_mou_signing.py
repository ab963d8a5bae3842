"""The commands `mou new-signer`, `mou sign` and `mou verify`: what they print, and their exit statuses."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from support.mou import SIGNED_ON, SMALL, edited, write
from support.signed import Signers, amending
from typer.testing import CliRunner, Result

from mou_policies.language import load_agreement
from pipelines.cli import app
from pipelines.setting_up import write_workspace

OFFICES = edited("term:", "signatories: {provider: [head, counsel]}\nterm:")


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return write_workspace(tmp_path / "city", city="Our City", start=date(2026, 9, 1)).root


def mou(city: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["mou", *words, "--workspace", str(city)])


def new_signer(city: Path, name: str, role: str, agency: str, *more: str) -> str:
    keys = city.parent / "keys-of-signers"
    done = mou(city, "new-signer", name, "--role", role, "--agency", agency, "--key-folder", str(keys), *more)
    assert done.exit_code == 0, done.output
    return str(keys / f"{agency}-{name.lower()}.key.pem")


def test_an_agreement_that_needs_three_signatures(city: Path) -> None:
    write(city / "agreements", OFFICES)
    head = new_signer(city, "Ada", "provider", "clinic", "--office", "head")
    counsel = new_signer(city, "Ben", "provider", "clinic", "--office", "counsel")
    hub = new_signer(city, "Cleo", "hub", "hub")
    said = [mou(city, "sign", "clinic.yaml", "--key", key, "--on", "2025-07-01") for key in (head, hub, counsel)]
    assert [done.exit_code for done in said] == [0, 0, 0]
    nobody = "clinic.yaml: incomplete – no trusted signer has signed for"
    assert [done.stdout.partition(";")[0].rstrip("\n") for done in said] == [
        f"{nobody} the hub, Cabinet or for the provider, Clinic (counsel)",
        f"{nobody} the provider, Clinic (counsel)",
        "clinic.yaml: signed",
    ]
    done = mou(city, "verify", "clinic.yaml")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "clinic.yaml: signed",
        f"  clinic-2025  sha256 {load_agreement(city / 'agreements' / 'clinic.yaml').sha256}",
        "  2025-07-01  Ada, head, for clinic (provider)",
        "  2025-07-01  Cleo for hub (hub)",
        "  2025-07-01  Ben, counsel, for clinic (provider)",
    ]


DATES = [
    # --on          note
    ("2025-07-01",  ""),
    ("2025-06-01",  "Note: the signature is dated 2025-06-01, and the agreement is in force from 2025-07-01."),
    ("2030-06-01",  "Note: the signature is dated 2030-06-01, after today, and counts from that day."),
]  # fmt: skip


@pytest.mark.parametrize(("on", "note"), DATES)
def test_a_date_that_may_surprise_is_said(city: Path, on: str, note: str) -> None:
    write(city / "agreements")
    hub = new_signer(city, "Cleo", "hub", "hub")
    done = mou(city, "sign", "clinic.yaml", "--key", hub, "--on", on)
    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if line.startswith("Note")] == ([note] if note else [])


REFUSED = [
    # words changed          by                        the error says
    ("public-health: \"Who", "research: \"Who",        "(AGR-018)"),
    ("term:",                "under: [cabinet]\nterm:", "its parent cabinet is not among the agreements (AGR-009)"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), REFUSED)
def test_what_signatures_alone_would_not_bring_into_force_is_not_signed(
    city: Path, old: str, new: str, says: str
) -> None:
    file = write(city / "agreements", edited(old, new))
    hub = new_signer(city, "Cleo", "hub", "hub")
    done = mou(city, "sign", "clinic.yaml", "--key", hub, "--on", "2025-07-01")
    assert done.exit_code == 1
    first, last = done.stderr.splitlines()
    assert first.startswith("cradlepath: clinic.yaml:")
    assert says in first
    assert last == "cradlepath: clinic.yaml was not signed: signatures alone would not bring it into force"
    assert not file.with_name("clinic.yaml.sig.json").exists()


@pytest.fixture
def chain(city: Path) -> Signers:
    keys = Signers(city / "agreements")
    first = keys.written("clinic.yaml", SMALL, SIGNED_ON)
    keys.written("clinic-2026.yaml", amending(first, "clinic-2026", SMALL), date(2026, 6, 20))
    return keys


def test_verify_shows_the_chain_to_the_first(city: Path, chain: Signers) -> None:
    done = mou(city, "verify", "clinic-2026.yaml")
    older = load_agreement(chain.folder / "clinic.yaml").sha256
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-2:] == [f"  amends clinic-2025  sha256 {older}", "    clinic.yaml: signed"]


def test_verify_says_where_the_chain_is_broken(city: Path, chain: Signers) -> None:
    older = chain.folder / "clinic.yaml"
    older.write_text(edited("period_days: 180", "period_days: 181"))
    done = mou(city, "verify", "clinic-2026.yaml")
    assert done.exit_code == 1
    assert "the chain is broken: clinic-2026.yaml: it amends clinic-2025 with the digest" in done.stdout
    older.unlink()
    assert "it amends clinic-2025, which is not among the agreements" in mou(city, "verify", "clinic-2026.yaml").stdout


def test_verify_without_a_name_verifies_all(city: Path, chain: Signers) -> None:
    assert mou(city, "verify").exit_code == 0
    write(chain.folder, SMALL.replace("clinic", "camp"), "camp.yaml")
    write(chain.folder, "agreement: [\n", "broken.yaml")
    (chain.folder / "clinic.yaml").write_text(edited("period_days: 180", "period_days: 181"))
    done = mou(city, "verify", "--json")
    assert done.exit_code == 1
    found = {one["file"]: one for one in json.loads(done.stdout)}
    states = {file: one["chain"][0]["state"] if one["chain"] else "unreadable" for file, one in found.items()}
    assert states == {
        "broken.yaml": "unreadable",
        "camp.yaml": "unsigned",
        "clinic-2026.yaml": "signed",
        "clinic.yaml": "changed",
    }
    assert found["clinic.yaml"]["chain"][0]["changed"] == ["destruction"]
    assert found["clinic-2026.yaml"]["since"] == "2026-07-01"
    shown = mou(city, "verify").stdout
    assert "changed after signing: destruction changed (line 12)" in shown
    assert "broken.yaml:" in shown


def test_a_signature_that_does_not_count_is_said(city: Path, chain: Signers) -> None:
    trust = chain.folder / "signers.yaml"
    trust.write_text(trust.read_text().replace("role: hub, agency: hub,", "role: hub, agency: hub, until: 2025-12-31,"))
    done = mou(city, "verify", "clinic-2026.yaml")
    assert done.exit_code == 1
    assert "  not counted: hub signer signed on 2026-06-20, and could until 2025-12-31" in done.stdout
