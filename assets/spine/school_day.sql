-- model: school_day
-- grain: one row a school, period and day since 1 July (0-366)
-- definition: the school's calendar; `days` is the number of instructional days from 1 July up to and including
--   that day, so that the days of any span are a difference of two rows.
-- unknowns: a calendar row without a mark counts as instructional
-- joins by: attendance.calendar.school
-- reads: attendance.calendar.{day day_year instructional}
with calendar as (
    select
        school, day_year as period, day::integer as day,
        bool_or(coalesce(lower(instructional), '1') not in ('0', 'n', 'no', 'f', 'false')) as instructional
    from attendance__calendar
    where school is not null and day is not null
    group by all
),
every_day as (
    select school, period, unnest(range(0, 367)) as day
    from (select distinct school, period from calendar)
)
select
    school,
    period,
    every_day.day::integer as day,
    coalesce(calendar.instructional, false) as instructional,
    sum(coalesce(calendar.instructional, false)::integer) over (
        partition by school, period order by every_day.day
    )::integer as days
from every_day
left join calendar using (school, period, day)
