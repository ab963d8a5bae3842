-- measure: low_birthweight
-- version: 1
-- area: health
-- title: Low birth weight
-- grain: one row a child born in the period
-- definition: Live births to the city's register of less than 2,500 grams.
-- numerator: birth weight below 2,500 g
-- denominator: births with a birth weight of 227 to 8,165 g
-- unknowns: 9999 and weights outside the range are unknown: left out and counted
-- periods: births from 1 July to 30 June
-- direction: lower
-- source: NCHS, birth weight edits (0227-8165 g, 9999 unknown) [M]
-- reads: birth.births.{birth_school_year birth_weight_g}
-- shows: period = birth.births.birth_school_year; excluded = words
with birth as (
    select
        child_id,
        birth_school_year as period,
        min(birth_weight_g) filter (birth_weight_g between 227 and 8165) as weight
    from birth__births
    where birth_school_year in (select period from period)
    group by child_id, birth_school_year
    qualify row_number() over (partition by child_id order by birth_school_year) = 1
)
select
    child_id,
    period,
    coalesce(weight < 2500, false) as numerator,
    case when weight is null then 'Birth weight unknown' end as excluded
from birth
