"""Return files: what an agency gets back about its own records, where its licence and the family allow it.

Here live the flags (SQL that names what it reads), the request, the rule of who gets which flag, and the file sealed to
the agency. It may import `linkage`, `consent` and `mou_policies`, never `pipelines`.
"""
