"""Commands about single links: `explain-link`, the group `review`, and `link-quality`.

They print what agreed and by how much. No token, no value, and of a record key 8 hex digits at most.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, heading, out, print_json, say, table
from pipelines.noting import noted
from pipelines.workspace import Workspace, WorkspaceError, open_workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from linkage.explain import Waterfall
    from linkage.model import Model
    from linkage.review import DecisionLog, Pair, Standing
    from linkage.review_queue import Question

NumberArgument = Annotated[int, typer.Argument(help="Number of the question, as `review list` shows it.")]
_BAR_CELLS = 24
_BITS_A_CELL = 1.0


class Answer(StrEnum):
    """What a reviewer may answer."""

    accept = "accept"
    refuse = "refuse"
    cant_tell = "cant-tell"


@dataclass(frozen=True)
class _Place:
    """What these commands read of one workspace."""

    workspace: Workspace
    record_child: pa.Table
    evidence: dict[str, pa.Table]
    log: DecisionLog
    standing: dict[Pair, Standing]
    model: Model
    threshold: float


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command("explain-link")(explain_link)
    app.command("link-quality")(link_quality)
    group = typer.Typer(
        help="Pairs of records that linking was unsure of: list them, see why, and say what they are. Start with "
        "`review list`; docs/review.md says what each answer does.",
        no_args_is_help=True,
    )
    group.command("list")(list_questions)
    group.command("show")(show)
    group.command("decide")(decide)
    group.command("export")(export)
    app.add_typer(group, name="review")


def explain_link(
    wanted: Annotated[
        str, typer.Argument(metavar="CHILD-ID", help="A child ID, or the first 8 or more hex digits of a record key.")
    ],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show why the records of a child are linked: every agreement and what it adds, in bits.

    A link starts far below zero, where two random records are. What agrees adds bits, what differs takes some away. A
    pair at or above the threshold is one child. One bit more doubles the odds.
    """
    from linkage.explain import explain  # noqa: PLC0415

    place = _open(workspace)
    found = explain(place.evidence, place.model, wanted, place.record_child, place.threshold)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    if not found:
        say("Nothing links these records to others, and nothing comes near it.")
    for one in found:
        _waterfall(one)


