"""The linkage model: probabilities per level, from a versioned file, as Splink settings.

`data/model_v3.json` holds for every level m (how often two records of one child show it) and u (how often two
records of different children do). u of names comes from the 1990 Census tables, u of the rest from the
counts the file states; m was counted on made-up children. `benchmarks/linkage_train.py` writes the file.
A workspace may keep models of its own, whose m was learnt there (`linkage.training`); what levels mean is
`linkage.model_levels`. An agency's own exact frequencies are never used: two nights of them tell how common one
added child's name is.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from splink import SettingsCreator
from splink.blocking_rule_library import CustomRule

from linkage.comparisons import comparisons
from linkage.errors import LinkageError
from linkage.model_levels import explained
from linkage.rules import ROUND, Anchor, Round, layout

VERSION: Final = "v3"
"""The model that comes with this release."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
RECORD_COLUMN: Final = "record"
GROUP_COLUMN: Final = "grp"
HELD_COLUMN: Final = "held"
_RECORDS_A_CHILD: Final = 3
_LEAST_BITS: Final = 4
"""A few records are no city: two of them are strangers until they agree on more than a family does."""
_IN_QUESTION_BITS: Final = 5
"""How much likelier a pair is one child for sharing an anchor after the tags, in bits, beyond what levels tell."""


@dataclass(frozen=True)
class Probability:
    """m and u of one level."""

    m: float
    u: float

    @property
    def weight(self) -> float:
        """Return log2(m / u): the bits this level adds to the match weight."""
        return math.log2(self.m / self.u)


@dataclass(frozen=True)
class Model:
    """A named set of probabilities: comparison name -> level name -> m and u.

    Comparisons that are `silent` say nothing whatever two records hold: no source present has what they compare.
    """

    version: str
    trained_on: str
    probabilities: dict[str, dict[str, Probability]]
    silent: frozenset[str] = frozenset()

    def for_fields(self, held: frozenset[str]) -> "Model":
        """Return the model for sources that hold these identifier columns: what none holds falls silent.

        No other weight changes: such a comparison was null for every two records, and such an anchor met nobody.
        """
        silent = {name for name, one in explained().items() if "atom" in one and not held & set(one["fields"])}
        return Model(self.version, self.trained_on, self.probabilities, frozenset(silent))

    def settings(self, round_: Round, records: int, show_levels: bool = False) -> SettingsCreator:
        """Return Splink settings for `records` records of `round_`, one table holding all sources.

        `show_levels` adds a column ``gamma_<comparison>`` with the level of each pair, for training.
        """
        return SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name=RECORD_COLUMN,
            probability_two_random_records_match=prior(records),
            blocking_rules_to_generate_predictions=[
                CustomRule(blocking_condition(anchor.id)) for anchor in round_.anchors if self._meets(anchor)
            ],
            comparisons=[self._comparison(one.name, round_) for one in comparisons(round_)],
            retain_matching_columns=show_levels,
            retain_intermediate_calculation_columns=False,
        )

    def _meets(self, anchor: Anchor) -> bool:
        return not {explained()[name]["atom"] for name in self.silent} & set(anchor.parts)

    def _comparison(self, name: str, round_: Round) -> dict[str, Any]:
        shape = next(one for one in comparisons(round_) if one.name == name)
        levels: list[dict[str, Any]] = []
        if name in self.silent:
            shape = replace(shape, null="true")
        if shape.null:
            levels.append({"sql_condition": shape.null, "label_for_charts": "missing", "is_null_level": True})
        for level in shape.levels:
            known = self._probability(name, level.name)
            levels.append(
                {
                    "sql_condition": level.condition,
                    "label_for_charts": level.name,
                    "m_probability": known.m,
                    "u_probability": known.u,
                    "fix_m_probability": True,
                    "fix_u_probability": True,
                }
            )
        return {"output_column_name": name, "comparison_levels": levels}

    def _probability(self, comparison: str, level: str) -> Probability:
        try:
            return self.probabilities[comparison][level]
        except KeyError:
            raise LinkageError(
                f"linkage model {self.version!r}: no probabilities for {comparison!r}, level {level!r}; "
                "it belongs to another release, use the one of this release"
            ) from None


def blocking_condition(anchor: str) -> str:
    """Return the rule of one anchor: same token, another group, and no source twice that has one record a child."""
    return (
        f"l.{anchor} = r.{anchor} and l.{GROUP_COLUMN} <> r.{GROUP_COLUMN} and (l.{HELD_COLUMN} & r.{HELD_COLUMN}) = 0"
    )


def prior(records: int) -> float:
    """Return the chance that two records in question are one child, at about three records a child.

    Rounded to a whole power of two, so that one child more does not move every weight.
    """
    bits = round(math.log2(max(records / _RECORDS_A_CHILD, 8))) - _IN_QUESTION_BITS
    return float(2.0 ** -max(bits, _LEAST_BITS))


def load_model(version: str | None = None, saved: Path | None = None) -> Model:
    """Return the model of this release, or one of the folder `saved` by name.

    Raises LinkageError when there is none of that name, or it was trained on another layout of tokens or other levels.
    """
    name = version or VERSION
    if name == VERSION:
        return _model_of(json.loads(files("linkage").joinpath(f"data/model_{name}.json").read_text(encoding="utf-8")))
    if saved is not None and _NAME.fullmatch(name) and (path := saved / f"{name}.json").is_file():
        return _saved_model(path)
    where = f" or in {saved}" if saved is not None else ""
    raise LinkageError(f"linkage model {name!r}: found none in this release{where}; use {VERSION!r}, or train one")


def save_model(model: Model, folder: Path) -> Path:
    """Write a trained model into a folder of models and return its file; a model that is there is never replaced.

    Raises LinkageError for a name that is taken, by this release too, or is no plain word.
    """
    path = folder / f"{model.version}.json"
    if not _NAME.fullmatch(model.version):
        raise LinkageError(f"model name {model.version!r}: expected small letters, digits and hyphens, 40 at most")
    if model.version == VERSION or path.exists():
        raise LinkageError(f"model {model.version!r}: exists already and links may name it; choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    about = {"version": model.version, "trained_on": model.trained_on, "layout": layout()}
    fresh.write_text(json.dumps(about | {"probabilities": plain(model)}, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


def plain(model: Model) -> dict[str, dict[str, dict[str, float]]]:
    """Return the probabilities as plain data."""
    return {
        name: {at: {"m": p.m, "u": p.u} for at, p in levels.items()} for name, levels in model.probabilities.items()
    }


def _saved_model(path: Path) -> Model:
    remedy = "train one with `cradlepath model train`"
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        found = str(text["layout"])
        model = _model_of(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LinkageError(f"{path}: found no model, expected one that `cradlepath model train` wrote") from None
    if found != layout():
        raise LinkageError(f"{path}: found a model of layout {found}, expected this release's {layout()}; {remedy}")
    expected = {one.name: {level.name for level in one.levels} for one in comparisons(ROUND)}
    if {name: set(levels) for name, levels in model.probabilities.items()} != expected:
        raise LinkageError(f"{path}: found other comparisons or levels than this release's; {remedy}")
    if not all(0 < p.m <= 1 and 0 < p.u <= 1 for levels in model.probabilities.values() for p in levels.values()):
        raise LinkageError(f"{path}: found a probability that is not above 0 and at most 1; {remedy}")
    return model


def _model_of(text: Mapping[str, Any]) -> Model:
    probabilities = {
        name: {level: Probability(p["m"], p["u"]) for level, p in levels.items()}
        for name, levels in text["probabilities"].items()
    }
    return Model(text["version"], text["trained_on"], probabilities)
