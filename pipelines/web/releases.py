"""The pages of releases: the list, one of them, and a question to the current one."""

from __future__ import annotations

from decimal import Decimal

from starlette.responses import Response

from assets.release import log
from assets.release.folder import releases as stored
from assets.release.governed import in_words
from assets.release.modes import in_words as mode_in_words
from assets.release.policy import ReleaseError
from assets.release.query import Answer, QueryLimits
from assets.release.utility import utility_of
from pipelines.questions import ask
from pipelines.web.visit import Visit

LIMITS = QueryLimits(seconds=10.0, rows=500)
START = "from measures_of_success"


def releases(visit: Visit) -> Response:
    """List every release, the newest first."""
    return visit.show("releases.html", releases=log.entries(visit.world.paths.releases, visit.world.paths.nights)[::-1])


def release(visit: Visit) -> Response:
    """Show what a release was made from, how it was audited, and its tables."""
    wanted, folder = visit.request.path_params["release"], visit.world.paths.releases
    if wanted not in {one.id for one in stored(folder)}:
        return visit.show("notice.html", 404, title="No such release", says="The list of releases names them all.")
    manifest, costs = log.details(folder, wanted), utility_of(log.named(folder, wanted))
    governed = list(in_words(manifest)) if "governance" in manifest else []
    mode = list(mode_in_words(manifest))
    return visit.show("release.html", release=manifest, governed=governed, mode=mode, costs=costs)


def query(visit: Visit) -> Response:
    """Ask the current release; who asked is on record before the answer is shown."""
    sql = visit.form.get("sql", "").strip()
    if visit.request.method != "POST" or not sql:
        return visit.show("query.html", sql=sql or START, answer=None, numbers=[], says="", limit=LIMITS.rows)
    try:
        answer = ask(visit.world.place, sql, LIMITS)
    except ReleaseError as error:
        return visit.show("query.html", 400, sql=sql, answer=None, numbers=[], says=str(error), limit=LIMITS.rows)
    return visit.show("query.html", sql=sql, answer=answer, numbers=_numbers(answer), says="", limit=LIMITS.rows)


def _numbers(answer: Answer) -> list[str]:
    """Return the columns that hold numbers, which are set to the right."""
    columns = zip(answer.columns, zip(*answer.rows, strict=True), strict=True) if answer.rows else ()
    return [name for name, cells in columns if all(isinstance(cell, int | float | Decimal | None) for cell in cells)]
