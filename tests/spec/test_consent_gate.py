"""Which rows a family's decision takes out of the spine, as readable tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from support.hub import Hub, key, table_of

from assets.spine.build import build_spine
from assets.spine.consents import record_consents
from assets.spine.revoked import Revoked, newly_refused
from consent.ledger import ConsentLedger

TABLES = {
    "birth.births": "record | birth_year | birth_school_year | sex\nann | 2015 | 2015-16 | F\nbob | 2015 | 2015-16 | M",
    "snap.monthly": "record | benefit_month\nann | 2025-09\nann | 2025-10\nbob | 2025-09\ncam | 2025-09",
    "attendance.mckinney_vento": "record | school_year\nann | 2025-26\nbob | 2025-26",
}
FORMS = "record | decision | scope | about_source | about_record | signed_month | effective_month\n"

CASES = [
    pytest.param(
        "ann | refuse | outcomes | - | - | 2026-08 | 2026-08",
        {"births": ["bob"], "snap": ["bob", "cam"], "members": ["bob", "cam"]},
        {("outcomes", "birth", 1, 1), ("outcomes", "snap", 2, 1), ("outcomes", "attendance", 1, 1)},
        id="a refusal of outcomes takes the child out entirely, every row counted",
    ),
    pytest.param(
        "ann | refuse | human_services | - | - | 2026-08 | 2026-08",
        {"births": ["ann", "bob"], "snap": ["bob", "cam"], "members": ["ann", "bob", "cam"]},
        {("human_services", "snap", 2, 1)},
        id="a refusal of one area takes that area's rows, the child stays",
    ),
    pytest.param(
        "ann | refuse | human_services | - | - | - | 2026-08\nann.2 | grant | human_services | - | - | - | 2026-09",
        {"births": ["ann", "bob"], "snap": ["ann", "bob", "cam"], "members": ["ann", "bob", "cam"]},
        set(),
        id="a later grant of the same scope lifts it",
    ),
    pytest.param(
        "ann | refuse | human_services | - | - | - | 2026-08\nann.2 | grant | human_services | - | - | - | 2026-08",
        {"births": ["ann", "bob"], "snap": ["bob", "cam"], "members": ["ann", "bob", "cam"]},
        {("human_services", "snap", 2, 1)},
        id="at equal time the most restrictive wins",
    ),
    pytest.param(
        "ann | refuse | outcomes | - | - | - | 2026-08\nann.2 | grant | school | - | - | - | 2026-09",
        {"births": ["bob"], "snap": ["bob", "cam"], "members": ["bob", "cam"]},
        {("outcomes", "birth", 1, 1), ("outcomes", "snap", 2, 1), ("outcomes", "attendance", 1, 1)},
        id="a narrower grant does not open a wider refusal",
    ),
    pytest.param(
        "ann | refuse | school | - | - | - | 2026-08\nann.2 | grant | linkage | - | - | - | 2026-09",
        {"births": ["ann", "bob"], "snap": ["ann", "bob", "cam"], "members": ["ann", "bob", "cam"]},
        {("school", "attendance", 1, 1)},
        id="a wider grant does not open a narrower refusal",
    ),
    pytest.param(
        "ann | refuse | school | - | - | - | 2026-08\nann.2 | refuse | research | - | - | - | 2026-08",
        {"births": ["bob"], "snap": ["bob", "cam"], "members": ["bob", "cam"]},
        {("research", "birth", 1, 1), ("research", "snap", 2, 1), ("research", "attendance", 1, 1)},
        id="a row refused twice is counted once, under the wider scope",
    ),
    pytest.param(
        "stranger | refuse | human_services | snap | snap/cam | - | 2026-08",
        {"births": ["ann", "bob"], "snap": ["ann", "bob"], "members": ["ann", "bob", "cam"]},
        {("human_services", "snap", 1, 1)},
        id="a form that did not link acts through the record it names",
    ),
    pytest.param(
        "ann | refuse | outcomes | - | - | - | 2026-10",
        {"births": ["ann", "bob"], "snap": ["ann", "bob", "cam"], "members": ["ann", "bob", "cam"]},
        set(),
        id="a decision that is not in effect yet takes nothing",
    ),
]


@pytest.mark.parametrize(("forms", "left", "drops"), CASES)
def test_gate(tmp_path: Path, forms: str, left: dict[str, list[str]], drops: set[tuple[str, str, int, int]]):
    night = Hub(tmp_path / "state", {**TABLES, "consents.forms": FORMS + forms}).night()
    record_consents(night)
    report = build_spine(night)
    spine = night.paths.spine

    def children(table: str) -> list[str]:
        return [str(row[0]) for row in table_of(spine, f"select distinct child_id from {table} order by 1")]

    assert children("c_birth__births") == left["births"]
    assert children("c_snap__monthly") == left["snap"]
    assert children("spine_member") == left["members"]
    found = table_of(night.paths.nights, "select scope, source, rows, children from consent_drops")
    assert set(found) == drops
    assert not report.unreconciled
    assert all(
        rows == kept + refused + unlinked
        for rows, kept, refused, unlinked in table_of(
            night.paths.nights, "select rows, kept, refused, unlinked from spine_counts"
        )
    )


def test_a_refusal_that_reaches_no_child_is_kept_and_acts_on_the_night_it_does(tmp_path: Path):
    hub = Hub(
        tmp_path / "state",
        {**TABLES, "consents.forms": FORMS + "dan | refuse | outcomes | - | - | - | 2026-08"},
    )
    first = hub.night()
    record_consents(first)
    assert build_spine(first).gate.pending[0].forms == 1
    pending = "select forms from consent_pending where night = '{}'"
    assert table_of(first.paths.nights, pending.format(first.date)) == [(1,)]

    hub.tables["snap.monthly"] += "\ndan | 2025-09"
    second = hub.night(date(2026, 9, 2))
    record_consents(second)
    report = build_spine(second)
    assert report.gate.pending == ()
    assert [(drop.scope, drop.source, drop.children) for drop in report.gate.drops] == [("outcomes", "snap", 1)]


def test_after_a_merge_the_most_restrictive_state_of_both_holds(tmp_path: Path):
    forms = "ann | grant | school | - | - | - | 2026-08\nbob | refuse | school | - | - | - | 2026-08"
    merged = {
        ("consents", "bob"): "ann",
        ("birth", "bob"): "ann",
        ("snap", "bob"): "ann",
        ("attendance", "bob"): "ann",
    }
    night = Hub(tmp_path / "state", {**TABLES, "consents.forms": FORMS + forms}, extra_links=merged).night()
    record_consents(night)
    build_spine(night)
    assert table_of(night.paths.spine, "select count(*) from c_attendance__mckinney_vento") == [(0,)]


def test_after_a_merge_a_grant_of_one_does_not_lift_the_refusal_of_the_other(tmp_path: Path):
    forms = "ann | refuse | school | - | - | - | 2026-07\nbob | grant | school | - | - | - | 2026-08"
    hub = Hub(tmp_path / "state", {**TABLES, "consents.forms": FORMS + forms})
    record_consents(hub.night())
    hub.extra_links = {(source, "bob"): "ann" for source in ("consents", "birth", "snap", "attendance")}
    hub.formerly = (("ann", "was ann", ("ann",)), ("ann", "was bob", ("bob",)))
    second = hub.night(date(2026, 9, 2))
    drops = build_spine(second).gate.drops
    assert [(drop.scope, drop.source, drop.rows) for drop in drops] == [("school", "attendance", 2)]

    hub.tables["consents.forms"] += "\nann.2 | grant | school | - | - | - | 2026-08"
    third = hub.night(date(2026, 9, 3))
    record_consents(third)
    assert build_spine(replace(third, merged_on=date(2026, 9, 2))).gate.drops == ()


def test_after_a_split_a_refusal_holds_for_both_children(tmp_path: Path):
    hub = Hub(tmp_path / "state", {**TABLES, "consents.forms": FORMS + "ann | refuse | school | - | - | - | 2026-08"})
    record_consents(hub.night())
    hub.formerly = (("ann", "both", ("ann",)), ("bob", "both", ("ann",)))
    second = hub.night(date(2026, 9, 2))
    drops = build_spine(second).gate.drops
    assert [(drop.scope, drop.source, drop.children) for drop in drops] == [("school", "attendance", 2)]


def test_a_child_that_a_revocation_takes_out_is_told_once_and_the_same_when_the_night_runs_again(tmp_path: Path):
    hub = Hub(tmp_path / "state", {**TABLES, "consents.forms": FORMS + "cam | refuse | outcomes | - | - | - | 2026-08"})
    first = hub.night()
    record_consents(first)
    assert build_spine(first).gate.revoked == ()  # cam never was in a spine
    hub.tables["consents.forms"] += "\nann | revoke | research | - | - | - | 2026-08"
    second = hub.night(date(2026, 9, 2))
    record_consents(second)
    for _ in range(2):
        assert build_spine(second).gate.revoked == (Revoked("research", 1),)
        assert newly_refused(second.paths.spine) == ["ann"]
    assert table_of(second.paths.nights, "select scope, children from consent_revoked") == [("research", 1)]
    third = hub.night(date(2026, 9, 3))
    assert build_spine(third).gate.revoked == ()
    assert newly_refused(third.paths.spine) == []


def test_running_the_night_again_changes_no_count_and_no_record_key_is_in_the_spine(tmp_path: Path):
    night = Hub(
        tmp_path / "state",
        {**TABLES, "consents.forms": FORMS + "ann | refuse | school | - | - | - | 2026-08"},
    ).night()
    record_consents(night)
    first = build_spine(night)
    assert record_consents(night).recorded == 0
    again = build_spine(night)
    assert (first.gate, first.tables, first.models) == (again.gate, again.tables, again.models)
    assert table_of(night.paths.nights, "select count(*), sum(rows) from consent_drops") == [(1, 1)]
    columns = table_of(night.paths.spine, "select distinct column_name from duckdb_columns() where not internal")
    assert not {"record_key", "row_key", "digest"} & {str(row[0]) for row in columns}


def test_a_form_about_attendance_names_the_schools_record(tmp_path: Path):
    forms = (
        "f | opt_out | linkage | Attendance | attendance/ann | - | 2026-08\ng | refuse | school | - | - | - | 2026-08"
    )
    night = Hub(tmp_path / "state", {**TABLES, "consents.forms": FORMS + forms}).night()
    record_consents(night)
    with ConsentLedger(night.paths.registry_url) as ledger:
        assert ledger.linkage_optouts("school", night.date).to_pylist() == [key("school", "ann")]
        assert ledger.linkage_optouts("attendance", night.date).to_pylist() == []
