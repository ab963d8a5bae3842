"""What the gate is told about the night: what its release would use, years of birth, what children were before.

What belongs here: turning policy, content and child-ID ledger into what `consent` asks for. What does not: deciding
(`consent.decisions`), taking out and counting (`gate`).
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assets.night import Night
from assets.spine.declared import snake
from consent.questions import Question
from mou_policies.agreement import RECIPIENT
from mou_policies.optin import opt_in_sources
from mou_policies.policy import Policy

BIRTH = "birth.date"


def namespaces(policy: Policy) -> dict[str, str]:
    """Return, for every content source in force, the source whose record keys it uses."""
    return {name: source.records_of or name for name, source in policy.sources.items() if source.kind == "records"}


def night_questions(policy: Policy) -> list[Question]:
    """Return what the night asks of decisions: every class a source holds, for each licence's purposes and recipient.

    Where no licence is in force, purpose and recipient stay open; a source that holds no class is asked about as such.
    """
    uses: list[tuple[str | None, str | None]] = [
        (purpose, party.agency)
        for licence in policy.licence.licences
        for purpose in sorted(licence.purposes)
        for party in licence.parties
        if party.role == RECIPIENT
    ] or [(None, None)]
    opt_in = opt_in_sources(policy)
    found: list[Question] = []
    for name, source in policy.sources.items():
        if source.kind == "records":
            classes = sorted({field.cls for table in source.tables.values() for field in table.content_fields})
            held: list[str | None] = [*classes] or [None]
            asking = opt_in.get(name, {})
            found += [
                Question(name, cls, purpose, recipient, cls in asking, asking.get(str(cls), ()))
                for cls in held
                for purpose, recipient in uses
            ]
    return found


def find_birth_years(connection: duckdb.DuckDBPyConnection, policy: Policy, spaces: dict[str, str]) -> None:
    """Create `birth_year(child_id, birth_year)` from every content column that is a date of birth kept as its year."""
    connection.execute("create or replace temp table birth_year (child_id varchar, birth_year integer)")
    held = set(
        connection.execute(
            "select table_name, column_name from duckdb_columns() where database_name = 'content'"
        ).fetchall()
    )
    for source, namespace in spaces.items():
        for table in policy.sources[source].tables.values():
            name = f"{source}__{snake(table.table)}"
            for field in table.content_fields:
                is_year = field.cls == BIRTH and field.treatment.unit == "year"
                if is_year and {(name, field.name), (name, "record_key")} <= held:
                    connection.execute(
                        f"""
                        insert into birth_year
                        select distinct link.child_id, c."{field.name}"
                        from content.main.{name} as c
                        join record_child as link on link.source = $namespace and link.record_key = c.record_key
                        where c."{field.name}" is not null
                        """,
                        {"namespace": namespace},
                    )


def find_former_children(connection: duckdb.DuckDBPyConnection, night: Night, form_sources: Sequence[str]) -> None:
    """Register `child_now`, `child_part` and `child_part_record` (`consent.subjects`) from the child-ID ledger."""
    former = night.former_children(form_sources)
    for name, table in (("child_now", former.now), ("child_part", former.parts), ("child_part_record", former.records)):
        connection.register(name, table)
