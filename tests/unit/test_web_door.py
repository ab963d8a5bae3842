"""The door of the pages: every page as every role and as nobody, and what an answer lets a browser do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from support.small_city import CHEAP, RELEASE, SmallCity, enrol, make

from consent.access_keys import new_access_key
from consent.people import ROLES, People
from consent.registry import open_registry
from consent.tables import audit_event
from consent.throttle import FREE, Throttle
from pipelines.permissions import permissions
from pipelines.web.app import application
from pipelines.web.headers import LARGEST_BODY
from pipelines.web.pages import PAGES, Page
from pipelines.web.server import ServeError, check
from pipelines.web.sessions import IDLE, LONGEST, MOST, Sessions
from pipelines.web.visit import World

HOME = "http://127.0.0.1:8320"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> SmallCity:
    return enrol(make(tmp_path_factory.mktemp("city")))


@pytest.fixture
def world(city: SmallCity) -> Iterator[World]:
    engine = open_registry(city.place.registry_url)
    made = World(city.place, engine)
    made.__dict__["people"] = People(engine, CHEAP)
    yield made
    engine.dispose()


def visitor(world: World, city: SmallCity, role: str | None) -> TestClient:
    client = TestClient(application(world), base_url=HOME, follow_redirects=False)
    if role is not None:
        assert client.post("/sign-in", data={"access_key": city.keys[role]}).headers["location"] == "/"
    return client


def address(page: Page) -> str:
    return page.path.format(release=RELEASE, file="school_district.yaml")


def csrf(client: TestClient) -> str:
    return re.search(r'name="csrf" value="([^"]+)"', client.get("/").text)[1]


def events(world: World) -> list[tuple[str, str, str]]:
    with world.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(audit_event.c["kind", "subject", "actor"]))]


@pytest.mark.parametrize("role", [None, *ROLES])
def test_every_page_opens_for_those_the_matrix_names_and_nobody_else(world: World, city: SmallCity, role: str | None):
    for page in PAGES:
        client = visitor(world, city, role)
        token = csrf(client) if role else ""
        for method in page.methods:
            answer = client.request(method, address(page), data={"csrf": token} if method == "POST" else None)
            if permissions().may_open(role, page.name):
                expected = {"sign-out": {303}, "sign-in": {200, 401}}.get(page.name, {200})
                assert answer.status_code in expected, (page.name, method, answer.text)
            elif role is None:
                assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
            else:
                assert answer.status_code == 403, (page.name, method)
                assert events(world)[-1] == ("refusal", f"page {page.name}", f"The {role}")


def test_the_application_has_no_page_beside_the_table(world: World):
    assert [route.name for route in application(world).routes] == [page.name for page in PAGES]
    for path in ("/docs", "/openapi.json", "/static/x", "/../x", "/releases/x/y"):
        assert TestClient(application(world), base_url=HOME).get(path).status_code == 404


def test_every_answer_says_what_the_browser_may_do(world: World, city: SmallCity):
    for role in (None, "auditor"):
        client = visitor(world, city, role)
        for path in [*(address(page) for page in PAGES), "/nowhere"]:
            answer = client.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; style-src '")
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "server" not in answer.headers
            if "text/html" in answer.headers.get("content-type", "") and "/agreements/" not in path:
                assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://", answer.text), path


def test_the_cookie_is_the_browsers_alone(world: World, city: SmallCity):
    client = TestClient(application(world), base_url=HOME, follow_redirects=False)
    cookie = client.post("/sign-in", data={"access_key": city.keys["auditor"]}).headers["set-cookie"]
    assert re.match(r"cradlepath=[\w-]{43}; HttpOnly; Max-Age=28800; Path=/; SameSite=strict$", cookie)
    tls = World(city.place, world.engine, behind_tls=True)
    client = TestClient(application(tls), base_url="https://pages.example", follow_redirects=False)
    answer = client.post("/sign-in", data={"access_key": city.keys["auditor"]})
    assert answer.headers["set-cookie"].startswith("__Host-cradlepath=")
    assert "; Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers


@pytest.mark.parametrize("role", ["data_lead"])
def test_a_form_that_is_not_ours_does_nothing(world: World, city: SmallCity, role: str):
    client = visitor(world, city, role)
    token, before = csrf(client), len(events(world))
    foreign = [
        ({"sql": "select 1"}, {}),
        ({"sql": "select 1", "csrf": "x"}, {}),
        ({"sql": "select 1", "csrf": "é"}, {}),
        ({"sql": "select 1", "csrf": csrf(visitor(world, city, role))}, {}),
        ({"sql": "select 1", "csrf": token}, {"origin": "https://elsewhere.example"}),
        ({"sql": "select 1", "csrf": token}, {"origin": "null"}),
        ({"sql": "select 1", "csrf": token}, {"sec-fetch-site": "cross-site"}),
    ]
    for form, headers in foreign:
        assert client.post("/query", data=form, headers=headers).status_code == 403
    assert "query" not in {kind for kind, _, _ in events(world)[before:]}
    assert client.post("/query", data={"sql": "select 1", "csrf": token}, headers={"origin": HOME}).status_code == 200
    stranger = visitor(world, city, None)
    sent = stranger.post("/sign-in", data={"access_key": city.keys[role]}, headers={"origin": "https://elsewhere"})
    assert "set-cookie" not in sent.headers


def test_a_body_that_is_large_or_of_no_length_is_not_read(world: World, city: SmallCity):
    client = visitor(world, city, None)
    assert client.post("/sign-in", data={"access_key": "x" * LARGEST_BODY}).status_code == 413
    assert client.post("/sign-in", content=iter([b"access_key=x"])).status_code == 413


def test_every_refused_key_is_told_the_same_and_slows_down(world: World, city: SmallCity):
    now = [0.0]
    world.throttle = Throttle(lambda: now[0])
    client, unknown = visitor(world, city, None), new_access_key().text
    told = {client.post("/sign-in", data={"access_key": key}).text for key in (unknown, "typo", "", unknown[:-1])}
    assert len(told) == 1
    client.post("/sign-in", data={"access_key": "typo"})
    answer = client.post("/sign-in", data={"access_key": city.keys["auditor"]})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert FREE == 5
    now[0] += 1
    assert client.post("/sign-in", data={"access_key": city.keys["auditor"]}).status_code == 303


def test_who_signs_out_or_is_ended_is_out(world: World, city: SmallCity):
    client = visitor(world, city, "administrator")
    kept = dict(client.cookies)
    assert client.post("/sign-out", data={"csrf": csrf(client)}).headers["location"] == "/sign-in"
    again = TestClient(application(world), base_url=HOME, follow_redirects=False, cookies=kept)
    assert again.get("/").headers["location"] == "/sign-in"
    people = People(world.engine, CHEAP)
    client = TestClient(application(world), base_url=HOME, follow_redirects=False)
    client.post("/sign-in", data={"access_key": people.enrol("Lee", "auditor", None, "os:test")})
    assert client.get("/trail").status_code == 200
    people.end("Lee", "os:test")
    assert client.get("/trail").headers["location"] == "/sign-in"


def test_a_session_ends_by_itself():
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    token = sessions.begin("ABC")
    assert sessions.of(token).key_id == "ABC"
    now[0] += IDLE + 1
    assert sessions.of(token) is None
    token = sessions.begin("ABC")
    while now[0] < LONGEST + 2 * IDLE:
        now[0] += IDLE - 1
        sessions.of(token)
    assert sessions.of(token) is None
    first = sessions.begin("ABC")
    for _ in range(MOST):
        sessions.begin("DEF")
    assert sessions.of(first) is None
    assert sessions.of(None) is None


def test_what_fails_behind_the_door_is_told_without_a_value(world: World, city: SmallCity, monkeypatch, capsys):
    def broken(self: object) -> None:
        raise ValueError("Maria Lopez 2019-04-01")

    client = visitor(world, city, "auditor")
    monkeypatch.setattr(People, "listed", broken)
    answer = client.get("/people")
    said = answer.text + capsys.readouterr().err
    assert answer.status_code == 500
    assert "Maria" not in said
    assert "ValueError at web/accounts.py:" in said.replace("pipelines/", "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "pages.example"])  # noqa: S104
def test_other_machines_reach_it_only_behind_tls(city: SmallCity, host: str):
    with pytest.raises(ServeError, match="behind-tls"):
        check(city.place, host, behind_tls=False)
    check(city.place, host, behind_tls=True)
    check(city.place, "127.0.0.1", behind_tls=False)


def test_nothing_is_served_before_somebody_is_enrolled(tmp_path: Path):
    from support.small_city import NIGHT

    from pipelines.setting_up import write_workspace

    with pytest.raises(ServeError, match="nobody is enrolled"):
        check(write_workspace(tmp_path, city="c", start=NIGHT), "127.0.0.1", behind_tls=True)
