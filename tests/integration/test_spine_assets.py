"""The Dagster assets of consent, spine and outcomes over a hub made by hand: counts only in what Dagster keeps."""

from __future__ import annotations

from pathlib import Path

from dagster import AssetKey, DailyPartitionsDefinition, materialize
from support.hub import Hub

from assets.outcomes.assets import OUTCOMES, build_outcomes_assets
from assets.spine.assets import CHILD_SPINE, CONSENT_LEDGER, build_consent_assets, build_spine_assets

TABLES = {
    "birth.births": "record | birth_year | birth_school_year | sex | gestation_weeks\n"
    "ann | 2025 | 2025-26 | F | 36\nbob | 2025 | 2025-26 | M | 40\ncam | 2025 | 2025-26 | M | 40",
    "consents.forms": "record | decision | scope | about_source | about_record | signed_month | effective_month\n"
    "cam | refuse | outcomes | - | - | - | 2026-08",
}


def test_the_assets_run_in_order_and_say_counts(tmp_path: Path):
    partitions = DailyPartitionsDefinition(start_date="2026-09-01")
    assets = [
        *build_consent_assets(partitions, [AssetKey(["extract", "consents", "content"])]),
        *build_spine_assets(partitions, [AssetKey("child_ids")]),
        *build_outcomes_assets(partitions),
    ]
    night = Hub(tmp_path / "state", TABLES).night()
    result = materialize(assets, partition_key="2026-09-01", resources={"night": night})
    assert result.success
    made = {
        event.asset_key: event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization
    }
    assert made[CONSENT_LEDGER]["new events"].value == 1
    assert made[CHILD_SPINE]["dagster/row_count"].value == 2
    assert made[CHILD_SPINE]["rows refused by consent"].value == 1
    assert made[OUTCOMES]["cells by measure"].value["preterm 1"] > 0
    checks = {event.check_name: event.passed for event in result.get_asset_check_evaluations()}
    assert checks == {"every_row_kept_refused_or_unlinked": True, "no_measure_withheld": False}
