"""Where silence is a no: the classes of a source that rest on nothing but the family's own consent.

Which doors are such is data (`opt_in` in `vocabulary/exceptions.yaml`). Whether a family has consented is `consent`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mou_policies.vocabulary import exceptions

if TYPE_CHECKING:
    from mou_policies.model import SourcePolicy
    from mou_policies.policy import Policy


def opt_in_sources(policy: Policy) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return the opt-in sources, each with its opt-in classes and the exceptions on which a consent must stand.

    A class is opt-in when every exception it rests on asks for consent. Classes that no exception is about (dates,
    places, sex) come with the others; only where a source has no other are they what is asked for. A source under a
    consent exception alone is opt-in; so is one of which a single class rests on one, because a source leaves whole.
    """
    found = {name: _opt_in_classes(source) for name, source in policy.sources.items() if source.kind == "records"}
    return {name: classes for name, classes in found.items() if classes}


def _opt_in_classes(source: SourcePolicy) -> dict[str, tuple[str, ...]]:
    doors: dict[str, set[str]] = {}
    for table in source.tables.values():
        for field in table.content_fields:
            doors.setdefault(field.cls, set()).update(field.doors)
    rules = exceptions()
    asking = {cls: sorted(named) for cls, named in doors.items() if named and all(rules[d].opt_in for d in named)}
    about = {cls: named for cls, named in asking.items() if any(cls in rule.covers for rule in rules.values())}
    return {cls: tuple(named) for cls, named in sorted((about or asking).items())}
