"""What people do at the command line and on the pages, as events of the audit trail.

What belongs here: one event for an act of a person. What does not: what a night does (`assets.trail`), the chain
(`consent.trail`), who the person is (`pipelines.asking`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelines.asking import actor
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from consent.trail import Kind


def note(workspace: Workspace, kind: Kind, subject: str, payload: Mapping[str, Any]) -> None:
    """Append one event about an act of whoever is asking."""
    from consent.registry import open_registry  # noqa: PLC0415
    from consent.trail import AuditTrail  # noqa: PLC0415

    workspace.state.mkdir(parents=True, exist_ok=True)
    engine = open_registry(workspace.registry_url)
    try:
        AuditTrail(engine).append(kind, subject, payload, actor=actor())
    finally:
        engine.dispose()


@contextmanager
def noted(workspace: Workspace, kind: Kind, subject: str, **facts: Any) -> Iterator[dict[str, Any]]:
    """Append an event before an act and one after it: an act that cannot be noted is not done.

    Yields the facts of the second event, to be added to. An act that fails is noted as failed, without its reason.
    """
    note(workspace, kind, subject, facts | {"stage": "begun"})
    found: dict[str, Any] = dict(facts)
    try:
        yield found
    except BaseException:
        note(workspace, kind, subject, facts | {"stage": "failed"})
        raise
    note(workspace, kind, subject, found | {"stage": "done"})
