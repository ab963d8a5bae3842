"""The extracts as Dagster shows them: one multi-asset a source, thin calls into `assets.extracts.load`.

Each source has two assets, its tokens (in the vault) and its content (in the content store). They return counts,
never rows, so no I/O manager ever stores a name. A refused source still materialises, with its status and a failed
check, and the night goes on without it; only a state in which the two stores disagree blocks what follows.

Annotations are real here, not postponed: Dagster reads those of a nested function from the function itself.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    FreshnessPolicy,
    MaterializeResult,
    MetadataValue,
    PartitionsDefinition,
    ResourceParam,
    TableColumn,
    TableSchema,
    multi_asset,
)

from assets.extracts import report
from assets.extracts.checks import CHECKS, MEANING, SOUND
from assets.extracts.load import LoadReport, load_source
from assets.extracts.nights import open_nights
from assets.extracts.store import content_table
from assets.guard import no_values_in_errors
from assets.metadata import with_tables
from assets.night import Night
from assets.release.reporting import NOT_TOLD, leaving
from assets.trail import note_load
from linkage.keys import AGENCY_TOKENISED
from mou_policies.model import SourcePolicy
from mou_policies.treatments import output_types

GROUP = "extracts"


def tokens_key(source: str) -> AssetKey:
    """Return the key of a source's tokens."""
    return AssetKey(["extract", source, "tokens"])


def content_key(source: str) -> AssetKey:
    """Return the key of a source's content."""
    return AssetKey(["extract", source, "content"])


def build_extract_assets(
    sources: Sequence[SourcePolicy],
    *,
    partitions_def: PartitionsDefinition | None = None,
    consent: AssetKey | None = None,
    freshness: bool = False,
) -> list[AssetsDefinition]:
    """Return one multi-asset a source, consent sources first.

    Every other source waits for `consent`, the asset that turns consent forms into opt-outs (or for the
    consent sources themselves, where none is named); a source that uses another's record ids waits for that one.
    With `freshness`, each source's assets are expected as often as its agreement says.
    """
    forms = [source for source in sources if source.kind == "consent"]
    waits = [consent] if consent is not None else [content_key(source.source) for source in forms]
    ordered = [*forms, *(source for source in sources if source.kind != "consent")]
    return [
        _source_asset(source, [] if source.kind == "consent" else waits, partitions_def, freshness)
        for source in ordered
    ]


def _source_asset(
    source: SourcePolicy, waits: Sequence[AssetKey], partitions: PartitionsDefinition | None, freshness: bool
) -> AssetsDefinition:
    name = source.source
    deps = [*waits, *([tokens_key(source.records_of)] if source.records_of else [])]
    content = content_key(name)

    @multi_asset(
        name=f"load_{name}",
        specs=_specs(source, deps, freshness),
        check_specs=[_check_spec(check, content) for check in CHECKS],
        partitions_def=partitions,
    )
    def load(
        context: AssetExecutionContext, night: ResourceParam[Night]
    ) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
        outcome = load_source(night, name)
        with no_values_in_errors(f"noting the load of {name}"):
            note_load(night, outcome)
        context.log.info(_summary(outcome))
        yield MaterializeResult(asset_key=tokens_key(name), metadata=_token_metadata(outcome, night))
        yield MaterializeResult(asset_key=content, metadata=_content_metadata(outcome, night))
        yield from _check_results(outcome, content)

    return load


def _specs(source: SourcePolicy, deps: Sequence[AssetKey], freshness: bool) -> list[AssetSpec]:
    expected = FreshnessPolicy.time_window(fail_window=timedelta(days=source.expects_days)) if freshness else None
    shared: dict[str, Any] = {
        "deps": list(deps),
        "group_name": GROUP,
        "owners": [source.owner_contact] if "@" in source.owner_contact else [],
        "tags": {"agency": source.agency, "source": source.source, "standard": source.standard},
        "freshness_policy": expected,
    }
    where = {"agreement": source.agreement_file, "standard": source.standard}
    return [
        AssetSpec(
            tokens_key(source.source),
            description=f"{source.title}: keyed linkage tokens, one row a record. No name or date is kept.",
            kinds={"duckdb", "tokens"},
            metadata=where,
            **shared,
        ),
        AssetSpec(
            content_key(source.source),
            description=f"{source.title}: the fields that {source.agreement_file} grants, after treatment.",
            kinds={"duckdb", "table"},
            metadata={**where, "dagster/column_schema": content_schema(source)},
            **shared,
        ),
    ]


