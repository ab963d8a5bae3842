"""What a night says to people: per source what was read and what became of it, what was refused and why, what is next.

Read from the book of nights, the ledger and the releases after a run; nothing is computed about children here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from assets.extracts import report
from assets.extracts.exclusions import FLAG_NOT_READABLE
from assets.night import Night, StatePaths
from assets.release.folder import releases
from assets.release.governance import minimum_cells
from assets.release.held_counts import in_words, note_counts, shown_counts
from linkage.key_about import HUB_TOKENISED
from linkage.ledger import Ledger
from mou_policies.expiry import notices
from mou_policies.inforce import in_force
from mou_policies.policy import Policy


class Told(Protocol):
    """What of a night can be told without its keys: its date, its places and the agreements in force."""

    @property
    def date(self) -> date:
        """The night."""

    @property
    def paths(self) -> StatePaths:
        """Where its book is."""

    @property
    def policy(self) -> Policy:
        """What agreements allow."""


@dataclass(frozen=True)
class SourceLine:
    """One source in one night: rows read and what became of each; `status` in a word or two.

    `tokenised` are the records that were made into tokens tonight, `unlinkable` those of them without an identifier
    that any rule of linking can use; what did not change is not made into tokens again (`assets.extracts.nights`).
    """

    source: str
    agency: str
    files: int
    read: int
    loaded: int
    quarantined: int
    dropped_by_policy: int
    dropped_by_consent: int
    status: str
    tokenised: int = 0
    unlinkable: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether rows read = loaded + quarantined + dropped by policy + dropped by consent."""
        return self.read == self.loaded + self.quarantined + self.dropped_by_policy + self.dropped_by_consent


def source_lines(night: Told) -> list[SourceLine]:
    """Return one line for each source that an agreement in force names or that was refused, by agency."""
    book = night.paths.nights
    sums: dict[str, list[report.FileSum]] = defaultdict(list)
    for line in report.file_sums(book, night.date):
        sums[line.source].append(line)
    tokens = {count.source: count for count in report.token_counts(book, night.date)}
    refused = {refusal.source for refusal in report.refusals(book, night.date)}
    agencies = {name: source.agency for name, source in night.policy.sources.items()}
    agencies.update({line.source: line.agency for lines in sums.values() for line in lines})
    named = {*agencies, *refused}
    return sorted(
        (_line(name, agencies.get(name, "–"), sums.get(name, []), name in refused, tokens.get(name)) for name in named),
        key=lambda line: (line.agency, line.source),
    )


def _line(
    source: str, agency: str, sums: Iterable[report.FileSum], refused: bool, tokens: report.TokenCount | None
) -> SourceLine:
    rows = list(sums)
    status = "REFUSED" if refused else "loaded" if rows else "nothing new"
    return SourceLine(
        source,
        agency,
        len({row.file for row in rows}),
        sum(row.read for row in rows),
        sum(row.loaded for row in rows),
        sum(row.quarantined for row in rows),
        sum(row.dropped_by_policy for row in rows),
        sum(row.dropped_by_consent for row in rows),
        status,
        tokens.records if tokens else 0,
        tokens.unlinkable if tokens else 0,
    )


def unlinkable(lines: Sequence[Mapping[str, Any]]) -> str | None:
    """Say how many of the records made into tokens tonight cannot be linked, given the `SourceLine`s as plain data.

    None where that may not be told.
    """
    if any("tokenised" not in line for line in lines):
        return None
    those = ", ".join(f"{line['source']} {line['unlinkable']:,}" for line in lines if line["unlinkable"])
    total, of = (sum(line[name] for line in lines) for name in ("unlinkable", "tokenised"))
    why = f" ({those}): no identifier that a rule can use. They are kept, never guessed." if those else "."
    return f"Of the {of:,} records made into tokens tonight, {total:,} are unlinkable{why}"


def reasons(night: Told, source: str | None = None) -> list[dict[str, Any]]:
    """Return why rows were quarantined, summed over files: source, table, column, reason, rows, one place to look."""
    merged: dict[tuple[str, str, str, str], list[Any]] = {}
    for found in report.quarantine_reasons(night.paths.nights, night.date, source):
        key = (found.source, found.table, found.column or "–", found.reason)
        entry = merged.setdefault(
            key, [0, f"{found.file} row {found.first_rows[0]}" if found.first_rows else found.file]
        )
        entry[0] += found.rows
    return [
        {
            "source": source_,
            "table": table,
            "column": column,
            "reason": reason,
            "rows": rows,
            "for instance": where,
        }
        for (source_, table, column, reason), (rows, where) in sorted(merged.items(), key=lambda item: -item[1][0])
    ]


def drops(night: Told, source: str | None = None) -> list[dict[str, Any]]:
    """Return the rows dropped by each named policy, why, summed over files, with the rule it rests on."""
    merged: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for drop in report.policy_drops(night.paths.nights, night.date, source):
        merged[(drop.source, drop.policy, drop.reason, drop.cite)] += drop.rows
    return [
        {"source": source_, "policy": policy, "reason": reason, "rows": rows, "rests on": cite}
        for (source_, policy, reason, cite), rows in sorted(merged.items())
    ]


