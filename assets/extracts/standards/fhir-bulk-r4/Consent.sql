-- Consent: one row a resource; lists of codes are joined by `;`. `performer` holds the kinds of who agreed, no ids, and
-- `provision.actor` the ids of organisations (`?` stands for any other actor). `provision.unread` names the elements that
-- narrow the provision further and are not read here. A consent entered in error is no withdrawal of the row: that it
-- does not stand is a decision like another.
with shaped as (
    select row, json_transform(line, '{
        "resourceType": "VARCHAR", "id": "VARCHAR", "status": "VARCHAR", "dateTime": "VARCHAR",
        "patient": {"reference": "VARCHAR"}, "performer": [{"reference": "VARCHAR"}],
        "organization": [{"reference": "VARCHAR"}],
        "scope": {"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]},
        "category": [{"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]}],
        "policyRule": {"coding": [{"system": "VARCHAR", "code": "VARCHAR"}]},
        "provision": {
            "type": "VARCHAR", "period": {"start": "VARCHAR", "end": "VARCHAR"},
            "actor": [{"reference": {"reference": "VARCHAR"}}],
            "purpose": [{"code": "VARCHAR"}], "class": [{"code": "VARCHAR"}],
            "action": "JSON", "securityLabel": "JSON", "code": "JSON", "data": "JSON", "dataPeriod": "JSON", "provision": "JSON"
        }
    }') as r
    from lines
)
select
    row,
    r.resourceType as "resourceType",
    r.id as "id",
    id_of(r.patient.reference, 'Patient') as "patient",
    r.status as "status",
    code_in_or_first(r.scope.coding, ['http://terminology.hl7.org/CodeSystem/consentscope']) as "scope.code",
    words_of(list_transform(flatten(list_transform(r.category, lambda c: c.coding)), lambda c: c.code)) as "category.code",
    words_of(list_transform(r.policyRule.coding, lambda c: c.code)) as "policyRule.code",
    r.dateTime as "dateTime",
    words_of(list_transform(
        r.performer, lambda p: nullif(regexp_extract(p.reference, '(?:^|/)([A-Z][A-Za-z]+)/[^/?#]+$', 1), '')
    )) as "performer",
    words_of(list_transform(r.organization, lambda o: id_of(o.reference, 'Organization'))) as "organization",
    r.provision.type as "provision.type",
    r.provision.period.start as "provision.period.start",
    r.provision.period.end as "provision.period.end",
    words_of(list_transform(r.provision.purpose, lambda c: c.code)) as "provision.purpose",
    words_of(list_transform(r.provision.class, lambda c: c.code)) as "provision.class",
    words_of(list_transform(
        r.provision.actor, lambda a: coalesce(id_of(a.reference.reference, 'Organization'), '?')
    )) as "provision.actor",
    words_of([
        case when r.provision.action is not null then 'action' end,
        case when r.provision.securityLabel is not null then 'securityLabel' end,
        case when r.provision.code is not null then 'code' end,
        case when r.provision.data is not null then 'data' end,
        case when r.provision.dataPeriod is not null then 'dataPeriod' end,
        case when r.provision.provision is not null then 'provision' end
    ]) as "provision.unread",
    false as "__withdrawn"
from shaped
