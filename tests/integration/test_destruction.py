"""The destruction of a source: nothing of it is left, others stay, a crash is mended, it does not come back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pytest
from support.load_cases import NIGHT_1, PEOPLE, City, csv, people_source, source
from support.mou import SMALL, edited, write
from support.signed import Signers

from assets.destruction import destroy as steps
from assets.destruction.destroy import Asked, DestructionError, destroy
from assets.destruction.held import Place, held_of
from assets.destruction.page import page
from assets.destruction.reload import without_destroyed
from assets.destruction.standing import destruction_warnings, standings, unnamed
from assets.extracts.disposal import commit_landing
from assets.extracts.load import load_source
from consent.destruction import Destroyed, Destructions
from consent.registry import open_registry
from linkage.evidence import evidence_store
from linkage.keys import KeyRing
from linkage.ledger import Ledger
from linkage.run import link
from linkage.vault import Vault
from mou_policies.language import load_agreement
from mou_policies.policy import compile_policy
from mou_policies.retention import Due
from pipelines.resources import make_night
from pipelines.setting_up import write_workspace

ENDED, ON = date(2026, 6, 30), date(2026, 12, 31)
PERSON = ("Ada", "Lovelace", "2019-12-10"), ("Grace", "Hopper", "2019-12-09"), ("Emmy", "Noether", "2020-03-23")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city that holds two sources about the same three people, linked; the clinic's landing files are sealed."""
    root = tmp_path_factory.mktemp("loaded")
    city = _city(root)
    people = ["id,first,last,dob,sealed", *(f"{n},{','.join(who)}," for n, who in enumerate(PERSON))]
    city.deliver("clinic", NIGHT_1, {"people.csv": csv(*people)})
    visits = ["visit,id,kind,on", *(f"v{n},{n},RARE-VISIT-{n},2026-08-0{n + 1}" for n in range(3))]
    city.deliver("clinic", NIGHT_1, {"visits.csv": csv(*visits)})
    city.deliver("camp", NIGHT_1, {"people.csv": csv(*people)})
    night = city.night()
    for name in city.sources:
        assert load_source(night, name).status == "loaded"
    _link(city, NIGHT_1)
    commit_landing(night)
    for path in (city.paths.spine, city.paths.outcomes):
        duckdb.connect(str(path)).close()
    city.deliver("clinic", date(2026, 9, 5), {"people.csv": csv(*people)})
    return root


def _city(root: Path) -> City:
    return City(root, people_source(), source("camp", PEOPLE), disposal="seal")


def _link(city: City, night: date) -> None:
    link(city.paths.vault, city.paths.ledger, city.paths.evidence, set(), night, city.keys)


class World:
    """A copy of the city, with the clinic's ended agreement."""

    def __init__(self, root: Path) -> None:
        self.city = _city(root)
        self.place = Place(self.city.paths, root / "landing", self.city.keys)
        self.engine = open_registry(self.city.paths.registry_url)
        agreement = load_agreement(write(root / "agreements", edited("to: 2030-06-30", "to: 2026-06-30")))
        self.agreement = replace(agreement, sources={"clinic": self.city.sources["clinic"]})
        self.due = Due(self.agreement, "clinic", ENDED, date(2026, 12, 27))
        self.others = [self.city.sources["camp"]]

    def destroy(self, *, keys: bool = False) -> Destroyed:
        asked = Asked(self.due, "A. Officer", ON, keys)
        return destroy(self.place, self.engine, asked, self.others, actor="test")

    def held(self, name: str = "clinic") -> dict[str, int]:
        held = held_of(
            self.place, self.city.sources[name], [self.city.sources[n] for n in self.city.sources if n != name]
        )
        return {name: count for name, count in vars(held).items() if count}

    def keys(self, name: str) -> list[bytes]:
        return [bytes(key) for key in Vault(self.city.paths.vault, self.city.keys).keys(name)]

    def bytes_at_rest(self) -> bytes:
        files = [path for path in (self.city.root / "state").rglob("*") if path.is_file()]
        return b"\n".join(path.read_bytes() for path in files)


@pytest.fixture
def world(loaded: Path, tmp_path: Path) -> World:
    shutil.copytree(loaded, tmp_path / "city")
    return World(tmp_path / "city")


HELD = {"rows": 6, "records": 3, "tokens": 3, "sealed": 2, "waiting": 1, "digests": 2}


