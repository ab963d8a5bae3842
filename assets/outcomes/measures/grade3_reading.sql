-- measure: grade3_reading
-- version: 1
-- area: education
-- title: Reading at the end of grade 3
-- grain: one row a child and school year with a grade 3 English language arts assessment
-- definition: Met or exceeded expectations among the children tested. Children listed and not tested are shown
--   apart. A child with several results counts once, with the best one.
-- numerator: level met or exceeded
-- denominator: children tested with a known level
-- unknowns: not tested, and tested without a known level, are left out and counted apart
-- periods: school year of administration
-- direction: higher
-- source: Rhode Island KIDS COUNT, third-grade reading (37 % in 2015, 40 % in 2017, target 75 % by 2025)
-- by: place
-- uses: school_year
-- reads: attendance.assessments.{tool school_year level tested}
-- shows: period = attendance.assessments.school_year; place = school_year.place; excluded =
--   attendance.assessments.{tested level}
with result as (
    select
        child_id,
        school_year as period,
        bool_or(coalesce(upper(tested), 'Y') not in ('N', 'NO', '0', 'FALSE')) as tested,
        max(
            case lower(level) when 'exceeded' then 4 when 'met' then 3 when 'approaching' then 2 when 'below' then 1 end
        ) filter (coalesce(upper(tested), 'Y') not in ('N', 'NO', '0', 'FALSE')) as level
    from attendance__assessments
    where tool = 'G3ELA' and school_year in (select period from period)
    group by child_id, school_year
)
select
    result.child_id,
    result.period,
    coalesce(school_year.place, 'Unknown school') as place,
    coalesce(result.tested and result.level >= 3, false) as numerator,
    case
        when not result.tested then 'Not tested'
        when result.level is null then 'Level unknown'
    end as excluded
from result
left join school_year on school_year.child_id = result.child_id and school_year.period = result.period
