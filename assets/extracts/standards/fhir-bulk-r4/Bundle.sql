-- Bundle of deletions (Bulk Data `deleted`): one row for every resource of $type that an entry deletes.
with shaped as (
    select row, json_transform(line, '{
        "resourceType": "VARCHAR", "entry": [{"request": {"method": "VARCHAR", "url": "VARCHAR"}}]
    }') as r
    from lines
),
entries as (
    select row, r.resourceType as "resourceType", unnest(r.entry).request as request
    from shaped
)
select row, "resourceType", id_of(request.url, $type) as "id", true as "__withdrawn"
from entries
where upper(request.method) = 'DELETE' and id_of(request.url, $type) is not null