def link_quality(
    workspace: WorkspaceOption = None,
    by_subgroup: Annotated[
        bool,
        typer.Option("--by-subgroup", help="By race and ethnicity, sex, school year of birth, area and twins as well."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Estimate, from tokens only, how right and how complete the links of every two sources are.

    Precision is the share of links that are right, recall the share of true links that were made, each with its 95 %
    interval. These figures are for the hub; what is published of them goes through disclosure control.
    """
    from assets.night import StatePaths  # noqa: PLC0415
    from assets.quality import subgroups_of  # noqa: PLC0415
    from linkage.quality import ALL, linkage_quality  # noqa: PLC0415
    from mou_policies.policy import compile_policy  # noqa: PLC0415

    place = _open(workspace)
    opened = open_workspace(workspace)
    policy = compile_policy(opened.agreements, date.today())
    single = [source.source for source in policy.sources.values() if source.one_record_a_child]
    spine = StatePaths.under(opened.state).spine
    if by_subgroup and not spine.exists():
        raise WorkspaceError(f"{spine}: no spine yet, which says who is of which subgroup; run a night first")
    labels = subgroups_of(spine, place.record_child) if by_subgroup else None
    found = linkage_quality(place.record_child, place.evidence, labels, place.model, place.threshold, single)
    rows = found.to_pylist()
    if as_json:
        print_json(rows)
        return
    columns = ["source", "with", *(["subgroup"] if by_subgroup else []), "records", "linked", "precision", "recall"]
    shown = [
        [
            row["source"],
            row["other_source"] or "any other",
            *([row["subgroup"]] if by_subgroup else []),
            row["records"],
            row["linked"],
            _interval(row, "precision"),
            _interval(row, "recall"),
        ]
        for row in rows
        if row["subgroup"] == ALL or not row["other_source"]
    ]
    table(columns, shown, right=columns[-4:])


def list_questions(
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    most: Annotated[int, typer.Option("--most", min=1, help="How many to show.")] = 20,
) -> None:
    """List the open questions, the most telling first (docs/review.md says in which order)."""
    place = _open(workspace)
    asked = _questions(place)
    if as_json:
        print_json([one.as_dict() for one in asked])
        return
    say(f"{len(asked):,} open questions{f'; the first {most}' if len(asked) > most else ''}.")
    columns = ["number", "one record", "other record", "bits", "now", "sources in common", "tie", "said so far"]
    table(columns, [_line(one) for one in asked[:most]], right=["number", "bits"])


def show(number: NumberArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one question with its waterfall of agreements, and what reviewers have said so far."""
    from linkage.explain import pair_waterfall  # noqa: PLC0415

    place = _open(workspace)
    one = _question(place, number)
    said = [entry for entry in place.log.entries() if entry.pair == one.pair]
    waterfall = pair_waterfall(one.row, place.model, place.record_child.num_rows, place.threshold) if one.row else None
    if as_json:
        bars = waterfall.as_dict() if waterfall else None
        words = [{"day": e.day, "reviewer": e.reviewer, "verdict": e.verdict, "reason": e.reason} for e in said]
        print_json({**one.as_dict(), "waterfall": bars, "said": words})
        return
    if waterfall:
        _waterfall(waterfall)
    else:
        say(f"{one.names[0]} and {one.names[1]}: not compared on the newest night.")
    if one.common:
        say(f"Both children have records of: {', '.join(one.common)}. Two records of one source are rarely one child.")
    for entry in said:
        say(f"{entry.day}  {entry.reviewer}: {entry.verdict}{f' ({entry.reason})' if entry.reason else ''}")


def decide(
    number: NumberArgument,
    answer: Annotated[Answer, typer.Argument(help="One child, two children, or not enough to say.")],
    reviewer: Annotated[str, typer.Option("--reviewer", help="Your name; it is kept with the decision.")],
    note_code: Annotated[
        str | None, typer.Option("--note-code", help="Reason, from the closed list in docs/review.md; no free text.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Answer a question. It is kept for good and obeyed from the next night on; a later answer of yours replaces it."""
    from linkage.review import DISPUTED, Entry, Verdict  # noqa: PLC0415

    place = _open(workspace)
    one = _question(place, number)
    with noted(place.workspace, "decision", "review decide", answer=answer.value, reason=note_code):
        place.log.add(Entry(one.pair, Verdict(answer.value), reviewer, date.today(), note_code, one.seen))
    say(f"Kept: {answer.value}, {one.names[0]} and {one.names[1]}. Linking obeys it from the next night on.")
    if place.log.standing()[one.pair].verdict == DISPUTED:
        say("Another reviewer said otherwise: the pair is disputed, and stays apart until you agree.")


def export(
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    to: Annotated[Path | None, typer.Option("--to", help="File to write; the screen if not given.")] = None,
) -> None:
    """Write the history of all decisions, superseded ones too, as CSV (or JSON): who, when, what, why."""
    rows = _history(_open(workspace))
    if as_json:
        print_json(rows)
        return
    if to is None:
        _write_csv(rows, sys.stdout)
        return
    with to.open("w", encoding="utf-8", newline="") as file:
        _write_csv(rows, file)


def _open(named: Path | None) -> _Place:
    from assets.night import StatePaths  # noqa: PLC0415
    from linkage.evidence import evidence_store  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415
    from linkage.ledger import Ledger  # noqa: PLC0415
    from linkage.model import load_model  # noqa: PLC0415
    from linkage.review import DecisionLog  # noqa: PLC0415

    place = open_workspace(named)
    paths, ring = StatePaths.under(place.state), KeyRing.load(place.keys)
    log = DecisionLog(paths.decisions, ring)
    return _Place(
        workspace=place,
        record_child=Ledger(paths.ledger, ring).record_child(),
        evidence=evidence_store(paths.evidence, ring).read(),
        log=log,
        standing=log.standing(),
        model=load_model(place.settings.linkage.model, paths.models),
        threshold=place.settings.linkage.threshold_bits or 0.0,
    )


def _questions(place: _Place) -> list[Question]:
    from linkage.review_queue import questions  # noqa: PLC0415

    return questions(place.evidence, place.record_child, place.standing, place.threshold)


def _question(place: _Place, number: int) -> Question:
    from linkage.review_queue import question  # noqa: PLC0415

    return question(number, place.evidence, place.record_child, place.standing, place.threshold)


def _line(one: Question) -> list[Any]:
    data = one.as_dict()
    common = ", ".join(one.common)
    return [
        str(one.number), *one.names, data["weight_bits"], data["outcome"], common or None,
        "yes" if one.touched else None, one.standing,
    ]  # fmt: skip


def _waterfall(one: Waterfall) -> None:
    heading(f"{one.left}  and  {one.right}: {one.outcome}, {one.how}")
    for bar in one.bars:
        cells = min(_BAR_CELLS, max(1, round(abs(bar.bits) / _BITS_A_CELL)))
        sign, style = ("+", "green") if bar.bits >= 0 else ("-", "red")
        line = f"  {bar.comparison.replace('_', ' '):<20}{bar.level:<38}{bar.bits:+7.1f}  "
        out.print(line, markup=False, end="")
        out.print(sign * cells, markup=False, style=style)
    say(f"  {'total':<58}{one.total:+7.1f}  threshold {one.threshold:+.1f}")


def _interval(row: dict[str, Any], what: str) -> str | None:
    if row[f"{what}_estimate"] is None:
        return None
    return f"{row[f'{what}_estimate']:.4f} ({row[f'{what}_low']:.4f} to {row[f'{what}_high']:.4f})"


def _history(place: _Place) -> list[dict[str, Any]]:
    from linkage.explain import record_name  # noqa: PLC0415
    from linkage.review import folded  # noqa: PLC0415

    entries = place.log.entries()
    newest = {(entry.pair, folded(entry.reviewer)): number for number, entry in enumerate(entries)}
    return [
        {
            "day": entry.day,
            "reviewer": entry.reviewer,
            "left": record_name(*entry.pair[0]),
            "right": record_name(*entry.pair[1]),
            "verdict": str(entry.verdict),
            "reason": entry.reason,
            "superseded": newest[entry.pair, folded(entry.reviewer)] != number,
            "standing": str(place.standing[entry.pair].verdict),
        }
        for number, entry in enumerate(entries)
    ]


def _write_csv(rows: list[dict[str, Any]], file: Any) -> None:
    columns = ["day", "reviewer", "left", "right", "verdict", "reason", "superseded", "standing"]
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows(rows)
