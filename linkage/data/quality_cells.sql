-- Counts of linked and missing pairs by source, other source (null: any other) and subgroup.
-- Reads: records (record, source, child), links (every linked pair, both ways), refused (two children that may be one),
-- labels (record, subgroup). Grain of the result: one row a source, other source and subgroup.
with missing as (
    select one.record, one.source, other.source as other_source, missed, least, most
    from (
        select left_child as mine, right_child as theirs, missed, least, most from refused
        union all select right_child, left_child, missed, least, most from refused
    ) as seen
    join records as one on one.child = seen.mine
    join records as other on other.child = seen.theirs
),
pairs as (
    select record, source, other_source, 1 as linked, wrong, hard, 0 as missed, 0 as least, 0 as most from links
    union all
    select record, source, other_source, 0, 0, 0, missed, least, most from missing
),
held as (
    select
        record, source, other_source, max(linked) as linked, sum(linked) as pairs, sum(wrong) as wrong,
        sum(hard) as hard, sum(missed) as missed, sum(least) as least, sum(most) as most
    from pairs group by record, source, other_source
),
every_pair as (
    select record, source, other_source, linked, pairs, wrong, hard, missed, least, most from held
    union all
    select
        record, source, null, max(linked), sum(pairs), sum(wrong), sum(hard), sum(missed), sum(least), sum(most)
    from held where other_source <> source group by record, source
),
labelled as (
    select record, $everyone as subgroup from records
    union all select record, subgroup from labels where subgroup is not null
),
asked as (
    select records.source, other_source, subgroup, count(*) as records
    from records join labelled using (record)
    join (select distinct source, other_source from every_pair union select distinct source, null from records)
        as cells on cells.source = records.source
    group by all
),
summed as (
    select
        source, other_source, subgroup, sum(linked)::bigint as linked, sum(pairs) as pairs, sum(wrong) as wrong,
        sum(hard) as hard, sum(missed) as missed, sum(least) as least, sum(most) as most
    from every_pair join labelled using (record)
    group by all
)
select
    asked.source, asked.other_source, asked.subgroup, asked.records,
    coalesce(linked, 0) as linked, coalesce(pairs, 0)::double as pairs, coalesce(wrong, 0)::double as wrong,
    coalesce(hard, 0)::double as hard, coalesce(missed, 0)::double as missed, coalesce(least, 0)::double as least,
    coalesce(most, 0)::double as most
from asked
left join summed on summed.source = asked.source and summed.subgroup = asked.subgroup
    and summed.other_source is not distinct from asked.other_source
order by asked.source, asked.other_source nulls first, asked.subgroup
