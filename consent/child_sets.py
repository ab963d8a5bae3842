"""Sets of children, as disclosures refer to them: named by a keyed digest, kept once, sealed.

What belongs here: naming, sealing, keeping and opening a set, and asking which sets hold some children. What does not:
what was disclosed about a set (`disclosures`), which children are in one (whoever discloses).

A set's name is HMAC-SHA256 over its sorted child IDs, so the same children are the same set, and nobody without the key
can tell whether a set is one they have in mind. The IDs themselves are compressed and sealed with AES-256-GCM, bound to
the name.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Engine, insert, select

from consent.tables import disclosure_set

if TYPE_CHECKING:  # an answer to a query opens no set: it does not wait for Arrow
    import pyarrow as pa

NAMING, SEALING = "disclosure.set", "disclosure.seal"
"""The uses under which the two keys are derived."""

_NONCE_BYTES = 12
_SIZE_BYTES = 8
_BETWEEN = "\n"

Derive = Callable[[str], bytes]
"""Use -> 32-byte key, such as `KeyRing.derive`."""


class DisclosureError(Exception):
    """Something about a disclosure that does not hold: one line saying what, and what to do."""


@dataclass(frozen=True)
class SealedSet:
    """A set as it is kept: its name (64 hex digits), how many children, and their sealed IDs."""

    set_id: str
    children: int
    sealed: bytes


class ChildSets:
    """Names and seals sets of children under two keys of one city."""

    def __init__(self, derive: Derive) -> None:
        self._name = derive(NAMING)
        self._cipher = AESGCM(derive(SEALING))

    def seal(self, children: pa.Array | pa.ChunkedArray) -> SealedSet:
        """Return the set of some child IDs (string, any order, repeats allowed, no null)."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        flat = children.combine_chunks() if isinstance(children, pa.ChunkedArray) else children
        if flat.null_count:
            raise DisclosureError(f"found {flat.null_count} records without a child ID in a set, expected none")
        ids = pc.unique(flat.cast(pa.string())).sort()
        plain = _joined(ids).encode()
        set_id = hmac.new(self._name, plain, hashlib.sha256).hexdigest()
        packed = len(plain).to_bytes(_SIZE_BYTES, "big") + pa.compress(plain, codec="zstd", asbytes=True)
        nonce = os.urandom(_NONCE_BYTES)
        return SealedSet(set_id, len(ids), nonce + self._cipher.encrypt(nonce, packed, set_id.encode()))

    def open(self, found: SealedSet) -> pa.Array:
        """Return the child IDs of a set, sorted. Raises DisclosureError for another city's key or altered bytes."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        nonce, sealed = found.sealed[:_NONCE_BYTES], found.sealed[_NONCE_BYTES:]
        try:
            packed = self._cipher.decrypt(nonce, sealed, found.set_id.encode())
        except (InvalidTag, ValueError):
            raise DisclosureError(
                f"the set {found.set_id[:12]} does not open with this key ring; restore the registry, or the keys, "
                "from a backup"
            ) from None
        size = int.from_bytes(packed[:_SIZE_BYTES], "big")
        text = pa.decompress(packed[_SIZE_BYTES:], decompressed_size=size, codec="zstd", asbytes=True).decode()
        return pc.split_pattern(pa.array([text]), _BETWEEN).flatten() if text else pa.array([], pa.string())

    def members(self, connection: Connection, set_id: str) -> pa.Array:
        """Return the child IDs of a kept set, sorted. Raises DisclosureError when there is none of that name."""
        query = select(disclosure_set).where(disclosure_set.c.set_id == set_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise DisclosureError(f"found no set {set_id[:12]} of children; restore the registry from a backup")
        return self.open(SealedSet(*row))

    def holding(self, engine: Engine, children: Collection[str]) -> list[str]:
        """Return the names of the kept sets that hold any of some children, sorted. Opens one set at a time."""
        import pyarrow as pa  # noqa: PLC0415

        wanted = pa.array(sorted(children), pa.string())
        with engine.connect() as connection:
            return sorted(one.set_id for one in _kept(connection) if self._holds(one, wanted))

    def _holds(self, found: SealedSet, wanted: pa.Array) -> bool:
        import pyarrow.compute as pc  # noqa: PLC0415

        return bool(pc.any(pc.is_in(self.open(found), value_set=wanted)).as_py())


def keep(connection: Connection, sets: Collection[SealedSet]) -> None:
    """Keep sets that are not kept yet, in the transaction of whoever writes disclosures; those that are stay."""
    wanted = {one.set_id: one for one in sets}
    known = select(disclosure_set.c.set_id).where(disclosure_set.c.set_id.in_(wanted))
    fresh = wanted.keys() - set(connection.execute(known).scalars())
    if fresh:
        connection.execute(insert(disclosure_set), [vars(wanted[name]) for name in sorted(fresh)])


def _kept(connection: Connection) -> Iterator[SealedSet]:
    """Yield every kept set; where the driver can, one at a time."""
    rows = connection.execution_options(stream_results=True, max_row_buffer=1).execute(select(disclosure_set))
    yield from (SealedSet(*row) for row in rows)


def _joined(ids: pa.Array) -> str:
    """Return all IDs as one text, a line each."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    offsets = pa.array([0, len(ids)], pa.int32())
    return str(pc.binary_join(pa.ListArray.from_arrays(offsets, ids), _BETWEEN)[0].as_py())