def test_nothing_is_left_and_the_others_stay(world: World):
    assert world.held() == HELD
    camp, mine = world.held("camp"), world.keys("clinic")
    before = world.bytes_at_rest()
    assert b"RARE-VISIT-1" in before
    assert all(key in before for key in mine)

    certificate = world.destroy()

    after = world.bytes_at_rest()
    assert b"RARE-VISIT" not in after
    assert not any(key in after or key.hex().encode() in after or key.hex().upper().encode() in after for key in mine)
    assert world.held() == {}
    assert world.held("camp") == camp
    assert not world.city.paths.spine.exists()
    assert not world.city.paths.outcomes.exists()
    evidence = evidence_store(world.city.paths.evidence, world.city.keys).read()
    for table in evidence.values():
        assert "clinic" not in table.column("left_source").cast("string").to_pylist()
        assert "clinic" not in table.column("right_source").cast("string").to_pylist()
    assert {name: count for name, count in certificate.facts["destroyed"].items() if count} == HELD


def test_child_ids_stay_and_the_ledger_says_what_was_withdrawn(world: World):
    ledger = Ledger(world.city.paths.ledger, world.city.keys)
    before = ledger.record_child()
    root = ledger.root()
    world.destroy()
    after = Ledger(world.city.paths.ledger, world.city.keys)
    assert after.record_child().equals(before.filter(pc.equal(before["source"], "camp")))
    assert after.root() != root
    assert after.events().num_rows >= ledger.events().num_rows + 3


def test_the_certificate(world: World, tmp_path: Path):
    certificate = world.destroy(keys=True)
    facts, public = certificate.facts, world.city.keys.signing_key.public_key()
    assert certificate.holds(public)
    assert Destructions(world.engine).all() == [certificate]
    assert (facts["agreement_digest"], facts["due_on"], facts["destroyed_on"]) == (
        world.agreement.sha256,
        "2026-12-27",
        "2026-12-31",
    )
    assert facts["attested_by"] == "A. Officer"
    assert facts["authority"] == [{"cite": "45 CFR 164.512(b)(1)(i)", "exception": "hipaa.public-health"}]
    assert "derived from the hub's own" in facts["keys"]
    assert facts["before"].keys() == facts["after"].keys()
    assert all(facts["before"][name] != facts["after"][name] for name in facts["before"])

    other = KeyRing.create(tmp_path / "other").signing_key.public_key()
    assert not certificate.holds(other)
    assert not replace(certificate, certificate=certificate.certificate.replace("2026-12-31", "2026-12-01")).holds(
        public
    )
    assert not replace(certificate, source="camp").holds(public)
    shown = page([certificate], public)
    assert "A. Officer" in shown
    assert "45 CFR 164.512(b)(1)(i)" in shown
    assert "DOES NOT HOLD" not in shown
    assert "DOES NOT HOLD" in page([certificate], other)
    assert "<script" not in shown


def test_a_second_destruction_does_nothing(world: World):
    first = world.destroy()
    assert world.destroy() == first
    assert len(Destructions(world.engine).all()) == 1


