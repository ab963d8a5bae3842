"""The model card: every parameter of one night's linking, explained, as plain data for people and for manifests.

What belongs here: numbers that the model and the settings hold, and words from `data/model_levels.json`. What does not:
anything of a record; of the night only shares of many linked pairs, and which comparisons said nothing at all.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from linkage.backends import Backend
from linkage.comparisons import comparisons
from linkage.drift import LEAST_PAIRS, LIMIT, Drift, drifted
from linkage.evidence import MISSING
from linkage.model import Model, Probability, prior
from linkage.model_levels import explained, terms
from linkage.multimap import SLOTS
from linkage.rules import HANDLES, ROUND, layout
from linkage.vault_records import BODY_BYTES

_IN_FORCE: Final = "in force"
_NOT_HELD: Final = "left out: no source present holds what it compares"
_UNSAID: Final = "silent: no two compared records both held what it compares"
_COMPARED: Final = {_IN_FORCE, _UNSAID}


@dataclass(frozen=True)
class Setting:
    """How a night was linked: key ring's mode and fingerprint, engine, sources with tokens, threshold, records."""

    mode: str
    keys: str
    backend: Backend
    sources: tuple[str, ...]
    threshold_bits: float
    records: int


def model_card(model: Model, setting: Setting, levels: np.ndarray, drift: tuple[Drift, ...]) -> dict[str, Any]:
    """Return the card of one night; `levels` uint8 (k, comparisons) of all pairs compared."""
    chance = prior(setting.records)
    return about(model) | {
        "mode": setting.mode,
        "keys": setting.keys,
        "backend": type(setting.backend).__name__.lower(),
        "sources": sorted(setting.sources),
        "records": setting.records,
        "threshold_bits": setting.threshold_bits,
        "prior": chance,
        "prior_bits": round(math.log2(chance / (1 - chance)), 2),
        "bytes_kept_a_record": BODY_BYTES + 24 + HANDLES * 24,
        "crowded_above": SLOTS,
        "comparisons": _comparisons(model, levels),
        "drift": drift_card(drift),
    }


def carried(card: dict[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card of a night that had nothing new to link, with what an earlier one saw of the same model.

    Nothing, or only what reviewers had said before, was compared: which comparisons were silent, and how far levels
    drifted, is still what the last linking of new records showed. So a night that is run again keeps its card.
    """
    same = ("version", "layout")
    if "drift" not in earlier or any(earlier.get(name) != card[name] for name in same):
        return card
    seen = {name: one.get("state") for name, one in earlier.get("comparisons", {}).items()}
    compared = {
        name: one | {"state": seen[name]} if one["state"] != _NOT_HELD and seen.get(name) in _COMPARED else one
        for name, one in card["comparisons"].items()
    }
    return card | {"comparisons": compared, "drift": earlier["drift"]}


def about(model: Model) -> dict[str, Any]:
    """Return what is true of a model whatever night it links: origin, layout, every level with its meaning."""
    return {
        "version": model.version,
        "trained_on": model.trained_on,
        "layout": layout(),
        "terms": terms(),
        "comparisons": _comparisons(model, None),
    }


def drift_card(drift: Iterable[Drift]) -> dict[str, Any]:
    """Return drift as plain data: what was judged, by which limit, what is past it."""
    judged = tuple(drift)
    return {
        "limit_psi": LIMIT,
        "least_pairs": LEAST_PAIRS,
        "comparisons": {one.comparison: one.as_dict() for one in judged},
        "past_the_limit": [str(one) for one in drifted(judged)],
    }


def _comparisons(model: Model, levels: np.ndarray | None) -> dict[str, Any]:
    card = {}
    for number, one in enumerate(comparisons(ROUND)):
        words = explained()[one.name]
        unsaid = levels is not None and len(levels) and (levels[:, number] == MISSING).all()
        card[one.name] = {
            "says": words["says"],
            "state": _NOT_HELD if one.name in model.silent else _UNSAID if unsaid else _IN_FORCE,
            "training": f"fixed: {words['fixed']}" if "fixed" in words else "m is learnt, u is fixed",
            "levels": {
                level.name: _level(model.probabilities[one.name][level.name], words["levels"][level.name])
                for level in one.levels
            },
        }
    return card


def _level(known: Probability, words: dict[str, Any]) -> dict[str, Any]:
    return {"m": known.m, "u": known.u, "bits": round(known.weight, 2), "says": words["says"]}
