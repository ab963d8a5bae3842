"""Restoring a backup into an empty folder: written aside, verified whole, then moved into place at one stroke.

A backup that does not open, is cut, or does not hold leaves nothing behind. What belongs here: where the parts of a
backup go and in which order things become visible. What does not: what is verified (`checks`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ruamel.yaml import YAML
from sqlalchemy import Connection, make_url

from assets.night import StatePaths
from consent.registry import engine_of, writing
from consent.trail import AuditTrail
from linkage.keys import KeyRing
from pipelines.backup import registry
from pipelines.backup.archive import AGREEMENTS, REGISTRY, STATE, Unpacker
from pipelines.backup.checks import chain_holds, ledger_holds, releases_hold, rows_hold
from pipelines.backup.errors import BackupError
from pipelines.backup.stream import SealedReader
from pipelines.backup.take import Advance
from pipelines.setting_up import install_dagster_yaml
from pipelines.workspace import SETTINGS_FILE, Workspace, load


@dataclass(frozen=True)
class Restored:
    """What was restored: where, from which backup of when, how many files, and what was verified, in words."""

    root: Path
    backup: str
    made_at: str
    files: int
    verified: tuple[str, ...]


@dataclass(frozen=True)
class _Job:
    """One restoration: the open backup, the keys, the folder aside and at last, where the registry goes."""

    sealed: SealedReader
    name: str
    keys: KeyRing
    keys_folder: Path
    aside: Path
    into: Path
    registry_url: str | None
    advance: Advance


def restore(
    file: Path,
    into: Path,
    keys_folder: Path,
    *,
    actor: str,
    registry_url: str | None = None,
    advance: Advance = lambda _what, _done: None,
) -> Restored:
    """Make a workspace in the empty or absent folder `into` from a backup, with the keys of its city.

    The registry goes to `registry_url` (an empty database), else into a SQLite file of the workspace. Raises
    BackupError for a folder that is not empty, another city's or another key's backup, and one that does not hold.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise BackupError(f"{into} is not empty, and nothing is ever restored over something; name a new folder")
    keys = KeyRing.load(keys_folder)
    into.parent.mkdir(parents=True, exist_ok=True)
    with file.open("rb") as opened, _aside(into) as aside:
        sealed = SealedReader(opened, keys.derive("backup"), keys.city, file.name)
        job = _Job(sealed, file.name, keys, keys_folder.resolve(), aside, into, registry_url, advance)
        return _restored(job, actor)


@contextmanager
def _aside(into: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f".{into.name}.restoring-", dir=into.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _restored(job: _Job, actor: str) -> Restored:
    about, into = job.sealed.about, job.into
    with Unpacker(job.sealed, job.name) as unpacker:
        members = unpacker.members()
        workspace = _settings(job, members)
        engine = engine_of(workspace.registry_url)
        placed = False
        try:
            with writing(engine) as connection:
                shown = make_url(workspace.registry_url).render_as_string(hide_password=True)
                registry.make_empty(connection, str(about.get("registry")), shown)
                files = 1 + _unpack(job, workspace, members, connection)
                verified = _verified(job, workspace, connection, unpacker.finish())
                said = {"backup": about["backup"], "made_at": about["made_at"], "files": files}
                AuditTrail(engine).append("restore", about["backup"], said, actor=actor, connection=connection)
                if engine.dialect.name != "sqlite":
                    # what a server keeps is committed last: a folder can be taken back, a commit cannot
                    os.rename(job.aside, into)  # noqa: PTH104
                    placed = True
            engine.dispose()
            if not placed:
                os.rename(job.aside, into)  # noqa: PTH104
        except BaseException as error:
            if placed:
                shutil.rmtree(into, ignore_errors=True)
            if isinstance(error, OSError) and error.filename is None:
                raise BackupError(f"{into}: {error.strerror}; make room there, or name another place") from None
            raise
        finally:
            engine.dispose()
    return Restored(into, about["backup"], about["made_at"], files, verified)


def _settings(job: _Job, members: Iterator[tuple[str, int, Iterator[bytes]]]) -> Workspace:
    """Write the settings, which come first, as they must be at the new place; return the workspace aside."""
    name, mode, pieces = next(members, ("", 0, iter(())))
    if name != SETTINGS_FILE:
        raise BackupError(f"{job.name}: does not begin with {SETTINGS_FILE}; take another backup")
    _write(job.aside / SETTINGS_FILE, mode | 0o600, pieces)
    yaml = YAML(typ="rt")
    yaml.preserve_quotes, yaml.width = True, 1000
    settings = yaml.load((job.aside / SETTINGS_FILE).read_text(encoding="utf-8"))
    _settle(settings, job)
    with (job.aside / SETTINGS_FILE).open("w", encoding="utf-8") as out:
        yaml.dump(settings, out)
    workspace = load(job.aside)
    for folder in (workspace.agreements, workspace.landing, workspace.state):
        folder.mkdir(parents=True, exist_ok=True)
    install_dagster_yaml(workspace)
    return workspace


def _settle(settings: Any, job: _Job) -> None:
    """Point every folder outside the workspace back into it, the registry and the keys to what was named.

    Otherwise a restored workspace would go on to write into the one it was made from.
    """
    for part in ("agreements", "landing", "state"):
        if part in settings and not _lies_inside(str(settings[part])):
            settings[part] = part
    settings.pop("registry", None)
    if job.registry_url is not None:
        settings["registry"] = job.registry_url
    keys = settings.setdefault("keys", {})
    if (job.into / str(keys.get("path", ""))).resolve() != job.keys_folder:
        keys["path"] = str(job.keys_folder)


def _lies_inside(folder: str) -> bool:
    path = Path(os.path.normpath(folder))
    return not path.is_absolute() and ".." not in path.parts and path != Path()


def _unpack(
    job: _Job, workspace: Workspace, members: Iterator[tuple[str, int, Iterator[bytes]]], connection: Connection
) -> int:
    """Write every file and put every row back; return the number of files."""
    places = {AGREEMENTS: workspace.agreements, STATE: workspace.state}
    files = done = 0
    for name, mode, pieces in members:
        top, _, rest = name.partition("/")
        if top == REGISTRY:
            registry.put(connection, rest, b"".join(pieces))
            continue
        if top not in places or not rest:
            raise BackupError(f"{job.name}: holds a file that no backup holds; take another backup")
        job.advance(name, done)
        done += _write(places[top] / rest, mode, pieces)
        files += 1
    registry.go_on_counting(connection)
    return files


def _write(path: Path, mode: int, pieces: Iterator[bytes]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        size = sum(_written(file, piece) for piece in pieces)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    return size


def _written(file: BinaryIO, piece: bytes) -> int:
    return file.write(piece)


def _verified(job: _Job, workspace: Workspace, connection: Connection, facts: dict[str, Any]) -> tuple[str, ...]:
    paths = StatePaths.under(workspace.state, workspace.registry_url)
    trusted = job.keys.signing_key.public_key()
    checks: list[Callable[[], str]] = [
        lambda: rows_hold(connection, facts["rows"]),
        lambda: chain_holds(connection, facts["chain"], trusted),
        lambda: ledger_holds(paths, job.keys, facts["ledger"]),
        lambda: releases_hold(paths.releases, trusted),
    ]
    return ("files: every one is the one that was backed up", *(check() for check in checks))
