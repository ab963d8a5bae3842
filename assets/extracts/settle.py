"""A delivery that was read becomes stored: checked, applied, tokenised, committed to both stores.

Order: checks on what is staged, rows applied, records settled, counts balanced, tokens made, protected records noted;
then the content store commits, then the vault (and the caller writes the book of nights). Whatever fails before the
first commit leaves both stores as they were; a crash between two commits leaves the delivery unrecorded, so it is read
again, and writing by key mends the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from assets.extracts import checks
from assets.extracts.columns import as_record_keys, combined, is_in, key_array
from assets.extracts.cut import Place, birth_format, one_row_a_record
from assets.extracts.nights import QUARANTINE, CheckResult, FileCount, Page, Tokens
from assets.extracts.refusal import SourceRefusedError
from assets.extracts.store import open_content
from assets.extracts.unit import Unit
from assets.night import Night
from linkage.batch import TokenBatch
from linkage.protected import Protected
from linkage.records import key_matrix
from linkage.tokens import digests, encode
from linkage.vault import Vault
from mou_policies.model import SourcePolicy


@dataclass(frozen=True)
class Settled:
    """What one applied delivery adds: its page of the book, its checks, and how many records' tokens changed."""

    page: Page
    checks: tuple[CheckResult, ...]
    tokens_changed: int


def family(night: Night, namespace: str) -> tuple[str, ...]:
    """Return the sources in force whose record ids are those of `namespace`, itself first."""
    others = (s.source for s in night.policy.sources.values() if s.namespace == namespace and s.source != namespace)
    return (namespace, *sorted(others))


def purge_optouts(night: Night, namespace: str) -> int:
    """Remove from both stores what they hold of records that opted out of linkage; return the rows removed."""
    keys = as_record_keys(night.optouts(namespace))
    if len(keys) == 0:
        return 0
    with open_content(night.paths.content) as store:
        store.withhold_records(namespace, keys)
        gone = store.purge_records(family(night, namespace), keys)
        if gone:
            store.commit()
    return gone + Vault(night.paths.vault, night.keys).remove(namespace, keys)


def settle(unit: Unit, night: Night, folder: str) -> Settled:
    """Check and apply a delivery that was read, and commit both stores.

    The book of nights names its files under `folder`. Raises SourceRefusedError when a check stops the source for
    tonight; nothing was then kept.
    """
    source = unit.source
    counts = unit.counts()
    try:
        results = [check.stop_if_failed() for check in _before(unit, counts, night)]
        _apply(unit, counts, night)
        results.append(checks.check_reconciled(list(counts.values())).stop_if_failed())
    except SourceRefusedError as error:
        error.page = replace(_page(unit, counts, folder), counts=[], policy_drops=[])
        raise
    tokens, made = _tokens(unit, night)
    page = replace(_page(unit, counts, folder), tokens=made)
    known = unit.store.known(source.source)
    _protect(unit, night)
    unit.store.commit()
    changed = 0
    if tokens is not None:
        vault = Vault(night.paths.vault, night.keys)
        changed = vault.upsert(source.source, tokens)
        if vault.count(source.source) != len(known):
            vault.keep_only(source.source, known)
    return Settled(page, tuple(results), changed)


def _before(unit: Unit, counts: Mapping[Place, FileCount], night: Night) -> list[checks.Check]:
    """Evaluate what must hold before any row is applied."""
    settings = night.settings
    found = [checks.check_quarantine(counts.values(), settings)]
    unparsed: Counter[tuple[str, str]] = Counter()
    for (_, table), columns in unit.reading.unparsed.items():
        unparsed.update({(table, column): number for column, number in columns.items()})
    rows = {table: unit.store.staged(table) for table in unit.tables}
    found.append(checks.check_legible(unparsed, {table: staged.num_rows for table, staged in rows.items()}, settings))
    known, vanished = unit.store.vanishing(unit.source.source, combined(unit.excluded.records))
    whole = unit.cutting.mode == "full"
    found.append(checks.check_present(known, vanished if whole else 0, settings))
    tables = [(unit.source.tables[name], staged) for name, staged in rows.items()]
    found.append(checks.check_expectations(unit.source.standard, tables, settings))
    return found


