"""The jobs: `nightly` makes everything; `agency_<name>` loads one agency's files as soon as they have arrived.

Every job runs in one process, because the embedded stores have one writer.
"""

from __future__ import annotations

from collections.abc import Iterable

from dagster import AssetSelection, define_asset_job, in_process_executor
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

NIGHTLY = "nightly"


def nightly_job() -> UnresolvedAssetJobDefinition:
    """Return the job that runs the whole night of one partition (a date)."""
    return define_asset_job(
        NIGHTLY,
        selection=AssetSelection.all(),
        executor_def=in_process_executor,
        description="The whole night: load every agency's files, link, apply consent, count, audit; publish when due.",
        tags={"cradlepath/kind": "night"},
    )


def load_job_name(agency: str) -> str:
    """Name of the job that loads one agency."""
    return f"agency_{agency}"


def load_jobs(agencies: Iterable[str]) -> list[UnresolvedAssetJobDefinition]:
    """Return one job an agency that loads its sources only; links and releases wait for the night."""
    return [
        define_asset_job(
            load_job_name(agency),
            selection=AssetSelection.tag("agency", agency) & AssetSelection.groups("extracts"),
            executor_def=in_process_executor,
            description=f"Load the files that {agency} has delivered; started by the arrival sensor.",
            tags={"cradlepath/kind": "load", "cradlepath/agency": agency},
        )
        for agency in agencies
    ]
