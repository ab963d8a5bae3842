"""Two nights of a vault, compared while the hub has both: the figures of whole copies, at the cost of what changed."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.attack import nights
from linkage.attack.at_rest import Store, two_nights
from linkage.attack.limits import Limits, findings
from linkage.attack.nights import Differing, measure_nights
from linkage.decisions import Decisions
from linkage.records import record_keys
from linkage.tokens import encode
from linkage.universe import NOBODY, build_universe
from linkage.vault import Vault


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


def tokens(ring, start: int, stop: int, given: str = "Anna", source: str = "birth"):
    numbers = range(start, stop)
    ids = pa.array([f"id-{number}" for number in numbers])
    columns = {
        "given": pa.array([given] * len(numbers)),
        "surname": pa.array([f"Qu{chr(97 + number % 26)}{chr(97 + number // 26)}sky" for number in numbers]),
        "birth_date": pa.array([f"{2008 + number // 28}-03-{1 + number % 28:02d}" for number in numbers]),
    }
    return encode(pa.table({"record_key": record_keys(ids, source, ring), **columns}), source, ring)


def night(vault: Vault) -> tuple[Vault, Vault]:
    """Store what waits; return the vault now and as it was."""
    before, waiting = vault.held(), vault.waiting()
    vault.commit(waiting, build_universe(vault, waiting, NOBODY, set(), Decisions()).slots)
    return vault, before


@pytest.fixture
def two(ring, tmp_path):
    """A vault after its second night, and as it was after the first: 6 new rows, 3 changed, 2 gone, 75 as they were."""
    vault = Vault(tmp_path / "vault", ring)
    vault.upsert("birth", tokens(ring, 0, 50))
    vault.upsert("school", tokens(ring, 20, 50, source="school"))
    night(vault)
    vault.upsert("birth", tokens(ring, 50, 55))
    vault.upsert("school", tokens(ring, 60, 61, source="school"))
    vault.upsert("birth", tokens(ring, 3, 6, given="Zoe"))
    keys = tokens(ring, 20, 22, source="school").keys
    vault.remove("school", pa.array([key.tobytes() for key in keys], pa.binary(16)))
    return night(vault)


def test_the_night_before_stays_readable_and_keeps_no_file(two):
    now, before = two
    assert (len(before.rows), len(now.rows)) == (80, 84)
    assert sorted(path.name for path in now._path.iterdir()) == [
        "about.json",
        "anchors.rows",
        "incoming",
        "records.rows",
    ]
    assert list((now._path / "incoming").iterdir()) == []


def test_the_figures_are_those_of_two_whole_copies(two):
    found, whole = measure_nights(*two), two_nights(*map(Store.of, two)).measure()
    assert found["rows"] == {"new": 6, "changed": 3, "gone": 2, "same": 75}
    assert found["words"]["differing"] == found["words"]["looked_at"] > 0
    assert found["all"] == whole["all"]
    assert found["all"]["classes"] == 4
    assert found["sources"] == whole["sources"]
    assert list(found["sources"]) == ["birth", "school"]


def test_one_row_that_is_new_alone_shows(ring, tmp_path):
    vault = Vault(tmp_path / "vault", ring)
    vault.upsert("birth", tokens(ring, 0, 39))
    night(vault)
    vault.upsert("birth", tokens(ring, 39, 40))
    found = measure_nights(*night(vault))
    assert found["all"]["singled_out"] == found["sources"]["birth"]["singled_out"] == 1 / 40


def test_nothing_differs_where_nothing_changed(two):
    now, _ = two
    found = measure_nights(now, now.held())
    assert found["rows"] == {"new": 0, "changed": 0, "gone": 0, "same": 84}
    assert (found["all"]["classes"], found["words"]["differing"]) == (1, 0)


def held(vault, **changed):
    """A vault as it is but for some files, given as columns."""
    files = {name: changed.get(name, columns) for name, columns in vault.files().items()}
    return SimpleNamespace(names=vault.names, files=lambda: files, sources_of=vault.sources_of)


def test_a_word_that_a_new_row_takes_over_from_one_that_went_is_found(two):
    now, before = two
    differing = Differing.of(now.files()["records"], before.files()["records"])
    went = differing.before[differing.gone][0]
    came = np.setdiff1d(differing.now, differing.now[differing.same[~differing.gone]])[0]
    leaking = {name: np.array(column) for name, column in now.files()["records"].items()}
    leaking["body"][came, 40:48] = before.files()["records"]["body"][went, 40:48]
    found = measure_nights(held(now, records=leaking), before)
    assert found["all"]["classes"] == measure_nights(*two)["all"]["classes"] + 2


def test_a_changed_row_that_keeps_a_word_of_its_body_is_found(two):
    now, before = two
    differing = Differing.of(now.files()["records"], before.files()["records"])
    (old, *_), (new, *_) = (differing.before[~differing.gone], differing.now[differing.same[~differing.gone]])
    leaking = {name: np.array(column) for name, column in now.files()["records"].items()}
    leaking["body"][new, 40:48] = before.files()["records"]["body"][old, 40:48]
    found = measure_nights(held(now, records=leaking), before)
    assert found["all"]["singled_out"] == round(1 / 86, 5)


def test_of_very_many_rows_a_part_is_looked_at_and_it_is_said(two, monkeypatch):
    monkeypatch.setattr(nights, "MOST_WORDS", 30)
    found = measure_nights(*two)
    assert 0 < found["words"]["looked_at"] < 0.1 * found["words"]["differing"]
    assert found["rows"] == {"new": 6, "changed": 3, "gone": 2, "same": 75}
    assert found["all"] == two_nights(*map(Store.of, two)).measure()["all"]


@pytest.mark.parametrize("window", [1, 3, 1000])
def test_files_are_compared_whatever_the_window(window, monkeypatch):
    monkeypatch.setattr(nights, "_WINDOW", window)
    draw = np.random.default_rng(5)
    for _ in range(20):
        sides = [np.flatnonzero(draw.random(12) < share) for share in draw.random(2)]
        now, before = ({"key": keys.astype(np.uint64), "body": np.tile(keys, (2, 1)).T % 5} for keys in sides)
        if len(sides[0]):
            now["body"][0, 1] = 9
        both = [key for key in sides[0][1:] if key in sides[1]]
        found = Differing.of(now, before)
        assert set(sides[0][found.now]) == set(sides[0]) - set(both)
        assert set(sides[1][found.before]) == set(sides[1]) - set(both)
        assert set(sides[1][found.before[found.gone]]) == set(sides[1]) - set(sides[0])
        known = ~found.gone
        assert list(sides[0][found.now[found.same[known]]]) == list(sides[1][found.before[known]])


@pytest.mark.parametrize(
    ("whole", "small", "said"),
    [
        (0.0, 0.002, []),  # one new row of a small source: no encoding hides it, and the disk does not say whose it is
        (0.002, 0.0, ["two nights' stores"]),
    ],
)
def test_two_nights_are_judged_as_a_whole(whole, small, said):
    rest = {"records": 50_000, "singled_out": 0.0}
    both = {"all": rest | {"singled_out": whole}, "sources": {"hmis": {"records": 1_200, "singled_out": small}}}
    found = findings({"all": rest, "sources": {}}, [], Limits(), [both])
    assert [one.what for one in found] == said
