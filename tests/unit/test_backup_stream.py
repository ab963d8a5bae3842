"""The sealed stream: no bit of it can be changed, nothing cut off, nothing moved, and no other key opens it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.backup import stream
from pipelines.backup.errors import BackupError
from pipelines.backup.stream import TAG_BYTES, SealedReader, SealedWriter

MASTER, CITY = b"m" * 32, "0123456789abcdef"
CHUNK = 64


class _File(io.BytesIO):
    def fileno(self) -> int:
        return 0


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK_BYTES", CHUNK)
    monkeypatch.setattr(stream.os, "fsync", lambda _handle: None)


def sealed(data: bytes, pieces: int = 50) -> bytes:
    file = _File()
    writer = SealedWriter(file, MASTER, {"city": CITY, "mode": "test"})
    for at in range(0, len(data), pieces):
        assert writer.write(data[at : at + pieces]) == len(data[at : at + pieces])
    writer.finish()
    return file.getvalue()


def opened(raw: bytes, master: bytes = MASTER, city: str = CITY, size: int = 37) -> bytes:
    reader = SealedReader(io.BytesIO(raw), master, city, "a backup")
    return b"".join(iter(lambda: reader.read(size), b""))


@given(data=st.binary(max_size=300), pieces=st.integers(1, 300), size=st.integers(1, 300))
def test_what_was_written_is_read(data: bytes, pieces: int, size: int):
    stream.CHUNK_BYTES = CHUNK
    assert opened(sealed(data, pieces), size=size) == data


def test_every_flipped_bit_is_refused():
    raw = sealed(bytes(range(150)))
    for at in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[at] ^= 1 << bit
            with pytest.raises(BackupError):
                opened(bytes(changed))


def test_every_cut_is_refused_and_everything_added():
    raw = sealed(bytes(range(150)))
    for length in range(len(raw)):
        with pytest.raises(BackupError):
            opened(raw[:length])
    with pytest.raises(BackupError):
        opened(raw + b"\0")


def test_chunks_cannot_change_places_within_or_between_files():
    data = b"a" * (3 * CHUNK)
    one, two = sealed(data), sealed(data)
    whole = CHUNK + TAG_BYTES
    start = len(one) - 3 * whole
    first, second = one[start : start + whole], one[start + whole : start + 2 * whole]
    for mixed in (
        one[:start] + second + first + one[start + 2 * whole :],
        one[:start] + first + first + one[start + 2 * whole :],
        one[: start + whole] + two[start + whole :],
        two[:start] + one[start:],
        one[:start] + one[start + whole :],
    ):
        with pytest.raises(BackupError):
            opened(mixed)


def test_another_key_and_another_city_are_refused_in_one_line():
    raw = sealed(b"x")
    with pytest.raises(BackupError, match="does not open with these keys"):
        opened(raw, b"n" * 32)
    with pytest.raises(BackupError, match="another city"):
        opened(raw, city="f" * 16)
    with pytest.raises(BackupError, match="no backup of this version"):
        opened(b"PK\x03\x04 some archive")


def test_nothing_is_in_the_clear():
    assert b"Ada Lovelace" not in sealed(b"Ada Lovelace" * 20)
