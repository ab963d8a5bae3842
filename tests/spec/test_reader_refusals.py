"""Spec: what a delivery is refused for as a whole, and what people are told."""

from __future__ import annotations

import gzip
import stat
import struct
import zipfile

import pytest
from support.reader_sources import read_all, source, table, zipped

from assets.extracts.delivery import DeliveryError, Limits, open_delivery

TABLE = table("rows", ["a", "b", "c"])


def refused(path, limits=None, made=None):
    with pytest.raises(DeliveryError) as caught:
        delivery = open_delivery(made or source("csv", [TABLE]), [path], limits or Limits())
        for name in delivery.tables:
            read_all(delivery, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


TEXTS = [
    # what lands, what is told
    (b"", "an empty file"),
    (b"x,y,z\n1,2,3\n", "no header with column a in the first 2 rows"),
    (b"1,2,3\n4,5,6\n", "no header with column a"),
    (b"a,b,A,a\n1,2,3,4\n", "the header names column a 2 times"),
    ("a,b,c\n1,2,3\n".encode("utf-16-le"), "NUL bytes"),
    (gzip.compress(b"a,b,c\n"), "a gzip file"),
    (b"%PDF-1.7\n", "a PDF file"),
    (b"a,b,c\n1,2,3\n" + b'4,"5,6\n' + b"7,8,9\n" * 3000, "a row after row 2 is longer than 4096 bytes"),
    (b"a,b,c\n1," + b"x" * 20_000 + b",3\n", "a row after row 1 is longer than 4096 bytes"),
    (b"a,b,c\n" + b"1\n" * 200, "more than 100 rows of rows cannot be used"),
    (b"a," + b"b," * 60 + b"c\n", "more than 50 columns"),
]


@pytest.mark.parametrize(("data", "told"), TEXTS, ids=[t[1][:40] for t in TEXTS])
def test_text(tmp_path, data, told):
    path = tmp_path / "rows.csv"
    path.write_bytes(data)
    message = refused(path, Limits(max_row_bytes=4096, max_problems=100, max_columns=50))
    assert told in message
    assert message.startswith("rows.csv: ")


def corrupt(path, at, byte):
    data = bytearray(path.read_bytes())
    data[at] ^= byte
    path.write_bytes(bytes(data))


def test_archive_cut_short(tmp_path):
    path = zipped(tmp_path / "x.zip", {"rows.csv": b"a,b,c\n" + b"1,2,3\n" * 5000})
    path.write_bytes(path.read_bytes()[:-30])
    assert "not a complete zip archive" in refused(path)


def test_archive_damaged_inside(tmp_path):
    path = zipped(tmp_path / "x.zip", {"rows.csv": b"a,b,c\n" + bytes(f"{7**99},2,3\n" * 500, "ascii")})
    corrupt(path, 120, 0xFF)
    assert "not a complete zip archive" in refused(path)


def test_archive_checksum_wrong(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("rows.csv", b"a,b,c\n1,2,3\n")
    corrupt(path, path.read_bytes().index(b"1,2,3"), 0x01)
    assert "not a complete zip archive" in refused(path)


def test_no_archive_at_all(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"a,b,c\n1,2,3\n")
    assert "not a complete zip archive" in refused(path)


NAMES = ["../rows.csv", "/etc/rows.csv", "x/../../rows.csv", "..\\rows.csv", "C:\\rows.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_archive_that_points_outside(tmp_path, name):
    message = refused(zipped(tmp_path / "x.zip", {name: b"a,b,c\n1,2,3\n"}))
    assert "member 1 of the archive points outside" in message
    assert name not in message


def test_archive_with_a_link(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("rows.csv")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    assert "member 1 of the archive is a link" in refused(path)


def test_archive_with_a_password(tmp_path):
    path = zipped(tmp_path / "x.zip", {"rows.csv": b"a,b,c\n1,2,3\n"})
    data = bytearray(path.read_bytes())
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(header) + offset
        struct.pack_into("<H", data, at, struct.unpack_from("<H", data, at)[0] | 1)
    path.write_bytes(bytes(data))
    assert "locked by a password" in refused(path)


def test_archive_inside_an_archive(tmp_path):
    inner = zipped(tmp_path / "inner.zip", {"rows.csv": b"a\n"})
    assert "itself an archive" in refused(zipped(tmp_path / "x.zip", {"inner.ZIP": inner.read_bytes()}))


def test_archive_bomb_by_ratio(tmp_path):
    path = zipped(tmp_path / "x.zip", {"rows.csv": b"\n" * 2_000_000})
    assert "unpacks to more than 250 times its size" in refused(path, Limits(ratio_from=1_000_000))


def test_archive_bomb_by_size(tmp_path):
    path = zipped(tmp_path / "x.zip", {"rows.csv": b"a,b,c\n" * 1000, "more.csv": b"x" * 5000})
    assert "unpacks to more than 10000 bytes" in refused(path, Limits(max_uncompressed_bytes=10_000))


def test_archive_of_too_many_members(tmp_path):
    path = zipped(tmp_path / "x.zip", {f"{i}.csv": b"a" for i in range(20)})
    assert "more than 10 members" in refused(path, Limits(max_archive_members=10))


def test_archive_with_the_same_name_twice(tmp_path):
    path = zipped(tmp_path / "x.zip", {"one/rows.csv": b"a\n", "two/Rows.csv": b"a\n"})
    assert "two members have the same name" in refused(path)


def test_archive_whose_directory_lies_about_sizes(tmp_path):
    """A member that unpacks to more than it declares is stopped while it is read."""
    path = zipped(tmp_path / "x.zip", {"rows.csv": b"a,b,c\n" + b"1,2,3\n" * 100_000})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 100)
    path.write_bytes(bytes(data))
    assert refused(path).startswith(("x.zip/rows.csv: ", "x.zip: "))


def test_a_link_in_the_folder(tmp_path):
    (tmp_path / "real.csv").write_bytes(b"a,b,c\n")
    link = tmp_path / "rows.csv"
    link.symlink_to(tmp_path / "real.csv")
    assert "a link, not a file" in refused(link)


def test_a_file_too_large(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b,c\n" * 100)
    assert "more than 50" in refused(path, Limits(max_file_bytes=50))


def test_a_file_of_two_tables(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b,c\n")
    made = source("csv", [table("x", ["a"], files=["*.csv"]), table("y", ["a"], files=["rows*"])])
    assert "matches the files of x and y" in refused(path, made=made)


def test_a_full_delivery_that_lacks_a_table(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\n1\n")
    tables = [table("x", ["a"], files=["x.csv"]), table("y", ["a"], files=["y.csv"])]
    assert "no file for table y" in refused(path, made=source("csv", tables, delivery="full"))
    delivery = open_delivery(source("csv", tables, delivery="delta"), [path])
    assert delivery.tables == ("x",)


def test_a_column_by_which_rows_are_excluded_must_be_there(tmp_path):
    from dataclasses import replace

    from mou_policies.model import Exclusion

    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b,c\n1,2,3\n")
    sealed = Exclusion("sealed", ("Y",), "because", "cite", "test.sealed", cascade=False)
    made = source("csv", [replace(TABLE, excludes=(sealed,))])
    assert "no header with column sealed" in refused(path, made=made)


def test_no_reader_for_a_standard(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a\n")
    assert "no reader for the standard 'hl7v2'" in refused(path, made=source("hl7v2", [TABLE]))


def test_zip_of_delimited_files_is_read_in_place(tmp_path):
    path = zipped(tmp_path / "x.zip", {"folder/rows.csv": b"a,b,c\n1,2,3\n", "__MACOSX/._rows.csv": b"\0\0"})
    delivery = open_delivery(source("csv", [TABLE]), [path])
    assert [row["a"] for row in read_all(delivery, "rows")] == ["1"]
    assert delivery.rows_read == {("x.zip/rows.csv", "rows"): 1}
    assert [(seen.name, len(seen.sha256)) for seen in delivery.files] == [("x.zip", 64)]
