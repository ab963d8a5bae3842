"""The backup of a workspace: one sealed file, and a workspace made from it again.

Here live the sealed stream (`stream`), what a backup holds and in which order (`archive`), the registry as tables that
either engine takes back (`registry`), taking a backup (`take`), and restoring one with everything that is verified
before it is believed (`restore`, `checks`). The keys are in no backup: they are escrowed apart (docs/keys.md).
"""
