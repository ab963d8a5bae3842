"""Spec: Parquet: every plain type as the text a delimited file would hold; refusals."""

from __future__ import annotations

import datetime as dt
import decimal

import pyarrow as pa
import pytest
from pyarrow import parquet
from support.reader_sources import read_all, source, table

from assets.extracts.delivery import DeliveryError, Limits, open_delivery

DAY = dt.datetime(2020, 5, 9)
TYPES = [
    # column, as text
    (pa.array([" x ", "", None]), ["x", None, None]),
    (pa.array([7, None, -3], pa.int32()), ["7", None, "-3"]),
    (pa.array([123.0, 1.5, None, float("nan")]), ["123", "1.5", None, None]),
    (pa.array([True, False, None]), ["true", "false", None]),
    (pa.array([DAY.date(), None], pa.date32()), ["2020-05-09", None]),
    (
        pa.array([DAY, DAY.replace(hour=3), None], pa.timestamp("ns")),
        ["2020-05-09", "2020-05-09T03:00:00", None],
    ),
    (pa.array([decimal.Decimal("12.00"), decimal.Decimal("12.50")]), ["12", "12.50"]),
    (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
    (pa.array([b"Zo\xc3\xab"], pa.binary()), ["Zoë"]),
    (pa.array(["l"], pa.large_string()), ["l"]),
]


@pytest.mark.parametrize(("column", "texts"), TYPES, ids=[str(t[0].type) for t in TYPES])
def test_types(tmp_path, column, texts):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"ID": pa.array(range(len(column))), "x": column, "y": column}), path)
    delivery = open_delivery(source("parquet", [table("rows", ["id", "x"])]), [path])
    rows = read_all(delivery, "rows")
    assert [row["x"] for row in rows] == texts
    assert [row["__row"] for row in rows] == list(range(1, len(column) + 1))
    assert delivery.unnamed_columns == {("rows.parquet", "rows"): ["y"]}


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"id": pa.array([b"a", b"\xff", b"c"], pa.binary())}), path)
    delivery = open_delivery(source("parquet", [table("rows", ["id"])]), [path])
    assert [row["id"] for row in read_all(delivery, "rows")] == ["a", "c"]
    assert [(p.row, p.column, p.reason) for p in delivery.problems] == [
        (2, "id", "bytes that are not text in the file's encoding")
    ]


def test_refusals(tmp_path):
    path = tmp_path / "rows.parquet"
    made = source("parquet", [table("rows", ["id", "x"])])

    def told(limits=None):
        with pytest.raises(DeliveryError) as caught:
            read_all(open_delivery(made, [path], limits), "rows")
        return str(caught.value)

    parquet.write_table(pa.table({"x": ["a"]}), path)
    assert "no header with column id" in told()
    parquet.write_table(pa.table({"id": ["a"], "x": pa.array([[1]])}), path)
    assert "column x is nested" in told()
    parquet.write_table(pa.table({"id": [str(i) for i in range(1000)]}), path)
    assert "row group 1 is larger than 100 bytes" in told(Limits(max_row_group_bytes=10 * 10))
    path.write_bytes(path.read_bytes()[:-20])
    assert "not a complete Parquet file" in told()
    path.write_bytes(b"id,x\n1,2\n")
    assert "not a complete Parquet file" in told()


def test_damage_inside(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(
        pa.table({"id": [f"secret-{i}" for i in range(5000)]}), path, compression="zstd", use_dictionary=False
    )
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    path.write_bytes(bytes(data))
    delivery = open_delivery(source("parquet", [table("rows", ["id"])]), [path])
    with pytest.raises(DeliveryError, match="damaged inside"):
        read_all(delivery, "rows")
