"""Findings as a SARIF 2.1.0 log (OASIS, Static Analysis Results Interchange Format), for code review tools.

Every rule of the catalogue is described, found or not. Places are relative: nothing in a log names a machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from mou_policies import vocabulary
from mou_policies.findings import Finding

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
TOOL = "cradlepath mou lint"


def sarif(findings: Iterable[Finding], folder: str) -> dict[str, Any]:
    """Return the log of one run as JSON values; `folder` is the agreements' folder, relative to the repository.

    A finding that a named person accepts as a risk is suppressed in source, with who accepts it as the justification.
    """
    order = {name: place for place, name in enumerate(vocabulary.rules())}
    run = {
        "tool": {"driver": {"name": TOOL, "rules": [_rule(rule) for rule in vocabulary.rules().values()]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(found, order[found.rule], folder) for found in findings],
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def _rule(rule: vocabulary.Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title} {rule.cite} [{rule.mark}: {vocabulary.MARKS[rule.mark]}]."},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"citation": rule.cite, "mark": rule.mark, "acceptable": rule.acceptable},
    }


def _result(found: Finding, index: int, folder: str) -> dict[str, Any]:
    rule = vocabulary.rules()[found.rule]
    return {
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": rule.severity if found.accepted else found.severity,
        "message": {"text": f"{found.says}; {found.remedy}"},
        "locations": [_location(found, folder)],
        "suppressions": _suppressions(found),
    }


def _location(found: Finding, folder: str) -> dict[str, Any]:
    where: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(f"{folder}/{found.file}".lstrip("/")), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": found.line, "startColumn": found.column},
        }
    }
    if found.about:
        where["logicalLocations"] = [{"fullyQualifiedName": found.about}]
    return where


def _suppressions(found: Finding) -> Sequence[dict[str, Any]]:
    return [{"kind": "inSource", "status": "accepted", "justification": found.accepted}] if found.accepted else []
