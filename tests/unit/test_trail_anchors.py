"""Anchors: the line survives typing and finds typing errors, files survive a crash, a second party's word counts."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from consent.anchor_file import append_anchor
from consent.anchor_line import ALPHABET, line_of, read_line
from consent.anchors import countersign, document, read_anchors, read_document
from consent.registry import open_registry
from consent.trail import AuditTrail, Checkpoint, fingerprint
from consent.trail_check import check
from consent.trail_errors import AnchorError
from consent.trail_keys import public_pem, read_private, read_public

KEY, THEIRS = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
SEQUENCES = st.integers(1, 10**12)
DAYS = st.integers(0, 20_000).map(lambda days: date(1990, 1, 1) + timedelta(days=days))


@pytest.fixture
def trail(tmp_path: Path) -> AuditTrail:
    (tmp_path / "state").mkdir()
    return AuditTrail(open_registry(f"sqlite:///{tmp_path / 'state' / 'registry.sqlite'}"))


def signed(trail: AuditTrail) -> Checkpoint:
    trail.append("night", "2026-09-01", {}, actor="night")
    made = trail.checkpoint(KEY)
    assert made is not None
    return made


@given(sequence=SEQUENCES, day=DAYS, digest=DIGESTS)
def test_a_line_read_back_says_what_was_printed(sequence: int, day: date, digest: str):
    line = line_of(sequence, day, digest)
    assert read_line(line) == (sequence, day, digest[:40])
    assert read_line(line.lower()) == (sequence, day, digest[:40])


def test_a_line_is_read_as_people_write_it():
    line = line_of(1204, date(2026, 11, 27), "0" * 32 + "1" * 32)
    start, groups = line[:33], line[33:]
    for typed in (
        line.lower(),
        start + groups.replace("-", " "),
        start + groups.replace("-", "").replace("0", "O").replace("1", "l"),
        line.removeprefix("cradlepath anchor "),
        line.replace("1204", "1,204"),
    ):
        assert read_line(typed) == (1204, date(2026, 11, 27), ("0" * 32 + "1" * 8))


@given(sequence=SEQUENCES, day=DAYS, digest=DIGESTS, data=st.data())
def test_one_wrong_character_or_two_exchanged_are_found(sequence: int, day: date, digest: str, data: st.DataObject):
    line = line_of(sequence, day, digest)
    start = line.index(f" {sequence} ") + 1
    places = [
        at for at in range(start, len(line)) if line[at].isdigit() or (line[at].isupper() and line[at] in ALPHABET)
    ]
    at = data.draw(st.sampled_from(places))
    if data.draw(st.booleans()):
        other = data.draw(
            st.sampled_from([one for one in ("0123456789" if at < start + 20 else ALPHABET) if one != line[at]])
        )
        wrong = line[:at] + other + line[at + 1 :]
    else:
        after = next((place for place in places if place > at and line[place] != line[at]), None)
        if after is None or any(line[between] not in "- " for between in range(at + 1, after)):
            return
        wrong = line[:at] + line[after] + line[at + 1 : after] + line[at] + line[after + 1 :]
    with pytest.raises(AnchorError):
        read_line(wrong)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hello", "this is no anchor"),
        ("cradlepath anchor 4 2026-13-01 0000", "no date"),
        ("cradlepath anchor 4 2026-12-01 0000-0000", "found 8 digits and letters .* expected 39"),
        ("cradlepath anchor 4 2026-12-01 UUUU", "found 'U'"),
        (line_of(4, date(2026, 12, 1), "ab" * 32).replace(" 4 ", " 5 "), "typing error"),
    ],
)
def test_a_line_that_is_none_says_what_is_wrong_and_what_to_do(line: str, said: str):
    with pytest.raises(AnchorError, match=f"the line you gave: .*{said}.*; "):
        read_anchors(line)


def test_a_file_keeps_every_checkpoint_once_and_a_torn_line_hurts_nothing(trail: AuditTrail, tmp_path: Path):
    file = tmp_path / "away" / "anchors.jsonl"
    for _ in range(2):
        made = signed(trail)
        assert append_anchor(file, made, KEY.public_key(), state=tmp_path / "state")
        assert not append_anchor(file, made, KEY.public_key(), state=tmp_path / "state")
    whole = file.read_text()
    file.write_text(whole + whole.splitlines()[1][:50])
    append_anchor(file, signed(trail), KEY.public_key(), state=tmp_path / "state")
    assert [one.sequence for one in read_anchors(str(file))] == [1, 2, 3]
    assert check(trail.engine, [KEY.public_key()], read_anchors(str(file))).state == "proven"


def test_a_file_inside_the_state_is_refused_also_by_another_way(trail: AuditTrail, tmp_path: Path):
    (tmp_path / "link").symlink_to(tmp_path / "state")
    for inside in (tmp_path / "state" / "a", tmp_path / "link" / "b" / "a"):
        with pytest.raises(AnchorError, match=r"inside the state folder .* expected one outside it"):
            append_anchor(inside, signed(trail), KEY.public_key(), state=tmp_path / "state")


def test_a_file_that_knows_a_longer_history_or_another_is_an_alarm(trail: AuditTrail, tmp_path: Path):
    file, made = tmp_path / "anchors", signed(trail)
    file.write_text(line_of(7, date(2026, 9, 1), "ab" * 32))
    for line in (line_of(7, date(2026, 9, 1), "ab" * 32), line_of(1, date(2026, 9, 1), "ab" * 32)):
        file.write_text(line)
        with pytest.raises(AnchorError, match="the trail is not the one that was anchored"):
            append_anchor(file, made, KEY.public_key(), state=tmp_path / "state")


def test_a_second_partys_word_counts_only_with_its_key(trail: AuditTrail, tmp_path: Path):
    said = countersign(document(signed(trail), KEY.public_key()), THEIRS)
    (tmp_path / "a.json").write_text(json.dumps(said, indent=2))
    anchors = read_anchors(str(tmp_path / "a.json"))
    unknown = check(trail.engine, [KEY.public_key()], anchors)
    known = check(trail.engine, [KEY.public_key()], anchors, countersigners=[THEIRS.public_key()])
    assert unknown.witness is not None and unknown.witness.countersigned == ()
    assert known.witness is not None
    assert known.witness.countersigned[0].key == fingerprint(THEIRS.public_key())
    assert any("countersigned" in one for one in known.sentences())


@pytest.mark.parametrize("column", ["sequence", "digest", "signed_at", "public_key", "signature", "line", "format"])
def test_a_signed_form_that_was_changed_is_no_anchor(trail: AuditTrail, tmp_path: Path, column: str):
    said = countersign(document(signed(trail), KEY.public_key()), THEIRS)
    other = document(signed(trail), KEY.public_key())
    changed = {"sequence": 2, "format": "other", "public_key": said["countersignatures"][0]["public_key"]}
    (tmp_path / "a.json").write_text(json.dumps(said | {column: changed.get(column, f"{other[column]}0")}))
    with pytest.raises(AnchorError, match=r"a\.json: .*; "):
        read_document(tmp_path / "a.json")


def test_a_countersignature_moved_to_another_anchor_does_not_hold(trail: AuditTrail, tmp_path: Path):
    first = countersign(document(signed(trail), KEY.public_key()), THEIRS)
    second = document(signed(trail), KEY.public_key())
    (tmp_path / "a.json").write_text(json.dumps(second | {"countersignatures": first["countersignatures"]}))
    with pytest.raises(AnchorError, match="a signature does not hold"):
        read_anchors(str(tmp_path / "a.json"))


def test_keys_are_read_as_what_they_are(tmp_path: Path):
    (tmp_path / "pub").write_text(public_pem(KEY.public_key()))
    assert fingerprint(read_public(tmp_path / "pub")) == fingerprint(KEY.public_key())
    with pytest.raises(AnchorError, match="no private Ed25519 key"):
        read_private(tmp_path / "pub")
    with pytest.raises(AnchorError, match="cannot be read"):
        read_public(tmp_path / "none")
