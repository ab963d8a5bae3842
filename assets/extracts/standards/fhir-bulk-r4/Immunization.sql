-- Immunization: one row a resource, the vaccine by its CVX code.
with shaped as (
    select row, json_transform(line, '{
        "resourceType": "VARCHAR", "id": "VARCHAR", "status": "VARCHAR", "occurrenceDateTime": "VARCHAR",
        "primarySource": "VARCHAR", "lotNumber": "VARCHAR",
        "patient": {"reference": "VARCHAR"},
        "vaccineCode": {"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]}
    }') as r
    from lines
)
select
    row,
    r.resourceType as "resourceType",
    r.id as "id",
    id_of(r.patient.reference, 'Patient') as "patient",
    r.status as "status",
    code_in(r.vaccineCode.coding, ['http://hl7.org/fhir/sid/cvx', 'urn:oid:2.16.840.1.113883.12.292']) as "vaccineCode.cvx",
    r.occurrenceDateTime as "occurrenceDateTime",
    r.primarySource as "primarySource",
    r.lotNumber as "lotNumber",
    coalesce(r.status = 'entered-in-error', false) as "__withdrawn"
from shaped
