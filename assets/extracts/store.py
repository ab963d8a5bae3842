# ruff: noqa: S608  (names in SQL are quoted or fixed here; values are always parameters)
"""The content store: treated rows by row key, changed by whole deliveries, each in one transaction.

`content.duckdb` holds one table for each granted table of a source (`<source>__<table>`: record_key, row_key,
digest and the columns the agreement names), `known_record`, the records that each source has now, and
`withheld_record`, the keys of those that it delivered and consent withholds. Rows of a delivery are staged beside them,
judged over whole tables (duplicates, orphans), withheld by consent, compared by digest, and applied. No raw value comes
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from assets.extracts.columns import GONE, KEY, RECORD_KEY, ROW_KEY, SEQUENCE
from assets.extracts.delivery import ROW, Mode, Reason

FILE = "__file"
CHANGED = "changed_since_ordered"
KEPT = ("known_record", "withheld_record")
"""The records that each source has now, and those that it delivered and a family's decision withholds."""
WORKING = (SEQUENCE, FILE, ROW, GONE)


@dataclass(frozen=True)
class Fate:
    """What became of the kept rows of one file (by its number): counts of rows."""

    file: int
    new: int
    changed: int
    unchanged: int
    withdrawn: int


@dataclass(frozen=True)
class Applied:
    """What one delivery did to one table: the fate of its rows by file, and stored rows a full delivery lacked."""

    fates: tuple[Fate, ...]
    absent: int


def content_table(source: str, table: str) -> str:
    """Return the name of a granted table in the content store: `<source>__<table in snake case>`."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", table).lower()
    return f"{source}__{snake}"


def quoted(name: str) -> str:
    """Return a name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


