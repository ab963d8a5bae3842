"""Running the pages: where they may listen, and nothing before somebody is enrolled."""

from __future__ import annotations

import ipaddress

from consent.registry import open_registry
from pipelines.admission import is_guarded
from pipelines.workspace import Workspace, WorkspaceError


class ServeError(WorkspaceError):
    """The pages cannot be opened like that; one line: why, and what to do."""


def run(place: Workspace, host: str, port: int, *, behind_tls: bool) -> None:
    """Serve the pages until the process is stopped; whether they may be is said by `check`."""
    import uvicorn  # noqa: PLC0415

    from pipelines.web.app import application  # noqa: PLC0415
    from pipelines.web.visit import World  # noqa: PLC0415

    engine = open_registry(place.registry_url)
    try:
        uvicorn.run(
            application(World(place, engine, behind_tls)),
            host=host,
            port=port,
            access_log=False,
            server_header=False,
            log_level="warning",
        )
    finally:
        engine.dispose()


def check(place: Workspace, host: str, *, behind_tls: bool) -> None:
    """Raise ServeError unless somebody can sign in, and access keys cannot be read on their way."""
    if not is_guarded(place):
        raise ServeError(
            "nobody is enrolled, so nobody could sign in; begin with "
            "`cradlepath people enrol NAME --role administrator` (docs/people.md)"
        )
    if not behind_tls and not _is_loopback(host):
        raise ServeError(
            f"found the address {host}, which other machines can reach: access keys would cross the network as text; "
            "listen on 127.0.0.1, or let a proxy end TLS and say --behind-tls (docs/people.md)"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
