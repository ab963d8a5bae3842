"""The one resource: the night, made from the workspace and the partition of the run.

It takes the workspace's lock for as long as a run lasts, because the embedded stores have one writer, and it wires the
rooms together (the consent ledger's opt-outs into the load). No work is done here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from dagster import InitResourceContext, ResourceDefinition, resource
from dagster._core.storage.tags import PARTITION_NAME_TAG

from assets.night import Night, NightSettings, StatePaths
from linkage.keys import KeyRing
from mou_policies.policy import compile_policy
from pipelines.asking import actor, who
from pipelines.workspace import SETTINGS_FILE, Workspace, WorkspaceError, load


class NightLockedError(WorkspaceError):
    """Another run holds this workspace."""


@contextmanager
def workspace_lock(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace for one run; raise `NightLockedError` at once when another run holds it."""
    workspace.state.mkdir(parents=True, exist_ok=True)
    path = workspace.state / "night.lock"
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise NightLockedError(
                f"another run holds {workspace.state} (process {holder}); wait for it to end, then run the night again"
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def load_keys(workspace: Workspace) -> KeyRing:
    """Return the key ring of a workspace.

    Raises KeyRingError for keys that are not there, not whole or not private, WorkspaceError for those of another mode.
    """
    ring = KeyRing.load(workspace.keys)
    mode = workspace.settings.linkage.mode
    if ring.mode != mode:
        raise WorkspaceError(
            f"{workspace.root / SETTINGS_FILE}: found linkage.mode {mode}, but the keys are {ring.mode}; write the "
            "mode of the keys, or point keys.path to the keys of this mode"
        )
    return ring


def make_night(workspace: Workspace, on: date) -> Night:
    """Return the night of one date: policy in force, keys, places, thresholds and the consent ledger's opt-outs.

    A source that was destroyed is not in the policy, unless something new shares it (`assets.destruction.reload`).
    """
    from assets.destruction.reload import without_destroyed  # noqa: PLC0415
    from consent.destruction import Destructions  # noqa: PLC0415  (SQLAlchemy is not needed to draw the graph)
    from consent.ledger import ConsentLedger  # noqa: PLC0415

    settings = workspace.settings
    paths = StatePaths.under(workspace.state, workspace.registry_url)
    consents = ConsentLedger(paths.registry_url)
    destroyed = Destructions(consents.engine).all()
    return Night(
        date=on,
        landing=workspace.landing,
        paths=paths,
        keys=load_keys(workspace),
        policy=without_destroyed(compile_policy(workspace.agreements, on), destroyed, workspace.agreements),
        settings=NightSettings(
            max_quarantined_share=settings.checks.max_quarantined,
            max_vanished_share=settings.checks.max_vanished,
            disposal=settings.landing_files.after_commit,
            threshold_bits=settings.linkage.threshold_bits,
            model=settings.linkage.model,
            backend=settings.linkage.backend,
            memory_limit=settings.linkage.memory_limit,
            spill=workspace.spill,
            exposure=settings.exposure.limits(),
        ),
        optouts=lambda source: consents.linkage_optouts(source, on),
        actor=actor() if who() else "night",
        anchor=workspace.anchor_file,
    )


def night_resource(root: Path) -> ResourceDefinition:
    """Return the resource `night` for the workspace at `root`: every asset of a run gets the same `Night`.

    The run's partition is the night's date. The workspace's lock is held for as long as the run lasts.
    """

    @resource(description=f"The night of the run's partition, in the workspace {root.name}.")
    def night(context: InitResourceContext) -> Iterator[Night]:
        workspace = load(root)
        tags = context.run.tags if context.run else {}
        if PARTITION_NAME_TAG not in tags:
            raise WorkspaceError(
                "a run needs a partition: choose the date of the night (YYYY-MM-DD) and launch it again"
            )
        with workspace_lock(workspace):
            yield make_night(workspace, date.fromisoformat(tags[PARTITION_NAME_TAG]))

    return night
