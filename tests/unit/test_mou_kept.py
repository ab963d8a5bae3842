"""What commands that show keep between processes: taken up where nothing changed, read anew where anything did."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random

import pytest
from support import mou_worlds
from support.mou import DEMO, NIGHT, SMALL, demo_folder, edited, sign_all, write
from typer.testing import CliRunner

from mou_policies import cache as room
from mou_policies import kept, signing
from mou_policies.agreement import Agreement
from mou_policies.cache import Cache
from mou_policies.kept import keeping, report
from mou_policies.kept_form import agreement_of, content_of
from mou_policies.language import Reading, agreement_files, load_agreement, read_agreement
from mou_policies.linting import lint_report
from mou_policies.policy import compile_policy
from pipelines.cli import app
from pipelines.setting_up import write_workspace

CODE = "the code"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A cache of code that stays as it is."""
    monkeypatch.setattr(room, "fingerprint", lambda: CODE)
    return Cache(tmp_path / "cache", CODE)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose text was read afresh."""
    names: list[str] = []

    def counted(file: Path, text: str) -> Reading:
        names.append(file.name)
        return afresh(file, text)

    afresh = kept.read_afresh
    monkeypatch.setattr(kept, "read_afresh", counted)
    return names


@pytest.mark.parametrize("file", agreement_files(DEMO), ids=lambda file: file.stem)
def test_an_agreement_comes_back_as_it_was(file: Path) -> None:
    agreement = load_agreement(file)
    assert agreement_of(content_of(agreement)) == agreement


@pytest.mark.parametrize("seed", range(20))
def test_agreements_of_random_worlds_come_back_as_they_were(seed: int) -> None:
    for agreement in mou_worlds.read(mou_worlds.world(Random(seed))):
        assert agreement_of(content_of(agreement)) == agreement


def test_content_of_another_form_is_no_agreement() -> None:
    content = content_of(load_agreement(DEMO / "wic.yaml"))
    for spoiled in (b"", b"{}", b"[1]", content[:-2], content.replace(b'"kind":[0', b'"kind":[99', 1)):
        assert agreement_of(spoiled) is None


def read(file: Path, cache: Cache) -> Agreement | None:
    """Read a file as another process would."""
    with keeping(cache):
        return read_agreement(file).agreement


def test_read_once_while_nothing_changes(tmp_path: Path, cache: Cache, parsed: list[str]) -> None:
    file = write(tmp_path / "agreements")
    first = read(file, cache)
    assert first is not None
    assert read(file, cache) == first == load_agreement(file)
    assert parsed == [file.name]


def another_word(file: Path) -> Path:
    return write(file.parent, edited("Children served", "Children seen"))


def another_comment(file: Path) -> Path:
    return write(file.parent, "# A word before\n" + SMALL)


def another_name(file: Path) -> Path:
    return file.rename(file.with_name("other.yaml"))


@pytest.mark.parametrize("change", [another_word, another_comment, another_name], ids=lambda f: f.__name__)
def test_read_anew_when_the_file_changes(
    tmp_path: Path, cache: Cache, parsed: list[str], change: Callable[[Path], Path]
) -> None:
    file = write(tmp_path / "agreements")
    read(file, cache)
    changed = change(file)
    assert read(changed, cache) == load_agreement(changed)
    assert parsed == [file.name, changed.name]


def test_read_anew_when_code_or_vocabulary_change(tmp_path: Path, cache: Cache, parsed: list[str]) -> None:
    file = write(tmp_path / "agreements")
    read(file, cache)
    read(file, Cache(cache.folder, "other code"))
    assert len(parsed) == 2


def test_read_anew_and_kept_anew_when_the_entry_is_damaged(tmp_path: Path, cache: Cache, parsed: list[str]) -> None:
    file = write(tmp_path / "agreements")
    read(file, cache)
    entry = next(cache.folder.iterdir())
    whole = entry.read_bytes()
    entry.write_bytes(whole[:100])
    assert read(file, cache) == load_agreement(file)
    assert len(parsed) == 2
    assert entry.read_bytes() == whole


def test_a_sealed_entry_of_another_form_is_read_anew(tmp_path: Path, cache: Cache, parsed: list[str]) -> None:
    file = write(tmp_path / "agreements")
    read(file, cache)
    cache.put(next(cache.folder.iterdir()).name, b'{"agreement": 1}')
    assert read(file, cache) == load_agreement(file)
    assert len(parsed) == 2


def test_what_is_wrong_is_not_kept(tmp_path: Path, cache: Cache) -> None:
    file = write(tmp_path / "agreements", edited("class: text.free", "class: free.text"))
    assert read(file, cache) is None
    assert not cache.folder.exists()


def test_nothing_is_taken_from_a_cache_outside_the_context(tmp_path: Path, cache: Cache) -> None:
    folder = sign_all(write(tmp_path / "agreements").parent)
    file = folder / "clinic.yaml"
    with keeping(cache):
        compile_policy(folder, NIGHT)
    forged = edited("use: none, reason", "use: content, treatment: keep, reason").replace("text.free", "health.test")
    content = content_of(load_agreement(write(tmp_path / "forged", forged)))
    cache.put(next(cache.folder.iterdir()).name, content)
    shown = read(file, cache)
    assert shown is not None
    assert shown.sources["clinic"].tables["visits"].fields[-1].use == "content"
    assert compile_policy(folder, NIGHT).sources["clinic"].tables["visits"].fields[-1].use == "none"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The demo's agreements, signed."""
    return demo_folder(tmp_path)


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """The days for which lint really ran."""
    days: list[date] = []
    monkeypatch.setattr(kept, "lint_report", lambda folder, on: days.append(on) or lint_report(folder, on))
    return days


