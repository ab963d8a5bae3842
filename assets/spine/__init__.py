"""The child spine: content of every source under the child's ID, behind the consent gate. Restricted store.

Here live the gate's counting (`gate`), the joined tables and the models made from them (`*.sql`, `build`),
and the way a SQL file says which columns it reads (`declared`). It imports `consent`, `linkage` and
`mou_policies`. Measures and anything that leaves the hub do not belong here.
"""
