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
mode shows changed (but for what an earlier release already shows as it is), and the complements of these: at least
two whole numbers remain possible.

Groups. No group of hidden counts, complements or nested differences may be known to sum to 1..t-1, along
whatever combination of equations. Nobody need look at groups for that: counts are not negative, so each of
such a group lies below t, and as the sum is not 0, one of them is 1..t-1 and fails its own interval
(`test_release_groups` tries every group of small tables). Only the auditor's key tells which that is, so
without it the groups that one equation leaves are looked at, and with it too: they make the plainer finding.
Changes between two versions may be negative: sums of several of them are not judged, only those that a table
names.

Where percentages are coded the attack is made twice, with the bounds that are told (`decoding`) and without, so that
nothing above rests on a bound. Amounts have rules of their own (`magnitudes`).

Without the annex the audit looks for exact recovery only, and uses no equation between rows of different
releases that late records may have broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from assets.release.annex import Annex
from assets.release.attacks import attack_all
from assets.release.building import build_system
from assets.release.declared import declared_findings
from assets.release.decoding import (
    BOUND,
    Bounds,
    bound_findings,
    heeded,
    misplaced,
    percentages_hidden,
    released_bounds,
)
from assets.release.findings import AuditReport, Finding
from assets.release.history import history_findings
from assets.release.magnitudes import reach_of
from assets.release.policy import ReleasePolicy
from assets.release.published import Knowledge, form_findings, knowledge
from assets.release.rolling import Told, rolling_findings
from assets.release.rows.form import RowFile
from assets.release.rows.knowledge import beside, rows_heard
from assets.release.solver import solver_version
from assets.release.system import NEWEST, Bools, Floats, Ints, Kind, Rules, System, rules_of
from assets.release.tables import Catalogue

__all__ = ["AuditReport", "Finding", "audit"]

AMOUNT, INTERVAL, INEXACT = 4, 2, 1


def audit(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    policy: ReleasePolicy,
    annex: Annex | None,
    *,
    release_id: str = NEWEST,
    before: Mapping[str, ReleasePolicy] | None = None,
    earlier: Sequence[Path] = (),
    last: Told | None = None,
    schema: str = "main",
    rows: Sequence[RowFile] = (),
) -> AuditReport:
    """Attack the released tables in `schema` of `con`, with the earlier releases' files at hand, oldest first.

    `release_id`: what rows first published by this release carry; `before`: the rules of earlier releases, by
    id; `last`: the last of the earlier ones with its annex, if at hand. `annex` None: the audit cannot know
    which hidden numbers are sensitive, and looks for exact recovery only. An annex that carries certified
    intervals has each of them tried: it must meet what is demanded, and both its ends must be possible. `rows`:
    files of rows of this and earlier releases; the i-th is attached as `rows_i`.
    """
    report = AuditReport(solver=solver_version(), complete=annex is not None)
    system = _system(con, catalogue, schema, annex)
    rules = rules_of(system, policy, before or {})
    told, wrong = rows_heard(con, system, rows, _counts(system, annex))
    known = beside(knowledge(con, system, policy, release_id, schema, before, threshold=rules.threshold), told)
    report.counts, report.hidden = system.n_counts, int(known.hidden.sum())
    for what, where in (
        *declared_findings(con, catalogue, schema),
        *form_findings(con, catalogue, schema),
        *bound_findings(con, catalogue, schema),
        *history_findings(con, catalogue, earlier, schema, release_id),
        *rolling_findings(con, schema, Told(catalogue, annex), earlier, last, policy.threshold),
        *wrong,
    ):
        report.findings.append(Finding(what, where))
    for variable in np.flatnonzero(known.unfit)[:20]:
        report.add(system, int(variable), "its mode cannot show this number, or it may stand for a small count")
    demand, truth = _judge(system, known, rules, annex, report)
    bounds = released_bounds(con, system, schema)
    truth = _judge_bounds(system, bounds, rules, truth, report)
    heard, wanted, span = heeded(system, known, demand, bounds, report.complete)
    _reach_of_amounts(system, known, rules, annex, truth, wanted, span)
    certified = {} if annex is None else annex.intervals
    attack_all(system, heard, wanted, rules, truth=truth, certified=certified, report=report, span=span)
    if (wanted == BOUND).any():
        untold, asked = AuditReport(), np.where(wanted == BOUND, demand, 0)
        attack_all(system, known, asked, rules, truth=truth, certified={}, report=untold)
        report.findings += [found for found in untold.findings if found not in report.findings]
        report.narrow = {**untold.narrow, **report.narrow}
        report.programs += untold.programs
        report.integer_programs += untold.integer_programs
    return report


def _counts(system: System, annex: Annex | None) -> Floats:
    """Return the counts as they are, shape (n,), NaN where nothing at hand tells one."""
    counts = system.values.copy()
    if annex is not None:
        inside = annex.hidden < len(counts)
        counts[annex.hidden[inside]] = annex.truth[inside]
    return counts


