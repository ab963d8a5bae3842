"""The load of one source on real files: what is stored, what is counted, and what a second run does."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest
from support.load_cases import (
    NIGHT_1,
    NIGHT_2,
    NIGHT_3,
    PEOPLE,
    VISITS,
    City,
    csv,
    field,
    people_source,
    source,
    table,
)

from assets.extracts import report
from assets.extracts.disposal import commit_landing
from assets.extracts.load import load_source
from assets.extracts.seal import unseal
from linkage.vault import Vault
from mou_policies.agreement import Refusal

HEAD = "id,first,last,dob,sealed"
ANA, BEN, CLEO = "1,Ana,Ruiz,2019-02-03,N", "2,Ben,Okafor,2018-11-30,N", "3,Cleo,Nowak,2020-01-01,N"
VISIT_HEAD = "visit,id,kind,on"


@pytest.fixture
def city(tmp_path):
    return City(tmp_path, people_source())


def deliver(city, night=NIGHT_1, people=(ANA, BEN), visits=None, name=""):
    files = {f"people{name}.csv": csv(HEAD, *people)}
    if visits is not None:
        files[f"visits{name}.csv"] = csv(VISIT_HEAD, *visits)
    city.deliver("clinic", night, files)


def totals(loaded, table):
    [count] = [c for c in loaded.counts if c.table == table]
    return count


def test_people_become_tokens_and_treated_content(city):
    deliver(city, visits=["v1,1,flu,2019-02-13", "v2,2,flu,2018-12-01"])
    loaded = load_source(city.night(), "clinic")
    assert (loaded.status, loaded.records, loaded.rows) == ("loaded", 2, {"clinic__people": 2, "clinic__visits": 2})
    assert city.stored("clinic__people", "birth_year") == [(2018,), (2019,)]
    assert city.stored("clinic__visits", "kind, age_days, month") == [("flu", 1, "2018-12"), ("flu", 10, "2019-02")]
    assert Vault(city.paths.vault, city.keys).count("clinic") == 2
    assert all(check.passed for check in loaded.checks)


def test_no_raw_value_is_stored_anywhere(city):
    deliver(city, visits=["v1,1,flu,2019-02-13"])
    load_source(city.night(), "clinic")
    at_rest = b"".join(path.read_bytes() for path in (city.root / "state").rglob("*") if path.is_file())
    for value in (b"Ana", b"Ruiz", b"Okafor", b"2019-02-03", b"2018-11-30", b"2019-02-13"):
        assert value not in at_rest
    assert b"flu" in at_rest


def test_record_keys_are_those_of_the_linkage_room_and_rows_are_stored_in_their_order(city):
    deliver(city, people=[f"{n},A,B,2019-02-03,N" for n in range(50)])
    load_source(city.night(), "clinic")
    commit_landing(city.night())
    wanted = sorted(bytes(key) for key in city.keys_of("clinic", *map(str, range(50))).to_pylist())
    with duckdb.connect(str(city.paths.content), read_only=True) as con:
        known = con.execute("select record_key from known_record").fetchall()
        rows = con.execute("select row_key from clinic__people").fetchall()
    assert [bytes(key) for (key,) in known] == wanted
    assert rows == sorted(rows)


def test_running_a_night_again_changes_nothing(city):
    deliver(city, visits=["v1,1,flu,2019-02-13", "v2,9,flu,2019-02-13", "v3,1,,oops"])
    first = load_source(city.night(), "clinic")
    before = city.dump()
    again = load_source(city.night(), "clinic")
    assert city.dump() == before
    assert (again.status, again.already_loaded) == ("nothing new", 2)
    assert again.counts == first.counts
    assert again.checks == tuple(
        sorted(first.checks, key=lambda check: [c.name for c in again.checks].index(check.name))
    )


def test_a_file_delivered_again_under_another_name_is_not_read_again(city):
    deliver(city)
    load_source(city.night(), "clinic")
    deliver(city, night=NIGHT_2, name="_again")
    before = city.dump()
    loaded = load_source(city.night(NIGHT_2), "clinic")
    assert (loaded.status, loaded.already_loaded, loaded.counts) == ("nothing new", 3 - 1, ())
    assert {k: v for k, v in city.dump().items() if k != "nights.checks"} == {
        k: v for k, v in before.items() if k != "nights.checks"
    }


def test_a_delta_adds_changes_and_leaves(city):
    deliver(city, visits=["v1,1,flu,2019-02-13", "v2,1,flu,2019-02-14"])
    load_source(city.night(), "clinic")
    deliver(
        city, NIGHT_2, people=[ANA, CLEO], visits=["v2,1,mmr,2019-02-14", "v1,1,flu,2019-02-13", "v3,3,flu,2020-03-01"]
    )
    loaded = load_source(city.night(NIGHT_2), "clinic")
    visits = totals(loaded, "visits")
    assert (visits.new, visits.changed, visits.unchanged) == (1, 1, 1)
    assert loaded.records == 3
    assert [row[0] for row in city.stored("clinic__visits", "kind")] == ["flu", "flu", "mmr"]


def test_an_event_whose_person_the_delta_does_not_bring_is_quarantined(city):
    deliver(city)
    load_source(city.night(), "clinic")
    deliver(city, NIGHT_2, people=[ANA], visits=["v1,1,flu,2019-02-13", "v2,2,flu,2019-02-13"])
    load_source(city.night(NIGHT_2), "clinic")
    [reason] = report.quarantine_reasons(city.paths.nights, NIGHT_2)
    assert (reason.table, reason.column, reason.reason, reason.first_rows) == (
        "visits",
        "on",
        "person not in this delivery",
        (3,),
    )


def test_a_delta_file_met_again_beside_new_ones_gives_births_and_is_not_applied(city):
    deliver(city, people=[ANA, BEN])
    load_source(city.night(), "clinic")
    deliver(city, NIGHT_2, people=["1,Ana,Ruiz-Vega,2017-02-03,N"], name="_corrected")
    load_source(city.night(NIGHT_2), "clinic")
    deliver(city, NIGHT_3, people=[ANA, BEN], visits=["v1,1,flu,2019-02-13"])
    loaded = load_source(city.night(NIGHT_3), "clinic")
    assert [(c.file, c.read) for c in loaded.counts if c.read] == [("visits.csv", 1)] or [
        (c.file.split("/")[-1], c.read) for c in loaded.counts
    ] == [("visits.csv", 1)]
    assert (2017,) in city.stored("clinic__people", "birth_year")
    assert city.stored("clinic__visits", "age_days") == [(10,)]


def full_city(tmp_path, **settings):
    return City(tmp_path, people_source(delivery="full"), **settings)


def test_a_full_delivery_replaces_and_counts_what_is_absent(tmp_path):
    city = full_city(tmp_path)
    deliver(city, people=[ANA, BEN, CLEO], visits=["v1,1,flu,2019-02-13", "v2,2,flu,2019-02-13"])
    load_source(city.night(), "clinic")
    deliver(city, NIGHT_2, people=[ANA, CLEO], visits=["v1,1,flu,2019-02-13"])
    loaded = load_source(city.night(NIGHT_2), "clinic")
    assert (totals(loaded, "people").absent, totals(loaded, "visits").absent) == (1, 1)
    assert loaded.rows == {"clinic__people": 2, "clinic__visits": 1}
    assert Vault(city.paths.vault, city.keys).count("clinic") == 2


def test_a_full_delivery_that_lost_its_records_is_refused_and_the_old_data_stay(tmp_path):
    city = full_city(tmp_path)
    everyone = [f"{n},A{n},B,2019-02-03,N" for n in range(100)]
    deliver(city, people=everyone, visits=[])
    load_source(city.night(), "clinic")
    before = {k: v for k, v in city.dump().items() if not k.startswith("nights.")}
    deliver(city, NIGHT_2, people=everyone[:90], visits=[])
    loaded = load_source(city.night(NIGHT_2), "clinic")
    assert loaded.status == "refused"
    assert loaded.refusal == "10 of 100 known records are not in this full delivery, more than 5%"
    assert [check.name for check in loaded.checks if not check.passed] == ["known_records_present"]
    assert {k: v for k, v in city.dump().items() if not k.startswith("nights.")} == before
    assert commit_landing(city.night(NIGHT_2)).kept == 2


def test_a_late_full_delivery_does_not_undo_a_newer_one(tmp_path):
    city = full_city(tmp_path)
    deliver(city, NIGHT_2, people=[ANA, BEN], visits=[])
    load_source(city.night(NIGHT_2), "clinic")
    deliver(city, NIGHT_1, people=[ANA], visits=[])
    loaded = load_source(city.night(NIGHT_3), "clinic")
    assert (loaded.superseded, loaded.records) == (1, 2)


def test_many_unusable_rows_refuse_the_source_and_say_which(city):
    deliver(city, people=[ANA] * 30)
    loaded = load_source(city.night(), "clinic")
    assert loaded.refusal == "29 of 30 rows of people cannot be used, more than 20%"
    assert loaded.counts == ()
    [reason] = report.quarantine_reasons(city.paths.nights, NIGHT_1)
    assert (reason.reason, reason.rows, reason.first_rows) == ("duplicate key", 29, (3, 4, 5, 6, 7))


def test_unreadable_dates_beyond_the_share_refuse_the_source(city):
    deliver(city, people=[f"{n},A,B,{n}th of May,N" for n in range(30)])
    assert "values of people.dob are not written as the agreement says" in load_source(city.night(), "clinic").refusal


def test_an_optout_is_dropped_before_it_is_stored_and_removed_when_it_comes_later(city):
    deliver(city, visits=["v1,1,flu,2019-02-13", "v2,2,flu,2019-02-13"])
    out = {"clinic": city.keys_of("clinic", "1")}
    loaded = load_source(city.night(optouts=out.__getitem__), "clinic")
    assert (totals(loaded, "people").dropped_by_consent, totals(loaded, "visits").dropped_by_consent) == (1, 1)
    assert (loaded.records, Vault(city.paths.vault, city.keys).count("clinic")) == (1, 1)
    out["clinic"] = city.keys_of("clinic", "1", "2")
    later = load_source(city.night(NIGHT_2, optouts=out.__getitem__), "clinic")
    assert (later.status, later.records, later.rows) == ("nothing new", 0, {"clinic__people": 0, "clinic__visits": 0})
    assert Vault(city.paths.vault, city.keys).count("clinic") == 0


def test_an_optout_acts_even_when_the_agreement_is_no_longer_in_force(city):
    deliver(city)
    load_source(city.night(), "clinic")
    gone = Refusal("clinic.yaml", ("clinic",), "the term ended on 2026-09-01", 12, "sign a new agreement")
    out = {city.keys_of("clinic", "1")[0].as_py()}
    loaded = load_source(city.night(NIGHT_2, optouts=lambda _: out, refusals=[gone]), "clinic")
    assert (loaded.status, loaded.records) == ("refused", 1)
    assert Vault(city.paths.vault, city.keys).count("clinic") == 1


def test_an_agreement_not_in_force_refuses_with_line_and_remedy_and_keeps_the_files(city):
    deliver(city)
    gone = Refusal("clinic.yaml", ("clinic",), "not signed by the provider", 3, "have both parties sign it")
    loaded = load_source(city.night(refusals=[gone]), "clinic")
    assert (loaded.status, loaded.refusal, loaded.remedy) == ("refused", gone.reason, gone.remedy)
    [refused] = report.refusals(city.paths.nights, NIGHT_1)
    assert refused.agreement == "clinic.yaml:3"
    assert commit_landing(city.night(refusals=[gone])).kept == 1


def test_a_source_that_uses_the_records_of_another(tmp_path):
    days = table(
        "days", ["id", "day"], "id", field("id", "id.record", "record"), field("day", "date.school", "date.school_day")
    )
    city = City(tmp_path, people_source(), source("turnout", days, records_of="clinic"))
    deliver(city)
    city.deliver("turnout", NIGHT_1, {"days.csv": csv("id,day", "1,2025-09-02", "2,2025-09-03", "7,2025-09-03")})
    load_source(city.night(), "clinic")
    loaded = load_source(city.night(), "turnout")
    assert (totals(loaded, "days").new, totals(loaded, "days").quarantined) == (2, 1)
    assert sorted(r[0] for r in city.stored("turnout__days", "record_key")) == sorted(
        key.as_py() for key in city.keys_of("clinic", "1", "2")
    )
    out = lambda name: city.keys_of("clinic", "1") if name == "clinic" else city.keys_of("clinic")  # noqa: E731
    assert load_source(city.night(NIGHT_2, optouts=out), "clinic").rows["clinic__people"] == 1
    assert len(city.stored("turnout__days")) == 1


def test_a_consent_form_names_a_record_of_the_source_it_is_about(tmp_path):
    forms = table(
        "forms",
        ["form"],
        "form",
        field("form", "id.record", "record"),
        field("last", "name.surname"),
        field("about", "id.source", "keep", name="about_source"),
        field("about_id", "id.record", "record", use="content", name="about_record", namespace="about"),
    )
    city = City(tmp_path, people_source(), source("consents", forms, kind="consent"))
    city.deliver("consents", NIGHT_1, {"forms.csv": csv("form,last,about,about_id", "f1,Ruiz,clinic,1", "f2,Ruiz,,")})
    load_source(city.night(), "consents")
    [key] = city.keys_of("clinic", "1").to_pylist()
    assert city.stored("consents__forms", "about_source, about_record") == [("clinic", key), (None, None)]


def test_one_person_described_by_several_tables_and_rows_is_one_record(tmp_path, monkeypatch):
    seen = []
    from assets.extracts import settle

    real = settle.encode
    monkeypatch.setattr(settle, "encode", lambda rows, *more: (seen.append(rows), real(rows, *more))[1])
    extra = table("extra", ["id"], "id", field("id", "id.record", "record"), field("zip", "address.zip"))
    monthly = table(
        "monthly",
        ["id", "month"],
        "id",
        field("id", "id.record", "record"),
        field("first", "name.given"),
        field("ssn", "id.ssn"),
        field("month", "benefit.month", "date.month"),
    )
    city = City(tmp_path, source("aid", extra, monthly))
    city.deliver(
        "aid",
        None,
        {
            "extra.csv": csv("id,zip", "1,02139"),
            "monthly.csv": csv("id,month,first,ssn", "1,2026-01,Ann,123", "2,2026-01,Bo,", "1,2026-02,Anna,"),
        },
    )
    assert load_source(city.night(), "aid").records == 2
    rows = {row["record_key"]: row for row in seen[0].to_pylist()}
    anna = rows[city.keys_of("aid", "1")[0].as_py()]
    assert (anna["given"], anna["ssn"], anna["zip"]) == ("Anna", "123", "02139")


def test_a_column_no_longer_granted_goes_and_a_new_one_starts_empty(city):
    deliver(city, visits=["v1,1,flu,2019-02-13"])
    load_source(city.night(), "clinic")
    fields = (*(f for f in VISITS.fields if f.name != "kind"), field("place", "place.type", "keep"))
    city.sources["clinic"] = (
        people_source(tables=None)
        if False
        else replace(city.sources["clinic"], tables={"people": PEOPLE, "visits": replace(VISITS, fields=fields)})
    )
    city.deliver(
        "clinic",
        NIGHT_2,
        {
            "people_2.csv": csv(HEAD, BEN),
            "visits_2.csv": csv("visit,id,on,place", "v2,2,2019-02-13,school"),
        },
    )
    load_source(city.night(NIGHT_2), "clinic")
    assert city.stored("clinic__visits", "place") == [("school",), (None,)]
    with duckdb.connect(str(city.paths.content), read_only=True) as con, pytest.raises(duckdb.BinderException):
        con.execute("select kind from clinic__visits")


def test_a_table_no_longer_granted_goes(city):
    deliver(city, visits=["v1,1,flu,2019-02-13"])
    load_source(city.night(), "clinic")
    city.sources["clinic"] = replace(city.sources["clinic"], tables={"people": PEOPLE})
    deliver(city, NIGHT_2, people=[CLEO], name="_2")
    assert load_source(city.night(NIGHT_2), "clinic").rows == {"clinic__people": 3}


@pytest.mark.parametrize("disposal", ["delete", "seal"])
def test_the_commit_disposes_of_what_was_loaded_and_names_what_nobody_claims(tmp_path, disposal):
    city = City(tmp_path, people_source(), disposal=disposal)
    deliver(city)
    deliver(city, NIGHT_3, people=[CLEO])
    home = city.deliver("clinic", NIGHT_1, {"notes.txt": "hello", "_COMPLETE": ""})
    load_source(city.night(), "clinic")
    done = commit_landing(city.night())
    assert (done.disposed, done.kept, done.unclaimed) == (1, 0, ("notes.txt",))
    assert sorted(path.name for path in home.iterdir()) == ["_COMPLETE", "notes.txt"]
    assert report.unclaimed_files(city.paths.nights, NIGHT_1) == [("clinic", "notes.txt")]
    sealed = list(city.paths.sealed.rglob("*.sealed")) if city.paths.sealed.exists() else []
    assert len(sealed) == (disposal == "seal")
    for path in sealed:
        assert b"Ruiz" not in path.read_bytes()
        assert b"Ruiz" in unseal(path, city.keys.derive("landing-seal"))
    (home / "notes.txt").unlink()
    before = city.dump()
    assert commit_landing(city.night()).disposed == 0
    assert not home.exists()
    assert {k: v for k, v in city.dump().items() if "unclaimed" not in k} == {
        k: v for k, v in before.items() if "unclaimed" not in k
    }


def test_two_nights_that_deliver_files_of_one_name_are_both_in_the_book(city):
    deliver(city, NIGHT_1, people=[ANA])
    deliver(city, NIGHT_2, people=[BEN, CLEO])
    load_source(city.night(NIGHT_2), "clinic")
    sums = report.file_sums(city.paths.nights, NIGHT_2)
    assert [(s.file, s.read) for s in sums] == [("2026-09-01/people.csv", 1), ("people.csv", 2)]
    assert all(s.adds_up for s in sums)


def test_what_a_steward_sees(city):
    city.deliver(
        "clinic",
        NIGHT_1,
        {
            "people.csv": csv(HEAD + ",hobby", ANA + ",chess", "2,Ben,Okafor,31 June,N,", "4,Sam,Low,2019-01-01,Y,"),
        },
    )
    load_source(city.night(), "clinic")
    book = city.paths.nights
    assert [(c.table, c.column) for c in report.unread_columns(book, NIGHT_1)] == [("people", "hobby")]
    assert [(c.column, c.rows) for c in report.unparsed_values(book, NIGHT_1)] == [("dob", 1)]
    assert [(d.policy, d.rows, d.cite) for d in report.policy_drops(book, NIGHT_1)] == [("test.sealed", 1, "a statute")]
    [fresh] = report.freshness(book)
    assert (fresh.source, fresh.newest_delivery, fresh.last_loaded, fresh.files) == ("clinic", NIGHT_1, NIGHT_1, 1)
    assert report.file_sums(book, NIGHT_1, "other") == []


def test_the_book_knows_the_columns_of_a_table_when_it_came_last(city):
    city.deliver("clinic", NIGHT_1, {"people.csv": csv(HEAD + ",hobby", ANA + ",chess")})
    load_source(city.night(NIGHT_1), "clinic")
    without_surname = csv("id,first,dob,sealed,pet", "2,Ben,2019-01-01,N,cat")
    city.deliver("clinic", NIGHT_2, {"people.csv": without_surname})
    load_source(city.night(NIGHT_2), "clinic")
    book = city.paths.nights
    assert [(c.table, c.column) for c in report.columns_of_late(book, "unread_columns")] == [("people", "pet")]
    assert [(c.table, c.column) for c in report.columns_of_late(book, "absent_columns")] == [("people", "last")]
    assert report.columns_of_late(book.with_name("none.duckdb"), "absent_columns") == []
