"""The signed-in pages of `cradlepath serve`: what a steward, a data lead, an auditor and an administrator may see.

Here live the table of pages (`pages`), the door in front of every one of them (`door`), sessions, and templates that
work without any script. What a page shows is read by the functions the command line uses; who may open it is in
`pipelines/permissions.yaml`. Nothing here changes a workspace but the trail.
"""
