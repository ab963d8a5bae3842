"""What a backup holds, in order: a tar of the workspace's files and the registry's tables, then the list of contents.

    cradlepath.yaml                            the settings
    registry/<table>/<part>.arrow              rows of the registry, as Arrow IPC streams
    agreements/…, state/…                      files as they lie in the workspace
    contents.json                              name, size and SHA-256 of each of these; where chain and ledger stand

What belongs here: names, packing and unpacking. What does not: sealing (`stream`), what is put in (`take`).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from mou_policies.canonical import canonical_json
from pipelines.backup.errors import BackupError
from pipelines.backup.stream import CHUNK_BYTES, SealedReader, SealedWriter

CONTENTS = "contents.json"
AGREEMENTS, STATE, REGISTRY = "agreements", "state", "registry"


class _Hashing:
    """A file object that hashes what is read from it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.sha256.update(piece)
        return piece


class Packer:
    """Puts files and bytes into the sealed stream, and at last (`finish`) the list of them."""

    def __init__(self, sealed: SealedWriter) -> None:
        self._sealed = sealed
        self._tar = tarfile.open(fileobj=cast(BinaryIO, sealed), mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self.files: dict[str, list[Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._sealed.give_up()

    def add_file(self, name: str, path: Path) -> None:
        """Add one file of the disk, and the permissions its owner has."""
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            self._add(name, file, stat.st_size, stat.st_mode & 0o777)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add what was made in memory."""
        self._add(name, io.BytesIO(data), len(data), 0o600)

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Add the list of contents with `facts`, and seal the end."""
        self.add_bytes(CONTENTS, canonical_json({**facts, "files": self.files}))
        self._tar.close()
        self._sealed.finish()

    def _add(self, name: str, file: BinaryIO, size: int, mode: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, mode
        hashing = _Hashing(file)
        self._tar.addfile(member, cast(BinaryIO, hashing))
        self.files[name] = [size, hashing.sha256.hexdigest()]


class Unpacker:
    """Yields what a backup holds, then (`finish`) compares it with the list of contents."""

    def __init__(self, sealed: SealedReader, name: str) -> None:
        self._sealed, self._name = sealed, name
        self._tar = tarfile.open(fileobj=cast(BinaryIO, sealed), mode="r|")  # noqa: SIM115
        self._found: dict[str, list[Any]] = {}
        self._contents: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tar.close()

    def members(self) -> Iterator[tuple[str, int, Iterator[bytes]]]:
        """Yield name, permissions and bytes (piece by piece) of each member, in order; take each whole."""
        for member in self._tar:
            file = self._tar.extractfile(member) if member.isreg() else None
            if file is None or self._contents is not None or not _is_plain(member.name):
                raise BackupError(f"{self._name}: holds something that no backup holds; take another backup")
            hashing = _Hashing(cast(BinaryIO, file))
            pieces = iter(lambda: hashing.read(CHUNK_BYTES), b"")  # noqa: B023  (used up before the next one)
            if member.name == CONTENTS:
                self._contents = json.loads(b"".join(pieces))
                continue
            yield member.name, member.mode & 0o777, pieces
            self._found[member.name] = [member.size, hashing.sha256.hexdigest()]

    def finish(self) -> dict[str, Any]:
        """Return the facts of the list of contents. Raises BackupError unless everything is as it was packed."""
        self._sealed.finish()
        contents = self._contents or {}
        if contents.pop("files", None) != self._found:
            raise BackupError(f"{self._name}: its files are not those of its list of contents; take another backup")
        return contents


def _is_plain(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts
