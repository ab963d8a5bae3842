-- table: program_overlap
-- version: 1
-- title: Children served by two programs
-- grain: one row a period and pair of programs; a program with itself is its total
-- definition: Children of the city (0-17) in both programs in the period: the sum of those rows of distinct_served
--   whose set holds both. Each pair is listed once, in the order of the alphabet.
-- source: project choice
-- uses: child_year, program_year, child_key
-- shows: period = program_year.period; program_a = words; program_b = words
with served as (
    select child_id, child_key, period, program
    from program_year
    join child_year using (child_id, period)
    join child_key using (child_id)
    where child_year.city_child
)
select
    one.period,
    one.program as program_a,
    other.program as program_b,
    count(*) as children,
    bit_xor(one.child_key) as children__key
from served as one
join served as other
    on other.child_id = one.child_id and other.period = one.period and other.program >= one.program
group by one.period, one.program, other.program
