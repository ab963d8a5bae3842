"""The application: every page behind the door, every answer with its headers."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pipelines.web.door import guarded
from pipelines.web.headers import SafeAnswers
from pipelines.web.pages import PAGES
from pipelines.web.visit import World


def application(world: World) -> Starlette:
    """Return the pages of a workspace as an ASGI application."""
    routes = [Route(page.path, guarded(world, page), methods=list(page.methods), name=page.name) for page in PAGES]
    return Starlette(
        routes=routes,
        middleware=[Middleware(SafeAnswers, behind_tls=world.behind_tls)],
        exception_handlers={404: _plain, 405: _plain, 400: _plain, 500: _plain},
    )


async def _plain(request: Request, error: Exception) -> Response:
    """Answer what is no page, without saying why."""
    status = getattr(error, "status_code", 500)
    said = {404: "There is no such page.", 405: "This page cannot be asked like that."}
    return PlainTextResponse(said.get(status, "The request cannot be answered."), status)
