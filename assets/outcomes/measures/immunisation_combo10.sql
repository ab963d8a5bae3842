-- measure: immunisation_combo10
-- version: 1
-- area: health
-- title: Fully vaccinated by the second birthday (Combo 10)
-- grain: one row a child known to the health exchange who turned 2 in the period
-- definition: By the second birthday: 4 DTaP, 3 IPV, 1 MMR, 3 Hib, 3 HepB, 1 VZV, 4 PCV, 1 HepA, 2 or 3 RV, 2 flu.
--   DTaP, IPV, Hib, PCV and RV do not count before day 42; MMR, VZV and HepA count from the first to the second
--   birthday; flu from 6 months (day 180). Doses of one antigen on one day count once, whichever product or
--   record gave them. RV is 2 doses of the two-dose product or 3 of any. The K-entry series is another measure.
-- numerator: every antigen has its doses
-- denominator: children with a record in the health exchange and a known year of birth, born two years before
-- unknowns: only completed vaccinations count; birthdays fall on days 365 and 730, since no date is kept
-- periods: children who turned 2 between 1 July and 30 June
-- direction: higher
-- source: NCQA HEDIS, Childhood Immunization Status, Combination 10 [M]
-- lookups: cvx_antigen, combo10_rule
-- uses: child
-- reads: health.Immunization.{status cvx age_days}, health.Patient.birth_school_year
-- shows: period = child.birth_school_year; excluded = words
with cohort as (
    select child.child_id, period.period
    from child
    join period on left(child.birth_school_year, 4)::integer = period.first_year - 2
    where child.child_id in (select child_id from health__patient)
),
dose as (
    -- one row a child, antigen and day; a product of a two-dose series is marked
    select
        immunization.child_id,
        antigen.antigen,
        immunization.age_days,
        max((antigen.product = 'two-dose')::integer) as two_dose
    from health__immunization as immunization
    join cvx_antigen as antigen on antigen.cvx = ltrim(immunization.cvx, '0')
    join combo10_rule as rule
        on rule.antigen = antigen.antigen
        and immunization.age_days between rule.from_day and rule.to_day
    where lower(immunization.status) = 'completed' and immunization.child_id in (select child_id from cohort)
    group by all
),
counted as (
    select child_id, antigen, count(*) as doses, sum(two_dose) as two_dose_doses
    from dose
    group by child_id, antigen
),
series as (
    select counted.child_id, count(*) as antigens
    from counted
    join combo10_rule as rule using (antigen)
    where counted.doses >= rule.doses or counted.two_dose_doses >= rule.two_dose_doses
    group by counted.child_id
)
select
    cohort.child_id,
    cohort.period,
    coalesce(series.antigens, 0) = (select count(*) from combo10_rule) as numerator,
    null::varchar as excluded
from cohort
left join series using (child_id)
