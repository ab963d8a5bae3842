"""Instances of the literature, read in place from the shared folder: optima reproduced, every level reached.

Convention of the reference optima: bounds [0, 2a], lower level = upper level, sensitive cells count. The audit is two
programs a sensitive cell of another library's making (`benchmarks.instances.exposed`).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from assets.release.protection import QUICK, THOROUGH, protect
from benchmarks.instances import FOLDER, exposed, read

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared folder of instances is absent")
SEARCH = replace(QUICK, pruning=500)


@pytest.mark.parametrize(("by_value", "optimum"), [(False, 19), (True, 1_793_875)])
def test_targus_is_solved_to_its_proved_optimum(by_value: bool, optimum: float) -> None:
    problem, sensitive = read("TARGUS", by_value)
    found = protect(problem, THOROUGH)
    assert problem.price[found.hidden].sum() == pytest.approx(optimum)
    assert found.gap == 0.0, "and the optimum is proved"
    assert len(sensitive) == 13
    assert exposed(problem, found.hidden) == 0


# name, sensitive cells, price of the best pattern known when this was written, slack for a short search
LARGER = [
    pytest.param("TABLE7", 17, 1_236_026, 1.15, id="TABLE7"),
    pytest.param("HIER13", 112, 8_050_764, 1.25, id="HIER13", marks=pytest.mark.slow),
    pytest.param("TABLE3", 517, 10_217_449, 1.25, id="TABLE3", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "sensitive", "best", "slack"), LARGER)
def test_larger_instances_are_protected_to_every_level(name: str, sensitive: int, best: float, slack: float) -> None:
    problem, cells = read(name, by_value=True)
    assert len(cells) == sensitive
    found = protect(problem, SEARCH)
    assert exposed(problem, found.hidden) == 0
    assert problem.price[found.hidden].sum() <= slack * best


def test_table7_needs_at_least_34_cells() -> None:
    problem, _ = read("TABLE7", by_value=False)
    found = protect(problem, SEARCH)
    assert 34 <= found.hidden.sum() <= 51, "a short search; `make bench-disclosure` has the long one"
    assert exposed(problem, found.hidden) == 0
