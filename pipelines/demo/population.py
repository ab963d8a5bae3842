"""The children of the city: births, siblings, twins, names, residence, identifiers.

Belongs here: what is true of each child. Does not belong here: what an agency wrote down about the child
(identity, errors) or what happened to the child (circumstances, agency modules).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.demo import names
from pipelines.demo.days import FIRST_BIRTH, FIRST_NIGHT, NIGHT_LIMIT, YEAR
from pipelines.demo.draw import Ints, Mask, between, chance, distinct, stream
from pipelines.demo.families import Families, given_names, make_families
from pipelines.demo.rates import rate

NEVER = np.int64(10**6)
HISPANIC = names.GROUPS.index("hispanic")
NO_JOIN, SPACE, HYPHEN = 0, 1, 2


@dataclass(frozen=True)
class Children:
    """One row a child (its index is its true identity). Names are indices, -1 for none.

    `first_night` is 1 for children born before the first night, else the night on which the birth is
    delivered. `surname`/`second`/`join` make the surname at birth, `later_*` the one used from
    `renamed_on` on.
    """

    seed: int
    size: int
    families: Families
    family: Ints
    birth: Ints
    first_night: Ints
    female: Mask
    plurality: Ints
    order: Ints
    given: Ints
    middle: Ints
    surname: Ints
    second: Ints
    join: Ints
    later_surname: Ints
    later_second: Ints
    renamed_on: Ints
    born_here: Mask
    arrives: Ints
    leaves: Ints
    ssn: Ints
    medicaid: Ints

    def resident(self, day: int | Ints) -> Mask:
        """Return which children live in the city on a day."""
        return (self.arrives <= day) & (day < self.leaves)


def _deliveries(seed: int, families: Families) -> tuple[Ints, Ints, Ints]:
    """Return family, birth day and plurality of every delivery between 2008 and the last night."""
    rng = stream(seed, "deliveries")
    family = np.repeat(np.arange(families.size), families.children)
    first = np.repeat(np.cumsum(families.children) - families.children, families.children)
    place = np.arange(family.size) - first
    gap = (0.85 + rng.gamma(2.2, (rate("family.spacing_years") - 0.85) / 2.2, family.size)) * YEAR
    gap[place == 0] = 0
    waited = np.cumsum(gap)
    waited -= waited[first]
    end = FIRST_NIGHT + NIGHT_LIMIT
    start = np.floor(FIRST_BIRTH - 4 * YEAR + rng.random(families.size) * (end - FIRST_BIRTH + 4 * YEAR))
    birth = (start[family] + waited).astype(np.int64)
    kept = (birth >= FIRST_BIRTH) & (birth < FIRST_NIGHT - 1) & (waited < 16 * YEAR)
    draw = rng.random(family.size)
    triplets = draw < rate("delivery.triplets")
    plurality = np.where(triplets, 3, np.where(draw < rate("delivery.triplets") + rate("delivery.twins"), 2, 1))
    return family[kept], birth[kept], plurality[kept]


def _cut(family: Ints, birth: Ints, plurality: Ints, size: int) -> tuple[Ints, Ints, Ints]:
    """Return the first deliveries that make exactly `size` children; the last may lose some of its set."""
    total = np.cumsum(plurality)
    last = int(np.searchsorted(total, size))
    plurality = plurality[: last + 1].copy()
    plurality[last] -= total[last] - size
    return family[: last + 1], birth[: last + 1], plurality


def make_children(seed: int, size: int) -> Children:
    """Return `size` children with their families; deterministic by (seed, size)."""
    families = make_families(seed, int(size * 0.75) + 60)
    family, birth, plurality = _cut(*_deliveries(seed, families), size)
    _date_mothers(seed, families, family, birth)
    delivery = np.repeat(np.arange(family.size), plurality)
    first = np.repeat(np.cumsum(plurality) - plurality, plurality)
    family, birth, order = family[delivery], birth[delivery].copy(), np.arange(size) - first + 1
    rng = stream(seed, "children")
    first_night = _late_births(rng, birth, plurality[delivery])
    born_here = chance(rng, rate("child.born_here"), delivery[-1] + 1)[delivery] | (first_night > 1)
    arrives, leaves = _residence(seed, families, family, birth, born_here)
    female = chance(rng, 0.488, size)
    given = _children_names(seed, families.group[family], female, family)
    surname, second, join, later, later_second, renamed = _surnames(seed, families, family, birth)
    middle = given_names(rng, families.group[family], female)
    return Children(
        seed=seed,
        size=size,
        families=families,
        family=family,
        birth=birth,
        first_night=first_night,
        female=female,
        plurality=plurality[delivery],
        order=order,
        given=given,
        middle=np.where(chance(rng, rate("child.middle_name"), size) & (middle != given), middle, -1),
        surname=surname,
        second=second,
        join=join,
        later_surname=later,
        later_second=later_second,
        renamed_on=renamed,
        born_here=born_here,
        arrives=arrives,
        leaves=leaves,
        ssn=distinct(rng, size, 100_000_000, 899_999_999),
        medicaid=distinct(rng, size, 100_000_000, 999_999_999),
    )


def _date_mothers(seed: int, families: Families, family: Ints, birth: Ints) -> None:
    """Set each mother's birth day from her first delivery: aged 15 to 44, younger in poverty."""
    rng = stream(seed, "mothers")
    age = np.clip(rng.normal(24.5 + 1.5 * families.income, 4.8), 15.2, 44)
    first = np.full(families.size, FIRST_NIGHT, dtype=np.int64)
    np.minimum.at(first, family, birth)
    families.mother_birth[:] = first - (age * YEAR).astype(np.int64)


