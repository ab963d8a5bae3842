"""A question to the current release, from the command line or a page: answered, and on record before it is shown.

What belongs here: putting the answer and its account together. What does not: the connection (`assets.release.query`),
what an answer discloses (`assets.release.queried`), who may ask (`permissions`).
"""

from __future__ import annotations

import hashlib
from datetime import date

from assets.release.policy import ReleaseError
from assets.release.queried import record_query
from assets.release.query import Answer, QueryLimits, query
from linkage.keys import KeyRing
from pipelines.asking import actor
from pipelines.noting import note
from pipelines.workspace import Workspace


def ask(place: Workspace, sql: str, limits: QueryLimits | None = None) -> Answer:
    """Answer one SELECT on the current release; what cannot be put on record is not answered.

    Raises QueryError for a question that cannot be answered, which is on record too, and ReleaseError when nothing is
    published.
    """
    releases = place.state / "releases"
    try:
        answer = query(releases, sql, limits)
    except ReleaseError as error:
        said = {"sql_sha256": hashlib.sha256(sql.encode()).hexdigest(), "why": type(error).__name__}
        note(place, "query", "not answered", said)
        raise
    derive = KeyRing.load(place.keys).derive
    record_query(place.registry_url, derive, releases, sql, answer, actor=actor(), on=date.today())
    return answer
