"""The gate between the child-ID ledger and the spine: which children and which sources of theirs are refused tonight.

What belongs here: what the night does about decisions (`decisions` says what they come to): whole sources leave, never
single fields, so that whatever is left over of a narrow refusal is on the family's side. What does not: keeping
decisions (`ledger`), taking the rows out and counting them (`assets.spine`, which owns the tables).

A source's content leaves a child's record when a decision refuses anything the night's questions ask of that source:
a class it holds, for a purpose and a recipient of the release. A refusal that meets none of them leaves the spine
alone. A source that is opt-in leaves unless everything asked of it is permitted. Emergencies and court orders open
nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from consent.decisions import judge
from consent.questions import Question, ask
from consent.subjects import resolve_subjects

OPT_IN = "opt_in"
"""What stands for a scope where a source left because nobody opted in."""

_REFUSED_CHILD = """
    create or replace temp table refused_child as
    -- a child leaves entirely under a scope of the whole child that refuses everything that is asked
    with whole as (
        select saying, scope
        from consent_verdict join consent_cell using (cell) join consent_scope using (scope)
        where state = 'refused' and scope_effect = 'child'
        group by saying, scope
        having count(*) = (select count(*) from consent_question)
    )
    select distinct child_id, scope
    from whole join consent_child_says using (saying) join consent_child using (child)
    order by child_id, scope
"""

_OPTED_IN = """
    create or replace temp table consent_opted_in as
    -- whatever is asked of the source is permitted in every part of the child, and refused in none
    with asked as (
        select distinct source, cell from consent_question join consent_cell using (question) where opt_in
    ),
    telling as (
        select saying, source, cell, state = 'permitted' as permits
        from consent_verdict join asked using (cell)
        where state <> 'silent'
    ),
    permitted as (
        select child, part, source, cell
        from consent_child_says join telling using (saying)
        group by child, part, source, cell
        having bool_and(permits)
    ),
    due as (
        select child, count(*) + 1 as parts from (select distinct child, part from consent_part) group by child
    )
    select child, source
    from permitted
    join (select source, count(*) as cells from asked group by source) using (source)
    left join due using (child)
    group by child, source, cells, parts
    having count(*) = cells * coalesce(parts, 1)
"""

_REFUSED_SOURCE = """
    create or replace temp table refused_source as
    -- each child and source once, under the widest scope that takes it out, so that drops partition
    with refused as (
        select distinct saying, source, scope_order
        from consent_verdict join consent_cell using (cell) join consent_question using (question)
        where state = 'refused'
    ),
    opt_in as (
        select distinct source from consent_question where opt_in
    ),
    silent as (
        select child, source from consent_child cross join opt_in
        except
        select child, source from consent_opted_in
    ),
    reason as (
        select child, source, scope_order from consent_child_says join refused using (saying)
        union all
        select child, source, 1000 as scope_order from silent
    ),
    widest as (
        select child, source, min(scope_order) as scope_order from reason group by child, source
    )
    select child_id, source, coalesce(scope, $opt_in) as scope
    from widest join consent_child using (child) left join consent_scope using (scope_order)
"""

_PENDING = """
    select scope::varchar as scope, decision::varchar as decision, count(*) as forms
    from consent_form
    where sequence not in (select sequence from consent_subject)
    group by all
    order by all
"""


@dataclass(frozen=True)
class Pending:
    """Forms of one scope and decision that reach no child yet; they are kept and tried again every night."""

    scope: str
    decision: str
    forms: int


def decide(
    connection: duckdb.DuckDBPyConnection,
    form_sources: Sequence[str],
    questions: Sequence[Question],
    on: date,
) -> list[Pending]:
    """Leave `refused_child` and `refused_source` in `connection`, and return the forms that reach no child.

    `connection` has a relation `record_child(source, record_key, child_id)`, what `ConsentLedger.load_standing` leaves
    there, and as much as is known of what `subjects.resolve_subjects` and `decisions.judge` may have; `form_sources`
    are the ids of the sources of forms themselves, `questions` what the night will use.

    `refused_child(child_id, scope)`: children refused entirely. `refused_source(child_id, source, scope)`: the content
    that must not reach the spine, once for each source, under the widest scope or `OPT_IN`.
    """
    ask(connection, questions)
    resolve_subjects(connection, form_sources)
    judge(connection, on)
    connection.execute(_REFUSED_CHILD)
    connection.execute(_OPTED_IN)
    connection.execute(_REFUSED_SOURCE, {"opt_in": OPT_IN})
    return [Pending(*row) for row in connection.execute(_PENDING).fetchall()]


def keep_namespaces(connection: duckdb.DuckDBPyConnection, namespaces: Mapping[str, str]) -> None:
    """Make known whose record keys each content source of the night uses (often its own): `consent_namespace`."""
    pairs = sorted(namespaces.items())
    columns = [pa.array([pair[n] for pair in pairs], pa.string()) for n in range(2)]
    connection.register("consent_namespace", pa.table(columns, names=["source", "namespace"]))
