"""What a reader is shown of a grant: a made-up value as it comes, and what the grant makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mou_policies import vocabulary
from mou_policies.errors import AgreementError
from mou_policies.examples import example, examples, read_examples, shown
from mou_policies.model import FieldPolicy, Treatment
from mou_policies.nodes import parse_yaml

SETTINGS = {
    "top_code": Treatment("top_code", limit=10),
    "band": Treatment("band", edges=(1, 5, 1500, 2500)),
    "recode": Treatment("recode", recode=(("A", "x"), ("B", "y")), otherwise="z"),
    "date.age_band": Treatment("date", unit="age_band", bands=(0, 3, 5)),
}


def treatment_of(token: str) -> Treatment:
    kind, _, unit = token.partition(".")
    return SETTINGS.get(token, Treatment(kind, unit=unit or None))


def grant(cls: str, use: str, treatment: Treatment) -> FieldPolicy:
    return FieldPolicy("Raw", cls, use, treatment, "raw", "test", False, "clause")


SHOWN = [
    # class            use        treatment                                             shown
    ("name.given",     "link",    Treatment("tokenise"),                                "keyed token, then forgotten"),
    ("id.record",      "link",    Treatment("record"),                                  "keyed record key"),
    ("id.record",      "content", Treatment("record", namespace_column="source"),       "keyed record key"),
    ("id.ssn",         "none",    Treatment("drop"),                                    "not used"),
    ("birth.date",     "publish", Treatment("date", unit="year"),                       "2014"),
    ("date.event",     "content", Treatment("date", unit="month"),                      "2019-03"),
    ("date.event",     "content", Treatment("date", unit="age_days"),                   "1654"),
    ("date.event",     "content", Treatment("date", unit="age_band", bands=(0, 3, 5)),  "3 to <5"),
    ("address.zip",    "publish", Treatment("zip3"),                                    "012"),
    ("place.school",   "content", Treatment("keep"),                                    "Example School"),
    ("place.school",   "content", Treatment("pseudonymise"),                            "p2072…"),
    ("birth.weight",   "content", Treatment("number"),                                  "3310"),
    ("birth.weight",   "content", Treatment("band", edges=(1500, 2500)),                ">=2500"),
    ("health.visit",   "publish", Treatment("top_code", limit=10),                      "10"),
    ("benefit.amount", "content", Treatment("number"),                                  "250"),
    ("health.result",  "content", Treatment("number"),                                  "4.2"),
    ("sex",            "publish", Treatment("recode", recode=(("M", "m"), ("F", "f"))), "f"),
    ("sex",            "publish", Treatment("recode", recode=(("1", "m"), ("2", "f"))), "m"),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "use", "treatment", "words"), SHOWN)
def test_what_is_shown_of_a_grant(cls: str, use: str, treatment: Treatment, words: str) -> None:
    assert shown(grant(cls, use, treatment)) == {"raw": words}


def test_a_school_day_is_shown_with_its_year() -> None:
    day = grant("date.school", "content", Treatment("date", unit="school_day"))
    assert shown(day) == {"raw": "256", "raw_year": "2018-19"}


def test_two_grants_of_one_field_are_shown_by_the_same_value() -> None:
    kept = grant("economic.status", "content", Treatment("keep"))
    coded = grant("economic.status", "publish", Treatment("recode", recode=(("Y", "free meals"),)))
    came = example(kept, coded)
    assert came == "Y"
    assert (shown(kept, came), shown(coded, came)) == ({"raw": "Y"}, {"raw": "free meals"})
    assert shown(coded, "N") == {"raw": "(empty)"}


@pytest.mark.parametrize(
    ("cls", "token"), [(c.name, token) for c in vocabulary.field_classes().values() for token in c.treatments]
)
def test_every_class_can_be_shown_with_every_treatment_it_allows(cls: str, token: str) -> None:
    words = shown(grant(cls, "content", treatment_of(token)))
    assert words
    assert "(empty)" not in words.values()


def test_every_class_has_an_example_that_is_nobodys() -> None:
    assert set(examples()) == set(vocabulary.field_classes())
    assert all(examples()[cls].startswith("000-") for cls in ("id.ssn", "id.ssn_relative"))
    for cls in vocabulary.field_classes():
        if cls.startswith(("name.", "id.")) and cls not in {"name.middle", "name.suffix", "id.ssn", "id.ssn_relative"}:
            assert examples()[cls].lower().startswith(("ex", "sample")), cls


BROKEN = [
    # document             said
    ("name.giben: Example",   r"yaml:1:1: STR-001 unknown field class 'name.giben'; did you mean 'name.given'\?"),
    ("name.given: Example",   r"no example of name\.middle, .*; add name\.middle: a made-up value"),
    ("name.given: 7",         r"yaml:1:13: STR-001 found the unquoted value 7 where text is expected"),
    ("- name.given",          r"found a list where 'key: value' lines are expected"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "said"), BROKEN)
def test_a_document_with_other_classes_than_the_vocabulary_is_refused(document: str, said: str) -> None:
    with pytest.raises(AgreementError, match=said):
        read_examples(parse_yaml(Path("examples.yaml"), document))
