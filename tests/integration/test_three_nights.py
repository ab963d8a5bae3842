"""The demo city's three nights, end to end: what must stay, what must add up, what is published."""

import json

import duckdb
import pytest

NIGHTS = ("2026-09-01", "2026-09-02", "2026-09-03")


@pytest.mark.parametrize("night", NIGHTS)
def test_every_row_read_has_one_fate(city, night: str) -> None:
    sources = city.stories[night]["sources"]
    assert sum(line["read"] for line in sources) > 0
    for line in sources:
        kept = line["loaded"] + line["quarantined"] + line["dropped_by_policy"] + line["dropped_by_consent"]
        assert line["read"] == kept, line["source"]
    with duckdb.connect(str(city.state / "nights.duckdb"), read_only=True) as con:
        wrong = con.execute(
            "select count(*) from file_counts "
            "where read <> loaded + quarantined + dropped_by_policy + dropped_by_consent"
        ).fetchall()
    assert wrong == [(0,)]


def test_quarantine_policy_and_consent_each_dropped_something(city) -> None:
    first = city.stories[NIGHTS[0]]["sources"]
    for fate in ("quarantined", "dropped_by_policy", "dropped_by_consent"):
        assert sum(line[fate] for line in first) > 0, fate


def test_every_night_names_the_mode_and_counts_the_records_it_made_into_tokens(city) -> None:
    made = []
    for night in NIGHTS:
        story = city.stories[night]
        assert story["mode"] == "hub-tokenised"
        assert all(0 <= line["unlinkable"] <= line["tokenised"] for line in story["sources"])
        made.append(sum(line["tokenised"] for line in story["sources"]))
    assert made[0] == city.stories[NIGHTS[0]]["children"]["records"]
    assert 0 < made[1] < made[0], "unchanged records are not made into tokens again"


@pytest.mark.parametrize(("before", "after"), [NIGHTS[:2], NIGHTS[1:]])
def test_a_child_keeps_its_id(city, before: str, after: str) -> None:
    old, new = city.ids[before], city.ids[after]
    stayed = [record for record in old if record in new]
    assert len(stayed) > 0.95 * len(old)
    moved = [record for record in stayed if old[record] != new[record]]
    assert len(moved) <= 0.002 * len(stayed)


def test_running_a_night_again_changes_nothing(city) -> None:
    before, again = city.state_after[NIGHTS[0]], city.state_after["again"]
    changed = {name for name in before | again if before.get(name) != again.get(name)}
    assert {name for name in changed if not name.startswith("registry.sqlite:audit_")} == set(), "but the trail grows"
    assert city.stories["again"]["release"] == city.stories[NIGHTS[0]]["release"]


def test_night_two_brings_new_corrected_and_withdrawn_records_and_a_late_file(city) -> None:
    with duckdb.connect(str(city.state / "nights.duckdb"), read_only=True) as con:
        [row] = con.execute(
            'select sum("new"), sum(changed), sum(withdrawn) + sum(absent) from file_counts where night = ?',
            [NIGHTS[1]],
        ).fetchall()
        late = con.execute("select count(*) from file_counts where night = ? and file = 'wic_2026-07.csv'", [NIGHTS[1]])
        assert late.fetchall()[0][0] == 1
    assert all(count > 0 for count in row)


def test_published_by_calendar_not_by_load(city) -> None:
    made = [city.stories[night]["release"]["made_tonight"] for night in NIGHTS]
    assert made == [True, False, True]


def test_the_release_verifies_and_answers(city) -> None:
    assert "verified" in city.run("release", "verify", "--workspace", str(city.home))
    rows = json.loads(
        city.run(
            "query",
            "--json",
            "--workspace",
            str(city.home),
            "select distinct measure from measure order by 1",
        )
    )
    assert len(rows) >= 10


def test_evaluate_prints_the_figures_as_json(city) -> None:
    found = json.loads(city.run("evaluate", "--json", "--workspace", str(city.home), "--truth", str(city.truth)))
    for part in ("cluster", "pairs", "twins"):
        assert set(found[part]) >= {"precision", "recall", "f1"}
    assert found["cluster"]["precision"] >= 0.998
    assert found["cluster"]["recall"] >= 0.985


def test_landing_is_empty_after_the_nights(city) -> None:
    assert [path.name for path in (city.workspace / "landing").rglob("*") if path.is_file()] == []


def test_no_record_key_or_child_id_is_released(city) -> None:
    [pointer] = (city.state / "releases").glob("current*")
    children = set(city.ids[NIGHTS[2]].values())
    for path in (city.state / "releases").rglob("release.duckdb"):
        with duckdb.connect(str(path), read_only=True) as con:
            for schema, table in con.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                columns = {column for column, *_ in con.execute(f'describe "{schema}"."{table}"').fetchall()}
                assert not columns & {"record_key", "child_id", "row_key"}
                for row in con.execute(f'select * from "{schema}"."{table}"').fetchall():
                    assert not children & {str(value) for value in row}
    assert pointer.exists()


def test_how_families_decided_is_not_published(city) -> None:
    rows = json.loads(
        city.run(
            "query",
            "--json",
            "--workspace",
            str(city.home),
            "select source from linkage_quality union select source from source_freshness",
        )
    )
    sources = {row["source"] for row in rows}
    assert {"birth", "school"} <= sources
    assert "consents" not in sources
