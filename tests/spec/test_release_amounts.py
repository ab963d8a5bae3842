"""Sums of money: when one is hidden, what beside it, and what stops a release.

A specification is a table whose cells list the contributions, a rule, and the sums that the release shows.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from support.release_amounts import AmountBench, amount_bench, amounts_table, cells, rows_of

from assets.release.amounts import require_rule
from assets.release.policy import AmountRule, ReleaseError, ReleasePolicy
from assets.release.tables import CellRef, Relation

INSTANCES = Path(__file__).resolve().parents[2].parent / "shared" / "instances"
PRIOR = AmountRule(prior=10)
DOMINANCE = AmountRule(dominant=2, share=85)
LARGEST = AmountRule(dominant=1, share=50)

EVEN = r"""
    place\program  snap     tanf     wic
    A              20x50    30x40    25x60
    B              40x50    20x70    30x30
    C              25x55    30x45    20x65
"""
DOMINATED = EVEN.replace("20x50    30x40", "900,20,5,5  30x40")
CLOSE = EVEN.replace("20x50    30x40", "500,480,20,10  30x40")
FEW = EVEN.replace("20x50    30x40", "50,60    30x40")


def _room(text: str, rule: AmountRule, digits: int = 0) -> AmountBench:
    dims, inner = cells(text)
    return amount_bench((amounts_table("t", dims, digits), rows_of(inner)), rule=rule)


@pytest.mark.parametrize(
    ("text", "rule", "hidden"),
    [
        pytest.param(EVEN, PRIOR, False, id="nobody dominates: all is shown"),
        pytest.param(EVEN, DOMINANCE, False, id="nor two together"),
        pytest.param(DOMINATED, PRIOR, True, id="what the others bring is less than 10 % of the largest"),
        pytest.param(DOMINATED, DOMINANCE, True, id="two bring more than 85 %"),
        pytest.param(DOMINATED, LARGEST, True, id="one brings more than 50 %"),
        pytest.param(CLOSE, LARGEST, False, id="the largest brings less than 50 %"),
        pytest.param(CLOSE, PRIOR, True, id="but the second could estimate it"),
        pytest.param(FEW, PRIOR, True, id="fewer children than the threshold"),
    ],
)
def test_when_a_sum_is_hidden(text: str, rule: AmountRule, hidden: bool) -> None:
    room = _room(text, rule)
    found = room.suppress()
    report = room.audit(found)
    assert report.passed, [str(finding) for finding in report.findings]
    paid = room.paid()
    assert (paid["A", "snap"] is None) is hidden
    assert sum(value is None for value in paid.values()) == (4 if hidden else 0), "three complements beside it"
    assert paid["All", "All"] is not None and paid["A", "All"] is not None


def test_contributions_never_leave() -> None:
    room = _room(DOMINATED, PRIOR)
    room.audit(room.suppress())
    columns = {row[0] for row in room.con.execute("describe target.t").fetchall()}
    assert columns == {"place", "program", "children", "paid", "suppressed", "suppressed_because", "release_id"}


@pytest.mark.parametrize(
    ("digits", "expected"), [pytest.param(2, 1005.25, id="cents"), pytest.param(0, 1005, id="whole"), (-2, 1000)]
)
def test_a_sum_is_shown_to_its_last_digit(digits: int, expected: float) -> None:
    room = _room(EVEN.replace("20x50", "19x50,55.25"), PRIOR, digits)
    assert room.audit(room.suppress()).passed
    assert float(str(room.paid()["A", "snap"])) == expected


def test_the_city_total_is_not_hidden_before_a_cell() -> None:
    room = _room(DOMINATED, PRIOR)
    room.audit(room.suppress())
    hidden = {key for key, value in room.paid().items() if value is None}
    assert not any("All" in key for key in hidden)


def test_a_complement_too_small_to_give_way_is_not_chosen_though_it_is_the_cheapest() -> None:
    room = _room(DOMINATED.replace("20x70    30x30", "20x70    3x10"), PRIOR)
    found = room.suppress()
    assert room.audit(found).passed
    assert room.paid()["B", "wic"] == 30, "it could rise, and let the sensitive sum fall by 30 only"


# What stops a release.


def test_a_dominated_sum_that_the_others_give_away_stops_the_release() -> None:
    room = _room(DOMINATED, PRIOR)
    found = room.suppress()
    alone = found.hidden.copy()
    alone[:] = False
    alone[room.variable("t.paid (place=A, program=snap)")] = True
    text = "; ".join(str(finding) for finding in room.audit(found, alone).findings)
    assert "t.paid (place=A, program=snap): a reader can estimate it more closely" in text
    assert "930" not in text and "900" not in text


def test_a_sensitive_sum_that_is_shown_stops_the_release() -> None:
    room = _room(DOMINATED, PRIOR)
    found = room.suppress()
    shown = found.hidden.copy()
    shown[room.variable("t.paid (place=A, program=snap)")] = False
    text = "; ".join(str(finding) for finding in room.audit(found, shown).findings)
    assert "t.paid (place=A, program=snap): a number that the rule hides is shown" in text


def test_a_sum_beside_a_hidden_count_stops_the_release() -> None:
    room = _room(FEW, PRIOR)
    found = room.suppress()
    shown = found.hidden.copy()
    shown[room.system.amount] = False
    text = "; ".join(str(finding) for finding in room.audit(found, shown).findings)
    assert "t (place=A, program=snap): paid is shown beside the hidden count children" in text


def test_amounts_without_a_rule_or_without_what_it_needs_are_refused() -> None:
    with pytest.raises(ReleaseError, match="no rule says when one is sensitive"):
        _room(EVEN, AmountRule()).suppress()
    dims, inner = cells(EVEN)
    rows = [(*row[:5], None, None) for row in rows_of(inner)]
    with pytest.raises(ReleaseError, match="__second"):
        amount_bench((amounts_table("t", dims), rows), rule=PRIOR).suppress()


def test_amounts_leave_in_the_mode_that_hides_only() -> None:
    catalogue = _room(EVEN, PRIOR).catalogue
    require_rule(catalogue, ReleasePolicy(amounts=PRIOR))
    with pytest.raises(ReleaseError, match="table t holds amounts, which no mode but 'suppress' protects"):
        require_rule(catalogue, ReleasePolicy(mode="cell-key"))
    with pytest.raises(ReleaseError, match="go with the mode 'suppress'"):
        ReleasePolicy(mode="cell-key", amounts=PRIOR)


@pytest.mark.skipif(not INSTANCES.is_dir(), reason="the shared folder of instances is absent")
def test_two_linked_tables_of_turnover_are_protected_together() -> None:
    def load(file: str, first: str, inner: str) -> list[tuple[object, ...]]:
        with duckdb.connect() as con:
            return con.execute(
                f"""
                select replace({first}, 'Total', 'All') as a, replace(SIZE, 'Total', 'All') as b,
                    N_OBS::bigint, TOT::double, MAX::double, null::double, null::double
                from '{INSTANCES / file}' where {first} = 'Total' or {inner} order by all
                """
            ).fetchall()

    activity = load("rta_turnover_act_size.csv", "ACTIVITY", "length(ACTIVITY) = 2 and ACTIVITY ~ '[A-Z]{2}'")
    region = load("rta_turnover_nuts_size.csv", "NUTS", "length(NUTS) = 4")
    shared = tuple(
        Relation(
            f"both tables count the same enterprises by size ({column})",
            CellRef("activity", column),
            CellRef("region", column),
            where="activity = 'All'",
            on="r.nuts = 'All' and l.size = r.size",
        )
        for column in ("children", "paid")
    )
    tables = [
        (amounts_table("activity", ("activity", "size")), activity),
        (amounts_table("region", ("nuts", "size")), region),
    ]
    room = amount_bench(*tables, rule=AmountRule(dominant=1, share=85), relations=shared)
    found = room.suppress()
    report = room.audit(found)
    assert report.passed, [str(finding) for finding in report.findings]
    assert report.sensitive > 0
    assert room.paid("activity")["All", "All"] is not None
