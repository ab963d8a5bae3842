"""Properties that hold for whatever is written, linked or withdrawn."""

import string
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.assign import assign
from linkage.atoms import ATOMS, build_atoms
from linkage.identifiers import IDENTIFIERS
from linkage.names import fold, parse_given, parse_surname, split_full
from linkage.resolve import resolve
from linkage.score import Pairs, Records

WEIGHTS = st.floats(-30, 40, allow_nan=False).map(lambda weight: round(weight, 3))


@given(st.text(max_size=30))
def test_any_text_can_be_a_name(text):
    parse_given(text)
    parse_surname(text)
    assert len(split_full(text)) == 3


@given(st.text(alphabet=string.ascii_letters + " -'", min_size=1, max_size=20))
def test_case_accents_and_blanks_do_not_matter(name):
    assert fold(name.lower()) == fold(f"  {name.upper()} ")
    assert parse_surname(name.lower()) == parse_surname(name.upper())


@given(st.lists(st.fixed_dictionaries({}, optional={name: st.text(max_size=12) for name in IDENTIFIERS}), max_size=6))
@settings(max_examples=60, deadline=None)
def test_atoms_are_of_each_record_alone(records):
    table = pa.Table.from_pylist(records, pa.schema([(name, pa.string()) for name in IDENTIFIERS]))
    together = build_atoms(table)
    assert tuple(together) == ATOMS
    for number in range(len(records)):
        alone = build_atoms(table.slice(number, 1))
        assert {name: values[number].as_py() for name, values in together.items()} == {
            name: values[0].as_py() for name, values in alone.items()
        }
        slots = [together[f"surname_{slot}"][number].as_py() for slot in (1, 2, 3)]
        present = [slot for slot in slots if slot]
        assert len(set(present)) == len(present)


@st.composite
def scored(draw):
    n = draw(st.integers(2, 9))
    source = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    single = draw(st.lists(st.booleans(), min_size=4, max_size=4))
    every = [(left, right) for left in range(n) for right in range(left + 1, n)]
    chosen = draw(st.lists(st.sampled_from(every), unique=True))
    kept = sorted(p for p in chosen if not (source[p[0]] == source[p[1]] and single[source[p[0]]]))
    weights = draw(st.lists(WEIGHTS, min_size=len(kept), max_size=len(kept)))
    left, right = (np.array([pair[side] for pair in kept], np.int64) for side in (0, 1))
    pairs = Pairs(left, right, np.array(weights, float))
    of = np.array(source, np.int16)
    return pairs, Records(of, np.array(single)[of], np.empty((0, n), np.uint64))


@given(scored())
@settings(max_examples=300, deadline=None)
def test_resolution_never_breaks_its_promises(case):
    pairs, records = case
    links = resolve(pairs, records)
    n = len(records.source)
    owned = [(links.cluster[r], records.source[r]) for r in range(n) if records.single[r]]
    assert len(set(owned)) == len(owned)
    assert sorted(set(links.cluster.tolist())) == list(range(int(links.cluster.max()) + 1))
    reached = {(int(a), int(b)) for a, b, w in zip(pairs.left, pairs.right, pairs.weight, strict=True) if w >= 0}
    for record in range(n):
        together = [other for other in range(n) if links.cluster[other] == links.cluster[record] and other != record]
        if together:
            assert any((min(record, o), max(record, o)) in reached for o in together)
    again = resolve(pairs, records)
    assert (again.cluster == links.cluster).all()


@given(st.lists(st.lists(st.integers(0, 4), min_size=8, max_size=8), min_size=1, max_size=6))
@settings(max_examples=200)
def test_ids_are_given_once_and_stay_while_nothing_changes(nights):
    earlier, counter, ever = np.full(8, -1), 0, set()
    for labels in nights:
        cluster = np.unique(labels, return_inverse=True)[1]
        given_ids = assign(cluster, earlier, counter)
        now = given_ids.of_cluster[cluster]
        assert len(set(given_ids.of_cluster.tolist())) == len(given_ids.of_cluster)
        new = {int(one) for one in given_ids.of_cluster if one >= counter}
        assert not new & ever
        ever |= set(given_ids.of_cluster.tolist())
        same = assign(cluster, now, given_ids.next_counter)
        assert (same.of_cluster == given_ids.of_cluster).all()
        assert same.next_counter == given_ids.next_counter
        earlier, counter = now, given_ids.next_counter


@given(st.dates(date(1920, 1, 1), date(2090, 1, 1)).filter(lambda day: day != date(1970, 1, 1)))
def test_a_date_reads_the_same_in_every_shape(day):
    from linkage.fields import date_parser

    read = date_parser(None)
    shapes = (day.isoformat(), day.strftime("%m/%d/%Y"), day.strftime("%Y%m%d"), f"{day.isoformat()}T00:00:00")
    assert {read(shape) for shape in shapes} == {day.isoformat()}
    assert read((day + timedelta(1)).isoformat()) != day.isoformat()
