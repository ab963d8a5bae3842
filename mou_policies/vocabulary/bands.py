"""Bands of coded percentages that have a name and a citation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.vocabulary.loading import load, mark_of


@dataclass(frozen=True)
class Bands:
    """Named bands, smallest group first; each is (least size of a group, lower bound, upper bound) in percent."""

    name: str
    means: str
    cite: str
    mark: str
    bands: tuple[tuple[int, int, int], ...]


@lru_cache(maxsize=1)
def percentages() -> Mapping[str, Bands]:
    """Return the bands that a licence may take by name."""
    found = {}
    for name, _, node in load("percentages").entries():
        keys = node.keys_of(["means", "cite", "mark", "bands"])
        bands = []
        for band in keys["bands"].items():
            k = band.keys_of(["least", "low", "high"])
            bands.append((k["least"].integer(1, 100_000), k["low"].integer(0, 50), k["high"].integer(50, 100)))
        found[name] = Bands(name, keys["means"].text(), keys["cite"].text(), mark_of(keys["mark"]), tuple(bands))
    return found
