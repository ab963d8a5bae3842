"""A page of HTML as what people see on it: its marked values with their addresses, and its marks and words in order.

Nothing is run or fetched. What the values mean together is decided in `back`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from mou_policies.document.values import LIST, NONE, SHOWN, TABLE, TEXT, TYPED, character_of
from mou_policies.errors import AgreementError

_BLANKS = re.compile(r"[ \t\r\n\f]+")
_RAW = {shown: text for text, shown in SHOWN.items()}
REMEDY = "take the document as it was rendered, or render the agreement anew"


@dataclass(frozen=True)
class Found:
    """A value as it was found: its text, what it means (text, typed, list, table), and where in the page it stands."""

    text: str
    means: str
    line: int
    column: int


@dataclass(frozen=True)
class Seen:
    """One thing on the page: a tag with its attributes, or words without regard to blanks and line breaks."""

    what: str
    line: int
    column: int


class Reading(HTMLParser):
    """Reads one page: `values` by address, `seen` in order. Raises AgreementError at a value that is none."""

    def __init__(self, file: Path, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.file = file
        self.values: dict[str, Found] = {}
        self.seen: list[Seen] = []
        self._open: list[str] = []
        self._at = ""
        self._means = TEXT
        self._pieces: list[tuple[str, str]] = []
        self._start = self._place = (1, 0)
        self._words = ""
        self.feed(html)
        self.close()
        self._end_words()
        if self._open:
            raise self._error("a value has no end")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag: the start of a value, a line break or a mark within one, or any other outside."""
        self._end_words()
        self._see(f"<{tag} " + " ".join(sorted(f"{name}={value!r}" for name, value in attrs)) + ">")
        given = dict(attrs)
        if not self._open and "data-at" in given:
            self._at, self._means = given["data-at"] or "", given.get("data-means") or TEXT
            self._pieces, self._start = [], self.getpos()
            self._open.append(tag)
        elif len(self._open) == 1 and tag == "br":
            self._pieces.append(("break", "\n"))
        elif len(self._open) == 1 and tag == "span" and "data-mark" in given:
            self._open.append(tag)
        elif self._open and tag != "wbr":
            raise self._error(f"found <{tag}> within a value")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take `<br/>` as what browsers take it for: a start."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Take the end of a tag: of a mark, of a value, or of any other."""
        self._end_words()
        self._see(f"</{tag}>")
        if not self._open:
            return
        if tag != self._open.pop():
            raise self._error(f"found </{tag}> within a value")
        if not self._open:
            self._end_value()

    def handle_data(self, data: str) -> None:
        """Take words; they end where a tag begins."""
        if not self._words.strip():
            self._place = self.getpos()
        self._words += data

    def _end_words(self) -> None:
        words, self._words = _BLANKS.sub(" ", self._words), ""
        if self._open and words:
            self._pieces.append(("text" if len(self._open) == 1 else "mark", words))
        if words.strip(" "):
            line, column = self._place
            self.seen.append(Seen(words.strip(" "), line, column + 1))

    def _end_value(self) -> None:
        if self._at in self.values:
            raise self._error(f"{self._at} stands twice")
        last = len(self._pieces) - 1
        text = ""
        for place, (kind, shown) in enumerate(self._pieces):
            if kind == "mark":
                text += self._character(shown.strip(" "))
                continue
            trimmed = shown.lstrip(" ") if place == 0 else shown
            text += trimmed.rstrip(" ") if place == last else trimmed
        if self._means not in {TEXT, TYPED, LIST, TABLE} or (self._means in {LIST, TABLE} and text):
            raise self._error(f"{text!r} cannot be {self._means!r}")
        line, column = self._start
        text = _RAW.get(text, text) if self._means == TYPED else text
        self.values[self._at] = Found(text, self._means, line, column + 1)

    def _character(self, mark: str) -> str:
        found = "" if mark == NONE and self._means in {LIST, TABLE} else character_of(mark)
        if found is None:
            raise self._error(f"{mark!r} is no mark")
        return found

    def _see(self, what: str) -> None:
        line, column = self.getpos()
        self.seen.append(Seen(what, line, column + 1))

    def _error(self, what: str) -> AgreementError:
        line, column = self.getpos()
        return AgreementError(self.file, line, column + 1, what, REMEDY)
