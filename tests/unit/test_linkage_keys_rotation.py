"""Rotation: whatever stops it, the next call ends it, with every key in its place and the vault under the new K2."""

import pytest

from linkage.agency_keys import new_k1
from linkage.errors import KeyRingError
from linkage.key_files import fingerprint_of, read_key
from linkage.keys import AGENCY_TOKENISED, AgencyRing, KeyRing
from linkage.rotation import STEPS, accept_k1, begin_k1, finish_k1, hand_over_k1, new_seal, rotate_k2

CITY, K1, NEXT = "0123456789abcdef", "00112233445566ff", "ff66554433221100"
CHILD_USES = ("child.permutation", "record.birth", "ledger.seal")


class KilledError(Exception):
    """The process is gone."""


class FakeVault:
    """A vault of two files under K2. `rekey` spoils what is not under the old key, and may die between its files."""

    def __init__(self, path, ring):
        self.path, self.ring = path, ring

    @staticmethod
    def fill(path, ring):
        path.mkdir()
        (path / "incoming").mkdir()
        for name in ("anchors.rows", "records.rows"):
            (path / name).write_text(f"{name} under {ring.k2_fingerprint}")

    def rekey(self, old, new, die=False):
        for name in ("anchors.rows", "records.rows"):
            held = (self.path / name).read_text()
            assert held == f"{name} under {old.k2_fingerprint}"
            (self.path / name).write_text(f"{name} under {new.k2_fingerprint}")
            if die:
                raise KilledError


class DyingVault(FakeVault):
    def rekey(self, old, new, die=True):
        super().rekey(old, new, die)


@pytest.fixture
def city(tmp_path):
    """The folders of the keys and of a vault with something in it."""
    FakeVault.fill(tmp_path / "vault", KeyRing.create(tmp_path / "keys", city=CITY))
    return tmp_path / "keys", tmp_path / "vault"


def in_order(keys, vault, k2_before):
    """Say whether a rotation is complete: new key, vault under it, nothing left over."""
    ring = KeyRing.load(keys)
    under = {(vault / name).read_text() for name in ("anchors.rows", "records.rows")}
    return (
        ring.k2_fingerprint != k2_before
        and under == {f"{name} under {ring.k2_fingerprint}" for name in ("anchors.rows", "records.rows")}
        and sorted(path.name for path in vault.parent.iterdir()) == ["keys", "vault"]
        and not list(keys.glob("*.n*"))
    )


