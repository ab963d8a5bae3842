"""What the pages show: a steward's loads, a data lead's answer, an auditor's accounts, and what to do when empty."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from starlette.testclient import TestClient
from support.small_city import CHEAP, MINE, NIGHT, NOT_MINE, RELEASE, SmallCity, enrol, make

from consent.access_keys import Cost
from consent.people import ROLES, People
from consent.registry import open_registry
from consent.tables import audit_event, audit_payload, destruction, disclosure
from pipelines.setting_up import write_workspace
from pipelines.web.app import application
from pipelines.web.pages import MENU
from pipelines.web.visit import World

DISCLOSED = {
    "audit_sequence": 1, "kind": "release", "act": RELEASE, "disclosed_on": "2026-09-01", "source": "school",
    "owner": MINE, "recipient": "cabinet", "purpose": "measure-success", "agreement": "school-district-2025",
    "agreement_digest": "d", "exception": "ferpa.audit-evaluation", "cite": "34 CFR 99.35",
    "classes": '["education.grade","sex"]', "form": "aggregate", "set_id": "SET-OF-CHILDREN",
}  # fmt: skip
DESTROYED = {
    "audit_sequence": 1, "agreement": "wic-2019", "agreement_digest": "d", "source": "wic", "due_on": "2026-01-01",
    "destroyed_on": "2026-01-02", "certificate": "{}", "signature": b"x",
}  # fmt: skip


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> SmallCity:
    return enrol(make(tmp_path_factory.mktemp("city")))


@pytest.fixture(scope="module")
def world(city: SmallCity) -> Iterator[World]:
    engine = open_registry(city.place.registry_url)
    with engine.begin() as connection:
        connection.execute(insert(disclosure), [DISCLOSED])
        connection.execute(insert(destruction), [DESTROYED])
    yield World(city.place, engine)
    engine.dispose()


def signed_in(world: World, key: str) -> TestClient:
    client = TestClient(application(world), base_url="http://127.0.0.1:8320")
    assert client.post("/sign-in", data={"access_key": key}).status_code == 200
    return client


def asked(client: TestClient, sql: str) -> str:
    page = client.get("/query").text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    return unescape(client.post("/query", data={"csrf": token, "sql": sql}).text)


def test_a_steward_sees_their_own_agency_and_nothing_of_another(world: World, city: SmallCity):
    client = signed_in(world, city.keys["steward"])
    for path in ("/", "/loads", "/loads?night=2026-09-01", "/loads?night=x&agency=vital_records"):
        shown = client.get(path).text
        assert [word for word in NOT_MINE if word in shown] == [], path
    for word in ("users.csv", "grade 14 is no grade", "school_extra", "a file is truncated", "export it again"):
        assert word in shown
    assert "accepted</th>" in shown
    assert [word for word in ("loaded</th>", "consent</th>") if word in shown] == []


def test_an_auditor_sees_every_agency_and_no_payload(world: World, city: SmallCity):
    client = signed_in(world, city.keys["auditor"])
    loads = client.get("/loads").text
    assert all(word in loads for word in (*NOT_MINE, "users.csv"))
    assert "undo the change, or have every party sign the new wording" in client.get("/agreements").text
    document = client.get("/agreements/school_district.yaml")
    assert "sha256-" in document.headers["content-security-policy"]
    assert "City Public Schools" in document.text
    assert client.get("/agreements/signers.yaml").status_code == 404
    shown = client.get("/disclosures").text + client.get("/destructions").text + client.get("/trail").text
    assert all(word in shown for word in ("34 CFR 99.35", "education.grade, sex", "wic-2019", "opened web"))
    assert "SET-OF-CHILDREN" not in shown
    assert "The data_lead" in client.get("/people").text
    assert "hash" not in client.get("/people").text


def test_the_trail_goes_back_in_time(world: World, city: SmallCity):
    client = signed_in(world, city.keys["auditor"])
    assert "enrolled" not in client.get("/trail?before=1").text.split("<main")[1]
    assert "Open the trail from its newest event" in client.get("/trail?before=1").text
    assert client.get("/trail?before=2").text.count("<tr>") == 2
    assert client.get("/trail?before=drop").status_code == 200


def test_a_data_lead_asks_and_the_trail_knows_it_without_the_words(world: World, city: SmallCity):
    client = signed_in(world, city.keys["data_lead"])
    sql = "select measure, count(*) as n from measure group by 1"
    shown = asked(client, sql)
    assert f"1 rows of {RELEASE}" in shown
    assert ">600</td>" in shown
    assert "there are more than 500" in asked(client, "from measure")
    assert "<script>" not in client.get("/query").text
    assert "&lt;script&gt;" in client.post("/query", data=form(client, "select '<script>' as a")).text
    for wrong in ("drop table measure", "select 1; select 2", "from nowhere", "select * from '/etc/hostname'"):
        assert 'role="alert"' in asked(client, wrong)
    with world.engine.connect() as connection:
        query = select(audit_event, audit_payload.c.payload).where(
            audit_event.c.kind == "query", audit_event.c.sequence == audit_payload.c.sequence
        )
        found = connection.execute(query).all()
    assert [row.subject[:2] for row in found[:3]] == ["q-"] * 3
    assert [row.subject for row in found[3:]] == ["not answered"] * 4
    assert {row.actor for row in found} == {"The data_lead"}
    said = json.loads(found[0].payload)
    assert said["release"] == RELEASE
    assert said["sql_sha256"] == hashlib.sha256(sql.encode()).hexdigest()
    assert sql not in repr(found)


def form(client: TestClient, sql: str) -> dict[str, str]:
    return {"csrf": client.get("/query").text.split('name="csrf" value="')[1].split('"')[0], "sql": sql}


def test_an_answer_that_cannot_be_written_down_is_not_shown(world: World, city: SmallCity, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    client = signed_in(world, city.keys["data_lead"])
    sent = form(client, "select 4711 as a")
    monkeypatch.setattr("consent.trail.AuditTrail.append", full)
    answer = client.post("/query", data=sent)
    assert answer.status_code == 500
    assert "4,711" not in answer.text


def test_releases(world: World, city: SmallCity):
    client = signed_in(world, city.keys["data_lead"])
    assert RELEASE in client.get("/releases").text
    assert "600, of which 60 are hidden" in client.get(f"/releases/{RELEASE}").text
    assert client.get("/releases/..%2f..").status_code == 404
    assert client.get("/releases/none").status_code == 404


HOLDS = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_while_a_night_holds_its_book_the_page_says_so(world: World, city: SmallCity):
    client = signed_in(world, city.keys["steward"])
    command = [sys.executable, "-c", HOLDS, str(world.paths.nights)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as night:
        assert night.stdout.readline() == "held\n"
        world._kept.clear()
        answer = client.get("/loads")
        night.stdin.close()
    assert (answer.status_code, "A night is under way" in answer.text) == (503, True)
    assert client.get("/loads").status_code == 200


def test_an_empty_city_says_what_to_do_next(tmp_path: Path):
    city = enrol(write_workspace(tmp_path / "w", city="New City", start=NIGHT).root)
    engine = open_registry(city.place.registry_url)
    world = World(city.place, engine)
    expected = {
        "loads": "an administrator then runs", "releases": "says when the first release is due",
        "query": "", "agreements": "cradlepath mou new", "trail": "", "disclosures": "is listed here",
        "destructions": "audit destruction --due", "people": "",
    }  # fmt: skip
    for role in ROLES:
        client = signed_in(world, city.keys[role])
        for page in MENU:
            answer = client.get(page.path)
            if answer.status_code == 200:
                assert expected[page.name] in answer.text, page.name
    asked_nothing = signed_in(world, city.keys["data_lead"])
    assert 'role="alert"' in asked(asked_nothing, "select 1")
    engine.dispose()


def test_the_menu_shows_what_opens(world: World, city: SmallCity):
    for role in ROLES:
        client = signed_in(world, city.keys[role])
        menu = client.get("/").text.split("<nav")[1].split("</nav>")[0]
        assert {page.name for page in MENU if f'href="{page.path}"' in menu} == {
            page.name for page in MENU if client.get(page.path).status_code == 200
        }


def test_costs_of_tests_are_not_those_of_people(world: World):
    assert People(world.engine)._cost == Cost()
    assert CHEAP.n < Cost().n
