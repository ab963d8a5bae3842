"""The commands of `cradlepath audit`: exit statuses, what is printed, and that an auditor needs no right to write."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.disclosed import book_of, record
from typer.testing import CliRunner

from consent.registry import open_registry
from consent.trail import AuditTrail
from consent.trail_errors import AnchorError, TrailError
from linkage.keys import KeyRing
from pipelines.cli import audit
from pipelines.workspace import load

SETTINGS = "city: sampleton\nstart: 2026-09-01\nkeys: {path: ../keys}\naudit: {anchor: ../away/anchors.jsonl}\n"
PRIVATE = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class City:
    """A workspace with keys and a registry; `run` runs a command of the group."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (root / "city" / "state").mkdir(parents=True)
        (root / "city" / "cradlepath.yaml").write_text(SETTINGS)
        monkeypatch.setenv("CRADLEPATH_WORKSPACE", str(root / "city"))
        self.root = root
        self.place = load(root / "city")
        KeyRing.create(self.place.keys)
        self.trail = AuditTrail(open_registry(self.place.registry_url))
        self.app = typer.Typer()
        audit.register(self.app)

    @property
    def registry(self) -> Path:
        return self.place.state / "registry.sqlite"

    def run(self, *words: str, fails: type[Exception] | None = None) -> tuple[int, str]:
        done = CliRunner().invoke(self.app, ["audit", *map(str, words)])
        assert (done.exception is None or isinstance(done.exception, SystemExit)) or isinstance(
            done.exception, fails or ()
        ), done.exception
        return done.exit_code, done.output + str(done.exception or "")

    def tamper(self) -> None:
        with closing(sqlite3.connect(self.registry)) as connection:
            connection.execute("drop trigger audit_event_no_update")
            connection.execute("update audit_event set actor = 'other' where sequence = 2")
            connection.commit()


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> City:
    return City(tmp_path, monkeypatch)


def filled(city: City) -> City:
    for day in ("2026-09-01", "2026-09-02", "2026-09-03"):
        city.trail.append("load", f"school {day}", {"read": 3}, actor="night")
    return city


def test_an_empty_trail_verifies_and_has_nothing_to_anchor(city: City):
    assert (code := city.run("verify"))[0] == 0
    assert "The trail is empty" in code[1]
    assert "nothing was compared with it" in code[1]
    assert "no event to anchor yet" in city.run("anchor")[1]
    assert "No event of the trail is like that" in city.run("log")[1]


def test_consistent_is_told_from_proven(city: City):
    filled(city)
    assert "The trail is consistent, but unproven." in city.run("verify")[1]
    line = city.run("anchor")[1].splitlines()[0]
    city.trail.append("query", "q", {}, actor="lead")
    (city.root / "away" / "anchors.jsonl").unlink()
    code, said = city.run("verify", "--anchor", line.lower())
    assert (code, said.splitlines()[-1]) == (0, "The trail is consistent, and proven up to event 3.")


def test_the_anchor_file_of_the_settings_is_added_to_and_compared(city: City):
    filled(city).run("anchor")
    assert "proven to its newest event" in city.run("verify")[1]
    assert json.loads((city.root / "away" / "anchors.jsonl").read_text())["sequence"] == 3


def test_a_tampered_trail_ends_with_status_1(city: City):
    filled(city).run("anchor")
    city.tamper()
    code, said = city.run("verify")
    assert (code, said.splitlines()[0][:17]) == (1, "Event 2: edited. ")
    code, said = city.run("verify", "--json")
    assert code == 1
    assert json.loads(said[: said.rindex("}") + 1])["findings"][0]["event"] == 2


def test_a_tampered_trail_is_not_signed(city: City):
    filled(city).tamper()
    assert "nothing was signed" in city.run("anchor", fails=TrailError)[1]


