"""The room of consent: what families decided, kept for ever, and which rows that takes out of a night.

Here live the append-only ledger of decisions (SQLite or PostgreSQL, with its migrations), the scopes a
decision can have, the rule of precedence and the gate between the child-ID ledger and the spine. It may
import `mou_policies` (vocabulary), never `linkage`, `assets`, `pipelines` or Dagster.
"""
