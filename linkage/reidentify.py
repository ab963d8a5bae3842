"""The re-identification test: how many records can be singled out of the vault without any key.

The attacker of this test knows the method and holds the plaintext of exactly these records, but no key.
Under a key of their own they get a table of the same *structure*: who shares which token with whom.
Colour refinement (Weisfeiler and Leman 1968) colours every record by that structure alone; a record with
a colour of its own is singled out, because the same colour in the attacker's table carries a name. It
measures one snapshot of what is given to it; what can be joined to it at rest must be given too. Nothing
here needs a key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from linkage.rules import ONE_ROUND, Round
from linkage.vault import Vault

ROUNDS: Final = 20
SMALL_CLASS: Final = 10
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))


@dataclass(frozen=True)
class Exposure:
    """What colour refinement can tell apart: shares of records, and how many classes there are."""

    records: int
    singled_out: float
    in_small_classes: float
    classes: int
    median_class: int


@dataclass(frozen=True)
class _Edges:
    """Who holds which shared token, ordered by token; `starts` says where each token begins."""

    record: np.ndarray
    column: np.ndarray
    token: np.ndarray
    starts: np.ndarray


def vault_exposure(vault: Vault, sources: Sequence[str] | None = None, round_: Round = ONE_ROUND) -> Exposure:
    """Return the exposure of the tokens of some sources of a vault (all by default), as they are stored."""
    chosen = vault.sources() if sources is None else list(sources)
    stored = [vault.read(source)[1] for source in chosen]
    tokens = np.concatenate([rows.view("<u8")[:, :, 0].T for rows in stored], axis=1)
    place = {name: number for number, name in enumerate(round_.columns)}
    return exposure(tokens, [[place[name] for name in group] for group in round_.comparable()])


def exposure(tokens: np.ndarray, comparable: Sequence[Sequence[int]] = ()) -> Exposure:
    """Return what the tokens, uint64 of shape (columns, n records), show without a key.

    `comparable` lists groups of columns whose tokens may equal one another; leaving one out flatters the
    result.
    """
    records = tokens.shape[1]
    edges = _shared(tokens, comparable)
    colour = np.zeros(records, np.uint64)
    sizes, classes = np.full(records, records), 1
    for step in range(ROUNDS):
        colour = _refine(colour, edges, step)
        _, inverse, counts = np.unique(colour, return_inverse=True, return_counts=True)
        sizes = counts[inverse]
        if len(counts) == classes:
            break
        classes = len(counts)
    return Exposure(
        records=records,
        singled_out=float(np.mean(sizes == 1)) if records else 0.0,
        in_small_classes=float(np.mean(sizes <= SMALL_CLASS)) if records else 0.0,
        classes=classes,
        median_class=int(np.median(sizes)) if records else 0,
    )


def _shared(tokens: np.ndarray, comparable: Sequence[Sequence[int]]) -> _Edges:
    """Return the tokens that occur more than once; all others look alike and are left out."""
    grouped = {column for group in comparable for column in group}
    groups = [list(group) for group in comparable]
    groups += [[column] for column in range(len(tokens)) if column not in grouped]
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    offset = 0
    for group in groups:
        values = tokens[group].ravel()
        column = np.repeat(np.array(group), tokens.shape[1])
        record = np.tile(np.arange(tokens.shape[1]), len(group))
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        often = counts[inverse] > 1
        _, dense = np.unique(inverse[often], return_inverse=True)
        found.append((record[often], column[often], dense + offset))
        offset += int(dense.max()) + 1 if len(dense) else 0
    record, column, token = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(token, kind="stable")
    starts = np.searchsorted(token[order], np.arange(offset))
    return _Edges(record[order], column[order].astype(np.uint64), token[order], starts)


def _refine(colour: np.ndarray, edges: _Edges, step: int) -> np.ndarray:
    """Colour every token by its holders and columns, then every record by its tokens and columns."""
    if not len(edges.token):
        return colour
    held = _scramble(colour[edges.record] + _scramble(edges.column + np.uint64(step + 1)))
    of_token = _scramble(np.add.reduceat(held, edges.starts))
    seen = _scramble(of_token[edges.token] + _scramble(edges.column ^ _GOLDEN))
    order = np.argsort(edges.record, kind="stable")
    holders, starts = np.unique(edges.record[order], return_index=True)
    gathered = np.zeros(len(colour), np.uint64)
    gathered[holders] = np.add.reduceat(seen[order], starts)
    return _scramble(colour * _MIX[0] + gathered)


def _scramble(values: np.ndarray) -> np.ndarray:
    """Mix 64 bits (SplitMix64; Steele, Lea and Flood 2014): sums of scrambled values stand for multisets."""
    mixed = values + _GOLDEN
    mixed = (mixed ^ (mixed >> _SHIFTS[0])) * _MIX[0]
    mixed = (mixed ^ (mixed >> _SHIFTS[1])) * _MIX[1]
    return np.asarray(mixed ^ (mixed >> _SHIFTS[2]))
