"""The structure attack: how many records have a place of their own in the graph of shared tokens.

The attacker knows the method and holds the plaintext of exactly these records, but no key. Under a key of their own
they get tables of the same structure. Colour refinement (one-dimensional; Weisfeiler and Leman 1968) gives every record
a colour by structure alone; one with a colour of its own is singled out, because the same colour in the attacker's
tables carries a name. It measures what it is given: what can be joined to it must be given too.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from linkage.attack.tables import Graph, TokenTable, graph
from linkage.attack.words import scramble

ROUNDS: Final = 20
SMALL_CLASS: Final = 10
DIGITS: Final = 5
_SEEN: Final = np.uint64(0xD1B54A32D192ED03)
_STEP: Final = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True)
class Exposure:
    """What colours tell apart: shares (0..1) of `records`, the number of classes, and the middle record's class."""

    records: int
    singled_out: float
    in_classes_up_to_10: float
    classes: int
    median_class_size: int

    @classmethod
    def of(cls, sizes: np.ndarray) -> "Exposure":
        """Return the exposure of records, given the size of the class of each, int64 (n,)."""
        if not len(sizes):
            return cls(0, 0.0, 0.0, 0, 0)
        return cls(
            records=len(sizes),
            singled_out=round(float((sizes == 1).mean()), DIGITS),
            in_classes_up_to_10=round(float((sizes <= SMALL_CLASS).mean()), DIGITS),
            classes=round(float((1 / sizes).sum())),
            median_class_size=int(np.median(sizes)),
        )

    def to_json(self) -> dict[str, int | float]:
        """Return the figures by name."""
        return asdict(self)


@dataclass(frozen=True)
class Colours:
    """`record` uint64 (n,) and `token` uint64 (tokens,): equal colours cannot be told apart by structure."""

    record: np.ndarray
    token: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """How many records have each record's colour, int64 (n,)."""
        return class_sizes(self.record)


def exposure(records: int, tables: Sequence[TokenTable]) -> Exposure:
    """Return what all tables together show of `records` records, numbered from 0."""
    return Exposure.of(refine(graph(records, tables)).sizes)


def refine(tokens: Graph, rounds: int = ROUNDS) -> Colours:
    """Return the colours of records and shared tokens after at most `rounds` steps, or once no class divides."""
    colour, token = np.zeros(tokens.records, np.uint64), np.zeros(tokens.shared, np.uint64)
    classes = 0
    for _ in range(rounds):
        colour, token = _step(tokens, colour)
        found = _count(colour)
        if found == classes:
            break
        classes = found
    return Colours(colour, token)


def class_sizes(colour: np.ndarray) -> np.ndarray:
    """Return how often each value occurs, int64, in the order given."""
    _, inverse, counts = np.unique(colour, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse])


def _step(tokens: Graph, colour: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour every token by its holders and columns, then every record by its tokens and columns."""
    gathered = np.zeros(tokens.shared, np.uint64)
    for edges in tokens.edges:
        np.add.at(gathered, edges.token, scramble(colour[edges.record] ^ _salt(edges.column)))
    token = scramble(gathered ^ scramble(tokens.domain))
    seen = tokens.alone.copy()
    for edges in tokens.edges:
        colours = scramble(token[edges.token] ^ _salt(edges.column) ^ _SEEN)
        if edges.once:
            seen[edges.record] += colours
        else:
            np.add.at(seen, edges.record, colours)
    return scramble(colour * _STEP + seen), token


def _salt(column: int) -> np.uint64:
    return np.uint64(scramble(np.full(1, column + 1, np.uint64))[0])


def _count(colour: np.ndarray) -> int:
    ordered = np.sort(colour)
    return int((ordered[1:] != ordered[:-1]).sum()) + 1 if len(ordered) else 0
