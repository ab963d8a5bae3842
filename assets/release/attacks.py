"""The attack on all that a release leaves unknown: substitute what is shown, split the rest, attack each part.

What belongs here: turning a system and what a reader knows of it into programs for `attacker`, groups that one
equation leaves, trying certified intervals, and the digest of what was attacked. What does not: which numbers
matter (`audit`), one part's programs (`attacker`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from assets.release.attacker import IMPOSSIBLE, Attacker
from assets.release.findings import AuditReport, Finding
from assets.release.magnitudes import Estimator
from assets.release.published import Knowledge
from assets.release.system import Floats, Ints, Rules, System

Labels = npt.NDArray[np.object_]


def attack_all(
    system: System,
    known: Knowledge,
    demand: Ints,
    rules: Rules,
    *,
    truth: Floats | None,
    certified: Mapping[int, tuple[float, float]],
    report: AuditReport,
    span: tuple[Floats, Floats] | None = None,
) -> None:
    """Substitute what is shown, split what is left into connected parts, and attack each.

    `span`, (n,) each: the ends that bounds of percentages and amounts must reach, where any are attacked.
    """
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
        part = reduced[rows][:, columns].tocsr(), (low[rows], high[rows]), (known.low[members], known.high[members])
        ends = None if span is None else (span[0][members], span[1][members])
        attacker: Attacker | Estimator
        if ends is not None and system.amount[members].any():
            attacker = Estimator(*part, ends)
        else:
            own = None if truth is None else truth[members]
            attacker = Attacker(*part, rules.threshold[members], own, ends)
        for number, what, missing in attacker.attack(demand[members]):
            variable = int(members[number])
            report.add(system, variable, what)
            report.narrow[variable] = missing
        report.intervals.update({int(members[i]): attacker.interval(int(i)) for i in np.flatnonzero(demand[members])})
        for i in np.flatnonzero(demand[members]) if certified else ():
            claim = certified.get(int(members[i]))
            if claim is None or not attacker.bears_out(int(i), int(demand[members[i]]), *claim):
                report.add(system, int(members[i]), IMPOSSIBLE)
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
        report.add(system, first, f"hidden counts of one equation ({labels[row]}) have a known small sum")


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
