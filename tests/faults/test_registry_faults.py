"""The registry loses nothing and doubles nothing: writers at once, killed writers, broken connections, readers.

Every fault is a real one: processes that are killed, a server that is stopped, a connection that is cut. A full disk is
in `test_registry_disk`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from support.consents import forms
from support.proxies import CuttingProxy
from support.registries import PostgreSQL
from support.registry_writers import ACTS, NIGHT, Writer, at_each_step, kept, many, step_by_step, without_end

from consent.errors import ConnectionLostError, RegistryError
from consent.ledger import ConsentLedger
from consent.registry import open_registry

ROUNDS = 3
WRITERS = ("ledger", "trail")


@pytest.fixture
def engine(registry_url: str) -> Iterator[Engine]:
    engine = open_registry(registry_url)
    yield engine
    engine.dispose()


@pytest.fixture
def served(postgresql: PostgreSQL) -> Iterator[Engine]:
    """A registry on PostgreSQL, open."""
    engine = open_registry(postgresql.database())
    yield engine
    engine.dispose()


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


# Two writers at once.


@pytest.mark.parametrize(
    "acts",
    [
        pytest.param(["ledger"] * 2, id="two ledgers"),
        pytest.param(["trail"] * 2, id="two trails"),
        pytest.param(["ledger", "ledger", "trail", "trail"], id="two of each"),
        pytest.param(["both", "crossing", "both", "crossing"], id="locks taken in two orders"),
    ],
)
def test_what_writers_do_at_once_is_there_once(registry_url: str, acts: list[str]):
    shared = [f"shared.{number}" for number in range(3)]
    own = [[f"writer{place}.{number}" for number in range(5)] for place, _ in enumerate(acts)]
    names = [[*mine[:3], *shared, *mine[3:]] if act == "ledger" else mine for act, mine in zip(acts, own, strict=True)]
    writers = [Writer(many, registry_url, act, mine) for act, mine in zip(acts, names, strict=True)]
    for writer in writers:
        assert writer.hears() == "ready"
    for writer in writers:
        writer.pipe.send("go")
    for writer, mine in zip(writers, names, strict=True):
        assert list(writer.all_it_said()) == mine
        writer.ends_well()
    engine = open_registry(registry_url)
    for in_ledger in (True, False):
        expected = {
            name for act, mine in zip(acts, names, strict=True) if (act == "ledger") == in_ledger for name in mine
        }
        assert sorted(kept(engine, "ledger" if in_ledger else "trail")) == sorted(expected)
    engine.dispose()


# A killed writer.


@pytest.mark.parametrize("act", WRITERS)
def test_a_writer_killed_at_any_step_leaves_all_or_nothing(engine: Engine, act: str):
    expected: list[str] = []
    for place in range(30):
        steps = _killed_after(url_of(engine), act, f"killed.{place}", place)
        assert f"killed.{place}" not in kept(engine, act) or "commit" in steps[:-1]
        ACTS[act](engine, f"after.{place}")
        expected += [f"killed.{place}"] * ("commit" in steps[:-1]) + [f"after.{place}"]
        assert kept(engine, act) == expected
        if steps[-1] == "kept":
            break
    else:
        pytest.fail("the writer never came to its end")
    assert place > 3


def _killed_after(url: str, act: str, name: str, steps: int) -> list[str]:
    """Let a writer go so many steps, kill it, and return what it announced."""
    writer, announced = Writer(step_by_step, url, act, name), []
    for _ in range(steps + 1):
        announced.append(writer.hears())
        if announced[-1] == "kept" or len(announced) > steps:
            break
        writer.pipe.send("go on")
    writer.kill()
    return announced


@pytest.mark.parametrize("act", WRITERS)
def test_what_killed_writers_had_been_told_is_there(engine: Engine, act: str):
    """Whatever the instant, in the middle of a commit too."""
    drawn, told = random.Random(5), []
    for number in range(ROUNDS):
        writers = [Writer(without_end, url_of(engine), act, f"{number}.{each}") for each in "ab"]
        told += [writer.hears() for writer in writers]
        time.sleep(drawn.uniform(0, 0.1))
        for writer in writers:
            writer.kill()
            told += writer.all_it_said()
        ACTS[act](engine, f"after.{number}")
        told.append(f"after.{number}")
    found = kept(engine, act)
    assert set(told) <= set(found)
    assert len(found) == len(set(found))
    assert len(found) - len(told) <= 2 * ROUNDS, "at most one act of each writer was under way"


# A reader during a write.


@pytest.mark.parametrize("act", WRITERS)
def test_a_reader_sees_the_old_state_whole_until_the_commit(engine: Engine, act: str):
    ACTS[act](engine, "old")
    writer = Writer(step_by_step, url_of(engine), act, "new")
    seen = set()
    for step in writer.all_it_said():
        if "commit" not in seen:
            assert kept(engine, act) == ["old"]
        seen.add(step)
        writer.pipe.send("go on")
    assert "commit" in seen
    assert kept(engine, act) == ["old", "new"]


# A lost connection.


@pytest.mark.slow
@pytest.mark.parametrize("act", WRITERS)
def test_a_connection_ended_at_any_step_keeps_nothing_and_the_next_call_works(
    postgresql: PostgreSQL, served: Engine, act: str
):
    left = [0]

    def end(_: str) -> None:
        if left[0] == 0:
            postgresql.end_connections(url_of(served))
        left[0] -= 1

    at_each_step(served, end)
    for place in range(30):
        left[0] = place
        try:
            ACTS[act](served, f"form.{place}")
        except ConnectionLostError as error:
            left[0] = -1
            assert "the connection broke" in str(error)
            before = kept(served, act)
            assert before == [f"form.{number}" for number in range(place + (f"form.{place}" in before))]
            if f"form.{place}" not in before:
                ACTS[act](served, f"form.{place}")
        else:
            break
    left[0] = -1
    assert kept(served, act) == [f"form.{number}" for number in range(place + 1)]
    assert place > 3


@pytest.mark.slow
@pytest.mark.parametrize("act", WRITERS)
def test_a_connection_that_broke_while_idle_is_not_noticed(postgresql: PostgreSQL, served: Engine, act: str):
    ACTS[act](served, "before")
    postgresql.end_connections(url_of(served))
    ACTS[act](served, "after")
    assert kept(served, act) == ["before", "after"]


@pytest.mark.slow
@pytest.mark.parametrize("act", WRITERS)
def test_a_server_stopped_in_the_middle_keeps_what_it_confirmed(postgresql: PostgreSQL, served: Engine, act: str):
    ACTS[act](served, "confirmed")
    at_each_step(served, lambda step: postgresql.stop_at_once() if step == "commit" and postgresql.running() else None)
    with pytest.raises(ConnectionLostError, match="is there whole or not at all"):
        ACTS[act](served, "lost")
    with pytest.raises(RegistryError, match="the server cannot be reached"):
        ACTS[act](served, "refused")
    postgresql.start()
    again = open_registry(url_of(served))
    assert kept(again, act) == ["confirmed"]
    ACTS[act](again, "lost")
    assert kept(again, act) == ["confirmed", "lost"]
    again.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("act", WRITERS)
@pytest.mark.parametrize("cut", ["before the commit arrives", "before its answer arrives"])
def test_a_commit_that_nobody_confirmed_is_there_once(postgresql: PostgreSQL, served: Engine, act: str, cut: str):
    with CuttingProxy(postgresql.address.query["host"]) as proxy:
        engine = open_registry(
            served.url.set(host="127.0.0.1", port=proxy.port, query={}).render_as_string(hide_password=False)
        )
        ACTS[act](engine, "first")
        proxy.cut = cut
        try:
            ACTS[act](engine, "second")
        except ConnectionLostError:
            assert ("second" in kept(served, act)) == ("answer" in cut)
            assert not (act == "trail" and "answer" in cut), "the trail asks again and finds its event"
            if act == "ledger" or "answer" not in cut:
                ACTS[act](engine, "second")
        assert proxy.cut is None, "a connection was cut"
        assert kept(served, act) == ["first", "second"]
        engine.dispose()


def test_a_failed_record_can_be_repeated_in_the_same_process(engine: Engine):
    """A fault of the program itself, in the middle of the transaction."""
    given = forms(
        "record | decision | scope | effective\nf1 | refuse | school | 2026-08\nf2 | refuse | health | 2026-08"
    )

    def fail(step: str) -> None:
        if step == "commit":
            raise ZeroDivisionError

    with ConsentLedger(url_of(engine)) as ledger:
        at_each_step(ledger.engine, fail)
        with pytest.raises(ZeroDivisionError):
            ledger.record(given, NIGHT)
    with ConsentLedger(url_of(engine)) as ledger:
        assert ledger.active(NIGHT).num_rows == 0
        assert ledger.record(given, NIGHT).recorded == 2
        assert ledger.record(given, NIGHT).recorded == 0
