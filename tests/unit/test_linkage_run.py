"""One night from end to end on a handful of records: what sources promise, settings, interruptions, refusals."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.errors import LinkageError
from linkage.identifiers import IDENTIFIERS
from linkage.ledger import Ledger
from linkage.records import record_keys
from linkage.run import MOST_SOURCES, LinkReport, LinkSettings, link
from linkage.tokens import encode
from linkage.vault import Vault

ANN = {"given": "Ann", "middle": "B", "surname": "Quimby", "birth_date": "2015-03-09", "sex": "F", "zip": "02909"}
ZOE = {"given": "Zoe", "middle": "C", "surname": "Adler", "birth_date": "2012-07-21", "sex": "F", "zip": "02906"}
MISTYPED = ANN | {"surname": "Quimbey"}


class Hub:
    """A vault, a ledger and the evidence, in a folder."""

    def __init__(self, folder):
        self.folder, self.ring = folder, fixed_ring(folder / "keys")
        self.ledger = folder / "ledger.sealed"

    @property
    def vault(self) -> Vault:
        return Vault(self.folder / "vault", self.ring)

    def load(self, source: str, *children: dict) -> None:
        ids = pa.array([f"{source}-{number}" for number in range(len(children))])
        columns = {name: pa.array([child.get(name) for child in children], pa.string()) for name in IDENTIFIERS}
        rows = pa.table({"record_key": record_keys(ids, source, self.ring), **columns})
        self.vault.upsert(source, encode(rows, source, self.ring))

    def link(self, day: int = 1, **settings) -> LinkReport:
        paths = (self.folder / "vault", self.ledger, self.folder / "evidence.sealed")
        return link(*paths, {"birth", "school"}, date(2026, 9, day), self.ring, LinkSettings(**settings))

    def key(self, record: str) -> bytes:
        return record_keys(pa.array([record]), record.partition("-")[0], self.ring)[0].as_py()

    def child_ids(self) -> dict[bytes, str]:
        current = Ledger(self.ledger, self.ring).record_child()
        return dict(zip(current.column("record_key").to_pylist(), current.column("child_id").to_pylist(), strict=True))


@pytest.fixture
def hub(tmp_path):
    return Hub(tmp_path)


PROMISES = {  # a source's records, whether it promises one record a child -> children
    "it promises and holds a child twice": ("birth", [ANN, ANN], 2),
    "it does not promise and holds a child twice": ("health", [ANN, ANN], 1),
    "it promises and holds two children": ("birth", [ANN, ZOE], 2),
    "nothing can be told of them": ("health", [{}, {}, {"given": "Ann"}], 3),
}


@pytest.mark.parametrize("case", PROMISES)
def test_children_of_one_source(hub, case):
    source, records, expected = PROMISES[case]
    hub.load(source, *records)
    assert hub.link().children == expected


def test_what_cannot_be_told_apart_later_is_not_guessed(hub):
    hub.load("birth", ANN, ANN)
    hub.load("health", ANN)
    report = hub.link()
    assert (report.children, report.abstained) == (3, 2)


def test_a_newborn_without_a_name_is_the_twin_of_its_birth_order(hub):
    family = {"mother_given": "Eve", "plurality": "2", "middle": None}
    first, second = ANN | family | {"birth_order": "1"}, ANN | family | {"given": "Zoe", "birth_order": "2"}
    hub.load("birth", first, second)
    hub.load("health", second | {"given": "Baby Girl B", "birth_order": None})
    hub.link()
    children = hub.child_ids()
    ann, zoe, newborn = (children[hub.key(record)] for record in ("birth-0", "birth-1", "health-0"))
    assert newborn == zoe != ann


def test_a_tag_settles_what_it_can_and_the_threshold_what_is_scored(hub, tmp_path):
    other = Hub(tmp_path / "other")
    for one in (hub, other):
        one.load("birth", ANN, ZOE)
        one.load("school", MISTYPED, ZOE)
    lenient, strict = hub.link(), other.link(threshold_bits=1000.0)
    assert (lenient.children, strict.children) == (2, 3)
    assert lenient.joined_by_tag == strict.joined_by_tag == 2, "one child's two records"
    assert (lenient.fresh, lenient.sent_anchors, lenient.opened, lenient.pairs_scored) == (4, 2, 2, 1)
    assert (lenient.pairs_linked, strict.pairs_linked) == (1, 0)


@pytest.mark.parametrize("file", ["anchors.rows", "records.rows"])
def test_a_night_that_is_interrupted_is_linked_again_with_the_same_children(hub, file):
    hub.load("birth", ANN, ZOE)
    hub.link(day=1)
    hub.load("school", MISTYPED, ZOE)
    blocked = hub.folder / "vault" / f"{file}.new"
    blocked.mkdir()
    with pytest.raises(OSError, match=blocked.name):
        hub.link(day=2)
    told = hub.child_ids()
    blocked.rmdir()
    again = hub.link(day=2)
    assert not again.changes
    assert (again.children, hub.vault.waits) == (2, False)
    assert hub.child_ids() == told
    assert hub.link(day=3).fresh == 0


def test_more_sources_than_can_be_told_apart_are_refused(hub):
    for number in range(MOST_SOURCES + 1):
        hub.load(f"source-{number}", ANN)
    with pytest.raises(LinkageError, match=f"more than {MOST_SOURCES} sources"):
        hub.link()
    assert not hub.ledger.exists()


def test_a_child_who_is_withdrawn_and_comes_back_is_the_same_child(hub):
    hub.load("birth", ANN, ZOE)
    hub.link(day=1)
    before = hub.child_ids()
    hub.vault.keep_only("birth", pa.array([], pa.binary(16)))
    hub.link(day=2)
    assert hub.child_ids() == {}
    assert [len(table) for table in hub.vault.tables().values()] == [0, 0]
    hub.load("birth", ANN, ZOE)
    hub.link(day=3)
    assert hub.child_ids() == before
    assert len(np.unique(list(before.values()))) == 2
