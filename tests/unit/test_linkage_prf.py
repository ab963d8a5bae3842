"""The cryptographic steps: what is the same, what differs, what can be undone."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.prf import Aes, OneWay, keystream, leaves, of_texts

KEY, OTHER = bytes(32), bytes([1]) * 32
BLOCKS = np.random.default_rng(0).integers(0, 256, (5, 16), np.uint8)


def test_aes_is_that_of_the_standard_and_can_be_undone():
    plain = np.frombuffer(bytes.fromhex("00112233445566778899aabbccddeeff"), np.uint8).reshape(1, 16)
    key = bytes(range(32))  # FIPS 197, appendix C.3
    assert bytes(Aes(key)(plain)[0]).hex() == "8ea2b7ca516745bfeafc49904b496089"
    assert (Aes(KEY).back(Aes(KEY)(BLOCKS)) == BLOCKS).all()


def test_a_chain_depends_on_every_block_and_on_their_order():
    one, two = BLOCKS[:1], BLOCKS[1:2]
    chained = {bytes(Aes(KEY).chain(*blocks)[0]) for blocks in [(one, two), (two, one), (one, one), (one, two ^ 1)]}
    assert len(chained) == 4


@given(st.lists(st.one_of(st.none(), st.text(max_size=300)), max_size=12))
@settings(deadline=None)
def test_leaves_are_equal_where_texts_are_and_zero_where_none_is(texts):
    found = [bytes(leaf) for leaf in leaves(pa.array(texts, pa.string()), KEY)]
    alone = [bytes(leaves(pa.array([text], pa.string()), KEY)[0]) for text in texts]
    assert found == alone
    for one, leaf in zip(texts, found, strict=True):
        assert (one is None) == (leaf == bytes(16))
        assert all((one == other) == (leaf == its) for other, its in zip(texts, found, strict=True))


@pytest.mark.parametrize("size", [0, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 1000])
def test_a_text_is_told_from_its_neighbours_at_every_width(size):
    texts = ["a" * size, "a" * (size + 1), "a" * max(size - 1, 0) + "b", "a" * size + "\0"]
    found = of_texts(pa.array(texts), KEY)
    assert len({bytes(leaf) for leaf in found}) == 4
    assert (of_texts(pa.array(texts), OTHER) != found).any(axis=1).all()
    assert (of_texts(pa.array(["x", *texts]).slice(1), KEY) == found).all()


def test_a_one_way_function_has_another_value_for_every_use_slot_and_secret():
    hashed = OneWay(KEY, BLOCKS)
    every = np.concatenate([hashed(use, slot) for use in (0, 1, 255) for slot in (0, 1, 1 << 31)])
    assert len({bytes(block) for block in every}) == len(every)
    assert (hashed(1, np.arange(5)) == np.stack([hashed(1, slot)[slot] for slot in range(5)])).all()


def test_a_keystream_never_repeats_a_block():
    stream = keystream(KEY, BLOCKS, 8).reshape(-1, 16)
    assert len({bytes(block) for block in stream}) == len(stream)
    assert (keystream(KEY, BLOCKS[2:3], 8) == keystream(KEY, BLOCKS, 8)[2:3]).all()
