"""Which encoding a file is taken for, and what becomes of bytes that do not fit."""

from __future__ import annotations

import pytest

from assets.extracts.delivery import DeliveryError, Limits
from assets.extracts.readers import text as module
from assets.extracts.readers.members import Member
from assets.extracts.readers.text import DAMAGE, Utf8Stream, inspect

CASES = [
    # bytes, declared, encoding, as text
    (b"plain", None, "utf-8", "plain"),
    ("Zoë".encode(), None, "utf-8", "Zoë"),
    ("\ufeffZoë".encode(), None, "utf-8", "Zoë"),
    ("Zoë Núñez".encode("cp1252"), None, "cp1252", "Zoë Núñez"),
    (b"\x80 and \x81", None, "cp1252", "€ and \x81"),
    ("Zoë Núñez ".encode() + b"\xe9", None, "utf-8", "Zoë Núñez " + DAMAGE),
    ("\ufffd".encode(), None, "utf-8", "\ufffd"),
    ("\ufeffZoë".encode("utf-16-le"), None, "utf-16-le", "Zoë"),
    ("\ufeffZoë".encode("utf-16-be"), None, "utf-16-be", "Zoë"),
    (b"Zo\xeb", "latin-1", "iso8859-1", "Zoë"),
    (b"Zo\xeb", "utf-8", "utf-8", "Zo" + DAMAGE),
    (b"cut \xc3", "utf-8", "utf-8", "cut " + DAMAGE),
]


@pytest.mark.parametrize("piece", [1, 2, 1 << 20])
@pytest.mark.parametrize(("data", "declared", "encoding", "words"), CASES)
def test_encoding(tmp_path, monkeypatch, data, declared, encoding, words, piece):
    monkeypatch.setattr(module, "_PIECE", piece)
    path = tmp_path / "x"
    path.write_bytes(data)
    found = inspect(Member("x", len(data), path), Limits(), declared)
    assert found.encoding == encoding
    assert b"".join(found.pieces()).decode() == words
    assert found.head(100) == words


def test_stream_skips_and_ends(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"header\nrow")
    stream = Utf8Stream(inspect(Member("x", 10, path), Limits()), skip=7, ending=b"END\n")
    assert stream.read(2) + stream.read() + stream.read() + stream.read() == b"row\nEND\n"
    assert stream.unfinished


def test_more_bytes_than_declared(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x" * 100)
    with pytest.raises(DeliveryError, match="larger than its archive declares"):
        inspect(Member("x", 50, path), Limits())
