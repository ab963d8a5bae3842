-- table: chronically_absent
-- version: 1
-- title: Chronically absent so far this school year
-- definition: Absent on at least 10 % of the instructional days of the child's school from 1 July to the last day on which
--   anybody was absent there, for any reason; part of a day counts as that part. Fewer than 10 such days: nothing is said.
-- source: US Department of Education, EDFacts file 195 (10 % of days, at least 10 days) [M]
-- reads: attendance.events.{absent absent_year status portion}, attendance.calendar.{day day_year instructional}
-- joins by: attendance.events.school, attendance.calendar.school
with day_absent as (
    select child_id, school, absent::integer as day, least(max(coalesce(portion, 1)), 1) as portion
    from attendance__events
    where absent_year in (select period from period) and lower(status) like 'absent%'
    group by all
),
known as (
    select school, max(day) as last_day from day_absent group by school
),
school_days as (
    select calendar.school, count(distinct calendar.day) as days
    from attendance__calendar as calendar
    join known on known.school = calendar.school and calendar.day <= known.last_day
    where calendar.day_year in (select period from period) and calendar.instructional
    group by calendar.school
),
absence as (
    select child_id, school, sum(portion) as days from day_absent group by all
)
select child_id, bool_or(round(absence.days * 10, 6) >= school_days.days) as flag
from absence
join school_days using (school)
where school_days.days >= 10
group by child_id
