"""On which basis a form is valid, and what one lacks, as a readable table."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hub import rows_of

from consent.bases import SIGNERS, Basis, bases, missing
from consent.form_terms import terms_of
from consent.forms import FORM_COLUMNS
from consent.terms import Terms, read_terms
from consent.vocabulary import vocabulary
from mou_policies.vocabulary import MARKS, exceptions

FERPA = "records purpose party signature date"
HIPAA = "description discloser recipient purpose expiry signature date revocation conditioning redisclosure"
PART2 = "patient discloser description recipient purpose revocation expiry signature date"
IDEA = "informed activity records party signature voluntary"

FORMS = f"""
basis               | signer   | elements                                | lacks
ferpa.consent       | parent   | {FERPA}                                 | -
ferpa.consent       | guardian | {FERPA}                                 | -
ferpa.consent       | student  | {FERPA}                                 | -
ferpa.consent       | agency   | {FERPA}                                 | who-signs
ferpa.consent       | unknown  | {FERPA}                                 | who-signs
ferpa.consent       | parent   | records purpose signature               | party date
ferpa.consent       | parent   | {FERPA} e-signature                     | e-identifies e-authenticates e-approves
ferpa.consent       | parent   | {FERPA} e-signature e-identifies e-authenticates e-approves | -
ferpa.consent       | parent   | {FERPA} e-signature e-identifies e-approves | e-authenticates
ferpa.directory     | parent   | written                                 | -
ferpa.directory     | parent   | -                                       | written
ferpa.judicial      | court    | order notice                            | -
ferpa.judicial      | parent   | order                                   | notice who-orders
ferpa.emergency     | agency   | threat recipients record                | -
ferpa.emergency     | agency   | threat                                  | recipients record
hipaa.authorization | student  | {HIPAA}                                 | -
hipaa.authorization | parent   | {HIPAA}                                 | authority
hipaa.authorization | parent   | {HIPAA} authority                       | -
hipaa.authorization | unknown  | {HIPAA} authority                       | who-signs
hipaa.authorization | student  | description discloser recipient purpose expiry signature date | revocation conditioning redisclosure
idea.consent        | parent   | {IDEA}                                  | -
idea.consent        | court    | informed activity                       | records party signature voluntary who-signs
part2.consent       | student  | {PART2}                                 | -
part2.consent       | parent   | {FERPA}                                 | patient discloser description recipient revocation expiry
agreement           | parent   | signature date                          | -
agreement           | agency   | -                                       | signature date who-decides
"""  # noqa: E501


@pytest.mark.parametrize("row", rows_of(FORMS)[1], ids=lambda row: f"{row[0]} {row[1]} lacks {row[3]}")
def test_what_a_form_lacks(row: list[str | None]):
    basis, signer, elements, lacks = ((cell or "") for cell in row)
    found = missing(basis, elements.split(), signer)
    assert [item.name for item in found] == lacks.split()
    assert all(item.asks and item.cite and item.mark in MARKS for item in found)


def test_words_and_citations_are_those_of_the_agreement_language_where_it_has_them():
    for basis in bases().values():
        rule = exceptions()[basis.rests_on]
        assert (basis.title, basis.cite, basis.mark) == (rule.title, rule.cite, rule.mark)
    ours, theirs = bases()["ferpa.consent"].elements, exceptions()["ferpa.consent"].elements
    assert {name: ours[name].asks for name in theirs} == {name: item.asks for name, item in theirs.items()}


def test_a_form_invalid_for_one_basis_may_be_valid_for_another():
    form = {"signer": "parent", "basis": "ferpa.consent agreement", "elements": "signature date"}
    terms, readable = terms_of(form, frozenset(), permits=True)
    assert readable
    assert terms is not None
    assert terms.bases == ("agreement",)
    assert [item.cite for item in terms.lacking()["ferpa.consent"]] == [
        "34 CFR 99.30(b)(1)", "34 CFR 99.30(b)(2)", "34 CFR 99.30(b)(3)"
    ]  # fmt: skip


def test_a_form_stands_on_no_basis_that_it_does_not_claim():
    terms, _ = terms_of({"signer": "parent", "elements": "signature date written"}, frozenset(), permits=True)
    assert terms is not None
    assert (terms.bases, terms.elements) == ((), {})


def test_columns_that_are_filled_in_show_what_they_show():
    form = {"signer": "student", "basis": "ferpa.consent", "sources": "school", "purposes": "research",
            "recipients": "hub", "elements": "signature"}  # fmt: skip
    assert [t.bases for t, _ in [terms_of(form, frozenset({"signed_month"}), permits=True)] if t] == [
        ("ferpa.consent",)
    ]
    terms, _ = terms_of(form | {"recipients": "The Hub, Ltd."}, frozenset(), permits=True)
    assert terms is not None
    assert [item.name for item in terms.lacking()["ferpa.consent"]] == ["party", "date"]


def whole(basis: Basis, signer: str) -> tuple[str, ...]:
    """Every element of a basis that a form can say it has."""
    return tuple(sorted(basis.words))


@st.composite
def valid_terms(draw: st.DrawFn) -> Terms:
    """Terms that are valid for every basis they claim."""
    signer = draw(st.sampled_from([name for name in SIGNERS if name != "unknown"]))
    able = [basis for basis in bases().values() if not missing(basis.name, whole(basis, signer), signer)]
    claimed = draw(st.lists(st.sampled_from(able), min_size=1, unique_by=lambda basis: basis.name))
    return Terms(signer=signer, elements={basis.name: whole(basis, signer) for basis in claimed})


@given(valid_terms(), st.data())
def test_without_any_one_element_a_form_is_invalid_for_exactly_that_basis(terms: Terms, data: st.DataObject):
    assert set(terms.bases) == set(terms.elements)
    basis = data.draw(st.sampled_from(sorted(terms.elements)))
    asked = [
        item.name for item in bases()[basis].elements.values() if not item.signers and terms.signer not in item.unless
    ]
    gone = data.draw(st.sampled_from(asked))
    left = tuple(name for name in terms.elements[basis] if name != gone)
    lesser = Terms(signer=terms.signer, elements={**terms.elements, basis: left})
    assert {name: [item.name for item in lacks] for name, lacks in lesser.lacking().items() if lacks} == {basis: [gone]}
    assert set(lesser.bases) == set(terms.bases) - {basis}


@given(valid_terms(), st.data())
def test_signed_by_nobody_known_a_form_is_valid_for_no_basis(terms: Terms, data: st.DataObject):
    assert Terms(signer="unknown", elements=terms.elements).bases == ()


@given(valid_terms())
def test_terms_are_what_their_canonical_text_says(terms: Terms):
    assert read_terms(terms.text) == terms
    assert read_terms(terms.text).terms_id == terms.terms_id


def test_the_page_on_consent_names_every_word():
    page = (Path(__file__).resolve().parents[2] / "docs" / "consent.md").read_text(encoding="utf-8")
    words = vocabulary()
    named = {*words.decisions, *words.scopes, *bases(), *FORM_COLUMNS} - {"record_key"}
    assert sorted(word for word in named if f"`{word}`" not in page) == []
