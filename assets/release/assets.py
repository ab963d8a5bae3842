"""The release as Dagster shows it: a candidate that is suppressed and audited aside, then the publication itself.

What belongs here: asset definitions, counts as metadata, the audit as a blocking check. What does not: any
work (`publish`), when a release is due (`calendar`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    PartitionsDefinition,
    ResourceParam,
    multi_asset,
)

from assets.exposure import ExposureLimitError, release_gate
from assets.guard import no_values_in_errors
from assets.night import Night
from assets.release import folder as places
from assets.release.disclosed import record_release
from assets.release.governance import NotLicensedError
from assets.release.modes.budget import PrivacyRefusedError
from assets.release.nightly import ReleaseSettings, is_due, order_of
from assets.release.publish import Built, build, finish
from assets.release.tables import Catalogue
from assets.trail import note_release

CANDIDATE = AssetKey("release_candidate")
RELEASE = AssetKey("release")
AUDIT = "disclosure_audit"
CLAIMS = "licence_and_claims"
GATE = "exposure_gate"
_NOT_DUE = "not due: the calendar of the workspace names no release for this night"
_NOTHING = "nothing to publish: see the release candidate of this night"


def build_release_assets(
    partitions_def: PartitionsDefinition[Any],
    upstream: Iterable[AssetKey],
    catalogue: Callable[[], Catalogue],
    settings: ReleaseSettings,
) -> list[AssetsDefinition]:
    """Return the assets `release_candidate` (with its blocking audit) and `release`, downstream of the outcomes."""
    return [
        _candidate(partitions_def, list(upstream), catalogue, settings),
        _release(partitions_def),
    ]


def _candidate(
    partitions: PartitionsDefinition[Any],
    upstream: list[AssetKey],
    catalogue: Callable[[], Catalogue],
    settings: ReleaseSettings,
) -> AssetsDefinition:
    @multi_asset(
        name="suppress_and_audit",
        specs=[
            AssetSpec(
                CANDIDATE,
                deps=upstream,
                group_name="release",
                description="Tonight's tables with small counts and their complements hidden, written aside and "
                "attacked from their own file. Made only on nights that the release calendar names.",
                kinds={"duckdb", "highs"},
            )
        ],
        check_specs=[
            AssetCheckSpec(
                AUDIT,
                asset=CANDIDATE,
                description="No hidden count can be narrowed below the rule from everything ever published.",
                blocking=True,
            ),
            AssetCheckSpec(
                CLAIMS,
                asset=CANDIDATE,
                description="A licence in force lets the release go out, and every claim it makes is borne out by each "
                "field that leaves. Else nothing is built, the last release stays, and the night goes on.",
            ),
        ],
        partitions_def=partitions,
    )
    def release_candidate(night: ResourceParam[Night]) -> Iterable[MaterializeResult[Any] | AssetCheckResult]:
        with no_values_in_errors("suppressing and auditing the release"):
            built, refused = build_candidate(night, catalogue(), settings)
            note_release(night, {}, refused)
        yield MaterializeResult(asset_key=CANDIDATE, metadata={"status": "refused"} if refused else _metadata(built))
        yield _audit_result(built)
        yield AssetCheckResult(
            asset_key=CANDIDATE,
            check_name=CLAIMS,
            passed=refused is None,
            severity=AssetCheckSeverity.ERROR,
            description=refused,
        )

    return release_candidate


def build_candidate(night: Night, catalogue: Catalogue, settings: ReleaseSettings) -> tuple[Built | None, str | None]:
    """Build tonight's release aside where one is due; return it, or why agreements or budget do not let it go out."""
    if not is_due(night, settings):
        return None, None
    try:
        return build(order_of(night, catalogue, settings), night.keys), None
    except (NotLicensedError, PrivacyRefusedError) as error:
        return None, str(error)


def _metadata(built: Built | None) -> dict[str, Any]:
    if built is None:
        return {"status": _NOT_DUE}
    return {
        "status": "the same release exists already" if built.existing else "built aside",
        "release": built.release_id,
    }


def _audit_result(built: Built | None) -> AssetCheckResult:
    findings = [] if built is None else [str(finding) for finding in built.report.findings]
    return AssetCheckResult(
        asset_key=CANDIDATE,
        check_name=AUDIT,
        passed=not findings,
        severity=AssetCheckSeverity.ERROR,
        description="; ".join(findings[:5]) or (None if built else _NOTHING),
        metadata={"findings": len(findings)},
    )


def _release(partitions: PartitionsDefinition[Any]) -> AssetsDefinition:
    @multi_asset(
        name="publish_release",
        specs=[
            AssetSpec(
                RELEASE,
                deps=[CANDIDATE],
                group_name="release",
                description="The signed, read-only release that `cradlepath query` reads; the pointer moves last.",
                kinds={"duckdb"},
            )
        ],
        check_specs=[
            AssetCheckSpec(
                GATE,
                asset=RELEASE,
                description="Tonight's tokens single out no more than the limits of the workspace allow. Else the "
                "release is refused, and the night goes on without it. docs/attack.md says what to do.",
            )
        ],
        partitions_def=partitions,
    )
    def release(night: ResourceParam[Night]) -> Iterable[MaterializeResult[Any] | AssetCheckResult]:
        with no_values_in_errors("publishing the release"):
            status, refused = publish_candidate(night)
            note_release(night, status, refused)
        yield MaterializeResult(asset_key=RELEASE, metadata=status)
        yield AssetCheckResult(
            asset_key=RELEASE,
            check_name=GATE,
            passed=refused is None,
            severity=AssetCheckSeverity.ERROR,
            description=refused,
        )

    return release


def publish_candidate(night: Night) -> tuple[dict[str, Any], str | None]:
    """Publish tonight's candidate, if there is one and the gate lets it pass.

    What it discloses is recorded first, so that no crash leaves a release without its account. Returns metadata, and
    why it was refused: the night itself goes on, and when it is run again with other limits the candidate is made
    again.
    """
    candidate = night.paths.releases / f"{places.BUILDING}{night.date.isoformat()}"
    if not candidate.is_dir():
        return {"status": _NOTHING}, None
    try:
        release_gate(night)
    except ExposureLimitError as error:
        places.clear(candidate)
        return {"status": "refused"}, str(error)
    record_release(night, candidate)
    stored = finish(night.paths.releases, night.date, night.keys)
    log = stored.manifest["log"]
    status = {
        "status": "published",
        "release": stored.id,
        "dagster/row_count": log["counts"],
        "tables": log["tables"],
        "counts hidden": log["hidden"],
    }
    return status, None
