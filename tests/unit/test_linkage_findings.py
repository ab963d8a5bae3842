"""What a night leaves behind of its reasons: evidence that fits the ledger, a transcript of what was sent."""

from datetime import date

import numpy as np
import pytest
from support.linkage_city import ONE_RECORD, make_city
from support.linkage_keys import fixed_ring

from linkage.errors import SealError
from linkage.evidence import JOINS, KEEP_BITS, LINKED, REFUSED, TIED, evidence_store, pairs_schema
from linkage.findings import comparison_names, merged_evidence
from linkage.keys import KeyRing
from linkage.ledger import Ledger
from linkage.records import key_matrix
from linkage.rules import ANCHORS, ROUND, TAGS
from linkage.run import link
from linkage.tokens import encode
from linkage.vault import Vault


class Linked:
    """A linked city of 150 children: its evidence, its transcript, and the child of every record."""

    def __init__(self, folder):
        self.ring, self.path, seen = fixed_ring(folder / "keys"), folder / "evidence.sealed", []
        city, vault = make_city(150, seed=5), Vault(folder / "vault", self.ring)
        for source in city.tables:
            vault.upsert(source, encode(city.keyed(source, self.ring), source, self.ring))
        self.report = link(
            folder / "vault", folder / "ledger", self.path, ONE_RECORD, date(2026, 9, 1), self.ring, observe=seen.append
        )
        [self.transcript] = seen
        self.evidence = evidence_store(self.path, self.ring).read()
        ids = Ledger(folder / "ledger", self.ring).record_child().to_pydict()
        self.child = dict(zip(zip(ids["source"], ids["record_key"], strict=True), ids["child_id"], strict=True))

    def one_child(self, name):
        """Whether both records of each row of a table of evidence are one child."""
        rows = self.evidence[name].to_pylist()
        sides = [[self.child[row[f"{side}_source"], row[f"{side}_key"]] for row in rows] for side in ("left", "right")]
        return [one == other for one, other in zip(*sides, strict=True)]


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    return Linked(tmp_path_factory.mktemp("linked"))


def test_evidence_is_of_the_links_in_the_ledger(linked):
    pairs = linked.evidence["pairs"]
    assert pairs.schema.equals(pairs_schema(comparison_names()))
    assert linked.evidence["joins"].schema.equals(JOINS)
    outcome = pairs.column("outcome").to_pylist()
    assert [one == LINKED for one in outcome] == linked.one_child("pairs")
    assert set(outcome) <= {LINKED, REFUSED, TIED}
    assert all(linked.one_child("joins"))
    weight = pairs.column("weight").to_numpy()
    assert ((weight >= KEEP_BITS) | np.array(linked.one_child("pairs"))).all()
    assert set(linked.evidence["joins"].column("tag").to_pylist()) <= {tag.id for tag in TAGS}


def test_evidence_opens_with_its_own_ring_alone(linked, tmp_path):
    with pytest.raises(SealError, match="does not open with this key ring"):
        evidence_store(linked.path, KeyRing.create(tmp_path / "other")).read()


def test_evidence_of_replaced_records_is_forgotten_and_tonights_added(linked):
    before = linked.evidence
    away = key_matrix(before["pairs"].column("left_key"))[:3]
    gone = {bytes(key) for key in away}
    nothing = {name: table.slice(0, 0) for name, table in before.items()}
    for tonight in (nothing, {name: table.slice(0, 2) for name, table in before.items()}):
        merged = merged_evidence(before, tonight, away)
        for name, table in before.items():
            kept = [row for row in table.to_pylist() if not gone & {row["left_key"], row["right_key"]}]
            assert merged[name].to_pylist() == kept + tonight[name].to_pylist()
    assert merged_evidence({}, before, away)["pairs"].equals(before["pairs"])


def test_the_transcript_holds_each_round_and_no_feature_that_was_not_opened(linked):
    tags, anchors, features = linked.transcript.sent
    assert (tags.round_id, anchors.round_id, features.round_id) == ("tags", "anchors", "features")
    assert (tags.columns, features.columns) == (tuple(tag.id for tag in TAGS), ROUND.features)
    assert len(linked.transcript.source) == len(tags.record) == sum(linked.report.records.values())
    assert tags.present.all()
    for sent in linked.transcript.sent:
        assert sent.tokens.shape == sent.present.shape == (len(sent.columns), len(sent.record))
        assert len(set(sent.record.tolist())) == len(sent.record)
    assert len(anchors.record) >= linked.report.sent_anchors
    assert set(features.record.tolist()) <= set(anchors.record.tolist())
    assert len(features.record) == linked.report.opened < len(tags.record) / 2
    for anchor, span in zip(ANCHORS, ROUND.spans, strict=True):
        shown = features.present[span]
        assert (shown == shown[:1]).all(), anchor.id
    assert 0 < features.present.mean() < 0.5


def test_comparable_columns_are_forms_of_one_name_under_one_anchor(linked):
    features = linked.transcript.sent[2]
    groups = [[features.columns[number] for number in group] for group in features.comparable]
    assert len(groups) > 4
    for group in groups:
        assert len({name.split("_")[0] for name in group}) == 1
        assert len({name.split("_")[1] for name in group}) == 1
