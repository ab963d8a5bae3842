-- Observation: one row a resource, what was observed by its LOINC code. The time is effectiveDateTime, or where there
-- is none the instant or the start of the period. A comparator (`<`) is a column of its own: `< 1.0` is not 1.0.
with shaped as (
    select row, json_transform(line, '{
        "resourceType": "VARCHAR", "id": "VARCHAR", "status": "VARCHAR",
        "code": {"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]}, "subject": {"reference": "VARCHAR"},
        "effectiveDateTime": "VARCHAR", "effectiveInstant": "VARCHAR", "effectivePeriod": {"start": "VARCHAR"},
        "valueQuantity": {"value": "VARCHAR", "unit": "VARCHAR", "code": "VARCHAR", "comparator": "VARCHAR"},
        "valueCodeableConcept": {"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]}
    }') as r
    from lines
)
select
    row,
    r.resourceType as "resourceType",
    r.id as "id",
    id_of(r.subject.reference, 'Patient') as "subject",
    r.status as "status",
    code_in(r.code.coding, ['http://loinc.org']) as "code.loinc",
    coalesce(r.effectiveDateTime, r.effectiveInstant, r.effectivePeriod.start) as "effectiveDateTime",
    r.valueQuantity.value as "valueQuantity.value",
    coalesce(r.valueQuantity.unit, r.valueQuantity.code) as "valueQuantity.unit",
    r.valueQuantity.comparator as "valueQuantity.comparator",
    code_in_or_first(r.valueCodeableConcept.coding, ['http://snomed.info/sct']) as "valueCodeableConcept.code",
    coalesce(r.status = 'entered-in-error', false) as "__withdrawn"
from shaped
