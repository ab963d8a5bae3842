-- Coverage: one row a resource. `type.code` is the ActCode of the kind of coverage (PUBLICPOL, MCPOL), or its first code.
with shaped as (
    select row, json_transform(line, '{
        "resourceType": "VARCHAR", "id": "VARCHAR", "status": "VARCHAR", "subscriberId": "VARCHAR",
        "type": {"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]},
        "beneficiary": {"reference": "VARCHAR"}, "relationship": {"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]},
        "period": {"start": "VARCHAR", "end": "VARCHAR"}
    }') as r
    from lines
)
select
    row,
    r.resourceType as "resourceType",
    r.id as "id",
    id_of(r.beneficiary.reference, 'Patient') as "beneficiary",
    r.status as "status",
    code_in_or_first(r.type.coding, ['http://terminology.hl7.org/CodeSystem/v3-ActCode']) as "type.code",
    code_in_or_first(r.relationship.coding, ['http://terminology.hl7.org/CodeSystem/subscriber-relationship']) as "relationship",
    r.period.start as "period.start",
    r.period.end as "period.end",
    r.subscriberId as "subscriberId",
    coalesce(r.status = 'entered-in-error', false) as "__withdrawn"
from shaped
