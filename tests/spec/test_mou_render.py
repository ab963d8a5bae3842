"""What a rendered agreement shows, and what is noticed when somebody alters it: tables of words and of alterations."""

# ruff: noqa: E501  (a row of a table is one line)
from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from support.mou import DEMO, SMALL, edited, sign_all, write

from mou_policies import document, signing
from mou_policies.canonical import clauses, digest_of
from mou_policies.document import Signing, read_rendered, render
from mou_policies.errors import AgreementError
from mou_policies.nodes import parse_yaml, read_yaml

FILE, PAGE = Path("clinic.yaml"), Path("clinic.html")


def page_of(text: str = SMALL) -> str:
    return render(parse_yaml(FILE, text))


def words_of(page: str) -> str:
    """Return the words of a page, as a reader sees them, in one line."""
    body = re.sub(r"<wbr>|<sup>.*?</sup>", "", page[page.index("<main>") :])
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


SHOWN = [
    # what                        which words
    ("the title",                 "Visits to the after-school clinic"),
    ("who they are",              "Clinic and Cabinet"),
    ("a party",                   "Provider Clinic clinic Director data@clinic.example"),
    ("the term",                  "First day 2025-07-01 – July 1, 2025 Last day 2030-06-30 – June 30, 2030"),
    ("an exception in words",     "Disclosure to a public health authority"),
    ("an element, met and cited", "why each field is the minimum necessary minimum Reasons stand beside the fields 45 CFR 164.502(b) [M]"),
    ("a purpose",                 "measure-success Publish how many"),
    ("a number",                  "Days until destruction 180"),
    ("a flag",                    "Allowed no"),
    ("a file standard",           "csv – Delimited text with a header line"),
    ("a linked field",            "first_name First name name.given Link, then forget link Keyed into linkage tokens tokenise Links A a"),
    ("a field with two uses",     "dob Date of birth birth.date Link, then forget link Keyed into linkage tokens tokenise Links C e Date of birth birth.date Keep; publish in totals publish Year only date : year stored as birth_year Cohort C e"),
    ("a setting",                 "Cut off at a limit top_code : 20"),
    ("a denied field",            "notes Free text, which may say anything text.free Not read none – May say anything R f"),
    ("how many of each",          "3 go into keyed linkage tokens in memory and are then forgotten 1 are kept after their treatment, for restricted staff only 2 are kept after their treatment, and may enter published totals 1 are denied: they are not read"),
    ("who must sign",             "Clinic Provider Director"),
    ("what a use means",          "link goes into keyed tokens in memory and is then forgotten; never stored, never published"),
    ("what a letter means",       "HIPAA (G) social security numbers 45 CFR 164.514(b)(2)(i)(G)"),
    ("a citation and its mark",   "45 CFR 164.512(b)(1)(i) M from knowledge, to be confirmed by counsel"),
    ("no legal advice",           "Nothing here is legal advice"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "words"), SHOWN, ids=[what for what, _ in SHOWN])
def test_a_reader_sees(what: str, words: str) -> None:
    assert words in words_of(page_of())


def test_the_fingerprint_is_on_every_page_and_where_people_sign() -> None:
    sha256 = digest_of(clauses(parse_yaml(FILE, SMALL))[0])
    page = page_of()
    footer = re.search(r"@page \{.*?\n\}", page, re.DOTALL)
    assert footer
    assert sha256[:32] in footer[0]
    assert sha256[32:] in footer[0]
    assert f"Fingerprint {document.short_form(sha256)}" in words_of(page)
    assert sha256 in words_of(page).split(" Signatures ")[1]


