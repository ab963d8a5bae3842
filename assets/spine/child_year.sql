-- model: child_year
-- grain: one row a child and period in which the city saw the child
-- definition: who counts as the city's child in a period (`city_child`): 0-17 years old on its last day and seen in it
--   by any source: born, enrolled in school, in a program, or with a vaccine or visit at an age that falls in it
--   (nearest year, since the hub keeps no dates). Age is in full years on 30 June: exact from the school year of
--   birth, otherwise from the calendar year, which is a year too low for a child born January to June.
--   Economic status: SNAP, TANF or Medicaid in any month, or homeless by McKinney-Vento or HMIS.
-- unknowns: a child of unknown birth year is no `city_child`; economic status is 'Unknown' in a period that no
--   benefit source covers
-- source: categories of direct certification, 7 CFR 245.6 [V2]; the residence rule is a project choice
-- uses: child, program_year, program_period
-- may read: school.enrollments.{begin_year end_year}
--   health.Immunization.age_days, health.Encounter.age_days
-- shows: period = words; age_band = child.birth_year child.birth_school_year; economic_status = words
with aged as (
    select
        child.child_id,
        period.period,
        period.first_year,
        coalesce(left(child.birth_school_year, 4)::integer, child.birth_year) as birth_first_year
    from child
    cross join period
),
contact as (
    select child_id, age_days from health__immunization
    union all
    select child_id, age_days from health__encounter
),
contacted as (
    select distinct child_id, floor((age_days::integer + 182) / 365.25)::integer as years
    from contact
    where age_days is not null
),
seen as (
    select child_id, period from aged where birth_first_year = first_year
    union
    select aged.child_id, aged.period
    from contacted
    join aged
        on aged.child_id = contacted.child_id and aged.first_year = aged.birth_first_year + contacted.years
    union
    select child_id, period from program_year
    union
    select school__enrollments.child_id, period.period
    from school__enrollments
    join period
        on school__enrollments.begin_year::varchar <= period.period
        and coalesce(school__enrollments.end_year, school__enrollments.begin_year)::varchar >= period.period
),
disadvantaged as (
    select distinct child_id, period
    from program_year
    where program in ('SNAP', 'TANF', 'Medicaid', 'McKinney-Vento', 'HMIS')
),
covered as (
    select distinct period from program_period where program in ('SNAP', 'TANF', 'Medicaid')
)
select
    aged.child_id,
    aged.period,
    aged.first_year - aged.birth_first_year as age,
    coalesce(aged.first_year - aged.birth_first_year between 0 and 17, false) as city_child,
    case
        when age is null or age < 0 then 'Unknown'
        when age < 3 then '0-2'
        when age < 5 then '3-4'
        when age < 11 then '5-10'
        when age < 14 then '11-13'
        when age < 18 then '14-17'
        else '18 or older'
    end as age_band,
    case
        when covered.period is null then 'Unknown'
        when disadvantaged.child_id is not null then 'Disadvantaged'
        else 'Not disadvantaged'
    end as economic_status
from aged
join seen on seen.child_id = aged.child_id and seen.period = aged.period
left join covered on covered.period = aged.period
left join disadvantaged on disadvantaged.child_id = aged.child_id and disadvantaged.period = aged.period
