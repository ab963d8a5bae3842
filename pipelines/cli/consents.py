"""The group `consent`: what families decided, in counts; what was decided about one child ID; the words of a form.

Counts are for the hub's own staff. Recording is in `consents_record`.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import consents_record
from pipelines.cli.screen import JsonOption, OnOption, WorkspaceOption, day_of, heading, print_json, say, table
from pipelines.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from consent.showing import Said


def register(app: typer.Typer) -> None:
    """Add the group `consent` to the command line."""
    group = typer.Typer(
        help="Families' decisions: what is in effect, what is not valid and why, and the hub's own records.",
        no_args_is_help=True,
    )
    group.command("show")(show)
    group.command("words")(words)
    consents_record.register(group)
    app.add_typer(group, name="consent")


def show(
    child: Annotated[str | None, typer.Option("--child", metavar="ID", help="Show what was decided about one.")] = None,
    on: OnOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count the decisions in effect, the forms not valid for a basis they claim, and those that reach no child yet."""
    from consent.ledger import ConsentLedger  # noqa: PLC0415

    place = open_workspace(workspace)
    with ConsentLedger(place.registry_url) as ledger:
        if child is not None:
            _show_child(place, ledger.engine, child, as_json)
            return
        from consent.showing import in_effect, lacks  # noqa: PLC0415

        active = ledger.active(day_of(on))
        found = {
            "in_effect": in_effect(active),
            "not_valid": [asdict(item) for item in lacks(ledger.engine, active)],
            "reach_no_child": _pending(place.state / "nights.duckdb"),
        }
    if as_json:
        print_json(found)
        return
    heading("Decisions in effect")
    table(["decision", "scope", "forms", "not readable in full"], [list(row.values()) for row in found["in_effect"]])
    heading("Forms not valid for a basis they claim, by what they lack")
    lacking = [
        [row["basis"], row["forms"], row["asks"], f"{row['cite']} [{row['mark']}]"] for row in found["not_valid"]
    ]
    table(["basis", "forms", "lacks", "citation"], lacking)
    heading("Forms that reach no child yet (tried again every night)")
    table(["scope", "decision", "forms"], [list(row.values()) for row in found["reach_no_child"]])


def words(as_json: JsonOption = False) -> None:
    """List the words of a form: decisions, scopes, signers, and what a form must carry for each basis."""
    from consent.bases import SIGNERS, bases  # noqa: PLC0415
    from consent.vocabulary import vocabulary  # noqa: PLC0415

    known = vocabulary()
    if as_json:
        named = {name: [asdict(i) for i in items.values()] for name, items in vars(known).items() if name in _LISTS}
        required = {b.name: {e.name: [e.asks, e.cite, e.mark] for e in b.elements.values()} for b in bases().values()}
        print_json(named | {"signers": SIGNERS, "bases": required})
        return
    for title, items in (("Decisions", known.decisions), ("Scopes", known.scopes)):
        heading(title)
        table(["word", "means", "citation"], [[item.name, item.meaning, item.cite] for item in items.values()])
    heading("Who signs")
    say(", ".join(SIGNERS))
    heading("What a form must carry, by basis")
    rows = [[b.name, e.name, e.asks, f"{e.cite} [{e.mark}]"] for b in bases().values() for e in b.elements.values()]
    table(["basis", "element", "what", "citation"], rows)


_LISTS = ("decisions", "scopes")


def _pending(nights: Path) -> list[dict[str, Any]]:
    """Return the forms that reached no child on the last night: scope, decision, forms."""
    import duckdb  # noqa: PLC0415

    if not nights.exists():
        return []
    with duckdb.connect(str(nights), read_only=True) as connection:
        if not connection.execute("select 1 from duckdb_tables() where table_name = 'consent_pending'").fetchall():
            return []
        # a night without such forms leaves no row of its own: the last night is that of the spine's counts
        rows = connection.execute(
            """
            select scope, decision, sum(forms)::bigint
            from consent_pending
            where night = (select max(night) from spine_counts)
            group by scope, decision order by scope, decision
            """
        ).fetchall()
    return [dict(zip(("scope", "decision", "forms"), row, strict=True)) for row in rows]


def _show_child(place: Workspace, engine: Any, child: str, as_json: bool) -> None:
    from consent.showing import about_child  # noqa: PLC0415

    found = about_child(engine, [child], consents_record.records_of(place, child))
    if as_json:
        print_json([asdict(item) for item in found])
        return
    say(f"{len(found)} decisions about {child}, oldest first; in each thread the newest counts.")
    table(
        ["night", "by", "decision", "scope", "from", "until", "newest", "covers", "valid for"], [_row(s) for s in found]
    )


def _row(said: Said) -> list[Any]:
    covers = [f"{name}: {' '.join(words)}" for name, words in said.terms.limits.items() if words] if said.terms else []
    valid = [*said.bases, *(f"not {basis} (lacks {', '.join(names)})" for basis, names in said.lacks.items())]
    return [
        said.recorded_night,
        said.by,
        said.decision if said.readable else f"{said.decision} (not readable in full)",
        said.scope,
        said.effective_month,
        said.expiry_month,
        said.newest,
        "; ".join(covers) or "its scope",
        "; ".join(valid) or None,
    ]
