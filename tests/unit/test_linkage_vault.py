"""The vault: what waits, what is stored, what a change leaves behind, and what two rows of a file share."""

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.decisions import Decisions
from linkage.errors import SealError, VaultError
from linkage.keys import KeyRing
from linkage.records import key_matrix, record_keys
from linkage.tokens import encode
from linkage.universe import NOBODY, build_universe
from linkage.vault import Vault


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


@pytest.fixture
def vault(ring, tmp_path):
    return Vault(tmp_path / "vault", ring)


def people(ring, start: int, stop: int, given: str = "Anna", source: str = "birth") -> pa.Table:
    """Children of whom each has a surname and a birth date of its own, and all share the given name."""
    numbers = range(start, stop)
    ids = pa.array([f"id-{number}" for number in numbers])
    columns = {
        "given": pa.array([given] * len(numbers)),
        "surname": pa.array([f"Qu{chr(97 + number % 26)}{chr(97 + number // 26)}sky" for number in numbers]),
        "birth_date": pa.array([f"{2008 + number // 28}-03-{1 + number % 28:02d}" for number in numbers]),
    }
    return pa.table({"record_key": record_keys(ids, source, ring), **columns})


def tokens(ring, start: int, stop: int, given: str = "Anna", source: str = "birth"):
    return encode(people(ring, start, stop, given, source), source, ring)


def keys(ring, start: int, stop: int) -> pa.Array:
    return people(ring, start, stop).column("record_key").combine_chunks()


def store(vault: Vault, ring: KeyRing) -> Vault:
    """Store what waits, as a night's linking does, and return the vault as the next process opens it."""
    waiting = vault.waiting()
    vault.commit(waiting, build_universe(vault, waiting, NOBODY, set(), Decisions()).slots)
    return Vault(vault._path, ring)


def met(vault: Vault) -> set[tuple[bytes, bytes]]:
    """Return which new record meets which stored one."""
    tonight = build_universe(vault, vault.waiting(), NOBODY, set(), Decisions())
    return {
        (bytes(tonight.keys[new]), bytes(tonight.keys[old]))
        for new, old in zip(tonight.met.probe, tonight.met.record, strict=True)
    }


def bytes_of(vault: Vault) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in vault._path.rglob("*") if path.is_file()}


STORED = pytest.mark.parametrize("stored", [False, True], ids=["waiting", "stored"])


@STORED
def test_upsert_counts_what_is_new_or_differs(ring, vault, stored):
    def settled(vault):
        return store(vault, ring) if stored else vault

    assert (vault.sources(), vault.count()) == ([], 0)
    assert vault.upsert("birth", tokens(ring, 0, 20)) == 20
    vault = settled(vault)
    assert vault.upsert("birth", tokens(ring, 10, 30)) == (10 if stored else 20)
    vault = settled(vault)
    if stored:
        assert vault.upsert("birth", tokens(ring, 0, 30)) == 0
    assert vault.upsert("birth", tokens(ring, 0, 2, given="Zoe")) == 2
    assert (vault.sources(), vault.count("birth"), vault.count("health")) == (["birth"], 30, 0)


def test_a_night_that_brings_nothing_new_changes_no_byte(ring, vault):
    vault.upsert("birth", tokens(ring, 0, 20))
    vault = store(vault, ring)
    before = bytes_of(vault)
    vault.upsert("birth", tokens(ring, 5, 9))
    vault.remove("birth", keys(ring, 50, 60))
    assert not vault.waits
    assert bytes_of(vault) == before


def test_the_later_of_two_rows_of_one_record_counts(ring, vault):
    both = pa.concat_tables([people(ring, 0, 1), people(ring, 0, 1, given="Zoe")])
    assert vault.upsert("birth", encode(both, "birth", ring)) == 1
    vault = store(vault, ring)
    assert vault.upsert("birth", tokens(ring, 0, 1, given="Zoe")) == 0
    assert vault.upsert("birth", tokens(ring, 0, 1)) == 1


@STORED
def test_remove_and_keep_only(ring, vault, stored):
    vault.upsert("birth", tokens(ring, 0, 20))
    vault.upsert("health", tokens(ring, 20, 25, source="health"))
    vault = store(vault, ring) if stored else vault
    assert vault.remove("birth", keys(ring, 15, 30)) == 5
    assert vault.keep_only("birth", keys(ring, 0, 10)) == 5
    assert (vault.count("birth"), vault.count("health"), vault.count()) == (10, 5, 15)
    assert vault.keep_only("health", keys(ring, 0, 0)) == 5
    vault = store(vault, ring)
    assert vault.sources() == ["birth"]
    assert (vault.keys("birth") == key_matrix(keys(ring, 0, 10))[np.argsort(keys(ring, 0, 10).to_pylist())]).all()


