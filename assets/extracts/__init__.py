"""From an agency's files to tokens and treated rows: read, check, split, tokenise, store, one asset a source.

Raw values live here in memory only; what leaves is tokens (vault), treated content, and counts.
May import `linkage` and `mou_policies`; never `pipelines`, nor any later room of `assets`.
"""
