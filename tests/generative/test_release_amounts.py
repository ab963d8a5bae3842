"""Random tables of amounts: suppression against the auditor, and the auditor against another solver."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from support.release_amounts import AmountBench, amount_bench, amounts_table, rows_of

from assets.release.policy import AmountRule

SLOW = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
CONTRIBUTIONS = st.lists(st.integers(1, 400) | st.integers(5000, 6000), min_size=0, max_size=6)
TABLES = st.lists(st.lists(CONTRIBUTIONS, min_size=3, max_size=3), min_size=2, max_size=4)
RULES = st.sampled_from(
    [AmountRule(prior=20), AmountRule(dominant=2, share=80), AmountRule(dominant=1, share=60, prior=5)]
)


def _room(table: list[list[list[int]]], rule: AmountRule) -> AmountBench:
    inner = {(f"p{r}", f"s{c}"): [float(v) for v in cell] for r, row in enumerate(table) for c, cell in enumerate(row)}
    return amount_bench((amounts_table("t", ("place", "sex")), rows_of(inner)), rule=rule)


@SLOW
@given(table=TABLES, rule=RULES)
def test_what_suppression_hides_passes_the_audit(table: list[list[list[int]]], rule: AmountRule) -> None:
    room = _room(table, rule)
    report = room.audit(room.suppress())
    assert report.passed, [str(finding) for finding in report.findings]


@SLOW
@given(table=TABLES, rule=RULES, seed=st.integers(0, 20))
def test_showing_one_more_sensitive_sum_always_stops_the_release(
    table: list[list[list[int]]], rule: AmountRule, seed: int
) -> None:
    room = _room(table, rule)
    found = room.suppress()
    sensitive = np.flatnonzero((found.demands > 0) & room.system.amount)
    if len(sensitive):
        leaked = found.hidden.copy()
        leaked[sensitive[seed % len(sensitive)]] = False
        assert not room.audit(found, leaked).passed


@SLOW
@given(table=TABLES, draw=st.data())
def test_the_auditor_estimates_as_another_solver_does(table: list[list[list[int]]], draw: st.DataObject) -> None:
    room = _room(table, AmountRule(prior=20))
    found = room.suppress()
    system, amount = room.system, room.system.amount
    hidden = found.hidden.copy()
    opened = np.flatnonzero(hidden & amount & (found.demands == 0))
    for variable in opened:
        hidden[variable] = draw.draw(st.booleans())
    report = room.audit(found, hidden)
    matrix = system.matrix[:, amount].toarray()
    value, low = system.values[amount], np.flatnonzero(amount)[0]
    matrix = matrix[np.abs(matrix).sum(axis=1) > 0]
    shut = ~hidden[amount]
    box = [(max(v - 0.5, 0), v + 0.5) if s else (0, None) for v, s in zip(value, shut, strict=True)]
    for variable in np.flatnonzero((found.demands > 0) & amount):
        cost = np.zeros(len(value))
        cost[variable - low] = 1.0
        ends = [linprog(sign * cost, A_eq=matrix, b_eq=np.zeros(len(matrix)), bounds=box) for sign in (1, -1)]
        least, most = ends[0].fun, -ends[1].fun if ends[1].status == 0 else np.inf
        found_least, found_most = report.intervals[int(variable)]
        assert found_least >= least - 1e-2 and found_most <= most + 1e-2
        if int(variable) in report.narrow:
            short = min(found_most - most, least - found_least)
            assert short <= 1e-2 and (abs(found_most - most) < 1e-2 or abs(found_least - least) < 1e-2)