def test_a_report_comes_back_as_it_was(folder: Path, cache: Cache, linted: list[date]) -> None:
    assert report(folder, NIGHT, cache) == report(folder, NIGHT, cache) == lint_report(folder, NIGHT)
    assert linted == [NIGHT]


def a_byte_of_an_agreement(folder: Path) -> None:
    file = folder / "wic.yaml"
    file.write_text(file.read_text() + "\n")


def a_signature_gone(folder: Path) -> None:
    (folder / "wic.yaml.sig.json").unlink()


def another_signer(folder: Path) -> None:
    signing.new_signer(folder, "somebody", "provider", "wic")


def another_file(folder: Path) -> None:
    write(folder)


def a_file_gone(folder: Path) -> None:
    (folder / "wic.yaml").unlink()


CHANGES = [a_byte_of_an_agreement, a_signature_gone, another_signer, another_file, a_file_gone]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_lint_runs_anew_when_anything_of_the_folder_changes(
    folder: Path, cache: Cache, linted: list[date], change: Callable[[Path], None]
) -> None:
    report(folder, NIGHT, cache)
    change(folder)
    assert report(folder, NIGHT, cache) == lint_report(folder, NIGHT)
    assert len(linted) == 2


def test_lint_runs_anew_on_another_day_and_by_other_code(folder: Path, cache: Cache, linted: list[date]) -> None:
    report(folder, NIGHT, cache)
    report(folder, date(2030, 6, 1), cache)
    report(folder, NIGHT, Cache(cache.folder, "other code"))
    report(folder, NIGHT, None)
    assert linted == [NIGHT, date(2030, 6, 1), NIGHT, NIGHT]


def test_a_report_of_a_folder_that_changed_meanwhile_is_not_kept(
    folder: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(folder: Path, on: date) -> object:
        a_signature_gone(folder)
        return lint_report(folder, on)

    monkeypatch.setattr(kept, "lint_report", changing)
    report(folder, NIGHT, cache)
    assert not cache.folder.exists()


def test_a_folder_that_cannot_be_read_whole_is_linted_every_time(
    folder: Path, cache: Cache, linted: list[date]
) -> None:
    (folder / "a_folder.yaml").mkdir()
    assert report(folder, NIGHT, cache) == report(folder, NIGHT, cache)
    assert len(linted) == 2


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.usefixtures("cache")
def test_commands_keep_only_where_a_workspace_has_a_state(tmp_path: Path, *, state: bool) -> None:
    place = write_workspace(tmp_path / "city", city="Our City", start=date(2026, 9, 1))
    sign_all(write(place.agreements).parent)
    if not state:
        shutil.rmtree(place.state)
    commands = [["lint"], ["show", "clinic"], ["explain", "clinic.visits.visits"], ["test"]]
    for command in commands:
        first, again = (
            CliRunner().invoke(app, ["mou", *command, "--workspace", str(place.root)], catch_exceptions=False).stdout
            for _ in range(2)
        )
        assert first == again
    assert (place.state / "cache" / "agreements").is_dir() is state
    assert place.state.is_dir() is state
