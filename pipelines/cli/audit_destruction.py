"""The command `audit destruction`: what must be destroyed and when, doing it, and its certificates."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.asking import actor, agency
from pipelines.cli.kept import kept_agreements
from pipelines.cli.screen import JsonOption, OnOption, WorkspaceOption, day_of, err, print_json, say, table
from pipelines.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from assets.destruction.held import Place
    from assets.destruction.standing import Standing
    from consent.destruction import Destroyed

_COLUMNS = ("state", "agreement", "source", "ended", "due", "rows", "records", "tokens", "sealed", "waiting")
_COLUMNS_LAST = "destroyed_on"
_INSIDE = ("rows", "records", "tokens")
"""Counts of what is stored: families' decisions have been taken out of them, so no steward is told them."""


def add(group: typer.Typer) -> None:
    """Add `destruction` to the group `audit`."""
    group.command("destruction")(destruction)


def destruction(
    due: Annotated[bool, typer.Option("--due", help="Only what is overdue; exit status 3 if anything is.")] = False,
    destroy: Annotated[
        str | None, typer.Option("--destroy", help="Id of an ended agreement: destroy what it shared, for good.")
    ] = None,
    attested_by: Annotated[
        str | None, typer.Option("--attested-by", help="Who attests the destruction; stands in the certificate.")
    ] = None,
    keys: Annotated[bool, typer.Option("--keys", help="Destroy keys that served only this source, if any.")] = False,
    certificates: Annotated[
        str | None, typer.Option("--certificates", help="Id of an agreement: show its certificates; status 1 if bad.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="With --destroy or --certificates: write them as a page to print.")
    ] = None,
    workspace: WorkspaceOption = None,
    on: OnOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what ended agreements shared: when it must be destroyed and what is still held; destroy it and certify.

    A steward sees what their own agency shared.
    """
    place, day = open_workspace(workspace), day_of(on)
    if destroy is not None and certificates is not None:
        raise typer.BadParameter("name --destroy or --certificates, not both")
    if html is not None and destroy is None and certificates is None:
        raise typer.BadParameter("needs --destroy or --certificates", param_hint="--html")
    if destroy is not None:
        if not attested_by:
            raise typer.BadParameter("a destruction needs --attested-by NAME", param_hint="--destroy")
        _show(place, _destroyed(place, destroy, attested_by, day, keys=keys), html, as_json=as_json)
    elif certificates is not None:
        _show(place, _certificates(place, certificates), html, as_json=as_json)
    else:
        found, unnamed = _standings(place, day)
        if agency() is not None:
            found, unnamed = [one for one in found if one.due.agreement.owner == agency()], []
        _list(found, unnamed, only_due=due, as_json=as_json)


def _list(found: list[Standing], unnamed: list[str], *, only_due: bool, as_json: bool) -> None:
    from assets.destruction.standing import OVERDUE  # noqa: PLC0415

    overdue = [one for one in found if one.state == OVERDUE]
    hidden = _INSIDE if agency() is not None else ()
    plain = [one.plain for one in (overdue if only_due else found)]
    shown = [{name: value for name, value in one.items() if name not in hidden} for one in plain]
    if as_json:
        print_json(shown)
    elif shown:
        columns = [name for name in (*_COLUMNS, _COLUMNS_LAST) if name not in hidden]
        table([name.replace("_", " ") for name in columns], [[one[name] for name in columns] for one in shown])
        for one in overdue:
            say(one.says)
    else:
        say("Nothing is overdue." if only_due else "Every agreement that shared something is in its term.")
    for line in unnamed:
        err.print(f"cradlepath: {line}", markup=False)
    if only_due and (overdue or unnamed):
        raise typer.Exit(3)


def _show(place: Workspace, found: list[Destroyed], html: Path | None, *, as_json: bool) -> None:
    from assets.destruction.page import page  # noqa: PLC0415
    from pipelines.resources import load_keys  # noqa: PLC0415

    key = load_keys(place).signing_key.public_key()
    if html is not None:
        html.write_text(page(found, key), encoding="utf-8")
    good = [one.holds(key) for one in found]
    if as_json:
        print_json([_plain(one) | {"holds": holds} for one, holds in zip(found, good, strict=True)])
    else:
        for one, holds in zip(found, good, strict=True):
            facts = one.facts
            held = ", ".join(f"{name} {count:,}" for name, count in facts["destroyed"].items() if count)
            say(f"{one.source} ({one.agreement}) was destroyed on {one.destroyed_on}: {held or 'nothing was held'}.")
            say(f"  attested by {facts['attested_by']}; signature {'holds' if holds else 'DOES NOT HOLD'}")
        if not found:
            err.print("cradlepath: there is no certificate of that agreement", markup=False)
    raise typer.Exit(0 if found and all(good) else 1)


def _plain(one: Destroyed) -> dict[str, Any]:
    return {"certificate": one.facts, "text": one.certificate, "signature": one.signature.hex()}


def _open(place: Workspace) -> tuple[Place, Engine]:
    from assets.destruction.held import Place  # noqa: PLC0415
    from assets.night import StatePaths  # noqa: PLC0415
    from consent.registry import open_registry  # noqa: PLC0415
    from pipelines.resources import load_keys  # noqa: PLC0415

    paths = StatePaths.under(place.state, place.registry_url)
    return Place(paths, place.landing, load_keys(place)), open_registry(place.registry_url)


def _standings(place: Workspace, on: date) -> tuple[list[Standing], list[str]]:
    import duckdb  # noqa: PLC0415

    from assets.destruction.standing import standings, unnamed  # noqa: PLC0415
    from consent.destruction import Destructions  # noqa: PLC0415
    from pipelines.resources import NightLockedError  # noqa: PLC0415

    where, engine = _open(place)
    try:
        with kept_agreements(place):
            found = standings(place.agreements, where, Destructions(engine).all(), on)
            return found, unnamed(place.agreements, where, on)
    except duckdb.IOException:
        raise NightLockedError(f"a run holds {place.state}; wait for it to end, then ask again") from None
    finally:
        engine.dispose()


def _certificates(place: Workspace, agreement: str) -> list[Destroyed]:
    from consent.destruction import Destructions  # noqa: PLC0415

    _, engine = _open(place)
    try:
        return [one for one in Destructions(engine).all() if one.agreement == agreement]
    finally:
        engine.dispose()


def _destroyed(place: Workspace, agreement: str, by: str, on: date, *, keys: bool) -> list[Destroyed]:
    """Destroy every source of an ended agreement of which something is held or begun, under the workspace's lock."""
    from assets.destruction.destroy import Asked, DestructionError, destroy  # noqa: PLC0415
    from mou_policies.retention import ended_in  # noqa: PLC0415
    from pipelines.resources import workspace_lock  # noqa: PLC0415

    with workspace_lock(place):
        ended = ended_in(place.agreements, on)
        mine = [one for one in ended.due if one.agreement.agreement_id == agreement]
        if not mine:
            raise DestructionError(
                f"{agreement} has not ended by {on}, or what it shared is shared by another agreement; nothing is "
                "destroyed (cradlepath audit destruction lists what has ended)"
            )
        where, engine = _open(place)
        try:
            return [destroy(where, engine, Asked(one, by, on, keys), ended.sharing, actor=actor()) for one in mine]
        finally:
            engine.dispose()
