"""How dates, codes and numbers are read, as tables: what was written, and what is compared."""

import pytest

from linkage.fields import date_parser, parse_number, parse_order, parse_sex, parse_ssn, parse_zip

DATES = """
written             | pattern    | read
2019-06-26          |            | 2019-06-26
2019-6-3            |            | 2019-06-03
06/26/2019          |            | 2019-06-26
20190626            |            | 2019-06-26
2019-06-26T10:11:12 |            | 2019-06-26
06/26/2019          | MM/DD/YYYY | 2019-06-26
26/06/2019          | DD/MM/YYYY | 2019-06-26
05/04/2019          | %d/%m/%Y   | 2019-04-05
2019-06-26          | MM/DD/YYYY | 2019-06-26
2019-02-30          |            |
2019-99-99          |            |
1900-01-01          |            |
9999-12-31          |            |
1850-05-05          |            |
yesterday           |            |
"""

SSN = """
written     | read
123-45-6788 | 123456788
123 45 6788 | 123456788
000-12-3456 |
666-12-3456 |
912-34-5678 |
123-00-4567 |
123-45-0000 |
123456789   |
999999999   |
XXX-XX-1234 |
12345678    |
"""

ZIP = """
written    | read
02909      | 02909
02909-1234 | 02909
029091234  | 02909
2909       | 02909
2909.0     | 02909
00000      |
99999      |
ABCDE      |
1          |
"""

SEX = """
written | read
M       | M
male    | M
1       | M
F       | F
Female  | F
0       | F
2       | F
U       |
unknown |
99      |
"""


def rows(table: str) -> list[list[str]]:
    lines = table.strip().splitlines()[1:]
    return [[cell.strip() for cell in (line + " ").split("|")] for line in lines]


@pytest.mark.parametrize(("written", "pattern", "read"), rows(DATES))
def test_dates(written, pattern, read):
    assert (date_parser(pattern or None)(written) or "") == read


@pytest.mark.parametrize(("written", "read"), rows(SSN))
def test_ssn(written, read):
    assert (parse_ssn(written) or "") == read


@pytest.mark.parametrize(("written", "read"), rows(ZIP))
def test_zip(written, read):
    assert (parse_zip(written) or "") == read


@pytest.mark.parametrize(("written", "read"), rows(SEX))
def test_sex(written, read):
    assert (parse_sex(written) or "") == read


@pytest.mark.parametrize(("written", "read"), [("m-12 345", "M12345"), ("1234", None), ("000000", None), ("", None)])
def test_numbers(written, read):
    assert parse_number(written) == read


@pytest.mark.parametrize(
    ("written", "read"), [("02", "2"), ("1", "1"), ("3.0", "3"), ("0", None), ("99", None), ("x", None)]
)
def test_birth_orders(written, read):
    assert parse_order(written) == read
