"""The checks of a load: their names, what each means, and the thresholds that refuse a source for tonight.

Every check carries counts only. One that fails stops its source before anything is kept (bad data is stopped at the
door); the night's other sources go on. What Great Expectations looks at is in `assets.extracts.expectations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from assets.extracts.expectations import expect
from assets.extracts.nights import CheckResult, FileCount
from assets.extracts.refusal import FOLLOWED, SourceRefusedError
from assets.night import NightSettings
from mou_policies.model import TablePolicy

IN_FORCE = "agreement_in_force"
READABLE = "delivery_readable"
RECONCILED = "rows_reconciled"
QUARANTINE = "quarantine_within_limit"
LEGIBLE = "values_readable"
PRESENT = "known_records_present"
SOUND = "stored_state_sound"
EXPECTATIONS = "expectations"

MEANING = {
    IN_FORCE: "The agreement is signed, well formed and holds on the night's date.",
    READABLE: "Every file can be read as the standard and the agreement say.",
    EXPECTATIONS: "Great Expectations from the standard and the agreement hold for every table; counts only.",
    RECONCILED: "Rows read = loaded + quarantined + dropped by policy + by consent, for each file and table.",
    FOLLOWED: "Exclusions reach every row that refers to an excluded one.",
    QUARANTINE: "No table has a larger share of unusable rows than the workspace allows.",
    LEGIBLE: "No column has a larger share of unreadable values than the workspace allows.",
    PRESENT: "A full delivery still has the records it had, but for the share the workspace allows.",
    SOUND: "Vault and content store know the same records, none that opted out. Blocks what follows.",
}


CHECKS = (IN_FORCE, READABLE, FOLLOWED, QUARANTINE, LEGIBLE, PRESENT, EXPECTATIONS, RECONCILED, SOUND)
"""The names of all checks of a source, in the order they run."""


@dataclass(frozen=True)
class Check:
    """An evaluated check, with what to say if it failed."""

    result: CheckResult
    what: str = ""
    remedy: str = ""

    def stop_if_failed(self) -> CheckResult:
        """Return the result of a check that passed; raise SourceRefusedError for one that did not."""
        if not self.result.passed:
            raise SourceRefusedError(self.result, self.what, self.remedy)
        return self.result


def check_quarantine(counts: Iterable[FileCount], settings: NightSettings) -> Check:
    """Compare each table's share of quarantined rows with the workspace's."""
    read: dict[str, int] = {}
    bad: dict[str, int] = {}
    for count in counts:
        read[count.table] = read.get(count.table, 0) + count.read
        bad[count.table] = bad.get(count.table, 0) + count.quarantined
    worst = max(read, key=lambda table: _share(bad[table], read[table], settings), default="")
    over = bool(worst) and _share(bad[worst], read[worst], settings) > settings.max_quarantined_share
    return Check(
        CheckResult(QUARANTINE, not over, {"read": sum(read.values()), "quarantined": sum(bad.values())}),
        f"{bad.get(worst, 0)} of {read.get(worst, 0)} rows of {worst} cannot be used, "
        f"more than {settings.max_quarantined_share:.0%}",
        "see `cradlepath report` for rows and reasons, and have the agency deliver the file again",
    )


def check_legible(unparsed: Mapping[tuple[str, str], int], stated: Mapping[str, int], settings: NightSettings) -> Check:
    """Compare each column's share of unreadable values (by table and column) with the workspace's."""
    worst = max(unparsed, key=lambda at: _share(unparsed[at], stated.get(at[0], 0), settings), default=("", ""))
    share = _share(unparsed.get(worst, 0), stated.get(worst[0], 0), settings)
    return Check(
        CheckResult(LEGIBLE, share <= settings.max_quarantined_share, {"unreadable": sum(unparsed.values())}),
        f"{unparsed.get(worst, 0)} values of {'.'.join(worst)} are not written as the agreement says",
        "compare the column's form (date format, decimal sign, codes) with the agreement",
    )


def check_present(known: int, vanished: int, settings: NightSettings) -> Check:
    """Compare the share of known records that a full delivery lacks with the workspace's."""
    over = _share(vanished, known, settings) > settings.max_vanished_share
    return Check(
        CheckResult(PRESENT, not over, {"known": known, "vanished": vanished}),
        f"{vanished} of {known} known records are not in this full delivery, "
        f"more than {settings.max_vanished_share:.0%}",
        "if the agency means it, raise `checks.max_vanished` for one night; else have it deliver again",
    )


def check_expectations(standard: str, staged: Sequence[tuple[TablePolicy, pa.Table]], settings: NightSettings) -> Check:
    """Run the Great Expectations suite of each table over its staged rows; one check says what failed in which."""
    counts = {"tables": len(staged), "expectations": 0, "failed": 0, "rows": 0, "unexpected": 0}
    wrong = []
    for table, rows in staged:
        small = rows.num_rows < settings.min_rows_for_shares
        outcomes = expect(standard, table, rows, 1.0 if small else settings.max_quarantined_share)
        failed = [o for o in outcomes if not o.passed]
        counts["expectations"] += len(outcomes)
        counts["failed"] += len(failed)
        counts["rows"] += rows.num_rows
        counts["unexpected"] += sum(o.unexpected for o in outcomes)
        counts[f"failed in {table.table}"] = len(failed)
        if failed:
            names = ", ".join(f"{o.column} ({o.expectation})" for o in failed)
            wrong.append(f"{table.table} is not as its standard and agreement say: {names}")
    return Check(
        CheckResult(EXPECTATIONS, not wrong, counts),
        "; ".join(wrong),
        "compare these columns with the standard's code lists; deliver again, or change the agreement",
    )


def check_reconciled(counts: Sequence[FileCount]) -> Check:
    """Check that every row read has exactly one outcome, for each file and table."""
    off = [count for count in counts if not count.balanced]
    where = ", ".join(f"{count.file} ({count.table})" for count in off)
    return Check(
        CheckResult(RECONCILED, not off, {"read": sum(c.read for c in counts), "files_off": len(off)}),
        f"the rows of {where} do not add up: some have no outcome, or two",
        "nothing was kept; report this as a defect, with the counts of `cradlepath report`",
    )


def _share(part: int, whole: int, settings: NightSettings) -> float:
    """Return part / whole, or 0 where there are too few rows for a share to say anything."""
    return part / whole if whole >= settings.min_rows_for_shares else 0.0
