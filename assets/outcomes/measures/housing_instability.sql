-- measure: housing_instability
-- version: 1
-- area: housing
-- title: Children without stable housing
-- grain: one row a child of the city and period, and one for each source
-- definition: Identified by a school under McKinney-Vento (which includes families doubled up) or served in HMIS
--   (which does not); the total is the distinct union, the two parts overlap.
-- numerator: McKinney-Vento or HMIS in the period
-- denominator: children of the city in the period, 0-17 years
-- unknowns: none; homes of victim-service providers are not in the data
-- periods: school and fiscal year, 1 July to 30 June
-- direction: lower
-- source: 42 USC 11434a(2) [M]; HMIS data standards FY2026
-- by: grade_or_age_band
-- never by: economic_status
-- uses: child_year, program_year, program_period
-- reads: attendance.mckinney_vento.school_year, hmis.Enrollment.entry_month
-- shows: period = words; program = words; grade_or_age_band = child_year.age_band; excluded = words
with program as (
    select program, period from program_period where program in ('McKinney-Vento', 'HMIS')
),
unstable as (
    select child_id, period, program from program_year where program in ('McKinney-Vento', 'HMIS')
),
city_child as (
    select child_id, period, age_band from child_year where city_child
)
select
    child_id, period, 'All' as program, age_band as grade_or_age_band,
    (child_id, period) in (select child_id, period from unstable) as numerator,
    null::varchar as excluded
from city_child
where period in (select period from program)
union all
select
    city_child.child_id, city_child.period, program.program, city_child.age_band,
    (city_child.child_id, city_child.period, program.program) in (
        select child_id, period, program from unstable
    ),
    null
from city_child
join program using (period)
