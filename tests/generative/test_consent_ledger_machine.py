"""The consent ledger against a naive model of it: whatever comes, fails or is asked in whatever order.

On SQLite in every run; on PostgreSQL with fewer examples. A second property runs the same deliveries on both engines
and compares every table row for row.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import ColumnElement, Table, select
from support.consent_model import Form, Model
from support.registries import PostgreSQL
from support.registry_writers import at_each_step

from consent.forms import FORM_SCHEMA
from consent.ledger import ConsentLedger
from consent.registry import open_registry
from consent.tables import consent_event, metadata

COLUMNS = tuple(item.name for item in fields(Form))
SOURCES = ("school", "health")
MONTHS = (None, "2026-06", "2026-07", "2026-08", "2026-09", "2026-10")
FIRST_NIGHT = date(2026, 7, 30)

form = st.builds(
    Form,
    record_key=st.sampled_from([*(name.encode().ljust(16) for name in ("f1", "f2", "f3", "f4")), None]),
    decision=st.sampled_from(["grant", "revoke", "refuse", "opt_out", "Opt-Out ", " GRANT", "nay", "", None]),
    scope=st.sampled_from(["linkage", "linkage", "Linkage", "outcomes", "Human Services", "school", "all", None]),
    about_source=st.sampled_from([*SOURCES, " School", "", None]),
    about_record=st.sampled_from([b"x".ljust(16), b"y".ljust(16), None]),
    signed_month=st.sampled_from(MONTHS),
    effective_month=st.sampled_from(MONTHS),
)
delivery = st.lists(form, max_size=6)


class FaultError(Exception):
    """What breaks a recording."""


def table_of(forms: list[Form]) -> pa.Table:
    return pa.Table.from_pylist([asdict(one) for one in forms], schema=FORM_SCHEMA)


class LedgerMachine(RuleBasedStateMachine):
    """Deliveries, nights, faults and questions; after each of them everything that must hold is asked."""

    fresh_url: ClassVar[Callable[[], str]]

    @initialize()
    def open(self) -> None:
        self.url, self.model, self.night = type(self).fresh_url(), Model(), FIRST_NIGHT
        self.history: list[Any] = []
        self.seen: dict[date, Any] = {}
        self.recorded, self.last, self.fault = 0, list[Form](), ""
        self._connect()

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()

    @rule(forms=delivery)
    def record(self, forms: list[Form]) -> None:
        self._record(forms)

    @rule()
    def record_the_same_again(self) -> None:
        self._record(self.last)
        assert self._record(self.last) == 0

    @rule(one=form, other=form, column=st.sampled_from(COLUMNS[1:-1]))
    def correct_one_column_and_correct_it_back(self, one: Form, other: Form, column: str) -> None:
        for said in (one, replace(one, **{column: getattr(other, column)}), one):
            self._record([said])

    @rule(one=form, other=form, column=st.sampled_from(COLUMNS[1:-1]), turned=st.booleans())
    def send_a_form_twice(self, one: Form, other: Form, column: str, turned: bool) -> None:
        both = [one, replace(one, **{column: getattr(other, column)})]
        self._record(both[::-1] if turned else both)

    @rule(one=form, other=form)
    def name_one_record_in_two_forms(self, one: Form, other: Form) -> None:
        about = {"scope": "linkage", "about_source": "school", "about_record": b"x".ljust(16)}
        keys = (b"f1".ljust(16), b"f2".ljust(16))
        self._record([replace(said, record_key=key, **about) for said, key in zip((one, other), keys, strict=True)])

    @rule(forms=delivery, step=st.sampled_from(["select", "insert", "commit"]))
    def record_and_fail(self, forms: list[Form], step: str) -> None:
        self.fault = step
        try:
            self.ledger.record(table_of(forms), self.night)
        except FaultError:
            pass
        else:
            assert step == "insert"
            assert self.model.record(forms, self.night) == []
        self.fault = ""

    @rule(days=st.sampled_from([1, 1, 2, 31]))
    def advance(self, days: int) -> None:
        self.seen[self.night] = self._answers(self.night)
        self.night += timedelta(days=days)

    @rule(days=st.sampled_from([-62, -31, -2, -1, 1, 2, 31, 62]))
    def ask(self, days: int) -> None:
        self._ask(self.night + timedelta(days=days))

    def _ask(self, on: date) -> None:
        active, state, *optouts = self._answers(on)
        assert active == sorted((asdict(one) for one in self.model.active(on)), key=repr)
        assert state == self.model.state(on)
        assert optouts == [sorted(self.model.linkage_optouts(sources, on)) for sources in _groups()]

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def ask_an_earlier_night_again(self, data: st.DataObject) -> None:
        night = data.draw(st.sampled_from(sorted(self.seen)))
        assert self._answers(night) == self.seen[night]

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self._connect()

    @invariant()
    def only_grows(self) -> None:
        if not hasattr(self, "ledger"):
            return
        with self.ledger.engine.connect() as connection:
            events = connection.execute(select(consent_event).order_by("sequence")).all()
        assert events[: len(self.history)] == self.history
        assert len({event.event_id for event in events}) == len(events) == self.recorded == len(self.model.events)
        kept = sorted(({name: getattr(event, name) for name in COLUMNS} for event in events), key=repr)
        assert kept == sorted((asdict(event) for _, event in self.model.events), key=repr)
        self._ask(self.night)
        self.history = events

    def _record(self, forms: list[Form]) -> int:
        report = self.ledger.record(table_of(forms), self.night)
        added = self.model.record(forms, self.night)
        assert (report.forms, report.recorded) == (len(forms), len(added))
        assert report.recorded + report.unchanged == report.forms
        assert report.unreadable == sum(one.unreadable for one in added)
        self.recorded, self.last = self.recorded + report.recorded, forms
        return report.recorded

    def _answers(self, on: date) -> tuple[Any, ...]:
        active = self.ledger.active(on).select(list(COLUMNS)).to_pylist()
        state = {(row["scope"], row["decision"]): (row["forms"], row["unreadable"]) for row in self._state(on)}
        return sorted(active, key=repr), state, *[self.ledger.linkage_optouts(one, on).to_pylist() for one in _groups()]

    def _state(self, on: date) -> list[dict[str, Any]]:
        return list(self.ledger.state(on).to_pylist())

    def _connect(self) -> None:
        self.ledger = ConsentLedger(self.url)
        at_each_step(self.ledger.engine, self._fail)

    def _fail(self, step: str) -> None:
        if step == self.fault:
            raise FaultError


def _groups() -> list[set[str]]:
    return [{"school"}, set(SOURCES)]


def test_the_ledger_is_its_model_on_sqlite(tmp_path: Path):
    template, number = tmp_path / "template.sqlite", itertools.count()
    open_registry(f"sqlite:///{template}").dispose()

    def fresh_url() -> str:
        path = tmp_path / f"{next(number)}.sqlite"
        path.write_bytes(template.read_bytes())
        return f"sqlite:///{path}"

    _run(fresh_url, examples=8)


@pytest.mark.slow
def test_the_ledger_is_its_model_on_postgresql(postgresql: PostgreSQL):
    _run(postgresql.database, examples=4)


def _run(fresh_url: Callable[[], str], examples: int) -> None:
    machine = type("Machine", (LedgerMachine,), {"fresh_url": staticmethod(fresh_url)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.slow
@given(deliveries=st.lists(delivery, min_size=1, max_size=5))
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_both_engines_hold_the_same_rows(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory, deliveries):
    urls = [f"sqlite:///{tmp_path_factory.mktemp('same') / 'registry.sqlite'}", postgresql.database()]
    assert _lived(urls[0], deliveries) == _lived(urls[1], deliveries)


def _told(table: Table) -> list[ColumnElement[Any]]:
    """Columns of a table that do not come from a clock or from chance, as salts and what is computed from them do."""
    drawn = {"recorded_at", "salt", "commitment", "previous", "digest"}
    return [column for column in table.columns if column.name not in drawn]


def _lived(url: str, deliveries: list[list[Form]]) -> dict[str, Any]:
    """Record every delivery on a night of its own and return all rows of all tables, and all that can be asked."""
    nights = [FIRST_NIGHT + timedelta(days=20 * number) for number in range(len(deliveries))]
    with ConsentLedger(url) as ledger:
        reports = [ledger.record(table_of(forms), night) for forms, night in zip(deliveries, nights, strict=True)]
        answers = [
            (ledger.active(on).sort_by("event_id").to_pylist(), ledger.state(on).to_pylist(),
             ledger.linkage_optouts(SOURCES, on).to_pylist())
            for on in nights
        ]  # fmt: skip
        with ledger.engine.connect() as connection:
            rows = {name: connection.execute(select(*_told(table))).all() for name, table in metadata.tables.items()}
    return {"reports": reports, "answers": answers, **{name: sorted(held, key=repr) for name, held in rows.items()}}
