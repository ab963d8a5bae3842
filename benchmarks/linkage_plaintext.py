"""What tokens cost: the same records linked by plaintext Splink and by tokens, side by side.

    .venv/bin/python benchmarks/linkage_plaintext.py CITY [--night 2026-09-01]

CITY is a folder made by `cradlepath demo` whose nights have not run (its landing files are still there). Its sources
are loaded with the real readers into a temporary copy; the identifiers are kept in memory on their way to the tokens.
The peer is a plain Splink model: Jaro-Winkler, Damerau-Levenshtein, term frequencies, u by random sampling, m by EM,
the same blocking rules on clear values (but for swapped names), and the same resolution.
For measuring on made-up children only.
"""

import argparse
import logging
import shutil
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import splink.comparison_level_library as cll
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.blocking_rule_library import block_on
from splink.comparison_library import CustomComparison, DamerauLevenshteinAtThresholds, ExactMatch

from assets.extracts import settle
from assets.extracts.load import load_source
from linkage.atoms import build_atoms
from linkage.evaluate import evaluate
from linkage.ledger import Ledger
from linkage.model import blocking_condition
from linkage.records import find_keys, key_matrix
from linkage.resolve import resolve
from linkage.rules import ONE_ROUND
from linkage.run import link, read_records
from linkage.score import Pairs, Records
from linkage.vault import Vault
from pipelines import workspace as workspaces
from pipelines.resources import make_night

RULES = (  # the anchors of linkage.rules, on clear values
    ("birth_date", "given_canonical"),
    ("birth_date", "surname_1", "sex"),
    ("birth_year_month", "given_canonical", "surname_1"),
    ("birth_month_day", "given_canonical", "surname_1"),
    ("birth_year_day", "given_canonical", "surname_1"),
    ("birth_date", "mother_given", "sex"),
    ("ssn",),
    ("medicaid_id",),
    ("given_canonical", "surname_1", "middle"),
    ("given_canonical", "surname_1", "zip"),
    ("given_canonical", "surname_1", "mother_given"),
)
EM_PAIRS = 1_000_000
SEED = 7


def any_slot(condition: str) -> str:
    slots = ("surname_1", "surname_2", "surname_3")
    return " or ".join(condition.format(a=f"{a}_l", b=f"{b}_r") for a in slots for b in slots)


def peer() -> SettingsCreator:
    given = CustomComparison(
        output_column_name="given",
        comparison_levels=[
            cll.NullLevel("given"),
            cll.ExactMatchLevel("given").configure(tf_adjustment_column="given"),
            cll.ExactMatchLevel("given_canonical"),
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
            cll.CustomLevel(any_slot("{a} = {b}"), "a part the same"),
            cll.JaroWinklerLevel("surname_1", 0.9),
            cll.JaroWinklerLevel("surname_1", 0.8),
            cll.ElseLevel(),
        ],
    )
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        blocking_rules_to_generate_predictions=[
            " and ".join(f"l.{name} = r.{name}" for name in rule) + NOT_TWICE for rule in RULES
        ],
        comparisons=[
            given,
            surname,
            DamerauLevenshteinAtThresholds("birth_date", [1, 2]),
            ExactMatch("sex"),
            ExactMatch("middle"),
            ExactMatch("zip"),
            ExactMatch("mother_given"),
            DamerauLevenshteinAtThresholds("ssn", [1]),
            ExactMatch("medicaid_id"),
        ],
        retain_matching_columns=False,
    )


NOT_TWICE = blocking_condition("x").replace("l.x = r.x", "")


