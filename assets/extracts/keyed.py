# ruff: noqa: S608  (names in SQL are quoted or fixed here; values are always parameters)
"""Keyed digests of the load: HMAC-SHA256 truncated to 16 bytes, over columns instead of over rows.

They name a row (`row_keys`), recognise an unchanged one (`row_digests`) and a file that was already loaded
(`file_digest`). Raw values enter a DuckDB that lives in memory, has no temporary directory and so cannot
spill; only digests leave it. Keys of records are `linkage.records`' and not made here.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import duckdb
import pyarrow as pa

from assets.extracts.columns import KEY

_BLOCK = 64
_PIECE = 1 << 13


def pads(secret: bytes) -> tuple[bytes, bytes]:
    """Return the inner and outer pads of HMAC-SHA256 (RFC 2104) for a secret of at most 64 bytes."""
    if len(secret) > _BLOCK:
        raise ValueError("a secret for keyed digests has at most 64 bytes")
    block = secret.ljust(_BLOCK, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def sha256_of(path: Path) -> bytes:
    """Return the SHA-256 of the bytes of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def file_digest(sha256: bytes, k1: str, secret: bytes) -> bytes:
    """Return the keyed digest (32 bytes) by which a file is known again: of its SHA-256, and of the K1 it is used with.

    The same whether a file came raw or in a token file; another once K1 is another, since its tokens then differ.
    """
    return hmac.digest(secret, k1.encode() + sha256, "sha256")


class KeyedDigests:
    """Digests of rows under one secret. Use as a context manager: it holds a private in-memory DuckDB.

    A row's message is its columns in the order given, each framed by its length (a missing value by `-`),
    after the name of what is digested, so that no two different rows have the same message.
    """

    def __init__(self, secret: bytes) -> None:
        self._inner, self._outer = pads(secret)
        self._con = duckdb.connect(":memory:", config={"temp_directory": "", "threads": 2})

    def __enter__(self) -> KeyedDigests:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._con.close()

    def of(self, about: str, columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.Array:
        """Return one digest (fixed_size_binary(16)) a row of `columns`, which all have the same length."""
        rows = pa.table(list(columns), names=[f"c{i}" for i in range(len(columns))])
        if rows.num_rows == 0:
            return pa.array([], KEY)
        framed = " || ".join(
            f"coalesce(strlen(c{i}::varchar)::varchar || ':' || c{i}::varchar, '-')" for i in range(len(columns))
        )
        query = f"""
            select unhex(sha256($outer::blob || unhex(sha256($inner::blob || encode($about ||
            {framed})))))[1:16] as d from digested
        """
        # in pieces, which DuckDB digests side by side and returns in their order
        pieces = pa.Table.from_batches(rows.to_batches(max_chunksize=_PIECE), rows.schema)
        self._con.register("digested", pieces)
        try:
            parameters = {"outer": self._outer, "inner": self._inner, "about": f"{about}\n"}
            digests = self._con.sql(query, params=parameters).to_arrow_table()["d"]
        finally:
            self._con.unregister("digested")
        return digests.combine_chunks().cast(KEY)
