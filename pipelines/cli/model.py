"""The commands `model list`, `show`, `train` and `use`: the linkage model of this workspace."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipelines.cli.screen import JsonOption, WorkspaceOption, heading, print_json, say, table
from pipelines.workspace import SETTINGS_FILE, Workspace, WorkspaceError, open_workspace

if TYPE_CHECKING:
    from linkage.training import Trained

_COLUMNS = ("level", "m", "u", "bits", "means")
_NUMBERS = ("m", "u", "bits")
_STATED = re.compile(r"^(linkage:[^\S\n]*(?:#.*)?\n(?:[ #].*\n|\n)*?[ ]+model:[ ]*)[^\s#]+", re.MULTILINE)
_SECTION = re.compile(r"^(linkage:[^\S\n]*(?:#.*)?\n)(?=(?:[ ]*#.*\n|\n)*([ ]+)\w)", re.MULTILINE)

NameArgument = Annotated[str | None, typer.Argument(help="Name of the model; without one the model in force.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    group = typer.Typer(help="The linkage model: list, show, train, use.", no_args_is_help=True)
    group.command("list")(list_models)
    group.command("show")(show)
    group.command("train")(train)
    group.command("use")(use)
    app.add_typer(group, name="model")


def list_models(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the model of this release and those trained here, and which one is in force."""
    from linkage.errors import LinkageError  # noqa: PLC0415
    from linkage.model import load_model  # noqa: PLC0415

    place = open_workspace(workspace)
    rows = []
    for name in _names(place):
        try:
            origin = load_model(name, _folder(place)).trained_on
        except LinkageError as error:
            origin = str(error)
        rows.append({"model": name, "in_force": name == _chosen(place), "origin": origin})
    if as_json:
        print_json(rows)
    else:
        table(("model", "in force", "origin"), [list(row.values()) for row in rows])


