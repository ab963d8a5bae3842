"""How names are read, as tables: what a clerk wrote, and the parts that are compared."""

import pytest

from linkage.names import canonical_given, parse_given, parse_middle, parse_surname, split_full

GIVEN = """
written          | exact      | canonical | second
Anna             | ANNA       | ANNA      |
josé             | JOSE       | JOSE      |
Jean-Luc         | JEAN       | JEAN      | L
Mary Ann         | MARY       | MARY      | A
D'Andre          | DANDRE     | DANDRE    |
Bill             | BILL       | WILLIAM   |
LIZ              | LIZ        | ELIZABETH |
Robert Jr.       | ROBERT     | ROBERT    |
J. Robert        | ROBERT     | ROBERT    |
Baby Boy         |            |           |
BABYGIRL         |            |           |
Infant of        |            |           |
TEST             |            |           |
Unknown          |            |           |
xxx              |            |           |
--               |            |           |
"""

SURNAMES = """
written            | first      | last   | sound
Smith              | SMITH      |        | S530
Muñoz              | MUNOZ      |        | M520
O'Brien            | OBRIEN     |        | O165
O Brien            | OBRIEN     | BRIEN  | O165
García-López       | GARCIA     | LOPEZ  | G620
Garcia Lopez       | GARCIA     | LOPEZ  | G620
de la Cruz         | DELACRUZ   | CRUZ   | D426
DELACRUZ           | DELACRUZ   |        | D426
Ortega y Gasset    | ORTEGA     | GASSET | O632
Müller             | MULLER     |        | M460
MUELLER            | MULLER     |        | M460
St. James          | STJAMES    | JAMES  | S325
Smith III          | SMITH      |        | S530
Jones, Jr          | JONES      |        | J520
Łukasz             | LUKASZ     |        | L220
Unknown            |            |        |
"""

FULL = """
written                | given | middle | surname
Smith, John Q          | John  | Q      | Smith
John Q Smith           | John  | Q      | Smith
John Smith Jr.         | John  |        | Smith
Ana Maria de la Cruz   | Ana   | Maria  | de la Cruz
Cher                   | Cher  |        |
"""


def rows(table: str) -> list[list[str]]:
    lines = table.strip().splitlines()[1:]
    return [[cell.strip() for cell in (line + " ").split("|")] for line in lines]


@pytest.mark.parametrize(("written", "exact", "canonical", "second"), rows(GIVEN))
def test_given(written, exact, canonical, second):
    read = parse_given(written)
    assert (read.exact or "", read.canonical or "", read.second_initial or "") == (exact, canonical, second)


@pytest.mark.parametrize(("written", "first", "last", "sound"), rows(SURNAMES))
def test_surname(written, first, last, sound):
    read = parse_surname(written)
    assert (read.first or "", read.last or "", read.sound or "") == (first, last, sound)


@pytest.mark.parametrize(("written", "given", "middle", "surname"), rows(FULL))
def test_full_name(written, given, middle, surname):
    assert tuple(part or "" for part in split_full(written)) == (given, middle, surname)


@pytest.mark.parametrize(
    ("written", "order", "mother"),
    [
        ("Baby Girl A", "1", None),
        ("BABY BOY TWIN B", "2", None),
        ("Infant 2", "2", None),
        ("Wendysgirl", None, "WENDY"),
        ("WENDYSBOYB", "2", "WENDY"),
        ("1Wendysgirl", "1", "WENDY"),
        ("Wendysgirl 2", "2", "WENDY"),
        ("BabygirlA", "1", None),
        ("Babyboy2", "2", None),
        ("Baby Boy Smith", None, None),
        ("Infant of Wendy", None, None),
        ("Cowboy", None, None),
    ],
)
def test_newborn_marks(written, order, mother):
    read = parse_given(written)
    assert (read.birth_order, read.mother) == (order, mother)
    assert (read.exact is None) == (written != "Cowboy")


@pytest.mark.parametrize(("written", "initial"), [("Lee", "L"), ("q.", "Q"), ("NMN", None), ("7", None), (" ", None)])
def test_middle(written, initial):
    assert parse_middle(written) == initial


def test_a_canonical_name_is_its_own_canonical_name():
    for name in ("BILL", "LIZ", "ALEX", "KATE", "JOHN", "ZQX"):
        assert canonical_given(canonical_given(name)) == canonical_given(name)
