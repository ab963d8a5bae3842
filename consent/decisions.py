"""What families' decisions come to: permitted, refused or silent, for every child and question at once.

What belongs here: the rule of precedence. What does not: which events stand (`standing`), whom they are about
(`subjects`), what they say (`questions`), what the night does about it (`gate`).

The rule, for one child and one question, among the events in effect that speak of it:

1. An emergency or a court order that names purpose and recipient permits exactly these, whoever refused. It is never
   counted where `exceptions` is off: for the spine and every release.
2. At majority (from the calendar year in which the child turns 18, as the hub holds years only, or from the month of a
   `transfer`) grants by anybody but the student lapse. Refusals stay until the student speaks of the question in the
   same scope; from then on only the student counts there. A student's grant counts from majority, a refusal at once.
3. Scopes are judged apart. Within one, a refusal takes back every earlier grant that speaks of the question. Of what is
   left the most specific wins, then the later month, then the more restrictive. More specific is who names, in this
   order of weight, the recipient, the purpose, the class (an exact one before a pattern), the source.
4. If any scope comes to a refusal, the question is refused, and the widest such scope is the one cited. So no scope's
   grant opens another scope's refusal.
5. Otherwise a grant permits, if its form is complete for a basis that the question accepts; the most specific one is
   cited, then that of the narrowest scope. All else is silence: `refused` where the source is opt-in, else `silent`.
6. A child that was merged or split is judged in its parts (`subjects`); the most restrictive part wins.

What was said in the same order is judged once: of such sayings there are few, however many children there are.
"""

from __future__ import annotations

from datetime import date

import duckdb

_MONTH = 2**32
"""A word of a saying is one number: month * _MONTH + voice * 2 + whether the student, of age, spoke."""

_MAJORITY = """
    create or replace temp table consent_majority as
    -- of several years of birth the earliest lapses a parent's grant, the latest opens the student's own
    select child, max(birth_year) + 18 <= $year as may_grant, (max(birth_year) + 18) * 12 + 1 as from_month
    from birth_year join consent_child using (child_id)
    group by child
    having min(birth_year) + 18 <= $year
"""

_TRANSFERS = """
    create or replace temp table consent_transfer as
    select child, part, min(month) as from_month
    from consent_subject
    where said in (select said from consent_said where effect = 'transfer')
    group by child, part
"""

_COUNTED = """
    create or replace temp table consent_counted as
    with named as (
        select
            subject.child, subject.part, voice, scope, effect, month, sequence, by_student,
            majority.child is not null or subject.child in (select child from consent_transfer) as of_age,
            coalesce(
                (may_grant and month >= majority.from_month) or month >= transfer.from_month, false
            ) as grown
        from consent_subject as subject
        join consent_voice using (said)
        left join consent_majority as majority on majority.child = subject.child
        left join consent_transfer as transfer on transfer.child = subject.child and transfer.part = subject.part
    )
    select
        child, part, scope, sequence,
        month * $month + voice * 2 + (by_student and grown)::integer as code
    from named
    where effect = 'refuse' or case when by_student then grown else not of_age end
"""

_SAYINGS = """
    create or replace temp table consent_child_says as
    -- what a child's forms say in one scope, with months as places in their order: of such sayings there are few
    with said as (
        select child, part, scope, list_sort(list_distinct(list(code))) as codes
        from consent_counted
        group by child, part, scope
    ),
    placed as (
        select
            child, part, codes,
            case
                when len(codes) = 1 then [codes[1] % $month]
                else list_transform(
                    codes,
                    lambda code: code % $month + $month * list_position(
                        list_sort(list_distinct(list_transform(codes, lambda one: one // $month))), code // $month
                    )
                )
            end as says
        from said
    ),
    numbered as (
        select says, row_number() over ()::integer as saying from (select distinct says from placed)
    )
    select child, part, saying, codes from placed join numbered using (says)
"""