def show(name: NameArgument = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Explain a model: every comparison and level with m, u, bits and a sentence; and last night's drift."""
    from linkage.model import load_model  # noqa: PLC0415
    from linkage.model_card import about  # noqa: PLC0415

    place = open_workspace(workspace)
    chosen = name or _chosen(place)
    card = about(load_model(chosen, _folder(place)))
    last = _last_card(place)
    card["drift"] = last["drift"] if last.get("version") == card["version"] else None
    if as_json:
        print_json(card)
        return
    say(f"{card['version']}: {card['trained_on']}; layout {card['layout']}")
    for word, meaning in card["terms"].items():
        say(f"{word}: {meaning}")
    for comparison, one in card["comparisons"].items():
        heading(f"{comparison}: {one['says']} ({one['training']})")
        rows = [[at, p["m"], p["u"], f"{p['bits']:+.1f}", p["says"]] for at, p in one["levels"].items()]
        table(_COLUMNS, rows, right=_NUMBERS)
    heading("Drift on the last night")
    for line in _drift_lines(card["drift"]):
        say(line)


def train(
    name: Annotated[str | None, typer.Argument(help="Name of the new model; without one city-1, city-2, …")] = None,
    workspace: WorkspaceOption = None,
    start: Annotated[str | None, typer.Option(help="Model to start from; without one the model in force.")] = None,
    max_pairs: Annotated[int, typer.Option(min=1, help="Compared pairs to train on at most.")] = 1_000_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw, where there are more pairs.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Learn m from the evidence of links kept in this workspace, and save it as a model of its own.

    u stays as it is, no link changes, and nights go on with the model in force until `cradlepath model use`.
    """
    from linkage.model import save_model  # noqa: PLC0415

    place = open_workspace(workspace)
    trained = _trained(place, start, max_pairs, seed)
    model = replace(trained.model, version=name or _next_name(place))
    path = save_model(model, _folder(place))
    if as_json:
        print_json({"model": model.version, "file": path, "origin": model.trained_on, "steps": trained.steps})
        return
    say(f"{model.version}: {model.trained_on}; {trained.steps} steps; written to {path}")
    say(f"See it with `cradlepath model show {model.version}`; nights take it after `cradlepath model use`.")


def use(
    name: Annotated[str, typer.Argument(help="Name of the model, as `cradlepath model list` prints it.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Link with this model from the next night on; writes linkage.model into cradlepath.yaml.

    Links that were made stay; only what a night compares anew is weighed by it.
    """
    from linkage.model import load_model  # noqa: PLC0415

    place = open_workspace(workspace)
    load_model(name, _folder(place))
    file = place.root / SETTINGS_FILE
    text = _with_model(file.read_text(encoding="utf-8"), name)
    if not _says(text, name):
        raise WorkspaceError(
            f"{file}: found no place for the model in its section linkage; write `model: {name}` there"
        )
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
    say(f"{name} is in force from the next night on ({file}).")


def _with_model(text: str, name: str) -> str:
    """Return the settings with another linkage.model: one line changed or added, no comment lost."""
    if _STATED.search(text):
        return _STATED.sub(rf"\g<1>{name}", text, count=1)
    return _SECTION.sub(rf"\g<1>\g<2>model: {name}\n", text, count=1)


def _says(text: str, name: str) -> bool:
    try:
        document = YAML(typ="safe").load(text)
    except YAMLError:
        return False
    section = document.get("linkage")
    return isinstance(section, dict) and section.get("model") == name


def _trained(place: Workspace, start: str | None, max_pairs: int, seed: int) -> Trained:
    from assets.night import StatePaths  # noqa: PLC0415
    from linkage.errors import LinkageError  # noqa: PLC0415
    from linkage.evidence import evidence_store  # noqa: PLC0415
    from linkage.keys import KeyRing  # noqa: PLC0415
    from linkage.model import load_model  # noqa: PLC0415
    from linkage.training import levels_of, train_on_levels  # noqa: PLC0415
    from linkage.vault import Vault  # noqa: PLC0415

    paths, ring = StatePaths.under(place.state), KeyRing.load(place.keys)
    evidence = evidence_store(paths.evidence, ring).read()
    if "pairs" not in evidence:
        raise LinkageError(f"{paths.evidence}: found no evidence of links, expected some; run a night first")
    records = sum(Vault(paths.vault, ring).counts().values())
    begin = load_model(start or _chosen(place), paths.models)
    return train_on_levels(levels_of(evidence["pairs"]), records, begin, max_pairs, seed)


def _folder(place: Workspace) -> Path:
    from assets.night import StatePaths  # noqa: PLC0415

    return StatePaths.under(place.state).models


def _chosen(place: Workspace) -> str:
    from linkage.model import VERSION  # noqa: PLC0415

    return place.settings.linkage.model or VERSION


def _names(place: Workspace) -> list[str]:
    from linkage.model import VERSION  # noqa: PLC0415

    return [VERSION, *sorted(path.stem for path in _folder(place).glob("*.json"))]


def _next_name(place: Workspace) -> str:
    taken = set(_names(place))
    return next(name for name in (f"city-{n}" for n in range(1, len(taken) + 2)) if name not in taken)


def _last_card(place: Workspace) -> dict[str, Any]:
    from assets.night import StatePaths  # noqa: PLC0415

    path = StatePaths.under(place.state).model_card
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return card


def _drift_lines(drift: dict[str, Any] | None) -> list[str]:
    if not drift:
        return ["No night has been linked with this model yet."]
    if not drift["comparisons"]:
        return [f"Too few linked pairs to say: fewer than {drift['least_pairs']:,} in every comparison."]
    shown = [f"{name} {one['psi']:.2f}" for name, one in drift["comparisons"].items()]
    past = [f"{line}; retrain with `cradlepath model train`" for line in drift["past_the_limit"]]
    return [f"PSI {', '.join(shown)} (limit {drift['limit_psi']})", *past]
