"""A rotation of K1, source after source: whoever comes again keeps the child, whoever does not keeps it too."""

from datetime import date, timedelta

import pytest
from support.linkage_city import ONE_RECORD, make_city

from linkage.keys import KeyRing
from linkage.ledger import Ledger
from linkage.rotation import begin_k1, finish_k1
from linkage.run import link
from linkage.tokens import encode
from linkage.vault import Vault

FIRST = date(2026, 9, 1)


class Hub:
    def __init__(self, folder):
        self.folder, self.night = folder, FIRST
        KeyRing.create(folder / "keys")

    @property
    def ring(self):
        return KeyRing.load(self.folder / "keys")

    def load(self, city, *sources):
        """Load whole sources, link, and return how many records were made into tokens anew."""
        vault, ring = Vault(self.folder / "vault", self.ring), self.ring
        changed = sum(vault.upsert(source, encode(city.keyed(source, ring), source, ring)) for source in sources)
        places = [self.folder / name for name in ("vault", "ledger", "evidence")]
        link(*places, ONE_RECORD, self.night, ring)
        self.night += timedelta(1)
        return changed

    @property
    def children(self):
        table = Ledger(self.folder / "ledger", self.ring).record_child().to_pydict()
        return {
            (source, key): child
            for source, key, child in zip(table["source"], table["record_key"], table["child_id"], strict=True)
        }


@pytest.fixture(scope="module")
def rotated(tmp_path_factory):
    """A hub that loaded a city, rotated K1 while the sources came in full one after the other, and went on."""
    hub, city = Hub(tmp_path_factory.mktemp("hub")), make_city(300, seed=5)
    told = {"before": (hub.load(city, *city.tables), hub.children)}
    begin_k1(hub.folder / "keys")
    for source in city.tables:
        told[source] = (hub.load(city, source), hub.children)
    finish_k1(hub.folder / "keys")
    told["after"] = (hub.load(city, *city.tables), hub.children)
    return city, told


def test_every_record_keeps_its_child_through_the_rotation(rotated):
    city, told = rotated
    before = told["before"][1]
    assert [name for name in (*city.tables, "after") if told[name][1] != before] == []


def test_during_the_rotation_every_record_that_comes_is_made_into_tokens_anew_and_then_none(rotated):
    city, told = rotated
    assert {name: told[name][0] for name in city.tables} == {name: city.tables[name].num_rows for name in city.tables}
    assert told["after"][0] == 0
