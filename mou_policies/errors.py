"""The one error of this room: where in an agreement something is wrong, and what to do about it."""

from __future__ import annotations

from pathlib import Path

_HEAD, _TAIL = 600, 300


class AgreementError(Exception):
    """An agreement, a signature or the trust store cannot be used as it stands.

    `str()` is one line for people: ``file:line:column: rule what; remedy``. It quotes the words of the agreement,
    which are public, and never a value of a record; words that are very long, or would not stay on the line, are
    shortened.
    """

    def __init__(self, file: Path | str, line: int, column: int, what: str, remedy: str, rule: str = "") -> None:
        self.file = str(file)
        self.line = line
        self.column = column
        self.what = _one_line(what)
        self.remedy = _one_line(remedy)
        self.rule = rule
        super().__init__(file, line, column, what, remedy, rule)

    def __str__(self) -> str:
        rule = f"{self.rule} " if self.rule else ""
        return f"{_one_line(Path(self.file).name)}:{self.line}:{self.column}: {rule}{self.what}; {self.remedy}"


def _one_line(text: str) -> str:
    """Return a text without its middle if it is long, and with a space for whatever cannot be printed."""
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]} [...] {text[-_TAIL:]}"
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
