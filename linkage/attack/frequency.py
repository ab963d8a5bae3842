"""The frequency attack: tokens ranked by how often they occur, beside values ranked by how often they occur.

The attacker has every field's distribution of values, not the key. The token that occurs as often as no other one is
the value that does; where several occur equally often, the colours of the structure attack tell some of them apart. A
guess is made only where token and value stand alone, and is then right if the distribution is. A token that one record
holds says nothing here that the colour of its record does not.
"""

from typing import Any

import numpy as np

from linkage.attack.structure import DIGITS, Colours, class_sizes
from linkage.attack.tables import Edges, Graph
from linkage.attack.words import scramble


def frequency(tokens: Graph, colours: Colours, among: slice = slice(None)) -> dict[str, Any]:
    """Return the shares of records of which some token stands alone: by its count, and by count and colour.

    These are all guesses that an attacker with the exact distribution could make. `among` says which records of the
    graph are meant.
    """
    by_count, with_colours = np.zeros(tokens.records, bool), colours.sizes == 1
    for edges in tokens.edges:
        held, place = _held(edges)
        by_count[edges.record[_alone(np.bincount(place))[place]]] = True
        with_colours[edges.record[_alone(_keys(held, place, colours))[place]]] = True
    return {"by_count": _share(by_count[among]), "with_colours": _share(with_colours[among])}


def aligned(tokens: Graph, values: Graph, colours: tuple[Colours, Colours] | None = None) -> np.ndarray:
    """Return the guessed value of every record in every column, int64 (columns, records), -1 for no guess.

    `tokens` and `values` have the same columns; `values` is the attacker's own table of plaintext, of the same records
    or of others: equal ranks of frequency are taken for equal values. Guesses are the numbers of shared values in
    `values`. Where both tables are about the same records, the `colours` of both tell apart what occurs equally often.
    """
    guessed = np.full((len(tokens.columns), tokens.records), -1, np.int64)
    own = {values.columns[edges.column]: edges for edges in values.edges}
    for edges in tokens.edges:
        other = own.get(tokens.columns[edges.column])
        if other is None or not edges.once:
            continue
        held, place = _held(edges)
        known, by = _held(other)
        if colours:
            guess = _matched(_keys(held, place, colours[0]), _keys(known, by, colours[1]), known)
        else:
            guess = _ranked(np.bincount(place), np.bincount(by), known)
        guessed[edges.column, edges.record] = guess[place]
    return guessed


def _ranked(mine: np.ndarray, theirs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the value of the same rank as each token, where nothing else occurs as often as either, else -1."""
    both = min(len(mine), len(theirs))
    tokens, values = (np.argsort(-counts, kind="stable")[:both] for counts in (mine, theirs))
    sure = _alone(mine)[tokens] & _alone(theirs)[values]
    guess = np.full(len(mine), -1, np.int64)
    guess[tokens[sure]] = known[values[sure]]
    return guess


def _matched(mine: np.ndarray, theirs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the value that has each token's key, where both stand alone with it, else -1."""
    lone_mine, lone_theirs = np.flatnonzero(_alone(mine)), np.flatnonzero(_alone(theirs))
    _, tokens, values = np.intersect1d(mine[lone_mine], theirs[lone_theirs], assume_unique=True, return_indices=True)
    guess = np.full(len(mine), -1, np.int64)
    guess[lone_mine[tokens]] = known[lone_theirs[values]]
    return guess


def _held(edges: Edges) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct tokens of a column, and the place of every edge's token among them."""
    held, place = np.unique(edges.token, return_inverse=True)
    return held, place


def _keys(held: np.ndarray, place: np.ndarray, colours: Colours) -> np.ndarray:
    """Return what each of the distinct tokens is recognised by: its count and its colour, uint64."""
    return np.asarray(scramble(np.bincount(place).astype(np.uint64)) ^ colours.token[held])


def _alone(keys: np.ndarray) -> np.ndarray:
    return np.asarray(class_sizes(keys) == 1)


def _share(of: np.ndarray) -> float:
    return round(float(of.mean()), DIGITS) if len(of) else 0.0
