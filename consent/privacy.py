"""The ledger of the privacy budget: what each draw of noise spent, and what the series of releases has left.

Epsilon is counted in whole billionths, rounded against whoever asks, so that a sum over years is exact. Draws compose
by addition (Dwork and Roth 2014, theorem 3.16), also where a later one was chosen after seeing those before it.

A draw is kept with its row, in one transaction: there is no draw without its cost and no cost without its draw, and the
same inputs get the draw that they got before. What belongs here: rows and their event of the trail. What does not: the
noise and what it proves (`assets.release.modes`), which agreement grants the budget.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from sqlalchemy import Connection, Engine, insert, select

from consent.errors import ConnectionLostError, ConsentError, RegistryError
from consent.registry import writing
from consent.tables import audit_event, privacy_budget
from consent.trail import AuditTrail

UNIT = 10**9
"""How many parts an epsilon of 1 has."""


class BudgetError(ConsentError):
    """What a draw asks for is not left; `asked`, `left` and `budget` are in billionths."""

    def __init__(self, asked: int, left: int, budget: int) -> None:
        self.asked, self.left, self.budget = asked, left, budget
        super().__init__(
            f"the draw asks for an epsilon of {shown(asked)}, and {shown(max(left, 0))} of {shown(budget)} is left"
        )


@dataclass(frozen=True)
class Ask:
    """What a draw would spend: `epsilon` and `budget` in billionths, `inputs` the digest of all that it depends on.

    `carried` are the names of the draws that releases of the series carry: each must be in the ledger.
    """

    night: str
    inputs: str
    epsilon: int
    budget: int
    clause: str
    mechanism: str
    carried: Collection[str] = ()


@dataclass(frozen=True)
class Spend:
    """One draw as the ledger holds it; `cumulative` is what the series has spent with it."""

    sequence: int
    audit_sequence: int
    night: str
    inputs: str
    draw: str
    epsilon: int
    cumulative: int
    budget: int
    clause: str
    mechanism: str
    sealed: bytes


class PrivacyLedger:
    """The ledger in the registry of `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Spend]:
        """Return every draw, oldest first."""
        with self._engine.connect() as connection:
            return [Spend(*row) for row in connection.execute(select(privacy_budget).order_by("sequence"))]

    def held(self, inputs: str) -> Spend | None:
        """Return the draw that these inputs got before; None where they never got one."""
        with self._engine.connect() as connection:
            return _held(connection, inputs)

    def spend(self, ask: Ask, draw: Callable[[], bytes], *, actor: str) -> Spend:
        """Return the draw of these inputs: the one they got before, or a new one, which is paid for.

        `draw` returns the sealed noisy numbers; what it returned is forgotten where the transaction fails. Raises
        BudgetError when too little is left, and RegistryError when the ledger lacks a draw that a release carries.
        """
        sealed = None
        try:
            with writing(self._engine, audit_event, privacy_budget) as connection:
                before = _held(connection, ask.inputs)
                if before is not None:
                    return before
                spent = _spent(connection, ask)
                sealed = draw()
                return _add(AuditTrail(self._engine), connection, ask, spent, sealed, actor)
        except ConnectionLostError:
            found = self.held(ask.inputs) if sealed is not None else None
            if found is None or found.sealed != sealed:
                raise
            return found


def _held(connection: Connection, inputs: str) -> Spend | None:
    row = connection.execute(select(privacy_budget).where(privacy_budget.c.inputs == inputs)).one_or_none()
    return Spend(*row) if row else None


def _spent(connection: Connection, ask: Ask) -> int:
    """Return what is spent so far; raise unless it is all known and what is asked for is left."""
    rows = connection.execute(select(privacy_budget.c.draw, privacy_budget.c.epsilon)).all()
    missing = set(ask.carried) - {row.draw for row in rows}
    if missing:
        raise RegistryError(
            f"the ledger of the privacy budget lacks {len(missing)} draws that releases of the series carry, expected "
            "every one; restore the newest registry, and draw nothing before"
        )
    spent = sum(int(row.epsilon) for row in rows)
    if ask.epsilon <= 0 or spent + ask.epsilon > ask.budget:
        raise BudgetError(ask.epsilon, ask.budget - spent, ask.budget)
    return spent


def _add(trail: AuditTrail, connection: Connection, ask: Ask, spent: int, sealed: bytes, actor: str) -> Spend:
    """Write the row and its event."""
    row = {
        "night": ask.night,
        "inputs": ask.inputs,
        "draw": name_of(sealed),
        "epsilon": ask.epsilon,
        "cumulative": spent + ask.epsilon,
        "budget": ask.budget,
        "clause": ask.clause[:256],
        "mechanism": ask.mechanism[:128],
    }
    said = {name: value for name, value in row.items() if name != "inputs"}
    event = trail.append("budget", f"{ask.night} privacy budget", said, actor=actor, connection=connection)
    row |= {"audit_sequence": event.sequence, "sealed": sealed}
    connection.execute(insert(privacy_budget), [row])
    found = _held(connection, ask.inputs)
    if found is None:
        raise RegistryError("the registry did not keep a draw that it was given; nothing was spent, run it again")
    return found


def name_of(sealed: bytes) -> str:
    """Return the public name of a draw: the SHA-256 of its sealed bytes."""
    return hashlib.sha256(sealed).hexdigest()


def parts_up(epsilons: Iterable[float]) -> int:
    """Return the sum of epsilons in billionths: exact, but for the last step, which rounds up."""
    return ceil(sum((Fraction(one) for one in epsilons), Fraction()) * UNIT)


def parts_down(epsilon: float) -> int:
    """Return what may be spent in billionths, rounded down, from the digits that a person wrote."""
    return floor(Fraction(str(epsilon)) * UNIT)


def shown(parts: int) -> str:
    """Return billionths as a number for people, without a loss."""
    whole, rest = divmod(abs(parts), UNIT)
    digits = f"{rest:09}".rstrip("0")
    return ("-" if parts < 0 else "") + (f"{whole}.{digits}" if digits else f"{whole}")
