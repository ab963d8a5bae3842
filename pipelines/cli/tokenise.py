"""The agency's command: `tokenise` turns extracts into one sealed token file for the hub.

It needs no workspace and no network, and imports nothing that only a hub needs.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.screen import JsonOption, heading, print_json, progress, say, table

if TYPE_CHECKING:
    from assets.extracts.tokenise import Tokenised
    from mou_policies.policy import Policy, SourcePolicy

_SUFFIX = ".tokens"


def register(app: typer.Typer) -> None:
    """Add this module's command to the command line."""
    app.command("tokenise")(tokenise)


def tokenise(
    extracts: Annotated[
        list[Path], typer.Argument(exists=True, help="The files of one delivery, as they would go to the hub.")
    ],
    agreements: Annotated[
        Path,
        typer.Option(exists=True, file_okay=False, help="Folder of the agreement files in force, with signatures."),
    ],
    source: Annotated[str, typer.Option(help="The source, as its agreement names it.")],
    kit: Annotated[Path, typer.Option(help="The agency kit that the hub made for this source.")],
    k1: Annotated[Path, typer.Option("--k1", help="The agencies' token key, K1.")],
    out: Annotated[Path, typer.Option(help="File to write: SOURCE.tokens or SOURCE.<anything>.tokens.")],
    night: Annotated[
        str | None, typer.Option(help="The night it is delivered for, YYYY-MM-DD; today if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """At an agency: read extracts under their agreement and seal tokens and treated fields to the hub, in one file.

    No name, date of birth or number is in it, and none is written anywhere. The hub loads it as it would the extracts.
    """
    from assets.extracts.tokenise import tokenise as run  # noqa: PLC0415
    from assets.guard import no_values_in_errors  # noqa: PLC0415
    from linkage.agency_keys import AgencyRing  # noqa: PLC0415
    from mou_policies.policy import compile_policy  # noqa: PLC0415

    on = _night(night)
    _check_name(out, source)
    policy = compile_policy(agreements, on)
    granted = _granted(policy, source)
    ring = AgencyRing.load(k1, kit)
    with progress(1.0, f"tokenise {source}") as advance, no_values_in_errors("tokenise"):
        made = run(
            ring, policy, granted, extracts, on, out, progress=lambda name, rows: advance(f"{name}: {rows:,} rows", 0.5)
        )
    story = _story(made, source, on, out, ring.k1_fingerprint)
    if as_json:
        print_json(story)
    else:
        _tell(story)


def _night(text: str | None) -> date:
    try:
        return date.fromisoformat(text) if text else date.today()
    except ValueError:
        raise typer.BadParameter("expected a date as YYYY-MM-DD", param_hint="--night") from None


def _check_name(out: Path, source: str) -> None:
    if out.name.split(".")[0] != source or out.suffix != _SUFFIX:
        raise typer.BadParameter(
            f"found {out.name}, expected {source}{_SUFFIX} or {source}.<anything>{_SUFFIX}: by its name the hub knows "
            "whose file it is",
            param_hint="--out",
        )
    if out.exists():
        raise typer.BadParameter(f"{out} exists; name another file, or take this one away", param_hint="--out")


def _granted(policy: Policy, source: str) -> SourcePolicy:
    if source in policy.sources:
        return policy.sources[source]
    held = next((refusal for refusal in policy.refusals if source in refusal.sources), None)
    known = ", ".join(sorted(policy.sources)) or "none"
    why = str(held) if held else f"no agreement names the source {source}; in force on {policy.on}: {known}"
    raise typer.BadParameter(why, param_hint="--source")


def _story(made: Tokenised, source: str, on: date, out: Path, k1: str) -> dict[str, Any]:
    """Return what the command says, as data: counts, names and reasons."""
    tallies = [made.tallies[place] for place in sorted(made.tallies)]
    sums = {
        name: sum(getattr(tally, name) for tally in tallies) for name in ("read", "staged", "quarantined", "dropped")
    }
    return {
        "file": out,
        "bytes": out.stat().st_size,
        "source": source,
        "night": on,
        "delivery": made.mode,
        "k1": k1,
        **sums,
        "records": made.records,
        "unlinkable": made.unlinkable,
        "files": [vars(tally) for tally in tallies],
        "policies": [
            {"policy": name, "reason": reason, "rows": rows} for (name, reason), rows in sorted(made.by_policy.items())
        ],
        "reasons": [
            {"table": name, "column": column, "reason": reason, "rows": rows}
            for (name, column, reason), rows in sorted(made.reasons.items(), key=lambda item: -item[1])
        ],
    }


def _tell(story: dict[str, Any]) -> None:
    columns = ("file", "table", "read", "staged", "quarantined", "dropped")
    table(columns, [[row[name] for name in columns] for row in story["files"]])
    for title, key in (("Dropped by policy", "policies"), ("Quarantined", "reasons")):
        if rows := story[key]:
            heading(title)
            table(list(rows[0]), [list(row.values()) for row in rows])
    say(
        f"{story['read']:,} rows read = {story['staged']:,} staged + {story['quarantined']:,} quarantined + "
        f"{story['dropped']:,} dropped by policy; {story['records']:,} records, "
        f"{story['unlinkable']:,} of them unlinkable."
    )
    say(
        f"Wrote {story['file']} ({story['bytes']:,} bytes), a {story['delivery']} delivery for the night "
        f"{story['night']}. Hand it to the hub."
    )
