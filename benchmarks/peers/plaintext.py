"""Plaintext Splink with the best settings we found: the peer whose quality tokens have to match.

Jaro-Winkler on names, Damerau-Levenshtein on dates and numbers, term frequencies, nicknames by the same list, parts of
surnames compared with one another, the blocking rules of ours on clear values. It keeps plaintext: there is nothing to
single out, everybody is. With `--wide` it also compares addresses, and blocks on whatever we found to help.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import splink.comparison_level_library as cll
from splink.comparison_library import (
    CustomComparison,
    DamerauLevenshteinAtThresholds,
    ExactMatch,
    JaroWinklerAtThresholds,
)

from benchmarks.data.folder import Folder
from benchmarks.peers import trained
from benchmarks.peers.outcome import Laps, arguments, write_exposure, write_outcome
from linkage.rules import GIVEN_SLOTS, SURNAME_SLOTS

WIDE = (
    ("given_canonical", "surname_1"),
    ("birth_date", "given_start"),
    ("birth_date", "surname_start"),
    ("birth_date", "zip"),
    ("surname_1", "zip"),
    ("given_canonical", "zip", "birth_year"),
)
WIDE_WITH_STREET = (("street", "surname_1"), ("street", "given_canonical"), ("street", "birth_date"))
PLAIN = ("sex", "middle", "zip", "mother_given", "medicaid_id", "birth_order")


def any_slot(slots: tuple[str, ...]) -> str:
    """Hold when any of one record's slots equals any of the other's."""
    return " or ".join(f"{one}_l = {other}_r" for one in slots for other in slots)


def comparisons(shared: set[str]) -> list:
    """Return the comparisons over the columns that two sources share."""
    given = CustomComparison(
        output_column_name="given",
        comparison_levels=[
            cll.NullLevel("given"),
            cll.ExactMatchLevel("given").configure(tf_adjustment_column="given"),
            cll.CustomLevel(any_slot(GIVEN_SLOTS), "a nickname"),
            cll.JaroWinklerLevel("given", 0.9),
            cll.JaroWinklerLevel("given", 0.8),
            cll.ElseLevel(),
        ],
    )
    surname = CustomComparison(
        output_column_name="surname_1",
        comparison_levels=[
            cll.NullLevel("surname_1"),
            cll.ExactMatchLevel("surname_1").configure(tf_adjustment_column="surname_1"),
            cll.CustomLevel(any_slot(SURNAME_SLOTS), "a part the same"),
            cll.JaroWinklerLevel("surname_1", 0.9),
            cll.JaroWinklerLevel("surname_1", 0.8),
            cll.ElseLevel(),
        ],
    )
    others = [ExactMatch(name) for name in PLAIN if name in shared]
    numbers = [DamerauLevenshteinAtThresholds("ssn", [1])] if "ssn" in shared else []
    street = [JaroWinklerAtThresholds("street", [0.9])] if "street" in shared else []
    return [given, surname, DamerauLevenshteinAtThresholds("birth_date", [1, 2]), *others, *numbers, *street]


def streets(data: Folder) -> pa.ChunkedArray:
    """Return the street of every record in lower case, null where a source has none."""
    parts = []
    for source in data.sources:
        table = data.identifiers(source)
        has = "street" in table.column_names
        parts.append(table.column("street").combine_chunks() if has else pa.nulls(table.num_rows, pa.string()))
    return pa.chunked_array([pc.utf8_lower(pc.utf8_trim_whitespace(part)) for part in parts])


def measure(data: Folder, out: Path, wide: bool) -> None:
    """Link once and write the outcome."""
    laps = Laps()
    atoms, source = trained.atoms_of(data), data.source_of()
    if wide:
        atoms = atoms.append_column("street", streets(data))
    shared = trained.shared_columns(atoms, source)
    wider = (*WIDE, *(WIDE_WITH_STREET if "street" in shared else ())) if wide else ()
    single = np.isin(source, [data.sources.index(name) for name in data.about["one_record"]])
    table = trained.input_table(atoms, source, single)
    laps.lap("encode")
    with duckdb.connect() as connection:
        chosen = trained.settings(comparisons(shared), trained.blocking_rules(trained.SWAPPED, wider))
        linker = trained.linker_of(connection, table, chosen)
        laps.lap("train")
        pairs = trained.scored(connection, linker)
        laps.lap("predict")
    clusters, seconds = trained.swept(pairs, source, single)
    raw = sum(data.identifiers(name).drop_columns("record_key").nbytes for name in data.sources)
    write_outcome(out, laps.seconds, clusters, seconds, raw / len(source), pairs=len(pairs.left))


def main() -> None:
    """Measure the data set of the command line; its plaintext singles everybody out."""
    args = arguments()
    if args.exposure:
        write_exposure(args.out, at_rest=1.0, in_transit=1.0, whole=1.0)
    else:
        measure(Folder(args.data), args.out, args.wide)


if __name__ == "__main__":
    main()
