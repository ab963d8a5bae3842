"""Files of rows, one a child and year under a random id, for a licence that allows records.

What belongs here: what a licence asks for and may have (`request`), the rows themselves (`source`), how coarse their
quasi-identifiers must be (`hierarchies`, `lattice`, `classes`, `opening`), the file (`form`, `releasing`), and the
attacker's look at it (`knowledge`, `check`), which shares only `form` with the rest. What does not: tables of counts.
"""
