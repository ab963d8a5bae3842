-- measure: mobility
-- version: 1
-- area: education
-- title: Children who changed school in the year
-- grain: one row a child and school year with any enrolment
-- definition: Distinct children who attended two or more schools in the year, or who left and came back after more
--   than 10 instructional days, among all ever enrolled. Distinct movers cannot pass 100 %, unlike turnover.
-- numerator: two schools in the year, or a gap of more than 10 instructional days
-- denominator: children ever enrolled in the year
-- unknowns: none; a move out of the city and back is a gap
-- periods: school year, 1 July to 30 June
-- direction: lower
-- source: project choice after Rhode Island Department of Education, student mobility [M]
-- by: place grade_or_age_band
-- uses: school_segment, school_day, school_year
-- shows: period = words; place = school_year.place; grade_or_age_band = school_year.grade; excluded = words
with step as (
    select
        child_id, period, school, last_day,
        lead(first_day) over (partition by child_id, period order by first_day) as next_first_day
    from school_segment
),
gap as (
    select
        step.child_id, step.period,
        max(before_next.days - at_end.days) as days_away
    from step
    join school_day as at_end
        on at_end.school = step.school and at_end.period = step.period and at_end.day = step.last_day
    join school_day as before_next
        on before_next.school = step.school
        and before_next.period = step.period
        and before_next.day = step.next_first_day - 1
    group by step.child_id, step.period
)
select
    child_id,
    period,
    place,
    grade as grade_or_age_band,
    schools > 1 or coalesce(gap.days_away, 0) > 10 as numerator,
    null::varchar as excluded
from school_year
left join gap using (child_id, period)
