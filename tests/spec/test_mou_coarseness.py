"""What remains where two agreements treat one field differently, as tables: one, the other, the coarser (or denied)."""

from __future__ import annotations

from itertools import permutations

import pytest

from mou_policies import vocabulary
from mou_policies.coarseness import as_coarse, coarser, coarsest
from mou_policies.model import DATE_UNITS, Treatment

DENIED = None
KEEP, NUMBER, ZIP3, DROP = (Treatment(kind) for kind in ("keep", "number", "zip3", "drop"))
PSEUDONYM, TOKENS, RECORD = (Treatment(kind) for kind in ("pseudonymise", "tokenise", "record"))


def date(unit: str) -> Treatment:
    return Treatment("date", unit=unit)


def ages(*bounds: int) -> Treatment:
    return Treatment("date", unit="age_band", bands=bounds)


def top(limit: float) -> Treatment:
    return Treatment("top_code", limit=limit)


def band(*edges: float) -> Treatment:
    return Treatment("band", edges=edges)


def recode(otherwise: str | None = None, **words: str) -> Treatment:
    return Treatment("recode", recode=tuple(words.items()), otherwise=otherwise)


def record_of(column: str) -> Treatment:
    return Treatment("record", namespace_column=column)


TEXTS = [
    # one                        the other                    what both allow
    (KEEP,                       ZIP3,                        ZIP3),
    (KEEP,                       NUMBER,                      NUMBER),          # 007 and 7.0 both become 7
    (KEEP,                       top(20),                     top(20)),
    (KEEP,                       band(5),                     band(5)),
    (KEEP,                       recode(A="x"),               recode(A="x")),
    (KEEP,                       PSEUDONYM,                   PSEUDONYM),
    (KEEP,                       date("month"),               date("month")),
    (KEEP,                       date("age_years"),           DENIED),          # an age tells of the birth
    (ZIP3,                       NUMBER,                      DENIED),
    (ZIP3,                       recode(A="x"),               DENIED),
    (NUMBER,                     recode(A="x"),               DENIED),
    (PSEUDONYM,                  recode(A="x"),               DENIED),          # no word can be read from a pseudonym
    (PSEUDONYM,                  NUMBER,                      DENIED),
    (TOKENS,                     KEEP,                        DENIED),
    (RECORD,                     KEEP,                        DENIED),
    (RECORD,                     PSEUDONYM,                   DENIED),
    (RECORD,                     record_of("source"),         DENIED),
    (record_of("a"),             record_of("b"),              DENIED),
]  # fmt: skip

NUMBERS = [
    (top(20),                    top(10),                     top(10)),
    (NUMBER,                     top(10),                     top(10)),
    (NUMBER,                     band(1500, 2500),            band(1500, 2500)),
    (band(1500, 2500),           band(2500, 4000),            band(2500)),
    (band(1500, 2500, 4000),     band(1500, 4000),            band(1500, 4000)),
    (band(1500),                 band(2500),                  DENIED),          # together they would tell three bands
    (band(5, 10),                top(10),                     band(5, 10)),     # the limit itself begins a band
    (band(5, 10, 20),            top(10),                     band(5, 10)),
    (band(20),                   top(10),                     DENIED),
    (band(1, 2),                 ages(1, 2),                  DENIED),
    (band(1, 2),                 recode(A="x"),               DENIED),
]  # fmt: skip

DATES = [
    (date("year"),               date("month"),               date("year")),
    (date("year"),               date("school_day"),          date("year")),    # a school day comes with its year
    (date("year"),               date("school_year"),         DENIED),          # together: which half of the year
    (date("school_year"),        date("month"),               date("school_year")),
    (date("school_year"),        date("school_day"),          date("school_year")),
    (date("month"),              date("school_day"),          date("month")),
    (date("age_days"),           date("age_months"),          date("age_months")),
    (date("age_days"),           date("age_years"),           date("age_years")),
    (date("age_days"),           ages(0, 5),                  ages(0, 5)),
    (date("age_months"),         date("age_years"),           date("age_years")),
    (date("age_months"),         ages(0, 5),                  ages(0, 5)),
    (date("age_years"),          ages(0, 5),                  ages(0, 5)),
    (date("age_years"),          ages(0, 5, 95),              ages(0, 5, 95)),  # above 89 no bound is ever reached
    (ages(0, 5, 18),             ages(0, 3, 18),              ages(0, 18)),
    (ages(0, 5),                 ages(0, 5, 18),              ages(0, 5)),
    (ages(5),                    ages(3),                     DENIED),
    (date("year"),               date("age_years"),           DENIED),          # together: nearly the birth
    (date("month"),              ages(0, 5),                  DENIED),
    (date("year"),               top(2020),                   DENIED),
]  # fmt: skip

