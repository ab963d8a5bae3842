"""Block-anchored, padded tokens: the only form in which identifiers leave memory.

For each record and each anchor of a round: one anchor token, and one token for every feature under it. Every
gap is filled with a pseudorandom token of the record and column (the same every night), so a row has one
shape and shows no missing value. The result is re-keyed under K2 before it is returned.

Two records that no anchor pairs share no token at all. What belongs here is the assembly; the values come
from `linkage.atoms`, the cryptographic steps are in `linkage.prf`, the tables of rules in
`linkage.rules`.
"""

from typing import Final

import numpy as np
import pyarrow as pa

from linkage.atoms import build_atoms
from linkage.errors import VaultError
from linkage.keys import KeyRing
from linkage.prf import BLOCK, Chain, Permutation, constant_block, leaves
from linkage.records import RECORD_KEY_TYPE, key_matrix
from linkage.rules import ONE_ROUND, PRESENT, SWAPPED_NAMES, Anchor, Round

TOKEN_BYTES: Final = BLOCK
_SURNAME_SLOTS: Final = ("surname_1", "surname_2", "surname_3")


def encode(
    identifiers: pa.Table,
    source: str,
    ring: KeyRing,
    date_format: str | None = None,
    round_: Round = ONE_ROUND,
) -> pa.Table:
    """Return one row a record: ``record_key``, and ``tokens``, a blob of 16 bytes for each column.

    `identifiers` has ``record_key`` (fixed_size_binary(16)) and any of `linkage.identifiers.IDENTIFIERS`
    as raw strings, one row a record. `source` names the source in errors only: tokens of all sources are
    comparable. Raises VaultError when a record key is missing or null. No raw value is kept, logged or
    raised.
    """
    try:
        keys = key_matrix(identifiers.column("record_key"))
    except (KeyError, ValueError):
        raise VaultError(f"source {source}: a record key is missing; every row needs one") from None
    tokens = _Encoder(build_atoms(identifiers, date_format), keys, ring).encode(round_)
    rekeyed = Permutation(ring.derive("rekey.tokens")).forward(tokens)
    return token_table(keys, rekeyed)


def token_table(keys: np.ndarray, tokens: np.ndarray) -> pa.Table:
    """Return the table of n record keys (n, 16) and their tokens (n, columns, 16), both fixed-size binary."""
    n, width = len(keys), tokens.shape[1] * TOKEN_BYTES
    blobs = pa.Array.from_buffers(pa.binary(width), n, [None, pa.py_buffer(np.ascontiguousarray(tokens))])
    named = pa.Array.from_buffers(RECORD_KEY_TYPE, n, [None, pa.py_buffer(np.ascontiguousarray(keys))])
    return pa.table({"record_key": named, "tokens": blobs})


class _Encoder:
    """The tokens of one batch of n records, before re-keying."""

    def __init__(self, atoms: dict[str, pa.Array], keys: np.ndarray, ring: KeyRing):
        self._ring = ring
        self._keys = keys
        self._valid = {name: np.asarray(values.is_valid()) for name, values in atoms.items()}
        self._leaves = {name: leaves(values, self._leaf_key(name)) for name, values in atoms.items()}
        self._valid[SWAPPED_NAMES] = self._valid["given"] & self._valid["surname_1"]
        self._leaves[SWAPPED_NAMES] = self._swapped(atoms)
        self._padding = Chain(ring.derive("token.padding"), 2)
        self._feature = Chain(ring.derive("token.feature"), 2)

    def encode(self, round_: Round) -> np.ndarray:
        """Return tokens of shape (n, columns of the round, 16)."""
        place = {column: number for number, column in enumerate(round_.columns)}
        tokens = np.empty((len(self._keys), len(place), BLOCK), np.uint8)
        for anchor in round_.anchors:
            token, valid = self._anchor(anchor)
            tokens[:, place[anchor.id]] = self._padded(token, valid, anchor.id)
            for feature in anchor.features:
                column = f"{anchor.id}_{feature}"
                tokens[:, place[column]] = self._feature_tokens(token, valid, feature, column)
        return tokens

    def _anchor(self, anchor: Anchor) -> tuple[np.ndarray, np.ndarray]:
        valid = np.logical_and.reduce([self._valid[part] for part in anchor.parts])
        chain = Chain(self._ring.derive(f"token.anchor.{anchor.id}"), len(anchor.parts))
        return chain(*(self._leaves[part] for part in anchor.parts)), valid

    def _feature_tokens(self, anchor: np.ndarray, anchored: np.ndarray, feature: str, column: str) -> np.ndarray:
        atom = feature.removeprefix(PRESENT)
        if feature.startswith(PRESENT):
            leaf = constant_block(feature, self._ring.derive("token.leaf.presence"))
        else:
            leaf = self._leaves[atom]
        return self._padded(self._feature(anchor, leaf), anchored & self._valid[atom], column)

    def _padded(self, tokens: np.ndarray, valid: np.ndarray, column: str) -> np.ndarray:
        """Fill the gaps with a keyed function of the record and the column, the same night after night."""
        name = constant_block(column, self._ring.derive("token.leaf.column"))
        return np.where(valid[:, None], tokens, self._padding(self._keys, name))

    def _leaf_key(self, atom: str) -> bytes:
        """Surname slots share one leaf key: they are compared with one another."""
        return self._ring.derive(f"token.leaf.{'surname' if atom in _SURNAME_SLOTS else atom}")

    def _swapped(self, atoms: dict[str, pa.Array]) -> np.ndarray:
        """Return a leaf of both names that does not depend on their order: the sum of their leaves."""
        key = self._ring.derive("token.leaf.any_name")
        words = [leaves(atoms[name], key).view(np.uint64) for name in ("given", "surname_1")]
        return (words[0] + words[1]).view(np.uint8)
