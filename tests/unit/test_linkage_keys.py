"""The key ring: files, modes, one key a use, and errors that say what to do."""

import json
import re

import pytest

from linkage.errors import KeyRingError
from linkage.key_files import derive_from, fingerprint_of, key_text
from linkage.keys import AGENCY_TOKENISED, HUB_TOKENISED, AgencyRing, KeyRing

CITY, OTHER_CITY, K1_NAME = "0123456789abcdef", "fedcba9876543210", "00112233445566ff"
HUB_FILES = {"k1.key", "k2.key", "hub.key", "hub_seal.pem", "release_signing.pem", "keyring.json"}


@pytest.fixture
def folder(tmp_path):
    """A hub-tokenised ring on disk."""
    KeyRing.create(tmp_path / "keys", city=CITY)
    return tmp_path / "keys"


@pytest.mark.parametrize(("mode", "files"), [(HUB_TOKENISED, HUB_FILES), (AGENCY_TOKENISED, HUB_FILES - {"k1.key"})])
def test_a_new_ring_is_private_and_loads_again(tmp_path, mode, files):
    ring = KeyRing.create(tmp_path / "keys", mode)
    assert {path.name for path in (tmp_path / "keys").iterdir()} == files
    assert all((tmp_path / "keys" / name).stat().st_mode & 0o777 == 0o600 for name in files)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    again = KeyRing.load(tmp_path / "keys")
    assert (again.fingerprint, again.city, again.mode) == (ring.fingerprint, ring.city, mode)
    assert re.fullmatch("[0-9a-f]{16}", ring.city)
    assert again.derive("content.digest") == ring.derive("content.digest")
    assert again.seal_key.public_key() == ring.seal_key.public_key()
    assert again.signing_key.public_key() == ring.signing_key.public_key()


def test_two_rings_share_nothing(tmp_path):
    one, other = KeyRing.create(tmp_path / "one"), KeyRing.create(tmp_path / "other")
    assert one.city != other.city
    assert one.fingerprint != other.fingerprint
    assert one.derive("x") != other.derive("x")
    assert one.k1_fingerprint != other.k1_fingerprint
    assert one.k2_fingerprint != other.k2_fingerprint


@pytest.mark.parametrize(
    ("kind", "file", "changed"),
    [
        ("k1", "k1.key", {"token.feature"}),
        ("k2", "k2.key", {"rekey.labels"}),
        ("hub", "hub.key", {"record.birth", "child.permutation", "tokens"}),
    ],
)
def test_each_use_derives_from_one_root(folder, kind, file, changed):
    uses = ["token.feature", "rekey.labels", "record.birth", "child.permutation", "tokens"]
    before = KeyRing.load(folder)
    assert len({before.derive(use) for use in uses}) == len(uses)
    (folder / file).write_bytes(key_text(kind, CITY, b"7" * 32))
    after = KeyRing.load(folder)
    assert {use for use in uses if after.derive(use) != before.derive(use)} == changed
    assert after.fingerprint != before.fingerprint


def test_derivation_is_pinned(folder):
    """HKDF-SHA256 with this info: a change would lose every child ID."""
    (folder / "hub.key").write_bytes(key_text("hub", CITY, bytes(range(32))))
    ring = KeyRing.load(folder)
    assert ring.derive("child.permutation") == derive_from(bytes(range(32)), "child.permutation")
    assert ring.derive("child.permutation", 8).hex() == "bef0e32496e923ec"
    assert len(ring.derive("seal", 16)) == 16


def test_the_hub_of_an_agency_tokenised_city_has_no_token_key(tmp_path):
    ring = KeyRing.create(tmp_path / "keys", AGENCY_TOKENISED, CITY, K1_NAME)
    assert (ring.mode, ring.city, ring.k1_fingerprint, ring.accepted_k1) == (
        AGENCY_TOKENISED,
        CITY,
        K1_NAME,
        (K1_NAME,),
    )
    with pytest.raises(KeyRingError, match=r"K1 is the agencies'.*cradlepath tokenise"):
        ring.derive("token.feature")
    assert ring.derive("rekey.labels") != ring.derive("record.birth")
    assert KeyRing.create(tmp_path / "new", AGENCY_TOKENISED).accepted_k1 == ()


