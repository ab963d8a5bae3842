"""The vocabulary of fields: closed, cited, marked, and consistent with the code that applies it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mou_policies import vocabulary
from mou_policies.errors import AgreementError
from mou_policies.model import DATE_UNITS
from mou_policies.nodes import parse_yaml
from mou_policies.treatments import _TREATMENTS

LINK = """
    name.given name.middle name.surname name.suffix name.full birth.date sex address.zip address.street
    name.mother_given name.mother_surname name.mother_maiden id.ssn id.medicaid birth.order
    birth.plurality id.record
"""

NEVER = """
    id.medical_record id.account contact.telephone contact.email online.account biometric photo text.free
    person.reporter health.diagnosis justice.record immigration religion address.county
"""


def test_the_link_classes_are_those_that_linkage_knows() -> None:
    assert {c.name for c in vocabulary.field_classes().values() if "link" in c.uses} == set(LINK.split())


def test_names_and_numbers_of_people_are_for_linking_only() -> None:
    for c in vocabulary.field_classes().values():
        if c.name.startswith("name.") or c.name in {"id.ssn", "id.medicaid", "address.street"}:
            assert set(c.uses) <= {"link"}, c.name


def test_what_may_never_be_used() -> None:
    for name in NEVER.split():
        assert vocabulary.field_classes()[name].uses == (), name


def test_kept_classes_have_treatments_that_can_serve_them() -> None:
    for c in vocabulary.field_classes().values():
        kept = set(c.uses) & {"content", "publish"}
        assert bool(kept) == bool(c.treatments), c.name
        for treatment in c.treatments:
            assert kept <= set(vocabulary.treatments()[treatment].uses) or treatment == "record"


def test_a_date_is_never_kept_as_it_came() -> None:
    for c in vocabulary.field_classes().values():
        if c.safe_harbor == "C" and c.treatments and c.name != "period.school_year":
            assert all(t.startswith("date.") for t in c.treatments), c.name
    assert set(vocabulary.field_classes()["birth.date"].treatments) == {"date.year", "date.school_year"}


def test_safe_harbor_letters_and_ferpa_limbs_exist() -> None:
    for c in vocabulary.field_classes().values():
        assert c.safe_harbor is None or c.safe_harbor in "ABCDEFGHIJKLMNOPQR", c.name
        assert c.ferpa is None or c.ferpa in "abcdefg", c.name
        assert c.ceds is None or (c.ceds.startswith("P") and len(c.ceds) == 7), c.name
        assert c.cite
        assert c.mark in vocabulary.MARKS


def test_every_treatment_is_applied_somewhere() -> None:
    kinds = {name.split(".")[0] for name in vocabulary.treatments()}
    assert kinds == set(_TREATMENTS) | {"drop", "tokenise", "record"}
    assert {n.split(".")[1] for n in vocabulary.treatments() if "." in n} == set(DATE_UNITS)


def test_the_restricted_areas_are_the_union_of_both_vintages() -> None:
    first, second = vocabulary.zip3_vintages()
    assert (len(first.areas), len(second.areas)) == (17, 18)
    assert vocabulary.zip3_restricted() == first.areas | second.areas
    assert len(vocabulary.zip3_restricted()) == 23
    assert all(len(area) == 3 and area.isdigit() for area in vocabulary.zip3_restricted())


def test_the_table_of_areas_is_stale_once_a_new_census_is_due() -> None:
    assert vocabulary.zip3_is_current(date(2026, 9, 1))
    assert vocabulary.zip3_is_current(date(2031, 3, 31))
    assert not vocabulary.zip3_is_current(date(2031, 4, 1))


def test_patterns_of_classes() -> None:
    assert vocabulary.classes_of(["*"]) == set(vocabulary.field_classes())
    assert vocabulary.classes_of(["wic.*", "sex"]) == {"wic.participation", "sex"}
    assert vocabulary.classes_of(["birth"]) == set()


def test_purposes_uses_and_standards_are_listed() -> None:
    assert set(vocabulary.uses()) == {"link", "content", "publish", "none"}
    assert {s for s, rule in vocabulary.standards().items() if rule.own_tables} == {"csv", "parquet"}
    assert all(p.cite for p in vocabulary.purposes().values())


def test_bands_of_percentages_widen_towards_small_groups_and_carry_their_citation() -> None:
    for bands in vocabulary.percentages().values():
        assert bands.cite and bands.mark in vocabulary.MARKS
        sizes, lows, highs = zip(*bands.bands, strict=True)
        assert list(sizes) == sorted(set(sizes))
        assert list(lows) == sorted(lows, reverse=True) and list(highs) == sorted(highs)


# The classes that CEDS has an element for, with its id: http://ceds.ed.gov/terms#P000033
CEDS = """
    birth.date P000033  name.given P000115  name.middle P000184  name.surname P000172  id.record P001572  sex P000255
    race_ethnicity P001943  address.zip P000214  address.county P000190  education.meal_status P001767
    special_education P000151  health.diagnosis P000218  education.section_504 P000249  education.homeless P000149
    education.absences P000201  education.chronic_absence P002022  date.immunization P000306  birth.weight P000312
"""


def test_classes_point_to_ceds() -> None:
    words = CEDS.split()
    for name, ceds in zip(words[::2], words[1::2], strict=True):
        assert vocabulary.field_classes()[name].ceds == ceds, name


def test_a_pattern_that_names_no_class_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        AgreementError, match=r"FLD-002 unknown class or class pattern 'helth\.\*'; did you mean 'health\.\*'"
    ):
        vocabulary.class_pattern(parse_yaml(tmp_path / "a.yaml", "helth.*"))
