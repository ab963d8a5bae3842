-- model: child
-- grain: one row a child of the spine
-- definition: what is known of a child whatever the year, from the source that is closest to the fact.
--   Birth year and sex: birth certificate, then health, school, housing. Race and ethnicity: what the family told
--   the school, then health, housing and child welfare; the mother's on the birth certificate is the last resort.
--   Within one source the value most of its records give, then the first in order.
-- unknowns: 'Unknown' for sex and race_ethnicity, null for years
-- source: race categories of OMB SPD 15 (1997), Hispanic of any race first
-- uses: spine_member
-- may read: birth.births.{birth_year birth_school_year sex mother_hispanic_1 mother_hispanic_2}
--   birth.births.{mother_hispanic_3 mother_hispanic_4}
--   birth.births.{mother_race_white mother_race_black mother_race_aian mother_race_asian}
--   health.Patient.{birth_year birth_school_year sex race ethnicity}
--   school.demographics.{birth_year birth_school_year sex hispanic}
--   school.demographics.{race_white race_black race_asian race_aian race_nhpi}
--   hmis.Client.{birth_year sex hispanic race_white race_black race_asian race_aian race_nhpi}
--   child_welfare.clients.race
-- shows: birth_year = birth.births.birth_year health.Patient.birth_year school.demographics.birth_year
--   hmis.Client.birth_year; birth_school_year = birth.births.birth_school_year health.Patient.birth_school_year
--   school.demographics.birth_school_year; sex = birth.births.sex health.Patient.sex school.demographics.sex
--   hmis.Client.sex; race_ethnicity = birth.births.{mother_hispanic_1 mother_hispanic_2 mother_hispanic_3
--   mother_hispanic_4} birth.births.{mother_race_white mother_race_black mother_race_aian mother_race_asian}
--   health.Patient.{race ethnicity} school.demographics.{hispanic race_white race_black race_asian race_aian
--   race_nhpi} hmis.Client.{hispanic race_white race_black race_asian race_aian race_nhpi} child_welfare.clients.race
with fact as (
    select
        child_id, 1 as precedence,
        birth_year::integer as birth_year, birth_school_year::varchar as birth_school_year, sex::varchar as sex
    from birth__births
    union all
    select child_id, 2, birth_year::integer, birth_school_year::varchar, sex::varchar from health__patient
    union all
    select child_id, 3, birth_year::integer, birth_school_year::varchar, sex::varchar from school__demographics
    union all
    select child_id, 4, birth_year::integer, null, sex::varchar from hmis__client
),
claim as (
    select child_id, precedence, 'birth_year' as attribute, birth_year::varchar as value from fact
    union all
    select child_id, precedence, 'birth_school_year', birth_school_year from fact
    union all
    select
        child_id, precedence, 'sex',
        case
            when lower(sex) in ('m', 'male', '1') then 'Male'
            when lower(sex) in ('f', 'female', '0') then 'Female'
        end
    from fact
),
answer as (
    -- one yes or no for each category, in the words of each source
    select
        child_id, 1 as precedence,
        hispanic::varchar as hispanic, race_white::varchar as white, race_black::varchar as black,
        race_asian::varchar as asian, race_aian::varchar as aian, race_nhpi::varchar as nhpi
    from school__demographics
    union all
    select
        child_id, 2,
        contains(ethnicity::varchar, '2135-2')::varchar,
        contains(race::varchar, '2106-3')::varchar,
        contains(race::varchar, '2054-5')::varchar,
        contains(race::varchar, '2028-9')::varchar,
        contains(race::varchar, '1002-5')::varchar,
        contains(race::varchar, '2076-8')::varchar
    from health__patient
    union all
    select
        child_id, 3, hispanic::varchar, race_white::varchar, race_black::varchar, race_asian::varchar,
        race_aian::varchar, race_nhpi::varchar
    from hmis__client
    union all
    select
        child_id, 4,
        regexp_matches(lower(race::varchar), 'hispanic|latin')::varchar,
        regexp_matches(lower(race::varchar), 'white')::varchar,
        regexp_matches(lower(race::varchar), 'black|african')::varchar,
        regexp_matches(lower(race::varchar), 'asian')::varchar,
        regexp_matches(lower(race::varchar), 'indian|alaska|aian')::varchar,
        regexp_matches(lower(race::varchar), 'hawaiian|pacific|nhpi')::varchar
    from child_welfare__clients
    union all
    select
        child_id, 5,
        case
            when 'H' in (mother_hispanic_1, mother_hispanic_2, mother_hispanic_3, mother_hispanic_4) then 'Y'
        end,
        mother_race_white::varchar, mother_race_black::varchar, mother_race_asian::varchar,
        mother_race_aian::varchar, null
    from birth__births
),
flag as (
    select
        child_id, precedence,
        coalesce(bool_or(lower(hispanic) in ('1', 'y', 'yes', 'true')), false) as hispanic,
        coalesce(bool_or(lower(white) in ('1', 'y', 'yes', 'true')), false) as white,
        coalesce(bool_or(lower(black) in ('1', 'y', 'yes', 'true')), false) as black,
        coalesce(bool_or(lower(asian) in ('1', 'y', 'yes', 'true')), false) as asian,
        coalesce(bool_or(lower(aian) in ('1', 'y', 'yes', 'true')), false) as aian,
        coalesce(bool_or(lower(nhpi) in ('1', 'y', 'yes', 'true')), false) as nhpi
    from answer
    group by child_id, precedence
),
race_claim as (
    select
        child_id, precedence,
        case
            when hispanic then 'Hispanic'
            when white::integer + black::integer + asian::integer + aian::integer + nhpi::integer > 1
                then 'Two or more'
            when white then 'White'
            when black then 'Black'
            when asian then 'Asian'
            when aian then 'AIAN'
            when nhpi then 'NHPI'
        end as value
    from flag
),
counted as (
    select child_id, attribute, precedence, value, count(*) as records
    from claim
    where value is not null
    group by all
    union all
    select child_id, 'race_ethnicity', precedence, value, 1 from race_claim where value is not null
),
chosen as (
    select child_id, attribute, arg_min(value, (precedence, -records, value)) as value
    from counted
    group by child_id, attribute
),
wide as (
    select
        child_id,
        max(value) filter (attribute = 'birth_year')::integer as birth_year,
        max(value) filter (attribute = 'birth_school_year') as birth_school_year,
        max(value) filter (attribute = 'sex') as sex,
        max(value) filter (attribute = 'race_ethnicity') as race_ethnicity
    from chosen
    group by child_id
)
select
    spine_member.child_id,
    wide.birth_year,
    wide.birth_school_year,
    coalesce(wide.sex, 'Unknown') as sex,
    coalesce(wide.race_ethnicity, 'Unknown') as race_ethnicity
from spine_member
left join wide using (child_id)
