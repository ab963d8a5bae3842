"""What a night's checks say to a steward: a line each, a refused release once, a failure once and without its class."""

from types import SimpleNamespace

import pytest
from dagster import AssetKey

from assets.extracts.checks import CHECKS
from pipelines.checks import Warned, checked
from pipelines.nightly import _failures


def evaluated(name: str, asset: str = "child_ids", passed: bool = False, said: str | None = "mend it"):
    return SimpleNamespace(check_name=name, asset_key=AssetKey(asset), passed=passed, description=said)


def test_a_check_that_did_not_pass_is_a_line():
    found = checked([evaluated("model_drift", said="far\n  off"), evaluated("one_record_a_child", passed=True)])
    assert found.warnings == (Warned("model_drift", "child_ids", "far off"),)
    assert found.release_refused is None


def test_a_check_without_words_says_where_to_look():
    (found,) = checked([evaluated("complete", said=None)]).warnings
    assert "Dagster" in found.said


def test_what_refused_a_source_is_told_with_the_source():
    assert checked([evaluated(name) for name in CHECKS]).warnings == ()


def test_a_refused_release_is_said_once():
    gate = evaluated("exposure_gate", "release", said="nothing was published: too much; raise that limit")
    found = checked([evaluated("reidentification"), evaluated("model_drift"), gate])
    assert [one.check for one in found.warnings] == ["model_drift"]
    assert found.release_refused == "nothing was published: too much; raise that limit"


def failure(message: str, step: str | None = "link_records", cause: SimpleNamespace | None = None):
    error = SimpleNamespace(message=message, cause=cause)
    return SimpleNamespace(
        step_key=step,
        is_step_failure=step is not None,
        is_run_failure=step is None,
        event_specific_data=SimpleNamespace(error=error),
        message="",
    )


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([failure("linkage.errors.VaultError: a: b\n")], ("link_records: a: b",)),
        ([failure("x.y.DagsterError: no", cause=failure("ValueError: no").event_specific_data.error)],
         ("link_records: ValueError: no",)),
        ([failure("assets.guard.StepFailedError: stopped"), failure("Steps failed", None)], ("link_records: stopped",)),
        ([failure("pipelines.resources.NightLockedError: another run holds it", None)], ("another run holds it",)),
    ],
)  # fmt: skip
def test_a_failure_is_one_line(events, said):
    assert _failures(events) == said
