"""What the peers that use Splink share: blocking as far as ours reaches, Splink's own training, and a sweep.

The peers train on the data they link, which ours does not, and their threshold is chosen afterwards on the truth: the
outcome holds the clusters of each. Links are resolved as ours are, with one record a child where a source promises it.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.blocking_rule_library import block_on
from splink.internals.exceptions import EMTrainingException

from benchmarks.data.folder import Folder
from linkage.atoms import build_atoms
from linkage.names import START_LETTERS
from linkage.resolve import Edges, Parts, edges_between, resolve
from linkage.rules import ANCHORS, SWAPPED_NAMES

RECALL_OF_RULES = 0.85
TRAINING_PAIRS = 1_000_000
SEED = 7
LEAST_BITS = -14.0
THRESHOLDS = (-10.0, -8.0, -6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
CERTAIN = (("birth_date", "given", "surname_1"), ("ssn",))
TRAINING = (("birth_date", "sex"), ("given", "surname_1"), ("zip", "surname_1"))
NOT_TWICE = "not (l.single and r.single and l.source = r.source)"
SWAPPED = "l.given = r.surname_1 and l.surname_1 = r.given"


@dataclass(frozen=True)
class Scored:
    """Pairs of record numbers and their match weight in bits."""

    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray


def atoms_of(data: Folder) -> pa.Table:
    """Return the normalised values of every record, by the same rules as ours, and ``surname_start``."""
    forms = data.about["date_format"]
    parts = [pa.table(build_atoms(data.identifiers(s), forms.get(s))) for s in data.sources]
    atoms = pa.concat_tables(parts)
    return atoms.append_column("surname_start", pc.utf8_slice_codeunits(atoms["surname_1"], 0, START_LETTERS))


def input_table(columns: pa.Table, source: np.ndarray, single: np.ndarray) -> pa.Table:
    """Return the table Splink reads; `single` bool (n,) marks records of sources with one record a child."""
    added = {"record": np.arange(len(source), dtype=np.int32), "source": source, "single": single}
    for name, values in added.items():
        columns = columns.append_column(name, pa.array(values))
    return columns


def blocking_rules(swapped: str | None, wider: tuple[tuple[str, ...], ...] = ()) -> list[str]:
    """Return the anchors of `linkage.rules` as conditions on columns, `swapped` that on swapped names, and `wider`."""
    rules = [" and ".join([*(f"l.{part} = r.{part}" for part in rule), NOT_TWICE]) for rule in wider]
    for anchor in ANCHORS:
        if SWAPPED_NAMES in anchor.parts and swapped is None:
            continue
        parts = [swapped if part == SWAPPED_NAMES else f"l.{part} = r.{part}" for part in anchor.parts]
        rules.append(" and ".join([*parts, NOT_TWICE]))
    return rules


def settings(comparisons: list, rules: list[str]) -> SettingsCreator:
    """Return the settings of a peer."""
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        blocking_rules_to_generate_predictions=rules,
        comparisons=comparisons,
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )


def linker_of(connection: duckdb.DuckDBPyConnection, table: pa.Table, chosen: SettingsCreator) -> Linker:
    """Return Splink over the table, trained on it: prior, u by random sampling, m by expectation maximisation."""
    connection.execute("set disabled_optimizers = 'join_order'")
    sdf = DuckDBAPI(connection=connection).register(table, dataset_display_name="people")
    linker = Linker(sdf, chosen, log_level=logging.ERROR)
    known = {name for name in table.column_names if table.column(name).null_count < len(table)}
    train = linker.training
    certain = [block_on(*rule) for rule in CERTAIN if known.issuperset(rule)]
    train.estimate_probability_two_random_records_match(certain, recall=RECALL_OF_RULES)
    train.estimate_u_using_random_sampling(max_pairs=TRAINING_PAIRS, seed=SEED)
    for rule in TRAINING:
        with contextlib.suppress(EMTrainingException):  # no pairs: a small data set with hardly a value in a column
            train.estimate_parameters_using_expectation_maximisation(block_on(*rule), max_pairs=TRAINING_PAIRS)
    return linker


def scored(connection: duckdb.DuckDBPyConnection, linker: Linker) -> Scored:
    """Return all pairs worth a thought."""
    name = linker.inference.predict(threshold_match_weight=LEAST_BITS, warning_mode="never").physical_name
    query = f"select record_l, record_r, match_weight from {name}"  # noqa: S608 - a name Splink gave
    left, right, weight = (c.to_numpy() for c in connection.sql(query).to_arrow_table().columns)
    return Scored(left.astype(np.int64), right.astype(np.int64), weight)


def swept(pairs: Scored, source: np.ndarray, single: np.ndarray) -> tuple[dict, dict]:
    """Return the cluster of every record, and the seconds it took, for each threshold."""
    bit = np.uint64(1) << source.astype(np.uint64)
    parts = Parts(bit, np.where(single, bit, np.uint64(0)))
    clusters, seconds = {}, {}
    for threshold in THRESHOLDS:
        started = time.monotonic()
        edges: Edges = edges_between(pairs.left, pairs.right, pairs.weight)
        clusters[threshold] = resolve(edges, parts, threshold).cluster
        seconds[threshold] = time.monotonic() - started
    return clusters, seconds


def shared_columns(columns: pa.Table, source: np.ndarray) -> set[str]:
    """Return the columns that two sources have at least: no other column can be compared, or learnt from."""
    found = set()
    for name in columns.column_names:
        valid = np.asarray(columns.column(name).is_valid())
        if len(np.unique(source[valid])) > 1:
            found.add(name)
    return found
