"""Escrow: any k of n shares give every root key back, fewer tell nothing, and a damaged share is named."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage import shamir
from linkage.errors import KeyRingError
from linkage.escrow import restore, share_k1, share_ring, write_shares
from linkage.keys import AGENCY_TOKENISED, HUB_TOKENISED, KeyRing
from linkage.rotation import begin_k1

CITY, K1 = "0123456789abcdef", "00112233445566ff"


def byte(value):
    return np.array([value], np.uint8)


class TestShamir:
    """The arithmetic."""

    @pytest.mark.parametrize(
        ("a", "b", "product"),
        [
            (0x57, 0x83, 0xC1),  # FIPS 197, section 4.2
            (0x57, 0x13, 0xFE),  # FIPS 197, section 4.2.1
            (0x53, 0xCA, 0x01),
            (90, 21, 254),  # github.com/codahale/sss
            (133, 5, 167),
            (0, 21, 0),
            (21, 0, 0),
            (3, 7, 9),  # github.com/hashicorp/vault/shamir
        ],
    )
    def test_the_field_is_that_of_aes(self, a, b, product):
        assert shamir.multiply(byte(a), byte(b)) == product
        if a and b:
            assert shamir.divide(byte(product), byte(b)) == a

    def test_multiplication_is_carry_less_modulo_the_polynomial_of_aes(self):
        """All 65,536 products against the definition."""
        a, b = (x.ravel() for x in np.meshgrid(np.arange(256), np.arange(256)))
        product = np.zeros_like(a)
        for bit in range(8):
            product ^= np.where(b >> bit & 1, a << bit, 0)
        for bit in range(14, 7, -1):
            product ^= np.where(product >> bit & 1, 0x11B << (bit - 8), 0)
        assert (shamir.multiply(a.astype(np.uint8), b.astype(np.uint8)) == product).all()
        some = b > 0
        back = shamir.divide(product[some].astype(np.uint8), b[some].astype(np.uint8))
        assert (back == a[some]).all()

    @pytest.mark.parametrize(
        ("points", "secret"),
        [  # interpolation at 0, github.com/codahale/sss
            ({1: 1, 2: 2, 3: 3}, 0),
            ({1: 80, 2: 90, 3: 20}, 30),
            ({1: 43, 2: 22, 3: 86}, 107),
        ],
    )
    def test_known_shares_restore(self, points, secret):
        assert shamir.restore({x: bytes([y]) for x, y in points.items()}) == bytes([secret])

    def test_shares_are_values_of_the_polynomial(self):
        """1 + 0x + 2x² + 3x³ at 2 is 17 (github.com/codahale/sss)."""
        assert shamir.split(b"\x01", 4, 4, random=lambda n: bytes([0, 2, 3])[:n])[2] == bytes([17])

    @given(data=st.data(), secret=st.binary(min_size=1, max_size=200))
    @settings(deadline=None, max_examples=60)
    def test_any_k_of_n_restore(self, data, secret):
        n = data.draw(st.integers(2, 12) | st.just(255))
        k = data.draw(st.integers(2, min(n, 8)))
        shares = shamir.split(secret, n, k)
        assert list(shares) == list(range(1, n + 1))
        some = data.draw(st.lists(st.sampled_from(list(shares)), min_size=k, max_size=min(n, k + 3), unique=True))
        assert shamir.restore({x: shares[x] for x in some}) == secret

    @pytest.mark.parametrize("secret", [0, 1, 0x80, 255])
    def test_one_share_of_two_is_uniform_whatever_the_secret(self, secret):
        """Over all 256 coefficients every share takes every value once."""
        shares = shamir.split(bytes([secret]) * 256, 5, 2, random=lambda n: bytes(range(n)))
        for share in shares.values():
            assert sorted(share) == list(range(256))

    @pytest.mark.parametrize("secret", [0, 77])
    def test_two_shares_of_three_are_uniform_whatever_the_secret(self, secret):
        """Over all 65,536 pairs of coefficients every pair of shares takes every pair of values once."""
        first, second = (x.ravel().astype(np.uint8) for x in np.meshgrid(np.arange(256), np.arange(256)))
        drawn = first.tobytes() + second.tobytes()
        shares = shamir.split(bytes([secret]) * 65536, 4, 3, random=lambda n: drawn[:n])
        for one, other in itertools.combinations(shares, 2):
            pairs = np.frombuffer(shares[one], np.uint8).astype(int) << 8 | np.frombuffer(shares[other], np.uint8)
            assert len(np.unique(pairs)) == 65536

    def test_every_split_draws_anew_and_asks_for_enough(self):
        asked = []

        def draw(n):
            asked.append(n)
            return bytes(n)

        shamir.split(b"secret", 5, 3, random=draw)
        assert asked == [12]
        assert shamir.split(b"secret" * 5, 5, 3) != shamir.split(b"secret" * 5, 5, 3)

    @pytest.mark.parametrize(("n", "k"), [(5, 1), (5, 0), (2, 3), (256, 2)])
    def test_a_scheme_that_makes_no_sense_is_refused(self, n, k):
        with pytest.raises(ValueError, match="expected 2 <= threshold <= shares <= 255"):
            shamir.split(b"s", n, k)


def shared(tmp_path, mode=HUB_TOKENISED, *, n=5, k=3, name="hub"):
    """Return a ring and the files of its shares."""
    ring = KeyRing.create(tmp_path / name, mode, CITY, K1 if mode == AGENCY_TOKENISED else None)
    return ring, write_shares(tmp_path / f"{name}-shares", share_ring(ring, n, k))


@pytest.mark.parametrize("mode", [HUB_TOKENISED, AGENCY_TOKENISED])
def test_three_of_five_restore_the_ring(tmp_path, mode):
    ring, files = shared(tmp_path, mode)
    for number, chosen in enumerate([(0, 1, 2), (4, 2, 0), (0, 1, 2, 3, 4)]):
        assert restore([files[i] for i in chosen], tmp_path / str(number)) == ring.fingerprint
        again = KeyRing.load(tmp_path / str(number))
        assert again.roots() == ring.roots()
        assert again.about == ring.about


@pytest.mark.parametrize("mode", [HUB_TOKENISED, AGENCY_TOKENISED])
def test_a_ring_whose_k1_is_rotating_is_restored_so(tmp_path, mode):
    ring, _ = shared(tmp_path, mode)
    begin_k1(tmp_path / "hub", K1[::-1] if mode == AGENCY_TOKENISED else None)
    ring = KeyRing.load(tmp_path / "hub")
    files = write_shares(tmp_path / "again", share_ring(ring, 3, 2))
    restore(files[1:], tmp_path / "restored")
    assert KeyRing.load(tmp_path / "restored").next_ring().accepted_k1 == ring.next_ring().accepted_k1


def test_an_agency_shares_its_k1(tmp_path):
    ring, _ = shared(tmp_path)
    files = write_shares(tmp_path / "shares", share_k1(tmp_path / "hub" / "k1.key", 3, 2))
    assert restore(files[:2], tmp_path / "restored") == ring.k1_fingerprint
    assert (tmp_path / "restored" / "k1.key").read_bytes() == (tmp_path / "hub" / "k1.key").read_bytes()
    assert [held.name for held in (tmp_path / "restored").iterdir()] == ["k1.key"]


def test_a_share_is_private_printable_and_holds_no_key(tmp_path):
    ring, files = shared(tmp_path)
    assert [file.name for file in files] == [f"share-{number}-of-5.txt" for number in range(1, 6)]
    for file in files:
        text = file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600
        assert text.isascii()
        assert max(map(len, text.splitlines())) <= 80
        body = "".join(re.findall(r"^\d\d ([0-9a-f ]+)-", text, re.MULTILINE)).replace(" ", "")
        assert len(body) == 2 * 32 * len(ring.roots())
        assert not [kind for kind, root in ring.roots().items() if root.hex() in body]
    assert len({file.read_text() for file in files}) == 5


def test_a_share_may_be_typed_in_loosely(tmp_path):
    ring, files = shared(tmp_path)
    text = files[0].read_text().upper().replace(" ", "  ").replace("\n", " \n\n")
    files[0].write_text(text)
    assert restore(files[:3], tmp_path / "restored") == ring.fingerprint


def retyped(pattern, replacement):
    return lambda text: re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE)


def one_digit(text):
    """Return the share with one digit of its third line of key changed."""
    digit = re.search(r"^03 (.)", text, re.MULTILINE)[1]
    return retyped(r"^03 .", f"03 {'0' if digit != '0' else '1'}")(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: "", "not a share of this version: expected the first line `cradlepath-share 1`"),
        (retyped("share 1", "share 2"), "not a share of this version"),
        (one_digit, r"line 14 is damaged or out of its place; copy that line again"),
        (retyped(r"^(01 .*)\n(02 .*)$", r"\2\n\1"), r"line 12 is damaged or out of its place"),
        (retyped(r"^04 .*\n", ""), r"line 15 is damaged or out of its place"),
        (retyped(r"^10 .*\n", ""), r"its check does not fit; compare every line"),
        (retyped(r"^check: .*$", "check: 0123456789abcdef"), r"its check does not fit"),
        (retyped(r"^check: .*$", ""), r"damaged"),
        (retyped(r"^share: \d", "share: 4"), r"its check does not fit"),
        (retyped(r"^share: \d", "share: x"), r"`share` is no number"),
        (retyped(r"^threshold: 3", "threshold: 0"), r"`threshold` is no number"),
        (retyped(r"^city: .*$", "city:"), r"line 2: expected `city: \.\.\.`"),
        (retyped(r"^ring: .*\n", ""), r"line 3: expected `ring: \.\.\.`"),
        (lambda text: "\n".join(text.splitlines()[:8]), r"was cut: found 8 lines"),
    ],
)
def test_a_damaged_share_is_named_with_its_line(tmp_path, change, says):
    _, files = shared(tmp_path)
    before = files[1].read_text()
    files[1].write_text(change(before))
    assert files[1].read_text() != before
    with pytest.raises(KeyRingError, match=says) as caught:
        restore(files[:3], tmp_path / "restored")
    assert str(caught.value).startswith(str(files[1]))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "restored").exists()


def test_too_few_or_mixed_shares_restore_nothing(tmp_path):
    _, files = shared(tmp_path)
    _, others = shared(tmp_path, name="other")
    again = write_shares(tmp_path / "second", share_ring(KeyRing.load(tmp_path / "hub"), 5, 3))
    for chosen, says in [
        (files[:2], "found 2 different shares, expected 3 of 5; ask more of the people"),
        ([files[0], files[1], files[1]], "found 2 different shares, expected 3"),
        ([*files[:2], others[2]], "of another city or ceremony"),
        ([*files[:2], again[2]], "of another city or ceremony"),
        ([], "found no share"),
    ]:
        with pytest.raises(KeyRingError, match=says):
            restore(chosen, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_a_forged_share_is_noticed_before_anything_is_written(tmp_path):
    """Someone changes a share and its check digits: the ring's fingerprint does not fit."""
    from linkage import escrow

    _, files = shared(tmp_path)
    header, body = escrow._read(files[0])
    files[0].write_text(escrow._text(header, bytes([body[0] ^ 1]) + body[1:]))
    with pytest.raises(KeyRingError, match="do not give back what was shared"):
        restore(files[:3], tmp_path / "restored")
    assert not (tmp_path / "restored").exists()
    k1 = write_shares(tmp_path / "k1", share_k1(tmp_path / "hub" / "k1.key", 3, 2))
    header, body = escrow._read(k1[0])
    k1[0].write_text(escrow._text(header, bytes([body[0] ^ 1]) + body[1:]))
    with pytest.raises(KeyRingError, match="do not give back what was shared"):
        restore(k1[:2], tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_nothing_is_overwritten(tmp_path):
    ring, files = shared(tmp_path)
    with pytest.raises(KeyRingError, match="expected no keys here"):
        restore(files, tmp_path / "hub")
    with pytest.raises(KeyRingError, match="found a file, expected none"):
        write_shares(files[0].parent, share_ring(ring, 5, 3))
    assert KeyRing.load(tmp_path / "hub").fingerprint == ring.fingerprint


def test_a_scheme_that_makes_no_sense_is_refused_with_a_better_one(tmp_path):
    ring, _ = shared(tmp_path)
    with pytest.raises(KeyRingError, match=r"found 6 of 5 shares, .*; three of five is a good start"):
        share_ring(ring, 5, 6)
