"""Dagster's view of the outcomes: one asset for all measures and tables, which are computed together.

What belongs here: the asset definition. What does not: any work (`run`), the release (`assets.release`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
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
    TableColumn,
    TableSchema,
    multi_asset,
)

from assets.guard import no_values_in_errors
from assets.night import Night
from assets.outcomes.catalogue import MEASURE
from assets.outcomes.run import OutcomesReport, build_outcomes
from assets.outcomes.success import Target, load_targets
from assets.spine.assets import CHILD_SPINE

OUTCOMES = AssetKey("outcomes")
COMPLETE = "no_measure_withheld"

_SCHEMA = TableSchema(
    columns=[
        TableColumn(
            name,
            "bigint" if name in MEASURE.count_names else "varchar",
            description=MEASURE.comments[name],
        )
        for name in (*MEASURE.dims, *MEASURE.count_names)
    ]
)


def cabinet_targets(night: Night) -> tuple[Target, ...]:
    """Return the targets of the workspace (`targets.yaml` beside `state/`), else the packaged ones."""
    own: Path = night.paths.root.parent / "targets.yaml"
    return load_targets(own) if own.is_file() else load_targets()


def build_outcomes_assets(
    partitions_def: PartitionsDefinition[Any], quality: Callable[[Night], pa.Table | None] | None = None
) -> list[AssetsDefinition]:
    """Return the asset `outcomes`. `quality` estimates the linkage quality of the night (QUALITY_SCHEMA)."""

    @multi_asset(
        name="compute_outcomes",
        specs=[
            AssetSpec(
                OUTCOMES,
                deps=[CHILD_SPINE],
                group_name="outcomes",
                description="Every measure of the five areas and the linked tables, as counts before "
                "disclosure control. Each is one SQL file with its definition; docs/measures.md lists them.",
                kinds={"duckdb", "sql"},
                metadata={"dagster/column_schema": _SCHEMA},
            )
        ],
        check_specs=[
            AssetCheckSpec(
                COMPLETE,
                asset=OUTCOMES,
                description="Every measure could be computed: its columns are loaded and may be published.",
            )
        ],
        partitions_def=partitions_def,
    )
    def outcomes(night: ResourceParam[Night]) -> Any:
        with no_values_in_errors("computing outcomes"):
            report = build_outcomes(night, quality(night) if quality else None, cabinet_targets(night))
        yield MaterializeResult(asset_key=OUTCOMES, metadata=_metadata(report))
        yield AssetCheckResult(
            asset_key=OUTCOMES,
            check_name=COMPLETE,
            passed=not report.withheld,
            severity=AssetCheckSeverity.WARN,
            description=_withheld(report),
            metadata={"withheld": dict(report.withheld)},
        )

    return [outcomes]


def _withheld(report: OutcomesReport) -> str | None:
    if not report.withheld:
        return None
    return (
        f"withheld: {', '.join(sorted(report.withheld))}; docs/measures.md says which columns each needs, "
        "the release's table measure_withheld which clause of which agreement lacks them"
    )


def _metadata(report: OutcomesReport) -> dict[str, Any]:
    return {
        "dagster/row_count": sum(report.cells.values()),
        "periods": list(report.periods),
        "cells by measure": dict(report.cells),
        "rows by table": dict(report.tables),
        "withheld": dict(report.withheld),
    }