def test_an_auditor_verifies_a_copy_that_cannot_be_written_with_a_key_kept_elsewhere(city: City):
    filled(city).run("public-key", "--out", city.root / "hub.pub")
    city.run("anchor", "--out", city.root / "a.json")
    (city.root / "their.pem").write_bytes(Ed25519PrivateKey.generate().private_bytes(*PRIVATE))
    city.run("public-key", "--key", city.root / "their.pem", "--out", city.root / "their.pub")
    city.run("countersign", city.root / "a.json", "--key", city.root / "their.pem")
    copy = city.root / "copy" / "registry.sqlite"
    copy.parent.mkdir()
    copy.write_bytes(city.registry.read_bytes())
    copy.chmod(0o444)
    copy.parent.chmod(0o555)
    (city.root / "city" / "cradlepath.yaml").unlink()
    words = ["--registry", copy, "--trust", city.root / "hub.pub", "--anchor", city.root / "a.json"]
    code, said = city.run("verify", *words, "--witness", city.root / "their.pub")
    assert code == 0
    assert "countersigned" in said
    assert "proven to its newest event" in said
    other = city.run("verify", *[city.root / "their.pub" if one == city.root / "hub.pub" else one for one in words])
    assert other[0] == 1
    assert "checkpoint untrusted" in other[1]
    copy.parent.chmod(0o755)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), [4, 3, 2, 1]),
        (("--kind", "load"), [3, 2, 1]),
        (("--subject", "SCHOOL 2026-09-02"), [2]),
        (("--subject", "%"), []),
        (("--limit", "2"), [4, 3]),
        (("--since", "2020-01-01", "--until", "2020-12-31"), []),
    ],
)
def test_the_log_shows_the_events_asked_for_newest_first(city: City, words: tuple[str, ...], shown: list[int]):
    filled(city).trail.erase([2], "the agreement ended", actor="lead")
    assert [one["sequence"] for one in json.loads(city.run("log", "--json", *words)[1])] == shown


def test_the_log_shows_payloads_and_which_were_destroyed(city: City):
    filled(city).trail.erase([2], "the agreement ended", actor="lead")
    said = city.run("log", "--payload")[1]
    assert "destroyed by event 4" in said
    assert '{"read":3}' in said
    assert '{"read":3}' not in city.run("log")[1]


def test_no_file_is_written_over_and_what_is_no_anchor_is_refused(city: City):
    filled(city).run("anchor", "--out", city.root / "a.json")
    assert "exists" in city.run("anchor", "--out", city.root / "a.json", fails=FileExistsError)[1]
    assert "this is no anchor" in city.run("verify", "--anchor", "nonsense", fails=AnchorError)[1]
    assert "expected one of night" in city.run("log", "--kind", "nonsense", fails=TrailError)[1]


def test_an_erased_payload_is_out_of_the_file_and_the_trail_still_verifies(city: City):
    city.trail.append("consent", "forms of a child", {"child": "c-to-be-forgotten"}, actor="lead")
    filled(city)
    assert b"c-to-be-forgotten" in city.registry.read_bytes()
    code, said = city.run("erase", "1", "--because", "a request under the agreement")
    assert (code, "payloads of 1 event are destroyed" in said) == (0, True)
    assert b"c-to-be-forgotten" not in city.registry.read_bytes()
    code, said = city.run("verify")
    assert (code, "a request under the agreement" in said) == (0, True)
    assert "nothing was changed" in city.run("erase", "1", "--because", "again")[1]
    assert "99" in city.run("erase", "99", "--because", "none", fails=TrailError)[1]


def test_a_row_of_the_book_of_disclosures_that_was_edited_ends_with_status_1(city: City):
    record(book_of(city.trail.engine), "r-1", {"school": ["c-1"]})
    assert city.run("verify")[0] == 0
    with closing(sqlite3.connect(city.registry)) as connection:
        connection.execute("drop trigger disclosure_no_update")
        connection.execute("update disclosure set recipient = 'nobody'")
        connection.commit()
    code, said = city.run("verify")
    assert (code, "the rows of r-1 are not those" in said) == (1, True)
