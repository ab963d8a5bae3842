"""Which columns of the agreements the hub's code reads, and which columns came: minimum necessary is judged by these.

The comparison itself is `mou_policies.usage`. Names of columns only; no store of content is opened.
"""

from __future__ import annotations

from pathlib import Path

from assets.extracts.references import references_of
from assets.extracts.report import columns_of_late
from assets.outcomes.cells import ATTRIBUTES
from assets.outcomes.definitions import lineage, linked_tables, measures
from assets.quality import OF_BIRTH
from assets.spine.build import models
from assets.spine.consents import columns_read
from linkage.atoms import READ
from linkage.identifiers import LINK_CLASSES
from mou_policies.policy import Policy
from mou_policies.usage import Reads, Seen


def reads(policy: Policy) -> Reads:
    """Return what of the policy's columns is read: by SQL, consents, the load, linking and the quality of links."""
    outcomes = [item.file for item in (*measures(), *linked_tables())]
    shown = [*outcomes, *(file for file in models() if file.name in ATTRIBUTES)]
    kept = {(c.source, c.table, c.column) for file in (*models(), *outcomes) for c in file.columns}
    forms = {
        (name, table, column)
        for name, source in policy.sources.items()
        if source.kind == "consent"
        for table, column in columns_read(source)
    }
    published = {(c.source, c.table, c.column) for file in shown for c in lineage(file)}
    linked = {cls for cls, identifier in LINK_CLASSES.items() if identifier in READ}
    loaded = {
        (name, table, column)
        for name, source in policy.sources.items()
        for r in references_of(source)
        for table, column in ((r.table, r.column), (r.target, r.target_column))
    }
    judged = {("birth", "births", column) for column in OF_BIRTH.values()}
    return Reads(frozenset(kept | forms | judged), frozenset(published), frozenset(linked), frozenset(loaded))


def seen(book: Path) -> Seen:
    """Return what the book of nights says of the columns of each table when it came last."""
    names = {
        which: frozenset((c.source, c.table, c.column) for c in columns_of_late(book, which))
        for which in ("unread_columns", "absent_columns")
    }
    return Seen(names["unread_columns"], names["absent_columns"])
