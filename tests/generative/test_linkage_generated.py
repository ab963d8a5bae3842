"""Properties that hold for whatever is written, linked or withdrawn."""

import string
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.assign import assign
from linkage.atoms import ATOMS, build_atoms
from linkage.fields import date_parser
from linkage.identifiers import IDENTIFIERS
from linkage.names import fold, parse_given, parse_surname, split_full
from linkage.resolve import Parts, edges_between, resolve
from linkage.rules import SURNAME_SLOTS

NOBODY = np.empty(0, np.int64)
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
        slots = [together[slot][number].as_py() for slot in SURNAME_SLOTS]
        present = [slot for slot in slots if slot]
        assert len(set(present)) == len(present)


@st.composite
def contested(draw):
    """Parts with sources and promises, and evidence between some of them."""
    n = draw(st.integers(2, 9))
    sources = draw(st.lists(st.integers(1, 15), min_size=n, max_size=n))
    promised = draw(st.integers(0, 15))
    every = [(left, right) for left in range(n) for right in range(left + 1, n)]
    chosen = draw(st.lists(st.sampled_from(every), unique=True))
    weights = draw(st.lists(WEIGHTS, min_size=len(chosen), max_size=len(chosen)))
    apart = draw(st.lists(st.sampled_from(every), unique=True, max_size=2))
    left, right = (np.array([pair[side] for pair in chosen], np.int64) for side in (0, 1))
    held = np.array(sources, np.uint64)
    parts = Parts(held, held & np.uint64(promised), np.array(apart, np.int64).reshape(-1, 2))
    return edges_between(left, right, np.array(weights, float)), parts


@given(contested(), st.sampled_from([-3.0, 0.0, 5.0]))
@settings(max_examples=300, deadline=None)
def test_resolution_never_breaks_its_promises(case, threshold):
    edges, parts = case
    links = resolve(edges, parts, threshold)
    for cluster in np.unique(links.cluster):
        members = np.flatnonzero(links.cluster == cluster)
        held = parts.single[members]
        assert np.bitwise_count(held).sum() == np.bitwise_count(np.bitwise_or.reduce(held)), "a source twice"
        inside = {tuple(sorted(pair)) for pair in parts.apart.tolist() if set(pair) <= set(members.tolist())}
        assert not inside, "a reviewer called them two"
        if len(members) > 1:
            mine = np.isin(edges.left, members) & np.isin(edges.right, members)
            assert (edges.weight[mine] >= threshold).any(), "linked without evidence"


@given(st.lists(st.lists(st.integers(0, 4), min_size=8, max_size=8), min_size=1, max_size=6))
@settings(max_examples=200)
def test_ids_are_given_once_and_stay_while_nothing_changes(nights):
    earlier, counter, ever = np.full(8, -1), 0, set()
    for labels in nights:
        cluster = np.unique(labels, return_inverse=True)[1]
        given_ids = assign(cluster, earlier, counter, NOBODY)
        now = given_ids.of_cluster[cluster]
        assert len(set(given_ids.of_cluster.tolist())) == len(given_ids.of_cluster)
        new = {int(one) for one in given_ids.of_cluster if one >= counter}
        assert not new & ever
        ever |= set(given_ids.of_cluster.tolist())
        same = assign(cluster, now, given_ids.next_counter, NOBODY)
        assert (same.of_cluster == given_ids.of_cluster).all()
        assert same.next_counter == given_ids.next_counter
        earlier, counter = now, given_ids.next_counter


@given(st.dates(date(1920, 1, 1), date(2090, 1, 1)).filter(lambda day: day != date(1970, 1, 1)))
def test_a_date_reads_the_same_in_every_shape(day):
    read = date_parser(None)
    shapes = (day.isoformat(), day.strftime("%m/%d/%Y"), day.strftime("%Y%m%d"), f"{day.isoformat()}T00:00:00")
    assert {read(shape) for shape in shapes} == {day.isoformat()}
    assert read((day + timedelta(1)).isoformat()) != day.isoformat()
