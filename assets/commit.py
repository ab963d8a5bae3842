"""The last asset of a night: once everything else has succeeded, the night commits and landing files go.

What a commit does to files is `assets.extracts.disposal`. A night that failed before this point keeps its files.
"""

from __future__ import annotations

from collections.abc import Iterable
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

from assets.extracts.disposal import commit_landing
from assets.guard import no_values_in_errors
from assets.night import Night
from assets.trail import end_night

NIGHT_COMMIT = AssetKey("night_commit")
TRAIL = "audit_trail"


def build_commit_assets(
    partitions_def: PartitionsDefinition[Any], upstream: Iterable[AssetKey]
) -> list[AssetsDefinition]:
    """Return the asset `night_commit`, downstream of everything the night makes."""

    @multi_asset(
        name="commit_night",
        specs=[
            AssetSpec(
                NIGHT_COMMIT,
                deps=list(upstream),
                group_name="release",
                description="The night is done: loaded landing files are deleted or sealed; a refused source's stay.",
                kinds={"file"},
            )
        ],
        check_specs=[
            AssetCheckSpec(
                TRAIL,
                asset=NIGHT_COMMIT,
                description="The audit trail is whole, and is the one that was signed and anchored before. Else it is "
                "not signed tonight; `cradlepath audit verify` names what was changed.",
            )
        ],
        partitions_def=partitions_def,
    )
    def night_commit(night: ResourceParam[Night]) -> Iterable[MaterializeResult[Any] | AssetCheckResult]:
        with no_values_in_errors("committing the night"):
            report = commit_landing(night)
            wrong = end_night(night, report)
        told = {"files disposed": report.disposed, "how": night.settings.disposal}
        yield MaterializeResult(asset_key=NIGHT_COMMIT, metadata=told)
        yield AssetCheckResult(
            asset_key=NIGHT_COMMIT,
            check_name=TRAIL,
            passed=wrong is None,
            severity=AssetCheckSeverity.ERROR,
            description=wrong,
        )

    return [night_commit]
