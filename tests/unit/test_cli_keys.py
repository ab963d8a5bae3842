"""The commands of `cradlepath keys`: what they write, print and refuse, and that no key reaches the screen."""

import json
import re
import sqlite3
from datetime import date
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from linkage import rules, vault
from linkage.errors import KeyRingError
from linkage.keys import AGENCY_TOKENISED, AgencyRing, KeyRing
from mou_policies import policy
from pipelines.cli import keys

SETTINGS = "city: sampleton\nstart: 2026-09-01\nkeys: {path: ../keys}\n"


class Held:
    """A vault that knows nothing and takes every key."""

    def __init__(self, path, ring):
        pass

    def rekey(self, old, new):
        assert old.k2_fingerprint != new.k2_fingerprint


@pytest.fixture
def city(tmp_path, monkeypatch):
    """A workspace; `run` runs a `keys` command in it and returns its result, `ring()` loads its ring."""
    (tmp_path / "city").mkdir()
    (tmp_path / "city" / "cradlepath.yaml").write_text(SETTINGS)
    monkeypatch.setenv("CRADLEPATH_WORKSPACE", str(tmp_path / "city"))
    monkeypatch.setattr(rules, "layout", lambda: "layout-1", raising=False)
    monkeypatch.setattr(vault, "Vault", Held)
    naming = SimpleNamespace(treatment=SimpleNamespace(namespace_column="source"))
    sources = {
        "school": SimpleNamespace(namespace="school", agency="schools", tables={}),
        "absences": SimpleNamespace(namespace="school", agency="schools", tables={}),
        "clinic": SimpleNamespace(namespace="clinic", agency="health", tables={}),
        "forms": SimpleNamespace(namespace="forms", agency="office", tables={"f": SimpleNamespace(fields=[naming])}),
    }
    monkeypatch.setattr(policy, "compile_policy", lambda folder, on: SimpleNamespace(sources=sources, on=on))
    app = typer.Typer()
    keys.register(app)
    screens = []

    def run(*words, fails=False):
        result = CliRunner().invoke(app, ["keys", *map(str, words)])
        screens.append(result.output)
        assert (result.exit_code != 0) == fails, result.output
        return result

    def ring():
        return KeyRing.load(tmp_path / "keys")

    yield SimpleNamespace(run=run, ring=ring, root=tmp_path, screens=screens)
    files = [
        path for path in tmp_path.rglob("*") if path.is_file() and path.suffix in {".key", ".pem", ".json", ".txt"}
    ]
    secrets = {word for path in files for word in re.findall(r"[0-9a-f]{64}|[A-Za-z0-9+/]{60,}", path.read_text())}
    assert not [secret for secret in secrets for screen in screens if secret[:24] in screen]


def test_a_hub_is_set_up_in_one_step(city):
    said = city.run("init").output
    assert city.ring().fingerprint in said
    assert "hub-tokenised" in said
    shown = json.loads(city.run("show-fingerprint", "--json").output)
    ring = city.ring()
    assert shown == {
        "fingerprint": ring.fingerprint,
        "mode": "hub-tokenised",
        "city": ring.city,
        "k1": ring.k1_fingerprint,
        "k1_next": None,
        "k2": ring.k2_fingerprint,
    }
    assert all(value in city.run("show-fingerprint").output for value in shown.values() if value)
    assert isinstance(city.run("init", fails=True).exception, KeyRingError)


def test_an_agency_tokenised_city_is_set_up_by_hub_and_agency(city):
    said = city.run("init", "--mode", AGENCY_TOKENISED).output
    hub, k1, kit = city.ring(), city.root / "k1.key", city.root / "kit.json"
    assert f"cradlepath keys new-k1 --city {hub.city}" in said
    made = json.loads(city.run("new-k1", "--city", hub.city, "--out", k1, "--json").output)
    assert made["k1"] in city.run("show-fingerprint", "--k1", k1).output
    city.run("accept-k1", made["k1"])
    city.run("agency-kit", "school", "absences", "--out", kit, "--use", "record.clinic")
    agency = AgencyRing.load(k1, kit)
    assert agency.uses == ("content.rows", "pseudonym:schools", "record.clinic", "record.school")
    assert (agency.k1_fingerprint, agency.layout) == (city.ring().k1_fingerprint, "layout-1")


def test_init_takes_a_city_and_a_k1_that_exist_already(city):
    city.run("init", "--mode", AGENCY_TOKENISED, "--city", "a" * 16, "--k1-fingerprint", "b" * 16)
    assert (city.ring().city, city.ring().k1_fingerprint) == ("a" * 16, "b" * 16)


def test_a_kit_is_for_sources_that_agreements_name(city):
    city.run("init")
    said = city.run("agency-kit", "school", "zoo", "--out", city.root / "kit.json", fails=True).output
    assert re.search(r"no agreement in force names\s+zoo", said)
    assert not (city.root / "kit.json").exists()


