"""What children were before a merge or a split, and which ID stands for one that is no longer valid.

A decision of a family was made about a child as it was known then. Reads the ledger's events; writes nothing, and
decides nothing (`consent`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from linkage.ledger import Ledger
from linkage.ledger_events import MERGE, OF_RECORD, SPLIT, WITHDRAW

_CHANGES = """
    create temp table change as
    select batch, kind, child, other, night + 1 as before_night from event where kind in ($merge, $split)
"""

_NOW = """
    create temp table child_now as
    with recursive follow as (
        select other as child, child as now, batch from change where kind = $merge
        union all
        select follow.child, change.child as now, change.batch
        from follow join change on change.kind = $merge and change.other = follow.now and change.batch > follow.batch
    )
    -- an ID that was absorbed and came back stands for itself
    select child, arg_max(now, batch) as now
    from follow
    where child not in (select child from valid)
    group by child
"""

_BEFORE = """
    create temp table before as
    -- whose each record was just before a change
    with span as (
        select
            source, record_key, kind, child, batch,
            lead(batch, 1, 2147483647) over (partition by source, record_key order by batch) as until
        from event
        where kind < $of_record
    ),
    side as (
        select batch, kind, before_night, child as was, child, other from change where kind = $merge
        union all
        select batch, kind, before_night, other as was, child, other from change
    )
    select side.*, span.source, span.record_key
    from side
    join span
        on span.child = side.was and span.batch < side.batch and span.until >= side.batch and span.kind <> $withdraw
"""

_PARTS = """
    create temp table part as
    -- who was there with consent forms alone was no child of the city yet
    with whole as (
        select batch, kind, before_night, was, child, other
        from before
        group by all
        having bool_or(not list_contains($form_sources, source))
    ),
    told as (
        select * from whole
        qualify kind = $split or count(*) over (partition by batch, kind, child, other) = 2
    ),
    stands as (
        select *, child as of_child from told
        union all
        select *, other as of_child from told where kind = $split
    )
    select distinct
        coalesce(child_now.now, of_child) as child, was, batch, batch || '/' || kind || '/' || was as part, before_night
    from stands left join child_now on child_now.child = of_child
"""


@dataclass(frozen=True)
class Former:
    """`now`: child_id and the ID that stands for it; `parts`: child_id, part and the night before which it was that.

    `records`: part, record_key (of any source) and the child_id it had then, one of the two null.
    """

    now: pa.Table
    parts: pa.Table
    records: pa.Table


def former_children(ledger: Ledger, form_sources: Sequence[str]) -> Former:
    """Return what the children of `ledger` were before each merge and split; `form_sources` alone make no child."""
    names = ledger.sources()
    forms = [number for number, name in enumerate(names) if name in form_sources]
    numbers = {"merge": MERGE, "split": SPLIT}
    with duckdb.connect() as con:
        con.register("event", ledger.events())
        con.register("valid", pa.table({"child": np.unique(ledger.state().counter)}))
        con.execute(_CHANGES, numbers)
        con.execute(_NOW, {"merge": MERGE})
        con.execute(_BEFORE, {"merge": MERGE, "of_record": OF_RECORD, "withdraw": WITHDRAW})
        con.execute(_PARTS, {"split": SPLIT, "form_sources": forms})
        now = con.sql("select child, now from child_now order by all").to_arrow_table()
        parts = con.sql("select child, part, before_night from part order by all").to_arrow_table()
        records = con.sql(
            """
            select distinct part, record_key, null::bigint as was
            from part join before using (was, batch)
            union all
            select distinct part, null::blob, was from part
            order by all
            """
        ).to_arrow_table()

    def ids(column: pa.ChunkedArray) -> pa.Array:
        known = column.drop_null().to_numpy()
        text = dict(zip(known.tolist(), ledger.ids.encode(known).tolist() if len(known) else [], strict=True))
        return pa.array([None if one is None else text[one] for one in column.to_pylist()], pa.string())

    return Former(
        pa.table({"child_id": ids(now["child"]), "now": ids(now["now"])}),
        pa.table({"child_id": ids(parts["child"]), "part": parts["part"], "before_night": parts["before_night"]}),
        pa.table({"part": records["part"], "record_key": records["record_key"], "child_id": ids(records["was"])}),
    )
