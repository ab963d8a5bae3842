"""From a data contract of others to the draft of an agreement that denies every field.

A contract says what data there is, never what law lets the hub do with it. So a draft grants nothing whatever the
contract says: each field has `use: none`, and what the contract and the names suggest stands beside it in a comment.
Parties, term, authority, purposes and destruction are the word TODO, with which no agreement loads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from mou_policies import vocabulary
from mou_policies.errors import AgreementError
from mou_policies.fields import snake
from mou_policies.nodes import read_yaml
from mou_policies.odcs_reading import Column, Contract, Table, read_contract
from mou_policies.placeholders import PLACEHOLDER

TODO = PLACEHOLDER
UNDECIDED = "text.free"
"""The class of a field nobody has classified: it can never have a use, so that granting one means deciding first."""

MAX_DRAFT = 2_000_000
"""The bytes that an agreement may have."""

_HINTS = Path(__file__).parent / "vocabulary" / "name_hints.yaml"
_HEAD = """\
# A draft made from the data contract {file}{version}.
# It grants nothing: every field below is denied, and it does not load until a person has replaced each TODO. What the
# contract says stands in comments: a claim of whoever wrote it, and no authority.
agreement: {agreement}
kind: dsa
title: {title}
parties:
  provider: {{agency: TODO, name: TODO, represented_by: TODO, contact: TODO}}
  hub: {{agency: TODO, name: TODO, represented_by: TODO, contact: TODO}}
term: {{from: TODO, to: TODO}}
authority:
  - {{exception: TODO, cite: TODO, elements: {{}}}}
purposes: {{TODO: TODO}}
{service}destruction: {{period_days: TODO, starts: TODO, method: TODO, certificate: TODO}}
redisclosure: {{allowed: false, text: TODO}}
sources:
  {source}:
    title: {title}
    standard: {standard}
"""


def draft(file: Path) -> str:
    """Return the text of an agreement file drafted from the contract in `file`. Raises AgreementError."""
    contract = read_contract(file)
    text = "\n".join([*_head(contract), *(line for table in contract.tables for line in _table(contract, table)), ""])
    if len(text.encode()) > MAX_DRAFT:
        raise AgreementError(file, 1, 1, f"the draft would be more than {MAX_DRAFT:,} bytes", "split the contract")
    return text


def looks_like(column: Column) -> tuple[str, str] | None:
    """Return the class a column seems to be of, and why: the contract says so, its CEDS element, or its name."""
    if column.claims:
        return column.claims, "the contract says so"
    of_element = [rule.name for rule in vocabulary.field_classes().values() if rule.ceds and rule.ceds == column.ceds]
    if of_element:
        return of_element[0], f"CEDS {column.ceds}"
    padded = f"_{snake(column.name)}_"
    named = next((cls for cls, words in _hints().items() if any(f"_{word}_" in padded for word in words)), None)
    return (named, "by its name") if named else None


def deniable(cls: str) -> bool:
    """Say whether a class can stand in a draft as it is: it can never be granted, and asks for nothing else."""
    rule = vocabulary.field_classes()[cls]
    return not rule.uses and not rule.protects


def _head(contract: Contract) -> Iterator[str]:
    name = snake(contract.name)
    service = f"# The contract's service levels: {'; '.join(contract.service)}\n" if contract.service else ""
    standard = contract.standard or "csv"
    yield _HEAD.format(
        file=_quoted(contract.file),
        version=f", version {contract.version}" if contract.version else "",
        agreement=f"draft-{name[:50].replace('_', '-')}".rstrip("-"),
        title=_quoted(contract.title),
        service=service,
        source=f"s_{name}"[:40].rstrip("_") if not name[:1].isalpha() else name[:40].rstrip("_"),
        standard=standard,
    ).rstrip("\n")
    if not vocabulary.standards()[standard].own_tables:
        yield '    files: ["TODO_*"]'
    yield "    delivery: full"
    yield "    tables:"


def _table(contract: Contract, table: Table) -> Iterator[str]:
    placeholder = f"{TODO}_KEY"
    while placeholder in {column.name for column in table.columns}:
        placeholder += "_"
    yield f"      {_quoted(table.name)}:"
    if vocabulary.standards()[contract.standard or "csv"].own_tables:
        yield '        files: ["TODO_*.csv"]'
    says = f"   # the contract's primary key: {', '.join(table.key)}" if table.key else ""
    yield f"        key: [{placeholder}]{says}"
    yield "        fields:"
    for column in table.columns:
        yield _field(column)


def _field(column: Column) -> str:
    guess = looks_like(column)
    cls = guess[0] if guess and deniable(guess[0]) else UNDECIDED
    notes = [f"looks like {guess[0]} ({guess[1]})"] if guess else []
    notes += [f"the contract: {column.says}"] if column.says else []
    comment = f"   # {'; '.join(notes)}" if notes else ""
    return f'          {_quoted(column.name)}: {{class: {cls}, use: none, reason: "Not yet reviewed"}}{comment}'


def _quoted(text: str) -> str:
    """Return a printable text in quotes that mean the same in YAML and JSON."""
    return json.dumps(text, ensure_ascii=False)


@lru_cache(maxsize=1)
def _hints() -> dict[str, tuple[str, ...]]:
    """Return the words that suggest a class, by class."""
    known = vocabulary.field_classes()
    return {key.word(known, "field class"): words.texts() for _, key, words in read_yaml(_HINTS).entries()}
