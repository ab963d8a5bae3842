"""The asset `child_ids`: tokens become clusters, clusters become child IDs in the ledger. Metadata are counts only.

How records are compared, resolved and kept is `linkage`; nothing of it is decided here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
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

from assets.exposure import comparer, observer, reidentification_check, reidentification_spec
from assets.extracts.settle import purge_optouts
from assets.guard import no_values_in_errors
from assets.night import Night
from assets.quality import quality_metadata
from assets.trail import note_link
from linkage.backends import choose_backend
from linkage.identifiers import LINK_CLASSES
from linkage.model import load_model
from linkage.model_card import carried
from linkage.review import load_decisions
from linkage.run import LinkReport, LinkSettings, link
from linkage.vault import Vault

CHILD_IDS = AssetKey("child_ids")
ONE_RECORD = "one_record_a_child"
MODEL_DRIFT = "model_drift"
_RETRAIN = "retrain with `cradlepath model train` (docs/model.md)"

_SCHEMA = TableSchema(
    columns=[
        TableColumn("source", "varchar", description="Source the record belongs to."),
        TableColumn("record_key", "blob", description="Keyed hash of the source's own record id."),
        TableColumn("child_id", "varchar", description="Opaque, unrelated to anything about the child."),
    ]
)


def one_record_sources(night: Night) -> set[str]:
    """Return the sources in force whose agreement promises one record a child."""
    return {source.source for source in night.policy.sources.values() if source.one_record_a_child}


def fields_by_source(night: Night) -> dict[str, frozenset[str]]:
    """Return the identifier columns that each source in force may send, by its agreement."""
    return {
        name: frozenset(LINK_CLASSES[field.cls] for table in source.tables.values() for field in table.link_fields)
        for name, source in night.policy.sources.items()
    }


def link_night(night: Night) -> LinkReport:
    """Link all tokens of the vault as of the night, bring the ledger up to date and leave the model card beside it.

    Whoever opted out of linkage is taken out first, of sources too whose agreement is gone and that have no load.
    """
    for source in Vault(night.paths.vault, night.keys).sources():
        purge_optouts(night, source)
    chosen = night.settings
    backend = choose_backend(chosen.backend, chosen.memory_limit, chosen.spill)
    model = load_model(chosen.model, night.paths.models)
    settings = LinkSettings(model=model, backend=backend, fields=fields_by_source(night))
    if chosen.threshold_bits is not None:
        settings = dataclasses.replace(settings, threshold_bits=chosen.threshold_bits)
    paths = night.paths
    decisions = load_decisions(paths.decisions, night.keys)
    report = link(
        paths.vault,
        paths.ledger,
        paths.evidence,
        one_record_sources(night),
        night.date,
        night.keys,
        settings,
        decisions,
        observer(night),
        comparer(night),
    )
    card = report.model_card if report.fresh else carried(report.model_card, _earlier_card(paths.model_card))
    text = json.dumps(card, indent=2, sort_keys=True, default=str)
    paths.model_card.write_text(text + "\n", encoding="utf-8")
    return dataclasses.replace(report, model_card=card)


def _earlier_card(path: Path) -> dict[str, Any]:
    """Return the card of the last night; nothing where there is none that can be read."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}


def _metadata(report: LinkReport) -> dict[str, Any]:
    return {
        "mode": report.model_card["mode"],
        "dagster/row_count": sum(report.records.values()),
        "children": report.children,
        "records by source": report.records,
        "new or changed records": report.fresh,
        "records joined by an exact tag": report.joined_by_tag,
        "records that sent anchors": report.sent_anchors,
        "records whose features were opened": report.opened,
        "pairs scored": report.pairs_scored,
        "pairs linked": report.pairs_linked,
        "ties left unlinked": report.abstained,
        "ledger": dataclasses.asdict(report.changes),
        "seconds": report.seconds,
        "peak memory (MB)": report.peak_memory_mb,
    }


def build_link_assets(
    partitions_def: PartitionsDefinition[Any], extracts: Iterable[AssetKey]
) -> list[AssetsDefinition]:
    """Return the asset that links what the vault holds, after every extract of the night."""

    @multi_asset(
        name="link_records",
        specs=[
            AssetSpec(
                CHILD_IDS,
                deps=list(extracts),
                group_name="linkage",
                description="Which record is which child: Splink on anchored tokens, one-to-one resolution, a ledger.",
                kinds={"splink", "duckdb"},
                metadata={"dagster/column_schema": _SCHEMA},
            )
        ],
        check_specs=[
            AssetCheckSpec(
                ONE_RECORD,
                asset=CHILD_IDS,
                description="No child has two records of a source that promises one a child.",
                blocking=True,
            ),
            AssetCheckSpec(
                MODEL_DRIFT,
                asset=CHILD_IDS,
                description="Linked pairs look as the linkage model expects. docs/model.md says what to do if not.",
            ),
            reidentification_spec(CHILD_IDS),
        ],
        partitions_def=partitions_def,
    )
    def child_ids(night: ResourceParam[Night]) -> Iterable[MaterializeResult[Any] | AssetCheckResult]:
        with no_values_in_errors("linking"):
            report = link_night(night)
            note_link(night, report)
            doubled = records_beyond_one(night)
            review = quality_metadata(night)
        yield MaterializeResult(asset_key=CHILD_IDS, metadata=_metadata(report) | review)
        yield AssetCheckResult(
            asset_key=CHILD_IDS,
            check_name=ONE_RECORD,
            passed=doubled == 0,
            severity=AssetCheckSeverity.ERROR,
            metadata={"children with two records": doubled},
        )
        yield drift_check(report)
        with no_values_in_errors("attacking the token store"):
            yield reidentification_check(night, CHILD_IDS)

    return [child_ids]


def drift_check(report: LinkReport) -> AssetCheckResult:
    """Warn where linked pairs show levels far more or less often than the model says, tonight or when last judged."""
    past = report.model_card["drift"]["past_the_limit"]
    return AssetCheckResult(
        asset_key=CHILD_IDS,
        check_name=MODEL_DRIFT,
        passed=not past,
        severity=AssetCheckSeverity.WARN,
        description="; ".join([*past, _RETRAIN]) if past else None,
        metadata={"PSI by comparison": {one.comparison: round(one.psi, 3) for one in report.drift}},
    )


def records_beyond_one(night: Night) -> int:
    """Count (child, source) pairs with two records or more, over the sources that promise one record a child."""
    with duckdb.connect() as con:
        con.register("record_child", night.record_child())
        [(doubled,)] = con.execute(
            """
            select count(*) from (
                select source, child_id
                from record_child
                where source in (select unnest(?::varchar[]))
                group by all
                having count(*) > 1
            )
            """,
            [sorted(one_record_sources(night))],
        ).fetchall()
    return int(doubled)
