"""The door in front of every page: who asks, may they, and is the request their own.

Every route of the application is made by `guarded`, so that a page without an entry in `permissions.yaml` is for
administrators only. What fails behind the door is told in one line, and never with a value.
"""

from __future__ import annotations

import hmac
import sys
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import duckdb
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assets.guard import is_for_people, place_of
from pipelines.asking import asking
from pipelines.permissions import permissions
from pipelines.web.pages import Page
from pipelines.web.visit import Visit, World

SIGN_IN: Final = "/sign-in"
_OWN_SITE: Final = {None, "same-origin", "none"}


def guarded(world: World, page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a page: the page itself for those who may open it, a refusal for everybody else."""

    async def endpoint(request: Request) -> Response:
        form = {}
        if request.method == "POST":
            async with request.form(max_files=0, max_fields=8) as sent:
                form = {name: value for name, value in sent.items() if isinstance(value, str)}
        return await run_in_threadpool(_answered, world, page, request, form)

    return endpoint


def _answered(world: World, page: Page, request: Request, form: dict[str, str]) -> Response:
    """Return the answer to a request. Whatever fails is one line for people."""
    visit = Visit(world, request, page.name, None, None, form)
    try:
        visit = _known(visit)
        refusal = _refusal(visit)
        if refusal is not None:
            return refusal
        with asking(visit.person):
            return page.handler(visit)
    except duckdb.IOException:
        return visit.show("notice.html", 503, title="Please wait", says=BUSY)
    except Exception as error:
        if is_for_people(error):
            return visit.show("notice.html", 409, title="That did not work", says=" ".join(str(error).split()))
        print(f"cradlepath: {type(error).__name__} at {place_of(error)}", file=sys.stderr)  # noqa: T201
        return visit.show("notice.html", 500, title="That did not work", says=FAILED)


BUSY: Final = "A night is under way and holds its book; open this page again when it has ended."
FAILED: Final = "The page stopped on an error that its operator can read in the terminal; nothing was changed."


def _known(visit: Visit) -> Visit:
    """Return the visit with its person: the session is open and its key still opens."""
    world = visit.world
    token = visit.request.cookies.get(world.cookie)
    session = world.sessions.of(token)
    person = world.people.holder(session.key_id) if session else None
    if session is None or person is None:
        world.sessions.end(token)
        return visit
    return Visit(world, visit.request, visit.page, person, session, visit.form)


def _refusal(visit: Visit) -> Response | None:
    """Return why a visit ends here, None if it may go on."""
    role = visit.person.role if visit.person else None
    if not permissions().may_open(role, visit.page):
        if visit.person is None:
            return RedirectResponse(SIGN_IN, 303)
        said = {"role": visit.person.role, "method": visit.request.method}
        visit.world.trail.append("refusal", f"page {visit.page}", said, actor=visit.person.name)
        return visit.show("notice.html", 403, title="Not for you", says=NOT_YOURS)
    if visit.request.method == "POST" and not _is_own(visit):
        return visit.show("notice.html", 403, title="Not sent from here", says=FOREIGN)
    return None


NOT_YOURS: Final = "This page is not for your role. That you asked is written into the trail."
FOREIGN: Final = "The form did not come from a page of ours, or that page is too old; open it again and repeat."


def _is_own(visit: Visit) -> bool:
    """Say whether a post comes from our own page: by what the browser says, and by the session's token."""
    headers = visit.request.headers
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return False
    if headers.get("sec-fetch-site") not in _OWN_SITE:
        return False
    if visit.session is None:
        return True
    return hmac.compare_digest(visit.form.get("csrf", "").encode(), visit.session.csrf.encode())
