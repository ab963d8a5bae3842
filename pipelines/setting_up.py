"""Making workspaces: a documented new one, and the demo city's with its keys and its signed agreements.

How demo data look is not decided here (`pipelines.demo`), nor what a setting means (`pipelines.workspace`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path

from linkage.keys import KeyRing
from mou_policies import signing
from mou_policies.agreement import HUB, PROVIDER
from mou_policies.language import agreement_files, load_agreement
from pipelines.workspace import SETTINGS_FILE, Workspace, WorkspaceError, load

DEMO_MARK = ".cradlepath-demo"
DEMO_START = date(2026, 9, 1)
DEMO_CALENDAR = "[2026-09-01, 2026-09-03]"


def write_workspace(
    root: Path, *, city: str, start: date, keys: str = "../keys", calendar: str = "quarterly"
) -> Workspace:
    """Write a documented workspace into `root` (made if absent, which must hold no settings yet) and return it."""
    if (root / SETTINGS_FILE).exists():
        raise WorkspaceError(f"{root / SETTINGS_FILE} exists; edit it, or choose another folder for a new workspace")
    root.mkdir(parents=True, exist_ok=True)
    text = files("pipelines").joinpath("templates", SETTINGS_FILE).read_text(encoding="utf-8")
    for name, value in {"city": city, "start": start.isoformat(), "keys": keys, "calendar": calendar}.items():
        text = text.replace("{" + name + "}", value)
    (root / SETTINGS_FILE).write_text(text, encoding="utf-8")
    workspace = load(root)
    for folder in (workspace.agreements, workspace.landing, workspace.state):
        folder.mkdir(parents=True, exist_ok=True)
    install_dagster_yaml(workspace)
    return workspace


def install_dagster_yaml(workspace: Workspace) -> Path:
    """Put the product's dagster.yaml into the workspace's DAGSTER_HOME unless one is there; return that folder."""
    home = workspace.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    target = home / "dagster.yaml"
    if not target.exists():
        shutil.copyfile(shipped_dagster_yaml(), target)
    return home


def shipped_dagster_yaml() -> Path:
    """Path of the product's dagster.yaml: beside the packages in a checkout, inside `pipelines` when installed."""
    package = Path(str(files("pipelines")))
    beside = package.parent / "dagster.yaml"
    return beside if beside.is_file() else package / "dagster.yaml"


def make_demo(
    out: Path, children: int, seed: int, nights: int, *, replace: bool, progress: Callable[[str, float], None]
) -> Workspace:
    """Make the demo city under `out`: workspace/, keys/, signers/ and truth.csv; return the workspace.

    `replace` removes an earlier demo city at `out` first; a folder that is not one is never removed.
    """
    from pipelines.demo.city import make_city  # noqa: PLC0415  (the generator is not needed by any other command)

    _clear(out, replace=replace)
    out.mkdir(parents=True, exist_ok=True)
    (out / DEMO_MARK).write_text("Made by `cradlepath demo`; `--replace` may remove this folder.\n", encoding="utf-8")
    make_city(out, children=children, seed=seed, nights=nights, progress=progress)
    progress("agreements and keys", 0.98)
    workspace = write_workspace(out / "workspace", city="Demo City", start=DEMO_START, calendar=DEMO_CALENDAR)
    KeyRing.create(workspace.keys)
    sign_demo_agreements(workspace, out / "signers")
    progress("done", 1.0)
    return workspace


def _clear(out: Path, *, replace: bool) -> None:
    if not out.exists() or not any(out.iterdir()):
        return
    if not (out / DEMO_MARK).is_file():
        raise WorkspaceError(f"{out} holds something that is not a demo city; choose an empty folder with --out")
    if not replace:
        raise WorkspaceError(f"{out} holds a demo city already; add --replace to make it anew, or choose another --out")
    shutil.rmtree(out)


def sign_demo_agreements(workspace: Workspace, signers: Path) -> None:
    """Copy the shipped agreements into the workspace and sign each for every party.

    The demo plays every part itself; in a city each party signs with a key that only it holds.
    """
    for shipped in sorted(files("mou_policies").joinpath("agreements").iterdir(), key=lambda entry: entry.name):
        if shipped.name.endswith(".yaml"):
            (workspace.agreements / shipped.name).write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    paths = agreement_files(workspace.agreements)
    agreements = {path: load_agreement(path) for path in paths}
    keys: dict[tuple[str, str, str | None], Path] = {}
    for path, agreement in agreements.items():
        for need in signing.needs(agreement):
            role, agency = HUB if need.party.role == HUB else PROVIDER, need.party.agency
            who = (role, agency, need.office)
            if who not in keys:
                name = f"{role} {need.office or 'signer'}"
                keys[who] = signing.new_signer(
                    workspace.agreements, name, role, agency, office=need.office, key_folder=signers
                )
            signing.sign(path, keys[who], agreement.starts)
