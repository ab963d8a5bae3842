"""Linkage quality of a night by source and subgroup, for the table `linkage_quality`.

Here is only where subgroups come from: the spine's own attributes of each child. How quality is estimated is
`linkage.quality`; what may be published of it is `assets.release`.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.night import Night
from linkage.quality import linkage_quality

_SUBGROUPS = """
    with labelled as (
        unpivot (
            select
                child_id,
                'race_ethnicity: ' || race_ethnicity as race_ethnicity,
                'sex: ' || sex as sex,
                'born: ' || birth_school_year as born
            from spine.child
        )
        on race_ethnicity, sex, born
        into name label value subgroup
    )
    select ledger.record_key, labelled.subgroup
    from ledger.record_child as ledger
    join labelled using (child_id)
"""


def night_quality(night: Night) -> pa.Table | None:
    """Return the linkage quality as of the night, or None where nothing has been linked yet."""
    if not (night.paths.ledger.exists() and night.paths.spine.exists()):
        return None
    with duckdb.connect() as con:
        con.execute(f"attach '{night.paths.ledger}' as ledger (read_only)")
        con.execute(f"attach '{night.paths.spine}' as spine (read_only)")
        subgroups = con.sql(_SUBGROUPS).to_arrow_table()
    found = linkage_quality(night.paths.ledger, subgroups)
    # How many families sent a form, and how they link, is nobody's business outside the hub.
    forms = [source.source for source in night.policy.sources.values() if source.kind == "consent"]
    return found.filter(pc.invert(pc.is_in(found.column("source"), pa.array(forms, pa.string()))))