def test_a_k1_at_the_hub_of_an_agency_tokenised_city_is_refused(tmp_path):
    KeyRing.create(tmp_path / "keys", AGENCY_TOKENISED, CITY)
    (tmp_path / "keys" / "k1.key").write_text("")
    with pytest.raises(KeyRingError, match=r"k1\.key: found a K1, expected none.*delete it here"):
        KeyRing.load(tmp_path / "keys")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"mode": "trusting"}, "expected one of hub-tokenised, agency-tokenised"),
        ({"city": "Sampleton"}, "no city id, expected 16 hex digits"),
        ({"k1_fingerprint": K1_NAME}, "only with --mode agency-tokenised"),
        ({"mode": AGENCY_TOKENISED, "k1_fingerprint": "short"}, "no fingerprint of a K1"),
    ],
)
def test_a_ring_that_makes_no_sense_is_not_made(tmp_path, arguments, says):
    with pytest.raises(KeyRingError, match=says):
        KeyRing.create(tmp_path / "keys", **arguments)
    assert not (tmp_path / "keys").exists()


def test_neither_repr_nor_fingerprints_hold_a_key(folder):
    ring = KeyRing.load(folder)
    assert re.fullmatch(r"KeyRing\(fingerprint='[0-9a-f]{16}', mode='hub-tokenised'\)", repr(ring))
    for name in ("k1_fingerprint", "k2_fingerprint", "fingerprint"):
        assert re.fullmatch("[0-9a-f]{16}", getattr(ring, name))
    public = "".join([repr(ring), ring.fingerprint, ring.k1_fingerprint, ring.k2_fingerprint])
    assert not [kind for kind, root in ring.roots().items() if root.hex()[:8] in public]


def spoil(header=None, body=None):
    """Return a function that replaces the header or the body of a key file's text."""

    def change(text):
        old_header, _, old_body = text.partition("\n")
        return f"{header if header is not None else old_header}\n{body if body is not None else old_body}"

    return change


OTHERS = key_text("k1", OTHER_CITY, b"o" * 32).decode()
A_HUB_KEY = key_text("hub", CITY, b"h" * 32).decode()
SIGNING = key_text("release_signing", CITY, b"s" * 32).decode()
FUTURE = "cradlepath-key 2 kind=k1 city=0123456789abcdef check=00000000 words=24"


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("k1.key", None, r"no such key file, expected one; restore it .* `cradlepath keys init`"),
        ("k1.key", lambda _: "", r"not a key file: expected a first line `cradlepath-key 1 kind=k1 city=\.\.\.`"),
        ("k1.key", lambda _: "once upon\n", r"not a key file"),
        ("k1.key", spoil(header=FUTURE), r"found version 2 of the key format, expected 1; use the version"),
        ("k1.key", lambda _: A_HUB_KEY, r"found a key of kind hub, expected k1; put that key's own file there"),
        ("k1.key", lambda _: OTHERS, rf"a key of another city \({OTHER_CITY}\), expected city {CITY}; put this city"),
        ("k1.key", spoil(body="abcd\n"), r"found 2 bytes, expected 32; restore it"),
        ("k1.key", spoil(body="ab" * 33), r"found 33 bytes, expected 32; restore it"),
        ("k1.key", spoil(body=""), r"found 0 bytes, expected 32; restore it"),
        ("k1.key", spoil(body="not hex at all"), r"not a key, expected 64 hex digits; restore it"),
        ("k1.key", spoil(body="ab" * 32), r"damaged: its check digits do not fit; restore it"),
        ("k1.key", lambda text: text + " " * (1 << 20), r"too many for a key file; restore"),
        ("k2.key", None, r"no such key file"),
        ("hub.key", None, r"no such key file"),
        ("hub_seal.pem", None, r"no such key file"),
        ("release_signing.pem", None, r"no such key file"),
        ("release_signing.pem", spoil(body="not a key"), r"not a private key in PEM; restore it"),
        ("hub_seal.pem", spoil(body=SIGNING.partition("\n")[2]), r"another sort of key, expected X25519; restore it"),
        ("hub_seal.pem", lambda _: SIGNING, r"found a key of kind release_signing, expected hub_seal"),
        ("keyring.json", None, r"no such key file"),
        ("keyring.json", lambda _: "{}", r"cannot use this key ring; restore"),
        ("keyring.json", lambda _: "[]", r"cannot use this key ring; restore"),
        ("keyring.json", lambda _: '{"version": 1, "mode": "hub-tokenised"}', r"not a key ring of version 2"),
        ("keyring.json", lambda text: text.replace("hub-tok", "un-tok"), r"cannot use this key ring; restore"),
        ("k2.next", lambda _: "", r"rotation of K2 was begun and not ended; end it with `cradlepath keys rotate k2`"),
    ],
)
def test_a_spoilt_file_is_named_with_the_remedy(folder, name, change, says):
    path = folder / name
    before = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    if change is not None:
        path.write_text(change(before))
        path.chmod(0o600)
    with pytest.raises(KeyRingError) as caught:
        KeyRing.load(folder)
    text = str(caught.value)
    assert re.search(says, text)
    assert text.startswith(str(path))
    assert "\n" not in text
    secrets = [line for line in before.splitlines() if not line.startswith(("cradlepath", "{", " ", "}", "-"))]
    assert not [secret for secret in secrets if secret in text]


