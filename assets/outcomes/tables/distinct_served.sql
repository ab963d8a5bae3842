-- table: distinct_served
-- version: 1
-- title: Children by the set of programs that served them
-- grain: one row a period and set of programs; each child is in one set
-- definition: Unduplicated children of the city (0-17) served in any month of the period, by exactly which of SNAP,
--   TANF, WIC, Medicaid, HMIS, McKinney-Vento, child welfare and preschool served them. 'All' is every child served
--   by any. A program whose source is missing is in no set; see program_period.
-- source: project choice, after QuickCount's distinct counts
-- uses: child_year, program_year, child_key
-- shows: period = program_year.period; programs = words
with served as (
    select child_id, child_key, period, string_agg(program, ' + ' order by program) as programs
    from program_year
    join child_year using (child_id, period)
    join child_key using (child_id)
    where child_year.city_child
    group by child_id, child_key, period
)
select
    period,
    coalesce(programs, 'All') as programs,
    count(*) as children,
    bit_xor(child_key) as children__key
from served
group by grouping sets ((period), (period, programs))
