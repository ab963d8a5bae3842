"""docs/agency.md: every error it explains is one that an agency can meet, in these words; every reason is there."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.linkage_keys import fixed_ring
from support.mou import NIGHT, edited, sign_all, write

from assets.extracts.delivery import Reason
from linkage.agency_keys import new_k1
from linkage.rules import layout
from pipelines.cli import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "agency.md").read_text(encoding="utf-8")
USES = ["content.rows", "record.clinic", "pseudonym:clinic"]
ROWS = "record_id,first_name,dob,ssn,zip,visits\nA1,Ann,2019-03-04,219-09-9999,02903,2\n"


def explained(heading: str) -> list[str]:
    """Return the first column of the table whose first heading is `heading`."""
    table = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [line.split("|")[1].strip() for line in table.splitlines()[2:]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An agency's folder: agreements, K1, kit, one extract; it is the current folder."""
    write(tmp_path / "agreements")
    sign_all(tmp_path / "agreements")
    ring = fixed_ring(tmp_path / "keys")
    ring.export_kit(tmp_path / "clinic.kit", USES, layout())
    ring.export_kit(tmp_path / "other-layout.kit", USES, "0" * 16)
    ring.export_kit(tmp_path / "other-source.kit", ["record.wic"], layout())
    shutil.copy(tmp_path / "keys" / "k1.key", tmp_path / "k1.key")
    new_k1(tmp_path / "our-other.key", ring.city)
    new_k1(tmp_path / "other-city.key", "0" * 16)
    (tmp_path / "visits_1.csv").write_text(ROWS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chmod(here: Path) -> None:
    (here / "k1.key").chmod(0o644)


def damage_key(here: Path) -> None:
    text = (here / "our-other.key").read_text()
    (here / "our-other.key").write_text(text[:-3] + ("00\n" if text[-3:-1] != "00" else "11\n"))


def damage_kit(here: Path) -> None:
    kit = here / "clinic.kit"
    kit.write_text(kit.read_text().replace('"record.clinic"', '"record.clinics"'))


def change_agreement(here: Path) -> None:
    write(here / "agreements", edited("top_code: 20", "top_code: 50"))


def is_there(here: Path) -> None:
    (here / "clinic.tokens").touch()


def empty(here: Path) -> None:
    (here / "visits_1.csv").write_bytes(b"")


def nothing(here: Path) -> None:
    """Leave everything as it is."""


SITUATIONS: dict[str, tuple[Callable[[Path], None], dict[str, str]]] = {
    "no such key file": (nothing, {"--k1": "k2.key"}),
    "permissions are": (chmod, {}),
    "the key is damaged": (damage_key, {"--k1": "our-other.key"}),
    "a key of another city": (nothing, {"--k1": "other-city.key"}),
    "which the kit": (nothing, {"--k1": "our-other.key"}),
    "not an agency kit": (nothing, {"--kit": "k1.key"}),
    "the agency kit is damaged": (damage_kit, {}),
    "tokens of layout": (nothing, {"--kit": "other-layout.kit"}),
    "the kit does not hold it": (nothing, {"--kit": "other-source.kit"}),
    "no agreement names the source": (nothing, {"--source": "clinics", "--out": "clinics.tokens"}),
    "the agreement begins on": (nothing, {"--night": "2025-06-30"}),
    "the agreement ended on": (nothing, {"--night": "2031-01-01"}),
    "changed after signing": (change_agreement, {}),
    "by its name the hub knows": (nothing, {"--out": "visits.tokens"}),
    "name another file, or take this one away": (is_there, {}),
    "ask the agency to send it again": (empty, {}),
}
ELSEWHERE = {
    "install cradlepath[hub]": "tests/unit/test_cli_extras.py",
    "its text is withheld": "tests/faults/test_pipelines_errors_hold_no_values.py",
}


def tokenise(monkeypatch: pytest.MonkeyPatch, **options: str) -> int | str | None:
    asked = {
        "--agreements": "agreements", "--source": "clinic", "--kit": "clinic.kit", "--k1": "k1.key",
        "--out": "clinic.tokens", "--night": NIGHT.isoformat(),
    } | options  # fmt: skip
    words = [word for pair in asked.items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["cradlepath", "tokenise", "visits_1.csv", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_every_error_of_the_page_has_a_situation_and_every_situation_is_on_the_page() -> None:
    assert explained("the line says") == [*SITUATIONS, *ELSEWHERE]


def test_without_a_situation_it_works(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tokenise(monkeypatch) == 0
    assert (here / "clinic.tokens").is_file()


@pytest.mark.parametrize("says", SITUATIONS)
def test_an_error_says_what_the_page_explains_in_one_line_without_a_value(
    says: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make, options = SITUATIONS[says]
    make(here)
    assert tokenise(monkeypatch, **options) in (1, 2)
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not re.search("Ann|2019|219-09|A1", said.err + said.out)
    assert says == "name another file, or take this one away" or not list(here.glob("*.tokens"))


def test_every_reason_is_explained() -> None:
    named = {reason for cell in explained("reason") for reason in cell.split("; ")}
    assert named == set(map(str, Reason))
