"""A backup of a tiny workspace: what is in it, what it is restored to, and everything that is refused."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from support.backups import open_rows, tiny_workspace

from assets.release.manifest import sign
from consent.registry import engine_of
from consent.trail_errors import TrailError
from linkage.errors import KeyRingError
from linkage.keys import KeyRing
from linkage.ledger import Ledger
from pipelines.backup import stream, take
from pipelines.backup.archive import Packer
from pipelines.backup.errors import BackupError
from pipelines.backup.restore import restore
from pipelines.backup.take import back_up
from pipelines.resources import NightLockedError, workspace_lock
from pipelines.workspace import Workspace, load

CHUNK = 4096


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK_BYTES", CHUNK)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return tiny_workspace(tmp_path)


def again(file: Path, workspace: Workspace, name: str = "again", **options: object) -> Workspace:
    into = workspace.root.parent / name
    restore(file, into, workspace.keys, actor="test", **options)  # type: ignore[arg-type]
    return load(into)


def left_behind(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.root.parent.iterdir() if path.name not in {"keys", "workspace"})


def test_a_restored_workspace_is_the_same(workspace: Workspace, tmp_path: Path):
    taken = back_up(workspace, tmp_path / "b", actor="test")
    restored = again(taken.path, workspace)
    before, after = open_rows(workspace.registry_url), open_rows(restored.registry_url)
    assert [row[2] for row in after["audit_event"]][-2:] == ["backup", "restore"]
    assert after["audit_event"][:-1] == before["audit_event"]
    assert after["audit_payload"][:-1] == before["audit_payload"]
    assert {n: r for n, r in after.items() if not n.startswith("audit")} == {
        n: r for n, r in before.items() if not n.startswith("audit")
    }
    keys = KeyRing.load(workspace.keys)
    ids = [Ledger(place.state / "ledger.sealed", keys).record_child() for place in (workspace, restored)]
    assert ids[0].num_rows == 2
    assert ids[0].equals(ids[1])
    assert (restored.agreements / "one.yaml").read_text() == "# an agreement\n"
    assert (restored.root / "cradlepath.yaml").read_text() == (workspace.root / "cradlepath.yaml").read_text()
    assert left_behind(workspace) == ["again", "b"]


def test_the_triggers_are_on_and_numbers_go_on(workspace: Workspace, tmp_path: Path):
    restored = again(back_up(workspace, tmp_path / "b", actor="test").path, workspace)
    engine = engine_of(restored.registry_url)
    with pytest.raises(Exception, match="append-only"), engine.begin() as connection:
        connection.execute(text("delete from person_event"))
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into person_event (audit_sequence, event, name, role, key_id, salt, hash, cost_n, cost_r,"
                " cost_p) values (1, 'ended', 'ada', 'auditor', 'k', x'00', x'00', 1, 1, 1)"
            )
        )
        assert connection.execute(text("select max(sequence) from person_event")).scalar() == 3
    engine.dispose()


def test_keys_raw_files_and_history_stay_out(workspace: Workspace, tmp_path: Path):
    restored = again(back_up(workspace, tmp_path / "b", actor="test").path, workspace)
    texts = [path.read_bytes() for path in restored.root.rglob("*") if path.is_file()]
    assert not any(b"NEVER-IN-A-BACKUP" in text for text in texts)
    assert not list(restored.root.rglob("*.key"))


def test_flipped_and_cut_backups_leave_nothing(workspace: Workspace, tmp_path: Path, small_chunks: None):
    file = back_up(workspace, tmp_path / "b", actor="test").path
    raw = file.read_bytes()
    head = len(stream.MARK) + 4 + int.from_bytes(raw[len(stream.MARK) : len(stream.MARK) + 4], "big")
    ends = range(head, len(raw), CHUNK + stream.TAG_BYTES)
    assert len(ends) > 5
    bad = [raw[:end] for end in ends] + [raw[:-1], raw + b"\0"]
    for at in [*range(0, len(raw), len(raw) // 8), len(raw) - 1]:
        bad.append(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    for content in bad:
        file.write_bytes(content)
        with pytest.raises(BackupError) as refused:
            again(file, workspace)
        assert "\n" not in str(refused.value)
        assert left_behind(workspace) == ["b"]


def test_another_citys_keys_and_no_keys_are_refused(workspace: Workspace, tmp_path: Path):
    file = back_up(workspace, tmp_path / "b", actor="test").path
    other = tmp_path / "elsewhere"
    KeyRing.create(other)
    with pytest.raises(BackupError, match="another city"):
        restore(file, tmp_path / "again", other, actor="test")
    shutil.rmtree(other)
    KeyRing.create(other, city=KeyRing.load(workspace.keys).city)
    with pytest.raises(BackupError, match="does not open with these keys"):
        restore(file, tmp_path / "again", other, actor="test")
    with pytest.raises((KeyRingError, OSError)):
        restore(file, tmp_path / "again", tmp_path / "nowhere", actor="test")
    assert left_behind(workspace) == ["b", "elsewhere"]


def test_only_an_empty_folder_is_restored_into(workspace: Workspace, tmp_path: Path):
    file = back_up(workspace, tmp_path / "b", actor="test").path
    (tmp_path / "again").mkdir()
    again(file, workspace)
    with pytest.raises(BackupError, match="not empty"):
        again(file, workspace)


def test_a_backup_is_never_overwritten_nor_put_into_its_own_workspace(workspace: Workspace, tmp_path: Path):
    file = back_up(workspace, tmp_path / "b", actor="test").path
    with pytest.raises(BackupError, match="exists"):
        back_up(workspace, file, actor="test")
    with pytest.raises(BackupError, match="lies in the workspace"):
        back_up(workspace, workspace.state / "b", actor="test")


def test_a_backup_waits_for_no_night(workspace: Workspace, tmp_path: Path):
    with workspace_lock(workspace), pytest.raises(NightLockedError):
        back_up(workspace, tmp_path / "b", actor="test")
    assert left_behind(workspace) == []


def test_a_failed_backup_says_so_in_the_chain_and_leaves_no_file(workspace: Workspace, tmp_path: Path):
    (workspace.state / "link").symlink_to(tmp_path)
    with pytest.raises(BackupError, match="found a link"):
        back_up(workspace, tmp_path / "b", actor="test")
    payloads = [row[2] for row in open_rows(workspace.registry_url)["audit_payload"]]
    assert ['"step":"begun"' in payloads[-2], '"step":"failed"' in payloads[-1]] == [True, True]
    assert left_behind(workspace) == []


def _edit(workspace: Workspace, statement: str) -> None:
    """Change the registry as somebody with the file can: without its triggers."""
    engine = engine_of(workspace.registry_url)
    with engine.begin() as connection:
        names = connection.execute(text("select name from sqlite_master where type = 'trigger'")).scalars().all()
        for name in names:
            connection.execute(text(f"drop trigger {name}"))
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(
    "statement",
    ["update audit_event set actor = 'nobody' where sequence = 2", "delete from audit_event where sequence = 2"],
)
def test_a_chain_that_does_not_hold_is_not_backed_up(workspace: Workspace, tmp_path: Path, statement: str):
    _edit(workspace, statement)
    with pytest.raises(TrailError, match="event 2 of the trail does not follow"):
        back_up(workspace, tmp_path / "b", actor="test")
    assert left_behind(workspace) == []


@pytest.mark.parametrize(
    ("statement", "event"),
    [
        ("update audit_payload set payload = '{}' where sequence = 1", "Event 1: payload edited"),
        ("delete from audit_payload where sequence = 3", "Event 3: payload removed"),
    ],
)
def test_a_chain_whose_payloads_were_changed_is_not_restored(
    workspace: Workspace, tmp_path: Path, statement: str, event: str
):
    _edit(workspace, statement)
    file = back_up(workspace, tmp_path / "b", actor="test").path
    with pytest.raises(BackupError, match=event):
        again(file, workspace)
    assert left_behind(workspace) == ["b"]


def test_a_workspace_never_goes_on_writing_where_it_came_from(workspace: Workspace, tmp_path: Path):
    moved = workspace.root.parent / "disk"
    shutil.move(workspace.state, moved)
    settings = workspace.root / "cradlepath.yaml"
    lines = settings.read_text().replace("state: state", f"state: {moved}")
    settings.write_text(f"{lines}\nregistry: sqlite:///{moved / 'registry.sqlite'}\n")
    file = back_up(load(workspace.root), tmp_path / "b", actor="test").path
    restored = again(file, workspace)
    assert restored.state == restored.root / "state"
    assert str(restored.root) in restored.registry_url


def test_files_that_are_not_those_of_the_list_are_refused(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    finish = Packer.finish

    def otherwise(packer: Packer, facts: dict[str, object]) -> None:
        name = "agreements/one.yaml"
        packer.files[name] = [packer.files[name][0], "0" * 64]
        finish(packer, facts)

    monkeypatch.setattr(Packer, "finish", otherwise)
    file = back_up(workspace, tmp_path / "b", actor="test").path
    with pytest.raises(BackupError, match="not those of its list"):
        again(file, workspace)
    assert left_behind(workspace) == ["b"]


def test_another_ledger_is_refused(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(take, "ledger_root", lambda *_: "0" * 64)
    file = back_up(workspace, tmp_path / "b", actor="test").path
    with pytest.raises(BackupError, match="child-ID ledger is not the one"):
        again(file, workspace)
    assert left_behind(workspace) == ["b"]


def test_a_release_without_the_citys_signature_is_refused(workspace: Workspace, tmp_path: Path):
    release = workspace.state / "releases" / "r-2026-09-01-0"
    release.mkdir(parents=True)
    manifest = {"night": "2026-09-01", "sequence": 1, "files": {"release.duckdb": hashlib.sha256(b"rows").hexdigest()}}
    (release / "manifest.json").write_text(json.dumps(manifest))
    (release / "release.duckdb").write_bytes(b"rows")
    with pytest.raises(BackupError, match="not signed"):
        again(back_up(workspace, tmp_path / "b", actor="test").path, workspace)
    sign(release, KeyRing.load(workspace.keys).signing_key)
    again(back_up(workspace, tmp_path / "c", actor="test").path, workspace, "good")
    (release / "release.duckdb").write_bytes(b"more")
    with pytest.raises(BackupError, match="not the file that was signed"):
        again(back_up(workspace, tmp_path / "d", actor="test").path, workspace)
    assert left_behind(workspace) == ["b", "c", "d", "good"]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Within this context no file of this process grows beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_line_and_leaves_nothing(workspace: Workspace, tmp_path: Path):
    (workspace.state / "large").write_bytes(bytes(3 << 20))
    with room_for(1 << 20), pytest.raises(BackupError, match="make room there"):
        back_up(workspace, tmp_path / "b", actor="test")
    assert left_behind(workspace) == []
    file = back_up(workspace, tmp_path / "b", actor="test").path
    with room_for(1 << 20), pytest.raises(BackupError, match="make room there"):
        again(file, workspace)
    assert left_behind(workspace) == ["b"]
    again(file, workspace)
