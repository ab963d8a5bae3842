"""Running a night headless: the same job that Dagster schedules, in this process, with a progress callback.

Which night is next, how far a run is and how it ended are decided here; what the night says to a person is
`pipelines.summary`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from assets.guard import ROOMS
from pipelines.checks import Checked, checked
from pipelines.setting_up import install_dagster_yaml
from pipelines.workspace import Workspace, WorkspaceError

if TYPE_CHECKING:
    from dagster import DagsterEvent

POLL_SECONDS = 1.0
_OUR_KIND = re.compile(rf"^(?:{'|'.join(ROOMS)})\.[\w.]+: ")


@dataclass(frozen=True)
class NightOutcome:
    """How a run of the nightly job ended: its date, whether every step succeeded, what failed, what checks say."""

    night: date
    run_id: str
    succeeded: bool
    failures: tuple[str, ...]
    checked: Checked = field(default_factory=Checked)


def waiting_nights(landing: Path) -> list[date]:
    """Dates of the delivery folders that hold files, oldest first."""
    found = set()
    for folder in landing.glob("*/*/"):
        if any(path.is_file() for path in folder.iterdir()):
            try:
                found.add(date.fromisoformat(folder.name))
            except ValueError:
                continue
    return sorted(found)


def next_night(workspace: Workspace, committed: list[date], today: date) -> date:
    """Return the night to run when none is named.

    The oldest delivery that waits; else today if files wait without a date; else the last night again, which changes
    nothing. A delivery older than the last committed night is late and belongs to the night after it that waits next.
    """
    last = max(committed, default=None)
    waiting = waiting_nights(workspace.landing)
    fresh = [night for night in waiting if last is None or night >= last]
    if fresh:
        return fresh[0]
    undated = any(path.is_file() for path in workspace.landing.glob("*/*"))
    if undated or waiting:
        return max(today, workspace.settings.start)
    if last is None:
        raise WorkspaceError(
            f"nothing to load: {workspace.landing} holds no delivery; agencies deliver to "
            f"{workspace.landing}/<agency>/<YYYY-MM-DD>/, or name a night with --date"
        )
    return last


def run_night(workspace: Workspace, on: date, progress: Callable[[str, float], None]) -> NightOutcome:
    """Run the nightly job for one date; `progress` hears the last finished step and the share done (0..1).

    Raises before anything is run for keys that are not in order, or a date before the workspace's first.
    """
    from dagster import DagsterInstance  # noqa: PLC0415  (a second to import: only a night needs it)
    from dagster._core.utils import make_new_run_id  # noqa: PLC0415

    from pipelines.definitions import build_defs  # noqa: PLC0415
    from pipelines.event_log import one_engine_a_log  # noqa: PLC0415
    from pipelines.jobs import NIGHTLY  # noqa: PLC0415
    from pipelines.resources import load_keys  # noqa: PLC0415

    load_keys(workspace)
    if on < workspace.settings.start:
        raise WorkspaceError(
            f"the night {on} is before the workspace's first, {workspace.settings.start} (`start` in its settings)"
        )
    preload_expectations()
    home = install_dagster_yaml(workspace)
    job = build_defs(workspace).resolve_job_def(NIGHTLY)
    run_id = make_new_run_id()
    total = len(job.nodes)
    with (
        DagsterInstance.from_config(str(home)) as instance,
        one_engine_a_log(),
        _watch(instance, run_id, total, progress),
    ):
        result = job.execute_in_process(
            instance=instance,
            partition_key=on.isoformat(),
            run_id=run_id,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        said = checked(result.get_asset_check_evaluations())
    return NightOutcome(on, run_id, result.success, _failures(result.all_events), said)


def preload_expectations() -> None:
    """Import Great Expectations beside the run's first steps, since it takes seconds.

    An import that fails is tried again, and raises, where the first table is checked.
    """
    from assets.extracts.expectations import gx  # noqa: PLC0415

    def load() -> None:
        with suppress(Exception):
            gx()

    threading.Thread(target=load, name="import great_expectations", daemon=True).start()


def _failures(events: Sequence[DagsterEvent]) -> tuple[str, ...]:
    """Return a line for each step that failed; of a run that failed outside any step, its own reason."""
    steps = tuple(f"{event.step_key}: {_reason(event)}" for event in events if event.is_step_failure)
    return steps or tuple(_reason(event) for event in events if event.is_run_failure)


def _reason(event: DagsterEvent) -> str:
    """Innermost message of a failure, as one line; our own errors speak for themselves, so their kind is left out."""
    error = getattr(getattr(event, "event_specific_data", None), "error", None)
    while error is not None and error.cause is not None and not _OUR_KIND.match(error.message):
        error = error.cause
    text = error.message if error is not None else (getattr(event, "message", "") or "failed")
    return _OUR_KIND.sub("", " ".join(str(text).split()))


class _watch:  # noqa: N801  (used like a function)
    """Tells `progress` how many steps of a run have ended, from a thread of its own that reads only new events."""

    def __init__(self, instance: object, run_id: str, total: int, progress: Callable[[str, float], None]) -> None:
        self._instance, self._run_id, self._total, self._progress = instance, run_id, total, progress
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def _poll(self) -> None:
        from dagster import DagsterEventType  # noqa: PLC0415

        kinds = {DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_START}
        cursor, ended = None, 0
        while not self._stop.wait(POLL_SECONDS):
            found = self._instance.get_records_for_run(self._run_id, cursor, kinds)  # type: ignore[attr-defined]
            cursor, records = found.cursor, found.records
            ended += sum(r.event_log_entry.dagster_event_type == DagsterEventType.STEP_SUCCESS for r in records)
            if records:
                self._progress(
                    str(records[-1].event_log_entry.step_key).replace("__", " "), ended / max(self._total, 1)
                )

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
