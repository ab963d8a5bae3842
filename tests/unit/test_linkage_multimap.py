"""The encrypted multimap: whoever brings a secret finds all behind it, against a dictionary, night after night."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.linkage_keys import fixed_ring

from linkage.multimap import SLOTS, Entries, Multimap, free_slots

NONE = np.empty(0, np.int64)
NO_ENTRIES = Entries(*(np.empty(0, np.uint64),) * 3)
OWNED = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99)), max_size=60, unique=True)
SECRETS = range(4)


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "anchors.rows"


def secrets(numbers) -> np.ndarray:
    return np.array([[number] * 16 for number in numbers], np.uint8).reshape(-1, 16)


def found(store: Multimap, hidden: np.ndarray = NONE) -> dict[tuple[int, int], int]:
    """Return the slot of every (secret, record) that can be found."""
    hits = store.find(secrets(SECRETS), hidden)
    both = zip(hits.probe.tolist(), hits.row.tolist(), strict=True)
    return dict(zip(both, hits.slot.tolist(), strict=True))


def labels(store: Multimap, owned: dict[tuple[int, int], int]) -> np.ndarray:
    return made(store, owned).label


def made(store: Multimap, owned: dict[tuple[int, int], int]) -> Entries:
    """Return the entries of (secret, record) pairs in their slots."""
    rows, slots = np.array([row for _, row in owned], np.uint64), np.array([*owned.values()], np.uint32)
    return store.entries(secrets(secret for secret, _ in owned), slots, rows)


def stored(store: Multimap, owned: dict[tuple[int, int], int]) -> Entries:
    """Return these entries and the markers they need."""
    new = made(store, owned)
    more = store.markers(secrets(secret for secret, _ in owned), np.array([*owned.values()], np.uint32))
    return Entries(*(np.concatenate(both) for both in zip(vars(new).values(), vars(more).values(), strict=True)))


def placed(pairs, taken: dict[tuple[int, int], int]) -> dict[tuple[int, int], int]:
    """Return the slots of new (secret, record) pairs beside those in use."""
    owner = np.array([secret for secret, _ in pairs], np.int64)
    order = np.argsort(owner, kind="stable")
    used = [sum(1 << slot for (secret, _), slot in taken.items() if secret == own) for own in owner.tolist()]
    slots = free_slots(order, np.diff(owner[order], prepend=-1) != 0, np.array(used, np.uint64))
    return dict(zip(pairs, slots.tolist(), strict=True))


@given(nights=st.lists(st.tuples(OWNED, OWNED), max_size=4))
@settings(max_examples=40, deadline=None)
def test_it_finds_what_a_dictionary_would(ring, nights, tmp_path_factory):
    file, model, reached = tmp_path_factory.mktemp("map") / "anchors.rows", {}, set()
    for leave, come in nights:
        store = Multimap(file, ring)
        gone = {pair: slot for pair, slot in model.items() if pair in leave}
        kept = {pair: slot for pair, slot in model.items() if pair not in gone}
        new = [pair for pair in come if pair not in kept]
        assert found(store, store.at(labels(store, gone))) == kept, "what is hidden is not found"
        model = kept | placed(new, kept)
        reached |= {(secret, bound) for (secret, _), slot in model.items() for bound in (3, 12) if slot >= bound}
        store.rewrite(store.at(labels(store, gone)), stored(store, {pair: model[pair] for pair in new}))
        store = Multimap(file, ring)
        assert (found(store), len(store)) == (model, len(model) + len(reached))


def test_all_slots_of_an_anchor_are_found_and_no_two_entries_share_anything(ring, file):
    store = Multimap(file, ring)
    full = placed([(secret, row) for secret in (0, 2) for row in range(SLOTS)], {})
    store.rewrite(NONE, stored(store, full))
    store = Multimap(file, ring)
    assert found(store) == full
    every = np.concatenate([store.column(name) for name in ("label", "check", "pointer")])
    assert len(np.unique(every)) == len(every)


def test_whoever_is_left_is_found_after_those_before_them_have_left(ring, file):
    store = Multimap(file, ring)
    five = placed([(0, row) for row in range(5)], {})
    store.rewrite(NONE, stored(store, five))
    store = Multimap(file, ring)
    last = (0, 4)
    store.rewrite(store.at(labels(store, {pair: slot for pair, slot in five.items() if pair != last})), NO_ENTRIES)
    assert found(Multimap(file, ring)) == {last: five[last]}


def test_a_label_that_agrees_by_chance_is_no_hit(ring, file):
    store = Multimap(file, ring)
    entry = made(store, {(0, 1): 0})
    store.rewrite(NONE, Entries(entry.label, entry.check ^ np.uint64(1), entry.pointer))
    assert found(Multimap(file, ring)) == {}


def test_another_k1_or_k2_finds_nothing(ring, file, tmp_path):
    store = Multimap(file, ring)
    store.rewrite(NONE, stored(store, placed([(0, 1), (1, 2)], {})))
    for other in (fixed_ring(tmp_path / "keys", seed=2), ring.with_k2(bytes(range(32)))):
        assert found(Multimap(file, other)) == {}


def test_under_a_new_k2_the_same_is_found_and_no_value_is_left(ring, file):
    store = Multimap(file, ring)
    owned = placed([(secret, row) for secret in SECRETS for row in range(5)], {})
    store.rewrite(NONE, stored(store, owned))
    store, new = Multimap(file, ring), ring.with_k2(bytes(range(32)))
    before = {name: np.array(store.column(name)) for name in ("label", "check", "pointer")}
    store.rewrite(np.arange(len(store)), store.rekeyed(ring, new))
    store = Multimap(file, new)
    assert found(store) == owned
    assert all(not np.isin(store.column(name), column).any() for name, column in before.items())


def test_slots_in_use_are_not_given_again_and_none_is_left_beyond_the_limit():
    order = np.arange(4)
    starts = np.array([True, False, False, True])
    taken = np.array([0b0101, 0b0101, 0b0101, (1 << SLOTS) - 1], np.uint64)
    assert free_slots(order, starts, taken).tolist() == [1, 3, 4, SLOTS]
