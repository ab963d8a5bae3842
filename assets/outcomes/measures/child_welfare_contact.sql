-- measure: child_welfare_contact
-- version: 1
-- area: safety
-- title: Children in contact with child welfare
-- grain: one row a child of the city and period, and one for each kind of contact
-- definition: A report in the year, or any day in out-of-home care. Parts: reported, victim (a report substantiated or
--   indicated), out-of-home care, and those of them not reported. Children are unique: several reports of a child
--   count once; parts overlap.
-- numerator: a report or a month in out-of-home care in the period
-- denominator: children of the city in the period, 0-17 years
-- unknowns: a placement without a first month is left out
-- periods: fiscal year, 1 July to 30 June
-- direction: lower
-- source: ACF, Child Maltreatment, unique counts [M]
-- by: grade_or_age_band
-- uses: child_year, program_period
-- reads: child_welfare.reports.{report_year disposition}, child_welfare.placements.{start_month end_month}
-- shows: period = words; program = child_welfare.reports.disposition; grade_or_age_band = child_year.age_band;
--   excluded = words
with in_care as (
    select distinct placement.child_id, period_month.period
    from child_welfare__placements as placement
    join period_month
        on period_month.month between placement.start_month and coalesce(placement.end_month, '9999-12')
),
contact as (
    select child_id, report_year as period, 'Reported' as program from child_welfare__reports
    union
    select child_id, report_year, 'Victim'
    from child_welfare__reports
    where lower(disposition) in ('substantiated', 'indicated')
    union
    select child_id, period, 'Out-of-home care' from in_care
    union
    select child_id, period, 'Out-of-home care, not reported'
    from in_care
    where (child_id, period) not in (select child_id, report_year from child_welfare__reports where report_year is not null)
),
program as (
    select unnest(['Reported', 'Victim', 'Out-of-home care', 'Out-of-home care, not reported']) as program
),
city_child as (
    select child_id, period, age_band
    from child_year
    where city_child and period in (select period from program_period where program = 'Child welfare')
)
select
    child_id, period, 'All' as program, age_band as grade_or_age_band,
    (child_id, period) in (select child_id, period from contact) as numerator,
    null::varchar as excluded
from city_child
union all
select
    child_id, period, program, age_band,
    (child_id, period, program) in (select child_id, period, program from contact),
    null
from city_child
cross join program