def test_the_ring_says_which_city_its_keys_must_be_of(folder):
    about = folder / "keyring.json"
    about.write_text(about.read_text().replace(CITY, OTHER_CITY))
    with pytest.raises(
        KeyRingError, match=rf"k1\.key: found a key of another city \({CITY}\), expected city {OTHER_CITY}"
    ):
        KeyRing.load(folder)


def test_two_files_with_one_key_are_refused(folder):
    for kind in ("k2", "hub"):
        (folder / f"{kind}.key").write_bytes(key_text(kind, CITY, b"7" * 32))
    with pytest.raises(KeyRingError, match="two key files hold the same key"):
        KeyRing.load(folder)


@pytest.mark.parametrize("name", sorted(HUB_FILES))
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_others_can_reach_is_refused(folder, name, mode):
    (folder / name).chmod(mode)
    with pytest.raises(KeyRingError, match=rf"{name}: permissions are {mode:04o}, expected 0600.*chmod 600"):
        KeyRing.load(folder)


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701])
def test_a_folder_others_can_look_into_is_refused(folder, tmp_path, mode):
    folder.chmod(mode)
    with pytest.raises(KeyRingError, match=rf"keys: permissions are {mode:04o}, expected 0700.*chmod 700"):
        KeyRing.load(folder)
    (tmp_path / "made").mkdir()
    (tmp_path / "made").chmod(mode)
    with pytest.raises(KeyRingError, match="chmod 700"):
        KeyRing.create(tmp_path / "made")
    assert not list((tmp_path / "made").iterdir())


def test_keys_are_never_overwritten(folder):
    held = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(KeyRingError, match="expected no keys here"):
        KeyRing.create(folder)
    (folder / "keyring.json").unlink()
    with pytest.raises(KeyRingError, match=r"found k1\.key"):
        KeyRing.create(folder)
    assert all((folder / name).read_bytes() == held[name] for name in held if name != "keyring.json")


def test_two_k1s_are_accepted_while_it_rotates(folder):
    now = KeyRing.load(folder)
    with pytest.raises(KeyRingError, match="no rotation of K1 is under way"):
        now.next_ring()
    (folder / "k1.next").write_bytes(key_text("k1", CITY, b"n" * 32))
    (folder / "k1.next").chmod(0o600)
    both = KeyRing.load(folder)
    after = both.next_ring()
    assert both.accepted_k1 == (now.k1_fingerprint, fingerprint_of(b"n" * 32))
    assert after.accepted_k1 == (fingerprint_of(b"n" * 32),)
    assert both.derive("token.x") == after.derive("token.x") != now.derive("token.x")
    assert (now.k1_in_use, both.k1_in_use) == (now.k1_fingerprint, after.k1_fingerprint)
    assert [ring.rotating_k1 for ring in (now, both, after)] == [False, True, False]
    assert after.derive("token.x") == derive_from(b"n" * 32, "token.x")
    assert {use: after.derive(use) for use in ("child.permutation", "record.birth", "rekey.labels")} == {
        use: now.derive(use) for use in ("child.permutation", "record.birth", "rekey.labels")
    }


