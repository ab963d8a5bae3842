"""The layout names everything by which two versions' tokens could be taken for one another's."""

from dataclasses import replace

import pytest

from linkage import rules
from linkage.rules import ANCHORS, TAGS

FIRST, *OTHERS = ANCHORS
CHANGES = {
    "a tag of other parts": ("TAGS", (replace(TAGS[0], parts=TAGS[0].parts[:-1]), *TAGS[1:])),
    "tags in another order": ("TAGS", TAGS[::-1]),
    "an anchor of other parts": ("ANCHORS", (replace(FIRST, parts=FIRST.parts[:-1]), *OTHERS)),
    "one feature less": ("ANCHORS", (replace(FIRST, features=FIRST.features[:-1]), *OTHERS)),
    "features in another order": ("ANCHORS", (replace(FIRST, features=FIRST.features[::-1]), *OTHERS)),
    "an anchor that is asked": ("ANCHORS", (replace(FIRST, asked=not FIRST.asked), *OTHERS)),
    "an anchor that is silent where others met": ("ANCHORS", (replace(FIRST, unless=("s",)), *OTHERS)),
    "another normalisation": ("NORMALISATION", rules.NORMALISATION + 1),
    "one anchor less": ("ANCHORS", tuple(OTHERS)),
}


@pytest.mark.parametrize("case", CHANGES)
def test_tokens_of_other_rules_have_another_layout(monkeypatch, case):
    before = rules.layout()
    monkeypatch.setattr(rules, *CHANGES[case])
    assert rules.layout() != before


def test_the_layout_is_the_same_in_every_process():
    assert rules.layout() == rules.layout()
    assert len(rules.layout()) == 16
