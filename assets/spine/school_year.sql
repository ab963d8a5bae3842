-- model: school_year
-- grain: one row a child and period with any enrolment
-- definition: the school and grade a child belongs to in a period: those of the last day enrolled, so that a mover
--   belongs to one school. The grade is the class's, because a pupil's own grade is today's, not that year's.
-- unknowns: 'Unknown school' where the school has no name, 'Unknown' where the class has no grade
-- uses: school_segment
-- joins by: school.orgs.school, school.classes.class
-- reads: school.orgs.name
-- may read: school.classes.grade
-- shows: period = words; place = school.orgs.name; grade = school.classes.grade
with last_segment as (
    select
        child_id, period,
        arg_max(school, (last_day, first_day, school)) as school,
        arg_max(class, (last_day, first_day, school)) as class,
        count(distinct school) as schools
    from school_segment
    group by child_id, period
),
school_name as (
    select school, min(name) as name from school__orgs group by school
),
class_grade as (
    select class, min(grade::varchar) as grade from school__classes group by class
)
select
    child_id,
    period,
    coalesce(school_name.name, 'Unknown school') as place,
    coalesce(nullif(trim(class_grade.grade), ''), 'Unknown') as grade,
    schools
from last_segment
left join school_name using (school)
left join class_grade using (class)
