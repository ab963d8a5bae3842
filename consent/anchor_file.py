"""A file of anchors outside the workspace, to which every checkpoint is added: one JSON a line, synced to the disk.

It proves something against whoever cannot write to it: put it on another machine's share, on a medium that is written
once, or let the system refuse anything but appending to it. What does not belong here: what an anchor is (`anchors`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consent.anchors import Anchor, document, read_anchors
from consent.trail import Checkpoint
from consent.trail_errors import AnchorError
from mou_policies.canonical import canonical_json


def append_anchor(path: Path, made: Checkpoint, key: Ed25519PublicKey, *, state: Path) -> bool:
    """Add a checkpoint to the anchor file at `path`; return whether it was new. It is on the disk when this returns.

    Raises AnchorError for a path inside `state`, the folder that anchors are to protect, for a file that cannot be
    written, and where the file's last anchor says that the trail was longer, or another one: then the history of the
    registry is not the one that was anchored.
    """
    inside = path.resolve()
    if inside.is_relative_to(state.resolve()):
        raise AnchorError(
            f"found the anchor file {path} inside the state folder {state}, expected one outside it; name one on "
            "another machine or medium in audit.anchor"
        )
    said = document(made, key)
    try:
        last = newest_of(path)
        if last is not None and last.sequence >= made.sequence:
            _refuse_other(path, last, made)
            return False
        _append(path, canonical_json(said))
    except OSError as error:
        raise AnchorError(
            f"the anchor file {path} cannot be written ({error.strerror}), so the newest checkpoint has no anchor; "
            "make it writable and run the same command again"
        ) from None
    return True


def newest_of(path: Path) -> Anchor | None:
    """Return the anchor of the highest event in a file, None where there is no file or nothing in it."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    return max(read_anchors(str(path)), key=lambda one: one.sequence)


def _refuse_other(path: Path, last: Anchor, made: Checkpoint) -> None:
    if last.sequence == made.sequence and made.digest.startswith(last.digest):
        return
    raise AnchorError(
        f"{path}: found an anchor of event {last.sequence} of {last.day}, expected one of an event before "
        f"{made.sequence}: the trail is not the one that was anchored; run `cradlepath audit verify --anchor {path}`"
    )


def _append(path: Path, line: bytes) -> None:
    """Write one line in one piece; after a line that broke off, begin a new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.exists()
    broken = there and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        _write_all(handle, (b"\n" if broken else b"") + line + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    if not there:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_all(handle: int, data: Any) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
