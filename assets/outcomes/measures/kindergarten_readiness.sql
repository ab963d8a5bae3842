-- measure: kindergarten_readiness
-- version: 1
-- area: education
-- title: Ready for kindergarten
-- grain: one row a child, school year and version of the tool
-- definition: At or above the tool's own cut (met or exceeded) at kindergarten entry. Each tool and version is its
--   own measure (it is part of the version shown) and is never pooled with another.
-- numerator: level met or exceeded
-- denominator: children tested with that tool and version and a known level
-- unknowns: not tested, and tested without a known level, are left out and counted apart
-- periods: school year of administration
-- direction: higher
-- source: the tool's technical manual, named by the agreement; project choice to use its own cut
-- by: place
-- uses: school_year
-- reads: attendance.assessments.{tool tool_version school_year level tested}
-- shows: period = attendance.assessments.school_year; variant = attendance.assessments.{tool tool_version}; place =
--   school_year.place; excluded = attendance.assessments.{tested level}
with result as (
    select
        child_id,
        school_year as period,
        concat_ws(' ', tool, tool_version) as variant,
        bool_or(coalesce(upper(tested), 'Y') not in ('N', 'NO', '0', 'FALSE')) as tested,
        max(
            case lower(level) when 'exceeded' then 4 when 'met' then 3 when 'approaching' then 2 when 'below' then 1 end
        ) filter (coalesce(upper(tested), 'Y') not in ('N', 'NO', '0', 'FALSE')) as level
    from attendance__assessments
    where tool = 'KRA' and school_year in (select period from period)
    group by all
)
select
    result.child_id,
    result.period,
    result.variant,
    coalesce(school_year.place, 'Unknown school') as place,
    coalesce(result.tested and result.level >= 3, false) as numerator,
    case
        when not result.tested then 'Not tested'
        when result.level is null then 'Level unknown'
    end as excluded
from result
left join school_year on school_year.child_id = result.child_id and school_year.period = result.period
