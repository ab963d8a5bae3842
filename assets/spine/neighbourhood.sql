-- model: neighbourhood
-- grain: one row a school that lies in a neighbourhood
-- definition: the organisation of type local that a school's record names as the one it belongs to, as the district
--   draws it tonight: a neighbourhood or a network of schools. Released periods keep the one of their first release.
-- unknowns: a school that names none lies in none; neither does a name that schools of two neighbourhoods share
-- source: OneRoster 1.1, orgs.csv: parentSourcedId and type local [M]
-- joins by: school.orgs.{school part_of}
-- may read: school.orgs.{name type}
-- shows: place = school.orgs.name; whole = school.orgs.name
with place as (
    select school, min(name::varchar) as name, any_value(part_of::varchar) as part_of from school__orgs group by school
),
local as (
    select school, min(name::varchar) as name from school__orgs where lower(type) = 'local' group by school
)
select place.name as place, min(local.name) as whole
from place
left join local on local.school = place.part_of
where place.name is not null and place.school not in (select school from local)
group by place.name
having count(distinct coalesce(local.name, '')) = 1 and min(local.name) is not null
