"""The last asset of a night: once everything else has succeeded, the night commits and landing files go.

What a commit does to files is `assets.extracts.disposal`. A night that failed before this point keeps its files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dagster import AssetKey, AssetsDefinition, MaterializeResult, PartitionsDefinition, ResourceParam, asset

from assets.extracts.disposal import commit_landing
from assets.guard import no_values_in_errors
from assets.night import Night
from assets.trail import end_night

NIGHT_COMMIT = AssetKey("night_commit")


def build_commit_assets(
    partitions_def: PartitionsDefinition[Any], upstream: Iterable[AssetKey]
) -> list[AssetsDefinition]:
    """Return the asset `night_commit`, downstream of everything the night makes."""

    @asset(
        key=NIGHT_COMMIT,
        deps=list(upstream),
        group_name="release",
        description="The night is done: loaded landing files are deleted or sealed; a refused source's files stay.",
        kinds={"file"},
        partitions_def=partitions_def,
    )
    def night_commit(night: ResourceParam[Night]) -> MaterializeResult[Any]:
        with no_values_in_errors("committing the night"):
            report = commit_landing(night)
            end_night(night, report)
        return MaterializeResult(metadata={"files disposed": report.disposed, "how": night.settings.disposal})

    return [night_commit]
