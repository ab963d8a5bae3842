"""The token vault: one row of tokens a record, nothing else, in an order that means nothing.

`state/vault.duckdb` has one table a source, (record_key, tokens), sorted by record key, which is a keyed
hash. There is no date, no load night and no content column. A change rewrites its source's table, and
`compact` the whole file, so that neither row order nor freed blocks tell which records came together.
Linking does not belong here.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from linkage.errors import VaultError
from linkage.keys import KeyRing
from linkage.prf import Permutation
from linkage.records import RECORD_KEY_BYTES, find_keys, key_matrix, key_order
from linkage.rules import ONE_ROUND, Round
from linkage.storage import held, quoted, reading, rewrite, writing
from linkage.tokens import TOKEN_BYTES, token_table

_COPY_ROWS: Final = 50_000


class Vault:
    """The tokens of all sources at rest in one DuckDB file, which is created at the first write."""

    def __init__(self, path: Path, round_: Round = ONE_ROUND):
        self._path = path
        self._round = round_
        self._width = len(round_.columns) * TOKEN_BYTES

    def upsert(self, source: str, tokens: pa.Table) -> int:
        """Add or replace rows of `source`; return how many rows are new or differ.

        `tokens` is what `linkage.tokens.encode` returns; of two rows of one record the later counts. A
        night that brings nothing new leaves the file untouched. Raises VaultError for tokens of another
        layout.
        """
        if tokens.column("tokens").type != pa.binary(self._width):
            raise VaultError(f"source {source}: tokens of another layout than {self._round.id}; encode them again")
        keys, rows = key_matrix(tokens.column("record_key")), _token_rows(tokens)
        latest = _last_of_each(keys)
        keys, rows = keys[latest], rows[latest]
        old_keys, old_rows = self.read(source)
        at = find_keys(old_keys, keys)
        known = at >= 0
        changed = ~known
        changed[known] = (old_rows[at[known]] != rows[known]).any(axis=(1, 2))
        if changed.any():
            keep = np.ones(len(old_keys), bool)
            keep[at[known]] = False
            merged = np.concatenate([old_keys[keep], keys]), np.concatenate([old_rows[keep], rows])
            self._write({source: merged})
        return int(changed.sum())

    def remove(self, source: str, record_keys: pa.Array) -> int:
        """Delete rows of `source` by record key; return how many were there."""
        keys, rows = self.read(source)
        gone = find_keys(key_matrix(record_keys), keys) >= 0
        return self._keep(source, keys, rows, ~gone)

    def keep_only(self, source: str, record_keys: pa.Array) -> int:
        """Delete every row of `source` whose record key is not given; return how many were deleted."""
        keys, rows = self.read(source)
        return self._keep(source, keys, rows, find_keys(key_matrix(record_keys), keys) >= 0)

    def sources(self) -> list[str]:
        """Return the sources that have rows, sorted."""
        return sorted(self.counts())

    def count(self, source: str | None = None) -> int:
        """Return how many records of `source`, or of all sources, have tokens."""
        counts = self.counts()
        return sum(counts.values()) if source is None else counts.get(source, 0)

    def read(self, source: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the record keys (n, 16) and tokens (n, columns, 16) of `source`, ordered by record key."""
        if self._path.exists():
            with reading(self._path) as connection:
                if source in self._counted(connection):
                    return _fetch(connection, source, self._width)
        return np.empty((0, RECORD_KEY_BYTES), np.uint8), np.empty((0, self._width // 16, 16), np.uint8)

    def rekey(self, old: KeyRing, new: KeyRing) -> None:
        """Replace K2: undo the old permutation and apply the new one, so that links and child IDs survive."""
        undo, redo = Permutation(old.derive("rekey.tokens")), Permutation(new.derive("rekey.tokens"))
        content = {source: self.read(source) for source in self.sources()}
        self._write({s: (keys, redo.forward(undo.backward(rows))) for s, (keys, rows) in content.items()})

    def counts(self) -> dict[str, int]:
        """Return how many records of each source that has rows have tokens, by source."""
        if not self._path.exists():
            return {}
        with reading(self._path) as connection:
            return dict(sorted(self._counted(connection).items()))

    def held(self) -> AbstractContextManager[None]:
        """Keep the vault open for several readings in a row, during which nothing may write it."""
        return held(self._path)

    def _counted(self, connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
        layout = connection.execute("select layout from about").fetchall()
        if layout != [(self._round.layout,)]:
            raise VaultError(
                f"{self._path}: the vault holds tokens of another layout than {self._round.id}; "
                "move it away and load every source again: child IDs are in the ledger and survive"
            )
        return dict(connection.execute("select source, records from source").fetchall())

    def _keep(self, source: str, keys: np.ndarray, rows: np.ndarray, keep: np.ndarray) -> int:
        if not keep.all():
            self._write({source: (keys[keep], rows[keep])})
        return int((~keep).sum())

    def compact(self) -> None:
        """Rewrite the file when anything changed since the last time, so that no freed block keeps old rows.

        `linkage.run.link` calls it once a night, before it reads.
        """
        if not self._path.exists():
            return
        with reading(self._path) as connection:
            if connection.execute("select compact from about").fetchall() == [(True,)]:
                return
        sources = self.sources()

        def build(connection: duckdb.DuckDBPyConnection) -> None:
            self._create(connection, compact=True)
            connection.execute(f"attach '{quoted(self._path)}' as old (read_only)")
            connection.execute("insert into source from old.source order by source")
            for source in sources:
                table = _identifier(source)
                connection.execute(f"create table {table} as from old.{table}")

        rewrite(self._path, build)

    def _write(self, changed: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """Replace the tables of the given sources in one transaction."""
        if not self._path.exists():  # made whole and moved in, so that a first write that fails leaves a sound vault
            rewrite(self._path, lambda connection: self._create(connection, compact=False))
        with writing(self._path) as connection:
            connection.execute("begin")
            connection.execute("update about set compact = false")
            for source, (keys, rows) in changed.items():
                connection.execute("delete from source where source = ?", [source])
                connection.execute(f"drop table if exists {_identifier(source)}")
                _insert(connection, source, keys, rows)
            connection.execute("commit")

    def _create(self, connection: duckdb.DuckDBPyConnection, compact: bool) -> None:
        connection.execute(
            "create table about as select ? as layout, ?::boolean as compact", [self._round.layout, compact]
        )
        connection.execute("create table source (source varchar, records bigint)")


def _insert(connection: duckdb.DuckDBPyConnection, source: str, keys: np.ndarray, rows: np.ndarray) -> None:
    if not len(keys):
        return
    table = _identifier(source)
    order = key_order(keys)
    connection.execute(f"create table {table} (record_key blob, tokens blob)")
    for start in range(0, len(order), _COPY_ROWS):
        part = order[start : start + _COPY_ROWS]
        connection.register("incoming", token_table(keys[part], rows[part]))
        connection.execute(f"insert into {table} from incoming")
        connection.unregister("incoming")
    connection.execute("insert into source values (?, ?)", [source, len(keys)])


def _fetch(connection: duckdb.DuckDBPyConnection, source: str, width: int) -> tuple[np.ndarray, np.ndarray]:
    query = f"select record_key, tokens from {_identifier(source)} order by rowid"  # noqa: S608
    keys, rows = [], []
    for batch in connection.sql(query).to_arrow_reader(_COPY_ROWS):
        keys.append(key_matrix(batch.column(0)))
        rows.append(_blob_matrix(batch.column(1), width))
    return np.concatenate(keys), np.concatenate(rows)


def _blob_matrix(blobs: pa.Array, width: int) -> np.ndarray:
    """Return n equally long blobs as a uint8 array of shape (n, width / 16, 16)."""
    fixed = blobs.cast(pa.binary(width))
    start = fixed.offset * width
    flat = np.frombuffer(fixed.buffers()[1], np.uint8)[start : start + len(fixed) * width]
    return flat.reshape(len(fixed), -1, TOKEN_BYTES)


def _token_rows(tokens: pa.Table) -> np.ndarray:
    column = tokens.column("tokens")
    width = column.type.byte_width
    parts = [_blob_matrix(chunk, width) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.empty((0, width // TOKEN_BYTES, TOKEN_BYTES), np.uint8)


def _last_of_each(keys: np.ndarray) -> np.ndarray:
    """Return the position of the last row of every distinct key."""
    order = key_order(keys)
    is_last = np.ones(len(order), bool)
    is_last[:-1] = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    return order[is_last]


def _identifier(source: str) -> str:
    escaped = f"tokens_{source}".replace('"', '""')
    return f'"{escaped}"'
