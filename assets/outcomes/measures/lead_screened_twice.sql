-- measure: lead_screened_twice
-- version: 1
-- area: health
-- title: Two blood lead tests by 36 months
-- grain: one row a child known to the health exchange who turned 3 in the period
-- definition: Two blood lead tests at least 12 months (365 days) apart by 36 months of age (day 1,095).
-- numerator: first and last final result of LOINC 5671-3 by day 1,095 lie at least 365 days apart
-- denominator: children with a record in the health exchange and a known year of birth, born three years before
-- unknowns: a result without an age is left out
-- periods: children who turned 3 between 1 July and 30 June
-- direction: higher
-- source: Rhode Island Department of Health, lead screening [M]; LOINC 5671-3
-- uses: child
-- reads: health.Observation.{status loinc age_days}, health.Patient.birth_school_year
-- shows: period = child.birth_school_year; excluded = words
with cohort as (
    select child.child_id, period.period
    from child
    join period on left(child.birth_school_year, 4)::integer = period.first_year - 3
    where child.child_id in (select child_id from health__patient)
),
tested as (
    select child_id, max(age_days) - min(age_days) >= 365 as apart
    from health__observation
    where
        loinc = '5671-3'
        and coalesce(lower(status), 'final') in ('final', 'amended', 'corrected')
        and age_days between 0 and 1095
    group by child_id
)
select
    cohort.child_id,
    cohort.period,
    coalesce(tested.apart, false) as numerator,
    null::varchar as excluded
from cohort
left join tested using (child_id)
