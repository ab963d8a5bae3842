"""The nightly schedule: at the hour the workspace names, the night of that day."""

from __future__ import annotations

from dagster import DefaultScheduleStatus, RunRequest, ScheduleDefinition, ScheduleEvaluationContext, schedule
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipelines.workspace import Schedule


def nightly_schedule(job: UnresolvedAssetJobDefinition, settings: Schedule) -> ScheduleDefinition:
    """Return the schedule of the workspace; it is off until a steward switches it on in Dagster."""

    @schedule(
        name="every_night",
        job=job,
        cron_schedule=settings.nightly,
        execution_timezone=settings.timezone,
        default_status=DefaultScheduleStatus.STOPPED,
        description=f"Runs the night at `{settings.nightly}` ({settings.timezone}), as cradlepath.yaml says.",
    )
    def every_night(context: ScheduleEvaluationContext) -> RunRequest:
        night = context.scheduled_execution_time.strftime("%Y-%m-%d")
        return RunRequest(run_key=night, partition_key=night)

    return every_night
