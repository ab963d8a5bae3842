"""A disk that is full: a small one of its own where this user may mount one, else a limit on the size of files."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is room: tests that commit much wait for no disk. Open to other users' servers."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 1 << 30
    with tempfile.TemporaryDirectory(
        prefix="registry-", dir=MEMORY if roomy else None, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class SmallDisk:
    """A folder on a disk of its own."""

    root: Path

    def fill(self, leaving: int = 0) -> None:
        """Leave so many bytes free."""
        with (self.root / "filler").open("wb") as filler:
            free = os.statvfs(self.root).f_bavail * os.statvfs(self.root).f_frsize
            os.posix_fallocate(filler.fileno(), 0, max(free - leaving, 1))

    def free(self) -> None:
        (self.root / "filler").unlink(missing_ok=True)


@contextmanager
def small_disk(size: str) -> Iterator[SmallDisk]:
    """A disk in memory of `size` ('2m'); skips where this user may not mount one."""
    root = Path(tempfile.mkdtemp(prefix="small-disk-"))
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "none", str(root)], capture_output=True, check=False
    )
    try:
        if not mounted or mounted.returncode:
            pytest.skip("a full disk needs a disk of its own, and this user may not mount one")
        yield SmallDisk(root)
    finally:
        if mounted and not mounted.returncode:
            subprocess.run(["umount", "-l", str(root)], check=True)
        root.rmdir()


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Let no file that this process writes grow beyond `size` bytes: what a quota does, without any right."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
