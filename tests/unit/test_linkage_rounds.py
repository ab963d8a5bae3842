"""The rounds: who is joined by a tag, who sends anchors, who shows features, and who must ask."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.decisions import Decisions
from linkage.findings import transcript_of
from linkage.linking import Clock, link_tonight
from linkage.model import load_model
from linkage.multimap import SLOTS
from linkage.records import record_keys
from linkage.rounds import Held, Nodes, collisions, grouped, joined_by, representatives
from linkage.rules import ANCHORS, ASKED
from linkage.run import link
from linkage.tokens import encode
from linkage.universe import NOBODY, build_universe
from linkage.vault import Vault

NIGHT = date(2026, 9, 1)
ANN = {"given": "Ann", "middle": "B", "surname": "Quimby", "birth_date": "2015-03-09", "sex": "F", "zip": "02909"}
NONE = np.empty((0, 2), np.int64)


# --- pure functions over numbers -----------------------------------------------------------------


def held(values: str, sources: str) -> Held:
    n = len(values)
    parts = ([ord(v) for v in values], range(n), range(n), [int(s) for s in sources])
    return Held(*(np.array(part, np.int64) for part in parts))


JOINED = {  # values, sources, sources with one record a child -> chains of records
    "two sources": ("xx", "01", (0, 1), [(0, 1)]),
    "three sources are a chain": ("xxx", "012", (0, 1, 2), [(0, 1), (1, 2)]),
    "a source that promises one record holds two": ("xxx", "001", (0,), []),
    "another source may hold a child twice": ("xxx", "001", (), [(0, 1), (1, 2)]),
    "other values are other children": ("xyxy", "0011", (0, 1), [(0, 2), (1, 3)]),
    "nobody": ("", "", (), []),
}


@pytest.mark.parametrize("case", JOINED)
def test_who_is_joined_by_a_tag(case):
    values, sources, single, expected = JOINED[case]
    joins = joined_by(held(values, sources), 0, np.isin(np.arange(3), single))
    assert list(zip(joins.left.tolist(), joins.right.tolist(), strict=True)) == expected


def nodes(sources: str, single: set[int]) -> Nodes:
    of = np.array([int(s) for s in sources])
    return Nodes.of(len(of), np.arange(len(of)), of, np.isin(np.arange(9), list(single)))


GROUPED = {  # sources, joins, must, cannot -> groups
    "joined": ("012", [(0, 1), (1, 2)], [], [], "0 0 0"),
    "a reviewer joins": ("012", [(0, 1)], [(1, 2)], [], "0 0 0"),
    "a reviewer parts what a tag joined": ("012", [(0, 1), (1, 2)], [], [(0, 1)], "0 1 2"),
    "two tags that contradict each other": ("010", [(0, 1), (1, 2)], [], [], "0 1 2"),
    "a reviewer wins over a contradiction": ("010", [(0, 1), (1, 2)], [(0, 1)], [], "0 0 1"),
    "two reviewed pairs of one two children, one joined and one parted": ("012", [], [(0, 1)], [(1, 0)], "0 1 2"),
    "what is parted stays so, whatever else is joined": ("0123", [(0, 1)], [(2, 3)], [(0, 1)], "0 1 2 2"),
}


@pytest.mark.parametrize("case", GROUPED)
def test_groups_fall_back_to_their_nodes_when_they_contradict_themselves(case):
    sources, joins, must, cannot, expected = GROUPED[case]
    pairs = (np.array(part, np.int64).reshape(-1, 2) for part in (joins, must, cannot))
    group = grouped(nodes(sources, {0, 1, 2}), *pairs).tolist()
    seen: dict[int, int] = {}
    assert " ".join(str(seen.setdefault(number, len(seen))) for number in group) == expected


def test_an_accepted_chain_does_not_join_what_a_reviewer_refused():
    nobody, accepted, refused = np.empty((0, 2), np.int64), np.array([(0, 1), (1, 2)]), np.array([(0, 2)])
    group = grouped(nodes("012", set()), nobody, accepted, refused)
    assert group[0] != group[2]


def test_accepted_pairs_do_not_give_one_child_two_records_of_a_source_that_promises_one():
    nobody, accepted = np.empty((0, 2), np.int64), np.array([(0, 1), (2, 3)])
    group = grouped(nodes("0012", {0}), nobody, accepted, nobody)
    assert (group[0] != group[1], group[2] == group[3]) == (True, True)


def test_one_record_speaks_for_those_of_a_group_that_say_the_same():
    group, value = np.array([0, 0, 0, 1, 2]), np.array([7, 7, 8, 7, 9])
    active = np.array([True, True, True, True, False])
    assert representatives(group, value, active).tolist() == [0, 2, 3]


def test_records_of_one_group_and_of_one_promised_source_do_not_collide():
    value = np.array([5, 5, 5, 5], np.uint64)
    group = np.array([0, 0, 1, 2])
    single = np.array([1, 1, 2], np.uint64)  # of each group
    pairs, crowded = collisions(value, group, single)
    found = {tuple(sorted(pair)) for one, other in pairs for pair in zip(one.tolist(), other.tolist(), strict=True)}
    assert found == {(0, 3), (1, 3), (2, 3)}
    assert crowded == 0


def test_a_value_that_too_many_share_blocks_nothing_and_is_counted():
    for n, expected in ((SLOTS, (SLOTS * (SLOTS - 1) // 2, 0)), (SLOTS + 1, (0, 1))):
        pairs, crowded = collisions(np.zeros(n, np.uint64), np.arange(n), np.zeros(n, np.uint64))
        assert (sum(len(one) for one, _ in pairs), crowded) == expected


# --- with real tokens ----------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path):
    return Hub(tmp_path)


class Hub:
    """A vault and what links it."""

    def __init__(self, folder):
        self.ring = fixed_ring(folder / "keys")
        self.vault, self.ledger, self.evidence = folder / "vault", folder / "ledger.sealed", folder / "evidence.sealed"

    def load(self, source: str, *children: dict) -> None:
        names = sorted({name for child in children for name in child})
        ids = pa.array([f"{source}-{number}" for number in range(len(children))])
        columns = {name: pa.array([child.get(name) for child in children], pa.string()) for name in names}
        rows = pa.table({"record_key": record_keys(ids, source, self.ring), **columns})
        Vault(self.vault, self.ring).upsert(source, encode(rows, source, self.ring))

    def link(self, single=("birth", "school"), night=NIGHT):
        seen = []
        report = link(self.vault, self.ledger, self.evidence, set(single), night, self.ring, observe=seen.append)
        return report, seen[0]

    def rounds(self):
        vault = Vault(self.vault, self.ring)
        tonight = build_universe(vault, vault.waiting(), NOBODY, {"birth", "school"}, Decisions())
        return transcript_of(link_tonight(tonight, vault, load_model(), 0.0, Clock()))


def sent(transcript, round_id: str) -> dict[str, list[bool]]:
    found = next(one for one in transcript.sent if one.round_id == round_id)
    return {name: present.tolist() for name, present in zip(found.columns, found.present, strict=True)}


def test_a_child_whom_a_tag_completes_sends_nothing_more(hub):
    hub.load("birth", ANN)
    hub.load("school", ANN)
    transcript = hub.rounds()
    assert [len(one.record) for one in transcript.sent] == [2, 0, 0]


def test_only_records_that_meet_show_features_and_only_under_the_anchor_they_share(hub):
    mother = {"mother_given": "Eve"}
    hub.load("birth", ANN | mother, {"given": "Zoe", "surname": "Adler", "birth_date": "2012-01-07", "sex": "F"})
    hub.load("school", ANN | mother | {"surname": "Quimbey"})
    transcript = hub.rounds()
    shown = next(one for one in transcript.sent if one.round_id == "features")
    assert len(shown.record) == 2
    same = {"given_canonical", "birth_date", "birth_year_month", "birth_any_order", "sex", "zip", "middle"} | {*mother}
    met = {a.id for a in ANCHORS if set(a.parts) <= same and not a.asked}
    expected = {a.id for a in ANCHORS if a.id in met and not met & set(a.unless)}
    under = {name.split("_")[0] for name, present in sent(transcript, "features").items() if any(present)}
    assert under == expected != set()


def test_names_alone_are_sent_only_where_somebody_asks(hub):
    asked = [ANCHORS[number].id for number in ASKED]
    hub.load("birth", ANN, ANN | {"birth_date": "2013-05-05"})
    hub.load("school", ANN | {"birth_date": "2011-06-17"})
    names = sent(hub.rounds(), "anchors")
    assert not any(any(names[name]) for name in asked)
    assert all(all(names[f"{name}_asked"]) for name in asked)
    hub.load("school", ANN | {"birth_date": None})
    names = sent(hub.rounds(), "anchors")
    for name in asked:
        unknown = "mother_given" in next(a.parts for a in ANCHORS if a.id == name)
        assert names[name] == [not unknown] * len(names[name]), "nobody knows a mother, so nobody asks by her"


def test_a_number_is_answered_by_whoever_of_a_group_has_it(hub):
    number = {"ssn": "223456788"}
    hub.load("birth", ANN)
    hub.load("health", ANN | number)
    nobody = [one.record.tolist() for one in hub.rounds().sent if one.round_id == "features"]
    hub.load("school", ANN | number | {"surname": "Adler", "birth_date": "2015-08-19"})
    transcript = hub.rounds()
    columns = sent(transcript, "anchors")
    anchors = next(one for one in transcript.sent if one.round_id == "anchors")
    health = anchors.record.tolist().index(1)
    assert nobody == [[]]
    assert [name for name, present in columns.items() if present[health]] == ["s"], "it sends nothing else"
    assert hub.link()[0].children == 1


BY_NAMES = {  # birth dates of two records that agree in all else -> how many children
    "one is missing": ("2015-03-09", None, 1),
    "one is a clerk's default": ("2015-03-09", "2001-01-01", 1),
    "both are missing": (None, None, 1),
    "both are known and far apart": ("2015-03-09", "2011-06-17", 2),
}


@pytest.mark.parametrize("case", BY_NAMES)
def test_only_a_record_without_a_known_birth_date_meets_others_by_names(hub, case):
    one, other, expected = BY_NAMES[case]
    rare = ANN | {"surname": "Quimbyowski", "mother_given": "Eve"}
    hub.load("birth", rare | {"birth_date": one})
    hub.load("school", rare | {"birth_date": other})
    report, _ = hub.link()
    assert (report.children, report.pairs_scored) == (expected, 2 - expected)


@pytest.mark.parametrize("later", ["without a date", "with a date"])
def test_asking_works_over_nights_whoever_came_first(hub, later):
    rare = ANN | {"surname": "Quimbyowski", "mother_given": "Eve"}
    dateless = rare | {"birth_date": None}
    hub.load("birth", rare if later == "without a date" else dateless)
    hub.link()
    hub.load("school", dateless if later == "without a date" else rare)
    report, _ = hub.link(night=date(2026, 9, 2))
    assert report.children == 1


TWINS = {  # what the second twin's school record says, and how many children there are
    "both wrote down well": ({}, 2),
    "middle initials differ": ({"middle": "C"}, 2),
}


@pytest.mark.parametrize("case", TWINS)
def test_twins_stay_apart(hub, case):
    written, expected = TWINS[case]
    both = {"mother_given": "Eve", "plurality": "2"}
    first, second = ANN | both | {"birth_order": "1"}, ANN | both | {"given": "Zoe", "birth_order": "2"} | written
    hub.load("birth", first, second)
    hub.load("school", first | {"birth_order": None}, second | {"birth_order": None})
    report, _ = hub.link()
    assert report.children == expected


def test_a_twin_alone_in_a_source_is_not_taken_for_the_other(hub):
    first = ANN | {"mother_given": "Eve", "birth_order": "1", "plurality": "2"}
    hub.load("birth", first)
    hub.load("school", first | {"given": "Zoe", "middle": "C", "birth_order": None})
    assert hub.link()[0].children == 2


def test_a_record_without_any_usable_identifier_is_a_child_alone(hub):
    hub.load("birth", ANN, {"given": "Baby Girl"}, {})
    hub.load("health", {"given": "Baby Girl"}, {})
    assert hub.link()[0].children == 5
