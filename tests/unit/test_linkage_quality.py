"""Quality without truth: figures by hand on tiny nights, and intervals against the truth of made-up ones."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage import rules
from linkage.evidence import JOINS, MISSING, pairs_schema
from linkage.explain import SHAPES
from linkage.model import load_model
from linkage.quality import SCHEMA, linkage_quality
from linkage.quality_missed import read_catches
from linkage.quality_pairs import child_pairs, link_bits, read_world
from linkage.quality_refused import read_refused

MODEL = load_model()
NAMES = tuple(shape.name for shape in SHAPES)
BY_NAMES = {"birth_date": 0, "given_name": 0, "surname": 2}  # what two records that meet under a1 show
NOT_BY_NAMES = {"birth_date": 2, "given_name": 0, "surname": 2, "ssn": 0}


@pytest.fixture(autouse=True)
def tags(monkeypatch):
    made = (
        SimpleNamespace(id="e", parts=("birth_date", "given_canonical", "surname_1")),
        SimpleNamespace(id="sd", parts=("ssn", "birth_date", "given_start")),
    )
    monkeypatch.setattr(rules, "TAGS", made, raising=False)


class Night:
    """Records given as (source, child), and the evidence between their numbers."""

    def __init__(self, records, pairs=(), joins=()):
        self.records = list(records)
        rows = [
            {
                **self._sides(left, right), "weight": weight, "outcome": outcome,
                **{f"level_{name}": levels.get(name, MISSING) for name in NAMES},
            }
            for left, right, weight, outcome, levels in pairs
        ]  # fmt: skip
        joined = [{**self._sides(left, right), "tag": tag} for left, right, tag in joins]
        self.evidence = {
            "pairs": pa.Table.from_pylist(rows, pairs_schema(NAMES)),
            "joins": pa.Table.from_pylist(joined, JOINS),
        }

    @staticmethod
    def key(record):
        return int(record).to_bytes(16, "big")

    def _sides(self, left, right):
        ends = {"left": left, "right": right}
        sources = {f"{where}_source": self.records[record][0] for where, record in ends.items()}
        return sources | {f"{where}_key": self.key(record) for where, record in ends.items()}

    @property
    def record_child(self):
        return pa.table(
            {
                "source": [source for source, _ in self.records],
                "record_key": pa.array([self.key(n) for n in range(len(self.records))], pa.binary()),
                "child_id": [f"c-{child}" for _, child in self.records],
            }
        )

    @property
    def world(self):
        return read_world(self.record_child, self.evidence)

    def quality(self, labels=None, **options):
        rows = linkage_quality(self.record_child, self.evidence, labels, MODEL, **options).to_pylist()
        return {(row["source"], row["other_source"], row["subgroup"]): row for row in rows}


@given(st.lists(st.integers(0, 6), max_size=30))
def test_all_pairs_of_a_child_once(children):
    left, right = child_pairs(np.array(children, np.int64))
    expected = {(a, b) for b in range(len(children)) for a in range(b) if children[a] == children[b]}
    assert {(min(pair), max(pair)) for pair in zip(left.tolist(), right.tolist(), strict=True)} == expected
    assert len(left) == len(expected)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(0, 1, 7.0), (1, 2, 3.0)], {(0, 1): 7, (1, 2): 3, (0, 2): 3}),
        ([(0, 1, 7.0), (1, 2, 3.0), (0, 2, 5.5)], {(0, 1): 7, (1, 2): 5, (0, 2): 5}),
        ([(0, 1, 7.0)], {(0, 1): 7, (1, 2): None, (0, 2): None}),
        ([(0, 1, 7.0), (1, 2, -4.0)], {(0, 1): 7, (1, 2): -4, (0, 2): -4}),
        ([(0, 1, 90.0), (1, 2, 60.0)], {(0, 1): 60, (1, 2): 60, (0, 2): 60}),
    ],
)
def test_a_link_is_as_sure_as_the_weakest_step_of_its_surest_chain(pairs, expected):
    night = Night([("birth", 1), ("school", 1), ("health", 1)], [(*pair, "linked", {}) for pair in pairs])
    left, right = np.array([0, 1, 0]), np.array([1, 2, 2])
    bits = link_bits(night.world, left, right, MODEL).tolist()
    found = {pair: None if np.isnan(b) else b for pair, b in zip([(0, 1), (1, 2), (0, 2)], bits, strict=True)}
    assert found == expected


def refusing():
    """Ten children in birth and school, ten in health alone: half of random pairs share nothing."""
    records = [(source, child) for child in range(10) for source in ("birth", "school")]
    return records + [("health", 10 + child) for child in range(10)]


@pytest.mark.parametrize(
    ("weights_sharing", "weights_apart", "wrong", "missed"),
    [
        ([], [], 0.0, []),
        ([], [1.0], 0.0, [1.0]),
        ([3.0], [3.0, 3.0, 3.0], 1.0, [2 / 3] * 3),  # r = 1: for one pair that shares a source, one that does not
        ([-3.0], [-3.0, 3.0], 0.0, [0.0, 1.0]),
        ([3.0, 3.0], [3.0, 3.0], 2.0, [0.0, 0.0]),
    ],
)
def test_pairs_that_share_a_source_tell_how_many_are_wrong(weights_sharing, weights_apart, wrong, missed):
    sharing = [(2 * n, 2 * n + 3, weight, "refused", {}) for n, weight in enumerate(weights_sharing)]
    apart = [(2 * n, 20 + n, weight, "refused", {}) for n, weight in enumerate(weights_apart)]
    found = read_refused(Night(refusing(), sharing + apart).world, 0.0)
    assert found.wrong_links == pytest.approx(wrong)
    assert found.missed.tolist() == pytest.approx(missed)
    assert found.most.tolist() == [1.0] * len(apart)
    assert found.pairs_a_merge == pytest.approx(2.0)  # two records with one


def test_pairs_that_were_never_scored_are_not_counted_on_either_side():
    pairs = [(0, 3, 3.0, "refused", {}), (20, 21, 3.0, "refused", {}), (0, 20, 3.0, "refused", {})]
    all_ = read_refused(Night(refusing(), pairs).world, 0.0)
    some = read_refused(Night(refusing(), pairs).world, 0.0, ("birth", "school"))
    assert all_.wrong_links == pytest.approx(2.0)
    assert some.wrong_links == pytest.approx(2.0)  # one pair seen, r twice as high


def test_weights_are_believed_with_a_margin_where_no_pair_can_tell():
    pairs = [(0, 20, 1.0, "refused", {})]
    found = read_refused(Night(refusing(), pairs).world, 0.0, ("birth", "school", "health"))
    assert found.wrong_links is None
    assert found.missed.tolist() == pytest.approx([1 / (1 + 0.5 * 0.5)])
    assert found.least.tolist() == pytest.approx([1 / (1 + 8 * 0.5 * 0.5)])
    assert found.wrong_share == pytest.approx((0.0625, 0.5, 4.0))


def test_two_rivals_of_a_tie_count_as_one_missed_link():
    pairs = [(0, 20, 3.0, "tied", {}), (2, 20, 3.0, "tied", {})]
    assert read_refused(Night(refusing(), pairs).world, 0.0).missed.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("levels", "tag", "trials", "failed"),
    [
        (BY_NAMES, None, 0, 0),
        ({**BY_NAMES, "ssn": 0}, None, 1, 0),
        (NOT_BY_NAMES, None, 1, 1),
        ({"birth_date": 1, "given_name": 0, "surname": 0, "ssn": 0}, None, 1, 0),  # a3 to a5
        ({"birth_date": 0, "given_name": 2, "surname": 0, "medicaid_id": 0}, None, 1, 1),  # a2 needs the sex
        ({"birth_date": 0, "given_name": 2, "surname": 0, "sex": 0, "medicaid_id": 0}, None, 1, 0),
        ({"birth_date": 0, "given_name": 0, "ssn": 1}, None, 0, 0),
        (None, "sd", 1, 0),
        (None, "e", 0, 0),
        (None, "reviewed", 0, 0),
    ],
)
def test_numbers_are_the_trials_of_names(levels, tag, trials, failed):
    pairs = [] if levels is None else [(0, 1, 5.0, "linked", levels)]
    night = Night([("birth", 1), ("school", 1)], pairs, [(0, 1, tag)] if tag else [])
    found = read_catches(night.world)
    assert (found.trials, found.failed) == (trials, failed)
    assert found.by_number.tolist() == [bool(trials)] * 2
    assert (found.part[0] == found.part[1]) == (tag == "e")


def test_figures_of_a_night_by_hand():
    records = [("birth", 1), ("school", 1), ("birth", 2), ("school", 3), ("school", 2), ("health", 2), ("health", 2)]
    joins = [(0, 1, "e"), (2, 4, "sd"), (4, 5, "e"), (5, 6, "e")]
    labels = pa.table({"record_key": [Night.key(0), Night.key(5), Night.key(6)], "subgroup": ["twins", "twins", None]})
    found = Night(records, [], joins).quality(labels)
    shown = {
        cell: (row["records"], row["linked"], row["rate"]) for cell, row in found.items() if row["subgroup"] == "All"
    }
    assert shown == {
        ("birth", None, "All"): (2, 2, 1.0),
        ("birth", "school", "All"): (2, 2, 1.0),
        ("birth", "health", "All"): (2, 1, 0.5),
        ("school", None, "All"): (3, 2, pytest.approx(2 / 3)),
        ("school", "birth", "All"): (3, 2, pytest.approx(2 / 3)),
        ("school", "health", "All"): (3, 1, pytest.approx(1 / 3)),
        ("health", None, "All"): (2, 2, 1.0),
        ("health", "birth", "All"): (2, 2, 1.0),
        ("health", "school", "All"): (2, 2, 1.0),
        ("health", "health", "All"): (2, 2, 1.0),
    }
    assert {cell[:2]: row["records"] for cell, row in found.items() if row["subgroup"] == "twins"} == {
        ("birth", None): 1, ("birth", "school"): 1, ("birth", "health"): 1,
        ("health", None): 1, ("health", "birth"): 1, ("health", "school"): 1, ("health", "health"): 1,
    }  # fmt: skip
    assert found["birth", "health", "twins"]["linked"] == 0
    assert found["birth", "health", "twins"]["precision_estimate"] is None


def test_missing_links_lower_recall_and_nothing_else():
    pairs = [(2 * n, 2 * n + 1, 9.0, "linked", {**BY_NAMES, "ssn": 0}) for n in range(10)]
    whole = Night(refusing(), pairs).quality()["birth", None, "All"]
    lacking = Night(refusing(), [*pairs, (0, 20, -3.0, "refused", BY_NAMES)]).quality()["birth", None, "All"]
    assert whole["recall_estimate"] == pytest.approx(1.0)
    assert lacking["recall_estimate"] == pytest.approx(10 / 11)
    assert lacking["recall_low"] < 10 / 11 < lacking["recall_high"]
    assert lacking["precision_estimate"] == whole["precision_estimate"] == pytest.approx(1.0)


def test_second_records_of_a_source_are_no_link_to_another_source():
    night = Night([("health", 1), ("health", 1), ("birth", 2)], [(0, 1, 9.0, "linked", {})])
    found = night.quality()
    assert found["health", "health", "All"]["linked"] == 2
    assert found["health", None, "All"]["linked"] == 0
    assert found["health", None, "All"]["precision_estimate"] is None


def test_what_names_do_not_find_where_numbers_can_tell_is_missing_elsewhere():
    levels = [NOT_BY_NAMES, *[{**BY_NAMES, "ssn": 0}] * 4, *[BY_NAMES] * 5]
    pairs = [(2 * n, 2 * n + 1, 9.0, "linked", said) for n, said in enumerate(levels)]
    row = Night(refusing(), pairs).quality()["birth", None, "All"]
    # names failed in one of five trials, so five links that only names made stand for 5 x (1 / 5) / (4 / 5) missed ones
    assert row["recall_estimate"] == pytest.approx(10 / (10 + 1.25))
    assert row["recall_low"] < 0.8
    assert row["recall_high"] == pytest.approx(1.0)


def test_recall_is_unknown_where_no_number_links_anything():
    pairs = [(2 * n, 2 * n + 1, 9.0, "linked", BY_NAMES) for n in range(10)]
    row = Night(refusing(), pairs).quality()["birth", None, "All"]
    assert row["precision_estimate"] is not None
    assert row["recall_estimate"] is row["recall_low"] is row["recall_high"] is None


def test_evidence_of_records_that_left_is_ignored():
    night = Night([("birth", 1), ("school", 1), ("birth", 2)], [(0, 1, 9.0, "linked", {}), (1, 2, 5.0, "refused", {})])
    assert len(read_world(night.record_child.slice(0, 2), night.evidence).left) == 1


def test_one_key_in_two_sources_is_two_records():
    night = Night([("birth", 1), ("school", 1)], [(0, 1, 9.0, "linked", {})])
    both = night.record_child.set_column(1, "record_key", pa.array([Night.key(0)] * 2, pa.binary()))
    assert len(read_world(both, night.evidence).left) == 0  # the evidence is about key 1 of school


def test_links_without_evidence_have_no_precision_and_nothing_linked_has_no_row_of_pairs():
    found = Night([("birth", 1), ("school", 1)]).quality()
    assert found["birth", None, "All"]["linked"] == 1
    assert found["birth", None, "All"]["precision_estimate"] is None
    alone = Night([("birth", 1), ("school", 2)]).quality()
    assert set(alone) == {("birth", None, "All"), ("school", None, "All")}


def test_a_night_of_no_records_gives_an_empty_table():
    empty = Night([]).record_child
    assert linkage_quality(empty, {}, None, MODEL).schema == SCHEMA


class MadeUp:
    """A night with a truth: records slip, links are made, missed in sight or never met, and wrong pairs collide."""

    SOURCES = ("birth", "health", "school", "snap")
    HELD = (0.85, 0.8, 0.6, 0.35)

    def __init__(self, seed, slip=0.15, in_sight=0.06, never=0.03, numbers=0.4, wrong=0.05, children=1500):
        rng = np.random.default_rng(seed)
        held = rng.random((children, 4)) < self.HELD
        self.true, source = np.nonzero(held)
        first = np.maximum.accumulate(np.where(np.diff(self.true, prepend=-1) > 0, np.arange(len(self.true)), 0))
        slips = (rng.random(len(self.true)) < slip) & (first != np.arange(len(self.true)))
        fate = rng.random(len(self.true))
        numbered = rng.random(len(self.true)) < numbers
        self.child, pairs, joins, fresh = self.true.copy(), [], [], children
        for record in np.flatnonzero(first != np.arange(len(self.true))).tolist():
            start = int(first[record])
            if not slips[record]:
                joins.append((start, record, "e"))
                continue
            lost = fate[record] < in_sight + never
            if numbered[record]:  # numbers link it, whatever names would have done
                pairs.append(
                    (start, record, 9.0, "linked", NOT_BY_NAMES if fate[record] < never else BY_NAMES | {"ssn": 0})
                )
                continue
            if lost:
                self.child[record], fresh = fresh, fresh + 1
            if fate[record] >= never:
                pairs.append((start, record, -3.0 if lost else 6.0, "refused" if lost else "linked", BY_NAMES))
        one, other = rng.integers(0, children, (2, int(wrong * children)))
        firsts = np.unique(first)
        of_child = dict(zip(self.true[firsts].tolist(), firsts.tolist(), strict=True))
        masks = held @ (1 << np.arange(4))
        for a, b in zip(one.tolist(), other.tolist(), strict=True):
            if a == b or a not in of_child or b not in of_child:
                continue
            share = bool(masks[a] & masks[b])
            if not share:
                self.child[self.child == b] = a
            pairs.append((of_child[a], of_child[b], 4.0, "refused" if share else "linked", BY_NAMES))
        records = zip((self.SOURCES[s] for s in source.tolist()), self.child.tolist(), strict=True)
        self.night = Night(records, pairs, joins)
        self.source = source

    def truth(self, source):
        """Return the true precision and recall of the pairs of one record of `source` and one of another."""
        mine = self.SOURCES.index(source)
        found = []
        for label in (self.child, self.true):
            left, right = child_pairs(label)
            about = (self.source[left] == mine) != (self.source[right] == mine)
            found.append(
                (
                    about.sum(),
                    (about & (self.true[left] == self.true[right]) & (self.child[left] == self.child[right])).sum(),
                )
            )
        return found[0][1] / found[0][0], found[1][1] / found[1][0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"wrong": 0.2}, {"in_sight": 0.2}, {"never": 0.1}, {"wrong": 0.0, "in_sight": 0.0}]
)
def test_intervals_hold_the_truth_of_made_up_nights(options):
    held = {"precision": 0, "recall": 0}
    nights = 20
    for seed in range(nights):
        made = MadeUp(seed, **options)
        found = made.night.quality()
        for source in MadeUp.SOURCES:
            row = found[source, None, "All"]
            for what, true in zip(held, made.truth(source), strict=True):
                held[what] += row[f"{what}_low"] - 1e-9 <= true <= row[f"{what}_high"] + 1e-9
                assert abs(row[f"{what}_estimate"] - true) < 0.05
    assert held["precision"] >= 0.9 * nights * len(MadeUp.SOURCES)
    assert held["recall"] >= 0.9 * nights * len(MadeUp.SOURCES)
