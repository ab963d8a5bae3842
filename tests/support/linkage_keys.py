"""A key ring with fixed keys, so that a test's tokens and child IDs are the same every time."""

from pathlib import Path

from linkage.keys import KeyRing


def fixed_ring(folder: Path, seed: int = 1) -> KeyRing:
    """Write a key ring of made-up keys into `folder` and load it."""
    KeyRing.create(folder)
    for number, name in enumerate(("k1.key", "k2.key", "hub.key"), start=1):
        (folder / name).write_text(f"{seed * 10 + number:064x}\n")
    return KeyRing.load(folder)
