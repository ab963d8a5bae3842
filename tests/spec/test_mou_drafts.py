"""What `mou new` writes, kind by kind and standard by standard: it loads once filled in, and grants nothing.

Each row: what is asked for, and how many tables and fields the draft lists.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from support.mou import NIGHT, sign_all, write
from support.mou_drafts import filled, uncommented

from mou_policies import schema, vocabulary
from mou_policies.draft import DraftError, Wanted, draft
from mou_policies.draft_sources import widest
from mou_policies.language import load_agreement
from mou_policies.nodes import parse_yaml
from mou_policies.policy import compile_policy
from mou_policies.vocabulary import layout_of

COLUMNS = ("id", "First Name", "no", "grade: 3")

# kind    standard         exceptions           tables  fields
TABLE = [
    ("emou", None,            (),                      0,    0),
    ("dul",  None,            (),                      0,    0),
    ("dul",  "oneroster-1.1", (),                      0,    0),
    ("dul",  "fhir-bulk-r4",  (),                      0,    0),
    ("dsa",  "ije-natality",  (),                      1,  356),
    ("dsa",  "hmis-csv-2026", (),                     22,  490),
    ("dsa",  "oneroster-1.1", (),                     13,  130),
    ("dsa",  "oneroster-1.1", ("ferpa.child-welfare",), 13, 130),
    ("dsa",  "fhir-bulk-r4",  (),                      6,  211),
    ("dsa",  "csv",           ("ferpa.studies",),      1,    4),
    ("dsa",  "parquet",       ("ferpa.studies",),      1,    4),
]  # fmt: skip
IDS = [f"{kind} {standard or ''}".strip() for kind, standard, *_ in TABLE]

REFUSED = [
    # asked for                                                    what is said
    (Wanted("dua"),                                                "did you mean 'dul'?"),
    (Wanted("dsa"),                                                "add --standard ije-natality or"),
    (Wanted("dsa", "oneroster-1.2"),                               "did you mean 'oneroster-1.1'?"),
    (Wanted("emou", "oneroster-1.1"),                              "an emou names no fields"),
    (Wanted("dul", "csv"),                                         "csv has no fields to choose from"),
    (Wanted("dsa", "oneroster-1.1", columns=("a",)),               "oneroster-1.1 has its own"),
    (Wanted("dsa", "csv", exceptions=("ferpa.study",)),            "did you mean 'ferpa.studies'?"),
    (Wanted("dsa", "csv", agency="../clinic"),                     "is no agency name"),
]  # fmt: skip

WIDEST = [
    # class                 the widest use it may have
    ("name.given",          "At most: link"),
    ("id.record",           "At most: link and content (record)"),
    ("birth.date",          "At most: link and publish (date: year or date: school_year)"),
    ("text.free",           "Never used"),
    ("safety.violence",     "Never used (34 USC 12291(b)(2) [M])"),
    ("wic.participation",   "needs wic.designation (7 CFR 246.26(d), (h) [V2])"),
]  # fmt: skip


def made(kind: str, standard: str | None, exceptions: tuple[str, ...]) -> str:
    own = kind == "dsa" and standard is not None and layout_of(standard) is None
    return draft(Wanted(kind, standard, "clinic", exceptions, COLUMNS if own else ()))


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_a_draft_loads_once_filled_in_and_grants_nothing(row, tmp_path: Path) -> None:
    kind, standard, exceptions, tables, fields = row
    text = made(kind, standard, exceptions)
    parse_yaml(Path("draft.yaml"), text)
    file = write(tmp_path / "agreements", filled(text), "draft.yaml")
    agreement = load_agreement(file)
    held = [t for s in agreement.sources.values() for t in s.tables.values()]
    assert len(held) == tables
    assert not any(t.grants for t in held)
    assert not agreement.provisions.licensed
    assert agreement.provisions.permits is None or not any(agreement.provisions.permits.classes.values())
    listed = sum(len(t.fields) for t in held)
    apart = {(t.table, name) for t in held for name in (*t.key, *(e.field for e in t.excludes))}
    assert listed + len(apart) == fields
    policy = compile_policy(sign_all(file.parent), NIGHT)
    assert not policy.sources
    assert kind == "dul" or not policy.refusals


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_a_draft_asks_for_every_key_and_clause_of_its_kind(row) -> None:
    kind, standard, exceptions, *_ = row
    rule = vocabulary.kinds()[kind]
    text = made(kind, standard, exceptions)
    root = parse_yaml(Path("draft.yaml"), text).plain_value()
    assert set(root) == {*rule.required, "kind", "terms"}
    assert set(root["terms"]) == set(rule.clauses)
    for name in rule.optional:
        assert re.search(rf"(?m)^(# )?{name}: ?", text), name
    for clause in rule.clauses.values():
        assert f"{clause.asks} ({clause.cite} [{clause.mark}])" in unwrapped(text)
    for door in root.get("authority", []):
        asked = vocabulary.exceptions()[door["exception"]]
        assert set(door["elements"]) == set(asked.elements)
        assert all(f"{e.asks} ({e.cite} [{e.mark}])" in unwrapped(text) for e in asked.elements.values())


def unwrapped(text: str) -> str:
    return re.sub(r"\n *# ", " ", text)


@pytest.mark.parametrize("standard", [s for s in vocabulary.standards() if layout_of(s)])
def test_every_field_of_the_standard_is_there_with_class_meaning_and_widest_use(standard: str) -> None:
    text = draft(Wanted("dsa", standard))
    for table in layout_of(standard).tables.values():
        section = text.partition(f"\n      {table.name}:\n")[2]
        for field in table.fields.values():
            limit = widest(vocabulary.field_classes()[field.cls]) if field.is_read else "The reader never hands it on"
            line = re.search(rf'(?m)^ +(# )?"?{re.escape(field.name)}"?: .*', section)
            assert line is not None, field.name
            assert field.means in line[0]
            assert line[1] or f"class: {field.cls}, " in line[0]
            assert line[1] or "use: none, " in line[0]
            assert line[1] or line[0].endswith(f"{limit}.")


@pytest.mark.parametrize(("cls", "said"), WIDEST)
def test_the_widest_use_in_words(cls: str, said: str) -> None:
    assert widest(vocabulary.field_classes()[cls]).endswith(said)


@pytest.mark.parametrize(("wanted", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_no_agreement_has_is_refused_in_one_line(wanted: Wanted, said: str) -> None:
    with pytest.raises(DraftError) as caught:
        draft(wanted)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_the_schema_takes_a_filled_draft_and_points_at_every_placeholder_of_one_that_is_not(row) -> None:
    validator = Draft202012Validator(schema.build(), format_checker=FormatChecker())
    text = made(*row[:3])
    value = parse_yaml(Path("draft.yaml"), text).plain_value()
    assert not list(validator.iter_errors(parse_yaml(Path("draft.yaml"), filled(text)).plain_value()))
    found = {error.json_path for error in leaves(validator.iter_errors(value))}
    assert {path for path, text in texts(value) if text.startswith("TODO")} == found


def leaves(errors):
    for error in errors:
        yield from leaves(error.context) if error.context else [error]


def texts(value, path="$"):
    if isinstance(value, dict):
        for key, inner in value.items():
            plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key)
            yield from texts(inner, f"{path}.{key}" if plain else f"{path}['{key}']")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, f"{path}[{number}]")
    elif isinstance(value, str):
        yield path, value


def test_a_csv_draft_without_columns_or_exception_lists_the_exceptions_and_one_placeholder() -> None:
    text = draft(Wanted("dsa", "csv"))
    root = parse_yaml(Path("draft.yaml"), text).plain_value()
    assert root["authority"][0]["exception"].startswith("TODO: one of the exceptions above")
    assert all(f"# {name}: " in text for name in vocabulary.exceptions())
    assert list(root["sources"]["todo_source"]["tables"]["todo_table"]["fields"]) == ["todo_column"]


def test_a_licence_shows_what_could_be_asked_for_and_takes_nothing() -> None:
    text = draft(Wanted("dul", "oneroster-1.1", "school"))
    assert "#     grades: " in text
    assert "#     password: " not in text
    assert "#     givenName: " not in text
    assert "fields: {}" in uncommented(text)
