"""What families' decisions come to, as readable tables: forms in effect, a question, its answer, the form that decides.

A form is `child | decision | scope | month | names | signer | basis | night`, numbered from 1 (`support.decisions`).
The cases of a table are children of one city: everybody is decided about at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import NamedTuple

import pytest
from support.decisions import City, decide_all, gate_all, read_forms

from consent.questions import Question

CITY = City()
SHOT = Question("health", "health.immunization", "research", "uni")
SHOT_OPT_IN = Question("health", "health.immunization", "research", "uni", True, ("hipaa.authorization",))
VALID = "parent | hipaa.authorization"


Answer = tuple[str, int | None]


class Case(NamedTuple):
    """What a child's family said, what that comes to, what the case shows, and the child's year of birth."""

    forms: str
    expected: Answer
    shows: str
    born: int | None = None


def answer(forms: str, city: City = CITY, on: date | None = None, **options: bool) -> Answer:
    return decide_all(read_forms(forms), [SHOT], city, **({"on": on} if on else {}), **options)["ann", 0]


def answers(cases: Sequence[Case], question: Question) -> Mapping[str, Answer]:
    """Decide about the children of all cases at once, and return what each case comes to, by what it shows."""
    forms, births, starts = [], [], []
    for number, case in enumerate(cases):
        starts.append(len(forms))
        for form in read_forms(case.forms):
            child = form.child.replace("ann", f"ann{number}").replace("bob", f"bob{number}")
            forms.append(replace(form, sequence=len(forms) + 1, child=child))
        births += [(f"ann{number}", case.born)] if case.born else []
    children = tuple(f"{name}{number}" for number in range(len(cases)) for name in ("ann", "bob"))
    found = decide_all(forms, [question], City(births=tuple(births), children=children))
    told = [found[f"ann{number}", 0] for number in range(len(cases))]
    return {
        case.shows: (state, decided and decided - start)
        for case, start, (state, decided) in zip(cases, starts, told, strict=True)
    }


STATES = [
    Case("", ("silent", None), "nobody said anything"),
    Case("bob | refuse | health | 2026-08", ("silent", None), "another child's refusal says nothing"),
    Case("ann | refuse | health | 2026-08", ("refused", 1), "a refusal of the area"),
    Case("ann | refuse | school | 2026-08", ("silent", None), "a refusal of another area"),
    Case("ann | refuse | research | 2026-08", ("refused", 1), "a refusal of the whole child"),
    Case("ann | opt_out | linkage | 2026-08", ("refused", 1), "an opt-out of linkage"),
    # -- what permits
    Case("ann | grant | health | 2026-08", ("silent", None), "a form without terms is no basis"),
    Case("ann | grant | health | 2026-08 | to uni | parent", ("silent", None), "nor one that is incomplete"),
    Case(f"ann | grant | health | 2026-08 | to uni | {VALID}", ("permitted", 1), "a complete one permits"),
    Case(f"ann | grant | health | 2026-08 | to lab | {VALID}", ("silent", None), "whom it names"),
    Case(f"ann | grant | health | 2026-08 | for emergency | {VALID}", ("silent", None), "what for"),
    Case(f"ann | grant | health | 2026-08 | of health.* | {VALID}", ("permitted", 1), "a pattern of classes"),
    Case(f"ann | grant | health | 2026-08 | of health.lead | {VALID}", ("silent", None), "another class"),
    Case(f"ann | grant | health | 2026-08 | from birth | {VALID}", ("silent", None), "another source"),
    Case(f"ann | grant | school | 2026-08 | from health | {VALID}", ("silent", None), "never beyond its scope"),
    Case("ann | refuse | school | 2026-08 | from health", ("refused", 1), "a refusal of a source wherever named"),
    # -- which wins
    Case(
        "ann | refuse | health | 2026-07\nann | grant | health | 2026-08", ("silent", None),
        "the later lifts the earlier of its scope",
    ),
    Case(
        "ann | refuse | health | 2026-08\nann | grant | health | 2026-08", ("refused", 1),
        "at equal time the more restrictive",
    ),
    Case(
        f"ann | refuse | health | 2026-08\nann | grant | health | 2026-08 | to uni | {VALID}", ("permitted", 2),
        "no to all and yes to one, signed together: the more specific wins",
    ),
    Case(
        f"ann | refuse | health | 2026-08 | for research\nann | grant | health | 2026-08 | to uni | {VALID}",
        ("permitted", 2), "a recipient is more specific than a purpose",
    ),
    Case(
        "ann | refuse | health | 2026-08 | of health.immunization\n"
        f"ann | grant | health | 2026-08 | of health.* | {VALID}",
        ("refused", 1), "a class is more specific than a pattern",
    ),
    Case(
        f"ann | refuse | health | 2026-07 | to uni\nann | grant | health | 2026-08 | - | {VALID}", ("refused", 1),
        "a later yes to all does not open an earlier no to one",
    ),
    Case(
        f"ann | grant | health | 2026-07 | to uni | {VALID}\nann | refuse | health | 2026-08", ("refused", 2),
        "a later no to all takes back an earlier yes to one",
    ),
    Case(
        "ann | refuse | health | 2026-07 | to uni\nann | grant | health | 2026-08 | to uni | parent", ("refused", 1),
        "an incomplete form lifts nothing",
    ),
    Case(
        f"ann | refuse | outcomes | 2026-07\nann | grant | health | 2026-08 | to uni, for research | {VALID}",
        ("refused", 1), "no scope opens another, however specific",
    ),
    Case(
        "ann | refuse | health | 2026-07\nann | refuse | research | 2026-08", ("refused", 2),
        "of two scopes that refuse the wider one is cited",
    ),
    Case(
        f"ann | grant | research | 2026-08 | - | {VALID}\nann | grant | health | 2026-07 | - | {VALID}",
        ("permitted", 2), "of two scopes that permit the narrower one is cited",
    ),
    # -- exceptions
    Case(
        "ann | refuse | health | 2026-08\nann | emergency | health | 2026-08 | to uni, for research | agency",
        ("permitted", 2), "an emergency permits what it names, whoever refused",
    ),
    Case(
        "ann | refuse | health | 2026-08\nann | emergency | health | 2026-08 | to uni | agency", ("refused", 1),
        "one that leaves the purpose open permits nothing",
    ),
    Case(
        "ann | court_order | linkage | 2026-08 | to court, for comply-with-order | court", ("silent", None),
        "and none for another recipient",
    ),
]  # fmt: skip


@cache
def states() -> Mapping[str, Answer]:
    return answers(STATES, SHOT)


@pytest.mark.parametrize("case", STATES, ids=lambda case: case.shows)
def test_state(case: Case):
    assert states()[case.shows] == case.expected


OPT_IN = [
    Case("", ("refused", None), "silence is a no"),
    Case("ann | grant | health | 2026-08", ("refused", None), "so is a form without terms"),
    Case("ann | grant | health | 2026-08 | - | parent | ferpa.consent", ("refused", None), "and another basis"),
    Case(f"ann | grant | health | 2026-08 | - | {VALID}", ("permitted", 1), "a complete form permits"),
]  # fmt: skip


def test_where_a_source_is_opt_in():
    assert answers(OPT_IN, SHOT_OPT_IN) == {case.shows: case.expected for case in OPT_IN}


PARENT = f"ann | grant | health | 2026-08 | - | {VALID}"
STUDENT = "student | hipaa.authorization"


def born(year: int | None, forms: str, expected: Answer, shows: str) -> Case:
    return Case(forms, expected, shows, year)


MAJORITY = [
    born(2009, PARENT, ("permitted", 1), "seventeen this year: the parent decides"),
    born(2008, PARENT, ("silent", None), "eighteen this year: the parent's grant lapses"),
    born(None, PARENT, ("permitted", 1), "of an unknown year of birth the parent decides"),
    born(2008, "ann | refuse | health | 2020-08 | - | parent", ("refused", 1), "the parent's refusal stays"),
    born(2008, f"ann | refuse | health | 2020-08 | - | parent\nann | grant | health | 2026-02 | - | {STUDENT}",
        ("permitted", 2), "until the student speaks",
    ),
    born(2008, f"ann | refuse | health | 2026-08 | - | parent\nann | grant | health | 2026-02 | - | {STUDENT}",
        ("permitted", 2), "from then on only the student counts",
    ),
    born(2008, f"ann | refuse | research | 2020-08 | - | parent\nann | grant | health | 2026-02 | - | {STUDENT}",
        ("refused", 1), "in the scope of which they spoke",
    ),
    born(2008, f"ann | grant | health | 2025-12 | - | {STUDENT}", ("silent", None), "not before that year"),
    born(2009, f"ann | grant | health | 2026-08 | - | {STUDENT}", ("silent", None), "a minor grants nothing"),
    born(2009, "ann | refuse | health | 2026-08 | - | student", ("refused", 1), "a minor may refuse"),
    born(2009, f"{PARENT}\nann | transfer | outcomes | 2026-08 | - | student", ("silent", None),
        "enrolled in college at seventeen: the rights have passed",
    ),
    born(2009, f"ann | transfer | outcomes | 2026-06\nann | grant | health | 2026-07 | - | {STUDENT}",
        ("permitted", 2), "and the student's own grant counts",
    ),
    born(2008, "ann | refuse | health | 2026-01 | - | parent\nann | grant | health | 2026-08", ("refused", 1),
        "a grant of nobody's lapses too, and what it had lifted is back",
    ),
]  # fmt: skip


@cache
def grown() -> Mapping[str, Answer]:
    return answers(MAJORITY, SHOT)


@pytest.mark.parametrize("case", MAJORITY, ids=lambda case: case.shows)
def test_majority(case: Case):
    assert grown()[case.shows] == case.expected


def test_a_grown_child_of_two_years_of_birth_is_judged_by_the_one_that_errs_for_the_family():
    city = City(births=(("ann", 2008), ("ann", 2012)))
    assert answer(PARENT, city) == ("silent", None)
    assert answer(f"ann | grant | health | 2026-02 | - | {STUDENT}", city) == ("silent", None)


def test_an_exception_is_never_counted_for_a_release():
    forms = "ann | court_order | health | 2026-08 | to uni, for research | court"
    assert answer(forms) == ("permitted", 1)
    assert answer(forms, exceptions=False) == ("silent", None)


def test_what_a_question_leaves_open_meets_every_refusal_and_no_grant_that_names_it():
    forms = f"ann | refuse | health | 2026-08 | to lab\nbob | grant | health | 2026-08 | to lab | {VALID}"
    found = decide_all(read_forms(forms), [Question("health", "health.lead")])
    assert found == {("ann", 0): ("refused", 1), ("bob", 0): ("silent", None)}


def test_a_decision_about_a_child_id_follows_the_id_that_stands_for_it_now():
    assert answer("=ann | refuse | health | 2026-08") == ("refused", 1)
    assert answer("=old | refuse | health | 2026-08", city=City(now=(("old", "ann"),))) == ("refused", 1)
    assert answer("=old | refuse | health | 2026-08") == ("silent", None)


MERGED = City(
    parts=(("ann", "was ann", "2026-08-15"), ("ann", "was bob", "2026-08-15")),
    part_forms=(("was ann", 1), ("was bob", 2)),
    children=("ann",),
)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param("", ("refused", 1), id="the most restrictive of what both were"),
        pytest.param(
            f"\nann | grant | health | 2026-08 | - | {VALID} | 2026-08-20", ("permitted", 3), id="until they speak"
        ),
    ],
)  # fmt: skip
def test_after_a_merge(later: str, expected: tuple[str, int | None]):
    # Two children until the night of 15 August: the second one's later grant is not about the first one's refusal.
    forms = f"ann | refuse | health | 2026-06\nann | grant | health | 2026-07 | - | {VALID}"
    assert answer(forms)[0] == "permitted"
    assert answer(forms + later, city=MERGED) == expected


def test_after_a_split_a_refusal_holds_for_both():
    forms = "ann | refuse | health | 2026-06"
    city = City(parts=(("ann", "both", "2026-08-15"), ("bob", "both", "2026-08-15")), part_forms=(("both", 1),))
    found = decide_all(read_forms(forms), [SHOT], city)
    assert found == {("ann", 0): ("refused", 1), ("bob", 0): ("refused", 1)}
    lifted = forms + f"\nbob | grant | health | 2026-08 | - | {VALID} | 2026-08-20"
    assert decide_all(read_forms(lifted), [SHOT], city)["bob", 0] == ("permitted", 2)


def test_the_year_counts_of_the_date_that_is_asked_about():
    assert answer(PARENT, City(births=(("ann", 2008),)), on=date(2025, 12, 31)) == ("permitted", 1)


USES = ("measure-success", "cabinet")
TONIGHT = [
    Question("health", "health.immunization", *USES),
    Question("health", "birth.date", *USES),
    Question("school", "education.grade", *USES),
    Question("snap", "benefit.months", *USES, True, ("ferpa.consent",)),
]
ALL = {"health", "school", "snap"}
YES = "ann | grant | human_services | 2026-01 | - | parent | ferpa.consent\n"
LEAVES = [
    ("", set(), False, "who opted in where that is asked for, and said nothing else, stays"),
    ("ann | refuse | health | 2026-08 | of health.*", {"health"}, False, "of a source refused in part all leaves"),
    ("ann | refuse | health | 2026-08 | of health.lead", set(), False, "a class that is not held takes out nothing"),
    ("ann | refuse | outcomes | 2026-08 | to uni", set(), False, "nor does a recipient that receives nothing tonight"),
    ("ann | refuse | outcomes | 2026-08 | to cabinet", ALL, True, "the one that receives it takes out everything"),
    ("ann | refuse | outcomes | 2026-08 | for measure-success, from school", {"school"}, False, "or what it names"),
    ("ann | revoke | human_services | 2026-08", {"snap"}, False, "a revocation takes the opt-in back"),
    ("ann | refuse | research | 2026-08 | of education.*", {"school"}, False, "a whole scope narrowed keeps the child"),
    (
        "ann | refuse | research | 2026-08\nann | court_order | research | 2026-08 | to cabinet, for measure-success",
        ALL, True, "a court order opens nothing here",
    ),
]  # fmt: skip


def test_what_leaves_the_spine():
    forms, starts = [], []
    for number, (text, *_) in enumerate(LEAVES):
        starts.append(len(forms))
        for form in read_forms(YES + text):
            forms.append(replace(form, sequence=len(forms) + 1, child=f"ann{number}"))
    left, whole = gate_all(forms, TONIGHT, City(children=tuple(f"ann{n}" for n in range(len(LEAVES)))))
    found = [(set(left.get(f"ann{n}", {})), f"ann{n}" in whole) for n in range(len(LEAVES))]
    assert dict(zip([shows for *_, shows in LEAVES], found, strict=True)) == {
        shows: (set(sources), gone) for _, sources, gone, shows in LEAVES
    }


def test_where_nobody_opted_in_the_source_leaves_and_says_so():
    left, whole = gate_all(read_forms("ann | refuse | school | 2026-08"), TONIGHT)
    assert (left, whole) == ({"ann": {"school": "school", "snap": "opt_in"}, "bob": {"snap": "opt_in"}}, set())


def test_an_opt_in_is_asked_for_in_every_part_of_a_merged_child():
    forms = YES + "bob | grant | school | 2026-01"
    left, _ = gate_all(read_forms(forms.replace("bob", "ann")), TONIGHT, MERGED)
    assert left == {"ann": {"snap": "opt_in"}}
    left, _ = gate_all(read_forms(forms + "\n" + YES), TONIGHT, City(children=("ann",)))
    assert left == {}
