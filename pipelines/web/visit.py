"""One request as a page sees it: who asks, what they sent, and the city they ask about.

What belongs here: what all pages share, and how one is put together. What does not: who may open which (`door`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from assets.night import StatePaths
from consent.people import People, Person
from consent.throttle import Throttle
from consent.trail import AuditTrail
from pipelines.permissions import permissions
from pipelines.web.sessions import Session, Sessions
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from sqlalchemy import Engine

FOLDER: Final = Path(__file__).parent
REMEMBERED: Final = 64
HASHING_AT_ONCE: Final = 2
"""Sign-ins that may hash at the same time: each takes 32 MiB."""
Made = TypeVar("Made")


@dataclass
class World:
    """What the pages of one process share: the workspace, its registry, sessions, and what was read before."""

    place: Workspace
    engine: Engine
    behind_tls: bool = False
    sessions: Sessions = field(default_factory=Sessions)
    throttle: Throttle = field(default_factory=Throttle)
    hashing: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(HASHING_AT_ONCE))

    def __post_init__(self) -> None:
        """Prepare templates and the memory."""
        self._kept: OrderedDict[object, Any] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def cookie(self) -> str:
        """The cookie's name; behind TLS the browser itself holds it to this host and to https."""
        return "__Host-cradlepath" if self.behind_tls else "cradlepath"

    @cached_property
    def people(self) -> People:
        """The people of the registry."""
        return People(self.engine)

    @cached_property
    def trail(self) -> AuditTrail:
        """The audit trail."""
        return AuditTrail(self.engine)

    @cached_property
    def paths(self) -> StatePaths:
        """Where the state is."""
        return StatePaths.under(self.place.state, self.place.registry_url)

    @cached_property
    def templates(self) -> Environment:
        """The pages' templates: everything is escaped, and a name that is not given is an error."""
        made = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.filters |= {
            "number": lambda count: f"{count:,}" if isinstance(count, int) else count,
            "shown": _shown,
            "coded": _coded,
            "list_values": _values,
        }
        return made

    def remembered(self, key: object, make: Callable[[], Made]) -> Made:
        """Return what `make` made for a key before; the key names everything it is made from."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                kept: Made = self._kept[key]
                return kept
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return made


@dataclass(frozen=True)
class Visit:
    """One request to a page; `person` and `session` are None where nobody signed in, `form` is what was posted."""

    world: World
    request: Request
    page: str
    person: Person | None
    session: Session | None
    form: Mapping[str, str]

    @property
    def agency(self) -> str | None:
        """The one agency whose loads may be seen, None for all."""
        return self.person.agency if self.person else None

    def asked(self, name: str) -> str | None:
        """Return a value of the address, None if it is not there."""
        return self.request.query_params.get(name)

    def show(self, template: str, status: int = 200, **facts: Any) -> Response:
        """Return a page made from a template and facts."""
        from pipelines.web.pages import MENU  # noqa: PLC0415 - the table of pages knows every page, and each a visit

        role = self.person.role if self.person else None
        shared = {
            "city": self.world.place.settings.city,
            "person": self.person,
            "csrf": self.session.csrf if self.session else "",
            "page": self.page,
            "menu": [one for one in MENU if role is not None and permissions().may_open(role, one.name)],
        }
        return HTMLResponse(self.world.templates.get_template(template).render(shared | facts), status)


def fingerprint(*places: Path) -> tuple[object, ...]:
    """Return what changes when a file, or a file directly in a folder, changes: names, times and sizes."""
    files = [file for place in places for file in (sorted(place.iterdir()) if place.is_dir() else [place])]
    found = [(file.name, file.stat()) for file in files if file.is_file()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


def _values(record: dict[str, Any]) -> list[Any]:
    """Return the values of a record, in the order of its columns."""
    return list(record.values())


def _coded(text: str) -> Markup:
    """Return a text whose words between backticks are commands."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(one) if at % 2 else one for at, one in enumerate(parts))


def _shown(value: Any) -> str:
    """Return a cell as text: an empty one is a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
