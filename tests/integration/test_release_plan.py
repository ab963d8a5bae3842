"""A plan says what the release then does: what is shown first and hidden, what stays, what arrived too late."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from support.licences import DSA, DUL, EMOU
from support.licensed import night_of, order_for, outcomes_of
from support.mou import edited

from assets.outcomes.catalogue import catalogue
from assets.release.nightly import ReleaseSettings
from assets.release.plan import OF_THE_NIGHT, plan
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.publish import publish

MONTHLY = ReleaseSettings("monthly", ReleasePolicy(threshold=10))
LATER = date(2026, 10, 1)


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_what_a_plan_says_is_what_the_release_then_shows(tmp_path: Path) -> None:
    night = night_of(tmp_path)
    outcomes_of(night)
    before = files(tmp_path)
    said = plan(night, catalogue(), MONTHLY)
    assert files(tmp_path) == before, "a plan writes nothing"
    assert (said.due, said.stays, said.late, said.refusals) == (True, 0, (), ())
    assert "birth.births.sex" in said.columns
    stored = publish(order_for(night), night.keys)
    with duckdb.connect(str(stored.database), read_only=True) as con:
        shown = con.execute(
            "select measure || ' ' || version || ' ' || period, count(*), "
            "count(*) filter (numerator is null) + count(*) filter (denominator is null) "
            "from measure where release_id = ? group by 1 order by 1",
            [stored.id],
        ).fetchall()
    assert [(o.what, o.rows, o.hidden) for o in said.exposes if o.table == "measure"] == shown
    assert sum(o.counts for o in said.exposes) == stored.manifest["log"]["counts"]
    assert sum(o.hidden for o in said.exposes) == stored.manifest["log"]["hidden"]


def test_after_it_only_the_night_is_new_and_late_records_are_named_not_shown(tmp_path: Path) -> None:
    first = night_of(tmp_path)
    outcomes_of(first)
    publish(order_for(first), first.keys)
    with duckdb.connect(str(first.paths.outcomes)) as con:
        con.execute("update measure set numerator = numerator - 1 where measure = 'preterm' and sex = 'Male'")
    said = plan(night_of(tmp_path, on=LATER), catalogue(), MONTHLY)
    assert {o.what for o in said.exposes} <= {OF_THE_NIGHT}
    assert said.stays > 0 and said.columns == ()
    assert [(o.table, o.what, o.rows) for o in said.late] == [("measure", "preterm 1 2025-26", 2)]


@pytest.mark.parametrize(
    ("licence", "says"),
    [
        (edited("to: 2030-06-30", "to: 2026-08-30", DUL), "Nothing would be published: no licence in force"),
        (edited("minimum_cell: 11", "minimum_cell: 9", DUL), "Nothing would be published: "),
    ],
)
def test_a_release_that_would_be_refused_says_why(tmp_path: Path, licence: str, says: str) -> None:
    night = night_of(tmp_path)
    outcomes_of(night)
    said = plan(night_of(tmp_path, EMOU, DSA, licence), catalogue(), MONTHLY)
    assert said.verdict.startswith(says)


def test_a_night_that_is_not_due_names_the_next_day(tmp_path: Path) -> None:
    night = night_of(tmp_path)
    outcomes_of(night)
    publish(order_for(night), night.keys)
    said = plan(night_of(tmp_path, on=date(2026, 9, 12)), catalogue(), MONTHLY)
    assert said.verdict.startswith("No release is due on 2026-09-12; the next day of the calendar is 2026-10-01")


def test_without_outcomes_there_is_nothing_to_plan(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="outcomes"):
        plan(night_of(tmp_path), catalogue(), MONTHLY)
