"""What each key of an agreement asks, by the part of the agreement it stands in: `keys.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mou_policies.nodes import Node
from mou_policies.vocabulary.loading import load, mark_of


@dataclass(frozen=True)
class Key:
    """A key, the question it answers, the text that asks for it (None: a form of this project), and an example."""

    name: str
    asks: str
    cite: str | None
    mark: str | None
    example: str | None = None

    def __str__(self) -> str:
        return self.asks + (f" ({self.cite} [{self.mark}])" if self.cite else "")


@lru_cache(maxsize=1)
def keys() -> Mapping[str, Mapping[str, Key]]:
    """Return the keys by part (`agreement`, `party`, `field`, ...) and name."""
    return {
        part: {name: _key(name, value) for name, _, value in body.entries()} for part, _, body in load("keys").entries()
    }


def _key(name: str, node: Node) -> Key:
    k = node.keys_of(["asks"], ["cite", "mark", "example"])
    if ("cite" in k) != ("mark" in k):
        raise node.error("a citation needs its mark, and a mark its citation", "add the other")
    return Key(
        name=name,
        asks=k["asks"].text(),
        cite=k["cite"].text() if "cite" in k else None,
        mark=mark_of(k["mark"]) if "mark" in k else None,
        example=k["example"].text() if "example" in k else None,
    )
