"""Children whom a decision took out of the hub's tables since last night, for the marks on earlier releases.

What belongs here: comparing the new spine with the one it replaces. What does not: who is refused (`consent.gate`),
which releases held a child (`consent.disclosures`).

The new spine keeps the list until the next one replaces it, so that a night run again tells the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from assets.night import Night

_MEMBERS = "insert into member_before select child_id from before.main.spine_member"

_SAME_NIGHT = """
    insert into member_before
    select child_id from before.main.newly_refused
    where (select night from before.main.spine_night) = $night
"""

_NEWLY_REFUSED = """
    create table spine.main.newly_refused as
    -- under the widest scope that refuses the child entirely
    select child_id, arg_min(scope, scope_order) as scope
    from refused_child
    join consent_scope using (scope)
    where child_id in (select child_id from member_before)
    group by child_id
    order by child_id
"""


@dataclass(frozen=True)
class Revoked:
    """Children that were in the spine last night and that one scope takes out entirely tonight."""

    scope: str
    children: int


def note_newly_refused(connection: duckdb.DuckDBPyConnection, night: Night) -> list[Revoked]:
    """Create `newly_refused` (child_id, scope) in the new spine, and return its counts by scope.

    `connection` has `refused_child` (`consent.gate`) and the attached new `spine`; the spine it replaces is still at
    its place.
    """
    connection.execute("create table spine.main.spine_night as select $night::date as night", {"night": night.date})
    connection.execute("create temp table member_before (child_id varchar)")
    if night.paths.spine.exists():
        place = str(night.paths.spine).replace("'", "''")
        connection.execute(f"attach '{place}' as before (read_only)")
        held = connection.execute("select table_name from duckdb_tables() where database_name = 'before'").fetchall()
        for needed, statement, given in (
            ("spine_member", _MEMBERS, {}),
            ("newly_refused", _SAME_NIGHT, {"night": night.date}),
        ):
            if (needed,) in held:
                connection.execute(statement, given)
        connection.execute("detach before")
    connection.execute(_NEWLY_REFUSED)
    found = connection.execute(
        "select scope, count(*) from spine.main.newly_refused group by scope order by scope"
    ).fetchall()
    return [Revoked(*row) for row in found]


def newly_refused(spine: Path) -> list[str]:
    """Return the child IDs that a decision took out of a spine on its night, sorted.

    Earlier releases that held them are marked. Empty where the spine is not there, or older than such lists.
    """
    if not spine.exists():
        return []
    with duckdb.connect(str(spine), read_only=True) as connection:
        held = connection.execute("select 1 from duckdb_tables() where table_name = 'newly_refused'").fetchall()
        if not held:
            return []
        return [row[0] for row in connection.execute("select child_id from newly_refused order by 1").fetchall()]
