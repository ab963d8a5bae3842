-- measure: preterm
-- version: 1
-- area: health
-- title: Preterm birth
-- grain: one row a child born in the period
-- definition: Live births before 37 completed weeks by the obstetric estimate of gestation.
-- numerator: obstetric estimate below 37 weeks
-- denominator: births with an estimate of 17 to 47 weeks
-- unknowns: 99 and estimates outside the range are unknown: left out and counted
-- periods: births from 1 July to 30 June
-- direction: lower
-- source: NCHS, obstetric estimate of gestation (17-47 weeks, 99 unknown) [M]
-- reads: birth.births.{birth_school_year gestation_weeks}
-- shows: period = birth.births.birth_school_year; excluded = words
with birth as (
    select
        child_id,
        birth_school_year as period,
        min(gestation_weeks) filter (gestation_weeks between 17 and 47) as weeks
    from birth__births
    where birth_school_year in (select period from period)
    group by child_id, birth_school_year
    qualify row_number() over (partition by child_id order by birth_school_year) = 1
)
select
    child_id,
    period,
    coalesce(weeks < 37, false) as numerator,
    case when weeks is null then 'Gestation unknown' end as excluded
from birth
