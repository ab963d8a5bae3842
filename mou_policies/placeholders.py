"""Placeholders of a draft that were left in an agreement: whatever is signed is complete.

A draft says TODO wherever a person must decide. Comments may say so too, and are no part of what is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mou_policies.errors import AgreementError
from mou_policies.nodes import Node

PLACEHOLDER = "TODO"

_LEFT = re.compile(rf"\b{PLACEHOLDER}(?:\b|_)")


def placeholders(root: Node) -> list[AgreementError]:
    """Return an error for every value that still holds the placeholder, in the order of the file."""
    what, remedy = f"the placeholder {PLACEHOLDER} was left here", "write what the parties agreed"
    return [node.error(what, remedy, "AGR-017") for node in _values(root) if _LEFT.search(str(node.raw))]


def _values(node: Node) -> Iterator[Node]:
    """Yield every single value below a node."""
    if node.is_table:
        for _, _, value in node.entries():
            yield from _values(value)
    elif node.is_list:
        for item in node.items(empty=True):
            yield from _values(item)
    else:
        yield node
