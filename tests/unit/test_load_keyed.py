import hashlib
import hmac

import pyarrow as pa
import pytest

from assets.extracts.keyed import KeyedDigests, file_digest, pads, sha256_of

SECRET = b"s" * 32


def expected(message: bytes) -> bytes:
    return hmac.digest(SECRET, message, "sha256")[:16]


def test_a_digest_is_hmac_sha256_of_the_framed_columns():
    with KeyedDigests(SECRET) as digests:
        found = digests.of("t", [pa.array(["ab", None, "é"]), pa.array([1, 2, None])])
    assert found.type == pa.binary(16)
    assert found.to_pylist() == [expected(b"t\n2:ab1:1"), expected(b"t\n-1:2"), expected("t\n2:é-".encode())]


def test_columns_are_framed_so_that_no_two_rows_have_one_message():
    left, right = pa.array(["a", "ab", "", None]), pa.array(["bc", "c", "abc", "abc"])
    with KeyedDigests(SECRET) as digests:
        assert len(set(digests.of("t", [left, right]).to_pylist())) == 4


def test_the_name_of_what_is_digested_and_the_secret_separate_digests():
    column = [pa.array(["x"])]
    with KeyedDigests(SECRET) as one, KeyedDigests(b"t" * 32) as other:
        assert (
            len({bytes(d.as_py()) for d in (one.of("a", column)[0], one.of("b", column)[0], other.of("a", column)[0])})
            == 3
        )


def test_binary_and_dated_columns_are_digested_too():
    keys = pa.array([b"\x00" * 16, b"\x01" * 16], pa.binary(16))
    with KeyedDigests(SECRET) as digests:
        assert len(set(digests.of("t", [keys, pa.array([1.5, None])]).to_pylist())) == 2


def test_no_rows_give_no_digests():
    with KeyedDigests(SECRET) as digests:
        assert len(digests.of("t", [pa.array([], pa.string())])) == 0


def test_a_secret_longer_than_a_block_is_refused():
    with pytest.raises(ValueError, match="64 bytes"):
        pads(b"x" * 65)


def test_a_file_is_known_again_by_its_bytes_and_the_k1_it_was_used_with(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"abc" * 1_000_000)
    sha256 = sha256_of(path)
    assert sha256 == hashlib.sha256(b"abc" * 1_000_000).digest()
    assert file_digest(sha256, "k1", SECRET) == hmac.digest(SECRET, b"k1" + sha256, "sha256")
    others = [(sha256_of(path), "k2", SECRET), (hashlib.sha256(b"abd").digest(), "k1", SECRET), (sha256, "k1", b"s")]
    assert all(file_digest(*other) != file_digest(sha256, "k1", SECRET) for other in others)
