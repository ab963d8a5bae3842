"""Signing in and out, the first page, and the one style sheet."""

from __future__ import annotations

import math

from starlette.responses import FileResponse, RedirectResponse, Response

from consent.access_keys import read_access_key
from pipelines.web.sessions import LONGEST
from pipelines.web.visit import FOLDER, Visit, World

REFUSED = "That access key opens nothing here. Look for a typing error, or ask an administrator for a new one."


def style(visit: Visit) -> Response:
    """Return the style sheet."""
    return FileResponse(FOLDER / "style.css", media_type="text/css")


def home(visit: Visit) -> Response:
    """Show what there is for this person."""
    return visit.show("home.html")


def sign_in(visit: Visit) -> Response:
    """Ask for an access key, and open a session for one that opens."""
    if visit.request.method != "POST":
        return visit.show("sign_in.html", says="")
    text, world = visit.form.get("access_key", ""), visit.world
    key = read_access_key(text)
    names = [f"address {visit.request.client.host if visit.request.client else ''}"]
    names += [f"key {key.key_id}"] if key else []
    wait = world.throttle.wait(*names)
    if wait > 0:
        seconds = math.ceil(wait)
        answer = visit.show("sign_in.html", 429, says=f"Too many attempts. Try again in {seconds} s.")
        answer.headers["retry-after"] = str(seconds)
        return answer
    with world.hashing:
        person = world.people.authenticate(text, "web")
    if person is None:
        world.throttle.refused(*names)
        return visit.show("sign_in.html", 401, says=REFUSED)
    world.throttle.opened(*names)
    world.sessions.end(_token(visit))
    return _opened(world, world.sessions.begin(person.key_id))


def sign_out(visit: Visit) -> Response:
    """Close the session."""
    visit.world.sessions.end(_token(visit))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(visit.world.cookie, secure=visit.world.behind_tls, httponly=True, samesite="strict")
    return answer


def _opened(world: World, token: str) -> Response:
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        world.cookie, token, max_age=LONGEST, path="/", secure=world.behind_tls, httponly=True, samesite="strict"
    )
    return answer


def _token(visit: Visit) -> str | None:
    return visit.request.cookies.get(visit.world.cookie)
