"""What a night has to say to whoever asks, as plain data: all of it, or one agency's part.

A steward sees their own agency's sources: files, refusals, quarantine, drops, warnings, what ends. What is about the
whole city (children, releases) is left out for them. What leaves the hub (a steward's story, every page, the summary
of a night) holds no count that depends on others' records or on families' decisions (`assets.release.reporting`). Read
from the book of nights; printed by `pipelines.cli.night`, shown by `pipelines.web`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from assets.destruction.standing import destruction_warnings
from assets.extracts import report
from assets.release.reporting import NOT_TOLD, leaving, without_counts
from assets.spine.gate import taken_on
from linkage.key_about import AGENCY_TOKENISED
from mou_policies.language import agreement_files, read_agreement
from pipelines import summary
from pipelines.checks import Checked
from pipelines.summary import SourceLine, Told
from pipelines.workspace import Workspace

BY_SOURCE = ("refused", "quarantined", "dropped_by_policy", "flags_not_readable", "columns_no_agreement_names")
COUNTED = ("sources", "files", "quarantined", "dropped_by_policy", "flags_not_readable")


def loads(
    night: Told, place: Workspace, source: str | None = None, agency: str | None = None, *, inside: bool = False
) -> dict[str, Any]:
    """Return what became of deliveries: of every source, of one, or of one agency's sources; as it may leave the hub.

    `inside`: with the counts that stay on the hub, for who runs or audits it there.
    A source that no agreement in force and no file of the night names belongs to the agency whose agreement, as it is
    written, names it; to none if there is none, and then no steward sees it.
    """
    owners = _owners(night, place) if agency is not None else {}
    lines = [line for line in summary.source_lines(night) if _wanted(line.source, source, agency, owners)]
    found: dict[str, Any] = {
        "night": night.date,
        "sources": [asdict(_named(line, owners)) | {"adds_up": line.adds_up} for line in lines],
        "refused": summary.refused(night, source),
        "quarantined": summary.reasons(night, source),
        "dropped_by_policy": summary.drops(night, source),
        "flags_not_readable": summary.unreadable_flags(night, source),
        "columns_no_agreement_names": summary.unread(night, source),
        "files": [asdict(one) | {"adds_up": one.adds_up} for one in report.file_sums(night.paths.nights, night.date)],
    }
    for part in (*BY_SOURCE, "files"):
        found[part] = [row for row in found[part] if _wanted(row["source"], source, agency, owners)]
    found["ending"] = summary.ending(place.agreements, night.date, source, agency)
    if inside and agency is None:
        return found
    there = place.settings.linkage.mode == AGENCY_TOKENISED
    for part in COUNTED:
        found[part] = leaving(found[part], agency_tokenised=there)
    if agency is None:
        forms = {name for name, one in night.policy.sources.items() if one.kind == "consent"}
        found["sources"] = [without_counts(row) if row["source"] in forms else row for row in found["sources"]]
        for part in COUNTED[1:]:
            found[part] = [row for row in found[part] if row["source"] not in forms]
    return found | {"not_told": NOT_TOLD}


def story(
    place: Workspace,
    on: date,
    said: Checked,
    source: str | None = None,
    agency: str | None = None,
    *,
    inside: bool = False,
) -> dict[str, Any]:
    """Return everything a night has to say; `said` is what its checks found; `agency` narrows it.

    Not `inside`, nor for an `agency`: as it may leave the hub.
    """
    from pipelines.resources import make_night  # noqa: PLC0415

    night, said = make_night(place, on), said if inside and agency is None else said.leaving()
    found = {"mode": night.keys.mode} | loads(night, place, source, agency, inside=inside)
    if agency is not None:
        mine = {line["source"] for line in found["sources"]}
        return found | {"warnings": [asdict(one) for one in said.warnings if _source_of(one.asset) in mine]}
    counted = (
        {"children": summary.children(night), "consent": asdict(taken_on(night.paths.nights, night.date))}
        if inside
        else {"children": summary.children_in_words(night, place.settings.release.threshold)}
    )
    return found | {
        **counted,
        "warnings": [asdict(one) for one in said.warnings],
        "to_destroy": destruction_warnings(place.agreements, night),
        "release": summary.release_of(night, said.release_refused),
    }


def _source_of(asset: str) -> str | None:
    """Return the source that an asset's path names (`extract/school/tokens`), None for one of the whole city."""
    return asset.split("/")[1] if asset.startswith("extract/") else None


def _wanted(name: str, source: str | None, agency: str | None, owners: Mapping[str, str]) -> bool:
    return source in {None, name} and (agency is None or owners.get(name) == agency)


def _named(line: SourceLine, owners: Mapping[str, str]) -> SourceLine:
    """Return a line with its agency, where only an agreement that is not in force names it."""
    return replace(line, agency=owners[line.source]) if line.source in owners else line


def _owners(night: Told, place: Workspace) -> dict[str, str]:
    """Return whose each source is: as agreements are written, then as files came, then as agreements in force say."""
    written = [reading.agreement for file in agreement_files(place.agreements) if (reading := read_agreement(file))]
    owners = {name: one.owner for one in written if one and one.owner for name in one.sources}
    owners |= report.owners(night.paths.nights)
    return owners | {name: source.agency for name, source in night.policy.sources.items()}
