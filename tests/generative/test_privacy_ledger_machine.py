"""The ledger of the privacy budget in any order of use, beside a list that says what must be in it."""

from __future__ import annotations

import shutil
import tempfile
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import text

from consent.errors import RegistryError
from consent.privacy import UNIT, Ask, BudgetError, PrivacyLedger, name_of, parts_down, parts_up, shown
from consent.registry import open_registry
from consent.trail_check import check

BUDGET = 10
INPUTS = st.integers(0, 5)


class Ledger(RuleBasedStateMachine):
    """A ledger, and beside it what was drawn for which inputs at which cost."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.engine = open_registry(f"sqlite:///{self.root / 'registry.sqlite'}")
        self.ledger = PrivacyLedger(self.engine)
        self.rows: list[tuple[int, int, bytes]] = []
        self.drawn = 0

    def teardown(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self.root)

    def _draw(self) -> bytes:
        self.drawn += 1
        return b"draw %d" % self.drawn

    def _ask(self, inputs: int, epsilon: int, budget: int = BUDGET, carried: frozenset[str] = frozenset()) -> Ask:
        return Ask("2026-09-01", f"{inputs:064}", epsilon, budget, "a clause", "a mechanism", carried)

    def _spent(self) -> int:
        return sum(epsilon for _, epsilon, _ in self.rows)

    @rule(inputs=INPUTS, epsilon=st.integers(0, 7), budget=st.integers(1, BUDGET))
    def spend(self, inputs, epsilon, budget):
        before, known = self.drawn, [row for row in self.rows if row[0] == inputs]
        ask = self._ask(inputs, epsilon, budget)
        if known:
            assert self.ledger.spend(ask, self._draw, actor="night").sealed == known[0][2]
            assert self.drawn == before
        elif epsilon == 0 or self._spent() + epsilon > budget:
            with pytest.raises(BudgetError) as refused:
                self.ledger.spend(ask, self._draw, actor="night")
            assert (refused.value.asked, refused.value.left) == (epsilon, budget - self._spent())
            assert self.drawn == before
        else:
            made = self.ledger.spend(ask, self._draw, actor="night")
            self.rows.append((inputs, epsilon, made.sealed))
            assert (made.cumulative, made.draw) == (self._spent(), name_of(made.sealed))

    @rule(inputs=INPUTS)
    def fail_while_drawing(self, inputs):
        if any(row[0] == inputs for row in self.rows) or self._spent() + 1 > BUDGET:
            return

        def fails() -> bytes:
            raise OSError

        with pytest.raises(OSError):
            self.ledger.spend(self._ask(inputs, 1), fails, actor="night")

    @rule(inputs=INPUTS)
    def ask_for_a_series_it_does_not_know(self, inputs):
        if any(row[0] == inputs for row in self.rows):
            return
        with pytest.raises(RegistryError, match="lacks 1 draws"):
            self.ledger.spend(self._ask(inputs, 1, carried=frozenset({"of another"})), self._draw, actor="night")

    @rule()
    def know_the_whole_series(self):
        if self._spent() + 1 > BUDGET or len({row[0] for row in self.rows}) > 5:
            return
        inputs = next(number for number in range(7) if number not in {row[0] for row in self.rows})
        carried = frozenset(name_of(sealed) for _, _, sealed in self.rows)
        made = self.ledger.spend(self._ask(inputs, 1, carried=carried), self._draw, actor="night")
        self.rows.append((inputs, 1, made.sealed))

    @rule()
    def forge(self):
        for change in ("update privacy_budget set epsilon = 0", "delete from privacy_budget"):
            if self.rows:
                with pytest.raises(Exception, match="append-only"), self.engine.begin() as connection:
                    connection.execute(text(change))

    @invariant()
    def it_holds_what_was_spent(self):
        held = self.ledger.all()
        assert [(int(row.inputs), row.epsilon, row.sealed) for row in held] == self.rows
        assert self._spent() <= BUDGET

    @invariant()
    def every_row_has_its_event(self):
        assert check(self.engine, [], []).events == len(self.rows)


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)


@given(st.lists(st.floats(1e-12, 100, allow_nan=False), max_size=8))
def test_a_sum_is_never_below_the_truth_and_at_most_one_part_above(epsilons):
    exact = sum((Fraction(one) for one in epsilons), Fraction()) * UNIT
    assert exact <= parts_up(epsilons) < exact + 1


@given(st.floats(1e-9, 1000, allow_nan=False))
def test_a_budget_is_never_above_what_was_written(epsilon):
    assert Fraction(parts_down(epsilon), UNIT) <= Fraction(str(epsilon))
    assert Fraction(shown(parts_down(epsilon))) == Fraction(parts_down(epsilon), UNIT)
