"""The Merkle tree: the figures of the standard's test vectors, and a root that any change of a row moves."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.merkle import leaf, root

# Certificate Transparency's reference inputs and roots (RFC 6962; google/certificate-transparency, merkle_tree_test)
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_standard(size):
    leaves = [hashlib.sha256(b"\x00" + bytes.fromhex(data)).digest() for data in INPUTS[:size]]
    assert root(leaves).hex() == ROOTS[size]


def rows(numbers, name="n", kind=None):
    return pa.table({name: pa.array(numbers, kind or pa.int64())})


@given(numbers=st.lists(st.integers(-9, 9), min_size=1, max_size=9), data=st.data())
def test_a_leaf_moves_with_any_value_and_any_order(numbers, data):
    at = data.draw(st.integers(0, len(numbers) - 1))
    changed = [*numbers[:at], numbers[at] + 1, *numbers[at + 1 :]]
    assert leaf(rows(changed)) != leaf(rows(numbers))
    assert (leaf(rows(numbers[::-1])) == leaf(rows(numbers))) == (numbers == numbers[::-1])


def test_a_leaf_is_of_the_rows_not_of_how_they_lie():
    numbers = np.arange(10)
    whole = rows(numbers)
    pieces = pa.concat_tables([whole.slice(0, 3), whole.slice(3, 4), whole.slice(7)])
    assert leaf(pieces) == leaf(whole) == leaf(rows(np.arange(-5, 15)).slice(5, 10))


@pytest.mark.parametrize("other", [rows([1, 2], "m"), rows([1, 2], kind=pa.int32()), rows([1]), rows([1, 2, 0])])
def test_a_leaf_is_of_names_types_and_lengths_too(other):
    assert leaf(other) != leaf(rows([1, 2]))