def content_schema(source: SourcePolicy) -> TableSchema:
    """Return the columns that are stored for a source, table by table, with the treatment that made each."""
    columns = []
    for table in source.tables.values():
        stored = content_table(source.source, table.table)
        for field in table.content_fields:
            for name, kind in output_types(field).items():
                columns.append(
                    TableColumn(
                        f"{stored}.{name}",
                        str(kind),
                        description=f"{field.treatment}. {field.reason}",
                        tags={"use": field.use, "class": field.cls},
                    )
                )
    return TableSchema(columns=columns)


def _check_spec(name: str, asset: AssetKey) -> AssetCheckSpec:
    return AssetCheckSpec(name, asset=asset, description=MEANING[name], blocking=name == SOUND)


def _check_results(outcome: LoadReport, asset: AssetKey) -> Iterator[AssetCheckResult]:
    """Yield one result a check; one that had nothing to look at passes and says so."""
    found = {check.name: check for check in outcome.checks}
    for name in CHECKS:
        check = found.get(name)
        said = outcome.refusal if check is not None and not check.passed else None
        yield AssetCheckResult(
            asset_key=asset,
            check_name=name,
            passed=check is None or check.passed,
            severity=AssetCheckSeverity.ERROR,
            description=f"{said}; {outcome.remedy}" if said else None if check else "nothing to look at tonight",
            metadata=dict(check.counts) if check and name != SOUND else {},
        )


def _summary(outcome: LoadReport) -> str:
    read = sum(count.read for count in outcome.counts)
    return f"{outcome.source}: {outcome.status}; {read} rows read"


def _token_metadata(outcome: LoadReport, night: Night) -> dict[str, Any]:
    """Return what may be told of tokens: what an agency that made them counted itself (`assets.release.reporting`)."""
    there = night.keys.mode == AGENCY_TOKENISED
    counts = {"tokenised": outcome.tokens.records, "unlinkable": outcome.tokens.unlinkable}
    [told] = leaving([counts], agency_tokenised=there)
    return {"status": outcome.status, **told} | ({} if there else {"not told": NOT_TOLD})


def _content_metadata(outcome: LoadReport, night: Night) -> dict[str, Any]:
    """Return counts, names and reasons as a steward sees them in `cradlepath report`, and no other count."""
    book, source = night.paths.nights, outcome.source
    with open_nights(book, read_only=True):  # held open: the three readings below then cost no opening each
        drops = [
            {"policy": d.policy, "reason": d.reason, "file": d.file, "table": d.table, "rows": d.rows}
            for d in report.policy_drops(book, night.date, source)
        ]
        reasons = [
            {"reason": r.reason, "file": r.file, "table": r.table, "column": r.column or "", "rows": r.rows}
            for r in report.quarantine_reasons(book, night.date, source)
        ]
        unread = sorted({f"{c.table}.{c.column}" for c in report.unread_columns(book, night.date, source)})
    files = [
        {
            "file": c.file,
            "table": c.table,
            "read": c.read,
            "quarantined": c.quarantined,
            "dropped_by_policy": c.dropped_by_policy,
        }
        for c in outcome.counts
    ]
    told: dict[str, Any] = {
        "status": outcome.status,
        "files already loaded": outcome.already_loaded,
        "files superseded": outcome.superseded,
        "columns nobody granted": MetadataValue.json(unread),
    }
    if outcome.refusal:
        told["refused"] = f"{outcome.refusal}; {outcome.remedy}"
    return told | with_tables({"files": leaving(files), "dropped by policy": drops, "quarantined": reasons})
