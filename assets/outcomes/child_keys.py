"""Keys of children, from which a cell's key is made: the same children give the same key, whatever table counts them.

What belongs here: one keyed number for each child of the spine, and how the numbers of a cell's children become one.
What does not: the noise that a release draws from it (`assets.release.modes`).

A child's number is HMAC-SHA256 of the child ID, cut to 64 bits; the key of a set of children is the exclusive or of
theirs. It lies in `outcomes.duckdb` beside the count (`<count>__key`), which never leaves the hub, and in no release.
Source: Fraser and Wooton, A proposed method for confidentialising tabular output to protect against differencing,
UNECE/Eurostat work session on confidentiality, 2005.
"""

# The statement names our own relations only; the key is a parameter.

from __future__ import annotations

import duckdb

from assets.extracts.keyed import pads

RELATION = "child_key"
SUFFIX = "__key"


def add_child_keys(connection: duckdb.DuckDBPyConnection, secret: bytes) -> None:
    """Create `lake.child_key` (child_id, child_key): one 64-bit number for each child of the spine."""
    inner, outer = pads(secret)
    connection.execute("create or replace table memory.lake.child_key (child_id varchar, child_key ubigint)")
    connection.execute(
        """
        insert into memory.lake.child_key
        select
            child_id,
            ('0x' || substr(sha256($outer::blob || unhex(sha256($inner::blob || encode(child_id)))), 1, 16))::ubigint
        from spine.main.spine_member
        """,
        {"outer": outer, "inner": inner},
    )


def cell_key(counted: str) -> str:
    """Return the SQL of the key of the children for whom `counted` holds: null if one has none, 0 for nobody."""
    return (
        f"case when count(*) filter ({counted}) = count(child_key) filter ({counted}) "
        f"then coalesce(bit_xor(child_key) filter ({counted}), 0::ubigint) end"
    )