def _late_births(rng: np.random.Generator, birth: Ints, plurality: Ints) -> Ints:
    """Give some single births a day around the nights and return the night each child is first delivered."""
    night = np.ones(birth.size, dtype=np.int64)
    few = max(1, round(birth.size / (18.67 * YEAR)))
    chosen = rng.permutation(np.flatnonzero(plurality == 1))[: few * (NIGHT_LIMIT - 1)]
    night[chosen] = 2 + np.arange(chosen.size) // few
    birth[chosen] = FIRST_NIGHT + night[chosen] - 2
    return night


def _residence(seed: int, families: Families, family: Ints, birth: Ints, here: Mask) -> tuple[Ints, Ints]:
    """Return the days a child comes and leaves (NEVER for those who stay); families move together."""
    rng = stream(seed, "residence")
    come = FIRST_NIGHT - 20 - np.floor(rng.random(families.size) ** 1.3 * 15 * YEAR).astype(np.int64)
    arrives = np.where(here, birth, np.maximum(birth + 20, come[family]))
    goes = chance(rng, rate("child.move_out"), families.size)
    leaving = np.floor(FIRST_NIGHT - rng.random(families.size) * 12 * YEAR).astype(np.int64)[family]
    leaves = np.where(goes[family] & (leaving > arrives + 60), leaving, NEVER)
    return arrives, leaves


def _children_names(seed: int, group: Ints, female: Mask, family: Ints) -> Ints:
    """Return given names; no two children of a family share one."""
    rng = stream(seed, "given")
    given = given_names(rng, group, female)
    for _ in range(6):
        order = np.lexsort((given, family))
        same = (np.diff(family[order]) == 0) & (np.diff(given[order]) == 0)
        again = order[1:][same]
        if not again.size:
            break
        given[again] = given_names(rng, group[again], female[again])
    return given


def _surnames(seed: int, families: Families, family: Ints, birth: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
    """Return surname, second surname, join, later surname, later second surname and the day of the change."""
    rng = stream(seed, "surnames")
    mothers = families.single & chance(rng, rate("surname.child_mothers_when_single"), families.size)
    half = chance(rng, rate("family.half_sibling"), family.size)
    father = np.where(half, families.second_surname[family], families.father_surname[family])
    surname = np.where(mothers[family], families.mother_surname[family], father)
    double_rate = np.where(families.group == HISPANIC, rate("surname.hispanic_double"), rate("surname.other_double"))
    double = chance(rng, double_rate, families.size)[family]
    second = np.where(double & (families.mother_maiden[family] != surname), families.mother_maiden[family], -1)
    hyphen = chance(rng, np.where(families.group == HISPANIC, 0.35, 0.9), families.size)[family]
    join = np.where(second < 0, NO_JOIN, np.where(hyphen, HYPHEN, SPACE))
    renamed = chance(rng, rate("child.surname_change"), family.size)
    stepfather = np.where(chance(rng, 0.6, families.size), families.second_surname, families.mother_maiden)[family]
    later = np.where(renamed, stepfather, surname)
    change = birth + between(rng, 1.5 * YEAR, np.full(family.size, 15 * YEAR))
    return surname, second, join, later, np.where(renamed, -1, second), np.where(renamed, change, NEVER)