def plaintext(atoms: pa.Table, records: Records) -> Pairs:
    table = atoms.append_column("record", pa.array(np.arange(atoms.num_rows, dtype=np.int32)))
    table = table.append_column("source", pa.array(records.source)).append_column("single", pa.array(records.single))
    with duckdb.connect() as connection:
        connection.execute("set disabled_optimizers = 'join_order'")
        sdf = DuckDBAPI(connection=connection).register(table, dataset_display_name="people")
        linker = Linker(sdf, peer(), log_level=logging.ERROR)
        train = linker.training
        train.estimate_probability_two_random_records_match(
            [block_on("birth_date", "given", "surname_1"), block_on("ssn")], recall=0.85
        )
        train.estimate_u_using_random_sampling(max_pairs=EM_PAIRS, seed=SEED)
        for rule in (block_on("birth_date", "sex"), block_on("given", "surname_1"), block_on("zip", "surname_1")):
            train.estimate_parameters_using_expectation_maximisation(rule, max_pairs=EM_PAIRS)
        name = linker.inference.predict(warning_mode="never").physical_name
        query = f"select record_l, record_r, match_weight from {name}"  # noqa: S608 - a name Splink gave
        found = connection.sql(query).to_arrow_table()
    left, right, weight = (column.to_numpy() for column in found.columns)
    return Pairs(np.minimum(left, right), np.maximum(left, right), weight)


def collect(city: Path, night: date, folder: Path) -> tuple[object, dict[str, list[pa.Table]]]:
    """Load every source of a copy of the city; return its night, and the identifiers of each source."""
    shutil.copytree(city, folder, dirs_exist_ok=True)
    at = make_night(workspaces.load(workspaces.find(folder)), night)
    seen: dict[str, list[pa.Table]] = {}
    encode = settle.encode

    def remember(identifiers: pa.Table, source: str, *rest: object) -> pa.Table:
        atoms = pa.table(build_atoms(identifiers, rest[1] if len(rest) > 1 else None))
        keys = identifiers.column("record_key")
        seen.setdefault(source, []).append(atoms.append_column("record_key", keys))
        return encode(identifiers, source, *rest)

    settle.encode = remember
    try:
        for source in at.policy.sources:
            load_source(at, source)
    finally:
        settle.encode = encode
    return at, seen


def ordered(seen: dict[str, list[pa.Table]], vault: Vault) -> pa.Table:
    """Return the atoms in the order of the vault's records, the last delivery of each record."""
    parts = []
    for source in vault.sources():
        every = pa.concat_tables(seen[source][::-1])
        at = find_keys(key_matrix(every.column("record_key")), vault.read(source)[0])
        parts.append(every.take(pa.array(at)))
    return pa.concat_tables(parts)


def line(name: str, scores: dict, seconds: float) -> str:
    def three(what: str) -> str:
        return " ".join(f"{scores[what][one]:.4f}" for one in ("precision", "recall", "f1"))

    return f"{name:22} {three('cluster')}   {three('pairs')}   {three('twins')}   {seconds:6.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("city", type=Path)
    parser.add_argument("--night", type=date.fromisoformat, default=date(2026, 9, 1))
    args = parser.parse_args()
    truth = args.city / "truth.csv"
    with tempfile.TemporaryDirectory() as temporary:
        night, seen = collect(args.city, args.night, Path(temporary) / "city")
        single = {name for name, source in night.policy.sources.items() if source.one_record_a_child}
        started = time.monotonic()
        link(night.paths.vault, night.paths.ledger, single, night.date, night.keys)
        token_seconds = time.monotonic() - started
        tokens = evaluate(truth, night.paths.ledger, night.keys)
        vault = Vault(night.paths.vault)
        records, members = read_records(vault, single, ONE_ROUND)
        started = time.monotonic()
        pairs = plaintext(ordered(seen, vault), records)
        links = resolve(pairs, records)
        clear_seconds = time.monotonic() - started
        clear = Ledger(Path(temporary) / "clear.duckdb")
        clear.update(members, links.cluster, links.support, night.date, night.keys)
        peers = evaluate(truth, clear, night.keys)
    print(f"{len(records.source)} records, {tokens['records']['children']} children")
    print(f"{'':22} {'cluster P R F1':20}   {'pairs P R F1':20}   {'twins P R F1':20}")
    print(line("tokens", tokens, token_seconds))
    print(line("plaintext Splink", peers, clear_seconds))


if __name__ == "__main__":
    main()
