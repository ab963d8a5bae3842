"""Health events of young children: doses, visits, blood lead, coverage. Numbers only, no file form.

Belongs here: who got what on which day. Does not belong here: FHIR (health) and identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.demo import rates
from pipelines.demo.days import FIRST_NIGHT, NIGHT_LIMIT, YEAR, day
from pipelines.demo.draw import Floats, Ints, Mask, between, chance
from pipelines.demo.place import City
from pipelines.demo.rates import rate

_LAST_EVENT = FIRST_NIGHT + NIGHT_LIMIT - 2
_WELL_CHILD = (5, 31, 62, 123, 184, 275, 368, 459, 550, 735, 915, 1100, 1466, 1831, 2197)
_FLU_SEASONS = tuple(day(f"{year}-09-20") for year in range(2019, 2026))
_PENTACEL_SHARE, _MMRV_SHARE = 0.12, 0.08  # demo choice: combination products of some practices


@dataclass(frozen=True)
class Events:
    """Events in child order: `child`, `day`, `code` (index into a list), `value` (0 where none)."""

    child: Ints
    day: Ints
    code: Ints
    value: Floats


@dataclass(frozen=True)
class Vaccine:
    """A product: CVX code and display text."""

    cvx: str
    display: str


def _merged(city: City, pieces: list[tuple[Ints, Ints, Ints | int, Floats | float]], history: Mask) -> Events:
    """Return the events while the child lived here, and of `history` children also those from before."""
    child = np.concatenate([piece[0] for piece in pieces])
    days = np.concatenate([piece[1] for piece in pieces])
    code = np.concatenate([np.broadcast_to(piece[2], piece[0].shape) for piece in pieces])
    value = np.concatenate([np.broadcast_to(piece[3], piece[0].shape) for piece in pieces])
    here = (days < city.children.leaves[child]) & ((city.children.arrives[child] <= days) | history[child])
    kept = np.flatnonzero((days <= _LAST_EVENT) & here)
    order = kept[np.lexsort((code[kept], days[kept], child[kept]))]
    return Events(child[order], days[order], code[order], value[order].astype(np.float64))


def young(city: City) -> Ints:
    """Return the children born in the last years (rate `health.event_years`) before the first night."""
    return np.flatnonzero(city.children.birth >= FIRST_NIGHT - rate("health.event_years") * YEAR)


def _likely(base: float, care: Floats, weight: float) -> Floats:
    """Return a probability near `base` that rises with care (logistic)."""
    odds: Floats = np.exp(np.log(base / (1 - base)) + weight * care)
    return odds / (1 + odds)


def doses(city: City) -> tuple[Events, list[Vaccine]]:
    """Return all vaccine doses and the products their codes stand for."""
    rng, who = city.stream("doses"), young(city)
    care, birth = city.life.care[who], city.children.birth[who]
    pentacel = chance(rng, _PENTACEL_SHARE, who.size)
    mmrv = ~pentacel & chance(rng, _MMRV_SHARE / (1 - _PENTACEL_SHARE), who.size)
    products = [
        Vaccine("120", "DTaP-Hib-IPV"),
        Vaccine("94", "MMRV"),
        Vaccine("150", "Influenza, injectable, quadrivalent, pf"),
    ]
    pieces: list[tuple[Ints, Ints, Ints | int, Floats | float]] = []
    slow = np.exp(-0.35 * care) * rng.gamma(3, 1 / 3, who.size)
    refuses = chance(rng, _likely(0.025, -care, 0.6), who.size)
    previous = np.zeros(who.size, dtype=np.int64)
    for row in rates.rows("vaccines.csv"):
        series, dose = row["series"], int(row["dose"])
        previous = birth - 30 if dose == 1 else previous
        delay = (rng.exponential(float(row["delay_days"]), who.size) * slow).astype(np.int64)
        on = np.maximum(birth + int(row["age_days"]) + delay, previous + 28)
        given = chance(rng, _likely(rate("health.dose_given"), care, 0.9), who.size) & ~refuses
        given &= ~((series == "RV") & (on > birth + 240))
        previous = np.where(given, on, previous)
        in_combination = (pentacel & (series in {"IPV", "Hib"}) & (dose <= 3)) | (mmrv & (series == "VZV"))
        code = np.full(who.size, len(products))
        code[pentacel & (series == "DTaP") & (dose <= 4)] = 0
        code[mmrv & (series == "MMR")] = 1
        taken = given & ~in_combination
        pieces.append((who[taken], on[taken], code[taken], 0.0))
        products.append(Vaccine(row["cvx"], row["display"]))
    pieces += _flu(city, rng, who, refuses)
    brought = chance(rng, rate("health.history_brought"), city.children.size)
    return _merged(city, pieces, brought), products


def _flu(
    city: City, rng: np.random.Generator, who: Ints, refuses: Mask
) -> list[tuple[Ints, Ints, Ints | int, Floats | float]]:
    care, birth = city.life.care[who], city.children.birth[who]
    pieces: list[tuple[Ints, Ints, Ints | int, Floats | float]] = []
    before = np.zeros(who.size, dtype=bool)
    takes = chance(rng, _likely(rate("health.flu_family"), care, 1.0), who.size) & ~refuses
    for start in _FLU_SEASONS:
        on = np.maximum(start + (rng.exponential(26, who.size)).astype(np.int64), birth + 184)
        given = takes & chance(rng, rate("health.flu_given"), who.size) & (on < start + 170)
        pieces.append((who[given], on[given], 2, 0.0))
        again = given & ~before & chance(rng, 0.93, who.size)
        pieces.append((who[again], on[again] + 28 + rng.integers(0, 12, int(again.sum())), 2, 0.0))
        before |= given
    return pieces


def visits(city: City) -> Events:
    """Return encounters: code 0 well-child, 1 for a symptom."""
    rng, who = city.stream("visits"), young(city)
    care, birth = city.life.care[who], city.children.birth[who]
    pieces: list[tuple[Ints, Ints, Ints | int, Floats | float]] = []
    for number, age in enumerate(_WELL_CHILD):
        kept = chance(rng, _likely(rate("health.visit_kept") - 0.02 * max(0, number - 6), care, 0.8), who.size)
        on = birth + age + rng.exponential(9 + age * 0.02, who.size).astype(np.int64)
        pieces.append((who[kept], on[kept], 0, 0.0))
    sick = np.repeat(who, rng.poisson(rate("health.sick_visits"), who.size))
    birth_of = city.children.birth[sick]
    pieces.append((sick, between(rng, birth_of + 14, np.full(sick.size, _LAST_EVENT)), 1, 0.0))
    return _merged(city, pieces, np.zeros(city.children.size, dtype=bool))


def lead(city: City) -> Events:
    """Return blood tests at about 12 and 24 months: code 0 lead in ug/dL, code 1 haemoglobin in g/dL."""
    rng, who = city.stream("lead"), young(city)
    care, birth, income = city.life.care[who], city.children.birth[who], city.life.income[who]
    usual = np.exp(0.02 + 0.14 * (2 - income) + rng.normal(0, 0.55, who.size))
    pieces: list[tuple[Ints, Ints, Ints | int, Floats | float]] = []
    for age, share in ((366, rate("health.lead_12m")), (735, rate("health.lead_24m"))):
        done = chance(rng, _likely(share, care, 0.7), who.size)
        on = birth + age + rng.exponential(48, who.size).astype(np.int64)
        level = np.round(np.clip(usual * np.exp(rng.normal(0, 0.35, who.size)), 0.3, 60), 1)
        pieces.append((who[done], on[done], 0, level[done]))
        blood = done & chance(rng, 0.6, who.size)
        pieces.append((who[blood], on[blood], 1, np.round(rng.normal(12, 0.9, int(blood.sum())), 1)))
    return _merged(city, pieces, np.zeros(city.children.size, dtype=bool))
