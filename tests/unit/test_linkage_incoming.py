"""What waits for linking: the later row counts, withdrawn records are noted, nothing is readable on the disk."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from linkage.batch import TokenBatch
from linkage.errors import SealError
from linkage.incoming import Incoming

KEY = bytes(range(32))
RECORDS = st.sets(st.integers(0, 9), max_size=5)
STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 1), st.dictionaries(st.integers(0, 9), st.integers(0, 99), max_size=5)),
    st.tuples(st.just("drop"), st.integers(0, 1), RECORDS),
    st.tuples(st.just("withdraw"), st.just(0), RECORDS),
    st.tuples(st.just("clear"), st.just(0), st.none()),
)


def keys(numbers) -> np.ndarray:
    return np.array([[number] * 16 for number in sorted(numbers)], np.uint8).reshape(-1, 16)


def batch(values: dict[int, int]) -> TokenBatch:
    """Tokens of records by number, every one of them filled with one value."""
    made = TokenBatch.empty(len(values))
    made.keys[:] = keys(values)
    for part in (made.tags, made.anchors, made.features, made.digests):
        part[:] = np.array([values[number] for number in sorted(values)]).reshape(-1, *[1] * (part.ndim - 1))
    return made


def held(waiting: TokenBatch) -> dict[int, int]:
    return dict(zip(waiting.keys[:, 0].tolist(), waiting.features[:, 0].tolist(), strict=True))


@given(steps=st.lists(STEPS, max_size=8))
@example(steps=[("add", 0, {0: 0}), ("withdraw", 0, {0}), ("add", 0, {})])
@settings(max_examples=50, deadline=None)
def test_it_holds_what_a_dictionary_would(steps, tmp_path_factory):
    folder = tmp_path_factory.mktemp("waiting")
    model: list[dict[int, int]] = [{}, {}]
    gone: set[int] = set()
    for step, source, what in steps:
        incoming = Incoming(folder, KEY)
        if step == "add":
            incoming.add(source, batch(what))
            model[source] |= what
            gone -= what.keys()
        elif step == "drop":
            incoming.drop(source, keys(what))
            model[source] = {number: value for number, value in model[source].items() if number not in what}
        elif step == "withdraw":
            incoming.withdraw(keys(what - gone))
            gone |= what
        else:
            incoming.clear()
            model, gone = [{}, {}], set()
        later = Incoming(folder, KEY)
        assert [held(later.batch(number)) for number in (0, 1)] == model
        assert [later.keys(number)[:, 0].tolist() for number in (0, 1)] == [sorted(waiting) for waiting in model]
        assert set(later.gone()[:, 0].tolist()) == gone
        assert bool(later) == bool(gone or any(model))


def test_nothing_that_waits_can_be_read_or_opened_with_another_key(tmp_path):
    Incoming(tmp_path, KEY).add(0, batch({1: 2, 3: 4}))
    Incoming(tmp_path, KEY).withdraw(keys([5]))
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [number for number in range(1, 6) if bytes([number] * 16) in stored]
    with pytest.raises(SealError):
        Incoming(tmp_path, bytes(32)).batch(0)