def test_a_withdrawn_record_leaves_nothing_behind(ring, vault):
    vault.upsert("birth", tokens(ring, 0, 20))
    vault = store(vault, ring)
    rows = {name: table.num_rows for name, table in vault.tables().items()}
    vault.remove("birth", keys(ring, 3, 4))
    vault = store(vault, ring)
    left = {name: table.num_rows for name, table in vault.tables().items()}
    assert left == {name: count * 19 // 20 for name, count in rows.items()}
    vault.upsert("health", tokens(ring, 3, 4, source="health"))
    assert met(vault) == set(), "whoever that child would have met was withdrawn"


def test_a_new_record_meets_those_who_share_an_anchor_and_nobody_else(ring, vault):
    vault.upsert("birth", tokens(ring, 0, 20))
    vault = store(vault, ring)
    vault.upsert("health", tokens(ring, 7, 8, source="health"))
    [health], [birth] = vault.keys("health"), key_matrix(keys(ring, 7, 8))
    assert met(vault) == {(bytes(health), bytes(birth))}
    vault.upsert("health", tokens(ring, 90, 91, source="health"))
    assert met(vault) == {(bytes(health), bytes(birth))}, "a given name alone is no anchor"


def test_rows_do_not_depend_on_the_order_in_which_records_came(ring, tmp_path):
    one, other = Vault(tmp_path / "one", ring), Vault(tmp_path / "other", ring)
    for vault, parts in ((one, [(0, 20), (20, 28)]), (other, [(12, 28), (0, 12)])):
        for part in parts:
            vault.upsert("birth", tokens(ring, *part))
            store(vault, ring)
    first, second = (Vault(path, ring).tables() for path in (tmp_path / "one", tmp_path / "other"))
    assert all(first[name].equals(second[name]) for name in first)


def test_no_two_rows_share_anything_and_no_token_of_k1_is_on_the_disk(ring, vault):
    batch = tokens(ring, 0, 60)
    vault.upsert("birth", batch)
    for source in ("health", "school", "snap"):  # every child four times
        vault.upsert(source, tokens(ring, 0, 60, source=source))
    waiting = b"".join(bytes_of(vault).values())
    vault = store(vault, ring)
    values = np.concatenate([c.to_numpy() for table in vault.tables().values() for c in table.columns])
    assert len(np.unique(values)) == len(values)
    stored = b"".join(bytes_of(vault).values())
    for number in range(batch.tags.shape[1] + batch.anchors.shape[1]):
        for half in (slice(0, 8), slice(8, 16)):
            assert bytes(batch.column(number)[0, half]) not in waiting + stored
    assert bytes(batch.keys[0]) not in waiting + stored


def test_another_k2_opens_nothing_and_rekeying_keeps_what_is_met(ring, vault, tmp_path):
    vault.upsert("birth", tokens(ring, 0, 20))
    vault = store(vault, ring)
    before = {value for column in vault.tables()["anchors"].columns for value in column.to_pylist()}
    new = ring.with_k2(bytes(range(32)))
    with pytest.raises(VaultError, match="another K2"):
        Vault(vault._path, new).count()
    vault.rekey(ring, new)
    with pytest.raises(VaultError, match="another K2"):
        Vault(vault._path, ring).count()
    vault = Vault(vault._path, new)
    after = {value for column in vault.tables()["anchors"].columns for value in column.to_pylist()}
    assert not before & after
    assert vault.upsert("birth", tokens(ring, 0, 20)) == 0
    vault.upsert("health", tokens(ring, 7, 8, source="health"))
    assert len(met(vault)) == 1
    with pytest.raises(VaultError, match="wait for linking"):
        vault.rekey(new, ring)


def test_waiting_tokens_open_with_their_own_keys_only(ring, vault, tmp_path):
    vault.upsert("birth", tokens(ring, 0, 20))
    other = fixed_ring(tmp_path / "keys", seed=2)
    with pytest.raises((SealError, VaultError)) as caught:
        Vault(vault._path, other).waiting()
    assert "\n" not in str(caught.value)


def test_a_vault_of_another_layout_is_refused(ring, vault):
    vault.upsert("birth", tokens(ring, 0, 2))
    about = vault._path / "about.json"
    about.write_text(about.read_text().replace('"layout": "', '"layout": "0'))
    with pytest.raises(VaultError, match="load every source again"):
        Vault(vault._path, ring).count()


@pytest.mark.parametrize("nights", [0, 1], ids=["first night", "later night"])
@pytest.mark.parametrize("file", ["anchors.rows", "records.rows"])
def test_a_night_that_cannot_be_written_leaves_the_vault_before_it_and_tonights_tokens(ring, vault, file, nights):
    if nights:
        vault.upsert("birth", tokens(ring, 0, 20))
        vault = store(vault, ring)
    vault.upsert("health", tokens(ring, 7, 9, source="health"))
    before = met(vault)
    blocked = vault._path / f"{file}.new"
    blocked.mkdir()
    with pytest.raises(OSError, match=blocked.name):
        store(vault, ring)
    blocked.rmdir()
    again = Vault(vault._path, ring)
    assert (again.counts(), met(again)) == ({"birth": 20 * nights, "health": 2} if nights else {"health": 2}, before)
    assert len(before) == 2 * nights
    stored = store(again, ring)
    assert (stored.counts(), stored.waits) == (again.counts(), False)


def test_a_delivery_that_cannot_be_written_stops_no_other_source(ring, vault):
    blocked = vault._path / "incoming" / "source-0.sealed.new"
    blocked.mkdir(parents=True)
    with pytest.raises(OSError, match=blocked.name):
        vault.upsert("birth", tokens(ring, 0, 20))
    blocked.rmdir()
    vault = Vault(vault._path, ring)
    vault.upsert("health", tokens(ring, 7, 9, source="health"))
    vault = store(vault, ring)
    assert vault.counts() == {"health": 2}
    assert vault.upsert("birth", tokens(ring, 0, 20)) == 20
