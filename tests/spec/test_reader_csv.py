"""Spec: delimited text. Each row of the tables: the rule, what the file holds, what is read or quarantined.

Rows are (row number, a, b, c); the row number is the one a spreadsheet shows, the header being 1.
"""

from __future__ import annotations

import pytest
from support.reader_sources import problems, read_csv

TOLERATED = [
    # rule, file, rows
    ("plain", b"a,b,c\n1,2,3\n", [(2, "1", "2", "3")]),
    ("no line end at the end", b"a,b,c\n1,2,3", [(2, "1", "2", "3")]),
    ("CRLF", b"a,b,c\r\n1,2,3\r\n", [(2, "1", "2", "3")]),
    ("CR alone", b"a,b,c\r1,2,3\r", [(2, "1", "2", "3")]),
    ("mixed line ends", b"a,b,c\n1,2,3\r\n4,5,6\n", [(2, "1", "2", "3"), (3, "4", "5", "6")]),
    ("byte order mark", b"\xef\xbb\xbfa,b,c\n1,2,3\n", [(2, "1", "2", "3")]),
    ("UTF-16 with its mark", "\ufeffa,b,c\nÉmile,2,3\n".encode("utf-16-le"), [(2, "Émile", "2", "3")]),
    ("semicolons", b"a;b;c\n1;2,5;3\n", [(2, "1", "2,5", "3")]),
    ("tabs", b"a\tb\tc\n1\t2\t3\n", [(2, "1", "2", "3")]),
    ("bars", b"a|b|c\n1|2|3\n", [(2, "1", "2", "3")]),
    ("declared by a spreadsheet", b"sep=;\na;b;c\n1;2;3\n", [(3, "1", "2", "3")]),
    ("any order and case of columns", b"C, A ,B\n3,1,2\n", [(2, "1", "2", "3")]),
    ("columns nobody asked for", b"x,a,y,b,c,z\n9,1,9,2,3,9\n", [(2, "1", "2", "3")]),
    ("a repeated column nobody asked for", b"x,a,x,b,c\n9,1,9,2,3\n", [(2, "1", "2", "3")]),
    ("banner lines before the header", b"Report of May,,\n,,\na,b,c\n1,2,3\n", [(4, "1", "2", "3")]),
    (
        "delimiter at the end of every line",
        b"a,b,c\n1,2,3,\n4,5,6,\n",
        [(2, "1", "2", "3"), (3, "4", "5", "6")],
    ),
    ("delimiter at the end of header too", b"a,b,c,\n1,2,3,\n", [(2, "1", "2", "3")]),
    (
        "blank lines are no rows but count",
        b"a,b,c\n\n1,2,3\n\n\n4,5,6\n\n",
        [(3, "1", "2", "3"), (6, "4", "5", "6")],
    ),
    ("lines of delimiters are no rows", b"a,b,c\n1,2,3\n,,\n,,\n", [(2, "1", "2", "3")]),
    ("quotes", b'a,b,c\n"1","2,2","3 ""x"""\n', [(2, "1", "2,2", '3 "x"')]),
    ("quotes inside a cell", b"a,b,c\n1,5' 2\"x,3\n", [(2, "1", "5' 2\"x", "3")]),
    (
        "line break in quotes counts once",
        b'a,b,c\n1,"x\ny",3\n4,5,6\n',
        [(2, "1", "x\ny", "3"), (3, "4", "5", "6")],
    ),
    ("trimmed; empty is missing", b"a,b,c\n 1 ,,  \n", [(2, "1", None, None)]),
    ("zeros and signs stay", b"a,b,c\n007,+1,1e5\n", [(2, "007", "+1", "1e5")]),
    ("people called Null and Na", b"a,b,c\nNull,NA,nan\n", [(2, "Null", "NA", "nan")]),
    ("a formula is only text", b"a,b,c\n=1+1,@x,-2\n", [(2, "=1+1", "@x", "-2")]),
    ("Windows-1252", "a,b,c\nZoë,Núñez,3\n".encode("cp1252"), [(2, "Zoë", "Núñez", "3")]),
    ("UTF-8", "a,b,c\nZoë,Nguyễn,李\n".encode(), [(2, "Zoë", "Nguyễn", "李")]),
    ("header only", b"a,b,c\n", []),
    ("header only, no line end", b"a,b,c", []),
]


@pytest.mark.parametrize(("rule", "data", "rows"), TOLERATED, ids=[r[0] for r in TOLERATED])
def test_tolerated(tmp_path, rule, data, rows):
    found, delivery = read_csv(tmp_path, data, ["a", "b", "c"])
    assert found == rows
    assert problems(delivery) == []
    assert delivery.rows_read == {("rows.csv", "rows"): len(rows)}


FEW, MANY = "fewer cells than the header", "more cells than the header"
CUT, STRAY = "the file ends inside this row", "a quotation mark opens a cell and closes in a later row"
DAMAGED = b"a,b,c\n" + "Zoë,Núñez,É\n".encode() * 3 + b"Ren\xe9,x,y\n4,5,6\n"

