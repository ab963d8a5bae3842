"""What a night makes, in the order it flows: extracts, links, spine, outcomes, release.

Dagster assets here are thin calls into functions beside them, which can be run and tested without Dagster.
May import `linkage`, `consent` and `mou_policies`; never `pipelines`.
"""
