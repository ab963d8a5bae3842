"""Whatever an agency sends, every row read has one outcome, keys stay unique, and a second run changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.load_cases import City, people_source

from assets.extracts.delivery import ROW, WITHDRAWN, Delivery, TablePart
from assets.extracts.store import open_content
from assets.extracts.unit import Unit

IDS = st.sampled_from([None, "1", "2", "3", "4", "5"])
DATES = st.sampled_from([None, "2019-02-03", "02/03/2019", "2019-02-30", "soon"])
PERSON = st.tuples(IDS, st.sampled_from([None, "Ana"]), DATES, st.sampled_from([None, "Y", "N"]), st.booleans())
VISIT = st.tuples(st.sampled_from([None, "v1", "v2", "v3", "v4"]), IDS, DATES, st.booleans())
CITY = City(Path(tempfile.mkdtemp(prefix="reconciles-")), people_source())


def part(table, columns, rows):
    """A table of one file that streams its rows in two batches."""
    values = list(zip(*rows, strict=True)) or [()] * len(columns)

    def read(tally):
        tally.rows_read = len(rows)
        made = pa.table(
            {
                **{name: pa.array(column, pa.string()) for name, column in zip(columns, values, strict=False)},
                ROW: pa.array(range(2, len(rows) + 2), pa.int64()),
                WITHDRAWN: pa.array(values[len(columns)] if rows else [], pa.bool_()),
            }
        )
        half = len(rows) // 2
        yield made.slice(0, half)
        yield made.slice(half)

    return TablePart(table, f"{table}.csv", read)


def deliver(people, visits, mode):
    people = [(i, f, "Ruiz", d, s, gone) for i, f, d, s, gone in people]
    visits = [(v, i, "flu", on, gone) for v, i, on, gone in visits]
    return Delivery(
        [],
        mode,
        [
            part("people", ["id", "first", "last", "dob", "sealed"], people),
            part("visits", ["visit", "id", "kind", "on"], visits),
        ],
    )


def run(store, delivery, optouts=()):
    night = CITY.night(optouts=lambda name: CITY.keys_of(name, *optouts))
    unit = Unit(night, CITY.sources["clinic"], delivery, store, frozenset())
    unit.read(lambda table, rows: None)
    counts = unit.counts()
    for table in delivery.tables:
        for fate in store.apply("clinic", table, delivery.mode).fates:
            count = counts[unit.reading.files[fate.file], table]
            count.new, count.changed = fate.new, fate.changed
            count.unchanged, count.withdrawn = fate.unchanged, fate.withdrawn
    store.settle_records("clinic", unit.shape.defining, unit.referring)
    return counts


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(PERSON, max_size=12),
    st.lists(VISIT, max_size=12),
    st.sampled_from(["full", "delta"]),
    st.sets(IDS.filter(bool), max_size=2),
)
def test_rows_read_are_loaded_quarantined_or_dropped(people, visits, mode, optouts):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content.duckdb"
        with open_content(path) as store:
            first = run(store, deliver(people, visits, mode), optouts)
            stored = {
                name: store._con.execute(f"select * from {name} order by all").fetchall()
                for name in store.rows("clinic")
            }
            known = store.known("clinic").to_pylist()
            store.commit()
        assert all(count.balanced for count in first.values()), first
        assert (first["people.csv", "people"].read, first["visits.csv", "visits"].read) == (len(people), len(visits))
        for name, rows in stored.items():
            keys = [row[1] for row in rows]
            assert len(set(keys)) == len(keys), name
            assert {row[0] for row in rows} <= set(known)
        assert not set(known) & set(CITY.keys_of("clinic", *optouts).to_pylist())
        with open_content(path) as store:
            again = run(store, deliver(people, visits, mode), optouts)
            assert {
                n: store._con.execute(f"select * from {n} order by all").fetchall() for n in store.rows("clinic")
            } == stored
            assert store.known("clinic").to_pylist() == known
        assert sum(count.changed + count.absent for count in again.values()) == 0
