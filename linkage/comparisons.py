"""What two records that share an anchor are compared on, as SQL over their tokens.

Each comparison has levels, tried in order. A level holds when its tokens agree under *any* anchor the two
records share; where the presence tokens do not meet either, the comparison is null and says nothing.
The probabilities of the levels are data (`linkage.model`); nothing here knows them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from linkage.rules import GIVEN_FORMS, GIVEN_SLOTS, PRESENT, SURNAME_SLOTS, SWAPPED_NAMES, Round


@dataclass(frozen=True)
class Level:
    """One outcome of a comparison: its name and the SQL condition over columns ``x_l`` and ``x_r``."""

    name: str
    condition: str


@dataclass(frozen=True)
class Comparison:
    """A named comparison; `null` is the condition under which it says nothing, the last level is ELSE."""

    name: str
    null: str | None
    levels: tuple[Level, ...]


class _Sql:
    """Conditions over the token columns of one round."""

    def __init__(self, round_: Round):
        self._anchors = round_.anchors

    def agree(self, *atoms: str) -> str:
        """Hold when any of the atoms agrees under any shared anchor, as a part of it or as a feature."""
        wanted = set(atoms)
        shared = [a.id for a in self._anchors if wanted & set(a.parts)]
        features = [f"{a.id}_{f}" for a in self._anchors for f in a.features if f in wanted]
        return _any(_same(column) for column in shared + features)

    def both_have(self, atom: str) -> str:
        """Hold when both records have the atom, as far as any shared anchor tells."""
        return self.agree(PRESENT + atom)

    def any_slot(self, slots: tuple[str, ...]) -> str:
        """Hold when any of one record's name slots equals any of the other's."""
        crossed = [
            f"{a.id}_{one}_l = {a.id}_{other}_r"
            for a in self._anchors
            for one in slots
            for other in slots
            if one in a.features and other in a.features
        ]
        return f"({self.agree(slots[0], SWAPPED_NAMES)} or {' or '.join(crossed)})"

    def namesakes(self) -> str:
        """Hold when both names are the same, as far as an anchor made of both tells."""
        return _any(_same(a.id) for a in self._anchors if "rare_surname" in a.features)


def comparisons(round_: Round) -> tuple[Comparison, ...]:
    """Return all comparisons over the columns of `round_`."""
    sql = _Sql(round_)
    same = sql.agree("given_canonical", SWAPPED_NAMES)
    nickname = sql.any_slot(GIVEN_SLOTS)
    alike = sql.agree(*GIVEN_FORMS)
    differs = f"({sql.both_have('given')} and not {nickname} and not {alike})"
    return (
        _birth_date(sql),
        Comparison(
            "given_name",
            f"not ({nickname} or {alike} or {sql.both_have('given')})",
            (
                Level("same or nickname", same),
                Level("may be a nickname", nickname),
                Level("alike", alike),
                Level("differs", "ELSE"),
            ),
        ),
        Comparison(
            "surname",
            None,
            (
                Level("a part the same", sql.any_slot(SURNAME_SLOTS)),
                Level("alike", sql.agree("surname_sound")),
                Level("differs", "ELSE"),
            ),
        ),
        Comparison(
            "names",
            f"not {sql.namesakes()}",
            (Level("both the same, surname rare", sql.agree("rare_surname")), Level("both the same, common", "ELSE")),
        ),
        _plain(sql, "sex", "sex"),
        _plain(sql, "middle_initial", "middle"),
        _plain(sql, "zip", "zip"),
        _plain(sql, "mother_given_name", "mother_given"),
        _plain(sql, "ssn", "ssn"),
        _plain(sql, "medicaid_id", "medicaid_id"),
        _plain(sql, "birth_order", "birth_order"),
        _twin_guard(sql, differs),
    )


def _plain(sql: _Sql, name: str, atom: str) -> Comparison:
    same = sql.agree(atom)
    null = f"not ({same} or {sql.both_have(atom)})"
    return Comparison(name, null, (Level("same", same), Level("differs", "ELSE")))


def _birth_date(sql: _Sql) -> Comparison:
    full = sql.agree("birth_date")
    partly = sql.agree("birth_year_month", "birth_month_day", "birth_year_day", "birth_any_order")
    year = sql.agree("birth_year")
    return Comparison(
        "birth_date",
        f"not ({full} or {partly} or {year} or {sql.both_have('birth_known')})",
        (
            Level("same", full),
            Level("two of three parts", partly),
            Level("the year", year),
            Level("differs", "ELSE"),
        ),
    )


def _twin_guard(sql: _Sql, differs: str) -> Comparison:
    """Two children of one birth agree on all but the given name: that dependence is a comparison of its own.

    It is no veto: a shared number or a shared birth order outweighs it, an unlisted nickname with one
    survives.
    """
    numbers = sql.agree("ssn", "medicaid_id")
    family = f"({sql.agree('birth_date')} and {differs} and not {numbers})"
    apart = f"({sql.both_have('middle')} and not {sql.agree('middle')})"
    return Comparison(
        "twin_guard",
        None,
        (
            Level("given name and middle initial differ", f"{family} and {apart}"),
            Level("given name differs, same mother", f"{family} and {sql.agree('mother_given')}"),
            Level("given name differs", family),
            Level("no sign of a twin", "ELSE"),
        ),
    )


def _same(column: str) -> str:
    return f"{column}_l = {column}_r"


def _any(conditions: Iterable[str]) -> str:
    listed = list(conditions)
    return f"({' or '.join(listed)})" if listed else "false"
