"""The independent audit: what a reader with all releases and a solver can work out about a hidden number.

What belongs here: the attacker. It starts from released files, never from the unsuppressed tables; it knows
every number shown in this release and in earlier ones, that counts are whole and not negative, that parts lie
within what contains them, how rates and counts are rounded, and the rule itself. For every hidden number it
computes the interval of what the number may be, and the audit fails when one is too narrow. What does not
belong here: how the numbers to hide were chosen; this module shares no code with `suppress` and `sensitivity`
but the form of the system, and states the rule again in its own words.

What must hold (source: disclosure.md, "Method to build", 5). A count, a complement or another nested
difference of 1..t-1, or one behind a rate of exactly 0 or 100 %: the interval reaches from below t to t or
more and is at least t wide. A change of a closed period of 1..t-1, every other hidden count, every count that a
mode shows changed, and the complements of these: at least two whole numbers remain possible. Groups: no equation
leaves hidden counts with a known sum of 1..t-1. Every other sum of counts that could be known is a sum of such
equations; a known sum of 1..t-1 would also hold each of its counts below t, and so fail the interval of the
sensitive one among them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from assets.release.annex import Annex
from assets.release.attacker import Attacker
from assets.release.building import build_system
from assets.release.policy import ReleasePolicy
from assets.release.published import Knowledge, form_findings, history_findings, knowledge
from assets.release.solver import solver_version
from assets.release.system import NEWEST, Bools, Floats, Ints, Kind, Rules, System, rules_of
from assets.release.tables import Catalogue

INTERVAL, INEXACT = 2, 1
Labels = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Finding:
    """Something that stops a release: what is wrong, and the table and cell it is about (never a number)."""

    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class AuditReport:
    """What an audit found. `intervals`: variable -> (lower end, upper end) that is proven possible."""

    findings: list[Finding] = field(default_factory=list)
    intervals: dict[int, tuple[float, float]] = field(default_factory=dict)
    narrow: dict[int, int] = field(default_factory=dict)
    """variable -> by how much its interval is too narrow; what a repair may start from"""
    counts: int = 0
    hidden: int = 0
    sensitive: int = 0
    programs: int = 0
    integer_programs: int = 0
    constraint_hash: str = ""
    solver: str = ""
    complete: bool = True
    """False when the annex was not at hand, so that only exact recovery was looked for"""

    @property
    def passed(self) -> bool:
        """Whether nothing stops the release."""
        return not self.findings


def audit(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    policy: ReleasePolicy,
    annex: Annex | None,
    *,
    release_id: str = NEWEST,
    before: Mapping[str, ReleasePolicy] | None = None,
    earlier: Sequence[Path] = (),
    schema: str = "main",
) -> AuditReport:
    """Attack the released tables in `schema` of `con`, with the earlier releases' files at hand.

    `release_id`: what rows first published by this release carry; `before`: the rules of earlier releases, by
    id. `annex` None: the audit cannot know which hidden numbers are sensitive, and looks for exact recovery
    only.
    """
    report = AuditReport(solver=solver_version(), complete=annex is not None)
    drifting = np.empty(0, np.int64) if annex is None else annex.drifting
    system = build_system(con, catalogue, schema, drifting=drifting.tolist())
    known = knowledge(con, system, policy, release_id, schema, before)
    report.counts, report.hidden = system.n_counts, int(known.hidden.sum())
    for what, where in (
        *form_findings(con, catalogue, schema),
        *history_findings(con, catalogue, earlier, schema),
    ):
        report.findings.append(Finding(what, where))
    rules = rules_of(system, policy, before or {})
    for variable in np.flatnonzero(known.unfit)[:20]:
        _report(report, system, int(variable), "its mode cannot show this number, or it may stand for a small count")
    demand, truth = _judge(system, known, rules, annex, report)
    _attack(system, known, demand, rules, truth=truth, report=report)
    return report


def _judge(
    system: System, known: Knowledge, rules: Rules, annex: Annex | None, report: AuditReport
) -> tuple[Ints, Floats | None]:
    """Return what each variable demands and, if the annex tells it whole, the truth, both of shape (n,).

    Reports sensitive numbers that are simply shown, and an annex that does not fit the release.
    """
    complement = (system.kind == Kind.COMPLEMENT) & system.sensitive
    vague = known.hidden | known.changed
    beside = complement & (vague[system.minuend] | vague[system.subtrahend])
    demand = np.where(vague | beside, INEXACT, 0)
    truth = system.values.copy()
    truth[known.rounded] = np.nan
    if annex is not None:
        if set(annex.hidden.tolist()) != set(np.flatnonzero(known.hidden | known.rounded).tolist()):
            report.findings.append(Finding("the hidden cells are not those of the annex", "the whole release"))
            return demand, None
        truth[annex.hidden] = annex.truth
    truth = _complete(system, truth)
    own = _rule(system, truth, rules, known.earlier)
    if annex is not None:
        report.sensitive = int((own > 0).sum())
        declared = np.zeros(len(own), np.int64)
        declared[annex.sensitive] = annex.demand
        for variable in np.flatnonzero(declared != own)[:20]:
            _report(report, system, int(variable), "the annex does not call it as sensitive as the rule does")
        misread = known.rounded & ((truth < known.low) | (truth > known.high))
        for variable in np.flatnonzero(misread)[:20]:
            _report(report, system, int(variable), "a rounded number does not stand for the one in the annex")
        broken = np.abs(system.matrix @ truth) > 0.5
        for equation in np.flatnonzero(broken)[:20]:
            report.findings.append(Finding("shown and hidden counts do not add up", str(system.labels[equation])))
    for variable in np.flatnonzero((own > 0) & ~known.unknown):
        _report(report, system, int(variable), "a number that the rule hides is shown or follows from two shown")
    sound = annex is not None and not report.findings and not np.isnan(truth).any()
    return np.maximum(demand, np.where(known.unknown, own, 0)), truth if sound else None


def _complete(system: System, truth: Floats) -> Floats:
    """Fill the differences from the counts they are taken from."""
    out = truth.copy()
    plain = (system.kind == Kind.COMPLEMENT) | (system.kind == Kind.NESTED) | (system.kind == Kind.CHANGE)
    out[plain] = out[system.minuend[plain]] - out[system.subtrahend[plain]]
    drift = system.kind == Kind.DRIFT
    out[drift] = 0
    if drift.any():
        rows = np.flatnonzero(system.drifting)
        out[drift] = -(system.matrix[rows] @ out)
    return out


def _rule(system: System, truth: Floats, rules: Rules, earlier: Bools) -> Ints:
    """State the rule of primary suppression again, for known numbers; unknown ones demand nothing here."""
    magnitude = np.abs(np.nan_to_num(truth, nan=0.0))
    known = ~np.isnan(truth)
    few = known & system.sensitive & (magnitude > 0) & (magnitude < rules.threshold)
    out = np.where(few, np.where(system.signed, INEXACT, INTERVAL), 0)
    out[known & rules.zeros & (system.kind == Kind.COUNT) & (magnitude == 0)] = INTERVAL
    for block in system.blocks:
        if block.spec.certain_shown:
            continue
        last = block.offset + block.rows * len(block.spec.counts)
        inside = (system.subtrahend >= block.offset) & (system.subtrahend < last) & rules.certain
        pairs = np.flatnonzero(inside & (system.kind == Kind.COMPLEMENT) & system.sensitive)
        group, part = truth[system.minuend[pairs]], truth[system.subtrahend[pairs]]
        out[system.subtrahend[pairs[(group > 0) & (part == 0)]]] = INTERVAL
        out[pairs[(group > 0) & (part == group)]] = INTERVAL
    out[earlier] = 0
    plain = (system.minuend >= 0) & (system.subtrahend >= 0)
    out[plain & earlier[system.minuend] & earlier[system.subtrahend]] = 0
    return np.asarray(out, np.int64)


def _report(report: AuditReport, system: System, variable: int, what: str) -> None:
    report.findings.append(Finding(what, system.coordinates(variable)))


def _attack(
    system: System,
    known: Knowledge,
    demand: Ints,
    rules: Rules,
    *,
    truth: Floats | None,
    report: AuditReport,
) -> None:
    """Substitute what is shown, split what is left into connected parts, and attack each."""
    unknown = np.flatnonzero(known.unknown)
    shown = np.where(known.unknown, 0.0, system.values)
    matrix = sparse.vstack([system.matrix, known.rate_matrix], format="csr")
    low = np.concatenate([np.zeros(system.matrix.shape[0]), known.rate_low]) - matrix @ shown
    high = np.concatenate([np.zeros(system.matrix.shape[0]), known.rate_high]) - matrix @ shown
    reduced = matrix[:, unknown].tocsr()
    left = np.diff(reduced.indptr) > 0
    for row in np.flatnonzero(~left & ((low > 0.5) | (high < -0.5)))[:20]:
        label = system.labels[row] if row < len(system.labels) else "a rate"
        report.findings.append(Finding("the numbers shown do not add up", str(label)))
    reduced, low, high = reduced[left], low[left], high[left]
    labels = np.concatenate([system.labels, np.full(len(known.rate_low), "a rate", object)])[left]
    report.constraint_hash = _digest(reduced, low, high, known.low[unknown], known.high[unknown])
    _groups(system, unknown, (reduced, low, high), labels, rules, report=report)
    for columns, rows in _connected(reduced):
        members = unknown[columns]
        if not demand[members].any():
            continue
        attacker = Attacker(
            reduced[rows][:, columns].tocsr(),
            (low[rows], high[rows]),
            (known.low[members], known.high[members]),
            rules.threshold[members],
            None if truth is None else truth[members],
        )
        for number, what, missing in attacker.attack(demand[members]):
            variable = int(members[number])
            _report(report, system, variable, what)
            report.narrow[variable] = missing
        report.intervals.update({int(members[i]): attacker.interval(int(i)) for i in np.flatnonzero(demand[members])})
        report.programs += attacker.programs
        report.integer_programs += attacker.integer_programs


def _groups(
    system: System,
    unknown: Ints,
    rows: tuple[sparse.csr_matrix, Floats, Floats],
    labels: Labels,
    rules: Rules,
    *,
    report: AuditReport,
) -> None:
    """Report equations that leave a group of hidden, sensitive-by-kind counts with a known sum of 1..t-1."""
    matrix, low, high = rows
    exact = low == high
    harmless = (~system.sensitive | system.signed)[unknown].astype(float)
    positive = np.asarray((matrix > 0).sum(axis=1)).ravel() == np.diff(matrix.indptr)
    negative = np.asarray((matrix < 0).sum(axis=1)).ravel() == np.diff(matrix.indptr)
    total = np.where(positive, low, -low)
    clean = (abs(matrix) @ harmless) == 0
    first_of = unknown[matrix.indices[matrix.indptr[:-1]]] if matrix.shape[0] else np.empty(0, np.int64)
    small = exact & (positive | negative) & clean & (total > 0.5) & (total < rules.threshold[first_of] - 0.5)
    for row in np.flatnonzero(small)[:20]:
        first = int(first_of[row])
        _report(report, system, first, f"hidden counts of one equation ({labels[row]}) have a known small sum")


def _connected(matrix: sparse.csr_matrix) -> list[tuple[Ints, Ints]]:
    """Split a system into its connected parts: (columns, rows) of each, in the order of the first column."""
    m, n = matrix.shape
    rows, columns = matrix.nonzero()
    graph = sparse.csr_matrix((np.ones(len(rows)), (rows, m + columns)), shape=(m + n, m + n))
    count, label = connected_components(graph, directed=False)
    column_order, row_order = np.argsort(label[m:], kind="stable"), np.argsort(label[:m], kind="stable")
    column_cut = np.searchsorted(label[m:][column_order], np.arange(count + 1))
    row_cut = np.searchsorted(label[:m][row_order], np.arange(count + 1))
    found = [
        (column_order[column_cut[i] : column_cut[i + 1]], row_order[row_cut[i] : row_cut[i + 1]]) for i in range(count)
    ]
    return sorted((part for part in found if len(part[0])), key=lambda part: int(part[0][0]))


def _digest(matrix: sparse.csr_matrix, *vectors: Floats) -> str:
    """Return the SHA-256 of the attacker's system in a fixed byte order."""
    matrix.sort_indices()
    digest = hashlib.sha256()
    for part in (matrix.indptr, matrix.indices):
        digest.update(part.astype("<i8").tobytes())
    for values in (matrix.data, *vectors):
        digest.update(np.asarray(values, "<f8").tobytes())
    return digest.hexdigest()
