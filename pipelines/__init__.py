"""How Cradlepath runs: definitions, jobs, schedules, sensors, resources, workspace settings, the CLI, the demo city.

The only door in: may import every other room (`assets`, `linkage`, `consent`, `mou_policies`); none of them may import
this one. What a night makes does not belong here (`assets`), nor how records link, consent or agreements work.
"""
