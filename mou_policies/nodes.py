"""Strict YAML: a file becomes a small tree in which every value knows its file, line and column.

Agreements are read by people first, so whatever two readers could take differently is an error here: `traps` for
unquoted words, signs nobody sees (`plain_text`), anchors, tags, duplicate keys, more than one document. What may be
asked of a value is in `values`; what keys and values mean is decided by `language`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from mou_policies.errors import AgreementError
from mou_policies.plain_text import UNREADABLE, read_text, refuse_invisible
from mou_policies.traps import AMBIGUOUS, key_trap, trap
from mou_policies.values import MISSHAPEN, Node, suggest

__all__ = ["Node", "parse_yaml", "read_text", "read_yaml", "suggest", "without_collection"]

MAX_DEPTH = 12
MAX_VALUES = 200_000
FORBIDDEN = "YML-002"

_Loader: Any = getattr(yaml, "CLoader", yaml.Loader)
"""libyaml where PyYAML was built with it, else the same in Python, ten times slower."""


def read_yaml(file: Path) -> Node:
    """Read one strict YAML document. Raises AgreementError with the place of whatever is wrong."""
    return parse_yaml(file, read_text(file))


def parse_yaml(file: Path, text: str, *, traps: bool = True) -> Node:
    """Read one strict YAML document from the text of `file`. Raises AgreementError like `read_yaml`.

    Without `traps`, unquoted words that YAML readers take differently (`y`, `012`) are texts: for files of others, of
    which nothing follows.
    """
    refuse_invisible(file, text)
    try:
        with without_collection():
            parser = _Loader(text)
            return _Tree(str(file), parser.get_event, traps).document()
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(file, error) from None


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the search for cycles: agreements have none, and looking for them would take half of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _not_yaml(file: Path, error: yaml.MarkedYAMLError) -> AgreementError:
    mark, begun = error.problem_mark, error.context_mark
    what = f"this is not YAML: {error.problem}"
    if begun and begun.index != mark.index:
        what += f" ({error.context} that begins at {begun.line + 1}:{begun.column + 1})"
    return AgreementError(file, mark.line + 1, mark.column + 1, what, "mend the YAML at this place", UNREADABLE)


class _Tree:
    """Builds the tree from the parser's events, refusing what an agreement must not contain.

    The events are taken one by one: a bomb is refused where it begins, and nothing is built of it.
    """

    def __init__(self, file: str, events: Callable[[], Any], traps: bool) -> None:
        self.file = file
        self.traps = traps
        self.next = events
        self.values = 0

    def document(self) -> Node:
        """Return the root of the one document."""
        self.next()
        start = self.next()
        if isinstance(start, yaml.StreamEndEvent):
            remedy = "write the agreement into this file"
            raise AgreementError(self.file, 1, 1, "found no YAML document", remedy, UNREADABLE)
        if start.version or start.tags:
            raise self._error(start, "YAML directives are not allowed", "remove the lines that begin with %")
        root = self._node(self.next(), 0)
        self.next()
        after = self.next()
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, "found a second YAML document", "keep exactly one in a file", UNREADABLE)
        return root

    def _node(self, event: Any, depth: int, key_line: int = 0, key_column: int = 0) -> Node:
        if event.anchor is not None or event.tag is not None:
            raise self._marked(event)
        self.values += 1
        if self.values > MAX_VALUES:
            raise self._error(event, f"found more than {MAX_VALUES:,} values", "split the agreement", UNREADABLE)
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if type(event) is yaml.ScalarEvent:
            word, plain = event.value, not event.style
            if plain and self.traps and (found := trap(word)):
                raise self._error(event, *found, AMBIGUOUS)
            return Node(self.file, line, column, word, plain, key_line, key_column)
        if depth == MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels", "agreements need fewer levels")
        pairs = type(event) is yaml.MappingStartEvent
        raw = self._pairs(depth + 1) if pairs else self._list(depth + 1)
        return Node(self.file, line, column, raw, False, key_line, key_column)

    def _list(self, depth: int) -> list[Node]:
        found = []
        while type(event := self.next()) is not yaml.SequenceEndEvent:
            found.append(self._node(event, depth))
        return found

    def _pairs(self, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while type(event := self.next()) is not yaml.MappingEndEvent:
            word = self._word(event)
            if word in found:
                what = f"key {word!r} stands twice (first on line {found[word].key_line})"
                raise self._error(event, what, "keep one of them", AMBIGUOUS)
            mark = event.start_mark
            found[word] = self._node(self.next(), depth, mark.line + 1, mark.column + 1)
        return found

    def _word(self, event: Any) -> str:
        """Return the word of a key, which must be one, and the same to every reader."""
        if event.anchor is not None or event.tag is not None:
            raise self._marked(event)
        word: str = event.value if type(event) is yaml.ScalarEvent else ""
        if not word:
            raise self._error(event, "a key must be a word", "write key: value", MISSHAPEN)
        if word == "<<":
            raise self._error(event, "merge keys are not allowed", "write the text out where it applies")
        if not event.style and self.traps and (found := key_trap(word)):
            raise self._error(event, *found, AMBIGUOUS)
        return word

    def _marked(self, event: Any) -> AgreementError:
        if event.anchor is not None:
            return self._error(event, "anchors and aliases are not allowed", "write the text out where it applies")
        return self._error(event, "YAML tags are not allowed", "write a plain or quoted value")

    def _error(self, event: Any, what: str, remedy: str, rule: str = FORBIDDEN) -> AgreementError:
        mark = event.start_mark
        return AgreementError(self.file, mark.line + 1, mark.column + 1, what, remedy, rule)
