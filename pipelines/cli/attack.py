"""The command `attack`: what somebody without a key could single out of this workspace's token store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.screen import JsonOption, WorkspaceOption, heading, print_json, say, table
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from linkage.attack import Finding, Limits
    from linkage.attack.at_rest import Store
    from linkage.keys import KeyRing

REFUSED = 3
_COLUMNS = ("", "records", "singled out", "in classes up to 10", "median class")


def register(app: typer.Typer) -> None:
    """Add this module's command to the command line."""
    app.command("attack")(attack)


def attack(
    workspace: WorkspaceOption = None,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", help="New folder for the token tables as Parquet, so that anybody can run another attack."
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="A copy of an earlier night's state/vault, to compare the two row by row."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Attack the token store as a thief of the disk would, who knows the method and all plaintext but has no key.

    Shares are of records that structure alone singles out: whose rows share what with whom. Also shown: guesses by
    frequency, what knowing some records tells of others, the view with the hub's own keys, and last night's transcript.
    Nothing is changed. Exit status 3 when a share is past a limit of the workspace that stops releases.
    """
    from assets.exposure import last_measured  # noqa: PLC0415
    from assets.night import StatePaths  # noqa: PLC0415
    from linkage.attack.at_rest import two_nights  # noqa: PLC0415
    from linkage.attack.export import export as write  # noqa: PLC0415
    from linkage.attack.export import hub_files, store_files  # noqa: PLC0415
    from linkage.attack.hub_view import measure_hub_view  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415
    from linkage.ledger import Ledger  # noqa: PLC0415

    place = open_workspace(workspace)
    paths, ring = StatePaths.under(place.state), KeyRing.load(place.keys)
    store, record_child = _store(paths.vault, ring), Ledger(paths.ledger, ring).record_child()
    pair = two_nights(store, _store(against, ring)) if against else None
    both = pair.measure() if pair else None
    at_rest, last = store.measure(), last_measured(paths.exposure)
    found = _findings(at_rest, both, last, place.settings.exposure.limits())
    files = [*store_files(store, "at_rest", "the store as it lies on the disk"), *hub_files(record_child)]
    files += [*store_files(pair, "two_nights", "two nights' stores, row by row")] if pair else []
    written = write(export, files) if export else []
    report = at_rest | {
        "two_nights": both,
        "with_hub_keys": measure_hub_view(record_child),
        "last_night": last or None,
        "sealed": _sealed(place.state),
        "findings": [str(one) for one in found],
    }
    if as_json:
        print_json(report)
    else:
        _show(report)
        if written:
            say(f"\nWrote {len(written)} files to {export}; its README names the columns to compare.")
    raise typer.Exit(REFUSED if any(one.stops for one in found) else 0)


def _store(folder: Path, ring: KeyRing) -> Store:
    from linkage.attack.at_rest import Store  # noqa: PLC0415
    from linkage.errors import VaultError  # noqa: PLC0415
    from linkage.vault import Vault  # noqa: PLC0415

    if not folder.is_dir():
        raise VaultError(f"{folder}: no vault here, expected the folder of a token store; run a night first")
    return Store.of(Vault(folder, ring))


def _findings(
    at_rest: dict[str, Any], both: dict[str, Any] | None, last: dict[str, Any], limits: Limits
) -> list[Finding]:
    from linkage.attack import findings  # noqa: PLC0415

    nights = [*last.get("two_nights", []), *([both] if both else [])]
    return findings(at_rest, last.get("transcripts", []), limits, nights)


def _sealed(state: Path) -> list[str]:
    """Return the sealed files of the state folder: a thief of the disk sees that they are there, and how long."""
    from linkage.sealing import MAGIC  # noqa: PLC0415

    found = []
    for path in sorted(path for path in state.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                found.append(str(path.relative_to(state)))
    return found


def _show(report: dict[str, Any]) -> None:
    heading("A thief of the disk: the store at rest")
    _figures(report)
    _other_attacks(report)
    for name, figures in report["tables"].items():
        say(f"table {name}: {figures['records']:,} rows, {_share(figures['singled_out'])} singled out")
    joined = report["shared_between_tables"]
    say(f"values that join two tables: {joined:,}; sealed files, which say nothing: {', '.join(report['sealed'])}")
    if report["two_nights"]:
        heading("The same thief, twice: two nights' stores compared row by row")
        _figures(report["two_nights"])
        _other_attacks(report["two_nights"])
    heading("With the hub's own keys (its operator, not a thief): which records are one child")
    _figures(report["with_hub_keys"])
    _show_change(report["last_night"])
    _show_last(report["last_night"])
    heading("Limits")
    for line in report["findings"] or ["No share is past a limit of the workspace."]:
        say(line)


def _show_change(last: dict[str, Any] | None) -> None:
    heading("The same thief, two nights running: the store before and after last night's linking")
    found = last.get("two_nights", []) if last else []
    if not found:
        say("No night has changed a store that was there before.")
    for one in found:
        rows, words = one["rows"], one["words"]
        total = max(sum(rows.values()), 1)
        say(", ".join(f"{count:,} rows ({_share(count / total)}) {name}" for name, count in rows.items()))
        if words["looked_at"] < words["differing"]:
            say(f"looked at {words['looked_at']:,} of {words['differing']:,} words of rows that differ")
        _figures(one)


def _show_last(last: dict[str, Any] | None) -> None:
    heading("Tokens in transit, each source alone, and a night's whole transcript (all)")
    if not last:
        say("No night has been measured yet; the next one will be.")
        return
    for number, transcript in enumerate(last["transcripts"], 1):
        say(f"night {last['night']}, linking {number} of {len(last['transcripts'])}")
        _figures(transcript)
        _other_attacks(transcript)
    if not last["transcripts"]:
        say(f"On {last['night']} nothing new was linked, so nothing was sent.")


def _figures(figures: dict[str, Any]) -> None:
    rows = [*figures["sources"].items(), ("all", figures["all"])]
    shown = [
        [name, one["records"], _share(one["singled_out"]), _share(one["in_classes_up_to_10"]), one["median_class_size"]]
        for name, one in rows
    ]
    table(_COLUMNS, shown, right=_COLUMNS[1:])


def _other_attacks(figures: dict[str, Any]) -> None:
    rank = figures["frequency"]
    say(f"guessed by frequency: {_share(rank['by_count'])}; with structure: {_share(rank['with_colours'])}")
    for one in figures["known_pairs"]:
        say(f"knowing {one['known']:,} records: {one['learnt']:,} more learnt ({_share(one['share'])} of the others)")


def _share(value: float) -> str:
    return f"{value:.3%}"
