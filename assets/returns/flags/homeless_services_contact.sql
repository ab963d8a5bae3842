-- table: homeless_services_contact
-- version: 1
-- title: Contact with homeless services this school year
-- definition: The child entered a project of the homeless management information system in a month of the school year.
-- source: HMIS data standards FY2026
-- reads: hmis.Enrollment.entry_month
select distinct child_id, true as flag
from hmis__enrollment
where entry_month in (select month from period_month where period in (select period from period))
