"""Staged, block-anchored, padded tokens: the only form in which identifiers leave memory.

For each record: its tags, its anchors, and 16-bit features under every anchor. Every gap is filled with a pseudorandom
token of the record and column (the same every night), so a row has one shape and shows no missing value. All keys
derive from K1: this module runs at an agency as it runs at the hub. Two records that no rule pairs share no token.

What belongs here is the assembly; values come from `linkage.atoms`, the cryptographic steps from `linkage.prf`, the
tables of rules from `linkage.rules`. What the hub does with tokens is `linkage.vault`.
"""

from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.atoms import build_atoms
from linkage.batch import FEATURE_BYTES, TOKEN_BYTES, TokenBatch
from linkage.cores import on_all_cores
from linkage.errors import VaultError
from linkage.identifiers import IDENTIFIERS
from linkage.prf import BLOCK, Aes, constant_block, keystream, leaves, of_texts
from linkage.records import key_matrix
from linkage.rules import (
    ANCHORS,
    ASKED,
    GIVEN_SLOTS,
    HANDLES,
    PRESENT,
    ROUND,
    SURNAME_SLOTS,
    SWAPPED_NAMES,
    TAGS,
    layout,
)

_SHARED: Final = {
    atom: kind for kind, slots in (("given_slot", GIVEN_SLOTS), ("surname_slot", SURNAME_SLOTS)) for atom in slots
}
_ROWS: Final = 1 << 13
_PAD_TOKENS: Final = HANDLES
_PAD_FEATURES: Final = -(-len(ROUND.features) * FEATURE_BYTES // BLOCK)


class TokenKeys(Protocol):
    """Whatever derives the ``token.`` keys from K1: a hub's key ring, or an agency's."""

    def derive(self, use: str, length: int = 32) -> bytes:
        """Return the key of one use."""
        ...


def encode(identifiers: pa.Table, source: str, ring: TokenKeys, date_format: str | None = None) -> TokenBatch:
    """Return the tokens of n records, one row each, in the order given.

    `identifiers` has ``record_key`` (fixed_size_binary(16)) and any of `linkage.identifiers.IDENTIFIERS`
    as raw strings, one row a record. `source` names the source in errors only: tokens of all sources are
    comparable. Raises VaultError when a record key is missing or null. No raw value is kept, logged or
    raised.
    """
    try:
        keys = key_matrix(identifiers.column("record_key"))
    except (KeyError, ValueError):
        raise VaultError(f"source {source}: a record key is missing; every row needs one") from None
    return _Encoder(build_atoms(identifiers, date_format), keys, ring).encode(digests(identifiers, ring, date_format))


def digests(identifiers: pa.Table, ring: TokenKeys, date_format: str | None = None) -> np.ndarray:
    """Return a keyed digest of each record's key and raw identifiers, uint8 (n, 16): equal only where all are equal.

    It tells whether tokens must be made anew, at a tenth of the time of making them. Raises ValueError when a record
    key is missing.
    """
    present = [name for name in IDENTIFIERS if name in identifiers.column_names]
    shape = pa.array([f"{date_format} {' '.join(present)} "] * identifiers.num_rows, pa.string())
    line = pc.binary_join_element_wise(shape, *(_sized(identifiers.column(name)) for name in present), "")
    leaf = of_texts(_in_one_piece(line), ring.derive(f"token.digest.{layout()}"))
    return Aes(ring.derive("token.digest.record")).chain(key_matrix(identifiers.column("record_key")), leaf)


def _sized(column: pa.ChunkedArray) -> pa.Array:
    """Return each text behind its length, so that texts in a row cannot run into one another; a null is a dash."""
    text = pc.cast(_in_one_piece(column), pa.string())
    return pc.coalesce(pc.binary_join_element_wise(pc.cast(pc.binary_length(text), pa.string()), text, ":"), "-")


def _in_one_piece(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


class _Encoder:
    """The tokens of one batch of n records."""

    def __init__(self, atoms: dict[str, pa.Array], keys: np.ndarray, ring: TokenKeys):
        self._ring = ring
        self._keys = keys
        self._valid = {name: np.asarray(values.is_valid()) for name, values in atoms.items()}
        self._leaves = {name: leaves(values, self._leaf_key(name)) for name, values in atoms.items()}
        self._valid[SWAPPED_NAMES] = self._valid["given"] & self._valid["surname_1"]
        self._leaves[SWAPPED_NAMES] = self._swapped(atoms)
        rules = [rule.id for rule in TAGS] + [rule.id for rule in ANCHORS]
        self._chains = {rule: Aes(ring.derive(f"token.rule.{rule}")) for rule in rules}
        self._feature = Aes(ring.derive("token.feature"))
        presence = ring.derive("token.leaf.presence")
        self._present = {name: constant_block(f"{PRESENT}{name}", presence) for name in atoms}
        self._padding = ring.derive("token.padding")

    def encode(self, digests: np.ndarray) -> TokenBatch:
        n = len(self._keys)
        tags = np.empty((n, len(TAGS), TOKEN_BYTES), np.uint8)
        anchors = np.empty((n, HANDLES - len(TAGS), TOKEN_BYTES), np.uint8)
        features = np.empty((n, len(ROUND.features)), np.uint16)
        usable = np.zeros(n, bool)

        def fill(start: int) -> None:
            rows = slice(start, start + _ROWS)
            usable[rows] = self._rows(rows, tags[rows], anchors[rows], features[rows])

        on_all_cores(fill, range(0, n, _ROWS))
        return TokenBatch(self._keys, tags, anchors, features, digests, unlinkable=int(n - usable.sum()))

    def _rows(self, rows: slice, tags: np.ndarray, anchors: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Fill the tokens of some rows in place; return which of them have any tag or anchor of their own."""
        pads = keystream(self._padding, self._keys[rows], _PAD_TOKENS + _PAD_FEATURES)
        thin = pads[:, _PAD_TOKENS:].reshape(len(pads), -1).view("<u2")
        features[:] = thin[:, : features.shape[1]]
        usable = np.zeros(len(pads), bool)
        for number, tag in enumerate(TAGS):
            token, valid = self._composite(tag.id, tag.parts, rows)
            tags[:, number] = np.where(valid[:, None], token, pads[:, number])
            usable |= valid
        for number, anchor in enumerate(ANCHORS):
            token, valid = self._composite(anchor.id, anchor.parts, rows)
            anchors[:, number] = np.where(valid[:, None], token, pads[:, len(TAGS) + number])
            usable |= valid
            if anchor.asked:
                self._ask(len(ANCHORS) + ASKED.index(number), anchors, token, valid, pads, rows)
            inner = self._feature(token)
            for place, feature in zip(range(*ROUND.spans[number].indices(1 << 16)), anchor.features, strict=True):
                self._fill(features, place, feature, inner, valid, rows)
        return usable

    def _ask(
        self, place: int, anchors: np.ndarray, token: np.ndarray, valid: np.ndarray, pads: np.ndarray, rows: slice
    ) -> None:
        """Let the records without a known birth date ask for the others that have their token."""
        asks = valid & ~self._valid["birth_known"][rows]
        anchors[:, place] = np.where(asks[:, None], token, pads[:, len(TAGS) + place])

    def _fill(
        self, features: np.ndarray, place: int, feature: str, inner: np.ndarray, valid: np.ndarray, rows: slice
    ) -> None:
        atom = feature.removeprefix(PRESENT)
        leaf = self._present[atom] if feature.startswith(PRESENT) else self._leaves[atom][rows]
        token = self._feature(inner ^ leaf).view("<u2")[:, 0]
        np.copyto(features[:, place], token, where=valid & self._valid[atom][rows])

    def _composite(self, rule: str, parts: tuple[str, ...], rows: slice) -> tuple[np.ndarray, np.ndarray]:
        valid = np.logical_and.reduce([self._valid[part][rows] for part in parts])
        return self._chains[rule].chain(*(self._leaves[part][rows] for part in parts)), valid

    def _leaf_key(self, atom: str) -> bytes:
        """Return the key of an atom; name slots share one, because they are compared with one another."""
        return self._ring.derive(f"token.leaf.{_SHARED.get(atom, atom)}")

    def _swapped(self, atoms: dict[str, pa.Array]) -> np.ndarray:
        """Return a leaf of both names that does not depend on their order: the sum of their leaves."""
        key = self._ring.derive("token.leaf.any_name")
        words = [leaves(atoms[name], key).view(np.uint64) for name in ("given", "surname_1")]
        return (words[0] + words[1]).view(np.uint8)
