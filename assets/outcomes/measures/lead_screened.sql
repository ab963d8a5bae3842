-- measure: lead_screened
-- version: 1
-- area: health
-- title: Blood lead test by 18 months
-- grain: one row a child known to the health exchange who turned 2 in the period
-- definition: At least one blood lead test by 18 months of age (day 548).
-- numerator: any final result of LOINC 5671-3 by day 548
-- denominator: children with a record in the health exchange and a known year of birth, born two years before
-- unknowns: a result without an age is left out
-- periods: children who turned 2 between 1 July and 30 June
-- direction: higher
-- source: Rhode Island Department of Health, lead screening [M]; LOINC 5671-3
-- uses: child
-- reads: health.Observation.{status loinc age_days}, health.Patient.birth_school_year
-- shows: period = child.birth_school_year; excluded = words
with cohort as (
    select child.child_id, period.period
    from child
    join period on left(child.birth_school_year, 4)::integer = period.first_year - 2
    where child.child_id in (select child_id from health__patient)
),
tested as (
    select distinct child_id
    from health__observation
    where
        loinc = '5671-3'
        and coalesce(lower(status), 'final') in ('final', 'amended', 'corrected')
        and age_days between 0 and 548
)
select
    cohort.child_id,
    cohort.period,
    tested.child_id is not null as numerator,
    null::varchar as excluded
from cohort
left join tested using (child_id)
