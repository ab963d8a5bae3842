"""Taking a backup: under the workspace's lock, the registry as of one moment, streamed, nothing in the clear.

The event `backup` is added to the audit chain, and signed, before the registry is read: so the backup holds its own
event, and a workspace restored from it says of itself which one it was. A backup that fails leaves a second event that
says so, and no file. What belongs here: what goes in. What does not: how it is sealed (`stream`, `archive`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from assets.night import StatePaths
from consent.registry import open_registry
from consent.schema import HEAD
from consent.trail import AuditTrail, newest, now
from linkage.keys import KeyRing
from pipelines.backup import registry
from pipelines.backup.archive import AGREEMENTS, REGISTRY, STATE, Packer
from pipelines.backup.checks import ledger_root
from pipelines.backup.errors import BackupError
from pipelines.backup.stream import SealedWriter
from pipelines.resources import load_keys, workspace_lock
from pipelines.workspace import SETTINGS_FILE, Workspace

Advance = Callable[[str, float], None]


@dataclass(frozen=True)
class Taken:
    """What a backup holds: its id, files and bytes before sealing, rows of the registry, events of the chain."""

    id: str
    path: Path
    files: int
    bytes: int
    rows: int
    events: int


def back_up(workspace: Workspace, target: Path, *, actor: str, advance: Advance = lambda _what, _done: None) -> Taken:
    """Write everything that a workspace keeps to the new file `target`; `advance` is told what, and bytes so far.

    Raises BackupError for a target that exists or lies in the workspace, NightLockedError while a run holds it.
    """
    _check_target(workspace, target)
    keys, made = load_keys(workspace), secrets.token_hex(8)
    with workspace_lock(workspace):
        engine = open_registry(workspace.registry_url)
        trail, part = AuditTrail(engine), target.with_name(f"{target.name}.part")
        try:
            trail.append("backup", made, {"backup": made, "step": "begun"}, actor=actor)
            trail.checkpoint(keys.signing_key)
            taken = _write(workspace, keys, part, made, engine, advance)
            os.replace(part, target)  # noqa: PTH105 - atomic on one file system, unlike a copy
        except BaseException as error:
            with suppress(Exception):
                trail.append("backup", made, {"backup": made, "step": "failed"}, actor=actor)
            if isinstance(error, OSError) and error.filename is None:
                raise BackupError(f"{target}: {error.strerror}; make room there, or name another place") from None
            raise
        finally:
            part.unlink(missing_ok=True)
            engine.dispose()
    return Taken(made, target, **taken)


def size_of(workspace: Workspace) -> int:
    """Return how many bytes of files a backup of this workspace would read."""
    return sum(path.stat().st_size for _, path in _files(workspace))


def _write(workspace: Workspace, keys: KeyRing, part: Path, made: str, engine: Any, advance: Advance) -> dict[str, int]:
    about = {"backup": made, "city": keys.city, "mode": keys.mode, "made_at": now(), "registry": HEAD}
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, Packer(SealedWriter(file, keys.derive("backup"), about)) as packer:
        done = 0
        packer.add_file(SETTINGS_FILE, workspace.root / SETTINGS_FILE)
        # first and in one go, since whoever writes to SQLite waits meanwhile
        with registry.snapshot(engine) as connection:
            last, rows = newest(connection), registry.counts(connection)
            for name, stream in registry.dump(connection):
                packer.add_bytes(f"{REGISTRY}/{name}", stream)
        for name, path in _files(workspace):
            advance(name, done)
            packer.add_file(name, path)
            done += packer.files[name][0]
        paths = StatePaths.under(workspace.state, workspace.registry_url)
        chain = {"events": last.sequence, "digest": last.digest} if last else {}
        packer.finish({"rows": rows, "chain": chain, "ledger": ledger_root(paths, keys)})
    return {
        "files": len(packer.files),
        "bytes": sum(size for size, _ in packer.files.values()),
        "rows": sum(rows.values()),
        "events": chain.get("events", 0),
    }


def _files(workspace: Workspace) -> Iterator[tuple[str, Path]]:
    """Yield name in the backup and place of each file of the agreements and of the state."""
    left_out = _left_out(workspace)
    for name, folder in ((AGREEMENTS, workspace.agreements), (STATE, workspace.state)):
        for path in sorted(folder.rglob("*")):
            if path.is_symlink():
                raise BackupError(f"{path}: found a link, expected files; put what it points to in its place")
            if path.is_file() and not left_out & {path.resolve(), *path.resolve().parents}:
                yield f"{name}/{path.relative_to(folder).as_posix()}", path


def _left_out(workspace: Workspace) -> set[Path]:
    """Return what no backup holds: keys, raw files, the registry's own file, Dagster's history, what is made anew."""
    out = [workspace.keys, workspace.landing, workspace.dagster_home, workspace.state / "cache"]
    out += [workspace.state / "night.lock", *([workspace.spill] if workspace.spill else [])]
    address = make_url(workspace.registry_url)
    if address.get_backend_name() == "sqlite" and address.database:
        out += [Path(address.database + suffix) for suffix in ("", "-journal", "-wal", "-shm")]
    return {path.resolve() for path in out}


def _check_target(workspace: Workspace, target: Path) -> None:
    if target.exists():
        raise BackupError(f"{target} exists, and no backup is overwritten; name a new file")
    if not target.parent.is_dir():
        raise BackupError(f"{target.parent}: no such folder; make it, or name another place for the backup")
    for folder in (workspace.root, workspace.state, workspace.agreements):
        if folder.resolve() in target.resolve().parents:
            raise BackupError(f"{target} lies in the workspace that it would back up; name a file on another disk")
