"""What is asked of families' decisions, and what each kind of decision says to it.

What belongs here: questions as a relation, and matching them with what was said (decision, scope, terms), which are few
where events are many. What does not: whose decision it is (`subjects`), which of several wins (`decisions`).

A question without a class, purpose or recipient leaves it open: every refusal meets it, and no grant that names one.
A refusal speaks of a source that its terms name wherever its scope lies; a grant only within its scope. A grant with
terms speaks only where its form is complete for a basis that the question accepts; a form without terms is no basis at
all: it lifts a refusal of its scope and permits nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

import duckdb
import pyarrow as pa

from consent.vocabulary import vocabulary


@dataclass(frozen=True)
class Question:
    """Whether this class of fields of this source may be used for this purpose by this recipient.

    `opt_in`: silence is a no. `bases` are the exceptions on which a grant must stand to count; empty: on any.
    """

    source: str
    field_class: str | None = None
    purpose: str | None = None
    recipient: str | None = None
    opt_in: bool = False
    bases: tuple[str, ...] = ()


_QUESTION = pa.schema(
    [
        ("question", pa.int32()),
        ("source", pa.string()),
        ("class", pa.string()),
        ("purpose", pa.string()),
        ("recipient", pa.string()),
        ("opt_in", pa.bool_()),
        ("bases", pa.list_(pa.string())),
    ]
)

_SAID = """
    create or replace temp table consent_said as
    select
        row_number() over (order by decision, scope, terms)::integer as said,
        decision, word.effect, scope, coalesce(scope_order, 0) as scope_order, terms, signer, sources, classes,
        purposes, recipients, bases
    from (select distinct decision, scope, terms from consent_form) as form
    join consent_decision as word using (decision)
    left join consent_scope using (scope)
    left join consent_terms using (terms)
"""

_SPEAKS = """
    create or replace temp table consent_speaks as
    with met as (
        select
            said, question, effect, opt_in, q.bases as asked_bases, consent_said.bases, terms,
            reach.source is not null as in_scope,
            coalesce(len(sources), 0) > 0 as names_source,
            coalesce(list_contains(sources, q.source), false) as this_source,
            coalesce(len(classes), 0) > 0 as names_class,
            coalesce(
                len(list_filter(
                    classes,
                    lambda p: p = '*' or p = q.class or (p like '%.*' and starts_with(q.class, p[:-2]))
                )) > 0,
                false
            ) as this_class,
            coalesce(list_contains(classes, q.class), false) as exact_class,
            coalesce(list_contains(classes, '*'), false) as any_class,
            q.class is null as open_class,
            coalesce(len(purposes), 0) > 0 as names_purpose,
            coalesce(list_contains(purposes, q.purpose), false) as this_purpose,
            q.purpose is null as open_purpose,
            coalesce(len(recipients), 0) > 0 as names_recipient,
            coalesce(list_contains(recipients, q.recipient), false) as this_recipient,
            q.recipient is null as open_recipient
        from consent_said
        cross join consent_question as q
        left join consent_scope_source as reach on reach.scope = consent_said.scope and reach.source = q.source
    ),
    told as (
        select
            said, question, effect,
            12 * names_recipient::integer
            + 6 * names_purpose::integer
            + 2 * (names_class and not any_class)::integer + 2 * exact_class::integer
            + names_source::integer as specificity,
            coalesce(len(bases), 0) > 0
            and (coalesce(len(asked_bases), 0) = 0 or list_has_any(bases, asked_bases)) as valid,
            case
                when effect = 'refuse' then
                    (case when names_source then this_source else in_scope end)
                    and (not names_class or this_class or open_class)
                    and (not names_purpose or this_purpose or open_purpose)
                    and (not names_recipient or this_recipient or open_recipient)
                when effect = 'grant' then
                    in_scope and (not names_source or this_source)
                    and (not names_class or this_class)
                    and (not names_purpose or this_purpose)
                    and (not names_recipient or this_recipient)
                    and (terms = 0 or valid)
                when effect = 'exception' then
                    (not names_source or this_source) and (not names_class or this_class)
                    and this_purpose and this_recipient
                else false
            end as speaks
        from met
    )
    select said, question, specificity, effect, effect = 'grant' and valid as permits
    from told
    where speaks