def _judge_bounds(
    system: System, bounds: Bounds, rules: Rules, truth: Floats | None, report: AuditReport
) -> Floats | None:
    """Report bounds that are not those of the rule, or not true; return the truth if it still stands."""
    for variable in misplaced(system, bounds, rules)[:20]:
        report.add(system, int(variable), "its percentage has another bound than the rule gives its group")
    if truth is None:
        return None
    number = truth[bounds.numerator]
    untrue = (number < bounds.least) | (number > bounds.most)
    for variable in bounds.numerator[untrue][:20]:
        report.add(system, int(variable), "the bound of its percentage does not hold for the number in the annex")
    return None if untrue.any() else truth


def _reach_of_amounts(
    system: System,
    known: Knowledge,
    rules: Rules,
    annex: Annex | None,
    truth: Floats | None,
    wanted: Ints,
    span: tuple[Floats, Floats],
) -> None:
    """Write into `span` what the intervals of sensitive amounts must reach; without the truth nothing is wanted."""
    amount = system.amount
    if truth is None or annex is None:
        wanted[amount] = 0
    elif system.amounts:
        down, up = reach_of(system, truth, annex.contributions, rules, known.hidden)
        span[0][amount], span[1][amount] = (truth - down)[amount], (truth + up)[amount]


def _system(con: duckdb.DuckDBPyConnection, catalogue: Catalogue, schema: str, annex: Annex | None) -> System:
    """Build the system; which equations late records broke is in the annex, without which all that could be count."""
    system = build_system(con, catalogue, schema, drifting=[] if annex is None else annex.drifting.tolist())
    if annex is not None:
        return system
    release = np.zeros(len(system.values), np.int64)
    names = sorted({str(name) for block in system.blocks for name in block.release})
    for block in system.blocks:
        own = np.searchsorted(names, block.release.astype(str))
        width = len(block.spec.counts)
        release[block.offset : block.offset + block.rows * width] = np.repeat(own, width)
    plain = abs(system.matrix) @ (system.kind != Kind.COUNT) == 0
    size = np.maximum(np.diff(system.matrix.indptr), 1)
    mean = abs(system.matrix) @ release / size
    mixed = plain & (abs(system.matrix) @ release**2 / size - mean**2 > 1e-6)
    if not mixed.any():
        return system
    return build_system(con, catalogue, schema, drifting=np.flatnonzero(mixed).tolist())


def _judge(
    system: System, known: Knowledge, rules: Rules, annex: Annex | None, report: AuditReport
) -> tuple[Ints, Floats | None]:
    """Return what each variable demands and, if the annex tells it whole, the truth, both of shape (n,).

    Reports sensitive numbers that are simply shown, and an annex that does not fit the release.
    """
    complement = (system.kind == Kind.COMPLEMENT) & system.sensitive
    vague = (known.hidden & ~system.amount) | (known.changed & ~_told_before(system, known))
    beside = complement & (vague[system.minuend] | vague[system.subtrahend])
    demand = np.where(vague | beside, INEXACT, 0)
    truth = system.values.copy()
    truth[known.rounded] = np.nan
    if annex is not None:
        if set(annex.hidden.tolist()) != set(np.flatnonzero(known.hidden | known.rounded).tolist()):
            report.findings.append(Finding("the hidden cells are not those of the annex", "the whole release"))
            return demand, None
        truth[annex.hidden] = annex.truth
        whole = (annex.truth == np.floor(annex.truth)) | system.amount[annex.hidden]
        for variable in annex.hidden[(annex.truth < 0) | ~whole][:20]:
            report.add(system, int(variable), "the annex holds no count for it")
    truth = _complete(system, truth)
    own = _rule(system, truth, rules, known.earlier)
    if annex is not None and system.amounts:
        _, up = reach_of(system, truth, annex.contributions, rules, known.hidden)
        own[(up > 0) & ~known.earlier] = AMOUNT
    if annex is not None:
        report.sensitive = int((own > 0).sum())
        declared = np.zeros(len(own), np.int64)
        declared[annex.sensitive] = annex.demand
        for variable in np.flatnonzero(declared != own)[:20]:
            report.add(system, int(variable), "the annex does not call it as sensitive as the rule does")
        misread = known.rounded & ((truth < known.low) | (truth > known.high))
        for variable in np.flatnonzero(misread)[:20]:
            report.add(system, int(variable), "a rounded number does not stand for the one in the annex")
        broken = np.abs(system.matrix @ truth) > 0.5
        for equation in np.flatnonzero(broken)[:20]:
            report.findings.append(Finding("shown and hidden counts do not add up", str(system.labels[equation])))
    for variable in np.flatnonzero((own > 0) & ~(known.unknown & (known.hidden | ~system.amount))):
        report.add(system, int(variable), "a number that the rule hides is shown or follows from two shown")
    sound = annex is not None and not report.findings and not np.isnan(truth).any()
    return np.maximum(demand, np.where(known.unknown, own, 0)), truth if sound else None


def _told_before(system: System, known: Knowledge) -> Bools:
    """Return the variables, (n,), in an equation with a number that an earlier release shows as it is."""
    member = abs(system.matrix)
    exact = (known.earlier & ~known.rounded).astype(float)
    return np.asarray((member.T @ ((member @ exact) > 0).astype(float)) > 0, np.bool_)


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
    out = np.maximum(out, np.where(percentages_hidden(system, truth, rules), INEXACT, 0))
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
