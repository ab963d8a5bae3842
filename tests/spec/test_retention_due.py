"""When what agreements shared must be destroyed, as tables: an agreement a line, then what is due on a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from support.hub import rows_of
from support.mou import SMALL, edited, write
from support.signed import Signers, amending

from mou_policies.agreement import Agreement
from mou_policies.language import load_agreement
from mou_policies.retention import Due, Signed, due, ended_in

ON = date(2026, 9, 1)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Agreement:
    return load_agreement(write(tmp_path_factory.mktemp("agreements")))


def world(small: Agreement, text: str) -> tuple[list[Signed], dict[str, str]]:
    """Return the agreements of a table, a line each, and whose place was taken by whom."""
    names, rows = rows_of(text)
    signed, superseded = [], {}
    for row in rows:
        said = dict(zip(names, row, strict=True))
        parties = tuple(
            replace(party, agency=said["owner"]) if party.role == "provider" else party for party in small.parties
        )
        one = replace(
            small,
            agreement_id=said["agreement"],
            sha256=said["agreement"],
            parties=parties,
            starts=date.fromisoformat(said["from"]),
            ends=date.fromisoformat(said["to"]),
            destruction=replace(small.own_destruction, period_days=int(said["days"])),
            sources=dict.fromkeys(said["shares"].split(), small.sources["clinic"]),
        )
        signed.append(Signed(one, one.starts))
        if said["replaced by"]:
            superseded[said["agreement"]] = said["replaced by"]
    return signed, superseded


def told(found: list[Due]) -> list[str]:
    return [f"{one.source} {one.due} {one.agreement.agreement_id}" for one in found]


CASES = {
    "an agreement in its term is not due, on its last day neither": (
        """
        agreement | owner  | shares | from       | to         | days | replaced by
        a         | clinic | visits | 2025-07-01 | 2026-09-01 | 90   | -
        """,
        [],
    ),
    "the days count from the last day of the term": (
        """
        agreement | owner  | shares | from       | to         | days | replaced by
        a         | clinic | visits | 2025-07-01 | 2026-08-31 | 90   | -
        """,
        ["visits 2026-11-29 a"],
    ),
    "no days at all: on the last day": (
        """
        agreement | owner  | shares | from       | to         | days | replaced by
        a         | clinic | visits | 2025-07-01 | 2026-06-30 | 0    | -
        """,
        ["visits 2026-06-30 a"],
    ),
    "a renewed agreement is not due": (
        """
        agreement | owner  | shares | from       | to         | days | replaced by
        a         | clinic | visits | 2024-07-01 | 2026-06-30 | 90   | -
        b         | clinic | visits | 2026-07-01 | 2027-06-30 | 90   | -
        """,
        [],
    ),
    "what another owner shares renews nothing": (
        """
        agreement | owner  | shares | from       | to         | days | replaced by
        a         | clinic | visits | 2024-07-01 | 2026-06-30 | 90   | -
        b         | camp   | visits | 2026-07-01 | 2027-06-30 | 90   | -
        """,
        ["visits 2026-09-28 a"],
    ),
    "only what was not renewed is due": (
        """
        agreement | owner  | shares        | from       | to         | days | replaced by
        a         | clinic | visits shots  | 2024-07-01 | 2026-06-30 | 90   | -
        b         | clinic | visits        | 2026-07-01 | 2027-06-30 | 90   | -
        """,
        ["shots 2026-09-28 a"],
    ),
    "an amendment answers for what it shares; what it left out ends the day before": (
        """
        agreement | owner  | shares        | from       | to         | days | replaced by
        a         | clinic | visits shots  | 2024-07-01 | 2030-06-30 | 90   | b
        b         | clinic | visits        | 2026-08-01 | 2030-06-30 | 10   | -
        """,
        ["shots 2026-10-29 a"],
    ),
    "of several ended agreements the last counts": (
        """
        agreement | owner  | shares | from       | to         | days | replaced by
        a         | clinic | visits | 2022-07-01 | 2024-06-30 | 90   | -
        b         | clinic | visits | 2024-07-01 | 2025-06-30 | 30   | -
        """,
        ["visits 2025-07-30 b"],
    ),
    "of two that ended on one day the shorter period counts": (
        """
        agreement | owner  | shares | from       | to         | days | replaced by
        a         | clinic | visits | 2022-07-01 | 2025-06-30 | 90   | -
        b         | clinic | visits | 2024-07-01 | 2025-06-30 | 30   | -
        c         | clinic | visits | 2024-07-01 | 2025-06-30 | 60   | -
        """,
        ["visits 2025-07-30 b"],
    ),
    "the earliest comes first": (
        """
        agreement | owner  | shares | from       | to         | days | replaced by
        a         | clinic | visits | 2022-07-01 | 2025-06-30 | 90   | -
        b         | camp   | weeks  | 2022-07-01 | 2025-06-30 | 30   | -
        """,
        ["weeks 2025-07-30 b", "visits 2025-09-28 a"],
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda name: name)
def test_due(small: Agreement, case: str):
    text, expected = CASES[case]
    signed, superseded = world(small, text)
    assert told(due(signed, superseded, ON)) == expected
    assert told(due(reversed(signed), superseded, ON)) == expected


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "agreements"


def test_signed_folders(folder: Path):
    signers = Signers(folder)
    short = edited("to: 2030-06-30", "to: 2026-06-30")
    file = signers.written("clinic.yaml", short, date(2025, 7, 1))
    assert told(list(ended_in(folder, date(2026, 6, 30)).due)) == []
    assert [one.source for one in ended_in(folder, date(2026, 6, 30)).sharing] == ["clinic"]
    found = ended_in(folder, date(2026, 7, 1))
    assert told(list(found.due)) == ["clinic 2026-12-27 clinic-2025"]
    assert found.sharing == ()

    longer = amending(file, "clinic-2026", SMALL, starts="2026-07-01")
    write(folder, longer, "renewed.yaml")
    assert told(list(ended_in(folder, ON).due)) == ["clinic 2026-12-27 clinic-2025"]  # not signed: renews nothing
    signers.sign(folder / "renewed.yaml", date(2026, 8, 15))
    assert told(list(ended_in(folder, date(2026, 8, 14)).due)) == ["clinic 2026-12-27 clinic-2025"]
    assert ended_in(folder, date(2026, 8, 15)).due == ()


def test_what_was_never_signed_was_never_shared(folder: Path):
    write(folder, edited("to: 2030-06-30", "to: 2026-06-30"))
    Signers(folder).key("hub", "hub")
    assert ended_in(folder, ON).due == ()
