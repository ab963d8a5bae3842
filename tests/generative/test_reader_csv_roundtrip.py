"""Generative: what Python's csv module writes in any dialect comes back as the same strings."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.reader_sources import problems, read_csv

_TEXT = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\ufdd0"),
    max_size=12,
)
_CELL = st.one_of(_TEXT, st.sampled_from(["", " x ", "007", "Null", "a\nb", "a\r\nb", '"', '""', ",", ";;", "=1"]))
_ROWS = st.lists(st.tuples(_CELL, _CELL, _CELL), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    rows=_ROWS,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    block=st.sampled_from([600, 1 << 20]),
)
def test_round_trip(rows, delimiter, quoting, end, encoding, block):
    from assets.extracts.delivery import Limits

    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["first column", "b", "c"])
    writer.writerows(rows)
    wanted = [(i + 2, *(_as_read(cell) for cell in row)) for i, row in enumerate(rows) if any(row)]
    wanted = [row for row in wanted if not _looks_swallowed(row[1:], delimiter)]
    with tempfile.TemporaryDirectory() as folder:
        found, delivery = read_csv(
            Path(folder),
            stream.getvalue().encode(encoding),
            ["first column", "b", "c"],
            limits=Limits(max_row_bytes=block),
        )
    assert found == wanted
    assert len(found) + len(problems(delivery)) == sum(any(row) for row in rows)


def _as_read(cell: str) -> str | None:
    """Cells are trimmed of what Unicode calls white space; what is then empty is missing."""
    return cell.strip() or None


def _looks_swallowed(cells: tuple[str | None, ...], delimiter: str) -> bool:
    """Line breaks with as many delimiters as rows have cannot be told from a stray quote."""
    return any(cell and "\n" in cell and cell.count(delimiter) == 2 * cell.count("\n") for cell in cells)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300), header=st.booleans())
def test_any_bytes_are_read_or_refused(data, header):
    """No crash, no lost row: whatever bytes land, rows add up or the file is refused in one line."""
    from assets.extracts.delivery import DeliveryError

    with tempfile.TemporaryDirectory() as folder:
        try:
            found, delivery = read_csv(Path(folder), (b"a,b,c\n" if header else b"") + data, ["a", "b", "c"])
        except DeliveryError as error:
            assert str(error).count("\n") == 0
        else:
            assert sum(delivery.rows_read.values()) == len(found) + len(delivery.problems)
            numbers = [row[0] for row in found] + [p.row for p in delivery.problems]
            assert len(set(numbers)) == len(numbers)
