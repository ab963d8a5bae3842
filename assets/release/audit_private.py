"""The independent audit of a release under differential privacy: it shows its draw, and the draw costs what it says.

Noise has no bound, so there is no interval to attack: what protects a child is that each number was drawn once, with
enough noise, and paid for. What belongs here, from released files: the new numbers are those of the sealed draw, in
this module's own words for clamping; the library's privacy map proves, for rows and rule as they are, no more than the
manifest says; rates follow from shown counts; rows of closed periods are as they were. What does not: the sum over the
series (`budget_findings` is for `verify`), whether OpenDP's proofs are right.
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from assets.release.building import build_system
from assets.release.findings import AuditReport, Finding
from assets.release.history import history_findings
from assets.release.modes.kept import opened
from assets.release.modes.noise import proven
from assets.release.modes.shared import new_counts
from assets.release.modes.spending import plan
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.published import form_findings
from assets.release.system import System
from assets.release.tables import Catalogue, PublishedTable


@dataclass(frozen=True)
class SealedDraw:
    """The sealed bytes of a draw, what the manifest says of it, and the auditor's key, if at hand."""

    sealed: bytes
    privacy: Mapping[str, Any]
    key: bytes | None


def audit_private(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    policy: ReleasePolicy,
    draw: SealedDraw,
    *,
    release_id: str,
    drifting: Sequence[int] = (),
    earlier: Sequence[Path] = (),
    schema: str = "main",
) -> AuditReport:
    """Audit the released tables in `schema` of `con`. Without the auditor's key the numbers are not compared."""
    report = AuditReport(solver=f"opendp {version('opendp')}", complete=draw.key is not None)
    system = build_system(con, catalogue, schema, drifting=list(drifting))
    new = new_counts(system, release_id)
    report.counts, report.hidden = system.n_counts, int(np.isnan(system.values[: system.n_counts]).sum())
    found = [
        *form_findings(con, catalogue, schema),
        *history_findings(con, catalogue, earlier, schema, release_id),
        *_cost(draw.privacy, policy),
        *_rows(system, catalogue, policy, draw.privacy, release_id),
        *_numbers(con, catalogue, draw, release_id, schema, drawn=bool(new.any())),
    ]
    report.findings += [Finding(what, where) for what, where in found]
    costs = json.dumps(draw.privacy["tables"], sort_keys=True)
    report.constraint_hash = hashlib.sha256(costs.encode()).hexdigest()
    return report


WHOLE = "the whole release"
Said = Iterator[tuple[str, str]]


def _cost(privacy: Mapping[str, Any], policy: ReleasePolicy) -> Said:
    """Yield where what the manifest spends is less than the map proves, or more than the rule and budget allow."""
    proof = sum((Fraction(proven(t["scale"], t["sensitivity"])) for t in privacy["tables"].values()), Fraction())
    spent = Fraction(privacy["epsilon"])
    if proof > spent:
        yield "its draw spends more than the manifest says, by the library's privacy map", WHOLE
    if policy.epsilon is None or spent > Fraction(str(policy.epsilon)):
        yield "it spends more than one release may", WHOLE
    if privacy["cumulative"] is not None and (
        Fraction(privacy["cumulative"]) > Fraction(privacy["budget"]) or Fraction(privacy["cumulative"]) < spent
    ):
        yield "the series has spent more than its budget, or less than this release", WHOLE


def _rows(
    system: System, catalogue: Catalogue, policy: ReleasePolicy, privacy: Mapping[str, Any], release_id: str
) -> Said:
    """Yield where one child can be in more of the counts that are there than the noise was made for."""
    planned = plan(system, policy, release_id)
    for spec in catalogue.tables:
        found, said = planned.tables.get(spec.name), privacy["tables"].get(spec.name)
        if (found is None) != (said is None):
            yield "its rows are not those that noise was drawn for", spec.name
        elif found is not None and (found.sensitivity > said["sensitivity"] or found.scale > said["scale"]):
            yield "a child can be in more of its counts than the noise was made for", spec.name


def _numbers(
    con: duckdb.DuckDBPyConnection, catalogue: Catalogue, draw: SealedDraw, release_id: str, schema: str, *, drawn: bool
) -> Said:
    """Yield numbers shown first by this release that do not follow from its draw."""
    if draw.privacy["draw"] is None:
        if drawn:
            yield "it shows new numbers and names no draw", WHOLE
        return
    if hashlib.sha256(draw.sealed).hexdigest() != draw.privacy["draw"]:
        yield "its sealed draw is not the one that was paid for", WHOLE
        return
    if draw.key is None:
        return
    try:
        tables = opened(draw.sealed, draw.key)
    except ReleaseError as error:
        yield str(error), WHOLE
        return
    for spec in catalogue.tables:
        if spec.counts:
            yield from _table(con, spec, tables.get(spec.name, []), release_id, schema)


def _table(
    con: duckdb.DuckDBPyConnection, spec: PublishedTable, numbers: list[int], release_id: str, schema: str
) -> Said:
    """Compare one table: a noisy count below zero is shown as 0, one above what contains it as that."""
    width = len(spec.counts)
    rows = len(numbers) // width
    columns = {f"d_{name}": numbers[place::width] for place, name in enumerate(spec.count_names)}
    if len(numbers) != rows * width:
        yield "its draw does not fit its columns", spec.name
        return
    con.register("drawn", pa.table({"rid": pa.array(range(rows), pa.int64()), **columns}))
    key = ", ".join(f'"{dim}"' for dim in spec.dims)
    wrong = " or ".join(f'"{count.name}" is distinct from {_says(spec, count.name)}' for count in spec.counts)
    found = con.execute(
        f'with shown as (select row_number() over (order by {key}) - 1 as rid, * from {schema}."{spec.name}" '
        f"where release_id = ?) select {key} from shown full join drawn using (rid) where {wrong} "
        "order by all limit 20",
        [release_id],
    ).fetchall()
    con.unregister("drawn")
    for values in found:
        named = ", ".join(f"{dim}={value}" for dim, value in zip(spec.dims, values, strict=True))
        yield "a number is not that of the draw", f"{spec.name} ({named})"


def _says(spec: PublishedTable, name: str) -> str:
    """Return the SQL of the number that a draw lets be shown."""
    within = next(count.within for count in spec.counts if count.name == name)
    least = f'greatest("d_{name}", 0)'
    return least if within is None else f"least({least}, {_says(spec, within)})"


def budget_findings(manifest: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> Said:
    """Yield where the accounts of a series of manifests contradict each other: draws differ, sums only grow.

    A series may have spent more than its releases carry: a draw whose release was never published is spent as well.
    """
    draws: dict[str, Fraction] = {}
    last = Fraction()
    for one in (*earlier, manifest):
        said = one.get("mode", {}).get("privacy")
        if not said or said["draw"] is None:
            continue
        spent, cumulative = Fraction(said["epsilon"]), Fraction(said["cumulative"])
        if draws.setdefault(said["draw"], spent) != spent:
            yield "two releases of one draw say different costs", one["release_id"]
        if sum(draws.values()) > cumulative or cumulative < last:
            yield "the series has spent more than it says", one["release_id"]
        last = cumulative
