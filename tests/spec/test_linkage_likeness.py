"""Forms of a name that stay the same where two spellings are alike, as tables."""

import pytest

from linkage.likeness import alike_forms, is_rare, other_formal_names
from linkage.names import canonical_given

FORMS = """
name      | end | even  | odd  | vowels
ELIZABETH | ETH | EIAEH | LZBT | EIAE
ANNA      | NNA | AN    | NA   | AA
LIZ       | LIZ | LZ    |      | LI
JO        | JO  |       |      | JO
MCK       | MCK | MK    |      |
"""

MISTYPED = """
written   | meant     | what survives
ELIZABTEH | ELIZABETH | vowels
AELIZABETH| ELIZABETH | end
ELISABETH | ELIZABETH | end even vowels
ELYZABETH | ELIZABETH | end odd
GAY       | GARY      | vowels
NNACY     | NANCY     | vowels
DRA       | DORA      |
ZOE       | ELIZABETH |
"""

NICKNAMES = """
name | may also be
LIZ  | LIZ LISA LIZZIE
ALEX | ALEX ALEXIS ALEXANDRA
ZQX  |
"""


def rows(table: str) -> list[list[str]]:
    lines = table.strip().splitlines()[1:]
    return [[cell.strip() for cell in (line + " ").split("|")] for line in lines]


@pytest.mark.parametrize(("name", "end", "even", "odd", "vowels"), rows(FORMS))
def test_forms(name, end, even, odd, vowels):
    assert [form or "" for form in alike_forms(name)] == [end, even, odd, vowels]


def test_no_name_has_no_form():
    assert alike_forms(None) == (None,) * 4


@pytest.mark.parametrize(("written", "meant", "survives"), rows(MISTYPED))
def test_a_typing_error_leaves_a_form(written, meant, survives):
    pairs = zip(("end", "even", "odd", "vowels"), alike_forms(written), alike_forms(meant), strict=True)
    assert [form for form, one, other in pairs if one == other] == survives.split()


@pytest.mark.parametrize(("name", "others"), rows(NICKNAMES))
def test_a_nickname_has_the_formal_names_it_may_stand_for(name, others):
    found = other_formal_names(name)
    assert [one for one in found if one][: len(others.split()) or None] == others.split()
    assert len(found) == len(other_formal_names("ANNA"))
    assert canonical_given(name) not in found


@pytest.mark.parametrize(("surname", "rare"), [("SMITH", False), ("GARCIA", False), ("QUIMBYOWSKI", True)])
def test_a_surname_that_few_families_bear_is_rare(surname, rare):
    assert is_rare(surname) == rare
