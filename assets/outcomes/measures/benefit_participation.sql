-- measure: benefit_participation
-- version: 1
-- area: economic security
-- title: Children with a public benefit
-- grain: one row a child of the city and period, and one for each program
-- definition: SNAP, TANF, WIC or Medicaid in any month of the period. Programs overlap: a child with two counts once
--   in the total. A program whose data do not cover the period has no row, and the total is of the programs that do.
-- numerator: a benefit in any month
-- denominator: children of the city in the period, 0-17 years
-- unknowns: none
-- periods: fiscal year, 1 July to 30 June
-- direction: lower
-- source: project choice; children of the city as in the model child_year
-- by: grade_or_age_band
-- never by: economic_status
-- uses: child_year, program_year, program_period
-- shows: period = words; program = words; grade_or_age_band = child_year.age_band; excluded = words
with program as (
    select program, period from program_period where program in ('SNAP', 'TANF', 'WIC', 'Medicaid')
),
participation as (
    select child_id, period, program from program_year where (program, period) in (select program, period from program)
),
city_child as (
    select child_id, period, age_band from child_year where city_child
)
select
    child_id, period, 'All' as program, age_band as grade_or_age_band,
    (child_id, period) in (select child_id, period from participation) as numerator,
    null::varchar as excluded
from city_child
where period in (select period from program)
union all
select
    city_child.child_id, city_child.period, program.program, city_child.age_band,
    (city_child.child_id, city_child.period, program.program) in (
        select child_id, period, program from participation
    ),
    null
from city_child
join program using (period)
