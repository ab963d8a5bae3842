"""The cache of results: what is taken up again, and everything for which an entry counts as not there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mou_policies import cache as room
from mou_policies.cache import Cache, fingerprint

CODE = "the code"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A cache of code that stays as it is."""
    monkeypatch.setattr(room, "fingerprint", lambda: CODE)
    return Cache(tmp_path / "state" / "cache", CODE)


def test_what_is_kept_is_found_again(cache: Cache) -> None:
    name = cache.name_of(b"agreement", b"text")
    assert cache.get(name) is None
    cache.put(name, b"content")
    assert cache.get(name) == b"content"
    assert Cache(cache.folder, CODE).get(cache.name_of(b"agreement", b"text")) == b"content"


def test_names_follow_every_part_and_the_code(cache: Cache) -> None:
    names = [
        cache.name_of(b"ab", b"c"),
        cache.name_of(b"a", b"bc"),
        cache.name_of(b"abc"),
        cache.name_of(b"abc", b""),
        Cache(cache.folder, "other code").name_of(b"abc"),
    ]
    assert len(set(names)) == len(names)


def test_only_the_user_may_look(cache: Cache) -> None:
    cache.put("entry", b"content")
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert (cache.folder / "entry").stat().st_mode & 0o777 == 0o600


def cut(entry: Path) -> None:
    entry.write_bytes(entry.read_bytes()[:-1])


def flipped(entry: Path) -> None:
    data = bytearray(entry.read_bytes())
    data[-1] ^= 1
    entry.write_bytes(data)


def emptied(entry: Path) -> None:
    entry.write_bytes(b"")


def of_another_name(entry: Path) -> None:
    Cache(entry.parent, CODE).put("another", b"another content")
    (entry.parent / "another").replace(entry)


def readable_by_others(entry: Path) -> None:
    entry.chmod(0o644)


def a_link(entry: Path) -> None:
    entry.rename(entry.with_name("elsewhere"))
    entry.symlink_to(entry.with_name("elsewhere"))


def a_folder(entry: Path) -> None:
    entry.unlink()
    entry.mkdir()


def in_a_folder_open_to_others(entry: Path) -> None:
    entry.parent.chmod(0o755)


SPOILED = [cut, flipped, emptied, of_another_name, readable_by_others, a_link, a_folder, in_a_folder_open_to_others]


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda f: f.__name__)
def test_what_is_damaged_or_could_be_foreign_is_not_there(cache: Cache, spoil: Callable[[Path], None]) -> None:
    cache.put("entry", b"content")
    spoil(cache.folder / "entry")
    assert cache.get("entry") is None


@pytest.mark.parametrize("spoil", SPOILED[:6], ids=lambda f: f.__name__)
def test_what_was_spoiled_is_written_anew(cache: Cache, spoil: Callable[[Path], None]) -> None:
    cache.put("entry", b"content")
    spoil(cache.folder / "entry")
    cache.put("entry", b"content")
    assert cache.get("entry") == b"content"


def test_another_users_entry_is_not_there(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put("entry", b"content")
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    assert cache.get("entry") is None


def test_nothing_is_kept_where_nothing_can_be(cache: Cache) -> None:
    cache.folder.parent.mkdir()
    cache.folder.write_text("a file in its place")
    cache.put("entry", b"content")
    assert cache.get("entry") is None


def test_nothing_is_kept_in_a_folder_open_to_others(cache: Cache) -> None:
    cache.folder.mkdir(parents=True, mode=0o777)
    cache.folder.chmod(0o777)
    cache.put("entry", b"content")
    assert list(cache.folder.iterdir()) == []


def test_what_was_used_longest_ago_goes_first(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST", 3)
    for number in range(4):
        cache.put(str(number), b"content")
        os.utime(cache.folder / str(number), ns=(number, number))
        if number == 2:
            cache.get("0")
    assert sorted(entry.name for entry in cache.folder.iterdir()) == ["0", "2", "3"]


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A room of one module and one list, changed last long before this process began."""
    folder = tmp_path / "room"
    (folder / "vocabulary").mkdir(parents=True)
    (folder / "lint.py").write_text("RULES = 1\n")
    (folder / "vocabulary" / "uses.yaml").write_text("link: {}\n")
    monkeypatch.setattr(room, "_ROOM", folder)
    monkeypatch.setattr(room, "STARTED", 2**62)
    return folder


@pytest.mark.parametrize(
    ("file", "text"),
    [("vocabulary/uses.yaml", "link: { }\n"), ("lint.py", "RULES = 2\n"), ("new.py", ""), ("vocabulary/new.yaml", "")],
)
def test_the_fingerprint_follows_code_and_vocabulary(code: Path, file: str, text: str) -> None:
    before = fingerprint()
    assert before is not None
    assert fingerprint() == before
    (code / file).write_text(text)
    assert fingerprint() not in {before, None}


def test_compiled_files_are_not_code(code: Path) -> None:
    before = fingerprint()
    (code / "lint.cpython-311.pyc").write_bytes(b"anything")
    assert fingerprint() == before


def test_code_that_changed_since_the_process_began_keeps_and_finds_nothing(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache.at(tmp_path / "cache")
    assert cache is not None
    monkeypatch.setattr(room, "STARTED", (code / "lint.py").stat().st_mtime_ns)
    assert fingerprint() is None
    assert Cache.at(tmp_path / "cache") is None
    cache.put("entry", b"content")
    assert not cache.folder.exists()


WRITER = """
import sys
from pathlib import Path
from mou_policies import cache as room
room.fingerprint = lambda: "code"
cache = room.Cache(Path(sys.argv[1]), "code")
mine = sys.argv[2].encode() * 200_000
for _ in range(60):
    cache.put("entry", mine)
    found = cache.get("entry")
    assert found is None or len(set(found)) == 1, "an entry is torn"
"""


def test_two_processes_at_once_see_whole_entries_only(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", WRITER, str(tmp_path / "cache"), letter] for letter in "ab"]
    running = [subprocess.Popen(command) for command in commands]
    assert [process.wait() for process in running] == [0, 0]
    assert Cache(tmp_path / "cache", "code").get("entry") in {b"a" * 200_000, b"b" * 200_000}
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["entry"]
