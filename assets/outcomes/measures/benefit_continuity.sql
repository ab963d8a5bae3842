-- measure: benefit_continuity
-- version: 1
-- area: economic security
-- title: Children who kept a benefit for all twelve months
-- grain: one row a child with a benefit in the period, and one for each program
-- definition: Among children with SNAP, TANF, WIC or Medicaid in any month, those with all twelve months of it;
--   in the total, twelve months of at least one program.
-- numerator: twelve distinct months of one program
-- denominator: children of the city, 0-17 years, with the benefit in any month of the period
-- unknowns: none
-- periods: fiscal year, 1 July to 30 June
-- direction: higher
-- source: project choice; months of 12 after the shared dashboard's definition
-- by: grade_or_age_band
-- among: benefit_participation 1
-- uses: child_year, program_year, program_period
-- shows: period = words; program = words; grade_or_age_band = child_year.age_band; excluded = words
with program as (
    select program, period from program_period where program in ('SNAP', 'TANF', 'WIC', 'Medicaid')
),
participation as (
    select program_year.child_id, program_year.period, program_year.program, program_year.months, child_year.age_band
    from program_year
    join child_year using (child_id, period)
    where
        child_year.city_child
        and (program_year.program, program_year.period) in (select program, period from program)
)
select
    child_id, period, 'All' as program, min(age_band) as grade_or_age_band,
    max(months) >= 12 as numerator, null::varchar as excluded
from participation
group by child_id, period
union all
select child_id, period, program, age_band, months >= 12, null from participation
