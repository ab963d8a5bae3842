"""The cache of agreements of a workspace, for commands that show; nights, releases and signatures never see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from mou_policies.cache import Cache


@contextmanager
def kept_agreements(place: Workspace) -> Iterator[Cache | None]:
    """Within this context agreements that were read before come from `state/cache/agreements`, if there is a state."""
    from mou_policies.cache import Cache  # noqa: PLC0415
    from mou_policies.kept import keeping  # noqa: PLC0415

    cache = Cache.at(place.state / "cache" / "agreements") if place.state.is_dir() else None
    with keeping(cache):
        yield cache
