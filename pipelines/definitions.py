"""What Dagster loads: the assets of every source that an agreement names, the jobs, the schedule and the sensor.

`build_defs` makes a fresh set for one workspace; `defs` is the set `dagster dev` opens. The graph is drawn from the
agreements, so a new source appears when its agreement file does, and no code changes.
"""

from __future__ import annotations

import os
from pathlib import Path

from dagster import AssetsDefinition, DailyPartitionsDefinition, Definitions, definitions

from assets.commit import build_commit_assets
from assets.extracts.assets import build_extract_assets, content_key, tokens_key
from assets.links import CHILD_IDS, build_link_assets
from assets.outcomes.assets import OUTCOMES, build_outcomes_assets
from assets.outcomes.catalogue import catalogue
from assets.quality import night_quality
from assets.release.assets import RELEASE, build_release_assets
from assets.release.nightly import ReleaseSettings
from assets.release.policy import ReleasePolicy, Switch
from assets.spine.assets import CONSENT_LEDGER, build_consent_assets, build_spine_assets
from mou_policies.errors import AgreementError
from mou_policies.language import agreement_files, load_agreement
from mou_policies.model import SourcePolicy
from pipelines.jobs import load_jobs, nightly_job
from pipelines.resources import night_resource
from pipelines.schedules import nightly_schedule
from pipelines.sensors import arrival_sensor
from pipelines.workspace import ENVIRONMENT, Release, Workspace, open_workspace

DEMO = Path("demo-city")


def named_sources(workspace: Workspace) -> list[SourcePolicy]:
    """Return every source that a well-formed agreement names, in force or not, in the order of its agreement file.

    A source whose agreement is not in force stays in the graph, so that a steward sees it refused. One whose
    agreement cannot be read is missing from the graph; the night's summary names the file and the line.
    """
    sources: dict[str, SourcePolicy] = {}
    for path in agreement_files(workspace.agreements):
        try:
            agreement = load_agreement(path)
        except AgreementError:
            continue
        for source in agreement.sources.values():
            sources.setdefault(source.source, source)
    return list(sources.values())


def build_assets(
    sources: list[SourcePolicy], partitions: DailyPartitionsDefinition, release: ReleaseSettings
) -> list[AssetsDefinition]:
    """Return the assets of a night in flow order."""
    contents = [content_key(source.source) for source in sources]
    tokens = [tokens_key(source.source) for source in sources]
    forms = [content_key(source.source) for source in sources if source.kind == "consent"]
    return [
        *build_extract_assets(sources, partitions_def=partitions, consent=CONSENT_LEDGER, freshness=True),
        *build_consent_assets(partitions, forms),
        *build_link_assets(partitions, tokens),
        *build_spine_assets(partitions, [CHILD_IDS, *contents]),
        *build_outcomes_assets(partitions, night_quality),
        *build_release_assets(partitions, [OUTCOMES], catalogue, release),
        *build_commit_assets(partitions, [RELEASE, OUTCOMES, CHILD_IDS]),
    ]


def release_settings(settings: Release) -> ReleaseSettings:
    """Return the workspace's release section as the release room reads it."""
    zeros: Switch = "shown" if settings.zero_is_safe else "hidden"
    certain: Switch = "shown" if settings.certain_is_safe else "hidden"
    weights = tuple(sorted(settings.weights.items()))
    policy = ReleasePolicy(settings.threshold, zeros, certain, weights=weights)
    return ReleaseSettings(settings.calendar, policy)


def build_defs(workspace: Workspace) -> Definitions:
    """Return everything Dagster needs to run the nights of one workspace."""
    sources = named_sources(workspace)
    settings = workspace.settings
    partitions = DailyPartitionsDefinition(
        start_date=settings.start.isoformat(), timezone=settings.schedule.timezone, end_offset=1
    )
    night = nightly_job()
    agencies = sorted({source.agency for source in sources})
    loads = dict(zip(agencies, load_jobs(agencies), strict=True))
    return Definitions(
        assets=build_assets(sources, partitions, release_settings(settings.release)),
        jobs=[night, *loads.values()],
        schedules=[nightly_schedule(night, settings.schedule)],
        sensors=[arrival_sensor(loads, workspace.landing, settings.schedule.arrival_settle_seconds, settings.start)],
        resources={"night": night_resource(workspace.root)},
    )


def _workspace_of_this_process() -> Workspace:
    """Return the workspace the environment names, else the current folder's, else the demo city beside it."""
    if os.environ.get(ENVIRONMENT) or not DEMO.is_dir():
        return open_workspace()
    return open_workspace(DEMO)


@definitions
def defs() -> Definitions:
    """Return what `dagster dev` opens; built when Dagster asks, so that importing this module needs no workspace."""
    return build_defs(_workspace_of_this_process())
