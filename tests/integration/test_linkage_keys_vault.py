"""Keys on a linked city: K2 changes under the vault, and an agency's machine makes the tokens that the hub would."""

from datetime import date

import numpy as np
import pytest
from support.linkage_city import ONE_RECORD, make_city

from linkage.keys import AgencyRing, KeyRing
from linkage.ledger import Ledger
from linkage.records import record_keys
from linkage.rotation import rotate_k2
from linkage.rules import layout
from linkage.run import link
from linkage.tokens import encode
from linkage.vault import Vault


class Hub:
    """A key ring, a vault and a ledger in a folder."""

    def __init__(self, folder):
        self.keys, self.vault = folder / "keys", folder / "vault"
        self.ledger, self.evidence = folder / "ledger.sealed", folder / "evidence.sealed"
        KeyRing.create(self.keys)

    @property
    def ring(self):
        return KeyRing.load(self.keys)

    def load(self, city):
        vault, ring = Vault(self.vault, self.ring), self.ring
        return {source: vault.upsert(source, encode(city.keyed(source, ring), source, ring)) for source in city.tables}

    def link(self, night):
        link(self.vault, self.ledger, self.evidence, ONE_RECORD, night, self.ring)
        rows = Ledger(self.ledger, self.ring).record_child().to_pylist()
        return {(row["source"], row["record_key"]): row["child_id"] for row in rows}


@pytest.fixture(scope="module")
def city():
    return make_city(120, seed=5)


def test_k2_changes_under_a_linked_city_and_no_child_id_does(city, tmp_path):
    hub = Hub(tmp_path)
    loaded = hub.load(city)
    assert min(loaded.values()) > 0
    before = hub.link(date(2026, 9, 1))
    old, seen = hub.ring, Vault(hub.vault, hub.ring).tables()

    def die(step):
        if step == "vault set aside":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate_k2(hub.keys, hub.vault, Vault, die)
    assert rotate_k2(hub.keys, hub.vault, Vault) == "resumed"
    assert hub.ring.k2_fingerprint != old.k2_fingerprint
    after = Vault(hub.vault, hub.ring).tables()
    labels = [np.asarray(tables["anchors"].column("label")) for tables in (seen, after)]
    assert len(labels[0]) == len(labels[1]) > 0
    assert not np.isin(labels[0], labels[1]).any()
    assert set(hub.load(city).values()) == {0}
    assert hub.link(date(2026, 9, 2)) == before
    grown = make_city(160, seed=5)
    assert min(hub.load(grown).values()) >= 0
    assert hub.link(date(2026, 9, 3)).items() >= before.items()


def test_an_agency_makes_the_tokens_that_the_hub_would(city, tmp_path):
    hub = Hub(tmp_path)
    hub.ring.export_kit(tmp_path / "kit.json", ["record.school"], layout())
    agency = AgencyRing.load(hub.keys / "k1.key", tmp_path / "kit.json")
    ids = city.tables["school"].column("record_id")
    assert record_keys(ids, "school", agency) == record_keys(ids, "school", hub.ring)
    ours, theirs = (encode(city.keyed("school", ring), "school", ring).to_table() for ring in (hub.ring, agency))
    assert ours == theirs
