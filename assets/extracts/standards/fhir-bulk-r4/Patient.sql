-- Patient (US Core): one row a resource. Of several names the official one is taken, then the usual one, never a
-- maiden or old one where there is another. Further given names are the middle name. The mother is the contact whose
-- relationship is MTH (v3-RoleCode), or says so in words.
with shaped as (
    select row, json_transform(line, '{
        "resourceType": "VARCHAR", "id": "VARCHAR", "birthDate": "VARCHAR", "gender": "VARCHAR",
        "deceasedDateTime": "VARCHAR", "deceasedBoolean": "VARCHAR",
        "multipleBirthInteger": "VARCHAR", "multipleBirthBoolean": "VARCHAR",
        "name": [{"use": "VARCHAR", "family": "VARCHAR", "given": ["VARCHAR"], "suffix": ["VARCHAR"], "text": "VARCHAR"}],
        "address": [{"use": "VARCHAR", "line": ["VARCHAR"], "city": "VARCHAR", "state": "VARCHAR", "postalCode": "VARCHAR"}],
        "identifier": [{"system": "VARCHAR", "value": "VARCHAR", "type": {"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]}}],
        "extension": [{
            "url": "VARCHAR", "valueString": "VARCHAR", "valueCode": "VARCHAR",
            "extension": [{"url": "VARCHAR", "valueString": "VARCHAR", "valueCoding": {"code": "VARCHAR"}}]
        }],
        "contact": [{
            "relationship": [{"text": "VARCHAR", "coding": [{"system": "VARCHAR", "code": "VARCHAR"}]}],
            "name": {"family": "VARCHAR", "given": ["VARCHAR"]}
        }]
    }') as r
    from lines
),
chosen as (
    select
        row,
        r,
        coalesce(
            list_filter(r.name, lambda n: n.use = 'official')[1],
            list_filter(r.name, lambda n: n.use = 'usual')[1],
            list_filter(r.name, lambda n: n.use is null)[1],
            list_filter(r.name, lambda n: n.use not in ('maiden', 'old', 'nickname'))[1],
            r.name[1]
        ) as name,
        coalesce(
            list_filter(r.address, lambda a: a.use = 'home')[1],
            list_filter(r.address, lambda a: a.use is null)[1],
            list_filter(r.address, lambda a: a.use not in ('old', 'billing'))[1]
        ) as address,
        list_filter(
            r.contact,
            lambda c: len(list_filter(
                c.relationship,
                lambda k: lower(trim(k.text)) = 'mother' or len(list_filter(k.coding, lambda d: d.code in ('MTH', 'NMTH'))) > 0
            )) > 0
        )[1].name as mother
    from shaped
)
select
    row,
    r.resourceType as "resourceType",
    r.id as "id",
    name.given[1] as "name.given",
    nullif(array_to_string(name.given[2:], ' '), '') as "name.middle",
    name.family as "name.family",
    nullif(array_to_string(name.suffix, ' '), '') as "name.suffix",
    name.text as "name.text",
    r.birthDate as "birthDate",
    r.gender as "gender",
    extension_of(r.extension, 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex').valueCode as "extension.birthsex",
    nullif(array_to_string(address.line, ' '), '') as "address.line",
    address.city as "address.city",
    address.state as "address.state",
    address.postalCode as "address.postalCode",
    list_filter(
        r.identifier,
        lambda i: i.system = 'http://hl7.org/fhir/sid/us-ssn' or code_in(i.type.coding, ['http://terminology.hl7.org/CodeSystem/v2-0203']) = 'SS'
    )[1].value as "identifier.ssn",
    list_filter(
        r.identifier,
        lambda i: i.system ilike '%medicaid%' or code_in(i.type.coding, ['http://terminology.hl7.org/CodeSystem/v2-0203']) = 'MA'
    )[1].value as "identifier.medicaid",
    list_filter(
        r.identifier,
        lambda i: code_in(i.type.coding, ['http://terminology.hl7.org/CodeSystem/v2-0203']) = 'MR'
    )[1].value as "identifier.mrn",
    categories_of(extension_of(r.extension, 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race')) as "extension.race",
    categories_of(extension_of(r.extension, 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity')) as "extension.ethnicity",
    mother.given[1] as "mother.given",
    mother.family as "mother.family",
    extension_of(r.extension, 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName').valueString as "mothersMaidenName",
    r.multipleBirthInteger as "multipleBirthInteger",
    r.multipleBirthBoolean as "multipleBirthBoolean",
    r.deceasedDateTime as "deceasedDateTime",
    r.deceasedBoolean as "deceasedBoolean",
    false as "__withdrawn"
from chosen
