"""People: keys that open, keys that never open again, and what the trail says of both."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from consent.access_keys import ALPHABET, COST, LENGTH, AccessKey, Cost, new_access_key, read_access_key
from consent.people import NOBODY, People, PeopleError
from consent.registry import open_registry
from consent.tables import audit_event, audit_payload, person_event
from consent.throttle import FREE, LONGEST, Throttle

CHEAP = Cost(n=2**4)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")


@pytest.fixture
def people(engine: Engine) -> People:
    return People(engine, CHEAP)


def events(engine: Engine) -> list[tuple[str, str, str, dict]]:
    query = select(audit_event, audit_payload.c.payload).join(
        audit_payload, audit_payload.c.sequence == audit_event.c.sequence
    )
    with engine.connect() as connection:
        return [(row.kind, row.subject, row.actor, json.loads(row.payload)) for row in connection.execute(query)]


def test_a_key_opens_for_the_person_it_was_made_for(people: People):
    admin = people.enrol("Ada Okafor", "administrator", None, "os:root")
    steward = people.enrol("Sam", "steward", "school_district", "Ada Okafor")
    found = people.authenticate(steward, "web")
    assert (found.name, found.role, found.agency) == ("Sam", "steward", "school_district")
    assert people.authenticate(admin.lower().replace("-", " "), "web").name == "Ada Okafor"
    assert people.holder(found.key_id) == found


def test_a_rotated_or_ended_key_never_opens_again(people: People):
    people.enrol("Ada", "administrator", None, "os:root")
    keys = [people.enrol("Lee", "data_lead", None, "Ada")]
    keys.append(people.rotate("lee", "Ada"))
    assert people.authenticate(keys[0], "web") is None
    assert people.authenticate(keys[1], "web").name == "Lee"
    people.end("Lee", "Ada")
    assert people.authenticate(keys[1], "web") is None
    assert people.holder(read_access_key(keys[1]).key_id) is None
    keys.append(people.enrol("Lee", "auditor", None, "Ada"))
    assert [people.authenticate(key, "web") is not None for key in keys] == [False, False, True]
    assert people.authenticate(keys[2], "web").role == "auditor"


@pytest.mark.parametrize(
    ("name", "role", "agency", "says"),
    [
        ("Sam", "steward", None, "a steward has one agency"),
        ("Sam", "auditor", "wic", "every other role has none"),
        ("Sam", "owner", None, "expected a role"),
        ("os:root", "auditor", None, "expected a name"),
        ("night", "auditor", None, "expected a name"),
        ("Nobody", "auditor", None, "expected a name"),
        ("x\n", "auditor", None, "expected a name"),
        ("<b>Sam</b>", "auditor", None, "expected a name"),
        ("ADA", "auditor", None, "enrolled already"),
        ("Sam", "steward", "../x", "expected an agency"),
    ],
)
def test_who_cannot_be_enrolled(people: People, name: str, role: str, agency: str | None, says: str):
    people.enrol("Ada", "administrator", None, "os:root")
    with pytest.raises(PeopleError, match=says):
        people.enrol(name, role, agency, "Ada")


def test_the_first_is_an_administrator_and_the_last_one_stays(people: People):
    with pytest.raises(PeopleError, match="administrator first"):
        people.enrol("Lee", "data_lead", None, "os:root")
    assert not people.anybody()
    people.enrol("Ada", "administrator", None, "os:root")
    with pytest.raises(PeopleError, match="last administrator"):
        people.end("Ada", "Ada")
    people.enrol("Bo", "administrator", None, "Ada")
    people.end("Ada", "Bo")
    with pytest.raises(PeopleError, match="last administrator"):
        people.end("Bo", "Bo")
    with pytest.raises(PeopleError, match="nobody of that name"):
        people.rotate("Ada", "Bo")
    assert [(one.name, one.state) for one in people.listed()] == [("Ada", "ended"), ("Bo", "enrolled")]


def test_every_change_and_sign_in_is_an_event_and_none_holds_a_key(people: People, engine: Engine):
    admin = people.enrol("Ada", "administrator", None, "os:root")
    key_id = read_access_key(admin).key_id
    people.authenticate(admin, "command report")
    unknown = new_access_key()
    people.authenticate(unknown.text, "web")
    people.authenticate("my password", "web")
    wrong = AccessKey(key_id, unknown.secret).text
    assert people.authenticate(wrong, "web") is None
    said = events(engine)
    assert [one[:3] for one in said] == [
        ("person", f"enrolled {key_id}", "os:root"),
        ("sign_in", "opened command report", "Ada"),
        ("sign_in", "refused web", NOBODY),
        ("sign_in", "refused web", NOBODY),
        ("sign_in", "refused web", NOBODY),
    ]
    assert [one[3].get("key_id") for one in said[1:]] == [key_id, unknown.key_id, None, key_id]
    assert people.listed()[0].last_sign_in is not None
    with engine.connect() as connection:
        kept = repr(connection.execute(select(person_event)).all()) + repr(said)
    for secret in (read_access_key(admin).secret, unknown.secret, "my password"):
        assert secret not in kept
    assert admin not in kept


ACTS = st.lists(st.tuples(st.sampled_from(["enrol", "rotate", "end"]), st.sampled_from("abc")), max_size=8)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> People:
    engine = open_registry(f"sqlite:///{tmp_path_factory.mktemp('people') / 'registry.sqlite'}")
    people = People(engine, CHEAP)
    people.enrol("The first", "administrator", None, "os:root")
    return people


@settings(max_examples=20, deadline=None)
@given(acts=ACTS)
def test_whatever_happens_a_name_has_one_key_that_opens_or_none(shared: People, acts: list[tuple[str, str]]):
    run = secrets.token_hex(8)
    given: dict[str, list[str]] = {letter: [] for letter in "abc"}
    opens: dict[str, str | None] = dict.fromkeys("abc")
    for act, letter in acts:
        name = f"{letter} {run}"
        may = (opens[letter] is None) == (act == "enrol")
        try:
            if act == "end":
                shared.end(name, "The first")
                opens[letter] = None
            else:
                key = shared.enrol(name, "auditor", None, "x") if act == "enrol" else shared.rotate(name, "x")
                given[letter].append(key)
                opens[letter] = key
        except PeopleError:
            assert not may
        else:
            assert may
    for letter, keys in given.items():
        assert [key for key in keys if shared.authenticate(key, "web")] == [key for key in [opens[letter]] if key]


def test_a_steward_of_no_agency_is_let_in_nowhere(people: People, engine: Engine):
    admin = people.enrol("Ada", "administrator", None, "os:root")
    with engine.begin() as connection:
        connection.exec_driver_sql("drop trigger person_event_no_update")
        connection.exec_driver_sql("update person_event set role = 'steward'")
    with pytest.raises(PeopleError, match="steward of no agency"):
        people.authenticate(admin, "web")


def test_a_sign_in_that_cannot_be_written_down_does_not_open(people: People, engine: Engine):
    admin = people.enrol("Ada", "administrator", None, "os:root")
    with engine.begin() as connection:
        connection.exec_driver_sql("drop table audit_payload")
    with pytest.raises(Exception, match="audit_payload"):
        people.authenticate(admin, "web")


def test_a_key_keeps_the_cost_it_was_made_at(people: People, engine: Engine):
    admin = people.enrol("Ada", "administrator", None, "os:root")
    raised = People(engine, Cost(n=2**5))
    assert raised.authenticate(admin, "web") is not None
    newer = raised.rotate("Ada", "Ada")
    assert people.authenticate(newer, "web") is not None


def test_an_id_that_nobody_holds_takes_as_long_as_a_wrong_secret(engine: Engine):
    people = People(engine, Cost(n=2**14))
    admin = read_access_key(people.enrol("Ada", "administrator", None, "os:root"))
    unknown = new_access_key()
    took: dict[str, list[float]] = {"unknown": [], "wrong": []}
    for _ in range(3):
        for name, key in (("unknown", unknown), ("wrong", AccessKey(admin.key_id, unknown.secret))):
            start = time.process_time()
            assert people.authenticate(key.text, "web") is None
            took[name].append(time.process_time() - start)
    assert 0.5 < min(took["unknown"]) / min(took["wrong"]) < 2


def test_the_cost_is_not_lowered():
    assert (COST.n, COST.r, COST.p) >= (2**15, 8, 1)


@given(place=st.integers(0, LENGTH - 1), shift=st.integers(1, len(ALPHABET) - 1))
def test_a_typing_error_is_found(place: int, shift: int):
    letters = new_access_key().text.replace("-", "")
    other = ALPHABET[(ALPHABET.index(letters[place]) + shift) % len(ALPHABET)]
    assert read_access_key(letters) is not None
    # the check has 25 bits: one typing error in 33 million goes unnoticed, and then opens nothing
    assert read_access_key(letters[:place] + other + letters[place + 1 :]) is None


@given(st.text(max_size=60))
def test_no_text_stops_the_reader(text: str):
    assert read_access_key(text) is None


def test_a_key_does_not_print_its_secret():
    key = new_access_key()
    assert key.secret not in repr(key)


def test_refusals_slow_down():
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    waits = []
    for _ in range(FREE + 8):
        throttle.refused("a", "b")
        waits.append(throttle.wait("a"))
    assert waits[: FREE - 1] == [0.0] * (FREE - 1)
    assert waits[FREE - 1 : FREE + 2] == [1.0, 2.0, 4.0]
    assert waits[-1] == LONGEST
    assert throttle.wait("c") == 0.0
    now[0] += LONGEST
    assert throttle.wait("a", "b") == 0.0
    throttle.opened("a")
    throttle.refused("a")
    assert throttle.wait("a") == 0.0