class TestAgencies:
    """An agency's ring: K1 of the agencies and a kit of the hub."""

    USES = ("record.school", "content.rows", "pseudonym:schools")

    @pytest.fixture
    def machine(self, folder):
        """The hub's ring and the paths of K1 and of a kit, as at an agency."""
        ring = KeyRing.load(folder)
        ring.export_kit(folder / "kit.json", self.USES, "layout-1")
        return ring, folder / "k1.key", folder / "kit.json"

    def test_an_agency_derives_what_the_hub_derives(self, machine):
        hub, k1, kit = machine
        agency = AgencyRing.load(k1, kit)
        for use in (*self.USES, "token.feature", "token.rule.x"):
            assert agency.derive(use) == hub.derive(use)
            assert agency.derive(use, 16) == hub.derive(use, 16)
        assert agency.derive("token.feature", 64) == hub.derive("token.feature", 64)
        assert (agency.city, agency.layout, agency.uses) == (CITY, "layout-1", tuple(sorted(self.USES)))
        assert agency.k1_fingerprint == hub.k1_fingerprint
        assert agency.hub_public == hub.seal_key.public_key()
        assert kit.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("use", ["record.health", "rekey.labels", "child.permutation", "ledger.seal", "tokens"])
    def test_an_agency_has_no_other_key(self, machine, use):
        with pytest.raises(KeyRingError, match=f"no key for {use} at this agency.*agency-kit"):
            AgencyRing.load(*machine[1:]).derive(use)

    def test_a_kit_key_is_not_stretched(self, machine):
        with pytest.raises(KeyRingError, match="no key for"):
            AgencyRing.load(*machine[1:]).derive("record.school", 33)

    def test_a_kit_holds_no_root(self, machine):
        hub, _, kit = machine
        assert not [kind for kind, root in hub.roots().items() if root.hex() in kit.read_text()]
        assert "AgencyRing" in repr(AgencyRing.load(*machine[1:]))
        assert hub.derive("record.school").hex() not in repr(AgencyRing.load(*machine[1:]))

    @pytest.mark.parametrize(
        "use", ["rekey.labels", "token.feature", "child.permutation", "ledger.seal", "landing-seal", "store.digest"]
    )
    def test_what_must_stay_at_the_hub_is_not_exported(self, folder, use):
        with pytest.raises(KeyRingError, match=f"a kit may not hold {use}"):
            KeyRing.load(folder).export_kit(folder / "kit.json", ["record.school", use], "layout-1")
        assert not (folder / "kit.json").exists()

    def test_a_kit_is_for_something_and_overwrites_nothing(self, machine):
        hub, _, kit = machine
        with pytest.raises(KeyRingError, match="without any use"):
            hub.export_kit(kit.with_name("empty.json"), [], "layout-1")
        with pytest.raises(KeyRingError, match="found a file, expected none"):
            hub.export_kit(kit, self.USES, "layout-1")

    def test_the_kit_of_an_agency_tokenised_hub_names_the_k1_it_accepts(self, tmp_path):
        hub = KeyRing.create(tmp_path / "keys", AGENCY_TOKENISED, CITY, K1_NAME)
        hub.export_kit(tmp_path / "kit.json", self.USES, "layout-1")
        (tmp_path / "k1.key").write_bytes(key_text("k1", CITY, b"k" * 32))
        (tmp_path / "k1.key").chmod(0o600)
        with pytest.raises(KeyRingError, match=rf"found K1 {fingerprint_of(b'k' * 32)}, expected {K1_NAME}"):
            AgencyRing.load(tmp_path / "k1.key", tmp_path / "kit.json")

    def test_a_k1_of_another_city_is_refused(self, machine):
        _, k1, kit = machine
        k1.write_text(OTHERS)
        with pytest.raises(KeyRingError, match="found a key of another city"):
            AgencyRing.load(k1, kit)

    def test_a_kit_before_any_k1_was_accepted_takes_any(self, tmp_path):
        hub = KeyRing.create(tmp_path / "keys", AGENCY_TOKENISED, CITY)
        hub.export_kit(tmp_path / "kit.json", self.USES, "layout-1")
        (tmp_path / "k1.key").write_bytes(key_text("k1", CITY, b"k" * 32))
        (tmp_path / "k1.key").chmod(0o600)
        assert AgencyRing.load(tmp_path / "k1.key", tmp_path / "kit.json").k1_fingerprint == fingerprint_of(b"k" * 32)

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda _: "once upon a time", "not an agency kit; ask the hub"),
            (lambda _: "[]", "not an agency kit; ask the hub"),
            (lambda text: text.replace("kit/1", "kit/2"), "another version, expected cradlepath-agency-kit/1"),
            (lambda text: text.replace("layout-1", "layout-2"), "the agency kit is damaged"),
            (lambda text: json.dumps(json.loads(text) | {"more": 1}), "the agency kit is damaged"),
            (lambda text: re.sub(r'"check": "\w+"', '"check": "0"', text), "the agency kit is damaged"),
        ],
    )
    def test_a_spoilt_kit_is_refused(self, machine, change, says):
        _, k1, kit = machine
        kit.write_text(change(kit.read_text()))
        with pytest.raises(KeyRingError, match=says):
            AgencyRing.load(k1, kit)

    def test_a_kit_others_can_read_is_refused(self, machine):
        machine[2].chmod(0o644)
        with pytest.raises(KeyRingError, match="0644, expected 0600"):
            AgencyRing.load(*machine[1:])
