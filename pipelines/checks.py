"""What the checks of a night's run say to a person: each warning in one line, and whether a release was refused.

Read from the run's own events, so that a night which Dagster ran says what one on the command line says. What is
checked, and what to do when it fails, is written beside each check. What refuses a source is told by
`pipelines.summary`, not here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from assets.release.reporting import told_of
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from dagster import AssetCheckEvaluation

_DETAILS = "its metadata in Dagster (`cradlepath dagster`) say more"


@dataclass(frozen=True)
class Warned:
    """One check that did not pass and stopped nothing: of which asset, and what it found with what to do, as a line."""

    check: str
    asset: str
    said: str


@dataclass(frozen=True)
class Checked:
    """What a run's checks say: `warnings`, and why a release was refused and by which check (None where none was)."""

    warnings: tuple[Warned, ...] = ()
    release_refused: str | None = None
    refused_by: str | None = None

    def leaving(self) -> Checked:
        """Return the same as it may leave the hub: no share and no count over all records."""
        refused, by = self.release_refused, self.refused_by
        return Checked(
            tuple(replace(one, said=told_of(one.check, one.said)) for one in self.warnings),
            None if refused is None else told_of(by, refused) if by else refused,
            by,
        )


def checked(evaluations: Iterable[AssetCheckEvaluation]) -> Checked:
    """Sort a run's check results; those that passed, and those of a source's load, are left out.

    What a refused release says already is not said twice.
    """
    from assets.exposure import REIDENTIFICATION  # noqa: PLC0415
    from assets.extracts.checks import CHECKS  # noqa: PLC0415
    from assets.release.assets import CLAIMS, GATE  # noqa: PLC0415

    failed = {one.check_name: one for one in evaluations if not one.passed}
    by = next((name for name in (CLAIMS, GATE) if name in failed), None)
    refused = None if by is None else _line(failed[by])
    told = {CLAIMS, GATE, *CHECKS, *([REIDENTIFICATION] if GATE in failed else [])}
    warnings = [
        Warned(name, one.asset_key.to_user_string(), _line(one)) for name, one in failed.items() if name not in told
    ]
    return Checked(tuple(sorted(warnings, key=lambda one: (one.asset, one.check))), refused, by)


def _line(failed: AssetCheckEvaluation) -> str:
    return " ".join((failed.description or f"did not pass; {_DETAILS}").split())


def checked_on(workspace: Workspace, on: date) -> Checked:
    """Return what the checks of a night's newest run said; nothing where Dagster keeps no run of that night."""
    from dagster import DagsterEventType, DagsterInstance, RunsFilter  # noqa: PLC0415
    from dagster._core.storage.tags import PARTITION_NAME_TAG  # noqa: PLC0415

    from pipelines.jobs import NIGHTLY  # noqa: PLC0415
    from pipelines.setting_up import install_dagster_yaml  # noqa: PLC0415

    kind = DagsterEventType.ASSET_CHECK_EVALUATION
    with DagsterInstance.from_config(str(install_dagster_yaml(workspace))) as instance:
        runs = instance.get_runs(RunsFilter(job_name=NIGHTLY, tags={PARTITION_NAME_TAG: on.isoformat()}), limit=1)
        logs = instance.all_logs(runs[0].run_id, of_type=kind) if runs else []
        return checked(log.dagster_event.asset_check_evaluation_data for log in logs if log.dagster_event is not None)
