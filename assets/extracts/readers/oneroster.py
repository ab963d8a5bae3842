"""Reader for OneRoster 1.1 CSV: a zip, or the CSV files side by side, described by their `manifest.csv`.

The manifest says for every file whether it is bulk (the whole), delta (what changed) or absent. A delivery
is read in one mode: a mixture is refused. In a bulk file `status` is to be empty; `active` is tolerated,
since exports in use write it, and a row with any other status is quarantined. In a delta file `status` and
`dateLastModified` are needed, and `tobedeleted` withdraws.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.delivery import (
    ROW,
    WITHDRAWN,
    Delivery,
    DeliveryError,
    Limits,
    Mode,
    Reason,
    TablePart,
    Tally,
)
from assets.extracts.readers import cells, delimited
from assets.extracts.readers.generic import asked_of, delimited_part, style_of
from assets.extracts.readers.header import Asked
from assets.extracts.readers.hmis import by_name, tables_in_order, whole
from assets.extracts.readers.members import Member, members_of, seen
from assets.extracts.readers.text import inspect
from assets.extracts.standards import StandardTable, describe
from mou_policies.model import SourcePolicy

_STANDARD = "oneroster-1.1"
_VERSION = re.compile(r"v?(\d{1,2})[.p](\d{1,2})(?:[.p]\d{1,2})?", re.IGNORECASE)
_NAME, _VALUE = "propertyName", "value"
_MODES: Mapping[str, Mode] = {"bulk": "full", "delta": "delta"}


def open_roster(source: SourcePolicy, files: Sequence[Path], limits: Limits) -> Delivery:
    """Open one OneRoster delivery. Raises DeliveryError for a wrong version, missing file or mixed modes."""
    standard = describe(_STANDARD)
    facts = standard.facts
    members = by_name(members_of(files, limits))
    if facts["manifest"] not in members:
        what = f"{facts['manifest']} is missing, which says what the delivery is"
        raise DeliveryError(whole(files), what, "deliver the complete OneRoster export")
    manifest = _manifest(members[facts["manifest"]], source, limits)
    _judge_version(members[facts["manifest"]].shown, manifest, facts)
    stated = {
        table.name: _stated(manifest, table, source, members, files) for table in tables_in_order(source, standard)
    }
    modes = {mode for mode in stated.values() if mode}
    if len(modes) > 1:
        what = "some files are bulk and some are delta"
        raise DeliveryError(whole(files), what, "deliver bulk files, or delta files, in one export")
    if not modes:
        what = "the manifest says that every table of the agreement is absent"
        raise DeliveryError(whole(files), what, "deliver the complete OneRoster export")
    mode = _MODES[modes.pop()]
    rules = _Rules(
        mode,
        facts["status_column"],
        facts["modified_column"],
        facts["withdrawn_status"],
        tuple(facts["bulk_tolerates"]),
    )
    tables = [table for table in tables_in_order(source, standard) if stated[table.name]]
    parts = [_part(members[str(table.file).lower()], table, source, rules, limits) for table in tables]
    return Delivery(seen(files), mode, parts, limits)


def _manifest(member: Member, source: SourcePolicy, limits: Limits) -> dict[str, str]:
    text = inspect(member, limits)
    style = replace(style_of(source), nulls=())
    layout = delimited.lay_out(text, Asked((_NAME, _VALUE), (_NAME, _VALUE)), style, limits)
    tally = Tally(member.shown, member.name, limits.max_problems)
    found: dict[str, str] = {}
    for table in delimited.read_rows(text, layout, style, tally, limits):
        pairs = zip(table[_NAME].to_pylist(), table[_VALUE].to_pylist(), strict=True)
        found |= {str(name).lower(): str(value or "") for name, value in pairs if name}
    return found


def _judge_version(name: str, manifest: Mapping[str, str], facts: Mapping[str, Any]) -> None:
    stated = manifest.get("oneroster.version")
    accepted = " or ".join(facts["accepted_versions"])
    if stated is None:
        raise DeliveryError(
            name, f"no oneroster.version, expected {accepted}", "deliver a manifest that states the version"
        )
    parts = _VERSION.fullmatch(stated.strip())
    version = f"{parts[1]}.{parts[2]}" if parts else None
    if version not in facts["accepted_versions"]:
        found = f"OneRoster {version}" if version else "of a version that cannot be read"
        raise DeliveryError(
            name,
            f"the delivery is {found}, expected {accepted}",
            "set the school's system to export OneRoster 1.1 CSV",
        )


def _stated(
    manifest: Mapping[str, str],
    table: StandardTable,
    source: SourcePolicy,
    members: Mapping[str, Member],
    files: Sequence[Path],
) -> str | None:
    """Return `bulk` or `delta` for a table's file, None when it is absent as it may be."""
    stated = manifest.get(f"file.{table.name}".lower(), "absent").strip().lower()
    if stated not in {"absent", *_MODES}:
        what = f"the manifest says of file.{table.name} neither bulk, delta nor absent"
        raise DeliveryError(whole(files), what, "deliver a manifest that says one of the three")
    there = str(table.file).lower() in members
    if stated == "absent" and (source.tables[table.name].optional or "delta" in manifest.values()):
        return None
    if stated == "absent":
        what = f"the manifest says that {table.file} is absent"
        raise DeliveryError(whole(files), what, "export it too, or mark the table optional in the agreement")
    if not there:
        what = f"{table.file} is missing, which the manifest calls {stated}"
        raise DeliveryError(whole(files), what, "deliver the complete OneRoster export")
    return stated


@dataclass(frozen=True)
class _Rules:
    """The columns by which rows say what they are, in a delivery of one mode."""

    mode: Mode
    status: str
    modified: str
    withdrawn: str
    tolerated: tuple[str, ...]


def _part(member: Member, described: StandardTable, source: SourcePolicy, rules: _Rules, limits: Limits) -> TablePart:
    table = source.tables[described.name]
    needed = (rules.status, rules.modified) if rules.mode == "delta" else ()
    asked = asked_of(table, (*described.required, *needed))
    inner = replace(asked, also=(rules.status, rules.modified), aliases=described.aliases)
    part = delimited_part(member, table.table, inner, style_of(source), limits)
    return replace(part, read=lambda tally: _judged(part, tally, table.wanted, rules))


def _judged(part: TablePart, tally: Tally, wanted: Sequence[str], rules: _Rules) -> Iterator[pa.Table]:
    for rows in part.read(tally):
        lowered = pc.utf8_lower(rows[rules.status])
        if rules.mode == "delta":
            both = pc.and_(pc.is_valid(lowered), pc.is_valid(rows[rules.modified]))
            bad, reason = pc.invert(both), Reason.NO_STATUS_IN_DELTA
        else:
            harmless = pc.is_in(lowered, value_set=pa.array(rules.tolerated, pa.string()))
            bad, reason = pc.and_(pc.is_valid(lowered), pc.invert(harmless)), Reason.STATUS_IN_BULK
        wrong = cells.mask(bad)
        tally.reject(np.asarray(rows[ROW])[wrong].tolist(), reason, rules.status)
        gone = pc.fill_null(pc.equal(lowered, rules.withdrawn), False)
        judged = rows.append_column(WITHDRAWN, gone).filter(pa.array(~wrong))
        if judged.num_rows:
            yield cells.in_order(judged, wanted)
