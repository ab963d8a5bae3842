"""The closed list of field classes: what a field is, and the widest use it may ever have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.nodes import Node
from mou_policies.vocabulary.law import exceptions
from mou_policies.vocabulary.loading import flag, load, mark_of, text_or_none, words
from mou_policies.vocabulary.words import treatments, uses

SAFE_HARBOR_CITE = "45 CFR 164.514(b)(2)(i)"
FERPA_PII_CITE = "34 CFR 99.3"


@dataclass(frozen=True)
class FieldClass:
    """A class of fields: its place in the two privacy rules, and the widest use it may ever have."""

    name: str
    means: str
    safe_harbor: str | None
    ferpa: str | None
    ceds: str | None
    uses: tuple[str, ...]
    treatments: tuple[str, ...]
    needs: tuple[str, ...]
    cite: str
    mark: str
    protects: bool = False


@lru_cache(maxsize=1)
def field_classes() -> Mapping[str, FieldClass]:
    """Return the field classes by name."""
    return {name: _read(name, key, value) for name, key, value in load("field_classes").entries()}


def _read(name: str, key: Node, value: Node) -> FieldClass:
    required = ["means", "safe_harbor", "ferpa", "ceds", "uses"]
    k = value.keys_of(required, ["treatments", "needs", "cite", "mark", "protects"])
    if ("cite" in k) != ("mark" in k):
        raise key.error("a citation needs its mark, and a mark its citation", "add the other")
    return FieldClass(
        name=name,
        means=k["means"].text(),
        safe_harbor=text_or_none(k["safe_harbor"]),
        ferpa=text_or_none(k["ferpa"]),
        ceds=text_or_none(k["ceds"]),
        uses=tuple(n.word(uses(), "use") for n in k["uses"].items(empty=True)),
        treatments=words(k, "treatments", treatments()),
        needs=words(k, "needs", exceptions()),
        cite=k["cite"].text() if "cite" in k else f"{SAFE_HARBOR_CITE}; {FERPA_PII_CITE}",
        mark=mark_of(k["mark"]) if "mark" in k else "V",
        protects=flag(k, "protects"),
    )
