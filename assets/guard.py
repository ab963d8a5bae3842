"""The guard around every asset: what fails is named by its kind and place, never by what it was working on.

An exception of a library may quote the value it choked on, and Dagster stores the text of every exception. So an
exception that is not one of our own (whose texts are written for people and hold no value) is replaced by its type and
the place in our code where it arose. Nothing else belongs here.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

ROOMS = ("assets", "linkage", "consent", "mou_policies", "pipelines")


class StepFailedError(RuntimeError):
    """A step stopped on an unexpected error; the text holds its type and place, no value."""


def is_for_people(error: BaseException) -> bool:
    """Say whether the text of `error` was written in our own rooms, and so holds no value of a record."""
    return type(error).__module__.split(".")[0] in ROOMS


def place_of(error: BaseException) -> str:
    """Return `module.py:line` of the innermost frame of `error` that lies in our rooms."""
    frames = [
        (frame.filename.replace("\\", "/").split("/"), frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    if not frames:
        return "unknown place"
    ours = [frame for frame in frames if not set(ROOMS).isdisjoint(frame[0][:-1])]
    parts, line = (ours or frames)[-1]
    start = next((i for i, part in enumerate(parts[:-1]) if part in ROOMS), len(parts) - 1)
    return f"{'/'.join(parts[start:])}:{line}"


@contextmanager
def no_values_in_errors(step: str) -> Iterator[None]:
    """Let our own errors pass, without what caused them, and replace every other one by `StepFailedError`."""
    try:
        yield
    except Exception as error:
        if is_for_people(error):
            raise error from None
        failed = StepFailedError(
            f"{step} stopped: {type(error).__name__} at {place_of(error)} (its text is withheld, since it may "
            "quote a record); "
            "nothing of this step was kept; run the night again, and report the place if it happens twice"
        )
    else:
        return
    raise failed from None
