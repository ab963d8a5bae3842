"""A folder of results that commands which show may take up again; a night or a release never does (ADR 9).

An entry is named by the digest of everything its content was worked out from: the bytes it was made of, the code and
the vocabulary. So nothing is ever out of date: what has changed has another name. An entry that is damaged, or that
another user could have written, counts as not there. What is kept is decided in `kept`.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pydantic
import yaml

from mou_policies import STARTED

MOST = 256
"""Entries kept; the ones used longest ago go first."""

_ROOM = Path(__file__).parent
_SECOND = 1_000_000_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SEAL = 64


@dataclass(frozen=True)
class Cache:
    """Entries in a folder, by name; `code` is the fingerprint of the code that works them out."""

    folder: Path
    code: str

    @classmethod
    def at(cls, folder: Path) -> Cache | None:
        """Return the cache in a folder (made when something is kept), None where there can be none."""
        code = fingerprint()
        return Cache(folder, code) if code else None

    def name_of(self, *parts: bytes) -> str:
        """Return the name of what this code works out from these parts."""
        digest = hashlib.sha256(self.code.encode())
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()

    def get(self, name: str) -> bytes | None:
        """Return an entry's content, or None where there is none that can be trusted."""
        file = self.folder / name
        try:
            with os.fdopen(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as handle:
                if not (_only_ours(self.folder.stat()) and _only_ours(os.fstat(handle.fileno()))):
                    return None
                data = handle.read()
            os.utime(file)
        except OSError:
            return None
        seal, content = data[:_SEAL], data[_SEAL:]
        return content if seal == _seal(name, content) else None

    def put(self, name: str, content: bytes) -> None:
        """Keep an entry's content, whole or not at all; a folder that cannot be written keeps nothing."""
        with suppress(OSError):
            if _changed(_files()):
                return
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _only_ours(self.folder.stat()):
                return
            descriptor, partial = tempfile.mkstemp(dir=self.folder, prefix=".")
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(_seal(name, content) + content)
            Path(partial).replace(self.folder / name)
            self._forget()

    def _forget(self) -> None:
        entries = [(entry.stat().st_mtime_ns, entry) for entry in self.folder.iterdir()]
        for _, entry in sorted(entries)[: max(0, len(entries) - MOST)]:
            entry.unlink(missing_ok=True)


def fingerprint() -> str | None:
    """Return the digest of the code and the vocabulary that this process runs.

    None where a file of them was changed since the process began: what is on disk is then not what it runs.
    """
    files = _files()
    if _changed(files):
        return None
    libyaml = getattr(yaml, "__with_libyaml__", False)
    digest = hashlib.sha256(f"{sys.version} {yaml.__version__} {libyaml} {pydantic.VERSION}".encode())
    for file in files:
        digest.update(f"{file.relative_to(_ROOM)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _files() -> list[Path]:
    return sorted(file for file in _ROOM.rglob("*") if file.is_file() and file.suffix != ".pyc")


def _changed(files: list[Path]) -> bool:
    """Say whether one of the files was changed since the process began, as far as a clock of ticks can tell."""
    found = [file.stat() for file in files]
    return any(max(one.st_mtime_ns, one.st_ctime_ns) > STARTED - _SECOND for one in found)


def _seal(name: str, content: bytes) -> bytes:
    """Return what stands before an entry's content: it tells damage, and an entry under another's name."""
    return hashlib.sha256(name.encode() + content).hexdigest().encode()


def _only_ours(found: os.stat_result) -> bool:
    """Say whether a file or folder is the user's own and nobody else's; where there are no users, everything is."""
    return os.name != "posix" or (found.st_uid == os.getuid() and not found.st_mode & _OTHERS)
