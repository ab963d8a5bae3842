"""What a manifest says of the agreements that governed its release, and the check of it from the manifest alone.

What belongs here: the form as JSON, the words for people, and judging the recorded fields once more. What does not: how
it came about (`governance`), the signature over it (`manifest`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from assets.release.agreed import modes_of
from assets.release.governance import Governance, Leaving, leaving_from, minimum_cells
from assets.release.policy import ReleasePolicy
from assets.release.rows.form import ENTRY as ROW_ENTRIES
from mou_policies import vocabulary
from mou_policies.claims import objections
from mou_policies.provisions import AcceptedRisk
from mou_policies.verdict import REFUSED, Line, Verdict


def to_json(governance: Governance, policy: ReleasePolicy) -> dict[str, Any]:
    """Return the part of the manifest: licences, threshold, ZIP3 vintages, what leaves and what is counted, claims."""
    return {
        "licences": [
            {"agreement": a.agreement_id, "sha256": a.sha256, "clause": a.provisions.release.clause}
            for a in governance.licences
            if a.provisions.release is not None
        ],
        "threshold": {
            "applied": policy.threshold,
            "workspace": governance.workspace or policy.threshold,
            "licences": minimum_cells(governance.licences),
        },
        "mode": {"applied": policy.mode, "licences": modes_of(governance.licences)},
        "zip3": {
            "applied": governance.zip3,
            "vintages": [
                {"name": v.name, "cite": v.cite, "mark": v.mark, "current_until": v.current_until.isoformat()}
                for v in vocabulary.zip3_vintages()
            ],
        },
        "leaves": [_leaving(item) for item in governance.leaves],
        "counted": list(governance.counted),
        "claims": [_claim(verdict) for verdict in governance.verdicts],
    }


def _leaving(item: Leaving) -> dict[str, Any]:
    return {
        "column": item.column,
        "field": str(item.field),
        "class": item.field.cls,
        "treatment": item.field.treatment.token,
        "bands": list(item.field.treatment.bands),
        "clause": item.field.clause,
        "shown_in": list(item.shown_in),
    }


def _claim(verdict: Verdict) -> dict[str, Any]:
    return {
        "claim": verdict.claim.name,
        "licence": verdict.licence,
        "level": verdict.level,
        "outcome": verdict.outcome,
        "says": str(verdict),
        "conditions": [_line(line) for line in verdict.conditions],
        "fields": [_line(line) for line in verdict.fields],
        "accepted_risks": [_risk(risk) for risk in verdict.accepted],
    }


def _line(line: Line) -> dict[str, str]:
    found = {"about": line.about, "outcome": line.outcome, "says": line.says, "cite": line.cite, "clause": line.clause}
    return found | ({"rule": line.rule} if line.rule else {})


def _risk(risk: AcceptedRisk) -> dict[str, str]:
    return {
        "rule": risk.rule,
        "field": risk.about,
        "by": risk.by,
        "role": risk.role,
        "on": risk.on.isoformat(),
        "until": risk.until.isoformat(),
        "because": risk.because,
        "clause": risk.clause,
    }


def in_words(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield for people what a manifest says of agreements, threshold, ZIP3, fields that leave, and claims."""
    governed = manifest["governance"]
    for item in manifest["agreements"]:
        yield f"{item['kind']} {item['agreement']}, sha256 {item['sha256'][:12]}"
    threshold = governed["threshold"]
    asked = "".join(f", {number} by {clause}" for clause, number in threshold["licences"].items())
    yield f"counts from {threshold['applied']} on are shown: {threshold['workspace']} by the workspace{asked}"
    if "mode" in governed:
        said = (
            "".join(f", asked for by {clause}" for clause in governed["mode"]["licences"]) or ", which is the default"
        )
        yield f"numbers are protected by the mode {governed['mode']['applied']}{said}"
    yield f"restricted ZIP3 areas: {governed['zip3']['applied']}"
    yield f"{len(governed['leaves'])} columns leave, {len(governed['counted'])} are only counted"
    for claim in governed["claims"]:
        yield f"{claim['licence']} claims {claim['claim']}. {claim['says']}"
        yield from (f"  {line['about']}: {line['says']}" for line in (*claim["conditions"], *claim["fields"]))
    if not governed["claims"]:
        yield "no claim of de-identification is made"


def problems(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what does not hold of the part of a signed manifest: each field is judged once more, by today's rules."""
    governed = manifest["governance"]
    shown = {name for table in manifest["catalogue"]["tables"] for name in _columns_of(table)}
    rows = {entry["table"] for entry in manifest.get(ROW_ENTRIES, [])}
    said = {name for item in governed["leaves"] for name in item["shown_in"]}
    unknown = sorted(name for name in said - shown if name.partition(".")[0] not in rows)
    if unknown:
        yield f"columns that are not in the release are said to show something: {', '.join(unknown)}"
    if manifest["policy"]["threshold"] < max([0, *governed["threshold"]["licences"].values()]):
        yield "the threshold is below that of a licence"
    asked = set(governed.get("mode", {}).get("licences", {}).values())
    if asked - {manifest["policy"].get("mode", "suppress")}:
        yield "the mode is not the one that a licence asks for"
    fields = [leaving_from(item, tuple(item["shown_in"])) for item in governed["leaves"]]
    for claim in governed["claims"]:
        yield from (f"{claim['claim']}: {problem}" for problem in _of_claim(claim, fields, manifest))


def _columns_of(table: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{table['name']}.{name}" for name in table["dims"])
    yield from (f"{table['name']}.{column['name']}" for column in table["columns"])


def _of_claim(claim: Mapping[str, Any], fields: list[Leaving], manifest: Mapping[str, Any]) -> Iterator[str]:
    rules = vocabulary.claims().get(claim["claim"])
    if rules is None:
        yield "no such claim is known"
        return
    night = date.fromisoformat(manifest["night"])
    if claim["outcome"] == REFUSED:
        yield "it was refused"
    if manifest["policy"]["threshold"] < rules.minimum_cell.value:
        yield f"the threshold is below {rules.minimum_cell.value}"
    before = [entry["release_id"] for entry in manifest["earlier"]]
    if rules.earlier_releases.value and manifest["audit"]["releases_considered"] != before:
        yield "its audit did not consider every earlier release"
    stated = {line["about"] for line in claim["conditions"] if line["outcome"] != REFUSED}
    yield from (f"nobody states {name}" for name in rules.attests if f"attests {name}" not in stated)
    accepted = [_risk_from(entry) for entry in claim["accepted_risks"]]
    for item in fields:
        for objection in objections(rules, item.field, claim["level"], night):
            taken = any(r.rule == objection.rule and r.holds(night) and r.covers(str(item.field)) for r in accepted)
            if not (taken and vocabulary.rules()[objection.rule].acceptable):
                yield f"{item.column}: {objection}"


def _risk_from(entry: Mapping[str, str]) -> AcceptedRisk:
    on, until = date.fromisoformat(entry["on"]), date.fromisoformat(entry["until"])
    words = entry["because"], entry["clause"]
    return AcceptedRisk(entry["rule"], entry["field"], entry["by"], entry["role"], on, until, *words, (1, 1))
