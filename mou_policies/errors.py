"""The one error of this room: where in an agreement something is wrong, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class AgreementError(Exception):
    """An agreement, a signature or the trust store cannot be used as it stands.

    `str()` is one line for people: ``file:line:column: what; remedy``. It quotes the words of the agreement,
    which are public, and never a value of a record.
    """

    def __init__(self, file: Path | str, line: int, column: int, what: str, remedy: str, rule: str = "") -> None:
        self.file = str(file)
        self.line = line
        self.column = column
        self.what = what
        self.remedy = remedy
        self.rule = rule
        super().__init__(file, line, column, what, remedy, rule)

    def __str__(self) -> str:
        rule = f"{self.rule} " if self.rule else ""
        return f"{Path(self.file).name}:{self.line}:{self.column}: {rule}{self.what}; {self.remedy}"
