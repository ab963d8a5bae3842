"""Who takes part in a night: the new records, the children they meet, and the children reviewers have spoken of."""

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.decisions import Decisions
from linkage.ledger import LedgerState
from linkage.records import key_matrix, record_keys
from linkage.tokens import encode
from linkage.universe import NOBODY, Universe, build_universe
from linkage.vault import Vault

CHILDREN = {  # what is in the vault and in the ledger before tonight: source and person -> child
    "birth 0": 0,
    "school 0": 0,
    "birth 1": 1,
    "school 9": 1,  # linked once, and shares nothing with "birth 1"
    "birth 2": 2,
}
PROMISED = {"birth", "school"}


class City:
    """A vault and a ledger of the records above, every person with a name and a birth date of their own."""

    def __init__(self, folder):
        self.ring, self.path = fixed_ring(folder / "keys"), folder / "vault"
        self.load(*CHILDREN)
        vault = self.vault
        waiting = vault.waiting()
        vault.commit(waiting, build_universe(vault, waiting, NOBODY, PROMISED, Decisions()).slots)
        self.label = {self.key(record): record for record in (*CHILDREN, "health 1", "health 5")}

    @property
    def vault(self) -> Vault:
        return Vault(self.path, self.ring)

    @property
    def ledger(self) -> LedgerState:
        ordered = sorted(CHILDREN, key=self.key)
        source = np.array([["birth", "school"].index(record.split()[0]) for record in ordered], np.int16)
        child = np.array([CHILDREN[record] for record in ordered])
        return LedgerState(("birth", "school"), source, self.keys(*ordered), child, child.max() + 1)

    def load(self, *records: str, given: str = "Anna") -> None:
        for record in records:
            source, person = record.split()
            columns = {"given": [given + "bcdefghijk"[int(person)]], "surname": ["Quimby" + "aeiouyaeio"[int(person)]]}
            rows = pa.table({"record_key": self.keyed(record), **columns, "birth_date": [f"2015-03-1{person}"]})
            self.vault.upsert(source, encode(rows, source, self.ring))

    def keyed(self, record: str) -> pa.Array:
        return record_keys(pa.array([record]), record.partition(" ")[0], self.ring)

    def key(self, record: str) -> bytes:
        return self.keyed(record)[0].as_py()

    def keys(self, *records: str) -> np.ndarray:
        return key_matrix(pa.array([self.key(record) for record in records], pa.binary(16)))

    def tonight(self, must=(), cannot=()) -> Universe:
        must, cannot = (np.stack([self.keys(*p) for p in pairs]) if pairs else NO_PAIRS for pairs in (must, cannot))
        vault = self.vault
        return build_universe(vault, vault.waiting(), self.ledger, PROMISED, Decisions(must, cannot))

    def members(self, tonight: Universe) -> list[str]:
        """Return the records of every node, by node number."""
        nodes: list[list[str]] = [[] for _ in range(len(tonight.nodes.sources))]
        for node, key in zip(tonight.nodes.member_node.tolist(), tonight.member_keys, strict=True):
            nodes[node].append(self.label[bytes(key)])
        return [", ".join(sorted(node)) for node in nodes]

    def pairs(self, tonight: Universe, nodes: np.ndarray) -> list[set[str]]:
        members = self.members(tonight)
        return [{members[one], members[other]} for one, other in nodes.tolist()]


NO_PAIRS = Decisions().must


@pytest.fixture
def city(tmp_path):
    return City(tmp_path)


NIGHTS = {  # new or changed records, withdrawn ones -> what is one child before tonight's rounds
    "nothing new": ((), (), []),
    "a stranger": (["health 5"], (), ["health 5"]),
    "a new record, and all of the child it meets": (["health 1"], (), ["birth 1, school 9", "health 1"]),
    "the child it met has lost a record": (["health 1"], ["school 9"], ["birth 1", "health 1"]),
    "all who were to be met are withdrawn": (["health 1"], ["birth 1"], ["health 1"]),
}


@pytest.mark.parametrize("case", NIGHTS)
def test_who_takes_part(city, case):
    new, gone, expected = NIGHTS[case]
    city.load(*new)
    for record in gone:
        city.vault.remove(record.split()[0], city.keyed(record))
    tonight = city.tonight()
    assert sorted(city.members(tonight)) == expected
    assert tonight.fresh == len(new)


def test_a_changed_record_leaves_its_child_and_is_compared_again(city):
    city.load("birth 0", given="Zoe")
    city.load("health 1")
    tonight = city.tonight()
    assert sorted(city.members(tonight)) == ["birth 0", "birth 1, school 9", "health 1"]
    assert tonight.population == len(CHILDREN) + 1


def test_nodes_know_which_sources_they_hold_and_which_of_them_promise_one_record_a_child(city):
    city.load("health 1")
    tonight = city.tonight()
    bits = {name: 1 << number for number, name in enumerate(tonight.names)}
    by_members = dict(zip(city.members(tonight), range(9), strict=False))
    child, new = by_members["birth 1, school 9"], by_members["health 1"]
    assert tonight.nodes.sources[[child, new]].tolist() == [bits["birth"] | bits["school"], bits["health"]]
    assert tonight.nodes.single[[child, new]].tolist() == [bits["birth"] | bits["school"], 0]


SAID = {  # pairs to join, pairs to keep apart -> nodes, joined, kept apart
    "two children are one": ([("birth 0", "birth 2")], [], ["birth 0, school 0", "birth 2"], 1, 0),
    "they are one already": ([("birth 0", "school 0")], [], ["birth 0, school 0"], 0, 0),
    "a child is two": ([], [("birth 0", "school 0")], ["birth 0", "school 0"], 0, 1),
    "they are two already": ([], [("birth 0", "birth 2")], ["birth 0, school 0", "birth 2"], 0, 1),
    "a record that is not here": ([("birth 2", "health 5")], [], ["birth 2"], 0, 0),
}


@pytest.mark.parametrize("case", SAID)
def test_children_that_a_reviewer_has_spoken_of_take_part_though_nothing_is_new(city, case):
    must, cannot, expected, joined, apart = SAID[case]
    tonight = city.tonight(must, cannot)
    assert sorted(city.members(tonight)) == expected
    assert city.pairs(tonight, tonight.must) == [set(expected)] * joined
    assert city.pairs(tonight, tonight.cannot) == [set(expected)] * apart
