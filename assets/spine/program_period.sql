-- model: program_period
-- grain: one row a program and period that its data cover
-- definition: where a count of zero means that nobody took part, and not that nobody sent a file. A monthly benefit
--   covers a period when its months reach from the first to the last of it; spans of HMIS and preschool when one
--   began by its end; McKinney-Vento and child welfare when any child is reported in it.
-- unknowns: none
-- may read: snap.monthly.benefit_month, tanf.monthly.benefit_month, wic.monthly.benefit_month
--   medicaid.monthly.benefit_month, hmis.Enrollment.entry_month, preschool.enrolments.start_month
--   attendance.mckinney_vento.school_year, child_welfare.reports.report_year
with bound as (
    select period, min(month) as first_month, max(month) as last_month from period_month group by period
),
benefit as (
    select 'SNAP' as program, min(benefit_month::varchar) as first_month, max(benefit_month::varchar) as last_month
    from snap__monthly
    union all
    select 'TANF', min(benefit_month::varchar), max(benefit_month::varchar) from tanf__monthly
    union all
    select 'WIC', min(benefit_month::varchar), max(benefit_month::varchar) from wic__monthly
    union all
    select 'Medicaid', min(benefit_month::varchar), max(benefit_month::varchar) from medicaid__monthly
),
begun as (
    select 'HMIS' as program, min(entry_month::varchar) as first_month from hmis__enrollment
    union all
    select 'Preschool', min(start_month::varchar) from preschool__enrolments
)
select benefit.program, bound.period
from benefit
join bound on benefit.first_month <= bound.first_month and benefit.last_month >= bound.last_month
union
select begun.program, bound.period
from begun
join bound on begun.first_month <= bound.last_month
union
select 'McKinney-Vento', school_year::varchar
from attendance__mckinney_vento
where school_year in (select period from bound)
union
select 'Child welfare', report_year::varchar
from child_welfare__reports
where report_year in (select period from bound)
