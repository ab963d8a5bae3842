"""What `audit verify` says of a trail of twelve events, signed at 4, 8 and 12, by what was done to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.trails import Editor, small_trail

from consent.anchors import Anchor, printed, read_anchors
from consent.reading import open_to_read
from consent.registry import open_registry
from consent.trail import AuditTrail, Checkpoint
from consent.trail_check import check
from consent.trail_report import Report

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def _without(number: int) -> Callable[[Editor], object]:
    return lambda editor: editor.without(number)


def _edit(number: int, **columns: object) -> Callable[[Editor], object]:
    return lambda editor: editor.event(number).update(columns)


def _rewrite(editor: Editor) -> None:
    editor.event(6)["subject"] = "other"
    editor.chain_from(6)


def _rewrite_and_sign(editor: Editor) -> None:
    _rewrite(editor)
    editor.sign_anew()


def _close_up(editor: Editor) -> None:
    editor.without(5)
    editor.move(5, -1)


def _swap(editor: Editor) -> None:
    editor.event(3)["sequence"], editor.event(6)["sequence"] = 60, 3
    editor.event(60)["sequence"] = 6


def _cut(editor: Editor) -> None:
    for number in (11, 12):
        editor.without(number)


def _lose_payload(editor: Editor) -> None:
    editor.payloads.remove(editor.payload(3))


def _swap_payloads(editor: Editor) -> None:
    one, other = editor.payload(3), editor.payload(6)
    one["sequence"], other["sequence"] = 6, 3


def _false_erasure(editor: Editor) -> None:
    _lose_payload(editor)
    editor.erasures.append({"sequence": 3, "erased_by": 9})


KEEP = "keep the registry as it is for inquiry, and compare the event with a backup made before."
LOOK = "keep the registry as it is for inquiry, and look for what is gone in a backup made before."

# what was done | what is said of it first, without an anchor | what it means and what to do
SAID = [
    pytest.param(
        _edit(6, subject="other"),
        "Event 6: edited. Found columns that give another digest, expected the digest that the event's own columns "
        f"give. It means: somebody changed what is recorded of it. What to do: {KEEP}",
        id="an event edited",
    ),
    pytest.param(
        _without(5),
        "Event 5: removed. Found no event, expected an event of this number. "
        f"It means: somebody took it out of the trail. What to do: {LOOK}",
        id="an event removed",
    ),
    pytest.param(
        _close_up,
        "Event 5 to event 11: removed. Found those after it moved up into the place of event 5, expected the event "
        "recorded there. Also: the checkpoint of event 8, signed DAY says another digest",
        id="an event removed, the others moved up",
    ),
    pytest.param(
        lambda editor: editor.put_in(6),
        "Event 6 to event 13: inserted. Found an event before which the numbers of those after it were moved, expected "
        "the event recorded at that place.",
        id="an event put in",
    ),
    pytest.param(
        _swap,
        "Event 3 to event 6: reordered. Found what was event 6 at 3, what was event 3 at 6, expected events in the "
        "order they were recorded in.",
        id="two events swapped",
    ),
    pytest.param(
        _rewrite,
        "Event 8 to event 12, perhaps from event 5 on: rewritten. Found a chain that holds but has another digest "
        "there, expected the digest in the checkpoint of event 8, signed DAY. Also: the checkpoint of event 12, signed "
        "DAY says another digest. It means: somebody changed, put in or took out events there and computed their "
        "digests anew. "
        f"What to do: {KEEP}",
        id="an event edited and all digests after it computed anew",
    ),
    pytest.param(
        _cut,
        "Event 11 to event 12: truncated. Found no event after 10, expected those named by the checkpoint of event 12, "
        "signed DAY (event 12). It means: somebody took the newest events away, or put an older copy of the registry "
        f"in its place. What to do: {LOOK}",
        id="the end cut off",
    ),
    pytest.param(
        _lose_payload,
        "Event 3: payload removed. Found no payload, expected a payload, or the record of its destruction. It means: "
        f"somebody destroyed what the event was about without saying so. What to do: {LOOK}",
        id="a payload taken away",
    ),
    pytest.param(
        _swap_payloads,
        "Event 3: payload edited. Found the payload of event 6, expected the payload that the event committed to.",
        id="two payloads swapped",
    ),
    pytest.param(
        _false_erasure,
        "Event 3: erasure false. Found a destruction on record by event 9, which does not name it, expected an erasure "
        "after it that does.",
        id="a payload taken away, with a false record of its destruction",
    ),
    pytest.param(
        lambda editor: editor.sign_anew(Ed25519PrivateKey.from_private_bytes(bytes(32))),
        "Event 4: checkpoint untrusted. Found a checkpoint by the key 139e3940e64b5491, expected one by "
        "56475aa75463474c. It means: somebody without the hub's key signed it, or the key was replaced.",
        id="checkpoints signed by another key",
    ),
]


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_trail(tmp_path_factory.mktemp("trail"), KEY)


@pytest.fixture(scope="module")
def anchors(trail: Path) -> list[Anchor]:
    return [found for one in Editor(trail, KEY).signed for found in read_anchors(printed(Checkpoint(**one)))]


def looked_at(file: Path, anchors: list[Anchor]) -> Report:
    return check(open_to_read(str(file)), [KEY.public_key()], anchors)


def edited(trail: Path, folder: Path, do: Callable[[Editor], object]) -> Path:
    shutil.copy(trail, folder / "edited.sqlite")
    editor = Editor(folder / "edited.sqlite", KEY)
    do(editor)
    editor.save()
    return editor.file


@pytest.mark.parametrize(("do", "sentence"), SAID)
def test_what_was_done_is_said_in_one_sentence(
    trail: Path, anchors: list[Anchor], tmp_path: Path, do: Callable[[Editor], object], sentence: str
):
    said = looked_at(edited(trail, tmp_path, do), []).sentences()
    assert said[0].startswith(sentence.replace("DAY", str(anchors[0].day)))
    assert said[-1].startswith("The trail is NOT whole: ")


# how many of the three anchors are given | state | what is said of it
PROVEN = [
    (
        0,
        "unproven",
        "Proven: nothing, since no anchor was given. All of it is unproven against whoever holds this machine",
    ),
    (
        1,
        "proven in part",
        "Events 5 to 12 are chained and signed, but unproven after the last anchor: someone who holds",
    ),
    (2, "proven in part", "Proven: up to event 8, by the anchor of DAY (the line you gave)."),
    (3, "proven", "Proven: up to event 12, by the anchor of DAY (the line you gave)."),
]


@pytest.mark.parametrize(("given", "state", "sentence"), PROVEN)
def test_what_is_proven_and_what_is_not(trail: Path, anchors: list[Anchor], given: int, state: str, sentence: str):
    report = looked_at(trail, anchors[:given])
    assert (report.state, report.whole) == (state, True)
    assert any(one.startswith(sentence.replace("DAY", str(anchors[0].day))) for one in report.sentences())


def test_an_anchor_says_who_could_have_done_it_and_from_where(trail: Path, anchors: list[Anchor], tmp_path: Path):
    report = looked_at(edited(trail, tmp_path, _rewrite_and_sign), anchors[:2])
    assert str(report.findings[0]) == (
        "Event 8 to event 12, perhaps from event 5 on: rewritten. Found a chain that holds but has another digest "
        f"there, expected the digest in the anchor of {anchors[1].day} (the line you gave). "
        "It means: somebody who holds the hub's key rewrote the history there and signed it anew. What to do: make "
        f"sure that the anchor is of this registry and that no older backup was restored; then {KEEP}"
    )


def test_events_after_the_last_checkpoint_are_no_fault(trail: Path, anchors: list[Anchor], tmp_path: Path):
    file = tmp_path / "longer.sqlite"
    shutil.copy(trail, file)
    AuditTrail(open_registry(f"sqlite:///{file}")).append("query", "q", {}, actor="lead")
    report = looked_at(file, anchors)
    assert (report.state, report.signed_to) == ("proven in part", 12)
    said = f"Signed: up to event 12; event 13 is chained and not signed yet, the first of {report.unsigned_since}."
    assert said in report.sentences()
    assert report.unsigned_since == report.ended


def test_destroyed_payloads_are_counted_with_the_event_and_the_reason(trail: Path):
    said = looked_at(trail, []).sentences()
    at = said.index("Of 2 events the payload was destroyed and the chain still stands:")
    assert said[at + 1] == "  2 payloads by event 9: the agreement ended."


def test_an_empty_trail_is_empty_until_an_anchor_says_otherwise(anchors: list[Anchor], tmp_path: Path):
    open_registry(f"sqlite:///{tmp_path / 'empty.sqlite'}").dispose()
    assert looked_at(tmp_path / "empty.sqlite", []).state == "empty"
    cut = looked_at(tmp_path / "empty.sqlite", anchors).findings
    assert [(one.fault, one.first, one.last) for one in cut] == [("truncated", 1, 12)]


def test_an_edit_among_events_that_were_moved_is_told_from_their_moving(trail: Path, tmp_path: Path):
    def both(editor: Editor) -> None:
        editor.event(9)["subject"] = "other"
        editor.without(3, payload=False)
        for event in editor.events:
            event["sequence"] -= 1 if event["sequence"] > 3 else 0

    found = looked_at(edited(trail, tmp_path, both), []).findings
    assert [(one.fault, one.first, one.last) for one in found] == [("removed", 3, 11), ("edited", 8, 8)]
