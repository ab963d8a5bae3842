-- measure: well_child_30m
-- version: 1
-- area: health
-- title: Well-child visits from 15 to 30 months
-- grain: one row a child known to the health exchange who turned 3 in the period
-- definition: At least 2 well-child visits after 15 months and by 30 months of age (second birthday plus 180 days).
--   Visits count when at least 14 days lie between them: a visit sooner after the last counted one does not.
-- numerator: at least 2 visits that count
-- denominator: children with a record in the health exchange and a known year of birth, born 3 years before
-- unknowns: a visit without an age is left out; visits entered in error or cancelled do not count
-- periods: children who turned 3 between 1 July and 30 June (the hub keeps no dates to place a month of age)
-- direction: higher
-- source: NCQA HEDIS, Well-Child Visits in the First 30 Months of Life [M]; SNOMED CT 410620009
-- uses: child
-- reads: health.Encounter.{status type_code age_days}, health.Patient.birth_school_year
-- shows: period = child.birth_school_year; excluded = words
with cohort as (
    select child.child_id, period.period
    from child
    join period on left(child.birth_school_year, 4)::integer = period.first_year - 3
    where child.child_id in (select child_id from health__patient)
),
visit as (
    select child_id, list_sort(list(distinct age_days::integer)) as ages
    from health__encounter
    where
        type_code = '410620009'
        and coalesce(lower(status), 'finished') not in ('cancelled', 'entered-in-error', 'planned')
        and age_days between 456 and 910
    group by child_id
),
counted as (
    -- walk through the ages in order, keeping the last visit that counted and how many have
    select
        child_id,
        list_reduce(
            list_transform(ages, lambda age: {'last': age, 'visits': 1}),
            lambda kept, next: case
                when next.last - kept.last >= 14 then {'last': next.last, 'visits': kept.visits + 1}
                else kept
            end
        ).visits as visits
    from visit
)
select
    cohort.child_id,
    cohort.period,
    coalesce(counted.visits, 0) >= 2 as numerator,
    null::varchar as excluded
from cohort
left join counted using (child_id)
