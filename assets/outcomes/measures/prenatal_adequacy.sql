-- measure: prenatal_adequacy
-- version: 1
-- area: health
-- title: Adequate prenatal care
-- grain: one row a child born in the period
-- definition: Adequacy of Prenatal Care Utilization Index: care begun by the fourth month and at least 80 % of the
--   visits expected from then to birth. Expected visits follow the schedule of one visit every four weeks to week
--   28, every two weeks to week 36 and weekly after it (14 at 40 weeks), counted from the week care began to the
--   week of birth, so they adjust for a late start and an early birth.
-- numerator: adequate or more than adequate care
-- denominator: births with known visits, gestation and, if there were visits, start of care
-- unknowns: 99 visits, gestation outside 17-47 weeks, start of care unknown: left out and counted
-- periods: births from 1 July to 30 June
-- direction: higher
-- source: Kotelchuck, American Journal of Public Health 84 (1994) 1414-1420 [M]
-- lookups: prenatal_schedule
-- reads: birth.births.{birth_school_year gestation_weeks prenatal_visits prenatal_start_age_days}
-- shows: period = birth.births.birth_school_year; excluded = words
with birth as (
    select
        child_id,
        birth_school_year as period,
        case when gestation_weeks between 17 and 47 then gestation_weeks::integer end as weeks,
        case when prenatal_visits between 0 and 98 then prenatal_visits end as visits,
        prenatal_start_age_days as start_age_days
    from birth__births
    where birth_school_year in (select period from period)
    qualify row_number() over (
        partition by child_id
        order by birth_school_year, gestation_weeks, prenatal_visits, prenatal_start_age_days
    ) = 1
),
started as (
    select *, case when start_age_days <= 0 then greatest(weeks * 7 + start_age_days, 0) end as start_day
    from birth
),
expected as (
    select
        started.child_id,
        count(schedule.week) filter (
            schedule.week <= started.weeks and schedule.week * 7 >= started.start_day
        ) as visits
    from started
    cross join prenatal_schedule as schedule
    group by started.child_id
),
judged as (
    select
        started.*,
        expected.visits as expected_visits,
        case
            when started.visits is null then 'Visits unknown'
            when started.visits = 0 then null
            when started.weeks is null then 'Gestation unknown'
            when started.start_day is null then 'Start of care unknown'
        end as excluded
    from started
    join expected using (child_id)
)
select
    child_id,
    period,
    excluded is null
        and visits > 0
        and floor(start_day / 30.4375) + 1 <= 4
        and visits * 10 >= expected_visits * 8 as numerator,
    excluded
from judged
