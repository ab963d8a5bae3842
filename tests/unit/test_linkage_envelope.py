"""Envelopes: what comes out is what went in, and anything else is refused as a whole."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkage import envelope
from linkage.envelope import open_with, read_header, seal_to, write_envelope
from linkage.errors import SealError
from linkage.key_files import key_text
from linkage.keys import AGENCY_TOKENISED, KeyRing
from linkage.rotation import begin_k1

CITY, K1 = "0123456789abcdef", "00112233445566ff"
HEADER = {"city": CITY, "k1_fingerprint": K1, "source": "school", "layout": "layout-1", "delivery": "2026-11-24/1"}
CHUNK = 64
START = b"cradlepath envelope 1\n"


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """The ring of the hub to which the envelopes of this file are sealed."""
    return KeyRing.create(tmp_path_factory.mktemp("hub") / "keys", AGENCY_TOKENISED, CITY, K1)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Let a few bytes be many chunks."""
    monkeypatch.setattr(envelope, "CHUNK_BYTES", CHUNK)


def sealed(ring, content=b"x" * 1000, **header):
    return b"".join(seal_to(ring.seal_key.public_key(), HEADER | header, [content]))


def opened(ring, path, content):
    path.write_bytes(content)
    header, parts = open_with(ring, path)
    return header, b"".join(parts)


def frames(content):
    """Return where the header ends and the chunks of an envelope, the wrapped key being with the header."""
    start = len(START) + 4 + int.from_bytes(content[len(START) : len(START) + 4], "big") + 80
    return content[:start], [content[at : at + CHUNK + 16] for at in range(start, len(content), CHUNK + 16)]