"""

_CELLS = """
    create or replace temp table consent_cell as
    -- questions to which everybody's words are the same are one cell
    with heard as (
        select question, list(said * 1000 + specificity * 2 + permits::integer order by said) as heard
        from consent_question
        left join (select * from consent_speaks where effect in ('grant', 'refuse')) using (question)
        group by question
    )
    select question, dense_rank() over (order by heard)::integer as cell from heard
"""

_VOICES = """
    create or replace temp table consent_voice as
    -- what is said of the same cells, in one scope and with the same effect, is one voice; the rest says nothing here
    with told as (
        select distinct said, effect, scope, scope_order, signer = 'student' as by_student, cell, specificity, permits
        from consent_said
        join (select said, specificity, permits, cell from consent_speaks join consent_cell using (question))
            using (said)
        where effect in ('grant', 'refuse')
    ),
    heard as (
        select
            said, effect, scope, scope_order, coalesce(by_student, false) as by_student,
            list(cell * 1000 + specificity * 2 + permits::integer order by cell) as heard
        from told
        group by all
    )
    select
        said, effect, scope, scope_order, by_student,
        dense_rank() over (order by effect, scope, by_student, heard)::integer as voice
    from heard
"""


_VOICE_CELLS = """
    create or replace temp table consent_voice_cell as
    select distinct voice, cell, scope, scope_order, effect, specificity, permits
    from consent_voice join consent_speaks using (said, effect) join consent_cell using (question)
"""


def ask(connection: duckdb.DuckDBPyConnection, questions: Sequence[Question], *, returns: bool = False) -> None:
    """Leave questions, what was said and what it says to them in `connection`, after `standing.load_standing`.

    `consent_question` (question: its place in `questions`, ...), `consent_said`: each decision, scope and terms once;
    `consent_speaks` (said, question, specificity, effect, permits). `consent_cell` (question, cell), `consent_voice`
    (said, voice, ...) and `consent_voice_cell` bring together what makes no difference. `returns`: the questions are
    about files that go back to an agency, of which scopes of that effect speak too.
    """
    rows = [dict(zip(_QUESTION.names, (n, *astuple(q)), strict=True)) for n, q in enumerate(questions)]
    _keep(connection, "consent_question", pa.Table.from_pylist(rows, schema=_QUESTION))
    _vocabulary(connection, sorted({question.source for question in questions}), returns=returns)
    for statement in (_SAID, _SPEAKS, _CELLS, _VOICES, _VOICE_CELLS):
        connection.execute(statement)


def _vocabulary(connection: duckdb.DuckDBPyConnection, sources: Iterable[str], *, returns: bool) -> None:
    """Make decisions and scopes known to the connection, scopes with the sources they reach."""
    words = vocabulary()
    decisions = [(one.name, one.effect) for one in words.decisions.values()]
    _keep(connection, "consent_decision", _table(("decision", "effect"), decisions))
    scopes = [(one.name, one.order, one.effect) for one in words.scopes.values()]
    _keep(connection, "consent_scope", _table(("scope", "scope_order", "scope_effect"), scopes))
    reach = [
        (scope.name, source)
        for scope in words.scopes.values()
        for source in sources
        if scope.effect == "child"
        or (scope.effect == "sources" and scope.name in words.areas_of(source))
        or (returns and scope.effect not in {"child", "sources"})
    ]
    _keep(connection, "consent_scope_source", _table(("scope", "source"), reach))


def _table(names: tuple[str, ...], rows: Sequence[tuple[str | int, ...]]) -> pa.Table:
    types = {"scope_order": pa.int32()}
    arrays = [pa.array([row[n] for row in rows], types.get(name, pa.string())) for n, name in enumerate(names)]
    return pa.table(arrays, names=list(names))


def _keep(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("consent_given", table)
    connection.execute(f"create or replace temp table {name} as select * from consent_given")  # noqa: S608 - a literal
    connection.unregister("consent_given")
