"""The end of a source: what the hub still holds of it, its destruction, and that it does not come back.

Here live what is held (`held`), what is destroyed and in which order (`destroy`), the certificate as a page (`page`)
and the refusal of a destroyed source (`reload`). When something is due is `mou_policies.retention`; the rows and events
of the registry are `consent.destruction`.
"""
