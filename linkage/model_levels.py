"""What the comparisons and levels of a model mean, from `data/model_levels.json`: words and rules, no probability.

Read by the model (what falls silent where no source holds it), by training (what it leaves alone) and by the model card
(what it says to people).
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from linkage.identifiers import IDENTIFIERS


@cache
def explained() -> dict[str, Any]:
    """Return by comparison: `says`, `fields`, `levels` (each with `says`, perhaps `least_m`), perhaps `atom`, `fixed`.

    The file says what each of them is.
    """
    comparisons: dict[str, Any] = _file()["comparisons"]
    return comparisons


def terms() -> dict[str, str]:
    """Return what the words of a model card mean."""
    words: dict[str, str] = _file()["terms"]
    return words


def fields_held(names: Iterable[str], sources: Mapping[str, frozenset[str]] | None) -> frozenset[str]:
    """Return the identifier columns that the named sources hold, by what the agreements in force say of each.

    A source without an agreement in force may have sent anything while it had one.
    """
    known = sources or {}
    return frozenset[str]().union(*(known.get(name, frozenset(IDENTIFIERS)) for name in names))


@cache
def _file() -> dict[str, Any]:
    text = files("linkage").joinpath("data/model_levels.json").read_text(encoding="utf-8")
    about: dict[str, Any] = json.loads(text)
    return about
