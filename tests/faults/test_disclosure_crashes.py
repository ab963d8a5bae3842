"""No release without its account: a night that is killed between the two, and the same night run again."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from support.licences import DSA, DUL, EMOU
from support.licensed import night_of, order_for, outcomes_of
from support.mou import edited

from assets.night import Night
from assets.release import assets as publication
from assets.release import folder as places
from assets.release.assets import publish_candidate
from assets.release.disclosed import rows_of
from assets.release.publish import build
from assets.release.queried import record_query
from assets.release.query import query
from consent.child_sets import ChildSets, SealedSet
from consent.disclosure_check import altered
from consent.disclosures import Disclosures, Entry
from consent.errors import RegistryError
from consent.registry import open_registry
from consent.tables import audit_event


@pytest.fixture(autouse=True)
def _no_exposure_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "release_gate", lambda night: None)


def built(root: Path, *texts: str) -> Night:
    night = night_of(root, *texts)
    outcomes_of(night)
    build(order_for(night), night.keys)
    return night


def book(night: Night) -> Disclosures:
    return Disclosures(open_registry(night.paths.registry_url), ChildSets(night.keys.derive))


def rows(night: Night) -> list[Entry]:
    return book(night).between()


def published(night: Night) -> list[str]:
    return [release.id for release in places.releases(night.paths.releases)]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Night:
    night = built(tmp_path_factory.mktemp("city"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publication, "release_gate", lambda night: None)
        publish_candidate(night)
    return night


def test_a_published_release_has_its_account(city: Night):
    (entry,) = [entry for entry in rows(city) if entry.act.kind == "release"]
    (release,) = published(city)
    assert (entry.act.id, entry.act.on) == (release, city.date)
    assert vars(entry.row) == vars(entry.row) | {
        "source": "birth",
        "owner": "registrar",
        "recipient": "The public",
        "contact": "mayor@city.example",
        "purpose": "measure-success",
        "agreement": "births-2025",
        "agreement_digest": city.policy.agreements["births-2025"].sha256,
        "exception": "vital.registrar-agreement",
        "cite": "State vital-records statute",
        "classes": ("birth.date", "birth.gestation", "birth.weight", "sex"),
        "form": "aggregate",
    }
    with book(city).engine.connect() as connection:
        members = book(city).sets.members(connection, entry.row.set_id)
    assert members.to_pylist() == sorted(f"c{n}" for n in range(90))


ALONE = DSA.replace("under: [cabinet-2025]\n", "")
PRESS = edited("The public", "The press", edited("outcomes-2026", "reports-2026", DUL))

RECIPIENTS = {
    # agreements in force: who receives, for what
    "one licence": ((EMOU, DSA, DUL), {("The public", "measure-success")}),
    "two licences": ((EMOU, DSA, DUL, PRESS), {("The public", "measure-success"), ("The press", "measure-success")}),
    "none, and none asked for": ((ALONE,), {("Cabinet", "measure-success"), ("Cabinet", "vital-statistics")}),
    "none in force": ((EMOU, DSA, edited("to: 2030-06-30", "to: 2026-08-31", DUL)), set()),
}


@pytest.mark.parametrize("name", RECIPIENTS)
def test_who_receives_a_release(city: Night, tmp_path: Path, name: str):
    texts, expected = RECIPIENTS[name]
    policy = night_of(tmp_path, *texts).policy
    manifest = places.current(city.paths.releases).manifest
    found = list(rows_of(manifest, policy, {"birth": SealedSet("0" * 64, 90, b"")}))
    assert {(row.recipient, row.purpose) for row in found} == expected
    assert list(rows_of(manifest, policy, {})) == []


def test_a_release_that_cannot_be_accounted_for_is_not_published(tmp_path: Path):
    first = built(tmp_path)
    publish_candidate(first)
    later = night_of(tmp_path, on=date(2026, 10, 1))
    outcomes_of(later)
    build(order_for(later), later.keys)
    nowhere = replace(later.paths, registry_url=f"sqlite:///{tmp_path / 'nowhere' / 'registry.sqlite'}")
    with pytest.raises(RegistryError):
        publish_candidate(replace(later, paths=nowhere))
    assert published(later) == [places.current(later.paths.releases).id]
    publish_candidate(later)
    before, after = rows(later)
    assert [before.act.id, after.act.id] == published(later)
    assert after.about["restates"] == [before.act.id]
    assert before.row.set_id == after.row.set_id


# -- killed between the account and the publication ----------------------------------------------------------------


def _killed_before_it_appears(root: Path) -> None:
    publication.release_gate = lambda night: None  # type: ignore[assignment]
    publication.finish = lambda *_: os._exit(9)  # type: ignore[assignment]
    publish_candidate(night_of(root))


@pytest.mark.slow
def test_a_night_killed_before_its_release_appears_is_retried_under_the_same_act(tmp_path: Path):
    night = built(tmp_path)
    process = multiprocessing.get_context("spawn").Process(target=_killed_before_it_appears, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    (recorded,) = rows(night)
    assert published(night) == []
    build(order_for(night), night.keys)
    publish_candidate(night)
    assert published(night) == [recorded.act.id]
    assert [entry.act for entry in rows(night)] == [recorded.act]
    assert altered(book(night)) == []


# -- answers -------------------------------------------------------------------------------------------------------

ASKED = {
    # the question                                                   the classes it is an account of
    "select * from measure": ("birth.date", "birth.gestation", "birth.weight", "sex"),
    "select sex, numerator from MEASURE where sex = 'x'": ("birth.date", "birth.gestation", "birth.weight", "sex"),
    "select * from release_log": (),
    "select 1": (),
}


@pytest.mark.parametrize("sql", ASKED)
def test_an_answer_is_a_disclosure_to_the_person_asking(city: Night, sql: str):
    answer = query(city.paths.releases, sql)
    place = (city.paths.registry_url, city.keys.derive, city.paths.releases)
    act = record_query(*place, sql, answer, actor="ada", on=date(2026, 9, 9))
    found = book(city).of_act("query", act)
    assert tuple(cls for entry in found for cls in entry.row.classes) == ASKED[sql]
    assert {(e.row.recipient, e.act.on, e.row.set_id) for e in found} <= {
        ("ada", date(2026, 9, 9), rows(city)[0].row.set_id)
    }
    with book(city).engine.connect() as connection:
        said = connection.execute(
            select(audit_event.c.kind, audit_event.c.actor).where(audit_event.c.subject == act)
        ).all()
        payload = connection.execute(text("select payload from audit_payload order by sequence desc limit 1")).scalar()
    assert said == [("query", "ada")]
    assert sql not in str(payload)


def test_an_answer_of_a_release_without_an_account_leaves_its_event(tmp_path: Path, city: Night):
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    sql = "select * from measure"
    answer = query(city.paths.releases, sql)
    record_query(url, city.keys.derive, city.paths.releases, sql, answer, actor="ada", on=date(2026, 9, 9))
    with open_registry(url).connect() as connection:
        assert connection.execute(select(func.count()).select_from(audit_event)).scalar() == 1
        payload = connection.execute(text("select payload from audit_payload")).scalar()
    assert '"accounted":false' in str(payload)
