"""What each claim of de-identification refuses, class by class and treatment by treatment."""

from __future__ import annotations

import re

from mou_policies import vocabulary

# class | treatment | what each claim says of it in a release of records: - it may stay, else the rule that refuses it
CLAIMS = """
                       |                  | ferpa.deidentified | hipaa.safe-harbor | hipaa.limited-data-set
    name.given         | tokenise         | REL-005 | FLD-005 REL-005 | REL-005
    id.ssn             | tokenise         | REL-005 | FLD-005 REL-005 | REL-005
    id.record          | record           | REL-005 | FLD-005 REL-005 | -
    id.event           | pseudonymise     | REL-005 | FLD-005 REL-005 | -
    address.zip        | zip3             | -       | -               | -
    place.school       | keep             | -       | FLD-008         | -
    place.school       | pseudonymise     | -       | FLD-005 FLD-008 | -
    address.county     | keep             | REL-005 | FLD-008         | -
    address.city       | keep             | REL-005 | FLD-008         | -
    address.street     | keep             | REL-005 | FLD-008         | REL-005
    birth.date         | date.year        | -       | -               | -
    birth.date         | date.school_year | -       | FLD-007         | -
    date.event         | date.year        | -       | -               | -
    date.event         | date.month       | -       | FLD-007         | -
    date.event         | date.age_days    | -       | FLD-007         | -
    date.event         | date.age_months  | -       | FLD-007         | -
    date.event         | date.age_years   | -       | -               | -
    date.event         | date.age_band    | -       | -               | -
    date.school        | date.school_day  | -       | FLD-007         | -
    benefit.month      | date.month       | -       | FLD-007         | -
    wic.participation  | date.month       | -       | FLD-007         | -
    period.school_year | keep             | -       | FLD-007         | -
    sex                | keep             | -       | -               | -
    race_ethnicity     | keep             | -       | -               | -
    birth.weight       | number           | -       | -               | -
    text.free          | keep             | REL-005 | REL-005         | REL-005
    photo              | keep             | REL-005 | REL-005         | REL-005
"""


def test_what_each_claim_refuses() -> None:
    (_, _, *names), *rows = [[cell.strip() for cell in line.split("|")] for line in CLAIMS.strip("\n ").splitlines()]
    assert names == list(vocabulary.claims())
    for cls, treatment, *expected in rows:
        found = [vocabulary.claims()[name].refusals(cls, treatment, "records") for name in names]
        shown = [" ".join(sorted(removal.rule for removal in removals)) or "-" for removals in found]
        assert shown == expected, (cls, treatment)


def test_safe_harbor_removes_all_eighteen_and_a_limited_data_set_sixteen() -> None:
    safe, limited = vocabulary.claims()["hipaa.safe-harbor"], vocabulary.claims()["hipaa.limited-data-set"]
    letters = [re.fullmatch(r"45 CFR 164\.514\(b\)\(2\)\(i\)\(([A-R])\)", removal.cite) for removal in safe.removes]
    assert {letter.group(1) for letter in letters if letter} == set("ABCDEFGHIJKLMNOPQR")
    listed = {removal.cite for removal in limited.removes if re.search(r"\(e\)\(2\)\([ivx]+\)", removal.cite)}
    assert len(listed) == 16
    assert all(limited.refusals(cls, "keep", "records") == () for cls in limited.stays)


def test_every_class_with_a_letter_is_removed_by_safe_harbor_and_by_ferpa_with_limbs_a_to_e() -> None:
    for c in vocabulary.field_classes().values():
        assert bool(vocabulary.claims()["hipaa.safe-harbor"].refusals(c.name, "keep", "records")) == bool(c.safe_harbor)
        if c.ferpa is not None and c.ferpa in "abcde":
            assert vocabulary.claims()["ferpa.deidentified"].refusals(c.name, "keep", "aggregate"), c.name


def test_conditions_name_the_rule_that_fails_with_them() -> None:
    safe = vocabulary.claims()["hipaa.safe-harbor"]
    zip3, age = safe.keep("address.zip", "zip3"), safe.keep("date.event", "date.age_years")
    assert zip3 is not None
    assert age is not None
    assert (zip3.condition, zip3.rule) == ("zip3-current", "FLD-006")
    assert (age.condition, age.rule) == ("ages-90", "FLD-007")


def test_what_a_claim_asks_of_people_and_of_the_whole_release() -> None:
    found = {
        name: (list(c.attests), c.minimum_cell.value, bool(c.earlier_releases.value), list(c.needs))
        for name, c in vocabulary.claims().items()
    }
    assert found == {
        "ferpa.deidentified": (["reasonable-determination"], 10, True, []),
        "hipaa.safe-harbor": (["no-actual-knowledge"], 0, False, []),
        "hipaa.limited-data-set": ([], 0, False, ["hipaa.limited-data-set"]),
    }