@given(parts=st.lists(st.binary(max_size=3 * CHUNK), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_what_is_sealed_comes_out(ring, tmp_path, parts):
    path = tmp_path / "file.envelope"
    write_envelope(path, ring.seal_key.public_key(), HEADER, parts)
    header, content = open_with(ring, path)
    assert header == HEADER
    assert b"".join(content) == b"".join(parts)
    whole = b"".join(parts)
    assert len(frames(path.read_bytes())[1]) == max(1, -(-len(whole) // CHUNK))
    assert read_header(path).items() >= HEADER.items()


def test_pieces_do_not_show_and_no_two_envelopes_are_alike(ring):
    whole, again = sealed(ring, b"y" * 200), sealed(ring, b"y" * 200)
    pieces = b"".join(seal_to(ring.seal_key.public_key(), HEADER, [b"y"] * 200))
    assert len(whole) == len(again) == len(pieces)
    assert frames(whole)[1][0] != frames(again)[1][0]
    assert b"yyyy" not in whole


def test_content_is_streamed(ring):
    taken = []

    def parts():
        for number in range(4):
            taken.append(number)
            yield bytes(CHUNK)

    made = seal_to(ring.seal_key.public_key(), HEADER, parts())
    next(made)
    assert not taken
    next(made)
    assert taken == [0, 1]


def test_the_content_key_is_wrapped_by_hpke_with_the_header_as_info(ring):
    """RFC 9180 as `cryptography` does it, so that another program can open an envelope."""
    content = sealed(ring)
    head = frames(content)[0]
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    assert len(suite.decrypt(head[-80:], ring.seal_key, info=head[:-80])) == 32


def test_the_file_is_private_and_whole_or_absent(ring, tmp_path):
    path = tmp_path / "out" / "file.envelope"
    write_envelope(path, ring.seal_key.public_key(), HEADER, [b"first"])
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()

    def failing():
        yield b"second"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_envelope(path, ring.seal_key.public_key(), HEADER, failing())
    assert path.read_bytes() == before
    assert [held.name for held in path.parent.iterdir()] == ["file.envelope"]


SPOILT = "was cut or changed on its way; have the agency deliver it again"


def resaid(content, **changes):
    """Return an envelope whose header says something else."""
    size = int.from_bytes(content[len(START) : len(START) + 4], "big")
    header = json.loads(content[len(START) + 4 : len(START) + 4 + size]) | changes
    text = json.dumps(header, sort_keys=True).encode()
    return START + len(text).to_bytes(4, "big") + text + content[len(START) + 4 + size :]


def chunks_moved(content, *order):
    head, chunks = frames(content)
    return head + b"".join(chunks[number] for number in order)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: b"", "not a sealed token file"),
        (lambda c: b"PK\x03\x04" + c, "not a sealed token file"),
        (lambda c: c.replace(b"envelope 1", b"envelope 2"), "another version of the format, expected version 1"),
        (lambda c: c[: len(START) + 2], SPOILT),
        (lambda c: c[: len(START) + 20], SPOILT),
        (lambda c: START + b"\xff\xff\xff\xff" + c[len(START) + 4 :], SPOILT),
        (lambda c: START + b"\0\0\0\0" + c[len(START) + 4 :], SPOILT),
        (lambda c: START + b"\0\0\0\2[]" + c, SPOILT),
        (lambda c: START + (1 << 16).to_bytes(4, "big") + b"[" * (1 << 16) + c, SPOILT),
        (lambda c: resaid(c, source="health"), SPOILT),
        (lambda c: resaid(c, delivery="2026-11-25/1"), SPOILT),
        (lambda c: resaid(c, more=1), SPOILT),
        (lambda c: resaid(c, city=1), SPOILT),
        (lambda c: frames(c)[0][:-10], SPOILT),
        (lambda c: frames(c)[0], SPOILT),
        (lambda c: c[:-1], SPOILT),
        (lambda c: c + b"\0", SPOILT),
        (lambda c: chunks_moved(c, 0, 1), SPOILT),
        (lambda c: chunks_moved(c, 0, 1, 2, 2), SPOILT),
        (lambda c: chunks_moved(c, 1, 0, 2), SPOILT),
        (lambda c: chunks_moved(c, 0, 2), SPOILT),
        (lambda c: chunks_moved(c, 0, 1, 1, 2), SPOILT),
        (lambda c: resaid(c, city="f" * 16), r"made for another city \(f{16}\), expected city 0123456789abcdef"),
        (lambda c: resaid(c, city="f\n2026 all is well"), r"made for another city, expected city"),
        (lambda c: resaid(c, k1_fingerprint="f" * 16), r"made with another K1 \(f{16}\), expected 00112233445566ff"),
        (lambda c: resaid(c, hub="f" * 16), "sealed to another public key than this hub's.*agency-kit"),
    ],
)
def test_a_changed_envelope_is_refused_as_a_whole(ring, tmp_path, change, says):
    content = sealed(ring, bytes(range(CHUNK)) * 3)
    changed = change(content)
    assert changed != content
    path = tmp_path / "file.envelope"
    path.write_bytes(changed)
    with pytest.raises(SealError, match=says) as caught:
        open_with(ring, path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_no_bit_can_be_changed(ring, tmp_path, at, bit):
    content = bytearray(sealed(ring, b"z" * 150))
    content[at % len(content)] ^= 1 << bit
    with pytest.raises(SealError):
        opened(ring, tmp_path / "file.envelope", content)


def test_chunks_of_another_envelope_do_not_fit(ring, tmp_path):
    one, other = (frames(sealed(ring, b"z" * 150)) for _ in range(2))
    with pytest.raises(SealError, match=SPOILT):
        opened(ring, tmp_path / "file.envelope", one[0] + one[1][0] + other[1][1] + one[1][2])


def test_the_envelope_of_another_hub_city_or_k1_is_refused(ring, tmp_path):
    same_city = KeyRing.create(tmp_path / "same", AGENCY_TOKENISED, CITY, K1)
    other_city = KeyRing.create(tmp_path / "other", AGENCY_TOKENISED, "f" * 16, K1)
    unset = KeyRing.create(tmp_path / "unset", AGENCY_TOKENISED, CITY)
    content = sealed(ring)
    for held, says in [
        (same_city, "sealed to another public key"),
        (other_city, "made for another city"),
    ]:
        with pytest.raises(SealError, match=says):
            opened(held, tmp_path / "file.envelope", content)
    with pytest.raises(SealError, match="expected none yet: accept the agencies' with `cradlepath keys accept-k1`"):
        opened(unset, tmp_path / "file.envelope", sealed(unset))
    with pytest.raises(SealError, match="made with another K1"):
        opened(ring, tmp_path / "file.envelope", sealed(ring, k1_fingerprint="a" * 16))


def test_a_forged_header_name_does_not_open_another_hubs_content(ring, tmp_path):
    other = KeyRing.create(tmp_path / "other", AGENCY_TOKENISED, CITY, K1)
    mine = read_header(write(tmp_path / "mine", sealed(ring)))["hub"]
    with pytest.raises(SealError, match=SPOILT):
        opened(ring, tmp_path / "file.envelope", resaid(sealed(other), hub=mine))


def write(path, content):
    path.write_bytes(content)
    return path


def test_both_k1s_are_accepted_while_it_rotates(tmp_path):
    KeyRing.create(tmp_path / "keys", AGENCY_TOKENISED, CITY, K1)
    begin_k1(tmp_path / "keys", "f" * 16)
    ring = KeyRing.load(tmp_path / "keys")
    for name in (K1, "f" * 16):
        assert opened(ring, tmp_path / "file", sealed(ring, k1_fingerprint=name))[0]["k1_fingerprint"] == name
    with pytest.raises(SealError, match=f"expected {K1} or {'f' * 16}"):
        opened(ring, tmp_path / "file", sealed(ring, k1_fingerprint="a" * 16))


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({}, "lacks city, k1_fingerprint, source, layout, delivery"),
        (HEADER | {"source": ""}, "lacks source"),
        (HEADER | {"layout": 3}, "lacks layout"),
        (HEADER | {"rows": [1]}, "may hold text, whole numbers"),
        (HEADER | {"hub": "x"}, "not the name `hub`"),
        (HEADER | {"note": "n" * (1 << 16)}, "expected at most 65536"),
    ],
)
def test_a_header_that_lacks_something_seals_nothing(ring, header, says):
    with pytest.raises(SealError, match=says):
        seal_to(ring.seal_key.public_key(), header, [b""])


def test_a_file_changed_between_checking_and_taking_is_noticed(ring, tmp_path):
    path = write(tmp_path / "file", sealed(ring, b"z" * 150))
    for spoilt in (sealed(ring, b"z" * 150), path.read_bytes()[:-1]):
        _, parts = open_with(ring, write(path, sealed(ring, b"z" * 150)))
        path.write_bytes(spoilt)
        with pytest.raises(SealError, match=SPOILT):
            list(parts)


def test_a_missing_file_is_named(ring, tmp_path):
    with pytest.raises(SealError, match="cannot be read"):
        open_with(ring, tmp_path / "none")


def test_a_new_hub_key_opens_nothing_old(ring, tmp_path):
    content = sealed(ring)
    KeyRing.create(tmp_path / "keys", AGENCY_TOKENISED, CITY, K1)
    fresh = X25519PrivateKey.generate().private_bytes_raw()
    (tmp_path / "keys" / "hub_seal.pem").write_bytes(key_text("hub_seal", CITY, fresh))
    with pytest.raises(SealError, match="sealed to another public key"):
        opened(KeyRing.load(tmp_path / "keys"), tmp_path / "file", content)
