-- table: no_well_child_visit
-- version: 1
-- title: No well-child visit on record
-- definition: The child is known to the health exchange, and no well-child visit is, at any age; visits entered in error,
--   planned or cancelled are none.
-- source: NCQA HEDIS, Well-Child Visits [M]; SNOMED CT 410620009
-- reads: health.Encounter.{status type_code}, health.Patient.birth_year
with visit as (
    select child_id
    from health__encounter
    where
        type_code = '410620009'
        and coalesce(lower(status), 'finished') not in ('cancelled', 'entered-in-error', 'planned')
)
select distinct child_id, child_id not in (select child_id from visit) as flag
from health__patient
