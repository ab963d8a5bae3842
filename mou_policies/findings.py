"""What lint has to say: one finding a line, each with its rule, its place, its citation and the remedy.

The rules are data (`vocabulary/rules.yaml`). Here are the finding, the list that collects them while a file is read,
and the acceptance of a risk by a named person. What a rule looks for is in `lint` and in the readers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from mou_policies import vocabulary
from mou_policies.errors import AgreementError

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)


@dataclass(frozen=True)
class Finding:
    """One thing lint found. `line` and `column` count from 1; `about` is the field or clause path, where there is one.

    `accepted` says who accepts it as a risk and until when; an accepted finding is a note.
    """

    rule: str
    severity: str
    file: str
    line: int
    column: int
    says: str
    remedy: str
    cite: str
    about: str = ""
    accepted: str = ""

    def __str__(self) -> str:
        place = f"{Path(self.file).name}:{self.line}:{self.column}"
        taken = f" (accepted by {self.accepted})" if self.accepted else ""
        remedy = (self.remedy[:1].lower() + self.remedy[1:]).removesuffix(".")
        return f"{place}: {self.severity} {self.rule}: {self.says}{taken}; {remedy} ({self.cite})"

    @property
    def stops(self) -> bool:
        """Whether the agreement grants nothing while this stands."""
        return self.severity == ERROR

    def taken_on(self, by: str) -> Finding:
        """Return the finding as a note that somebody answers for."""
        return replace(self, severity=NOTE, accepted=by)


def finding(
    rule: str, file: Path | str, place: tuple[int, int], says: str, remedy: str = "", about: str = ""
) -> Finding:
    """Make a finding of a rule of the catalogue, with the rule's severity, citation and, by default, its remedy."""
    known = vocabulary.rules()[rule]
    cite = f"{known.cite} [{known.mark}]"
    return Finding(rule, known.severity, str(file), *place, says, remedy or known.remedy, cite, about)


def line_of(clause: str) -> int:
    """Return the line of a clause written as ``file.yaml:LINE agreement-id path``."""
    return int(clause.partition(":")[2].partition(" ")[0])


def of_error(error: AgreementError) -> Finding:
    """Return what a reader raised as a finding."""
    rule = vocabulary.rules()[error.rule or "STR-001"]
    cite = f"{rule.cite} [{rule.mark}]"
    return Finding(rule.id, ERROR, Path(error.file).name, error.line, error.column, error.what, error.remedy, cite)


@dataclass
class Findings:
    """Collects errors while a file is read, so that one reading shows all of them."""

    errors: list[AgreementError] = field(default_factory=list)

    def catch(self) -> Findings:
        """Keep an AgreementError of a `with` block and go on after it."""
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, AgreementError):
            self.errors.append(error)
            return True
        return False
