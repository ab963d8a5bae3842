"""What ends soon is said 90, 30 and 7 days ahead, and once more when it has ended."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.mou import edited, write
from support.signed import DUL

from mou_policies import expiry, lint
from mou_policies.agreement import Agreement
from mou_policies.errors import AgreementError
from mou_policies.language import load_agreement

UNTIL = edited("on: 2025-07-01}", "on: 2025-07-01, until: 2027-01-31}", DUL)


@pytest.fixture
def licence(tmp_path: Path) -> Agreement:
    return load_agreement(write(tmp_path, UNTIL))


STAGES = [
    # on                 agreement (to 2030-06-30)  risk (until 2026-12-31)  statement (until 2027-01-31)
    (date(2025, 6, 30),  None,                      None,                    None),
    (date(2026, 10, 1),  None,                      None,                    None),
    (date(2026, 10, 2),  None,                      "90 days",               None),
    (date(2026, 12, 1),  None,                      "30 days",               "90 days"),
    (date(2026, 12, 23), None,                      "30 days",               "90 days"),
    (date(2026, 12, 24), None,                      "7 days",                "90 days"),
    (date(2026, 12, 31), None,                      "7 days",                "90 days"),
    (date(2027, 1, 1),   None,                      "ended",                 "30 days"),
    (date(2030, 4, 1),   "90 days",                 "ended",                 "ended"),
    (date(2030, 6, 30),  "7 days",                  "ended",                 "ended"),
    (date(2030, 7, 1),   "ended",                   "ended",                 "ended"),
]  # fmt: skip


@pytest.mark.parametrize(("on", "agreement", "risk", "statement"), STAGES)
def test_stages(licence: Agreement, on: date, agreement: str | None, risk: str | None, statement: str | None) -> None:
    found = {n.what: n.stage for n in expiry.notices([licence], on)}
    expected = {expiry.AGREEMENT: agreement, expiry.RISK: risk, expiry.STATEMENT: statement}
    assert found == {what: stage for what, stage in expected.items() if stage}


LAST = "today is its last day"
RISK = "clinic.yaml:24: the acceptance of AGR-011 by C. Counsel"
STATEMENT = "clinic.yaml:22: the statement reasonable-determination of A. Registrar"
SAYS = [
    # on                 in words
    (date(2026, 12, 1),  f"{RISK} ends on 2026-12-31, in 30 days"),
    (date(2026, 12, 30), f"{RISK} ends on 2026-12-31, in 1 day"),
    (date(2026, 12, 31), f"{RISK} ends on 2026-12-31, {LAST}"),
    (date(2027, 1, 31),  f"{STATEMENT} ends on 2027-01-31, {LAST}"),
    (date(2027, 2, 1),   f"{STATEMENT} ended on 2027-01-31"),
    (date(2030, 6, 30),  f"clinic.yaml:8: the agreement outcomes-2025 ends on 2030-06-30, {LAST}"),
    (date(2030, 7, 1),   "clinic.yaml:8: the agreement outcomes-2025 ended on 2030-06-30"),
]  # fmt: skip


@pytest.mark.parametrize(("on", "says"), SAYS, ids=[str(on) for on, _ in SAYS])
def test_a_notice_says_what_ends_where_and_when(licence: Agreement, on: date, says: str) -> None:
    assert says in [str(notice) for notice in expiry.notices([licence], on)]


LINT = [
    # on                 rules of lint
    (date(2026, 10, 1),  []),
    (date(2026, 12, 1),  ["AGR-012", "AGR-012"]),
    (date(2027, 1, 2),   ["AGR-012", "AGR-016"]),
    (date(2027, 2, 1),   ["AGR-012", "AGR-016"]),
    (date(2030, 6, 1),   ["AGR-012", "AGR-012", "AGR-016"]),
    (date(2030, 7, 1),   ["AGR-012", "AGR-016"]),
]  # fmt: skip


@pytest.mark.parametrize(("on", "rules"), LINT)
def test_lint_warns_by_the_same_notices(licence: Agreement, on: date, rules: list[str]) -> None:
    found = lint.check(licence, {licence.agreement_id: licence}, on)
    assert sorted(f.rule for f in found if f.rule in {"AGR-012", "AGR-016"}) == rules


def test_the_most_urgent_is_first(licence: Agreement) -> None:
    found = expiry.notices([licence], date(2030, 6, 30))
    assert [n.days for n in found] == sorted(n.days for n in found)


def test_a_statement_does_not_end_before_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(AgreementError, match="the statement ends before it is made"):
        load_agreement(write(tmp_path, UNTIL.replace("until: 2027-01-31", "until: 2025-06-30")))


@pytest.mark.parametrize(
    ("text", "on", "holds"),
    [
        (DUL, date(2025, 6, 30), False),
        (DUL, date(2099, 1, 1), True),
        (UNTIL, date(2027, 1, 31), True),
        (UNTIL, date(2027, 2, 1), False),
    ],
)
def test_a_statement_holds_until_its_last_day(tmp_path: Path, text: str, on: date, holds: bool) -> None:
    release = load_agreement(write(tmp_path, text)).provisions.release
    assert release is not None
    assert release.attests[0].holds(on) is holds