@pytest.mark.parametrize("step", ["_erase_content", "put_in_order", "link", "_facts"])
def test_a_crash_is_mended_by_the_next_call(world: World, monkeypatch: pytest.MonkeyPatch, step: str):
    def full_disk(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(steps, step, full_disk)
        with pytest.raises(OSError, match="no space"):
            world.destroy()
    assert Destructions(world.engine).all() == []
    before = Destructions(world.engine).begun("clinic-2025", "clinic")
    assert before is not None
    assert before["attested_by"] == "A. Officer"
    certificate = world.destroy()
    assert {name: count for name, count in certificate.facts["destroyed"].items() if count} == HELD
    assert world.held() == {}
    assert b"RARE-VISIT" not in world.bytes_at_rest()
    assert Destructions(world.engine).begun("clinic-2025", "clinic") is None


def test_an_interrupted_night_comes_first(world: World):
    more = csv("id,first,last,dob,sealed", "9,Mary,Somerville,2019-12-26,")
    world.city.deliver("camp", date(2026, 9, 2), {"people.csv": more})
    load_source(world.city.night(date(2026, 9, 2)), "camp")
    with pytest.raises(DestructionError, match="a night was interrupted"):
        world.destroy()
    assert world.held() == HELD


def _destroyed(source: str = "clinic", agreement: str = "clinic-2025", on: str = "2026-12-31") -> Destroyed:
    return Destroyed(agreement, "0" * 64, source, on, on, "{}", b"")


ENDED_TEXT = edited("to: 2030-06-30", "to: 2026-06-30")
RELOADS = {
    # text, signed on, night -> whether the source is loaded
    "the ended agreement on a night of its term": (ENDED_TEXT, "2025-07-01", "2026-06-01", False),
    "a longer term written in, signed on the day of the destruction": (SMALL, "2026-12-31", "2027-01-01", False),
    "the same agreement, signed by all after it": (SMALL, "2027-01-02", "2027-01-03", True),
    "a new agreement that began before": (edited("clinic-2025", "clinic-2026"), "2026-01-01", "2027-01-01", False),
    "a new agreement signed after it": (edited("clinic-2025", "clinic-2027"), "2027-01-02", "2027-01-03", True),
    "a new agreement, signed before it, that begins after it": (
        edited("agreement: clinic-2025", "agreement: clinic-2027").replace("from: 2025-07-01", "from: 2027-01-01"),
        "2026-12-01",
        "2027-01-03",
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RELOADS, ids=lambda name: name)
def test_a_destroyed_source_does_not_come_back(tmp_path: Path, case: str):
    text, signed_on, night, loads = RELOADS[case]
    folder = tmp_path / "agreements"
    Signers(folder).written("clinic.yaml", text, date.fromisoformat(signed_on))
    policy = compile_policy(folder, date.fromisoformat(night))
    assert "clinic" in policy.sources, policy.refusals
    assert without_destroyed(policy, [], folder) is policy
    assert without_destroyed(policy, [_destroyed("camp")], folder) is policy
    after = without_destroyed(policy, [_destroyed()], folder)
    assert ("clinic" in after.sources) is loads
    assert ("clinic" in after.agreed) is loads
    assert [r.sources for r in after.refusals if "was destroyed on" in r.reason] == ([] if loads else [("clinic",)])


def test_one_party_signing_anew_is_not_enough(tmp_path: Path):
    folder = tmp_path / "agreements"
    signers = Signers(folder)
    file = signers.written("clinic.yaml", SMALL, date(2025, 7, 1))
    signers.sign(file, date(2027, 1, 2), leave_out=("clinic",))
    policy = compile_policy(folder, date(2027, 1, 3))
    assert "clinic" not in without_destroyed(policy, [_destroyed()], folder).sources


def test_where_sources_stand(world: World):
    folder = world.city.root / "agreements"
    Signers(folder).sign(folder / "clinic.yaml", date(2025, 7, 1))
    found = standings(folder, world.place, [], date(2026, 12, 1))
    assert [(one.state, one.due.source, one.held.tokens) for one in found] == [("held", "clinic", 3)]
    late = standings(folder, world.place, [], date(2026, 12, 28))
    assert [one.state for one in late] == ["OVERDUE"]
    assert "was due on 2026-12-27, 1 days ago" in late[0].says
    certificate = world.destroy()
    assert [one.state for one in standings(folder, world.place, [certificate], ON)] == ["destroyed"]


def test_what_no_agreement_names_is_said(world: World):
    folder = world.city.root / "agreements"
    Signers(folder).sign(folder / "clinic.yaml", date(2025, 7, 1))
    [line] = unnamed(folder, world.place, ON)
    assert "found data of camp, which no agreement" in line
    night = world.city.night(date(2026, 12, 1))
    assert destruction_warnings(folder, night)[1:] == [line]
    assert "the destruction of clinic is due on 2026-12-27" in destruction_warnings(folder, night)[0]
    assert destruction_warnings(folder, world.city.night(date(2026, 7, 1))) == [line]


def test_the_night_refuses_a_destroyed_source(tmp_path: Path):
    workspace = write_workspace(tmp_path / "workspace", city="Tiny", start=NIGHT_1)
    keys = KeyRing.create(workspace.keys)
    Signers(workspace.agreements).written("clinic.yaml", SMALL, date(2025, 7, 1))
    assert "clinic" in make_night(workspace, NIGHT_1).policy.sources
    engine = open_registry(workspace.registry_url)
    said = {"agreement": "clinic-2025", "agreement_digest": "0" * 64, "source": "clinic"}
    Destructions(engine).certify(
        said | {"due_on": "2026-12-27", "destroyed_on": "2026-12-31"}, keys.signing_key, actor="test"
    )
    policy = make_night(workspace, NIGHT_1).policy
    assert "clinic" not in policy.sources
    assert [r.sources for r in policy.refusals if "does not bring it back" in r.reason] == [("clinic",)]
    engine.dispose()
