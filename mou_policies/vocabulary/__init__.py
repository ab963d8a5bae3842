"""The vocabulary: closed lists with their citations, read once from the data files beside this module.

Rules with a citation live in those files, so that an auditor can read and question them without reading code.
Adding a word means adding a line there.
"""

from __future__ import annotations

from mou_policies.vocabulary.areas import Vintage, zip3_is_current, zip3_label, zip3_restricted, zip3_vintages
from mou_policies.vocabulary.bands import Bands, percentages
from mou_policies.vocabulary.classes import FERPA_PII_CITE, SAFE_HARBOR_CITE, FieldClass, field_classes
from mou_policies.vocabulary.deidentification import CONDITIONS, LEVELS, Claim, Demand, Keep, Removal, claims
from mou_policies.vocabulary.doors import admits, doors
from mou_policies.vocabulary.keys import Key, keys
from mou_policies.vocabulary.law import (
    Element,
    ExceptionRule,
    Population,
    Purpose,
    exceptions,
    populations,
    purposes,
)
from mou_policies.vocabulary.layouts import Layout, LayoutExclusion, LayoutField, LayoutTable, layout_of
from mou_policies.vocabulary.loading import MARKS
from mou_policies.vocabulary.patterns import class_pattern, classes_of, matches
from mou_policies.vocabulary.rulebook import SEVERITIES, Rule, rules
from mou_policies.vocabulary.tiers import Clause, Kind, kinds
from mou_policies.vocabulary.words import (
    ReleaseMode,
    Standard,
    TreatmentRule,
    Use,
    release_modes,
    standards,
    treatments,
    uses,
)

__all__ = [
    "CONDITIONS",
    "FERPA_PII_CITE",
    "LEVELS",
    "MARKS",
    "SAFE_HARBOR_CITE",
    "SEVERITIES",
    "Bands",
    "Claim",
    "Clause",
    "Demand",
    "Element",
    "ExceptionRule",
    "FieldClass",
    "Keep",
    "Key",
    "Kind",
    "Layout",
    "LayoutExclusion",
    "LayoutField",
    "LayoutTable",
    "Population",
    "Purpose",
    "ReleaseMode",
    "Removal",
    "Rule",
    "Standard",
    "TreatmentRule",
    "Use",
    "Vintage",
    "admits",
    "claims",
    "class_pattern",
    "classes_of",
    "doors",
    "exceptions",
    "field_classes",
    "keys",
    "kinds",
    "layout_of",
    "matches",
    "percentages",
    "populations",
    "purposes",
    "release_modes",
    "rules",
    "standards",
    "treatments",
    "uses",
    "zip3_is_current",
    "zip3_label",
    "zip3_restricted",
    "zip3_vintages",
]
