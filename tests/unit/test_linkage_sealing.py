"""Sealed tables: they open with their key and whole, or not at all."""

import stat
from itertools import accumulate

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.errors import SealError
from linkage.sealing import CHUNK_BYTES, MAGIC, PREFIX_BYTES, SealedTables

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
TABLES = {
    "first": pa.table({"name": ["Marisol", None], "n": [1, 2]}),
    "none": pa.table({"x": pa.array([], pa.binary(16))}),
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    file = SealedTables(tmp_path_factory.mktemp("sealed") / "new" / "tables.sealed", KEY)
    file.write(TABLES)
    return file


def chunks(content: bytes) -> list[bytes]:
    """The head of a sealed file and its chunks."""
    start, found = len(MAGIC) + PREFIX_BYTES, []
    found.append(content[:start])
    while start < len(content):
        size = 4 + int.from_bytes(content[start : start + 4], "big")
        found.append(content[start : start + size])
        start += size
    return found


def test_tables_come_back_as_they_were(sealed):
    assert {name: table.equals(TABLES[name]) for name, table in sealed.read().items()} == {"first": True, "none": True}


def test_an_absent_file_holds_no_tables(tmp_path):
    file = SealedTables(tmp_path / "none.sealed", KEY)
    assert (file.exists(), file.read()) == (False, {})


def test_only_its_owner_may_read_it_and_it_shows_nothing(sealed):
    assert stat.S_IMODE(sealed.path.stat().st_mode) == 0o600
    assert not [word for word in (b"Marisol", b"name", b"first", b"ARROW") if word in sealed.path.read_bytes()]
    assert [path.name for path in sealed.path.parent.iterdir()] == [sealed.path.name]


def test_the_same_tables_are_sealed_differently_every_time(tmp_path):
    files = [SealedTables(tmp_path / str(n), KEY) for n in range(2)]
    for file in files:
        file.write(TABLES)
    assert files[0].path.read_bytes()[len(MAGIC) :] != files[1].path.read_bytes()[len(MAGIC) :]


def refused(path, content: bytes, key: bytes = KEY) -> None:
    path.write_bytes(content)
    with pytest.raises(SealError, match="restore it") as caught:
        SealedTables(path, key).read()
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert "Marisol" not in str(caught.value)


def test_another_key_does_not_open_it(sealed, tmp_path):
    refused(tmp_path / "copy", sealed.path.read_bytes(), OTHER)


@given(data=st.data())
@settings(deadline=None)
def test_a_flipped_bit_anywhere_does_not_open(sealed, tmp_path_factory, data):
    content = bytearray(sealed.path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    refused(tmp_path_factory.getbasetemp() / "flipped", bytes(content))


@given(data=st.data())
@settings(deadline=None)
def test_a_file_cut_anywhere_does_not_open(sealed, tmp_path_factory, data):
    parts = chunks(sealed.path.read_bytes())
    edges = list(accumulate(map(len, parts[:-1])))
    content = sealed.path.read_bytes()
    cut = data.draw(st.sampled_from(edges) | st.integers(0, len(content) - 1))
    refused(tmp_path_factory.getbasetemp() / "cut", content[:cut])


def test_chunks_keep_their_order_and_number(sealed, tmp_path):
    head, one, two, three = chunks(sealed.path.read_bytes())
    for content in ([two, one, three], [one, three], [one, two, three, three], [one, one, three]):
        refused(tmp_path / "copy", b"".join([head, *content]))


def test_chunks_of_two_files_do_not_mix(sealed, tmp_path):
    other = SealedTables(tmp_path / "other", KEY)
    other.write(TABLES)
    refused(tmp_path / "copy", b"".join([*chunks(sealed.path.read_bytes())[:3], chunks(other.path.read_bytes())[3]]))


def test_tables_larger_than_a_chunk(tmp_path):
    file = SealedTables(tmp_path / "large", KEY)
    large = pa.table({"n": pa.array(range(CHUNK_BYTES // 8 + 1))})
    file.write({"large": large})
    assert file.read()["large"].equals(large)
    assert len(chunks(file.path.read_bytes())) == 1 + 3


def test_a_write_that_fails_leaves_the_old_tables(tmp_path):
    file = SealedTables(tmp_path / "tables.sealed", KEY)
    file.write(TABLES)
    (tmp_path / "tables.sealed.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        file.write({})
    assert set(file.read()) == set(TABLES)
