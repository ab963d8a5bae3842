"""Families of the city: group, neighbourhood, income, stability, parents and their names.

Belongs here: what siblings share. Does not belong here: the children themselves (population) or agency
files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.demo import names
from pipelines.demo.days import FIRST_NIGHT, YEAR
from pipelines.demo.draw import Floats, Ints, Mask, between, by_row, chance, distinct, stream, weighted
from pipelines.demo.rates import rate, rates

ZIPS = ("02903", "02904", "02905", "02906", "02907", "02908", "02909", "02910", "02911", "02912")
_ZIP_WEIGHT = (0.06, 0.12, 0.12, 0.09, 0.14, 0.16, 0.17, 0.08, 0.05, 0.01)
# Hardship of a neighbourhood on the scale of the income latent (demo choice).
_ZIP_HARDSHIP = np.array([0.10, -0.15, 0.45, -0.80, 0.60, 0.10, 0.50, -0.30, -0.20, -0.60])
_GROUP_HARDSHIP = np.array([-0.30, 0.35, 0.35, 0.05, -0.25, -0.15, 0.45, 0.20, 0.05])
# Deep poverty, poverty, near poverty, middle, high: bounds on the latent (11 %, 12 %, 24 %, 30 %, 23 %).
_INCOME_BOUNDS = np.array([1.30, 0.78, 0.08, -0.78])
STREETS = (
    "Maple", "Oak", "Chestnut", "Elm", "Washington", "Broad", "Prairie", "Hope",
    "Atwells", "Smith", "Douglas", "Academy", "Potters", "Cranston", "Union", "Admiral",
    "River", "Benefit", "Plainfield", "Manton",
)  # fmt: skip


@dataclass(frozen=True)
class Families:
    """One row a family. Names are indices into `names.tables()`, -1 for none; days count from 1970-01-01.

    `income` runs from 0 (below half the poverty line) to 4 (four times the line and more); `care` is a
    standard normal latent for how regularly the family reaches services; `last_day` is the day of the
    newest address.
    """

    size: int
    children: Ints
    group: Ints
    income: Ints
    single: Mask
    unstable: Mask
    care: Floats
    education: Ints
    mother_given: Ints
    mother_middle: Ints
    mother_maiden: Ints
    mother_surname: Ints
    mother_birth: Ints
    mother_ssn: Ints
    father_given: Ints
    father_surname: Ints
    second_surname: Ints
    zip_first: Ints
    zip_last: Ints
    moved_on: Ints
    house: Ints
    street: Ints


def _surnames(rng: np.random.Generator, group: Ints) -> Ints:
    out = np.empty(group.size, dtype=np.int64)
    for code, name in enumerate(names.GROUPS):
        rows = np.flatnonzero(group == code)
        out[rows] = weighted(rng, names.tables().surname_weights[name], rows.size)
    return out


def given_names(rng: np.random.Generator, group: Ints, female: Mask) -> Ints:
    """Return a given name for each row, by group and sex."""
    out = np.empty(group.size, dtype=np.int64)
    for code, name in enumerate(names.GROUPS):
        for sex, of_sex in (("F", female), ("M", ~female)):
            rows = np.flatnonzero((group == code) & of_sex)
            out[rows] = weighted(rng, names.tables().given_weights[name, sex], rows.size)
    return out


def _adult_given(rng: np.random.Generator, group: Ints, sex: str) -> Ints:
    """Return parents' given names: half as in the 1990 Census, half as the group names its children."""
    census = weighted(rng, names.tables().adult_weights[sex], group.size)
    own = given_names(rng, group, np.full(group.size, sex == "F"))
    return np.where(chance(rng, 0.5, group.size), census, own)


def make_families(seed: int, size: int) -> Families:
    """Return `size` families; the same seed and size give the same families."""
    rng = stream(seed, "families")
    group = weighted(rng, rates("family.groups"), size)
    home = weighted(rng, _ZIP_WEIGHT, size)
    latent = rng.normal(0, 0.92, size) + _GROUP_HARDSHIP[group] + _ZIP_HARDSHIP[home]
    income = (latent[:, None] < _INCOME_BOUNDS).sum(axis=1)
    single = chance(rng, np.array(rates("family.single_by_income"))[income], size)
    unstable = chance(rng, np.array(rates("family.unstable_by_income"))[income] * np.where(single, 1.2, 0.75), size)
    father = _surnames(rng, group)
    maiden = _surnames(rng, group)
    takes = ~single & chance(rng, rate("surname.mother_takes"), size) & (names.GROUPS.index("hispanic") != group)
    moved = chance(rng, np.where(unstable, 0.85, rate("child.address_change")), size)
    return Families(
        size=size,
        children=1 + weighted(rng, rates("family.size"), size),
        group=group,
        income=income,
        single=single,
        unstable=unstable,
        care=rng.normal(0, 1, size) - 0.35 * (1.5 - np.minimum(income, 3)) / 1.5 - 0.5 * unstable,
        education=_education(rng, income),
        mother_given=_adult_given(rng, group, "F"),
        mother_middle=_adult_given(rng, group, "F"),
        mother_maiden=maiden,
        mother_surname=np.where(takes, father, maiden),
        mother_birth=np.zeros(size, dtype=np.int64),
        mother_ssn=distinct(rng, size, 100_000_000, 600_000_000),
        father_given=_adult_given(rng, group, "M"),
        father_surname=father,
        second_surname=_surnames(rng, group),
        zip_first=home,
        zip_last=np.where(moved, weighted(rng, _ZIP_WEIGHT, size), home),
        moved_on=np.where(moved, between(rng, FIRST_NIGHT - 9 * YEAR, np.full(size, FIRST_NIGHT - 30)), FIRST_NIGHT),
        house=rng.integers(1, 1400, size),
        street=rng.integers(0, len(STREETS), size),
    )


def _education(rng: np.random.Generator, income: Ints) -> Ints:
    """Return IJE codes of the mother's education, 1 (8th grade or less) to 8 (doctorate)."""
    table: list[list[float]] = [
        [8, 22, 38, 17, 7, 6, 2, 0.3], [7, 20, 38, 18, 8, 7, 2, 0.3], [4, 11, 33, 23, 10, 14, 4, 0.6],
        [2, 4, 20, 20, 12, 28, 12, 2], [1, 1, 7, 9, 8, 38, 27, 9],
    ]  # fmt: skip
    return 1 + by_row(rng, table, income)
