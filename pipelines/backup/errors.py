"""What goes wrong with backups."""

from __future__ import annotations


class BackupError(Exception):
    """A backup that cannot be made, opened or believed: one line, what was found and what to do."""
