"""Spec: IJE natality records: composites, voids, lengths, encodings."""

from __future__ import annotations

import pytest
from support.reader_sources import problems, read_all, source, table

from assets.extracts.delivery import WITHDRAWN, DeliveryError, open_delivery
from assets.extracts.standards import describe

LAYOUT = describe("ije-natality").layout
WANTED = ["CERT", "IDOB", "DOFP", "KIDFNAME", "KIDLNAME", "MOMLNAME", "BWG", "ZIPCODE"]
BASE = {
    "IDOB_YR": "2020", "IDOB_MO": "05", "IDOB_DY": "09", "BSTATE": "MD", "FILENO": "000123",
    "KIDFNAME": "ANN", "KIDLNAME": "LEE", "MOMLNAME": "POE", "DOFP_YR": "2019", "DOFP_MO": "11", "DOFP_DY": "02",
    "BWG": "3210", "ZIPCODE": "21201", "VOID": "0",
}  # fmt: skip


def record(length=4000, **fields):
    cells = [" "] * 4000
    for name, value in (BASE | fields).items():
        span = LAYOUT[name]
        cells[span.start - 1 : span.end] = list(value.ljust(span.length)[: span.length])
    return "".join(cells)[:length]


def births(tmp_path, data, **kwargs):
    path = tmp_path / "natality.dat"
    path.write_bytes(data if isinstance(data, bytes) else data.encode("ascii"))
    return open_delivery(
        source("ije-natality", [table("births", WANTED, key=["CERT"], record="CERT", **kwargs)]), [path]
    )


def test_a_record(tmp_path):
    delivery = births(tmp_path, record() + "\n")
    assert delivery.mode == "delta"
    assert read_all(delivery, "births") == [
        {"CERT": "2020-MD-000123", "IDOB": "2020-05-09", "DOFP": "2019-11-02", "KIDFNAME": "ANN",
         "KIDLNAME": "LEE", "MOMLNAME": "POE", "BWG": "3210", "ZIPCODE": "21201", "__row": 1, WITHDRAWN: False}
    ]  # fmt: skip


DATES = [
    # year, month, day of the first prenatal visit -> DOFP
    ("2019", "11", "02", "2019-11-02"),
    ("2019", "11", "99", None),
    ("2019", "99", "99", None),
    ("9999", "99", "99", None),
    ("8888", "88", "88", None),
    ("    ", "  ", "  ", None),
    ("2019", "00", "00", None),
    (
        "2019",
        "13",
        "02",
        "2019-13-02",
    ),  # no such month: left for the load step, which counts dates that do not parse
]


@pytest.mark.parametrize(("year", "month", "day", "date"), DATES)
def test_dates_in_three_parts(tmp_path, year, month, day, date):
    delivery = births(tmp_path, record(DOFP_YR=year, DOFP_MO=month, DOFP_DY=day) + "\n")
    assert read_all(delivery, "births")[0]["DOFP"] == date


def test_void_is_withdrawn(tmp_path):
    delivery = births(tmp_path, record() + "\r\n" + record(FILENO="000124", VOID="1") + "\r\n")
    assert [(row["CERT"], row[WITHDRAWN]) for row in read_all(delivery, "births")] == [
        ("2020-MD-000123", False), ("2020-MD-000124", True)
    ]  # fmt: skip


def test_certificate_needs_all_its_parts(tmp_path):
    assert read_all(births(tmp_path, record(FILENO="") + "\n"), "births")[0]["CERT"] is None


LENGTHS = [
    # lines, rows read, problems
    ([4000, 4000], [1, 2], []),
    ([4000, 3000, 4000], [1, 2, 3], []),  # trailing blanks stripped
    ([4000, 1200, 4000], [1, 3], [(2, "not the record length of the layout")]),
    ([4000, 4001], [1], [(2, "not the record length of the layout")]),
    ([4000, 0, 4000], [1, 3], []),
]


@pytest.mark.parametrize(("lengths", "rows", "bad"), LENGTHS)
def test_lengths(tmp_path, lengths, rows, bad):
    lines = [record()[:n].ljust(n, "x") for n in lengths]
    delivery = births(tmp_path, "\n".join(lines) + "\n")
    assert [row["__row"] for row in read_all(delivery, "births")] == rows
    assert problems(delivery) == bad
    assert sum(delivery.rows_read.values()) == len(rows) + len(bad)


def test_last_record_cut_short(tmp_path):
    delivery = births(tmp_path, record() + "\n" + record(length=2500))
    assert len(read_all(delivery, "births")) == 1
    assert problems(delivery) == [(2, "the file ends inside this row")]


def test_last_record_without_line_end(tmp_path):
    assert len(read_all(births(tmp_path, record() + "\n" + record()), "births")) == 2


NAMES = [
    # how the file is written
    ("cp1252", False),
    ("utf-8", False),
    ("utf-8", True),
]


@pytest.mark.parametrize(("encoding", "fills_bytes"), NAMES)
def test_names_beyond_ascii(tmp_path, encoding, fills_bytes):
    """Positions count characters; a record padded to its length in bytes is recognised too."""
    line = record(KIDFNAME="ZOË", KIDLNAME="NÚÑEZ")
    if fills_bytes:
        first, last = LAYOUT["KIDFNAME"], LAYOUT["KIDLNAME"]
        line = line[: first.end - 1] + line[first.end : last.end - 2] + line[last.end :]
    data = (record() + "\n" + line + "\n").encode(encoding)
    rows = read_all(births(tmp_path, data), "births")
    assert [(r["KIDFNAME"], r["KIDLNAME"], r["ZIPCODE"]) for r in rows] == [
        ("ANN", "LEE", "21201"), ("ZOË", "NÚÑEZ", "21201")
    ]  # fmt: skip


def test_another_layout_is_refused(tmp_path):
    with pytest.raises(DeliveryError, match=r"no natality record \(19 characters, expected 4000\)"):
        births(tmp_path, "first_name,birthday\nAnn,2020\n")


def test_unknown_fields_are_refused(tmp_path):
    path = tmp_path / "natality.dat"
    path.write_text(record() + "\n")
    with pytest.raises(DeliveryError, match="KIDNAME is not a field of the natality layout"):
        open_delivery(source("ije-natality", [table("births", ["CERT", "KIDNAME"])]), [path])