_VERDICTS = """
    create or replace temp table consent_verdict as
    with example as (
        select saying, any_value(codes) as codes from consent_child_says group by saying
    ),
    heard as (
        select saying, unnest(codes) as code, generate_subscripts(codes, 1) as place from example
    ),
    spoken as (
        select
            saying, cell, scope, scope_order, effect, specificity, permits, place,
            code // $month as month, code % 2 = 1 as own
        from heard
        join consent_voice_cell on voice = (code % $month) // 2
    ),
    of_majority as (
        select * from spoken
        qualify own or not bool_or(own) over (partition by saying, cell)
    ),
    not_taken_back as (
        select * from of_majority
        qualify
            effect = 'refuse'
            or month >= coalesce(max(month) filter (effect = 'refuse') over (partition by saying, cell), 0)
    )
    select
        saying, cell, scope, scope_order, specificity, place,
        case when effect = 'refuse' then 'refused' when permits then 'permitted' else 'silent' end as state
    from not_taken_back
    qualify row_number() over (
        partition by saying, cell order by specificity desc, month desc, effect = 'refuse' desc, not permits desc, place
    ) = 1
"""

_STATE = """
    with asked as (
        select child, child_id, question, opt_in, cell
        from consent_child cross join consent_question join consent_cell using (question)
        where $everybody or child in (select child from consent_subject)
    ),
    part as (
        select child, 0 as part from consent_child union select child, part from consent_part
    ),
    of_scope as (
        select child, part, cell, scope_order, specificity, state, codes[place] as code
        from consent_child_says join consent_verdict using (saying)
    ),
    of_part as (
        -- any scope that refuses; else any that permits
        select child, part, cell, state, code from of_scope
        qualify row_number() over (
            partition by child, part, cell
            order by
                case state when 'refused' then 0 when 'permitted' then 1 else 2 end,
                case when state = 'refused' then scope_order end,
                specificity desc, scope_order desc
        ) = 1
    ),
    of_child as (
        -- the most restrictive part
        select asked.*, part, coalesce(state, 'silent') as state, code
        from asked
        join part using (child)
        left join of_part using (child, part, cell)
        qualify row_number() over (
            partition by child, question
            order by case state when 'refused' then 0 when 'permitted' then 2 else 1 end, code is null, part
        ) = 1
    ),
    deciding as (
        select child, part, code, max(sequence) as sequence from consent_counted group by child, part, code
    ),
    exception as (
        select child, question, max(sequence) as sequence
        from consent_subject join consent_speaks using (said)
        where effect = 'exception' and part = 0 and $exceptions
        group by child, question
    )
    select
        child_id, question,
        case
            when exception.sequence is not null then 'permitted'
            when of_child.state = 'silent' and opt_in then 'refused'
            else of_child.state
        end as state,
        coalesce(exception.sequence, case when of_child.state <> 'silent' then deciding.sequence end) as sequence
    from of_child
    left join deciding using (child, part, code)
    left join exception using (child, question)
    order by child_id, question
"""


def judge(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Leave what every child's decisions come to on the date `on` in `connection`, without exceptions.

    `consent_child_says` (child, part, saying, codes): one saying for each scope in which something was said;
    `consent_verdict` (saying, cell, scope, scope_order, specificity, place, state): what it comes to, no row for a cell
    it does not speak of. The connection has what `questions.ask` and `subjects.resolve_subjects` leave behind, and may
    have `birth_year` (child_id, birth_year).
    """
    connection.execute(_MAJORITY, {"year": on.year})
    connection.execute(_TRANSFERS)
    for statement in (_COUNTED, _SAYINGS, _VERDICTS):
        connection.execute(statement, {"month": _MONTH})


def state(
    connection: duckdb.DuckDBPyConnection, *, exceptions: bool = True, everybody: bool = True
) -> duckdb.DuckDBPyRelation:
    """Return child_id, question, state and sequence: what `judge` found, for each child of the city and question.

    `state` is permitted, refused or silent; `sequence` the deciding event of the ledger, null where none decides.
    Without `everybody`, only children about whom any event stands. `exceptions`: emergencies and court orders permit
    what they name; off for whatever is released.
    """
    return connection.sql(_STATE, params={"everybody": everybody, "exceptions": exceptions})
