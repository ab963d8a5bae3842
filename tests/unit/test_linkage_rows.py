"""Sorted rows, against plain dictionaries: what a change leaves, what a failed one does not touch."""

import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.errors import VaultError
from linkage.rows import SortedRows, ordered

SHAPES = {"key": ("<u8", 0), "text": ("|u1", 3)}
KEYS = st.lists(st.integers(0, 40), max_size=12, unique=True)


def spread(numbers: list[int]) -> np.ndarray:
    """Keys as stores have them: spread over all 64 bits."""
    return np.array(numbers, np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def text(numbers: list[int], night: int) -> np.ndarray:
    return np.array([[number, night, 7] for number in numbers], np.uint8).reshape(-1, 3)


@pytest.fixture(scope="module", params=[32, 1 << 20], ids=["windows of a few rows", "one window"])
def window(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("linkage.rows._WINDOW_BYTES", request.param)
        yield


@given(nights=st.lists(st.tuples(KEYS, KEYS), max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_file_holds_what_a_dictionary_would(window, nights, tmp_path_factory):
    path, model = tmp_path_factory.mktemp("rows") / "some.rows", {}
    for night, (leave, come) in enumerate(nights):
        rows = SortedRows.read(path, SHAPES)
        gone = rows.find(spread(sorted({*leave, *come})))
        rows.rewrite(path, gone[gone >= 0], spread(come), {"text": text(come, night)})
        model = {k: v for k, v in model.items() if k not in leave} | {k: (k, night, 7) for k in come}
        rows = SortedRows.read(path, SHAPES)
        assert len(rows) == len(model)
        assert (np.diff(rows.key.astype(object)) > 0).all()
        every = list(range(41))
        at = rows.find(spread(every))
        here = [(number, place) for number, place in zip(every, at.tolist(), strict=True) if place >= 0]
        found = {number: tuple(rows.columns["text"][place].tolist()) for number, place in here}
        assert found == model


def test_columns_can_be_made_as_they_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr("linkage.rows._WINDOW_BYTES", 32)  # several windows
    numbers = list(range(30))
    SortedRows.read(tmp_path / "a", SHAPES).rewrite(
        tmp_path / "a", np.empty(0, np.int64), spread(numbers), {"text": lambda at: text(at.tolist(), 1)}
    )
    rows = SortedRows.read(tmp_path / "a", SHAPES)
    assert rows.columns["text"][rows.find(spread(numbers)), 0].tolist() == numbers


def test_only_its_owner_may_read_the_file(tmp_path):
    path = tmp_path / "some.rows"
    SortedRows.read(path, SHAPES).rewrite(path, np.empty(0, np.int64), spread([1]), {"text": text([1], 0)})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_rewrite_that_fails_midway_leaves_the_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "some.rows"
    SortedRows.read(path, SHAPES).rewrite(path, np.empty(0, np.int64), spread([1, 2]), {"text": text([1, 2], 0)})
    before = path.read_bytes()

    def fails(at):
        raise OSError("no space left on device")

    rows = SortedRows.read(path, SHAPES)
    with pytest.raises(OSError, match="no space"):
        rows.rewrite(path, np.array([0]), spread([3]), {"text": fails})
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_a_large_set_of_keys_is_ordered_part_by_part():
    keys = np.random.default_rng(3).integers(0, 1 << 64, 100_000, np.uint64)
    assert (keys[ordered(keys)] == np.sort(keys)).all()


@pytest.mark.parametrize(
    ("spoilt", "remedy"),
    [
        (lambda content: b"x" + content[1:], "not a file of this version"),
        (lambda content: content[:-1], "cut short"),
    ],
)
def test_a_spoilt_file_is_refused(tmp_path, spoilt, remedy):
    path = tmp_path / "some.rows"
    SortedRows.read(path, SHAPES).rewrite(path, np.empty(0, np.int64), spread([1]), {"text": text([1], 0)})
    path.write_bytes(spoilt(path.read_bytes()))
    with pytest.raises(VaultError, match=remedy):
        SortedRows.read(path, SHAPES)


def test_a_file_of_other_columns_is_refused(tmp_path):
    path = tmp_path / "some.rows"
    SortedRows.read(path, SHAPES).rewrite(path, np.empty(0, np.int64), spread([1]), {"text": text([1], 0)})
    with pytest.raises(VaultError, match="load every source again"):
        SortedRows.read(path, {"key": ("<u8", 0)})