def _apply(unit: Unit, counts: Mapping[Place, FileCount], night: Night) -> None:
    """Apply the staged rows, drop what is no longer granted, and remove excluded records wherever they are stored."""
    store, source = unit.store, unit.source
    store.drop_ungranted(source.source, tuple(source.tables))
    for table in unit.tables:
        applied = store.apply(source.source, table, unit.cutting.mode)
        for fate in applied.fates:
            count = counts[unit.reading.files[fate.file], table]
            count.new, count.changed = fate.new, fate.changed
            count.unchanged, count.withdrawn = fate.unchanged, fate.withdrawn
        first = next((count for (_, name), count in counts.items() if name == table), None)
        if first is not None:
            first.absent = applied.absent
    if source.records_of is None:
        store.settle_records(source.source, unit.shape.defining, unit.referring)
        store.note_withheld(source.source, unit.shape.defining, unit.cutting.mode)
        store.purge_records(family(night, source.namespace), combined(unit.excluded.records))


def _protect(unit: Unit, night: Night) -> None:
    """Note whom a flag protects now: before the stores commit, so that a crash never leaves it untold."""
    if unit.source.records_of is None:
        protected = Protected(night.paths.protected, night.keys)
        protected.update(unit.source.namespace, unit.excluded.protected, unit.store.present())


def _tokens(unit: Unit, night: Night) -> tuple[TokenBatch | None, Tokens | None]:
    """Return one row of tokens a record of this delivery, and how many were made; None where it has no identifiers.

    Tokens that an agency made are taken as far as their records exist tonight and nobody's consent withholds them; the
    counts are those of its file.
    """
    if unit.received is not None:
        tokens = unit.received.tokens
        if tokens is None:
            return None, None
        keys = key_array(tokens.keys)
        kept = tokens.take(is_in(keys, unit.store.present()) & ~is_in(keys, unit.optouts))
        return kept, Tokens(len(tokens), tokens.unlinkable)
    parts = unit.reading.identifiers
    if not parts:
        return None, None
    rejected = pa.concat_arrays([combined(r["seq"]) for r in unit.reading.rejected.values()])
    made = _made(one_row_a_record(parts, rejected), unit.source, night)
    return made, Tokens(len(made), made.unlinkable)


def _made(identifiers: pa.Table, source: SourcePolicy, night: Night) -> TokenBatch:
    """Return the tokens of the records that are new or not as they are stored."""
    written = birth_format(source)
    keys, seen = key_matrix(identifiers.column("record_key")), digests(identifiers, night.keys, written)
    changed = Vault(night.paths.vault, night.keys).changed(source.source, keys, seen)
    return encode(identifiers.filter(pa.array(changed)), source.source, night.keys, written)


def _page(unit: Unit, counts: Mapping[Place, FileCount], folder: str) -> Page:
    """Return what the book of nights is to say of this delivery."""
    page = Page(
        files=sorted({folder + file for file, _ in counts}),
        counts=[replace(count, file=folder + count.file) for count in counts.values()],
    )
    unnamed, absent = unit.cutting.unnamed_columns(), unit.cutting.absent_columns()
    for place in counts:
        file, table = folder + place[0], place[1]
        for rows in unit.quarantine(place):
            if rows.num_rows:
                names = [pa.repeat(pa.scalar(text), rows.num_rows) for text in (file, table)]
                page.quarantine.append(pa.table([*names, *rows.columns], schema=QUARANTINE))
        for index, number in sorted(unit.reading.by_policy[place].items()):
            drop = unit.excluded.policies[index]
            rule = drop.exclusion
            page.policy_drops.append((file, table, rule.name, number, rule.cite, drop.reason))
        page.unparsed += [(file, table, name, n) for name, n in unit.reading.unparsed[place].items() if n]
        page.unread += [(file, table, name) for name in unnamed.get(place, ())]
        page.absent += [(file, table, name) for name in absent.get(place, ())]
    return page