def test_the_vault_comes_under_a_new_k2_and_nothing_else_changes(city):
    keys, vault = city
    before, heard = KeyRing.load(keys), []
    assert rotate_k2(keys, vault, FakeVault, heard.append) == "rotated"
    assert in_order(keys, vault, before.k2_fingerprint)
    assert tuple(heard) == STEPS
    after = KeyRing.load(keys)
    assert after.derive("rekey.labels") != before.derive("rekey.labels")
    assert [after.derive(use) for use in (*CHILD_USES, "token.x")] == [
        before.derive(use) for use in (*CHILD_USES, "token.x")
    ]
    assert (keys / "k2.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("fatal", STEPS)
def test_a_rotation_killed_after_any_step_is_resumed(city, fatal):
    keys, vault = city
    before, seen = KeyRing.load(keys).k2_fingerprint, []

    def die(step):
        seen.append(step)
        if step == fatal:
            raise KilledError

    with pytest.raises(KilledError):
        rotate_k2(keys, vault, FakeVault, die)
    if fatal == "done":
        assert in_order(keys, vault, before)
        return
    if STEPS.index(fatal) < STEPS.index("key in place"):
        begun = read_key(keys / "k2.next", "k2", CITY)[1]
        with pytest.raises(KeyRingError, match="end it with `cradlepath keys rotate k2`"):
            KeyRing.load(keys)
    assert rotate_k2(keys, vault, FakeVault, seen.append) == "resumed"
    assert in_order(keys, vault, before)
    assert set(seen) == set(STEPS)
    if STEPS.index(fatal) < STEPS.index("key in place"):
        assert KeyRing.load(keys).k2_fingerprint == fingerprint_of(begun)


@pytest.mark.parametrize("times", [1, 3])
def test_a_rotation_killed_while_the_copy_is_half_rekeyed_starts_that_copy_again(city, times):
    keys, vault = city
    before = KeyRing.load(keys).k2_fingerprint
    for _ in range(times):
        with pytest.raises(KilledError):
            rotate_k2(keys, vault, DyingVault)
    assert {(vault / n).read_text() for n in ("anchors.rows",)} == {f"anchors.rows under {before}"}
    assert rotate_k2(keys, vault, FakeVault) == "resumed"
    assert in_order(keys, vault, before)


def test_it_is_refused_while_tokens_wait(city):
    keys, vault = city
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    (vault / "incoming" / "school.sealed").write_text("")
    with pytest.raises(KeyRingError, match=r"found 1 files of tokens that wait for linking.*run the night first"):
        rotate_k2(keys, vault, FakeVault)
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == before


def test_a_city_without_a_vault_gets_a_new_k2_too(tmp_path):
    before = KeyRing.create(tmp_path / "keys").k2_fingerprint
    assert rotate_k2(tmp_path / "keys", tmp_path / "vault", FakeVault) == "rotated"
    assert KeyRing.load(tmp_path / "keys").k2_fingerprint != before
    assert not (tmp_path / "vault").exists()


def test_a_lost_k2_is_made_anew_once_the_vault_is_out_of_the_way(city):
    keys, vault = city
    before = KeyRing.load(keys)
    (keys / "k2.key").unlink()
    with pytest.raises(KeyRingError, match=r"k2\.key: no such key file"):
        rotate_k2(keys, vault, FakeVault)
    vault.rename(vault.with_name("unreadable"))
    rotate_k2(keys, vault, FakeVault)
    after = KeyRing.load(keys)
    assert {kind for kind, key in after.roots().items() if key != before.roots()[kind]} == {"k2"}


def test_k2_can_be_rotated_again_and_again(city):
    keys, vault = city
    names = [KeyRing.load(keys).k2_fingerprint]
    for _ in range(3):
        rotate_k2(keys, vault, FakeVault)
        assert in_order(keys, vault, names[-1])
        names.append(KeyRing.load(keys).k2_fingerprint)
    assert len(set(names)) == 4


def test_a_hub_rotates_its_k1_and_child_ids_stay(city):
    keys, _ = city
    before = KeyRing.load(keys)
    named = begin_k1(keys)
    both = KeyRing.load(keys)
    assert both.accepted_k1 == (before.k1_fingerprint, named)
    assert both.derive("token.x") == both.next_ring().derive("token.x") != before.derive("token.x")
    with pytest.raises(KeyRingError, match=f"a rotation of K1 to {named} is under way.*--finish"):
        begin_k1(keys)
    assert finish_k1(keys) == named
    after = KeyRing.load(keys)
    assert after.accepted_k1 == (named,)
    assert after.derive("token.x") == both.next_ring().derive("token.x")
    assert [after.derive(use) for use in (*CHILD_USES, "rekey.x")] == [
        before.derive(use) for use in (*CHILD_USES, "rekey.x")
    ]
    assert not (keys / "k1.next").exists()
    with pytest.raises(KeyRingError, match="no rotation of K1 is under way"):
        finish_k1(keys)


def test_agencies_rotate_their_k1_by_its_fingerprint(tmp_path):
    keys = tmp_path / "keys"
    before = KeyRing.create(keys, AGENCY_TOKENISED, CITY, K1)
    for useless in (None, K1):
        with pytest.raises(KeyRingError, match=r"fingerprint of the agencies' next K1.*keys new-k1"):
            begin_k1(keys, useless)
    with pytest.raises(KeyRingError, match="no fingerprint of a K1"):
        begin_k1(keys, "short")
    assert begin_k1(keys, NEXT) == NEXT
    both = KeyRing.load(keys)
    assert both.accepted_k1 == (K1, NEXT)
    assert both.next_ring().accepted_k1 == (NEXT,)
    with pytest.raises(KeyRingError, match="under way"):
        begin_k1(keys, "0" * 16)
    assert finish_k1(keys) == NEXT
    after = KeyRing.load(keys)
    assert after.accepted_k1 == (NEXT,)
    assert [after.derive(use) for use in CHILD_USES] == [before.derive(use) for use in CHILD_USES]
    with pytest.raises(KeyRingError, match="no rotation of K1 is under way"):
        finish_k1(keys)


def test_a_hub_that_holds_k1_takes_no_fingerprint(city):
    with pytest.raises(KeyRingError, match="makes the next one itself"):
        begin_k1(city[0], NEXT)
    with pytest.raises(KeyRingError, match="holds K1 itself"):
        accept_k1(city[0], K1)


def test_the_agencies_k1_is_accepted_once(tmp_path):
    keys = tmp_path / "keys"
    KeyRing.create(keys, AGENCY_TOKENISED, CITY)
    with pytest.raises(KeyRingError, match="no fingerprint of a K1"):
        accept_k1(keys, "short")
    for _ in range(2):
        accept_k1(keys, K1)
        assert KeyRing.load(keys).accepted_k1 == (K1,)
    with pytest.raises(KeyRingError, match=f"found K1 {K1} accepted already.*--begin"):
        accept_k1(keys, NEXT)


def test_k1_is_made_at_an_agency(tmp_path):
    hub = KeyRing.create(tmp_path / "keys", AGENCY_TOKENISED, CITY)
    named = new_k1(tmp_path / "k1.key", hub.city)
    assert (tmp_path / "k1.key").stat().st_mode & 0o777 == 0o600
    accept_k1(tmp_path / "keys", named)
    KeyRing.load(tmp_path / "keys").export_kit(tmp_path / "kit.json", ["record.school"], "layout")
    agency = AgencyRing.load(tmp_path / "k1.key", tmp_path / "kit.json")
    assert (agency.k1_fingerprint, agency.derive("record.school")) == (named, hub.derive("record.school"))
    with pytest.raises(KeyRingError, match="found a file, expected none"):
        new_k1(tmp_path / "k1.key", hub.city)
    with pytest.raises(KeyRingError, match="no city id"):
        new_k1(tmp_path / "other.key", "Sampleton")


def test_the_mode_changes_and_no_id_is_lost(city, tmp_path):
    keys, _ = city
    hub = KeyRing.load(keys)
    out = tmp_path / "for-agencies.key"
    assert hand_over_k1(keys, out) == hub.k1_fingerprint
    after = KeyRing.load(keys)
    assert (after.mode, after.k1_fingerprint, after.fingerprint) == (
        AGENCY_TOKENISED,
        hub.k1_fingerprint,
        hub.fingerprint,
    )
    assert not (keys / "k1.key").exists()
    after.export_kit(tmp_path / "kit.json", ["record.birth"], "layout")
    agency = AgencyRing.load(out, tmp_path / "kit.json")
    assert [agency.derive(use) for use in ("token.x", "record.birth")] == [
        hub.derive(use) for use in ("token.x", "record.birth")
    ]
    with pytest.raises(KeyRingError, match="by a hub that holds one"):
        hand_over_k1(keys, tmp_path / "again.key")


def test_k1_is_not_handed_over_while_it_rotates_or_onto_a_file(city, tmp_path):
    keys, _ = city
    (tmp_path / "held.key").write_text("")
    with pytest.raises(KeyRingError, match="found a file, expected none"):
        hand_over_k1(keys, tmp_path / "held.key")
    begin_k1(keys)
    with pytest.raises(KeyRingError, match="not while K1 is being rotated"):
        hand_over_k1(keys, tmp_path / "k1.key")
    assert (keys / "k1.key").exists()


@pytest.mark.parametrize("lost", [False, True])
def test_the_key_that_agencies_seal_to_is_replaced_alone(city, lost):
    keys, _ = city
    before = KeyRing.load(keys)
    if lost:
        (keys / "hub_seal.pem").unlink()
    new_seal(keys)
    after = KeyRing.load(keys)
    assert after.seal_key.public_key() != before.seal_key.public_key()
    assert {kind for kind, key in after.roots().items() if key != before.roots()[kind]} == {"hub_seal"}
    assert (keys / "hub_seal.pem").stat().st_mode & 0o777 == 0o600
