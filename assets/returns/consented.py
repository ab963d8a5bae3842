"""Which family lets which of its child's data go back to an agency: opt-in, in its own words, still valid.

What belongs here: the question that a return asks (`Permitted`), and its answer from the decisions of families. What
does not: what is asked (`made`), precedence (`consent.decisions`). Nothing but a complete grant permits; no exception
does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import duckdb
import pyarrow as pa

from assets.night import Night
from assets.spine.gate import judge_night
from consent.decisions import judge, state
from consent.gate import OPT_IN
from consent.questions import Question, ask
from consent.subjects import resolve_subjects
from mou_policies.optin import opt_in_sources


@dataclass(frozen=True)
class Asked:
    """The question whether a class of a source may go to an agency for a purpose."""

    source: str
    cls: str
    purpose: str
    recipient: str


class Permitted(Protocol):
    """Answers for every child at once: the child IDs that `asked` is permitted of, as (child_id, asked's place)."""

    def __call__(self, connection: duckdb.DuckDBPyConnection, night: Night, asked: Sequence[Asked]) -> pa.Table:
        """Return child_id (string) and asked (int32): one row for each child and question that is permitted.

        Leaves `refused_source` (child_id, source, scope) in `connection`: whose content of which source is not to be
        read. The connection has `record_child` and the attached database `content`.
        """
        ...


_PERMITTED = """
    select child_id, question as asked from answer where state = 'permitted' order by all
"""

_NOT_TO_BE_READ = """
    delete from refused_source
    where
        scope = $opt_in
        and (child_id, source) in (
            select child_id, source from answer join consent_question using (question) where state = 'permitted'
        )
"""
"""A source that is opt-in is read of those who opted in to the return, whatever they said of the night's own uses."""


def permitted_by_families(connection: duckdb.DuckDBPyConnection, night: Night, asked: Sequence[Asked]) -> pa.Table:
    """Answer from the decisions in the consent ledger as of the night (`Permitted`).

    Where an owner shares a class on nothing but consent, the form must be complete for that exception, else for any.
    """
    doors = opt_in_sources(night.policy)
    questions = [
        Question(one.source, one.cls, one.purpose, one.recipient, True, doors.get(one.source, {}).get(one.cls, ()))
        for one in asked
    ]
    form_sources, _ = judge_night(connection, night)
    ask(connection, questions, returns=True)
    resolve_subjects(connection, form_sources)
    judge(connection, night.date)
    found = state(connection, exceptions=False, everybody=False).to_arrow_table()
    connection.register("answer", found)
    connection.execute(_NOT_TO_BE_READ, {"opt_in": OPT_IN})
    return connection.sql(_PERMITTED).to_arrow_table()
