"""Scoring: every pair that shares an anchor once, the same in batches, within a memory limit, nothing left behind."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.backends import DuckDb, OutOfMemoryLimitError, bytes_of, choose_backend
from linkage.errors import LinkageError
from linkage.model import load_model
from linkage.rules import ROUND
from linkage.score import Records, batches, score
from linkage.spark import signed

TOP = np.uint64(2**63)


def records(*anchors: list[int], group=None, held=None) -> Records:
    """One list an anchor, one number a record: records with one number share the anchor, 0 is not opened."""
    count = len(anchors[0])
    tokens = np.arange(len(ROUND.columns) * count, dtype=np.uint64).reshape(-1, count)
    for row, numbers in enumerate(anchors):
        shared = np.array(numbers, np.uint64)
        tokens[row] = np.where(shared > 0, TOP + shared, tokens[row])
    groups = np.arange(count, dtype=np.int32) if group is None else np.array(group, np.int32)
    return Records(groups, np.array(held or [0] * count, np.uint64), tokens, count)


PAIRS = {  # records, which pairs are scored
    "one anchor": (records([1, 0, 1, 1]), [(0, 2), (0, 3), (2, 3)]),
    "two anchors of one pair": (records([1, 1, 0], [2, 2, 2]), [(0, 1), (0, 2), (1, 2)]),
    "one group": (records([1, 1, 1], group=[7, 7, 8]), [(0, 2), (1, 2)]),
    "a source with one record a child": (records([1, 1, 1], held=[1, 3, 2]), [(0, 2)]),
    "nobody shares": (records([0, 0, 0]), []),
    "one record": (records([1]), []),
}


@pytest.mark.parametrize("case", PAIRS)
def test_pairs_that_share_an_anchor_are_scored_once(case):
    table, expected = PAIRS[case]
    found = score(table, ROUND, load_model())
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == expected
    assert found.levels.shape == (len(expected), 12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=2, max_size=25), st.integers(1, 8))
def test_batches_lose_no_pair_and_hold_nobody_who_shares_nothing(rows, parts):
    table = records(*map(list, zip(*rows, strict=True)))
    anchors = table.tokens[: len(ROUND.anchors)]
    one, other = np.nonzero(np.triu((anchors[:, :, None] == anchors[:, None, :]).any(axis=0), 1))
    lists = batches(table, np.arange(len(rows)), ROUND, parts)
    together = {(a, b) for part in lists for a in part.tolist() for b in part.tolist()}
    assert set(zip(one.tolist(), other.tolist(), strict=True)) <= together
    assert set(np.concatenate([np.empty(0, int), *lists]).tolist()) == {*one.tolist(), *other.tolist()}
    assert len(lists) <= parts
    assert all((np.diff(part) > 0).all() for part in lists)


def crowd(count: int, block: int) -> Records:
    """Blocks of so many records that meet in each other, half of each in the next block too."""
    places = np.arange(count)
    return records((places // block + 1).tolist(), ((places + block // 2) // block + 1).tolist())


@pytest.mark.parametrize("spill", [False, True])
def test_a_memory_limit_changes_no_pair_and_leaves_nothing(spill, tmp_path):
    table, model, folder = crowd(10_000, 20), load_model(), tmp_path / "spill" if spill else None
    free, limited = score(table, ROUND, model), score(table, ROUND, model, DuckDb("100MB", folder))
    for name in ("left", "right", "weight", "levels"):
        assert np.array_equal(getattr(free, name), getattr(limited, name))
    assert [*tmp_path.rglob("*")] == ([folder] if spill else [])


def test_a_block_that_does_not_fit_is_one_line_that_says_what_to_do():
    everyone = records([1] * 3_000)
    with pytest.raises(
        OutOfMemoryLimitError, match=r"^scoring: found .* linkage.memory_limit 100MB, expected .*; raise"
    ):
        score(everyone, ROUND, load_model(), DuckDb("100MB"))


def test_what_an_interrupted_night_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "scoring-left").mkdir()
    (tmp_path / "scoring-left" / "duckdb_temp").write_bytes(b"left")
    (tmp_path / "somebody-elses").mkdir()
    score(records([1]), ROUND, load_model(), DuckDb(spill=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["somebody-elses"]


REFUSED = {  # backend, memory limit, spill folder: what is said
    "another engine": ("postgres", None, None, "found 'postgres', expected duckdb or spark"),
    "spark without a folder": ("spark", "4GB", None, "found no linkage.spill, expected a folder"),
    "no unit": ("duckdb", "4000", None, "found '4000', expected a number with MB, GB or TB"),
    "too little": ("duckdb", "50MB", None, "found '50MB', expected at least 100MB for duckdb"),
    "too little for a JVM": ("spark", "500MB", Path("spill"), "found '500MB', expected at least 600MB for spark"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_cannot_work_are_refused(case):
    name, limit, spill, said = REFUSED[case]
    with pytest.raises(LinkageError, match=said):
        choose_backend(name, limit, spill)


def test_a_spill_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LinkageError, match=r"linkage.spill: cannot write in .*file.*; name another folder"):
        score(records([1, 1]), ROUND, load_model(), DuckDb(spill=tmp_path / "file"))


@pytest.mark.parametrize(("text", "size"), [("100MB", 10**8), ("4GB", 4 * 10**9), ("1.5 TB", 15 * 10**11)])
def test_sizes(text, size):
    assert bytes_of(text) == size


@pytest.mark.skipif(find_spec("pyspark") is not None, reason="pyspark is installed")
def test_spark_that_is_not_installed_is_named_with_its_extra(tmp_path):
    with pytest.raises(LinkageError, match=r"no pyspark in this environment; install cradlepath\[spark\]"):
        score(records([1, 1]), ROUND, load_model(), choose_backend("spark", None, tmp_path))


def test_unsigned_tokens_reach_spark_bit_by_bit():
    tokens = np.array([0, 1, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)
    [column] = signed(pa.table({"token": tokens})).columns
    assert column.to_pylist() == [0, 1, 2**63 - 1, -(2**63), -1]
