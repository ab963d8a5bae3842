"""Whatever forms say: the same forms again add nothing, in any order, and every event names terms that are kept."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.forms import FORM_SCHEMA, LATEST, NewEvents, new_events
from consent.vocabulary import vocabulary

DECISIONS = st.sampled_from([*vocabulary().decisions, "Opt-Out", "nonsense", "", None])
SCOPES = st.sampled_from([*vocabulary().scopes, "Human Services", "nonsense", None])
MONTHS = st.sampled_from(["2026-07", "2026-08", "2027-01", None])
LISTED = ["research", "health.*", "school", "parent", "ferpa.consent", "signature", "purpose", "?", "ünknown", ";"]
WORDS = st.lists(st.sampled_from(LISTED), max_size=3).map(" ; ".join)
KEYS = st.sampled_from([bytes([n]) * 16 for n in range(3)])
CELLS = {
    "record_key": KEYS,
    "decision": DECISIONS,
    "scope": SCOPES,
    "about_source": st.sampled_from(["school", " School", "", None]),
    "about_record": st.none() | KEYS,
    "evidence": st.none() | KEYS,
    **{name: MONTHS for name in FORM_SCHEMA.names if name.endswith("_month")},
}
FORM = st.fixed_dictionaries({name: CELLS.get(name, st.none() | WORDS) for name in FORM_SCHEMA.names})


class Ledger:
    """A ledger of the simplest kind: the newest event of each form, in memory."""

    def __init__(self) -> None:
        self.newest: dict[bytes, dict[str, Any]] = {}

    def record(self, forms: list[dict[str, Any]]) -> NewEvents:
        held = pa.Table.from_pylist(
            [{name: event[name] for name in LATEST.names} for event in self.newest.values()], schema=LATEST
        )
        new = new_events(pa.Table.from_pylist(forms, schema=FORM_SCHEMA), held, "2026-09-01")
        self.newest |= {event["record_key"]: event for event in new.events.to_pylist()}
        return new


@settings(deadline=None, max_examples=15)
@given(st.lists(FORM, min_size=1, max_size=4), st.lists(FORM, max_size=3), st.randoms())
def test_the_same_forms_again_add_nothing(first: list[dict[str, Any]], second: list[dict[str, Any]], chance: Any):
    ledger = Ledger()
    ledger.record(first)
    new = ledger.record(second)
    again = [*second]
    chance.shuffle(again)
    assert ledger.record(again).events.num_rows == 0
    assert len({form["record_key"] for form in second}) >= new.events.num_rows
    events = new.events.to_pylist()
    assert {event["terms_id"] for event in events} - {None} == {terms.terms_id for terms in new.terms}
    assert {event["decision"] for event in events} <= set(vocabulary().decisions) - {"correct"}
    assert all(event["scope"] in vocabulary().scopes for event in events)
