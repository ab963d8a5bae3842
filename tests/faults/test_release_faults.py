"""What goes wrong while a release is made: an annex that says too little, tampering before the signature, crashes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest
from support.release_grids import Bench, bench, grid
from support.release_keys import FixedKeys
from support.release_tables import city_catalogue, fill_city

from assets.release import folder as places
from assets.release.order import Order
from assets.release.policy import ReleaseError
from assets.release.publish import build, finish, publish

NIGHT = date(2026, 9, 1)
KEYS = FixedKeys()


@pytest.fixture
def order(tmp_path: Path) -> Order:
    with duckdb.connect(str(tmp_path / "outcomes.duckdb")) as con:
        fill_city(con, children=600, measures=1, places=3)
    return Order(tmp_path / "releases", tmp_path / "outcomes.duckdb", NIGHT, city_catalogue())


@pytest.fixture
def room() -> Bench:
    return bench(
        grid(
            "t",
            r"""
            place\sex  F      M      All
            A          4/40   18/34  22/74
            B          20/40  25/60  45/100
            C          30/50  31/70  61/120
            All        54/130 74/164 128/294
            """,
        )
    )


def test_a_primary_missing_from_the_annex_is_noticed(room: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import support.release_grids as grids

    monkeypatch.setattr(grids, "demands", lambda system, rules: np.zeros(len(system.values), np.int8))
    findings = [str(finding) for finding in room.audit(room.suppress()).findings]
    assert any("as sensitive as the rule does" in finding for finding in findings)


def test_files_changed_after_the_audit_are_not_signed(order: Order) -> None:
    built = build(order, KEYS)
    with duckdb.connect(str(built.place / places.DATABASE)) as con:
        con.execute("update measure set denominator = 4, suppressed = false where suppressed")
    with pytest.raises(ReleaseError, match="changed after the audit"):
        finish(order.releases, NIGHT, KEYS)
    assert places.releases(order.releases) == []


@pytest.mark.parametrize("step", ["rename", "point_to"])
def test_a_crash_while_the_release_is_put_in_place_is_mended(
    order: Order, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        if step == "rename":
            patch.setattr(Path, "rename", crash)
        else:
            patch.setattr(places, "point_to", crash)
        with pytest.raises(OSError, match="power cut"):
            publish(order, KEYS)
    with pytest.raises(ReleaseError, match="nothing has been published"):
        places.current(order.releases)
    places.recover(order.releases)
    if step == "rename":
        assert publish(order, KEYS).id == places.current(order.releases).id
    assert places.current(order.releases).night == NIGHT
    assert [path.name for path in order.releases.iterdir() if path.name.startswith(".")] == []


def test_no_outcomes_no_release(order: Order) -> None:
    order.outcomes.unlink()
    with pytest.raises(ReleaseError, match=r"found no outcomes\.duckdb"):
        publish(order, KEYS)


def test_a_missing_column_is_named(order: Order) -> None:
    with duckdb.connect(str(order.outcomes)) as con:
        con.execute("alter table measure drop column denominator")
    with pytest.raises(ReleaseError, match="measure lacks denominator"):
        publish(order, KEYS)


def test_a_repeated_key_is_an_error(order: Order) -> None:
    with duckdb.connect(str(order.outcomes)) as con:
        con.execute("insert into measure from measure limit 1")
    with pytest.raises(ReleaseError, match="1 with a repeated key"):
        publish(order, KEYS)
