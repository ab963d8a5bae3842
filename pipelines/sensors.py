"""The arrival sensor: a completed delivery starts the load of the agency that made it.

A delivery is complete when its folder holds a `_COMPLETE` marker, or when none of its files has changed for as long as
the workspace says. Only names of folders, sizes and times are looked at, and they leave as a digest.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from dagster import (
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipelines.jobs import load_job_name

COMPLETE = "_COMPLETE"


def arrivals(landing: Path, agency: str, settle_seconds: float, now: float) -> Iterator[tuple[str | None, str]]:
    """Yield (date folder or None, digest) of each complete delivery of one agency; `now` is in epoch seconds."""
    home = landing / agency
    if not home.is_dir():
        return
    dated = [folder for folder in sorted(home.iterdir()) if folder.is_dir() and _is_date(folder.name)]
    for folder in [*dated, home]:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        marked = any(path.name == COMPLETE for path in files)
        payload = [path for path in files if path.name != COMPLETE and path.suffix not in {".part", ".tmp"}]
        if not payload:
            continue
        facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in payload]
        settled = now - max(mtime for _, _, mtime in facts) / 1e9 >= settle_seconds
        if marked or settled:
            yield (
                folder.name if folder != home else None,
                hashlib.sha256(repr(facts).encode()).hexdigest()[:16],
            )


def _is_date(name: str) -> bool:
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return True


def arrival_sensor(
    jobs: Mapping[str, UnresolvedAssetJobDefinition], landing: Path, settle_seconds: int, start: date
) -> SensorDefinition:
    """Return the sensor that asks for the job of an agency once for each complete delivery.

    A dated folder loads as its own night; undated files load as today's. Deliveries before `start` are ignored.
    """

    @sensor(
        name="arrivals",
        jobs=list(jobs.values()),
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.STOPPED,
        description="Starts the load of an agency when a delivery of it is complete.",
    )
    def arrivals_sensor(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        found = False
        for agency in jobs:
            for folder, digest in arrivals(landing, agency, settle_seconds, time.time()):
                night = folder or date.today().isoformat()
                if night < start.isoformat() or night > date.today().isoformat():
                    continue
                found = True
                yield RunRequest(
                    run_key=f"{agency}:{night}:{digest}", partition_key=night, job_name=load_job_name(agency)
                )
        if not found:
            yield SkipReason("no complete delivery is waiting")

    return arrivals_sensor
