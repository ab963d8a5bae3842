"""What an audit reports: findings for people, which name a table and a cell and never a number, and its figures.

What belongs here: the plain form of a report. What does not: how anything is found (`audit`, `attacks`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from assets.release.system import System


@dataclass(frozen=True)
class Finding:
    """Something that stops a release: what is wrong, and the table and cell it is about (never a number)."""

    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class AuditReport:
    """What an audit found. `intervals`: variable -> (lower end, upper end) that is proven possible."""

    findings: list[Finding] = field(default_factory=list)
    intervals: dict[int, tuple[float, float]] = field(default_factory=dict)
    narrow: dict[int, int] = field(default_factory=dict)
    """variable -> by how much its interval is too narrow; what a repair may start from"""
    counts: int = 0
    hidden: int = 0
    sensitive: int = 0
    programs: int = 0
    integer_programs: int = 0
    constraint_hash: str = ""
    solver: str = ""
    complete: bool = True
    """False when the annex was not at hand, so that only exact recovery was looked for"""

    @property
    def passed(self) -> bool:
        """Whether nothing stops the release."""
        return not self.findings

    def add(self, system: System, variable: int, what: str) -> None:
        """Report what is wrong with a variable, by its coordinates."""
        self.findings.append(Finding(what, system.coordinates(variable)))
