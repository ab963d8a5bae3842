-- table: absence_by_service_context
-- version: 1
-- title: Chronic absence by what else is happening
-- grain: one row a period and context; contexts overlap, 'All' is every child counted, 'None of these' has none,
--   'Any of these' at least one
-- definition: Chronic absence (version 1) among the children counted in it who in the same period had the context:
--   a program, child-welfare contact, homelessness, or ever had a blood lead of at least 3.5 ug/dL by its end.
-- source: project choice
-- uses: chronic_absence, program_year, child_key
-- may read: health.Observation.{status loinc observed_year value unit}
-- shows: period = chronic_absence.period; context = health.Observation.value
with counted as (
    select child_id, period, numerator, child_key
    from chronic_absence
    join child_key using (child_id)
    where excluded is null
),
lead as (
    select child_id, min(observed_year) as first_year
    from health__observation
    where
        loinc = '5671-3'
        and coalesce(lower(status), 'final') in ('final', 'amended', 'corrected')
        and lower(unit) in ('ug/dl', 'mcg/dl', 'µg/dl')
        and value >= 3.5
    group by child_id
),
context as (
    select child_id, period, program as context from program_year where program <> 'Preschool'
    union
    select lead.child_id, period.period, 'Elevated lead'
    from lead
    join period on period.period >= lead.first_year
),
placed as (
    select period, numerator, child_key, 'All' as context from counted
    union all
    select counted.period, counted.numerator, counted.child_key, coalesce(context.context, 'None of these')
    from counted
    left join context on context.child_id = counted.child_id and context.period = counted.period
    union all
    select period, numerator, child_key, 'Any of these' from counted
    where (child_id, period) in (select child_id, period from context)
)
select
    period,
    context,
    count(*) filter (numerator) as chronically_absent,
    count(*) as children,
    bit_xor(child_key) filter (numerator) as chronically_absent__key,
    bit_xor(child_key) as children__key
from placed
group by period, context
