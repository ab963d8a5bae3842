"""Whatever a library says about a value it choked on, neither Dagster nor the screen repeats it."""

import dagster as dg
import pytest

from assets.guard import StepFailedError, no_values_in_errors, place_of
from pipelines.cli import one_line
from pipelines.workspace import WorkspaceError

PLANTED = "Philomena Quackenbush 2019-03-04"


def test_a_library_error_is_replaced_by_its_kind_and_place() -> None:
    with pytest.raises(StepFailedError) as failed, no_values_in_errors("extract birth"):
        int(PLANTED)
    assert PLANTED not in str(failed.value)
    assert "ValueError" in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_an_error_of_our_own_is_kept() -> None:
    with pytest.raises(WorkspaceError, match="read this"), no_values_in_errors("extract birth"):
        raise WorkspaceError("read this")


def test_the_screen_withholds_what_it_does_not_know() -> None:
    assert PLANTED not in one_line(ValueError(PLANTED))
    assert one_line(WorkspaceError("two\nlines")) == "two lines"


@pytest.mark.parametrize("where", [r"C:\apps\linkage\names.py", "/srv/linkage/names.py"])
def test_the_place_is_named_from_the_room_on_every_system(where: str) -> None:
    with pytest.raises(ZeroDivisionError) as failed:
        exec(compile("1 / 0", where, "exec"), {})  # noqa: S102
    assert place_of(failed.value) == "linkage/names.py:1"


def test_dagster_stores_nothing_of_a_planted_value() -> None:
    @dg.asset
    def step() -> None:
        with no_values_in_errors("step"):
            {}[PLANTED]  # type: ignore[index]

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([step], instance=instance, raise_on_error=False)
        stored = [str(record.event_log_entry) for record in instance.get_records_for_run(result.run_id).records]
    assert not result.success
    assert stored
    assert not any("Quackenbush" in entry for entry in stored)
