"""Disclosure control: turns unsuppressed outcomes into a release that gives no child away, and keeps it so.

In flow order: `tables` (what may be published), `system` (one linear system over all counts), `suppress` and `modes`,
`audit`, `publish`, then `query`, `verify` and `log` for those who read. May import `linkage` (keys), `assets.night` and
the pads of keyed hashes from `assets.extracts`. Nothing here computes a measure, and nothing here writes to the stores
that a night loads.
"""
