-- measure: lead_elevated
-- version: 1
-- area: health
-- title: Elevated blood lead
-- grain: one row a child under 6 tested in the period, and one for the second threshold
-- definition: Highest blood lead of the period at least 3.5 ug/dL, the CDC reference value. The part '5.0 ug/dL or
--   more' is the Rhode Island threshold among the same children.
-- numerator: highest result at least 3.5 ug/dL
-- denominator: children younger than 6 years at the test with a result in ug/dL
-- unknowns: a result in another unit or without a value is left out, and the child counted if it has no other
-- periods: tests from 1 July to 30 June
-- direction: lower
-- source: CDC blood lead reference value 3.5 ug/dL (2021) [M]; Rhode Island 5.0 ug/dL [M]; LOINC 5671-3
-- reads: health.Observation.{status loinc age_days observed_year value unit}
-- shows: period = health.Observation.observed_year; program = health.Observation.value; excluded = words
with tested as (
    select
        child_id,
        observed_year as period,
        max(value) filter (lower(unit) in ('ug/dl', 'mcg/dl', 'µg/dl') and value >= 0) as highest
    from health__observation
    where
        loinc = '5671-3'
        and coalesce(lower(status), 'final') in ('final', 'amended', 'corrected')
        and age_days between 0 and 2191
        and observed_year in (select period from period)
    group by child_id, observed_year
),
judged as (
    select *, case when highest is null then 'No result in ug/dL' end as excluded from tested
)
select child_id, period, 'All' as program, coalesce(highest >= 3.5, false) as numerator, excluded from judged
union all
select child_id, period, '5.0 ug/dL or more', coalesce(highest >= 5.0, false), excluded from judged
