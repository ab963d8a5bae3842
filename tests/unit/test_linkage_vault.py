"""The vault: what is stored, in which order, and what a change leaves behind."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.errors import VaultError
from linkage.records import record_keys
from linkage.rules import ONE_ROUND, Round
from linkage.tokens import encode
from linkage.vault import Vault


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


def tokens(ring, start: int, stop: int, given: str = "Anna") -> pa.Table:
    ids = pa.array([f"id-{number}" for number in range(start, stop)])
    names = pa.array([given] * (stop - start))
    dates = pa.array([f"2015-01-{1 + number % 28:02d}" for number in range(start, stop)])
    return encode(
        pa.table({"record_key": record_keys(ids, "birth", ring), "given": names, "birth_date": dates}), "birth", ring
    )


def test_upsert_counts_what_is_new_or_differs(ring, tmp_path):
    vault = Vault(tmp_path / "vault.duckdb")
    assert (vault.sources(), vault.count()) == ([], 0)
    assert vault.upsert("birth", tokens(ring, 0, 20)) == 20
    assert vault.upsert("birth", tokens(ring, 10, 30)) == 10
    assert vault.upsert("birth", tokens(ring, 0, 30)) == 0
    assert vault.upsert("birth", tokens(ring, 0, 2, given="Zoe")) == 2
    assert (vault.sources(), vault.count("birth"), vault.count("health")) == (["birth"], 30, 0)


def test_nothing_new_leaves_the_file_untouched(ring, tmp_path):
    vault = Vault(tmp_path / "vault.duckdb")
    vault.upsert("birth", tokens(ring, 0, 20))
    vault.compact()
    before = (tmp_path / "vault.duckdb").read_bytes()
    vault.upsert("birth", tokens(ring, 5, 9))
    vault.remove("birth", tokens(ring, 50, 60).column("record_key"))
    vault.compact()
    assert (tmp_path / "vault.duckdb").read_bytes() == before


def test_the_later_of_two_rows_of_one_record_counts(ring, tmp_path):
    vault = Vault(tmp_path / "vault.duckdb")
    both = pa.concat_tables([tokens(ring, 0, 1), tokens(ring, 0, 1, given="Zoe")])
    assert vault.upsert("birth", both) == 1
    assert vault.upsert("birth", tokens(ring, 0, 1, given="Zoe")) == 0


def test_remove_and_keep_only(ring, tmp_path):
    vault = Vault(tmp_path / "vault.duckdb")
    vault.upsert("birth", tokens(ring, 0, 20))
    vault.upsert("health", tokens(ring, 0, 5))
    assert vault.remove("birth", tokens(ring, 15, 30).column("record_key")) == 5
    assert vault.keep_only("birth", tokens(ring, 0, 10).column("record_key")) == 5
    assert (vault.count("birth"), vault.count("health"), vault.count()) == (10, 5, 15)
    assert vault.keep_only("health", tokens(ring, 0, 0).column("record_key")) == 5
    assert vault.sources() == ["birth"]


def test_rows_are_ordered_by_key_whatever_order_they_came_in(ring, tmp_path):
    one, other = Vault(tmp_path / "one.duckdb"), Vault(tmp_path / "other.duckdb")
    one.upsert("birth", tokens(ring, 0, 20))
    one.upsert("birth", tokens(ring, 20, 40))
    other.upsert("birth", tokens(ring, 15, 40))
    other.upsert("birth", tokens(ring, 0, 15))
    (keys, rows), (other_keys, other_rows) = one.read("birth"), other.read("birth")
    assert (keys == other_keys).all()
    assert (rows == other_rows).all()
    assert [bytes(key) for key in keys] == sorted(bytes(key) for key in keys)


def test_a_compacted_file_keeps_nothing_of_removed_rows(ring, tmp_path):
    vault = Vault(tmp_path / "vault.duckdb")
    vault.upsert("birth", tokens(ring, 0, 20))
    gone = tokens(ring, 0, 1)
    vault.remove("birth", gone.column("record_key"))
    vault.compact()
    assert gone.column("record_key")[0].as_py() not in (tmp_path / "vault.duckdb").read_bytes()


def test_only_keys_and_tokens_are_stored(ring, tmp_path):
    Vault(tmp_path / "vault.duckdb").upsert("birth", tokens(ring, 0, 20))
    with duckdb.connect(tmp_path / "vault.duckdb", read_only=True) as connection:
        columns = connection.execute("select distinct column_name from information_schema.columns").fetchall()
    assert {name for (name,) in columns} == {"layout", "compact", "source", "records", "record_key", "tokens"}


def test_another_layout_is_refused(ring, tmp_path):
    vault = Vault(tmp_path / "vault.duckdb")
    vault.upsert("birth", tokens(ring, 0, 20))
    small = Round("small", ONE_ROUND.anchors[:2])
    with pytest.raises(VaultError, match="load every source again"):
        Vault(tmp_path / "vault.duckdb", small).count()
    with pytest.raises(VaultError, match="encode them again"):
        Vault(tmp_path / "fresh.duckdb", small).upsert("birth", tokens(ring, 0, 20))


def test_a_new_k2_keeps_equality_and_changes_every_token(ring, tmp_path):
    vault = Vault(tmp_path / "vault.duckdb")
    vault.upsert("birth", tokens(ring, 0, 40))
    keys, before = vault.read("birth")
    fixed_ring(tmp_path / "keys")
    (tmp_path / "keys" / "k2.key").write_text("cd" * 32)
    new = type(ring).load(tmp_path / "keys")
    vault.rekey(ring, new)
    after_keys, after = vault.read("birth")
    assert (keys == after_keys).all()
    assert (before != after).any(axis=2).all()
    column = ONE_ROUND.columns.index("a1")
    groups = [len(np.unique(rows[:, column].view("<u8"), axis=0)) for rows in (before, after)]
    assert groups[0] == groups[1] == 28
    assert vault.upsert("birth", tokens(new, 0, 40)) == 0


def test_a_first_write_that_fails_leaves_a_vault_that_later_nights_can_use(ring, tmp_path, monkeypatch):
    vault = Vault(tmp_path / "vault.duckdb")

    def full(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("linkage.vault._insert", full)
        with pytest.raises(OSError, match="no space"):
            vault.upsert("birth", tokens(ring, 0, 5))
    assert vault.sources() == []
    assert vault.upsert("birth", tokens(ring, 0, 5)) == 5
