"""Signing as it happens, in any order: sign, change, sign anew, remove and retire signers, amend, let time pass.

A small model of what should be in force is kept beside the files and compared with them after every step.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.mou import SMALL, edited, write
from support.signed import Signers, amending

from mou_policies import signing
from mou_policies.errors import AgreementError
from mou_policies.inforce import in_force

FIRST_DAY = date(2025, 7, 1)
PARTIES = {"clinic": "provider", "hub": "hub"}
PERIODS = (180, 90, 30)
DAYS = st.integers(-20, 20)


@dataclass
class Paper:
    """One agreement file as the model knows it: its wording is its `period`, the rest of it never changes."""

    name: str
    starts: date
    period: int = 180
    amends: int | None = None
    signed_period: int | None = None
    signatures: dict[str, date] = field(default_factory=dict)


class Signing(RuleBasedStateMachine):
    """A clinic and a hub, one chain of agreements, and whatever happens to them."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.folder = self.root / "agreements"
        self.papers: list[Paper] = []
        self.removed: set[str] = set()
        self.until: dict[str, date] = {}
        self.today = FIRST_DAY

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    # -- what happens ----------------------------------------------------------------------------------------------

    @initialize()
    def first(self) -> None:
        self.keys = Signers(self.folder)
        for agency, role in PARTIES.items():
            self.keys.key(role, agency)
        trust = (self.folder / "signers.yaml").read_text().splitlines(keepends=True)
        self.entries = {agency: next(line for line in trust if line.startswith(f"  {agency}-")) for agency in PARTIES}
        write(self.folder, SMALL, "a0.yaml")
        self.papers.append(Paper("clinic-2025", FIRST_DAY))

    @rule(days=st.integers(1, 60))
    def time_passes(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule(agency=st.sampled_from(sorted(PARTIES)), number=st.integers(0, 9), days=DAYS)
    def sign(self, agency: str, number: int, days: int) -> None:
        paper, file = self.paper(number)
        on = self.today + timedelta(days=days)
        if agency in self.removed or on > self.until.get(agency, on):
            with pytest.raises(AgreementError):
                signing.sign(file, self.keys.key(PARTIES[agency], agency), on)
            return
        signing.sign(file, self.keys.key(PARTIES[agency], agency), on)
        if paper.signed_period != paper.period:
            paper.signatures = {}
        paper.signed_period = paper.period
        paper.signatures[agency] = on

    @rule(number=st.integers(0, 9))
    def everyone_signs(self, number: int) -> None:
        for agency in PARTIES:
            self.sign(agency, number, 0)

    @precondition(lambda self: len(self.papers) < 5)
    @rule()
    def everyone_signs_an_amendment(self) -> None:
        self.amend(0)
        self.everyone_signs(len(self.papers) - 1)

    @rule(number=st.integers(0, 9), period=st.sampled_from(PERIODS))
    def change(self, number: int, period: int) -> None:
        paper, file = self.paper(number)
        file.write_text(edited(f"period_days: {paper.period},", f"period_days: {period},", file.read_text()))
        paper.period = period

    @precondition(lambda self: len(self.papers) < 5)
    @rule(days=DAYS)
    def amend(self, days: int) -> None:
        newest, file = self.papers[-1], self.file(len(self.papers) - 1)
        starts, name = self.today + timedelta(days=days), f"clinic-amended-{len(self.papers)}"
        text = file.read_text().replace(f"term: {{from: {newest.starts}", "term: {from: 2025-07-01")
        write(self.folder, amending(file, name, text, starts=str(starts)), f"a{len(self.papers)}.yaml")
        self.papers.append(Paper(name, starts, newest.period, newest.period))

    @rule(agency=st.sampled_from(sorted(PARTIES)))
    def remove_or_restore_a_signer(self, agency: str) -> None:
        self.removed ^= {agency}
        self.write_trust()

    @rule(agency=st.sampled_from(sorted(PARTIES)), days=st.none() | DAYS)
    def give_a_signer_a_last_day(self, agency: str, days: int | None) -> None:
        self.until.pop(agency, None)
        if days is not None:
            self.until[agency] = self.today + timedelta(days=days)
        self.write_trust()

    def write_trust(self) -> None:
        """Write the trust store: who is not removed, with their last day."""
        lines = [
            entry.replace("public_key", f"until: {self.until[agency]}, public_key") if agency in self.until else entry
            for agency, entry in self.entries.items()
            if agency not in self.removed
        ]
        (self.folder / "signers.yaml").write_text("signers:\n" + "".join(lines) if lines else "signers: {}\n")

    # -- what should be --------------------------------------------------------------------------------------------

    def file(self, number: int) -> Path:
        return self.folder / f"a{number}.yaml"

    def paper(self, number: int) -> tuple[Paper, Path]:
        number %= len(self.papers)
        return self.papers[number], self.file(number)

    def counted(self, paper: Paper) -> dict[str, date]:
        return {
            agency: on
            for agency, on in paper.signatures.items()
            if agency not in self.removed and on <= self.until.get(agency, on)
        }

    def given(self, paper: Paper) -> bool:
        """Whether both have signed by today, this wording or an earlier one."""
        counted = self.counted(paper)
        return len(counted) == len(PARTIES) and max(counted.values()) <= self.today

    def state(self, paper: Paper) -> str:
        if paper.signed_period is None:
            return "unsigned"
        if paper.signed_period != paper.period:
            return "changed"
        return "signed" if len(self.counted(paper)) == len(PARTIES) else "incomplete"

    def link_holds(self, number: int) -> bool:
        return number > 0 and self.papers[number - 1].period == self.papers[number].amends

    def superseded(self) -> dict[str, str]:
        found = {}
        for number, paper in enumerate(self.papers):
            step = number if self.given(paper) and paper.starts <= self.today else 0
            while self.link_holds(step):
                found[self.papers[step - 1].name] = self.papers[step].name
                step -= 1
        return found

    def in_force(self, superseded: dict[str, str]) -> set[str]:
        return {
            paper.name
            for number, paper in enumerate(self.papers)
            if paper.name not in superseded
            and self.state(paper) == "signed"
            and self.given(paper)
            and paper.starts <= self.today
            and (number == 0 or self.link_holds(number))
        }

    @invariant()
    def files_say_what_the_model_says(self) -> None:
        if not self.papers:
            return
        held, superseded = in_force(self.folder, self.today), self.superseded()
        assert dict(held.superseded) == superseded
        assert set(held.agreements) == self.in_force(superseded)
        others = {p.name for p in self.papers} - set(held.agreements) - set(superseded)
        refused = {r.agreement_file for r in held.refusals}
        assert refused == {f"a{number}.yaml" for number, p in enumerate(self.papers) if p.name in others}

    @invariant()
    def every_file_is_in_its_state(self) -> None:
        for number, paper in enumerate(self.papers):
            assert signing.verify(self.file(number)).state == self.state(paper)


TestSigning = Signing.TestCase
TestSigning.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
