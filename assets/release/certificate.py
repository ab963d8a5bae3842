"""The certificate of an audit: what the manifest says was judged, and whether that is what a second audit finds.

What belongs here: the certificate's entries and the comparison. They are public: which rule, which equations, which
releases, which solver. What was proven about each hidden number is in the sealed annex, and so is how many programs
that took, since it depends on the hidden numbers. What does not: the signature over both (`manifest`), the audit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assets.release.findings import AuditReport
from assets.release.policy import ReleasePolicy


def certificate(report: AuditReport, policy: ReleasePolicy, considered: Sequence[str]) -> dict[str, Any]:
    """Return the certificate of an audit that considered the earlier releases of these ids, oldest first."""
    return {
        "passed": report.passed,
        "policy": policy.name,
        "constraints_sha256": report.constraint_hash,
        "counts": report.counts,
        "hidden": report.hidden,
        "solver": report.solver,
        "releases_considered": list(considered),
    }


def disagreements(manifest: Mapping[str, Any], report: AuditReport) -> Iterator[str]:
    """Yield where the certificate in a manifest is not that of the audit in `report`, or contradicts the manifest.

    Another version of the solver is no disagreement: what it proves is tried, not compared. Without the annex the
    second audit sees fewer equations, and their digest is not compared.
    """
    certified = manifest["audit"]
    again = certificate(
        report, ReleasePolicy.from_json(manifest["policy"]), [entry["release_id"] for entry in manifest["earlier"]]
    )
    compared = {"policy", "counts", "hidden", "releases_considered"}
    if report.complete:
        compared |= {"constraints_sha256"}
    if certified.get("passed") is not True:
        yield "the certificate says that its audit did not pass"
    for name in sorted(compared):
        if certified.get(name) != again[name]:
            yield f"the certificate names other {name.replace('_', ' ')} than the audit now finds"
