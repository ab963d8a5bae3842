"""Who is the same child: keys, tokens, the Splink model, one-to-one resolution, the child-ID ledger.

May import: the standard library and third-party packages, never another room and never Dagster.
Does not belong here: agreements, consent, content columns, or anything that reads or writes an agency file.
"""
