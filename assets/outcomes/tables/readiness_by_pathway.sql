-- table: readiness_by_pathway
-- version: 1
-- title: Ready for kindergarten by birth and preschool
-- grain: one row a period, tool and version, birth pathway and preschool pathway, with 'All' for either
-- definition: Kindergarten readiness (version 1) by whether the child was born preterm or below 2,500 g and by
--   enrolment in a preschool program in the year before.
-- source: project choice
-- uses: kindergarten_readiness, program_year, child_key
-- may read: birth.births.{birth_weight_g gestation_weeks}
-- shows: period = kindergarten_readiness.period; tool = kindergarten_readiness.variant; birth =
--   birth.births.{birth_weight_g gestation_weeks}; preschool = words
with counted as (
    select child_id, child_key, period, variant as tool, numerator
    from kindergarten_readiness
    join child_key using (child_id)
    where excluded is null
),
born as (
    select
        child_id,
        bool_or(birth_weight_g between 227 and 2499) or bool_or(gestation_weeks between 17 and 36) as small_or_early,
        bool_or(birth_weight_g between 227 and 8165) and bool_or(gestation_weeks between 17 and 47) as known
    from birth__births
    group by child_id
),
preschool as (
    select distinct program_year.child_id, period.period
    from program_year
    join period on period.previous = program_year.period
    where program_year.program = 'Preschool'
),
placed as (
    select
        counted.period,
        counted.tool,
        counted.numerator,
        counted.child_key,
        case
            when born.small_or_early then 'Preterm or low birth weight'
            when born.known then 'Term and normal weight'
            else 'Birth not known'
        end as birth,
        case when preschool.child_id is not null then 'Preschool' else 'No preschool known' end as preschool
    from counted
    left join born on born.child_id = counted.child_id
    left join preschool on preschool.child_id = counted.child_id and preschool.period = counted.period
)
select
    period,
    tool,
    coalesce(birth, 'All') as birth,
    coalesce(preschool, 'All') as preschool,
    count(*) filter (numerator) as ready,
    count(*) as children,
    bit_xor(child_key) filter (numerator) as ready__key,
    bit_xor(child_key) as children__key
from placed
group by grouping sets ((period, tool), (period, tool, birth), (period, tool, preschool), (period, tool, birth, preschool))