QUARANTINED = [
    # rule, file, rows read well, (row, reason)
    ("too few cells", b"a,b,c\n1,2\n4,5,6\n", [(3, "4", "5", "6")], [(2, FEW)]),
    ("too many cells", b"a,b,c\n1,2,3,4\n4,5,6\n", [(3, "4", "5", "6")], [(2, MANY)]),
    (
        "bad rows among blank lines keep numbers right",
        b"a,b,c\n\n1\n1,2,3\n1,2\n\n7,8,9\n",
        [(4, "1", "2", "3"), (7, "7", "8", "9")],
        [(3, FEW), (5, FEW)],
    ),
    ("last row cut short", b"a,b,c\n1,2,3\n4,5", [(2, "1", "2", "3")], [(3, CUT)]),
    ("cut inside a quoted last cell", b'a,b,c\n1,2,3\n4,5,"x', [(2, "1", "2", "3")],
     [(3, STRAY)]),
    ("cut inside a quoted cell", b'a,b,c\n1,2,3\n4,"5', [(2, "1", "2", "3")], [(3, CUT)]),
    ("stray quote swallows a row, wrong width", b'a,b,c\n1,"2,3\n4,5",x,6\n7,8,9\n', [(3, "7", "8", "9")],
     [(2, STRAY)]),
    ("stray quote swallows a row, right width", b'a,b,c\n1,"Ann,x\n2,Bob",y\n7,8,9\n', [(3, "7", "8", "9")],
     [(2, STRAY)]),
    ("NUL byte", b"a,b,c\n" + b"1,2,3\n" * 99 + b"1,\x00,3\n", [(i, "1", "2", "3") for i in range(2, 101)],
     [(101, "a NUL byte")]),
    ("bytes that are no UTF-8 in a UTF-8 file", DAMAGED,
     [(2, "Zoë", "Núñez", "É"), (3, "Zoë", "Núñez", "É"), (4, "Zoë", "Núñez", "É"), (6, "4", "5", "6")],
     [(5, "bytes that are not text in the file's encoding")]),
    ("every row bad", b"a,b,c\n1\n2\n", [], [(2, FEW), (3, FEW)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "data", "rows", "bad"), QUARANTINED, ids=[r[0] for r in QUARANTINED])
def test_quarantined(tmp_path, rule, data, rows, bad):
    found, delivery = read_csv(tmp_path, data, ["a", "b", "c"])
    assert found == rows
    assert problems(delivery) == bad
    assert delivery.rows_read == {("rows.csv", "rows"): len(rows) + len(bad)}


OPTIONS = [
    # agreement option, file, rows
    ({"delimiter": "~"}, b"a~b~c\n1~2~3\n", [(2, "1", "2", "3")]),
    ({"quote": "'"}, b"a,b,c\n'1,1',2,3\"\n", [(2, "1,1", "2", '3"')]),
    ({"skip_lines": 2}, b'One "line,\nanother\na,b,c\n1,2,3\n', [(4, "1", "2", "3")]),
    ({"nulls": ("-9", "UNK")}, b"a,b,c\n-9,UNK,-99\n1,2,3\n", [(2, None, None, "-99"), (3, "1", "2", "3")]),
    ({"encoding": "latin-1"}, "a,b,c\nÉ,2,3\n".encode("latin-1"), [(2, "É", "2", "3")]),
    ({"encoding": "utf-16-be"}, "a,b,c\nÉ,2,3\n".encode("utf-16-be"), [(2, "É", "2", "3")]),
]


@pytest.mark.parametrize(
    ("options", "data", "rows"), OPTIONS, ids=[next(iter(o[0])) + str(i) for i, o in enumerate(OPTIONS)]
)
def test_the_agreement_says_how_a_file_is_written(tmp_path, options, data, rows):
    found, delivery = read_csv(tmp_path, data, ["a", "b", "c"], options=options)
    assert found == rows
    assert problems(delivery) == []


def test_missing_optional_columns_are_empty_and_told(tmp_path):
    found, delivery = read_csv(tmp_path, b"a,extra\n1,x\n", ["a", "b"])
    assert found == [(2, "1", None)]
    assert delivery.absent_columns == {("rows.csv", "rows"): ["b"]}
    assert delivery.unnamed_columns == {("rows.csv", "rows"): ["extra"]}


def test_a_denied_column_is_named_and_so_not_unnamed(tmp_path):
    from support.reader_sources import field

    _, delivery = read_csv(tmp_path, b"a,secret,extra\n1,x,y\n", ["a"], fields=[field("secret", use="none")])
    assert delivery.unnamed_columns == {("rows.csv", "rows"): ["extra"]}


def test_reading_again_counts_again(tmp_path):
    from support.reader_sources import read_all

    rows, delivery = read_csv(tmp_path, b"a,b\n1,2\n3\n", ["a", "b"])
    assert len(read_all(delivery, "rows")) == len(rows) == 1
    assert delivery.rows_read == {("rows.csv", "rows"): 2}
    assert len(delivery.problems) == 1


def test_rows_longer_than_one_block_and_many_blocks_keep_their_numbers(tmp_path):
    from assets.extracts.delivery import Limits

    limits = Limits(max_row_bytes=4_096, batch_rows=100)
    body = b"".join(b"%d,%s,%d\n" % (i, b"y" * (i % 3000), i) if i % 97 else b"%d\n" % i for i in range(2, 1500))
    found, delivery = read_csv(tmp_path, b"a,b,c\n" + body, ["a", "c"], limits=limits)
    assert all(str(row) == a == c for row, a, c in found)
    assert [row for row, _ in problems(delivery)] == [i for i in range(2, 1500) if i % 97 == 0]
    assert len(found) + len(delivery.problems) == 1498