def test_the_kit_of_a_consent_office_has_the_record_keys_of_every_source_that_its_forms_may_name(city):
    city.run("init")
    city.run("agency-kit", "forms", "--out", city.root / "kit.json")
    held = json.loads((city.root / "kit.json").read_text())["keys"]
    assert set(held) == {"content.rows", "pseudonym:office", "record.clinic", "record.forms", "record.school"}


def test_a_kit_follows_the_agreements_of_today(city, monkeypatch):
    asked = []
    monkeypatch.setattr(policy, "compile_policy", lambda folder, on: asked.append(on) or SimpleNamespace(sources={}))
    city.run("init")
    city.run("agency-kit", "school", "--out", city.root / "kit.json", fails=True)
    assert asked == [date.today()]


def test_k2_is_rotated(city):
    city.run("init")
    (city.root / "city" / "state").mkdir(exist_ok=True)
    before = city.ring()
    assert "K2 is new" in city.run("rotate", "k2").output
    assert city.ring().k2_fingerprint != before.k2_fingerprint
    assert city.ring().k1_fingerprint == before.k1_fingerprint


def test_a_stopped_rotation_of_k2_is_said_to_have_been_completed(city):
    city.run("init")
    (city.root / "keys" / "k2.next").write_bytes((city.root / "keys" / "k2.key").read_bytes())
    (city.root / "keys" / "k2.next").chmod(0o600)
    assert "had been stopped is complete" in city.run("rotate", "k2").output


def test_k1_is_rotated_in_two_steps(city):
    city.run("init")
    before = city.ring()
    said = city.run("rotate", "k1", "--begin").output
    named = city.ring().k1_next_fingerprint
    assert named in said
    assert named in city.run("rotate", "k1", "--finish").output
    assert city.ring().accepted_k1 == (named,)
    assert city.ring().derive("child.permutation") == before.derive("child.permutation")
    for wrong in ([], ["--begin", "--finish"], ["--finish", "--fingerprint", "0" * 16]):
        city.run("rotate", "k1", *wrong, fails=True)


def test_agencies_rotate_k1_by_fingerprint(city):
    city.run("init", "--mode", AGENCY_TOKENISED, "--k1-fingerprint", "a" * 16)
    city.run("rotate", "k1", "--begin", "--fingerprint", "b" * 16)
    assert city.ring().accepted_k1 == ("a" * 16, "b" * 16)


def test_the_key_that_agencies_seal_to_is_rotated(city):
    city.run("init")
    before = city.ring().seal_key.public_key()
    assert "Give every agency a new kit" in city.run("rotate", "seal").output
    assert city.ring().seal_key.public_key() != before


def test_a_hub_hands_its_k1_over(city):
    city.run("init")
    named = city.ring().k1_fingerprint
    assert named in city.run("hand-over-k1", "--out", city.root / "k1.key").output
    assert city.ring().mode == AGENCY_TOKENISED


def test_keys_are_shared_and_restored(city):
    city.run("init")
    ring = city.ring()
    made = json.loads(city.run("escrow", "--out", city.root / "shares", "--json").output)
    assert (made["shares"], made["threshold"], len(made["files"])) == (5, 3, 5)
    files = made["files"][1:4]
    assert ring.fingerprint in city.run("restore", *files, "--into", city.root / "restored").output
    assert KeyRing.load(city.root / "restored").roots() == ring.roots()
    shown = json.loads(city.run("restore", *files, "--into", city.root / "again", "--json").output)
    assert shown == {"fingerprint": ring.fingerprint, "folder": str(city.root / "again")}
    failed = city.run("restore", *files[:2], "--into", city.root / "few", fails=True)
    assert isinstance(failed.exception, KeyRingError)


def test_an_agency_shares_its_k1(city):
    city.run("new-k1", "--city", "a" * 16, "--out", city.root / "k1.key")
    said = city.run(
        "escrow", "--k1", city.root / "k1.key", "--out", city.root / "s", "--shares", 3, "--threshold", 2
    ).output
    assert "any 2 of them" in said
    files = [city.root / "s" / f"share-{number}-of-3.txt" for number in (1, 3)]
    city.run("restore", *files, "--into", city.root / "restored")
    assert (city.root / "restored" / "k1.key").read_bytes() == (city.root / "k1.key").read_bytes()


@pytest.mark.parametrize("command", ["init", "new-k1", "agency-kit", "escrow", "restore", "show-fingerprint", "rotate"])
def test_every_command_says_what_it_is_for(city, command):
    assert len(city.run(command, "--help").output.splitlines()) > 5


def test_an_unknown_mode_is_wrong_use(city):
    said = city.run("init", "--mode", "trusting", fails=True).output
    assert "hub-tokenised or agency-tokenised" in " ".join(said.split())


def test_every_act_on_keys_is_noted_before_and_after(city):
    city.run("init")
    city.run("rotate", "seal")
    with sqlite3.connect(city.root / "city" / "state" / "registry.sqlite") as con:
        rows = con.execute("select kind, subject, payload from audit_event join audit_payload using (sequence)")
        told = [(kind, subject, json.loads(payload)["stage"]) for kind, subject, payload in rows.fetchall()]
    assert told[-2:] == [("key", "keys rotate seal", "begun"), ("key", "keys rotate seal", "done")]
