"""anonlink over clkhash CLKs: one 1,024-bit Bloom filter a record, all pairs by Dice, greedy one-to-one.

Runs in an environment of its own (`requirements.txt`), as a script: `python benchmarks/peers/clk.py DATA OUT`. DATA
holds ``values.parquet``, normalised by the same rules as ours. Every source is taken to hold a child once, because the
solver does. The Dice threshold is chosen afterwards on the truth, as for the other peers.
"""

from __future__ import annotations

import itertools
import secrets
import sys
import time
from array import array
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from anonlink import candidate_generation, similarities, solving
from clkhash import clk
from clkhash.comparators import ExactComparison, NgramComparison
from clkhash.field_formats import BitsPerFeatureStrategy, FieldHashingProperties, StringSpec
from clkhash.schema import Schema

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.peers.outcome import Laps, arguments, write_outcome

BITS = 1024
BIGRAMS, EXACT = NgramComparison(2), ExactComparison()
FIELDS = {  # field: how it is cut into tokens, and how many bits of the filter it sets
    "given": (BIGRAMS, 160),
    "surname": (BIGRAMS, 160),
    "birth_date": (NgramComparison(2, positional=True), 200),
    "sex": (EXACT, 20),
}
THRESHOLDS = tuple(round(0.6 + 0.02 * step, 2) for step in range(18))
MANY, LEAST_OF_MANY = 30_000, 0.72
"""Past so many records, lower thresholds would give more pairs than memory holds, and no better links."""
WORKERS = 2


def schema() -> Schema:
    """Return clkhash's schema of the four fields."""
    specs = [
        StringSpec(
            name,
            FieldHashingProperties(comparator=cut, strategy=BitsPerFeatureStrategy(bits)),
            regex=".*",
        )
        for name, (cut, bits) in FIELDS.items()
    ]
    return Schema(specs, BITS)


def clks_of(data: Path) -> tuple[list, np.ndarray]:
    """Return the Bloom filter of every record and the number of its source."""
    table = pq.read_table(data / "values.parquet")
    rows = list(zip(*(table.column(name).fill_null("").to_pylist() for name in FIELDS), strict=True))
    return clk.generate_clks(rows, schema(), secrets.token_hex(32), validate=False), table["source"].to_numpy()


def compare(chosen: list[list], pair: tuple[int, int], least: float) -> tuple[np.ndarray, ...]:
    """Return Dice, sources and record numbers of the alike pairs of two sources, whose numbers are `pair`."""
    dice, _, (left, right) = candidate_generation.find_candidate_pairs(
        chosen, similarities.dice_coefficient_accelerated, least
    )
    one, other = (np.full(len(dice), number, np.uint32) for number in pair)
    return np.array(dice), one, other, np.array(left, np.uint32), np.array(right, np.uint32)


def candidates(sets: list[list], least: float) -> tuple[array, tuple[array, array], tuple[array, array]]:
    """Return all pairs of records of two sources of at least some Dice, best first, as anonlink gives them."""
    pairs = list(itertools.combinations(range(len(sets)), 2))
    chosen = [[sets[number] for number in pair] for pair in pairs]
    with ProcessPoolExecutor(WORKERS) as pool:
        parts = list(pool.map(compare, chosen, pairs, itertools.repeat(least)))
    dice, one, other, left, right = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(-dice, kind="stable")
    sources = (array("I", one[order].tolist()), array("I", other[order].tolist()))
    return array("d", dice[order].tolist()), sources, (array("I", left[order].tolist()), array("I", right[order]))


def solved(found: tuple, threshold: float, starts: np.ndarray, records: int) -> np.ndarray:
    """Return the cluster of every record at a threshold."""
    dice, (one, other), (left, right) = found
    keep = int(np.searchsorted(-np.frombuffer(dice), -threshold, side="right"))
    groups = solving.greedy_solve((dice[:keep], (one[:keep], other[:keep]), (left[:keep], right[:keep])))
    cluster = np.arange(records)
    for group in groups:
        members = [int(starts[source]) + record for source, record in group]
        cluster[members] = min(members)
    return cluster


def main() -> None:
    """Measure the data set of the command line, and keep its filters for whoever attacks them."""
    args = arguments()
    laps = Laps()
    filters, source = clks_of(args.data)
    laps.lap("encode")
    starts = np.flatnonzero(np.diff(source, prepend=-1))
    sets = [filters[start:end] for start, end in itertools.pairwise([*starts.tolist(), len(filters)])]
    tried = THRESHOLDS if len(filters) < MANY else [one for one in THRESHOLDS if one >= LEAST_OF_MANY]
    found = candidates(sets, min(tried))
    laps.lap("predict")
    clusters, seconds = {}, {}
    for threshold in tried:
        started = time.monotonic()
        clusters[threshold] = solved(found, threshold, starts, len(filters))
        seconds[threshold] = time.monotonic() - started
    write_outcome(args.out, laps.seconds, clusters, seconds, BITS / 8, pairs=len(found[0]))
    packed = np.frombuffer(b"".join(one.tobytes() for one in filters), np.uint8).reshape(len(filters), -1)
    np.save(args.out / "filters.npy", packed)


if __name__ == "__main__":
    main()
