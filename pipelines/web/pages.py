"""The table of pages: every address, its name in `permissions.yaml`, and the function that makes it.

A page that is not here does not exist, and one that is here is behind the door (`door`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from pipelines.web import accounts, agreements, loads, releases, signing_in
from pipelines.web.visit import Visit


@dataclass(frozen=True)
class Page:
    """One page: `name` in the permissions, `path`, `handler`; `title` and `about` where the menu shows it."""

    name: str
    path: str
    handler: Callable[[Visit], Response]
    methods: tuple[str, ...] = ("GET",)
    title: str = ""
    about: str = ""


PAGES: tuple[Page, ...] = (
    Page("style", "/style.css", signing_in.style),
    Page("sign-in", "/sign-in", signing_in.sign_in, ("GET", "POST")),
    Page("sign-out", "/sign-out", signing_in.sign_out, ("POST",)),
    Page("home", "/", signing_in.home),
    Page("loads", "/loads", loads.loads, title="Loads", about="What became of every delivery, and what was refused"),
    Page("releases", "/releases", releases.releases, title="Releases", about="What was published, from what"),
    Page("release", "/releases/{release}", releases.release),
    Page("query", "/query", releases.query, ("GET", "POST"), "Query", "Ask the current release, in SQL"),
    Page("agreements", "/agreements", agreements.agreements, title="Agreements", about="What is in force, and why not"),
    Page("agreement", "/agreements/{file}", agreements.agreement),
    Page("trail", "/trail", accounts.trail, title="Trail", about="Every act of the hub, newest first"),
    Page("disclosures", "/disclosures", accounts.disclosures, title="Disclosures", about="Who received what, and why"),
    Page("destructions", "/destructions", accounts.destructions, title="Destructions", about="What was destroyed"),
    Page("people", "/people", accounts.people, title="People", about="Who may sign in, as what"),
)

MENU: tuple[Page, ...] = tuple(page for page in PAGES if page.title)
