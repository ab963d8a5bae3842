"""The trail as it is used, in any order: append, sign, anchor, destroy; whatever was done, the trail verifies clean."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consent.anchors import Anchor, printed, read_anchors
from consent.registry import open_registry, writing
from consent.tables import audit_event
from consent.trail import KINDS, AuditTrail
from consent.trail_check import check
from consent.trail_errors import TrailError

KEY = Ed25519PrivateKey.generate()
KINDS_BUT_ERASURE = [kind for kind in KINDS if kind != "erasure"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


class Trail(RuleBasedStateMachine):
    """A trail, and beside it how many events there are, which payloads are gone, how far it is signed and anchored."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.trail = AuditTrail(open_registry(f"sqlite:///{self.root / 'registry.sqlite'}"))
        self.kinds: list[str] = []
        self.erased: set[int] = set()
        self.signed = 0
        self.anchors: list[Anchor] = []

    def teardown(self) -> None:
        self.trail.engine.dispose()
        shutil.rmtree(self.root)

    @rule(kind=st.sampled_from(KINDS_BUT_ERASURE), payload=st.dictionaries(st.text(max_size=3), VALUES, max_size=2))
    def append(self, kind, payload):
        event = self.trail.append(kind, f"é {kind}", payload, actor="night")
        self.kinds.append(kind)
        assert event.sequence == len(self.kinds)

    @rule()
    def append_and_fail(self):
        with pytest.raises(RuntimeError), writing(self.trail.engine, audit_event) as connection:
            self.trail.append("load", "school", {}, actor="night", connection=connection)
            raise RuntimeError

    @rule()
    def checkpoint(self):
        self.trail.checkpoint(KEY)
        self.signed = len(self.kinds)

    @rule()
    def anchor(self):
        made = self.trail.checkpoint(KEY)
        self.signed = len(self.kinds)
        if made is not None:
            self.anchors += read_anchors(printed(made))

    @rule(chosen=st.sets(st.integers(1, 15), min_size=1, max_size=4))
    def erase(self, chosen):
        there = {number for number in chosen if number <= len(self.kinds)}
        if there != chosen or any(self.kinds[number - 1] == "erasure" for number in chosen):
            with pytest.raises(TrailError):
                self.trail.erase(chosen, "why", actor="lead")
            return
        event = self.trail.erase(chosen, "why", actor="lead")
        assert (event is None) == (chosen <= self.erased)
        if event is not None:
            self.kinds.append("erasure")
            self.erased |= chosen

    @invariant()
    def verifies_clean(self):
        report = check(self.trail.engine, [KEY.public_key()], self.anchors)
        assert report.whole, report.sentences()
        assert (report.events, report.signed_to) == (len(self.kinds), self.signed)
        assert report.proven_to == max((one.sequence for one in self.anchors), default=0)
        assert sum(one.payloads for one in report.destroyed) == len(self.erased)
        assert report.payloads == len(self.kinds) - len(self.erased)


TestTrail = Trail.TestCase
TestTrail.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
