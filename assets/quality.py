"""Linkage quality of a night by source and subgroup, for the table `linkage_quality`, and what its page shows.

Here is only where subgroups come from: what the spine holds of each child. How quality is estimated is
`linkage.quality`, what is asked of reviewers `linkage.review_queue`; what may be published is `assets.release`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.metadata import with_tables
from assets.night import Night
from linkage.evidence import evidence_store
from linkage.explain import pair_bars
from linkage.ledger import Ledger
from linkage.model import Model, load_model
from linkage.quality import linkage_quality
from linkage.review import DecisionLog
from linkage.review_queue import questions, review_metadata
from mou_policies.policy import Policy

_SUBGROUPS = """
    with area as (
        select child_id, min(zip3)::varchar as zip3
        from {area}
        group by child_id
    ),
    multiple as (
        select child_id, max(try_cast(plurality as double)) > 1 as is_multiple
        from {twins}
        group by child_id
    ),
    labelled as (
        unpivot (
            select
                child.child_id,
                'race_ethnicity: ' || race_ethnicity as race_ethnicity,
                'sex: ' || sex as sex,
                'born: ' || birth_school_year as born,
                'area: ' || area.zip3 as area,
                case is_multiple when true then 'twins: yes' when false then 'twins: no' end as twins
            from spine.child as child
            left join area using (child_id)
            left join multiple using (child_id)
        )
        on race_ethnicity, sex, born, area, twins
        into name label value subgroup
    )
    select ledger.record_key, labelled.subgroup
    from record_child as ledger
    join labelled using (child_id)
"""
_NOBODY = "(select null::varchar as child_id, null as {column} where false)"
OF_BIRTH = {"area": "zip3", "twins": "plurality"}
"""Subgroups that only the birth record tells: where the family lived, coarse, and whether it was one of several."""

_SHOWN = 5
"""How many open questions the page explains."""

_PAIR_COLUMNS = ("source", "other_source", "linked", "precision_estimate", "recall_estimate", "recall_low")


def night_quality(night: Night) -> pa.Table | None:
    """Return the quality of each source and subgroup as of the night, None where nothing has been linked yet.

    No pairs of sources and no consents; a release publishes the columns it names, no others. Subgroups are those that
    the agreements in force let into published aggregates.
    """
    if not (night.paths.ledger.exists() and night.paths.spine.exists()):
        return None
    record_child = Ledger(night.paths.ledger, night.keys).record_child()
    subgroups = subgroups_of(night.paths.spine, record_child, night.policy)
    found = _quality(night, record_child, subgroups)
    return found.filter(pc.is_null(found.column("other_source")))


def subgroups_of(spine: Path, record_child: pa.Table, published_by: Policy | None = None) -> pa.Table:
    """Return the subgroups of every record: record_key, subgroup; a record has as many rows as it has subgroups.

    Race and ethnicity, sex, school year of birth, area of residence at birth (three digits of the ZIP code), twins. The
    spine holds what the agreements grant the hub; for a table that is published give the policy in force, and what it
    does not let into published aggregates is left out. Small groups are the business of disclosure control.
    """
    with duckdb.connect() as con:
        con.register("record_child", record_child)
        con.execute("attach '{}' as spine (read_only)".format(str(spine).replace("'", "''")))
        held = con.sql(
            "select column_name from duckdb_columns() where database_name = 'spine' and table_name = 'c_birth__births'"
        ).fetchall()
        told = {
            name: "spine.c_birth__births"
            if (column,) in held and (published_by is None or published_by.publishable("birth", "births", column))
            else _NOBODY.format(column=column)
            for name, column in OF_BIRTH.items()
        }
        return con.sql(_SUBGROUPS.format(**told)).to_arrow_table()


def quality_metadata(night: Night) -> dict[str, Any]:
    """Return what the page of the links shows: the review queue in counts, why of its first, how two sources link.

    Counts and shares of whole sources, and the waterfalls of the first questions, which name no record.
    """
    evidence, threshold = _evidence(night), _threshold(night)
    record_child = Ledger(night.paths.ledger, night.keys).record_child()
    standing = DecisionLog(night.paths.decisions, night.keys).standing()
    shown = review_metadata(evidence, record_child, standing, threshold)
    asked = questions(evidence, record_child, standing, threshold)[:_SHOWN]
    model, records = _model(night), record_child.num_rows
    shown["first questions"] = [
        {
            "number": one.number,
            "sources": " - ".join(sorted(record[0] for record in one.pair)),
            "bits": f"{one.row['weight']:+.1f}",
            "now": one.row["outcome"],
            "why": ", ".join(f"{b.comparison} {b.level} {b.bits:+.1f}" for b in pair_bars(one.row, model, records)),
        }
        for one in asked
        if one.row
    ]
    rows = _quality(night, record_child, None)
    pairs = rows.filter(pc.is_valid(rows.column("other_source"))).to_pylist()
    shown["quality by source pair"] = [
        {name: _cell(row[name]) for name in _PAIR_COLUMNS} for row in pairs if row["linked"]
    ]
    return with_tables(shown)


def _quality(night: Night, record_child: pa.Table, subgroups: pa.Table | None) -> pa.Table:
    single = [source.source for source in night.policy.sources.values() if source.one_record_a_child]
    found = linkage_quality(record_child, _evidence(night), subgroups, _model(night), _threshold(night), single)
    # How many families sent a form, and how they link, is nobody's business outside the hub.
    forms = pa.array([s.source for s in night.policy.sources.values() if s.kind == "consent"], pa.string())
    about = [pc.is_in(found.column(name), forms) for name in ("source", "other_source")]
    return found.filter(pc.invert(pc.or_(*about)))


def _evidence(night: Night) -> dict[str, pa.Table]:
    return evidence_store(night.paths.evidence, night.keys).read()


def _model(night: Night) -> Model:
    return load_model(night.settings.model, night.paths.models)


def _threshold(night: Night) -> float:
    return night.settings.threshold_bits or 0.0


def _cell(value: Any) -> str:
    return "–" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
