"""What happens to children because of their circumstances, shared by several agencies' files.

Belongs here: latents that make the linked tables show something (care, ability, absence, homelessness,
preschool). Does not belong here: any file form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.demo.days import FIRST_NIGHT, YEAR
from pipelines.demo.draw import Floats, Ints, Mask, between, chance, stream
from pipelines.demo.population import Children
from pipelines.demo.rates import rate, rates


@dataclass(frozen=True)
class Circumstances:
    """One row a child.

    `care` is the latent for reaching services, `absence` the yearly share of days missed, `ability` the
    latent of tests. `homeless_from`/`homeless_to` bound the family's unstable time (0 where none).
    `preschool` says who attended.
    """

    income: Ints
    unstable: Mask
    care: Floats
    absence: Floats
    ability: Floats
    homeless_from: Ints
    homeless_to: Ints
    preschool: Mask
    preterm: Mask
    gestation: Ints
    weight: Ints


def make_circumstances(seed: int, children: Children) -> Circumstances:
    """Return the circumstances of every child."""
    rng = stream(seed, "circumstances")
    size, home = children.size, children.families
    income, unstable = home.income[children.family], home.unstable[children.family]
    care = 0.8 * home.care[children.family] + 0.6 * rng.normal(0, 1, size)
    base = np.array(rates("absence.by_income"))[income] * np.where(unstable, rate("absence.unstable"), 1.0)
    shape = rate("absence.shape")
    absence = np.clip(base * rng.gamma(shape, 1 / shape, size) * np.exp(-0.12 * care), 0.002, 0.65)
    preschool = chance(rng, np.array(rates("preschool.by_income"))[income] * np.where(unstable, 0.75, 1), size)
    preterm, gestation, weight = _born(rng, children, income)
    ability = (
        rng.normal(0, 1, size)
        + 0.32 * (income - 2)
        - 3.2 * (absence - 0.07)
        + 0.28 * preschool
        - 0.25 * unstable
        - 0.3 * preterm
    )
    start = between(rng, FIRST_NIGHT - 3.2 * YEAR, np.full(home.size, FIRST_NIGHT - 40))
    length = 30 + np.minimum(rng.gamma(1.3, 150, home.size), 1100).astype(np.int64)
    return Circumstances(
        income=income,
        unstable=unstable,
        care=care,
        absence=absence,
        ability=ability,
        homeless_from=np.where(unstable, start[children.family], 0),
        homeless_to=np.where(unstable, (start + length)[children.family], 0),
        preschool=preschool,
        preterm=preterm,
        gestation=gestation,
        weight=weight,
    )


def _born(rng: np.random.Generator, children: Children, income: Ints) -> tuple[Mask, Ints, Ints]:
    """Return preterm, gestation in weeks (one value a delivery) and birth weight in grams."""
    size = children.size
    first = np.arange(size) - (children.order - 1)
    multiple = children.plurality > 1
    odds = np.where(multiple, rate("birth.preterm_multiple"), np.array(rates("birth.preterm_by_income"))[income])
    black = children.families.group[children.family] == 1
    early = chance(rng, odds * np.where(black & ~multiple, 1.3, 1.0), size)[first]
    weeks = np.where(
        early,
        36 - np.minimum(rng.geometric(0.42, size) - 1, 13),
        rng.choice([37, 38, 39, 40, 41], size, p=[0.11, 0.20, 0.35, 0.26, 0.08]),
    )[first]
    grams = 3315 + (weeks - 39) * np.where(weeks < 37, 150, 115) - 55 * (income <= 1) - 110 * black - 260 * multiple
    grams = grams + rng.normal(0, 400, size) + np.where(children.female, -60, 60)
    return early, weeks.astype(np.int64), np.clip(grams, 420, 5600).astype(np.int64)
