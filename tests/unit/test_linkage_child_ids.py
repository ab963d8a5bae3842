"""Child IDs: there and back, the same from the same key, and nothing to be read in them."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.linkage_keys import fixed_ring

from linkage.child_ids import LETTERS, PREFIX, ChildIds

BITS = 5 * LETTERS
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


@given(counters=st.lists(st.integers(0, 2**62), max_size=20, unique=True))
def test_ids_go_there_and_back(ring, counters):
    ids = ChildIds(ring)
    text = ids.encode(np.array(counters, np.int64))
    assert ids.decode(text).tolist() == counters
    assert len(set(text.tolist())) == len(counters)
    assert all(one.startswith(PREFIX) and set(one[2:]) <= set(ALPHABET) and len(one) == 28 for one in text.tolist())


def test_ids_follow_from_key_and_counter_alone(ring, tmp_path):
    counters = np.arange(1000)
    assert ChildIds(ring).encode(counters).tolist() == ChildIds(ring).encode(counters[::-1])[::-1].tolist()
    other = ChildIds(fixed_ring(tmp_path / "keys", seed=5)).encode(counters)
    assert not set(ChildIds(ring).encode(counters).tolist()) & set(other.tolist())


def test_sixteen_counters_in_a_row_look_unrelated(ring):
    text = ChildIds(ring).encode(np.arange(16)).tolist()
    numbers = [sum(ALPHABET.index(letter) << 5 * at for at, letter in enumerate(one[2:])) for one in text]
    apart = [(one ^ other).bit_count() for one, other in combinations(numbers, 2)]
    assert all(30 < bits < BITS - 30 for bits in apart)  # 64 of 128 expected, six standard deviations are 34
    assert 60 < np.mean(apart) < 68
    rises = sum(one < other for one, other in pairwise(text))
    assert 0 < rises < 15
    steps = {other - one for one, other in pairwise(numbers)}
    assert len(steps) == 15


def test_ids_of_another_key_are_no_ids(ring, tmp_path):
    other = ChildIds(fixed_ring(tmp_path / "keys", seed=5))
    with pytest.raises(ValueError, match="another key ring"):
        other.decode(ChildIds(ring).encode(np.arange(3)))
