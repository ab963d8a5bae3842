"""What stays hidden from somebody who has the files and all of the hub's keys, but not K1: no anchor to bring."""

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.decisions import Decisions
from linkage.meeting import new_slots
from linkage.multimap import SLOTS, Multimap
from linkage.prf import Aes
from linkage.records import record_keys
from linkage.rules import ANCHORS, ASKED, HANDLES, TAGS
from linkage.tokens import encode
from linkage.universe import NOBODY, build_universe
from linkage.vault import Vault

COUNT = 20


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


def tokens(ring, given: str):
    ids = pa.array([f"id-{number}" for number in range(COUNT)])
    columns = {
        "given": [given] * COUNT,
        "surname": [f"Qu{chr(97 + number)}sky" for number in range(COUNT)],
        "birth_date": [f"2012-03-{1 + number:02d}" for number in range(COUNT)],
        "sex": ["F"] * COUNT,
    }
    return encode(pa.table({"record_key": record_keys(ids, "birth", ring), **columns}), "birth", ring)


def stored(ring, folder, batch) -> Vault:
    vault = Vault(folder, ring)
    vault.upsert("birth", batch)
    waiting = vault.waiting()
    vault.commit(waiting, build_universe(vault, waiting, NOBODY, set(), Decisions()).slots)
    return Vault(folder, ring)


def pointers(ring, file, slots) -> np.ndarray:
    """Return the pointers of one anchor's entries, all to record 77, as far as the hub's keys open them."""
    slots = np.array(slots, np.uint32)
    entry = Multimap(file, ring).entries(np.full((len(slots), 16), 5, np.uint8), slots, np.full(len(slots), 77, "<u8"))
    label = Aes(ring.derive("rekey.labels")).back(np.stack([entry.label, entry.check], axis=1).view(np.uint8))
    return entry.pointer ^ Aes(ring.derive("rekey.pointers"))(label).view("<u8")[:, 0]


def test_a_pointer_is_masked_by_its_anchor_and_anew_in_every_slot(ring, tmp_path):
    opened = pointers(ring, tmp_path / "anchors.rows", range(4))
    assert 77 not in opened.tolist()
    assert len(set(opened.tolist())) == 4


def test_features_are_masked_by_their_anchors(ring, tmp_path):
    batch = tokens(ring, "Anna")
    vault = stored(ring, tmp_path / "vault", batch)
    rows = vault.rows
    opened = rows._bodies(np.arange(len(rows)))
    assert (rows.sources == 0).all()
    every = {int(feature) for feature in np.ascontiguousarray(opened[:, 2 + 8 * HANDLES :]).view("<u2").ravel()}
    told = {int(feature) for feature in batch.features.ravel()}
    assert len(told & every) < 0.2 * len(told), "by chance a few in a hundred"


def test_a_changed_record_is_masked_anew(ring, tmp_path):
    folder = tmp_path / "vault"
    before = stored(ring, folder, tokens(ring, "Anna")).tables()["records"].to_pydict()
    after = stored(ring, folder, tokens(ring, "Zoe")).tables()["records"].to_pydict()
    assert before["number"] == after["number"]
    same = [old ^ new for old, new in zip(before["body_0"], after["body_0"], strict=True)]
    assert len({mixed & 0xFFFF for mixed in same}) > COUNT / 2, "the source would cancel out"


def test_tokens_are_stored_in_the_hubs_own_form_and_questions_in_another(ring, tmp_path):
    vault, given = Vault(tmp_path / "vault", ring), np.arange(48, dtype=np.uint8).reshape(3, 16)
    told, asked = (vault.secrets(given, column) for column in (len(TAGS) + ASKED[0], len(TAGS) + len(ANCHORS)))
    assert len({bytes(row) for form in (given, told, asked) for row in form}) == 9


def test_entries_beyond_the_last_slot_share_no_slot_with_anybody():
    more = SLOTS + 30
    keys = np.random.default_rng(1).integers(0, 256, (more, 16), np.uint8)
    slots = new_slots(np.full(more, 7, np.uint64), np.zeros(more, np.uint64), keys)
    assert len(set(slots.tolist())) == more
    assert sorted(slots.tolist())[:SLOTS] == list(range(SLOTS))
    assert sorted(slots.tolist())[SLOTS] >= 1 << 31