UNSEEN = [
    # what a text holds            what a reader sees
    ("two  blanks",                "two U+0020 blanks"),
    (" at the edge ",              "U+0020 at the edge U+0020"),
    ("turned \\u202eround",        "turned U+202E round"),
    ("no\\u200bwidth",             "no U+200B width"),
    ("hard\\xa0blank",             "hard U+00A0 blank"),
    ("two\\nlines",                "two lines"),
    ("",                           "empty"),
    ("<script>alert(1)</script>",  "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ("</bdi><b>bold</b>",          "&lt;/bdi&gt;&lt;b&gt;bold&lt;/b&gt;"),
    ("&amp; &copy;",               "&amp;amp; &amp;copy;"),
    ("שלום 日本 🙂",                 "שלום 日本 🙂"),
]  # fmt: skip


@pytest.mark.parametrize(("held", "seen"), UNSEEN, ids=[held or "nothing" for held, _ in UNSEEN])
def test_nothing_of_a_text_is_hidden(held: str, seen: str) -> None:
    page = page_of(f'agreement: a-b-c\nterms: {{security: "{held}"}}\n')
    assert f"security {seen}" in words_of(page).replace("Security", "security")


def test_typed_values_and_texts_that_look_like_them_stay_apart() -> None:
    text = 'a: true\nb: "true"\nc: "yes"\nd: 12\ne: "12"\nf: []\ng: {}\nh: none\n'
    assert read_rendered(PAGE, page_of(text)).text == text


def test_a_key_that_the_language_does_not_know_is_shown_and_comes_back() -> None:
    page = page_of(SMALL + "novelty: {said: [1, two, {deep: [x, {w: z}]}]}\n")
    assert "novelty said 1 two" in words_of(page).replace("1. ", "")
    assert "novelty" in read_rendered(PAGE, page).text


ALTERED = [
    # what was done                 old words                               new words                              what is said
    ("a use was widened",           '>content</bdi>',                       '>publish</bdi>',                      "sources.clinic.tables.visits.fields.zip changed"),
    ("a number was changed",        '>180</bdi>',                           '>18</bdi>',                           "destruction changed"),
    ("a flag was turned",           '>no</bdi>',                            '>yes</bdi>',                          "redisclosure changed"),
    ("a value became a text",       'data-at="/destruction/period_days" data-means="typed"', 'data-at="/destruction/period_days" data-means="text"', "destruction changed"),
    ("a clause was renamed",        'data-at="/terms/x"',                   'data-at="/terms/y"',                  "terms changed"),
    ("a clause was added",          '<h2 id="part-2">',                     '<bdi data-at="/more">x</bdi><h2 id="part-2">', "more added"),
    ("a clause was dropped",        'data-at="/title"',                     'class="x"',                           "title removed"),
    ("an explanation was changed",  '<i>Keep, restricted</i>',              '<i>Not read</i>',                     "found 'Not read' where 'Keep, restricted' is expected"),
    ("a label was changed",         '<dt>Days until destruction</dt>',      '<dt>Days of grace</dt>',              "found 'Days of grace'"),
    ("words were added",            '</h1>',                                '</h1><p>Void.</p>',                   "found '<p >' where"),
    ("the style hides something",   '.fields th:nth-child(1)',              '.fields td { display: none; } .fields th', "found"),
    ("an address is shown twice",   '<h2 id="part-2">',                     '<bdi data-at="/title">x</bdi><h2 id="part-2">', "/title stands twice"),
    ("something is within a value", '>180</bdi>',                           '><b>180</b></bdi>',                   "found <b> within a value"),
    ("a mark is none",              'data-mark>U+0020<',                    'data-mark>U+D800<',                   "'U+D800' is no mark"),
    ("an item is missing",          'data-at="/list/#0"',                   'data-at="/list/#7"',                  "an entry of a list is missing here"),
    ("a value holds others",        'data-at="/list/#0"',                   'data-at="/title/x"',                  "/title/x stands within another value"),
    ("a key that no file can hold", 'data-at="/list/#0"',                   'data-at="/list/%3C%3C"',              "merge keys are not allowed"),
    ("the fingerprint was dropped", 'data-at="doc:sha256"',                 'class="x"',                           "this is no rendered agreement: it has no sha256"),
]  # fmt: skip
LONGER = SMALL + 'terms: {x: "two  blanks"}\nlist: [one]\n'


@pytest.mark.parametrize(("done", "old", "new", "said"), ALTERED, ids=[row[0] for row in ALTERED])
def test_an_alteration_is_named(done: str, old: str, new: str, said: str) -> None:
    page = page_of(LONGER)
    assert old in page
    with pytest.raises(AgreementError) as caught:
        read_rendered(PAGE, page.replace(old, new, 1))
    assert said in str(caught.value)
    assert re.match(r"clinic\.(html|yaml):\d+:\d+: ", str(caught.value))


def test_a_clause_whose_fingerprints_were_altered_too_is_another_agreement() -> None:
    """Whoever makes the whole page anew has written another agreement: its fingerprint is not the one that was signed."""
    other = edited("period_days: 180", "period_days: 18")
    read = read_rendered(PAGE, page_of(other))
    signed = clauses(parse_yaml(FILE, SMALL))[0]
    assert read.sha256 != digest_of(signed)
    assert document.differences(signed, clauses(read.root)[0]) == "destruction changed"


def test_a_page_of_another_edition_is_read_and_says_what_was_not_checked() -> None:
    page = page_of().replace("<i>Keep, restricted</i>", "<i>Keep it</i>")
    page = page.replace(f">{document.page.edition()}<", ">0123456789abcdef<")
    read = read_rendered(PAGE, page)
    assert "another edition" in read.note
    assert read.sha256 == digest_of(clauses(parse_yaml(FILE, SMALL))[0])


def test_a_page_that_was_wrapped_anew_says_the_same() -> None:
    page = page_of(LONGER)
    wrapped = page.replace(" are then ", "\n are\tthen\n ").replace("after-school clinic", "after-school\r\n   clinic")
    assert wrapped != page
    assert read_rendered(PAGE, wrapped).text == read_rendered(PAGE, page).text


def test_the_signatures_of_the_sidecar_are_shown(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    file = write(folder)
    sign_all(folder)
    page = render(read_yaml(file), Signing.held(signing.verify(file)))
    assert "Signed as it stands. signed" in words_of(page)
    assert "hub as hub hub signer 2025-07-01 electronic (Ed25519)" in words_of(page)
    assert [one.role for one in read_rendered(PAGE, page).signing.signatures] == ["hub", "provider"]
    write(folder, edited("period_days: 180", "period_days: 18"))
    page = render(read_yaml(file), Signing.held(signing.verify(file)))
    assert "The signatures that are held cover another wording" in words_of(page)
    assert "destruction changed (line" in words_of(page)
    assert "electronic" not in words_of(page)


def test_every_office_that_must_sign_has_a_line() -> None:
    page = page_of(SMALL + "signatories: {provider: [superintendent, counsel], hub: [director]}\n")
    part = words_of(page).split(" Signatures ")[1]
    assert "Clinic Provider superintendent Clinic Provider counsel Cabinet Data hub director" in part


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("file", sorted(DEMO.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_page_runs_nothing_fetches_nothing_and_can_be_read_by_machines_that_read_aloud(file: Path) -> None:
    page = render(read_yaml(file))
    tags = _Tags(page).found
    names = [tag for tag, _ in tags]
    assert not {"script", "img", "link", "iframe", "object", "form", "svg"} & set(names)
    assert "url(" not in page
    assert "@import" not in page
    assert all(given["href"].startswith("#source-") for tag, given in tags if "href" in given)
    assert not [name for _, given in tags for name in given if name.startswith("on") or name in {"src", "style"}]
    assert ("html", {"lang": "en"}) in tags
    assert names.count("h1") == 1
    assert all(given.get("scope") for tag, given in tags if tag == "th")
    levels = [int(tag[1]) for tag in names if re.fullmatch(r"h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [given["id"] for _, given in tags if "id" in given]
    assert len(ids) == len(set(ids))
    assert {given["href"][1:] for tag, given in tags if "href" in given} <= set(ids)
