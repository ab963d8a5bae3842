"""Relations of the catalogue on cities drawn by chance: each holds exactly, and none was forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pytest
from scipy.sparse.linalg import lsmr
from support.chance_city import chance_city
from support.hub import Hub

from assets.outcomes.catalogue import catalogue
from assets.outcomes.relations import RELATIONS
from assets.outcomes.run import build_outcomes
from assets.release.building import build_system
from assets.release.system import System
from assets.spine.build import build_spine

pytestmark = pytest.mark.slow
CITIES = (1, 2, 3)
LEAST = 20
"""Smaller counts agree by chance too often."""


@dataclass(frozen=True)
class City:
    """The outcomes of a city as a system, and the value of each count by its place in the tables."""

    system: System
    counts: dict[tuple[str, ...], float]
    number: dict[tuple[str, ...], int]


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[City]]:
    found = []
    for seed in CITIES:
        night = Hub(tmp_path_factory.mktemp(f"city{seed}") / "state", chance_city(seed)).night()
        build_spine(night)
        build_outcomes(night)
        con = duckdb.connect(":memory:")
        con.execute(f"attach '{night.paths.outcomes}' as outcomes (read_only)")
        found.append(_city(con, build_system(con, catalogue(), "outcomes.main")))
    yield found


def _city(con: duckdb.DuckDBPyConnection, system: System) -> City:
    number = {}
    for block in system.blocks:
        spec = block.spec
        dims = ", ".join(f'"{dim}"' for dim in spec.dims)
        rows = con.execute(f"select {dims} from temp.main.numbered_{spec.name} order by rid").fetchall()
        for row, key in enumerate(rows):
            for place, count in enumerate(spec.count_names):
                number[(spec.name, count, *key)] = block.offset + row * len(spec.counts) + place
    return City(system, {key: float(system.values[i]) for key, i in number.items()}, number)


def test_every_relation_holds_exactly_and_is_about_something(cities: list[City]) -> None:
    for city in cities:
        assert not city.system.drifting.any()
        assert np.abs(city.system.matrix @ city.system.values).max() < 0.5
    labels = {str(label) for city in cities for label in city.system.labels}
    assert not {f"relation {relation.name}" for relation in RELATIONS} - labels


def test_counts_that_agree_in_every_city_agree_by_a_stated_relation(cities: list[City]) -> None:
    """A relation that is forgotten shows as counts that are equal in all cities and that no equation ties.

    Where this fails, read both definitions: state the relation in `assets/outcomes/relations.py`, or, where the
    agreement is chance, draw other cities.
    """
    shared = sorted(set.intersection(*({*city.counts} for city in cities)))
    alike: dict[tuple[float, ...], list[tuple[str, ...]]] = {}
    for key in shared:
        values = tuple(city.counts[key] for city in cities)
        if min(values) >= LEAST and len(set(values)) > 1:
            alike.setdefault(values, []).append(key)
    tied = _tied(cities[0])
    loose = [(keys[0], key) for keys in alike.values() for key in keys[1:] if not tied(keys[0], key)]
    assert not loose


def _tied(city: City) -> Callable[[tuple[str, ...], tuple[str, ...]], bool]:
    """Return whether two counts are equal in every solution of a city's equations: random ones tell."""
    rng, system = np.random.default_rng(7), city.system
    solutions = []
    for _ in range(2):
        start = rng.random(len(system.values))
        step = lsmr(system.matrix, system.matrix @ start, atol=1e-13, btol=1e-13, maxiter=20_000)[0]
        solutions.append(start - step)

    def tied(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
        a, b = city.number[one], city.number[other]
        return all(abs(solution[a] - solution[b]) < 1e-4 for solution in solutions)

    return tied
