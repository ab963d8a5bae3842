-- Encounter: one row a resource. `type.code` is the first SNOMED CT code of its types, or their first code.
with shaped as (
    select row, json_transform(line, '{
        "resourceType": "VARCHAR", "id": "VARCHAR", "status": "VARCHAR",
        "class": {"code": "VARCHAR"}, "subject": {"reference": "VARCHAR"},
        "type": [{"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]}],
        "period": {"start": "VARCHAR", "end": "VARCHAR"}
    }') as r
    from lines
)
select
    row,
    r.resourceType as "resourceType",
    r.id as "id",
    id_of(r.subject.reference, 'Patient') as "subject",
    r.status as "status",
    r.class.code as "class",
    code_in_or_first(flatten(list_transform(r.type, lambda t: t.coding)), ['http://snomed.info/sct']) as "type.code",
    r.period.start as "period.start",
    r.period.end as "period.end",
    coalesce(r.status = 'entered-in-error', false) as "__withdrawn"
from shaped
