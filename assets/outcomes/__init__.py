"""Measures and linked tables: counts of children over the spine, one SQL file each.

Here live the definitions (`measures/*.sql`, `tables/*.sql`, `data/`), the small runner, the targets, and the
catalogue of what may be published. It imports `assets.spine` and `mou_policies`; no row about one child
leaves it. Disclosure control does not belong here: `assets.release` decides what is shown.
"""
