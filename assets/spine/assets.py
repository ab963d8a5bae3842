"""Dagster's view of consent and spine: thin calls, counts as metadata, no value of a record.

What belongs here: asset definitions. What does not: any work (`consents`, `build`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dagster import (
    AssetCheckResult,
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
from assets.release.marks import mark_releases
from assets.spine.build import SpineReport, build_spine
from assets.spine.consents import record_consents
from assets.trail import note_gate

CONSENT_LEDGER = AssetKey("consent_ledger")
CHILD_SPINE = AssetKey("child_spine")
RECONCILED = "every_row_kept_refused_or_unlinked"

_LEDGER_SCHEMA = TableSchema(
    columns=[
        TableColumn("record_key", "blob", description="The form's own record, a keyed hash."),
        TableColumn("decision", "varchar", description="One of the decisions of consent/scopes.yaml."),
        TableColumn("scope", "varchar", description="One of the scopes of consent/scopes.yaml."),
        TableColumn("effective_month", "varchar", description="Month from which the decision holds."),
    ]
)

_SPINE_SCHEMA = TableSchema(
    columns=[
        TableColumn("child_id", "varchar", description="Opaque child ID."),
        TableColumn("birth_year", "integer", description="Calendar year of birth."),
        TableColumn("birth_school_year", "varchar", description="School year of birth, 1 July to 30 June."),
        TableColumn("sex", "varchar", description="Female, Male or Unknown."),
        TableColumn("race_ethnicity", "varchar", description="Hispanic of any race, or race."),
    ]
)


def build_consent_assets(
    partitions_def: PartitionsDefinition[Any], forms: Iterable[AssetKey]
) -> list[AssetsDefinition]:
    """Return the asset `consent_ledger`, downstream of the content of the consent extracts (`forms`)."""

    @multi_asset(
        name="record_consent_forms",
        specs=[
            AssetSpec(
                CONSENT_LEDGER,
                deps=list(forms),
                group_name="consent",
                description="What families decided: an append-only ledger. A linkage opt-out acts before "
                "tokens are stored, every other decision between child IDs and spine.",
                kinds={"sqlalchemy"},
                metadata={"dagster/column_schema": _LEDGER_SCHEMA},
            )
        ],
        partitions_def=partitions_def,
    )
    def consent_ledger(night: ResourceParam[Night]) -> MaterializeResult[Any]:
        with no_values_in_errors("recording consent forms"):
            report = record_consents(night)
        return MaterializeResult(
            asset_key=CONSENT_LEDGER,
            metadata={
                "dagster/row_count": report.forms,
                "new events": report.recorded,
                "forms known before": report.unchanged,
                "new forms that cannot be read in full (read on the safe side)": report.unreadable,
            },
        )

    return [consent_ledger]


def build_spine_assets(
    partitions_def: PartitionsDefinition[Any], upstream: Iterable[AssetKey]
) -> list[AssetsDefinition]:
    """Return the asset `child_spine`; `upstream` are the child IDs and the content of every source."""

    @multi_asset(
        name="build_child_spine",
        specs=[
            AssetSpec(
                CHILD_SPINE,
                deps=[CONSENT_LEDGER, *upstream],
                group_name="spine",
                description="Content of every source under child IDs, behind the consent gate, and the "
                "models made from it. Restricted store.",
                kinds={"duckdb", "sql"},
                metadata={"dagster/column_schema": _SPINE_SCHEMA},
            )
        ],
        check_specs=[
            AssetCheckSpec(
                RECONCILED,
                asset=CHILD_SPINE,
                description="For each content table: rows = in the spine + refused by consent + not linked.",
                blocking=True,
            )
        ],
        partitions_def=partitions_def,
    )
    def child_spine(night: ResourceParam[Night]) -> Iterable[MaterializeResult[Any] | AssetCheckResult]:
        with no_values_in_errors("building the spine"):
            report = build_spine(night)
            note_gate(night, report.gate, mark_releases(night))
        yield MaterializeResult(asset_key=CHILD_SPINE, metadata=_metadata(report))
        wrong = report.unreconciled
        yield AssetCheckResult(
            asset_key=CHILD_SPINE,
            check_name=RECONCILED,
            passed=not wrong,
            metadata={"tables that do not add up": list(wrong)},
        )

    return [child_spine]


def _metadata(report: SpineReport) -> dict[str, Any]:
    """Return the counts of one build; how many families refused stays in the hub's own book of nights."""
    return {
        "dagster/row_count": report.children,
        "rows by table": dict(report.tables),
        "rows by model": dict(report.models),
        "models without a column they need": list(report.missing_models),
        "rows refused by consent": sum(table.refused for table in report.gate.tables),
        "rows not linked": sum(table.unlinked for table in report.gate.tables),
        "forms that reach no child yet": sum(item.forms for item in report.gate.pending),
    }
