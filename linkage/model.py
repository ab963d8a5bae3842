"""The linkage model: probabilities per level, from a versioned data file, as Splink settings.

`data/model_v2.json` holds for every level m (how often two records of one child show it) and u (how often two
records of different children do). u of names comes from the 1990 Census tables, u of the rest from the
counts the file states; m was counted on made-up children. `benchmarks/linkage_train.py` writes the file.
An agency's own exact frequencies are never used: two nights of them tell how common one added child's
name is.
"""

import json
import math
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from splink import SettingsCreator
from splink.blocking_rule_library import CustomRule

from linkage.comparisons import comparisons
from linkage.errors import LinkageError
from linkage.rules import Round

VERSION: Final = "v2"
"""The model that comes with this release."""

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
    """A named set of probabilities: comparison name -> level name -> m and u."""

    version: str
    trained_on: str
    probabilities: dict[str, dict[str, Probability]]

    def settings(self, round_: Round, records: int, show_levels: bool = False) -> SettingsCreator:
        """Return Splink settings for `records` records of `round_`, one table holding all sources.

        `show_levels` adds a column ``gamma_<comparison>`` with the level of each pair, for training.
        """
        return SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name=RECORD_COLUMN,
            probability_two_random_records_match=prior(records),
            blocking_rules_to_generate_predictions=[
                CustomRule(blocking_condition(anchor.id)) for anchor in round_.anchors
            ],
            comparisons=[self._comparison(one.name, round_) for one in comparisons(round_)],
            retain_matching_columns=show_levels,
            retain_intermediate_calculation_columns=False,
        )

    def card(self) -> dict[str, Any]:
        """Return the model as plain data for a manifest: version, origin and weights in bits."""
        weights = {
            name: {level: round(p.weight, 2) for level, p in levels.items()}
            for name, levels in self.probabilities.items()
        }
        return {"version": self.version, "trained_on": self.trained_on, "weights_bits": weights}

    def _comparison(self, name: str, round_: Round) -> dict[str, Any]:
        shape = next(one for one in comparisons(round_) if one.name == name)
        levels: list[dict[str, Any]] = []
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


def load_model(version: str = VERSION) -> Model:
    """Read a model that comes with the package; raises LinkageError when there is none of that version."""
    resource = files("linkage").joinpath(f"data/model_{version}.json")
    if not resource.is_file():
        raise LinkageError(f"linkage model {version!r}: not in this release; use {VERSION!r}")
    text = json.loads(resource.read_text(encoding="utf-8"))
    probabilities = {
        name: {level: Probability(p["m"], p["u"]) for level, p in levels.items()}
        for name, levels in text["probabilities"].items()
    }
    return Model(text["version"], text["trained_on"], probabilities)
