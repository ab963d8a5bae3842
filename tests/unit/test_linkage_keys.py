"""The key ring: files, permissions, one key a use, and errors that say what to do."""

import re

import pytest
from support.linkage_keys import fixed_ring

from linkage.errors import KeyRingError
from linkage.keys import HUB_TOKENISED, KeyRing

FILES = ("k1.key", "k2.key", "hub.key", "release_signing.pem", "keyring.json")


def test_a_new_ring_is_private_and_loads_again(tmp_path):
    ring = KeyRing.create(tmp_path / "keys")
    assert {path.name for path in (tmp_path / "keys").iterdir()} == set(FILES)
    assert all((tmp_path / "keys" / name).stat().st_mode & 0o777 == 0o600 for name in FILES)
    again = KeyRing.load(tmp_path / "keys")
    assert again.fingerprint == ring.fingerprint
    assert again.derive("content.digest") == ring.derive("content.digest")
    assert ring.mode == HUB_TOKENISED


def test_two_rings_share_nothing(tmp_path):
    one, other = KeyRing.create(tmp_path / "one"), KeyRing.create(tmp_path / "other")
    assert one.fingerprint != other.fingerprint
    assert one.derive("x") != other.derive("x")


def test_every_use_has_its_own_key_and_root(tmp_path):
    ring = fixed_ring(tmp_path / "keys")
    uses = ["token.feature", "token.padding", "rekey.tokens", "record.birth", "record.health"]
    assert len({ring.derive(use) for use in uses}) == len(uses)
    assert len(ring.derive("seal", 16)) == 16
    (tmp_path / "keys" / "k1.key").write_text("ab" * 32)
    changed = KeyRing.load(tmp_path / "keys")
    assert changed.derive("token.feature") != ring.derive("token.feature")
    assert changed.derive("rekey.tokens") == ring.derive("rekey.tokens")
    assert changed.derive("record.birth") == ring.derive("record.birth")


def test_neither_repr_nor_fingerprint_holds_a_key(tmp_path):
    ring = fixed_ring(tmp_path / "keys")
    assert re.fullmatch(r"KeyRing\(fingerprint='[0-9a-f]{16}', mode='hub-tokenised'\)", repr(ring))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("k1.key", None, "no such key file"),
        ("k2.key", "abcd", "found 2 bytes, expected 32"),
        ("hub.key", "not hex at all", "expected 64 hex digits"),
        ("release_signing.pem", "not a key", "not a private key in PEM"),
        ("keyring.json", "{}", "cannot use this key ring"),
        ("k2.key", f"{11:064x}", "two key files hold the same key"),
    ],
)
def test_a_spoilt_file_is_named_with_the_remedy(tmp_path, name, content, says):
    fixed_ring(tmp_path / "keys")
    path = tmp_path / "keys" / name
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(KeyRingError) as caught:
        KeyRing.load(tmp_path / "keys")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    if content and len(content) > 4:
        assert content not in str(caught.value)


def test_a_key_others_can_read_is_refused(tmp_path):
    fixed_ring(tmp_path / "keys")
    (tmp_path / "keys" / "k1.key").chmod(0o644)
    with pytest.raises(KeyRingError, match="0644, expected 0600"):
        KeyRing.load(tmp_path / "keys")


def test_keys_are_never_overwritten(tmp_path):
    KeyRing.create(tmp_path / "keys")
    with pytest.raises(KeyRingError, match="expected no keys here"):
        KeyRing.create(tmp_path / "keys")
