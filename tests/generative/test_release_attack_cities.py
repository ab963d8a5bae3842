"""Two hundred random cities, attacked with a toolbox that shares nothing with the product: no attack succeeds.

That the toolbox bites is shown on the same cities published naively: only small counts left out, nothing frozen.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from support.release_attacks import ATTACKS, Tally, attack
from support.release_cities import LINKS, SHAPES, Series, naive, series
from support.release_picture import Target, look, targets

TOGETHER, CITIES = 25, 200


def _attack(found: Series, tally: Tally | None = None) -> Tally:
    return attack(found.files, SHAPES, LINKS, found.truth, found.threshold, found.late, tally)


@pytest.mark.slow
def test_no_attack_succeeds_on_two_hundred_cities(tmp_path: Path) -> None:
    tally = Tally()
    for seed in range(CITIES // TOGETHER):
        (tmp_path / f"{seed}").mkdir()
        _attack(series(tmp_path / f"{seed}", seed, TOGETHER, nights=1 + seed % 3), tally)
    assert {attack: (tally.successes[attack], list(tally.won[attack])[:3]) for attack in ATTACKS} == dict.fromkeys(
        ATTACKS, (0, [])
    )
    assert min(tally.attempts[attack] for attack in ATTACKS) > 0, "every attack had something to look for"


def test_every_attack_bites_where_only_small_counts_are_left_out(tmp_path: Path) -> None:
    tally = _attack(naive(tmp_path, 1, 4, complements=False))
    bites = {name for name in ATTACKS if tally.successes[name]}
    assert set(ATTACKS) - bites == {"reading"}, "small counts are not there to be read"


LEAKS = {
    "the number itself": {"reading"},
    "a rate beside it": {"rate x denominator", "linked tables"},
    "every other number of its city": {"exact recovery by elimination", "LP intervals", "linked tables"},
    "the number of the night before": {"differencing of releases"},
}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Series:
    return series(tmp_path_factory.mktemp("cities"), 4, 2, nights=2)


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_planted_in_a_release_is_found(released: Series, kind: str, tmp_path: Path) -> None:
    assert not sum(_attack(released).successes.values())
    leaked = tmp_path / "leaked.duckdb"
    before, last = released.files
    shutil.copy(last if kind != "the number of the night before" else before, leaked)
    target = _hidden_numerator(released)
    leaked.chmod(0o644)
    with duckdb.connect(str(leaked)) as con:
        _plant(con, released, kind, target.expression[0][0][2])
    files = [leaked, last] if kind == "the number of the night before" else [before, leaked]
    tally = _attack(replace(released, files=files))
    assert {name for name in LEAKS[kind] if target in tally.won.get(name, ())} == LEAKS[kind]


def _hidden_numerator(found: Series) -> Target:
    """Return a small numerator of a larger group that both releases hide."""
    picture = look(found.files[:1], SHAPES, LINKS)
    return next(
        target
        for target in targets(picture, found.truth, found.threshold)
        if target.what == "count"
        and target.expression[0][0][:2] == ("measure", "numerator")
        and "All" not in target.expression[0][0][2][4:6]
        and found.truth["measure", "denominator", target.expression[0][0][2]] < 50
    )


def _plant(con: duckdb.DuckDBPyConnection, found: Series, kind: str, key: tuple[str, ...]) -> None:
    """Show something more about the numerator of a row of `measure`."""
    names = dict(zip(SHAPES[0].dims, key, strict=True))
    row = " and ".join(f"{name} = '{value}'" for name, value in names.items())
    y, n = (found.truth["measure", name, key] for name in ("numerator", "denominator"))
    if kind == "a rate beside it":
        con.execute(f"update measure set denominator = {n}, rate = {round(100.0 * y / n, 1)} where {row}")
    elif kind == "every other number of its city":
        for (table, count, other), value in found.truth.items():
            if table == "measure" and other[2:4] == key[2:4] and other != key:
                where = " and ".join(f"{name} = '{part}'" for name, part in zip(names, other, strict=True))
                con.execute(f"update measure set {count} = {value} where {where}")
    else:
        con.execute(f"update measure set numerator = {y} where {row}")
