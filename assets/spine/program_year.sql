-- model: program_year
-- grain: one row a child, period and program with any month in it
-- definition: SNAP, TANF, WIC and Medicaid: months with a benefit. HMIS and out-of-home care: months that any span
--   touches. Preschool: months enrolled. Child welfare: a report in the year or a month in out-of-home care.
--   McKinney-Vento: identified in the school year, without months. Months are distinct, so overlapping spans and
--   duplicate records count once.
-- unknowns: a span without an end is open; a span without a beginning is left out
-- may read: snap.monthly.benefit_month, tanf.monthly.benefit_month, wic.monthly.benefit_month
--   medicaid.monthly.benefit_month
--   hmis.Enrollment.entry_month, hmis.Exit.exit_month
--   attendance.mckinney_vento.school_year
--   child_welfare.reports.report_year, child_welfare.placements.{start_month end_month}
--   preschool.enrolments.{start_month end_month}
-- joins by: hmis.Enrollment.enrollment, hmis.Exit.enrollment
-- shows: period = attendance.mckinney_vento.school_year child_welfare.reports.report_year; program = words
with benefit as (
    select child_id, 'SNAP' as program, benefit_month::varchar as month from snap__monthly
    union all
    select child_id, 'TANF', benefit_month::varchar from tanf__monthly
    union all
    select child_id, 'WIC', benefit_month::varchar from wic__monthly
    union all
    select child_id, 'Medicaid', benefit_month::varchar from medicaid__monthly
),
exit as (
    select enrollment, max(exit_month::varchar) as exit_month from hmis__exit group by enrollment
),
span as (
    select
        child_id, 'HMIS' as program, entry_month::varchar as first_month, exit.exit_month as last_month
    from hmis__enrollment
    left join exit on exit.enrollment = hmis__enrollment.enrollment
    union all
    select child_id, 'Child welfare', start_month::varchar, end_month::varchar from child_welfare__placements
    union all
    select child_id, 'Preschool', start_month::varchar, end_month::varchar from preschool__enrolments
),
in_month as (
    select child_id, program, period_month.period, period_month.month
    from benefit
    join period_month using (month)
    union
    select span.child_id, span.program, period_month.period, period_month.month
    from span
    join period_month
        on period_month.month between span.first_month and coalesce(span.last_month, '9999-12')
),
in_year as (
    select child_id, program, period, month from in_month
    union
    select child_id, 'McKinney-Vento', school_year::varchar, null from attendance__mckinney_vento
    union
    select child_id, 'Child welfare', report_year::varchar, null from child_welfare__reports
)
select child_id, period, program, count(month)::integer as months
from in_year
where period in (select period from period_month)
group by child_id, period, program