RECODES = [
    # one                        the other                    what both allow
    (recode(A="x", B="y"),       recode(A="z", B="z"),        recode(A="z", B="z")),
    (recode(A="x", B="y"),       recode(A="x"),               recode(A="x")),
    (recode(A="x", B="x"),       recode(A="x", C="x"),        DENIED),
    (recode(A="x", B="y", C="y"), recode(A="x", B="x", C="y"), DENIED),
    (recode(A="x"),              recode(B="y"),               DENIED),
    (recode("other", A="x"),     recode(A="x"),               recode(A="x")),     # others are told from blanks, or not
    (recode("x", A="x"),         recode(A="x"),               DENIED),            # one tells blanks, one tells A
    (recode("x", A="x"),         recode("y", A="z"),          recode("x", A="x")),
    (recode("x", A="w", B="y"),  recode("z", B="y"),          recode("z", B="y")),
    (recode(A="x", B="y"),       recode(B="y", A="x"),        recode(A="x", B="y")),
]  # fmt: skip

TABLE = [*TEXTS, *NUMBERS, *DATES, *RECODES]


@pytest.mark.parametrize(("one", "other", "both"), TABLE)
def test_what_both_allow(one: Treatment, other: Treatment, both: Treatment | None) -> None:
    assert coarser(one, other) == both
    assert coarser(other, one) == both
    assert as_coarse(one, other) or both != one
    assert as_coarse(other, one) or both != other


@pytest.mark.parametrize("treatment", [*dict.fromkeys(t for one, other, _ in TABLE for t in (one, other))], ids=str)
def test_a_treatment_gives_way_to_dropping_and_to_nothing_else_than_itself(treatment: Treatment) -> None:
    assert as_coarse(treatment, treatment)
    assert coarser(treatment, treatment) == treatment
    assert coarser(treatment, DROP) == coarser(DROP, treatment) == DROP
    assert not as_coarse(treatment, DROP)


def test_recodes_that_differ_in_words_only_are_as_coarse_as_each_other_and_one_of_them_is_taken() -> None:
    yes, ja = recode(A="yes", B="no"), recode(A="ja", B="nee")
    assert as_coarse(yes, ja)
    assert as_coarse(ja, yes)
    assert coarser(yes, ja) == coarser(ja, yes) == ja


MANY = [
    # treatments of one field                                            what all allow
    ([KEEP],                                                             KEEP),
    ([KEEP, recode(A="x"), recode(A="y")],                               recode(A="x")),
    ([KEEP, NUMBER, band(1, 2, 3), band(2, 3, 4), band(3, 4, 5)],        band(3)),
    ([NUMBER, band(1, 2), band(2, 3), top(1)],                           DENIED),
    ([band(1, 2), band(2, 3), band(3, 4)],                               DENIED),
    ([recode(A="x"), recode(B="x"), KEEP],                               DENIED),
    ([recode(A="x", B="y"), recode(B="y", C="z"), recode(B="y")],        recode(B="y")),  # coarser than both
    ([date("year"), date("school_year"), DROP],                          DROP),
]  # fmt: skip


@pytest.mark.parametrize(("treatments", "every"), MANY)
def test_what_all_allow_whatever_their_order(treatments: list[Treatment], every: Treatment | None) -> None:
    assert {coarsest(order) for order in permutations(treatments)} == {every}


def test_of_no_treatment_there_is_no_coarsest() -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        coarsest([])


def test_every_treatment_of_the_vocabulary_is_in_the_tables() -> None:
    tokens = {t.token for one, other, _ in TABLE for t in (one, other)} | {DROP.token}
    assert tokens == set(vocabulary.treatments())
    assert {token.removeprefix("date.") for token in tokens} >= set(DATE_UNITS)
