"""One keyed token a field, compared by plain Splink: what most token linkages in use are.

Each normalised value, and the forms of a name that survive a typing error (Soundex, its vowels and so on), is an
HMAC-SHA256 cut to 16 bytes under one key a field. The same values give the same token wherever they are, so that the
store shows who shares what with whom. The same model as plaintext Splink's as far as equality goes, trained the same
way.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import splink.comparison_level_library as cll
from splink.comparison_library import CustomComparison, ExactMatch

from benchmarks.data.folder import Folder
from benchmarks.peers import trained
from benchmarks.peers.outcome import Laps, arguments, write_exposure, write_outcome
from benchmarks.peers.plaintext import PLAIN, any_slot
from linkage.attack import TokenTable, exposure
from linkage.prf import BLOCK, leaves
from linkage.rules import ANCHORS, GIVEN_FORMS, GIVEN_SLOTS, SURNAME_SLOTS, SWAPPED_NAMES

NAMES = ("given", *GIVEN_SLOTS, *GIVEN_FORMS)
SURNAMES = (*SURNAME_SLOTS, "surname_sound")
BLOCKED = tuple(part for anchor in ANCHORS for part in anchor.parts if part != SWAPPED_NAMES)
FIELDS = tuple(dict.fromkeys((*NAMES, *SURNAMES, *PLAIN, *BLOCKED)))
COMPARABLE = (("given", *GIVEN_SLOTS), SURNAME_SLOTS)


def tokens_of(data: Folder) -> pa.Table:
    """Return the first half of each token as uint64, null where there is no value."""
    atoms = trained.atoms_of(data)
    keys = {name: secrets.token_bytes(32) for name in FIELDS}
    for group in COMPARABLE:
        keys |= dict.fromkeys(group, keys[group[0]])
    columns = {}
    for name in FIELDS:
        values = atoms.column(name).combine_chunks()
        token = np.ascontiguousarray(leaves(values, keys[name])).view("<u8")[:, 0]
        columns[name] = pa.array(token, mask=np.asarray(values.is_null()))
    return pa.table(columns)


def comparisons(shared: set[str]) -> list:
    """Return the comparisons over the columns that two sources share."""
    given = CustomComparison(
        output_column_name="given",
        comparison_levels=[
            cll.NullLevel("given"),
            cll.ExactMatchLevel("given").configure(tf_adjustment_column="given"),
            cll.CustomLevel(any_slot(GIVEN_SLOTS), "a nickname"),
            cll.CustomLevel(same(*GIVEN_FORMS), "alike"),
            cll.ElseLevel(),
        ],
    )
    surname = CustomComparison(
        output_column_name="surname_1",
        comparison_levels=[
            cll.NullLevel("surname_1"),
            cll.ExactMatchLevel("surname_1").configure(tf_adjustment_column="surname_1"),
            cll.CustomLevel(any_slot(SURNAME_SLOTS), "a part the same"),
            cll.CustomLevel(same("surname_sound"), "alike"),
            cll.ElseLevel(),
        ],
    )
    birth = CustomComparison(
        output_column_name="birth_date",
        comparison_levels=[
            cll.NullLevel("birth_date"),
            cll.ExactMatchLevel("birth_date"),
            cll.CustomLevel(same("birth_year_month", "birth_month_day", "birth_year_day"), "two of three parts"),
            cll.ElseLevel(),
        ],
    )
    return [given, surname, birth, *(ExactMatch(name) for name in (*PLAIN, "ssn") if name in shared)]


def same(*names: str) -> str:
    """Hold when any of the columns agrees."""
    return " or ".join(f"{name}_l = {name}_r" for name in names)


def measure(data: Folder, out: Path) -> None:
    """Link once and write the outcome."""
    laps = Laps()
    tokens, source = tokens_of(data), data.source_of()
    single = np.isin(source, [data.sources.index(name) for name in data.about["one_record"]])
    table = trained.input_table(tokens, source, single)
    laps.lap("encode")
    with duckdb.connect() as connection:
        chosen = trained.settings(comparisons(trained.shared_columns(tokens, source)), trained.blocking_rules(None))
        linker = trained.linker_of(connection, table, chosen)
        laps.lap("train")
        pairs = trained.scored(connection, linker)
        laps.lap("predict")
    clusters, seconds = trained.swept(pairs, source, single)
    stored = sum(len(column) - column.null_count for column in tokens.columns) * BLOCK
    write_outcome(out, laps.seconds, clusters, seconds, stored / len(source), pairs=len(pairs.left))


def expose(data: Folder, out: Path) -> None:
    """Write what the stored tokens give away; they are stored as they are sent."""
    tokens, source = tokens_of(data), data.source_of()
    sources = {}
    for number, name in enumerate(data.sources):
        own = tokens.take(pa.array(np.flatnonzero(source == number)))
        sources[name] = exposure(own.num_rows, [TokenTable.of(own, COMPARABLE)]).singled_out
    whole = exposure(tokens.num_rows, [TokenTable.of(tokens, COMPARABLE)]).singled_out
    write_exposure(out, at_rest=whole, in_transit=max(sources.values()), whole=whole, sources=sources)


def main() -> None:
    """Measure or attack the data set of the command line."""
    args = arguments()
    (expose if args.exposure else measure)(Folder(args.data), args.out)


if __name__ == "__main__":
    main()