def unreadable_flags(night: Told, source: str | None = None) -> list[dict[str, Any]]:
    """Return the rows left out because a flag of protection could not be read, by source and policy."""
    return [
        {name: drop[name] for name in ("source", "policy", "rows")}
        for drop in drops(night, source)
        if drop["reason"] == FLAG_NOT_READABLE
    ]


def refused(night: Told, source: str | None = None) -> list[dict[str, Any]]:
    """Return tonight's refusals: sources that were stopped, and agreements that stop a source nobody could name."""
    found = [asdict(refusal) for refusal in report.refusals(night.paths.nights, night.date, source)]
    told = {entry["source"] for entry in found}
    for refusal in night.policy.refusals:
        for name in refusal.sources or ("(unknown source)",):
            if name not in told and source in {None, name}:
                found.append(
                    {
                        "source": name,
                        "agreement": f"{refusal.agreement_file}:{refusal.line}",
                        "reason": refusal.reason,
                        "remedy": refusal.remedy,
                    }
                )
    return found


def unread(night: Told, source: str | None = None) -> list[dict[str, Any]]:
    """Return the delivered columns that no agreement in force names, by source and table."""
    columns: dict[tuple[str, str], set[str]] = defaultdict(set)
    for column in report.unread_columns(night.paths.nights, night.date, source):
        columns[(column.source, column.table)].add(column.column)
    return [
        {"source": source_, "table": table, "columns": ", ".join(sorted(names))}
        for (source_, table), names in sorted(columns.items())
    ]


def ending(agreements: Path, on: date, source: str | None = None, agency: str | None = None) -> list[dict[str, Any]]:
    """Return what ends within 90 days or ended the day before, of the agreements in force (on one source, if given).

    With `agency`, only of the agreements about its own data.
    `agreements` is their folder. Agreements, accepted risks and statements of a licence; the most urgent first.
    """
    now, before = in_force(agreements, on), in_force(agreements, on - timedelta(days=1))
    held = {a.sha256: a for a in (*before.agreements.values(), *now.agreements.values())}
    asked = [
        a
        for a in held.values()
        if a.agreement_id not in now.superseded and source in {None, *a.sources} and agency in {None, a.owner}
    ]
    return [asdict(found) | {"says": str(found)} for found in notices(asked, on) if found.days >= -1]


def mode_sentence(mode: str) -> str:
    """Say in a sentence who makes tokens, and what that means for whoever runs the hub."""
    if mode == HUB_TOKENISED:
        return f"Tokens are made here ({mode}), so whoever operates this hub could read everything that is delivered."
    return f"Tokens are made at the agencies ({mode}); their key never reaches this hub."


def children(night: Night) -> dict[str, int]:
    """Return how many records of how many sources are how many children, from the ledger."""
    if not night.paths.ledger.exists():
        return {"records": 0, "sources": 0, "children": 0}
    state = Ledger(night.paths.ledger, night.keys).state()
    return {
        "records": len(state.keys),
        "sources": len(np.unique(state.source)),
        "children": len(np.unique(state.counter)),
    }


REPORT = "night"
"""The name under which what a night's summary says of the whole city is kept (`assets.release.held_counts`)."""


def _threshold(night: Night, workspace: int) -> int:
    """Return from which count on numbers may be told: the workspace's threshold, or a licence's larger one."""
    return max([workspace, *minimum_cells(night.policy.licence.licences).values()])


def note_summary(night: Night, threshold: int) -> None:
    """Fix what this month's summaries say of the whole city, where no night of the month has done so."""
    found = children(night)
    counts = {name: found[name] for name in ("records", "children")}
    note_counts(night.paths.reports, REPORT, counts, night.date, _threshold(night, threshold))


def children_in_words(night: Night, threshold: int) -> dict[str, str]:
    """Return how many records are how many children, as it may leave the hub: as of the month's first night."""
    found = shown_counts(night.paths.reports, REPORT, night.date)
    least = _threshold(night, threshold)
    return {name: in_words(found.get(name), least) for name in ("records", "children")}


def release_of(night: Night, refused: str | None = None) -> dict[str, Any]:
    """Say which release is current, whether it was made this night, and in one sentence what that means.

    `refused` is why tonight's was, None where none was.
    """
    found = releases(night.paths.releases)
    current = found[-1].id if found else None
    tonight = bool(found) and refused is None and found[-1].night == night.date
    if refused is not None:
        sentence = f"REFUSED: {refused}{f' ({current} stays current)' if current else ''}"
    elif current is None:
        sentence = "None yet; release.calendar in cradlepath.yaml says when."
    elif tonight:
        sentence = f"{current} was built, audited, signed and published tonight."
    else:
        sentence = f"None was due tonight; {current} stays current."
    return {"current": current, "made_tonight": tonight, "refused": refused, "sentence": sentence}
