"""Who may do what: the whole matrix, as it stands in `permissions.yaml`, and no command or page beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from consent.people import ROLES
from pipelines.cli import app
from pipelines.cli.asked import Asked
from pipelines.permissions import FILE, permissions
from pipelines.permissions import ROLES as KNOWN
from pipelines.web.pages import PAGES

# s steward, l data lead, a auditor, m administrator; * anyone, without a key
COMMANDS = """
    init demo tokenise                                             *
    mou new, mou schema, mou diff, mou import                      *
    keys new-k1, keys restore, restore, consent words              *
    return new-key, return open                                    *
    report                                                         s.am
    query                                                          .l..
    release list, release show, release verify, release utility    .lam
    release rows, release budget                                   .lam
    mou show, mou explain, mou lint, mou matrix, mou unused        ..am
    mou test, mou verify, mou render, mou export                   ..am
    link-quality, model list, model show                           ..am
    keys show-fingerprint, people list                             ..am
    consent show, audit verify, audit log, audit anchor            ..am
    audit countersign, audit public-key, audit disclosures         ..am
    audit destruction --due,                                       s.am
    nightly, dagster, serve, release rollback, release plan        ...m
    release auditor-key,                                           ...m
    consent record, consent revoke, audit destruction, audit erase ...m
    return make, backup,                                           ...m
    child, explain-link, evaluate, attack, model train, model use  ...m
    review list, review show, review decide, review export         ...m
    mou new-signer, mou sign                                       ...m
    keys init, keys accept-k1, keys hand-over-k1, keys agency-kit  ...m
    keys escrow, keys rotate k1, keys rotate k2, keys rotate seal  ...m
    people enrol, people rotate, people end                        ...m
"""
PAGES_MATRIX = """
    sign-in, style                                   *
    home, sign-out                                   slam
    loads                                            s.am
    releases, release                                .lam
    query                                            .l..
    agreements, agreement, trail                     ..am
    disclosures, destructions, people                ..am
"""


def matrix(text: str) -> dict[str, frozenset[str] | None]:
    found: dict[str, frozenset[str] | None] = {}
    for line in text.strip().splitlines():
        names, _, letters = line.strip().rpartition(" ")
        split = [name for name in names.strip().split(",") if name] if "," in names else names.split()
        roles = None if letters == "*" else frozenset(r for r, x in zip(ROLES, letters, strict=True) if x != ".")
        found |= dict.fromkeys(map(str.strip, split), roles)
    return found


def commands(node: TyperGroup, before: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    for name, command in node.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


EXISTING = dict(commands(typer.main.get_command(app)))


def test_roles_are_those_of_people() -> None:
    assert KNOWN == ROLES


def test_the_matrix_of_commands_is_the_whole_matrix() -> None:
    assert dict(permissions().commands) == matrix(COMMANDS)


def test_the_matrix_of_pages_is_the_whole_matrix() -> None:
    assert dict(permissions().pages) == matrix(PAGES_MATRIX)


def test_every_command_is_listed_and_every_listed_one_exists() -> None:
    listed = {name.partition(" --")[0] for name in permissions().commands}
    assert set(EXISTING) - listed == set(), f"add these to {FILE.name}; until then they are for administrators only"
    assert listed - set(EXISTING) == set(), f"take these out of {FILE.name}"


def test_every_page_is_listed_and_every_listed_one_exists() -> None:
    assert {page.name for page in PAGES} == set(permissions().pages)


def test_every_command_asks_who_runs_it() -> None:
    assert [name for name, command in EXISTING.items() if not isinstance(command, Asked)] == []


def test_what_is_not_listed_is_for_administrators_only() -> None:
    assert permissions().of_command("sell-everything") == {"administrator"}
    assert permissions().of_page("everything") == {"administrator"}
    assert not permissions().may_open(None, "everything")


@pytest.mark.parametrize("name", [n for n, roles in permissions().commands.items() if roles is None])
def test_what_anyone_may_run_acts_on_no_workspace(name: str) -> None:
    assert "workspace" not in {parameter.name for parameter in EXISTING[name].params}


def test_nobody_but_a_data_lead_reaches_numbers_and_nobody_but_an_administrator_a_child() -> None:
    allowed = permissions().of_command
    assert allowed("query") == {"data_lead"}
    for name in ("child", "explain-link", "review show", "review list", "review export", "evaluate"):
        assert allowed(name) == {"administrator"}


def table_of_docs() -> list[str]:
    """The table of docs/people.md, a line for each set of roles."""
    said, lines = permissions(), []
    for part in (said.commands, said.pages):
        for roles in {frozenset(r) if r is not None else None: None for r in part.values()}:
            who = "anyone" if roles is None else ", ".join(r.replace("_", " ") for r in ROLES if r in roles)
            names = [name for name, allowed in part.items() if allowed == roles]
            what = ", ".join(f"`{name}`" if part is said.commands else name for name in names)
            lines.append(f"| {'command' if part is said.commands else 'page'} | {what} | {who} |")
    return lines


def test_the_docs_show_the_matrix() -> None:
    shown = (Path(__file__).parents[2] / "docs" / "people.md").read_text(encoding="utf-8")
    missing = [line for line in table_of_docs() if line not in shown.splitlines()]
    assert missing == [], "docs/people.md: the table is\n" + "\n".join(table_of_docs())
