-- model: school_segment
-- grain: one row a child, period and stretch of days at one school
-- definition: enrolments of a child's records, merged and cut so that no day counts twice. Enrolments in several
--   classes of one school are one span; where two schools claim a day it belongs to the enrolment that began
--   later (a mover whose old school closed the file late). Days run from 0 (1 July); an enrolment without an end
--   lasts to the end of the school year in which it began.
-- unknowns: an enrolment without a begin or whose end is before its begin is left out
-- joins by: school.enrollments.{school class}
-- reads: school.enrollments.{begin begin_year end end_year}
-- may read: school.enrollments.role
with enrolled as (
    select
        enrolment.child_id,
        period.period,
        enrolment.school,
        enrolment.class,
        case when enrolment.begin_year < period.period then 0 else enrolment.begin end::integer as first_day,
        case
            when enrolment."end" is null or enrolment.end_year > period.period then 366
            else enrolment."end"
        end::integer as last_day
    from school__enrollments as enrolment
    join period
        on enrolment.begin_year <= period.period
        and coalesce(enrolment.end_year, enrolment.begin_year) >= period.period
    where enrolment.school is not null and coalesce(lower(enrolment.role::varchar), 'student') = 'student'
),
opened as (
    -- a row opens a new span when all earlier rows of the child at that school ended at least a day before it
    select
        *,
        coalesce(
            first_day > 1 + max(last_day) over (
                partition by child_id, period, school
                order by first_day, last_day, class
                rows between unbounded preceding and 1 preceding
            ),
            true
        )::integer as opens
    from enrolled
    where first_day <= last_day
),
numbered as (
    select *, sum(opens) over (
        partition by child_id, period, school order by first_day, last_day, class
    ) as span
    from opened
),
merged as (
    select
        child_id, period, school, span,
        min(first_day) as first_day,
        max(last_day) as last_day,
        arg_max(class, (last_day, first_day, class)) as class
    from numbered
    group by child_id, period, school, span
),
alone as (
    select *, count(*) over (partition by child_id, period) = 1 as is_alone
    from merged
),
boundary as (
    select child_id, period, first_day as day from alone where not is_alone
    union
    select child_id, period, last_day + 1 from alone where not is_alone
),
piece as (
    select child_id, period, day as first_day, lead(day) over (partition by child_id, period order by day) - 1 as last_day
    from boundary
),
owned as (
    select
        piece.child_id, piece.period, piece.first_day, piece.last_day,
        arg_max(merged.school, (merged.first_day, merged.last_day, merged.school)) as school,
        arg_max(merged.class, (merged.first_day, merged.last_day, merged.school)) as class
    from piece
    join merged
        on merged.child_id = piece.child_id
        and merged.period = piece.period
        and merged.first_day <= piece.first_day
        and merged.last_day >= piece.last_day
    where piece.last_day is not null
    group by all
)
select child_id, period, school, class, first_day, last_day from alone where is_alone
union all
select child_id, period, school, class, first_day, last_day from owned