class ContentStore:
    """One open transaction on the content store. Made by `open_content`; nothing is kept unless `commit` is called."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._staged: dict[str, str] = {}
        self._changed = False

    # -- staging and judging ------------------------------------------------------------------------

    def stage(self, table: str, file: int, rows: pa.Table) -> None:
        """Add treated rows of file number `file` to the stage of `table`; the first call fixes its columns."""
        rows = rows.append_column(FILE, pa.repeat(pa.scalar(file, pa.int32()), rows.num_rows))
        self._con.register("arriving", rows)
        try:
            if table in self._staged:
                self._con.execute(f"insert into {self._staged[table]} by name select * from arriving")
            else:
                name = f"stage_{len(self._staged)}"
                self._con.execute(f"create temp table {name} as select * from arriving")
                self._con.execute(f"create temp table {name}_reject (seq bigint, reason varchar)")
                self._con.execute(f"create temp table {name}_drop (row_key blob, held boolean)")
                self._con.execute(f"create temp table {name}_withheld (seq bigint)")
                self._staged[table] = name
        finally:
            self._con.unregister("arriving")

    def mark(self, table: str, row_keys: pa.Array, *, held: bool) -> None:
        """Note row keys of `table` that were not staged: those to remove, or (`held`) to leave as they are stored."""
        if len(row_keys):
            self._con.register("arriving", pa.table({"row_key": row_keys}))
            self._con.execute(
                f"insert into {self._staged[table]}_drop select row_key, {str(held).lower()} from arriving"
            )
            self._con.unregister("arriving")

    def reject_duplicates(self, table: str, repeated: pa.Array) -> None:
        """Reject every staged row whose row key an earlier row of this delivery has.

        `repeated` are rows, by `__seq`, of which that is known already: the earlier row may have been withheld.
        """
        name = self._staged[table]
        self._con.register("repeated_before", pa.table({"seq": repeated}))
        self._con.execute(
            f"""
            insert into {name}_reject
            with repeated as (select row_key from {name} group by row_key having count(*) > 1),
                 numbered as (
                     select __seq, row_number() over (partition by row_key order by __seq) as nth
                     from {name} semi join repeated using (row_key)
                 )
            select __seq, '{Reason.DUPLICATE_KEY}' from numbered where nth > 1
            union
            select __seq, '{Reason.DUPLICATE_KEY}' from {name} semi join repeated_before on __seq = seq
            """
        )
        self._con.unregister("repeated_before")

    def note_known(self, namespace: str, defining: Sequence[str], *, stored: bool) -> None:
        """Fix which records exist tonight: those the defining tables bring and, with `stored`, those known before."""
        parts = [
            f"select record_key from {self._kept(table)} where not __gone"
            for table in defining
            if table in self._staged
        ]
        if stored:
            parts.append("select record_key from known_record where source = $namespace")
            parts.append("select record_key from withheld_record where source = $namespace")
        parts.append("select null::blob as record_key where false")
        union = " union all ".join(parts)
        self._con.execute(
            f"create temp table known_tonight as select distinct record_key from ({union})",
            {"namespace": namespace} if stored else None,
        )

    def reject_orphans(self, table: str) -> None:
        """Reject every staged row that refers to a record that does not exist tonight."""
        name = self._staged[table]
        self._con.execute(
            f"""
            insert into {name}_reject
            select __seq, '{Reason.ORPHAN}' from {self._kept(table)} as row
            where not __gone and record_key is not null
              and not exists (select 1 from known_tonight as known where known.record_key = row.record_key)
            """
        )

    def rejects(self, table: str) -> pa.Table:
        """Return the rejected rows of `table`: file number, row, sequence number and reason."""
        name = self._staged[table]
        return self._con.sql(
            f"""
            select __file as file, __row as row, seq, reason
            from {name}_reject join {name} on __seq = seq order by seq
            """
        ).to_arrow_table()

    def withhold(self, table: str, records: pa.Array) -> dict[int, int]:
        """Leave out of what is applied the staged rows about `records` that nothing else took; return them by file."""
        name = self._staged[table]
        if len(records) == 0 or RECORD_KEY not in self._columns(name):
            return {}
        self._con.register("opted_out", pa.table({"record_key": records}))
        self._con.execute(
            f"insert into {name}_withheld select __seq from {self._kept(table)} semi join opted_out using (record_key)"
        )
        self._con.unregister("opted_out")
        self._con.execute(
            f"insert into {name}_drop select row_key, false from {name} semi join {name}_withheld on __seq = seq"
        )
        found = self._con.execute(
            f"select __file, count(*) from {name} semi join {name}_withheld on __seq = seq group by 1"
        ).fetchall()
        return {int(file): int(rows) for file, rows in found}

    def staged(self, table: str) -> pa.Table:
        """Return the live staged rows of `table`, rejected and withheld ones included, without working columns."""
        drop, name = ", ".join(WORKING), self._staged[table]
        return self._con.sql(f"select * exclude ({drop}) from {name} where not __gone").to_arrow_table()

    def _kept(self, table: str) -> str:
        name = self._staged[table]
        return f"(select * from {name} anti join {name}_reject on __seq = seq)"

    def present(self) -> pa.Array:
        """Return the records (fixed_size_binary(16)) that exist tonight, as `note_known` fixed them."""
        found = self._con.sql("select record_key from known_tonight where record_key is not null").to_arrow_table()
        return found["record_key"].combine_chunks().cast(KEY)

    # -- applying -----------------------------------------------------------------------------------

    def vanishing(self, source: str, excused: pa.Array) -> tuple[int, int]:
        """Return (records known before, those of them that are not there tonight nor among `excused`).

        A record that consent withholds was delivered like any other, and counts as known.
        """
        self._con.register("excused", pa.table({"record_key": excused}))
        [(known, vanished)] = self._con.execute(
            """
            select count(*), count(*) filter (
                not exists (select 1 from known_tonight as t where t.record_key = k.record_key)
                and not exists (select 1 from excused as e where e.record_key = k.record_key))
            from (
                select record_key from known_record where source = $source
                union select record_key from withheld_record where source = $source
            ) as k
            """,
            {"source": source},
        ).fetchall()
        self._con.unregister("excused")
        return known, vanished

    def apply(self, source: str, table: str, mode: Mode) -> Applied:
        """Bring the stored table up to the staged rows: replace it (`full`) or change the rows named (`delta`)."""
        name, target = self._staged[table], quoted(content_table(source, table))
        self._fit_columns(content_table(source, table), name)
        self._con.execute(
            f"""
            create temp table {name}_plan as
            select s.__seq, s.__file, s.__gone, s.row_key,
                   case when t.row_key is null then 'new' when t.digest = s.digest then 'unchanged' else
                   'changed' end as fate
            from {self._kept(table)} as s left join {target} as t on t.row_key = s.row_key
            where s.__seq not in (select seq from {name}_withheld)
            """
        )
        self._con.execute(
            f"""
            delete from {target} where row_key in (
                select row_key from {name}_plan where __gone or fate = 'changed'
                union all
                select row_key from {name}_drop as d where not held
                    and not exists (select 1 from {name}_plan as p where p.row_key = d.row_key))
            """
        )
        absent = self._remove_absent(name, target) if mode == "full" else 0
        columns = ", ".join(quoted(column) for column in self._columns(name) if column not in WORKING)
        # in the order of the row key, which is keyed, so that the order of rows says nothing about births
        self._con.execute(
            f"""
            insert into {target} ({columns})
            select {columns} from {name}
            where __seq in (select __seq from {name}_plan where not __gone and fate <> 'unchanged') order by
            row_key
            """
        )
        fates = self._fates(name)
        self._changed |= absent > 0 or any(fate.new or fate.changed or fate.withdrawn for fate in fates)
        return Applied(fates, absent)

    def _remove_absent(self, name: str, target: str) -> int:
        keys = f"select row_key from {name}_plan union all select row_key from {name}_drop where held"
        rejected = f"select row_key from {name} semi join {name}_reject on __seq = seq and reason <> '{Reason.ORPHAN}'"
        [(count,)] = self._con.execute(
            f"delete from {target} where row_key not in ({keys} union all {rejected})"
        ).fetchall()
        return int(count)

    def _fates(self, name: str) -> tuple[Fate, ...]:
        rows = self._con.execute(
            f"""
            select __file,
                   count(*) filter (not __gone and fate = 'new'), count(*) filter (not __gone and fate =
                   'changed'), count(*) filter (not __gone and fate = 'unchanged'), count(*) filter (__gone)
            from {name}_plan group by __file
            """
        ).fetchall()
        return tuple(Fate(*row) for row in rows)

    def _fit_columns(self, target: str, stage: str) -> None:
        """Make the stored table have the staged columns: what is no longer granted goes, what is new starts empty."""
        wanted = {name: kind for name, kind in self._columns(stage).items() if name not in WORKING}
        have = self._columns(target)
        if not have:
            spec = ", ".join(f"{quoted(name)} {kind}" for name, kind in wanted.items())
            self._con.execute(f"create table {quoted(target)} ({spec})")
            return
        for name, kind in have.items():
            if wanted.get(name) != kind:
                self._con.execute(f"alter table {quoted(target)} drop column {quoted(name)}")
        for name, kind in wanted.items():
            if have.get(name) != kind:
                self._con.execute(f"alter table {quoted(target)} add column {quoted(name)} {kind}")

    def _columns(self, table: str) -> dict[str, str]:
        rows = self._con.execute(
            "select column_name, data_type from duckdb_columns() where table_name = ? order by column_index",
            [table],
        ).fetchall()
        return dict(rows)

    # -- records ------------------------------------------------------------------------------------

    def settle_records(self, source: str, defining: Sequence[str], referring: Sequence[str]) -> None:
        """Make `known_record` what the defining tables hold now, and drop facts of records that are no more."""
        stored = [content_table(source, t) for t in defining]
        parts = [f"select record_key from {quoted(t)}" for t in stored if self._columns(t)]
        if not parts:
            return
        self._con.execute(
            f"create temp table now_known as select distinct record_key from ({' union all '.join(parts)})"
        )
        self._con.execute(
            "delete from known_record where source = ? and record_key not in (select record_key from now_known)",
            [source],
        )
        self._con.execute(
            """
            insert into known_record
            select ?, record_key from now_known
            where record_key not in (select record_key from known_record where source = ?) order by record_key
            """,
            [source, source],
        )
        for table in (content_table(source, t) for t in referring):
            if self._columns(table):
                self._con.execute(
                    f"delete from {quoted(table)} where record_key not in (select record_key from now_known)"
                )

    def note_withheld(self, source: str, defining: Sequence[str], mode: Mode) -> None:
        """Make `withheld_record` the records that this source delivered and that its known records lack by consent.

        Keys only: so that an agency's later rows are judged as if nobody had decided anything.
        """
        tables = [table for table in defining if table in self._staged]
        names = [self._staged[table] for table in tables]
        brought = [f"select record_key from {n} semi join {n}_withheld on __seq = seq where not __gone" for n in names]
        gone = [f"select record_key from {self._kept(t)} where __gone" for t in tables]
        nobody = "select null::blob as record_key where false"
        self._con.execute(
            f"""
            create or replace temp table withheld_now as
            with brought as ({" union all ".join([*brought, nobody])}), gone as ({" union all ".join([*gone, nobody])})
            select record_key from (
                select record_key from brought
                union
                select record_key from withheld_record
                where source = $source and $stays and record_key not in (select record_key from gone)
            )
            where record_key not in (select record_key from known_record where source = $source)
            """,
            {"source": source, "stays": mode == "delta"},
        )
        [(apart,)] = self._con.execute(
            """
            with before as (select record_key from withheld_record where source = $source)
            select (select count(*) from (from before except from withheld_now))
                + (select count(*) from (from withheld_now except from before))
            """,
            {"source": source},
        ).fetchall()
        if apart:
            self.forget_withheld(source)
            self._con.execute(
                "insert into withheld_record select $source, record_key from withheld_now order by record_key",
                {"source": source},
            )

    def forget_withheld(self, source: str) -> None:
        """Forget which records of `source` consent withholds."""
        self._con.execute("delete from withheld_record where source = $source", {"source": source})
        self._changed = True

    def withhold_records(self, source: str, records: pa.Array) -> None:
        """Move those of `records` that `source` has now to the records that consent withholds; their rows stay."""
        self._con.register("opted_out", pa.table({"record_key": records}))
        self._con.execute(
            """
            insert into withheld_record
            select source, record_key from known_record semi join opted_out using (record_key)
            where source = $source order by record_key
            """,
            {"source": source},
        )
        self._con.unregister("opted_out")

    def known(self, source: str) -> pa.Array:
        """Return the records (fixed_size_binary(16)) that `source` has now, in the order of their keys."""
        keys = self._con.sql(
            "select record_key from known_record where source = $source order by record_key",
            params={"source": source},
        ).to_arrow_table()["record_key"]
        return keys.combine_chunks().cast(KEY)

    def purge_records(self, sources: Sequence[str], records: pa.Array) -> int:
        """Remove every stored row about `records` from the tables of `sources`; return how many rows went."""
        if len(records) == 0:
            return 0
        self._con.register("purged", pa.table({"record_key": records}))
        gone = 0
        for source in sources:
            [(count,)] = self._con.execute(
                "delete from known_record where source = ? and record_key in (select record_key from purged)",
                [source],
            ).fetchall()
            self._changed |= count > 0
            for table in self._tables_of(source):
                if RECORD_KEY in self._columns(table):
                    [(count,)] = self._con.execute(
                        f"delete from {quoted(table)} where record_key in (select record_key from purged)"
                    ).fetchall()
                    gone += int(count)
        self._con.unregister("purged")
        self._changed |= gone > 0
        return gone

    def drop_ungranted(self, source: str, granted: Sequence[str]) -> tuple[str, ...]:
        """Drop the stored tables of `source` that its agreement no longer names; return their names."""
        names = {content_table(source, table) for table in granted}
        gone = tuple(table for table in self._tables_of(source) if table not in names)
        for table in gone:
            self._con.execute(f"drop table {quoted(table)}")
            self._changed = True
        return gone

    def rows(self, source: str) -> dict[str, int]:
        """Return the number of stored rows of each table of `source`, by its name in the store."""
        return {
            t: self._con.execute(f"select count(*) from {quoted(t)}").fetchall()[0][0] for t in self._tables_of(source)
        }

    def _tables_of(self, source: str) -> list[str]:
        rows = self._con.execute(
            "select table_name from duckdb_tables() where starts_with(table_name, ?) order by 1",
            [f"{source}__"],
        ).fetchall()
        return [name for (name,) in rows]

    def commit(self) -> None:
        """Keep what was done; a store that changed is marked, to be put in order when the night commits."""
        if self._changed:
            self._con.execute(f"create table if not exists {CHANGED} (nothing boolean)")
        self._con.execute("commit")


@contextmanager
def open_content(path: Path) -> Iterator[ContentStore]:
    """Open the content store in one transaction, which is rolled back unless it was committed inside the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(str(path))
    try:
        for name in KEPT:
            con.execute(f"create table if not exists {name} (source varchar, record_key blob)")
        con.execute("begin transaction")
        yield ContentStore(con)
    finally:
        con.close()


@contextmanager
def held_content(path: Path) -> Iterator[None]:
    """Keep the content store's file open, with no transaction, so that each opening meanwhile costs little."""
    path.parent.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(str(path))
    try:
        yield
    finally:
        con.close()


def put_in_order(path: Path) -> bool:
    """Rewrite a content store that was changed, each table in the order of its keyed keys; say whether it was.

    In a DuckDB file the order of rows and the freed blocks tell which rows came or went together, so a changed
    store is written anew beside the old one, and moved over it.
    """
    if not path.exists():
        return False
    with duckdb.connect(str(path), read_only=True) as con:
        names = [name for (name,) in con.execute("select table_name from duckdb_tables() order by 1").fetchall()]
    if CHANGED not in names:
        return False
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        with duckdb.connect(str(fresh)) as con:
            con.execute("attach '{}' as old (read_only)".format(str(path).replace("'", "''")))
            for name in names:
                if name != CHANGED:
                    order = "source, record_key" if name in KEPT else ROW_KEY
                    con.execute(f"create table {quoted(name)} as select * from old.{quoted(name)} order by {order}")
            con.execute("checkpoint")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return True
