-- measure: preschool_enrolled
-- version: 1
-- area: education
-- title: Preschool in the year before kindergarten
-- grain: one row a kindergartner and school year, and one for each program type
-- definition: Kindergartners who were enrolled in any month of the year before in a public pre-kindergarten, Head
--   Start or subsidised care that reports to the city. Which programs count is a project choice, and private
--   preschool is not seen. Program types overlap.
-- numerator: any month enrolled in the year before kindergarten
-- denominator: children whose grade at the end of the year is kindergarten
-- unknowns: an enrolment without a first month is left out
-- periods: school year of kindergarten
-- direction: higher
-- source: project choice
-- by: place
-- uses: school_year, program_period
-- reads: preschool.enrolments.{program_type start_month end_month}
-- shows: period = words; program = preschool.enrolments.program_type; place = school_year.place; excluded = words
with kindergartner as (
    select school_year.child_id, school_year.period, school_year.place
    from school_year
    join period using (period)
    where
        school_year.grade in ('KG', 'K')
        and period.previous in (select period from program_period where program = 'Preschool')
),
enrolled as (
    select distinct enrolment.child_id, period.period, enrolment.program_type
    from preschool__enrolments as enrolment
    join period_month
        on period_month.month between enrolment.start_month and coalesce(enrolment.end_month, '9999-12')
    join period on period.previous = period_month.period
),
program as (
    select distinct program_type as program from preschool__enrolments where program_type is not null
)
select
    child_id, period, 'All' as program, place,
    (child_id, period) in (select child_id, period from enrolled) as numerator,
    null::varchar as excluded
from kindergartner
union all
select
    child_id, period, program, place,
    (child_id, period, program) in (select child_id, period, program_type from enrolled),
    null
from kindergartner
cross join program
