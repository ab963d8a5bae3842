-- measure: chronic_absence
-- version: 1
-- area: education
-- title: Chronic absence
-- grain: one row a child and school year with any enrolment
-- definition: Absent on at least 10 % of the days enrolled, for any reason, excused or not. Days are summed over all
--   schools of the year, so a child who moves counts once. Tardiness is not absence; part of a day counts as that part.
-- numerator: absent on at least 10 % of the instructional days enrolled
-- denominator: children enrolled for at least 10 instructional days
-- unknowns: children enrolled for fewer days, or at a school without a calendar, are left out and counted; a
--   year without any attendance file has no rows
-- periods: school year, 1 July to 30 June
-- direction: lower
-- source: US Department of Education, EDFacts file 195 (10 % of days enrolled, at least 10 days) [M]
-- by: place grade_or_age_band
-- uses: school_segment, school_day, school_year
-- reads: attendance.events.{absent absent_year status portion}
-- shows: period = words; place = school_year.place; grade_or_age_band = school_year.grade; excluded = words
with day_enrolled as (
    select
        segment.child_id, segment.period,
        sum(last_day.days - coalesce(day_before.days, 0))::double as days
    from school_segment as segment
    join school_day as last_day
        on last_day.school = segment.school
        and last_day.period = segment.period
        and last_day.day = segment.last_day
    left join school_day as day_before
        on day_before.school = segment.school
        and day_before.period = segment.period
        and day_before.day = segment.first_day - 1
    group by segment.child_id, segment.period
),
day_absent as (
    -- a child with two records, or a file that repeats a day, is absent that day once
    select child_id, absent_year as period, absent::integer as day, least(max(coalesce(portion, 1)), 1) as portion
    from attendance__events
    where lower(status) like 'absent%'
    group by all
),
absence as (
    select day_absent.child_id, day_absent.period, sum(day_absent.portion) as days
    from day_absent
    join school_segment as segment
        on segment.child_id = day_absent.child_id
        and segment.period = day_absent.period
        and day_absent.day between segment.first_day and segment.last_day
    join school_day
        on school_day.school = segment.school
        and school_day.period = segment.period
        and school_day.day = day_absent.day
        and school_day.instructional
    group by day_absent.child_id, day_absent.period
)
select
    child_id,
    period,
    place,
    grade as grade_or_age_band,
    coalesce(day_enrolled.days, 0) >= 10
        and round(coalesce(absence.days, 0) * 10, 6) >= day_enrolled.days as numerator,
    case
        when day_enrolled.days is null then 'No school calendar'
        when day_enrolled.days < 10 then 'Enrolled fewer than 10 days'
    end as excluded
from school_year
left join day_enrolled using (child_id, period)
left join absence using (child_id, period)
where period in (select absent_year from attendance__events)
