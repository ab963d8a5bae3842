"""A part of the agreement on its way to the page: whoever shows something of it takes it, and the rest stays visible.

So nothing of an agreement is left out because the page does not know it, and nothing is shown twice.
"""

from __future__ import annotations

from mou_policies.document.values import Value, below, value_of
from mou_policies.values import Node


class Part:
    """A node with its address; `take` hands out what stands under a key, `rest` what nobody took."""

    def __init__(self, node: Node, at: str = "") -> None:
        self.node = node
        self.at = at
        self._taken: set[str] = set()

    @property
    def value(self) -> Value | None:
        """The value, if this is a scalar or empty."""
        return value_of(self.node, self.at)

    @property
    def text(self) -> str:
        """The text of a scalar, else empty: for words about it."""
        return self.node.raw if isinstance(self.node.raw, str) else ""

    @property
    def is_table(self) -> bool:
        """Whether this is a mapping with something in it."""
        return isinstance(self.node.raw, dict) and bool(self.node.raw)

    @property
    def items(self) -> list[Part]:
        """The parts of a list; none for anything else."""
        raw = self.node.raw
        return [Part(item, below(self.at, place)) for place, item in enumerate(raw)] if isinstance(raw, list) else []

    @property
    def keys(self) -> list[str]:
        """The keys of a mapping that nobody took yet, in file order; none for anything else."""
        raw = self.node.raw
        return [key for key in raw if key not in self._taken] if isinstance(raw, dict) else []

    def has(self, key: str) -> bool:
        """Whether this is a mapping with this key, not taken yet."""
        raw = self.node.raw
        return isinstance(raw, dict) and key in raw and key not in self._taken

    def look(self, key: str) -> Part | None:
        """Return what stands under a key without taking it."""
        raw = self.node.raw
        return Part(raw[key], below(self.at, key)) if isinstance(raw, dict) and key in raw else None

    def take(self, key: str) -> Part | None:
        """Take what stands under a key, if nobody did yet."""
        if not self.has(key):
            return None
        self._taken.add(key)
        return self.look(key)

    def take_value(self, key: str) -> Value | None:
        """Take what stands under a key if it is one value."""
        found = self.look(key) if self.has(key) else None
        if found is None or found.value is None:
            return None
        self._taken.add(key)
        return found.value

    def take_table(self, key: str) -> Part | None:
        """Take what stands under a key if it is a mapping with something in it."""
        found = self.look(key) if self.has(key) else None
        return self.take(key) if found is not None and found.is_table else None

    def rest(self) -> list[tuple[str, Part]]:
        """Take all that is left of a mapping, in file order."""
        return [(key, part) for key in self.keys if (part := self.take(key)) is not None]
