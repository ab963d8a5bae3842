"""Every tampering of a generated list is found, and names the right event; an untouched trail gives no finding.

Who tampers has dropped the triggers and writes the tables as they like. Some stop there; some compute digests anew;
some hold the hub's key and sign the checkpoints anew too: those are found by an anchor kept elsewhere and nothing else.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.trails import EVENTS, SIGNED, Editor, small_trail

from consent.anchors import Anchor, printed, read_anchors
from consent.reading import open_to_read
from consent.trail import Checkpoint, commitment
from consent.trail_check import check
from consent.trail_report import Report

FIRST, MIDDLE, LAST = 1, 6, EVENTS
POSITIONS = (FIRST, MIDDLE, LAST)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


@dataclass(frozen=True)
class Kind:
    """A way to tamper at event `k`: what it may be called, by whom it is found (`anchor`, else by anyone)."""

    name: str
    do: Callable[[Editor, int], None]
    faults: set[str]
    by: str = "anyone"
    at: tuple[int, ...] = POSITIONS


def edit(column: str, value: object = "other") -> Callable[[Editor, int], None]:
    return lambda editor, k: editor.event(k).update({column: value})


def edit_and_seal(editor: Editor, k: int) -> None:
    editor.event(k)["subject"] = "other"
    editor.seal(editor.event(k))


def edit_and_rechain(editor: Editor, k: int) -> None:
    editor.event(k)["subject"] = "other"
    editor.chain_from(k)


def remove(editor: Editor, k: int) -> None:
    editor.without(k)


def remove_event_alone(editor: Editor, k: int) -> None:
    editor.without(k, payload=False)


def remove_and_close_up(editor: Editor, k: int) -> None:
    editor.without(k)
    editor.move(k, -1)


def remove_and_close_up_events_alone(editor: Editor, k: int) -> None:
    editor.without(k, payload=False)
    for event in editor.events:
        event["sequence"] -= 1 if event["sequence"] > k else 0


def remove_and_rechain(editor: Editor, k: int) -> None:
    editor.without(k)
    editor.move(k, -1)
    editor.cover_up(k, -1)
    editor.chain_from(k)


def put_in(editor: Editor, k: int) -> None:
    editor.put_in(k)


def put_in_sealed(editor: Editor, k: int) -> None:
    like = editor.put_in(k)
    like["previous"] = editor.event(k - 1)["digest"] if k > 1 else "0" * 64
    editor.seal(like)


def put_in_and_rechain(editor: Editor, k: int) -> None:
    editor.put_in(k)
    editor.cover_up(k - 1, 1)
    editor.chain_from(k)


def add_at_end(editor: Editor, k: int) -> None:
    like = editor.put_in(EVENTS + 1)
    like["previous"] = editor.event(k)["digest"]
    editor.seal(like)


def _other(k: int) -> int:
    return {1: 6, 6: 12, 12: 11}[k]


def swap(editor: Editor, k: int) -> None:
    one, other = editor.event(k), editor.event(_other(k))
    one["sequence"], other["sequence"] = other["sequence"], one["sequence"]
    editor.events.sort(key=lambda event: event["sequence"])


def swap_and_seal(editor: Editor, k: int) -> None:
    one, other = editor.event(k), editor.event(_other(k))
    for column in ("subject", "recorded_at", "commitment"):
        one[column], other[column] = other[column], one[column]
    editor.seal(one)
    editor.seal(other)


def rotate(editor: Editor, k: int) -> None:
    moved = {k: k + 3, k + 1: k, k + 2: k + 1, k + 3: k + 2} if k + 3 <= EVENTS else {k: k - 2, k - 1: k, k - 2: k - 1}
    for event in editor.events:
        event["sequence"] = moved.get(event["sequence"], event["sequence"])


def renumber(editor: Editor, k: int) -> None:
    editor.event(k)["sequence"] = EVENTS + 5


def renumber_and_seal(editor: Editor, k: int) -> None:
    editor.move(k - 1, 3)
    editor.cover_up(k - 1, 3)
    editor.chain_from(k)


def cut(editor: Editor, k: int) -> None:
    editor.events = [one for one in editor.events if one["sequence"] < k]


def cut_with_payloads(editor: Editor, k: int) -> None:
    cut(editor, k)
    editor.payloads = [one for one in editor.payloads if one["sequence"] < k]
    editor.erasures = [one for one in editor.erasures if one["erased_by"] < k]


def cut_all(editor: Editor, k: int) -> None:
    cut_with_payloads(editor, k)
    editor.destroyed = [one for one in editor.destroyed if one["audit_sequence"] < k]
    editor.sign_anew()


def repeat(editor: Editor, k: int) -> None:
    editor.events.append(editor.event(k) | {"subject": "other"})


def new_payload(editor: Editor, k: int) -> None:
    editor.payload(k)["payload"] = '{"read":0}'


def new_salt(editor: Editor, k: int) -> None:
    editor.payload(k)["salt"] = bytes(32)


def swap_payloads(editor: Editor, k: int) -> None:
    one, other = editor.payload(k), editor.payload(_other(k))
    one["sequence"], other["sequence"] = other["sequence"], one["sequence"]


def lose_payload(editor: Editor, k: int) -> None:
    editor.payloads.remove(editor.payload(k))


def lose_payload_by(number: int) -> Callable[[Editor, int], None]:
    def lose(editor: Editor, k: int) -> None:
        lose_payload(editor, k)
        editor.erasures.append({"sequence": k, "erased_by": number})

    return lose


def payload_with_commitment(editor: Editor, k: int) -> None:
    new_payload(editor, k)
    held = editor.payload(k)
    editor.event(k)["commitment"] = commitment(held["salt"], held["payload"].encode())


def forget_erasure(editor: Editor, k: int) -> None:
    editor.erasures = [one for one in editor.erasures if one["sequence"] != k]


def put_payload_back(editor: Editor, k: int) -> None:
    editor.payloads.append({"sequence": k, "salt": bytes(32), "payload": "{}"})


def checkpoint(column: str, value: object) -> Callable[[Editor, int], None]:
    def change(editor: Editor, k: int) -> None:
        next(one for one in editor.signed if one["sequence"] == k)[column] = value

    return change


def strange_checkpoint(editor: Editor, k: int) -> None:
    others = [one for one in editor.signed if one["sequence"] != k]
    editor.signed = [one for one in editor.signed if one["sequence"] == k]
    editor.sign_anew(OTHER_KEY)
    editor.signed += others


def lose_checkpoint(editor: Editor, k: int) -> None:
    editor.signed = [one for one in editor.signed if one["sequence"] != k]


def false_checkpoint(editor: Editor, k: int) -> None:
    """A checkpoint of another history, truly signed: the key is there, the chain is not the one it signed."""
    digest = editor.event(k)["digest"]
    editor.event(k)["digest"] = "ab" * 32
    editor.sign_anew()
    editor.event(k)["digest"] = digest


def then_signed(do: Callable[[Editor, int], None]) -> Callable[[Editor, int], None]:
    def both(editor: Editor, k: int) -> None:
        do(editor, k)
        editor.sign_anew()

    return both


UNREADABLE = b"\xff\xfe"
EDITS = ("previous", "kind", "actor", "recorded_at", "subject", "commitment", "digest")
KINDS = [
    *(Kind(f"edit {column}", edit(column), {"edited"}) for column in EDITS),
    Kind("put bytes for text", edit("subject", UNREADABLE), {"edited"}),
    Kind("put a number for text", edit("actor", 7), {"edited"}),
    Kind("edit and seal the event", edit_and_seal, {"rewritten"}),
    Kind("edit and chain all after it anew", edit_and_rechain, {"rewritten"}),
    Kind("edit a payload with its commitment", payload_with_commitment, {"edited"}),
    Kind("remove", remove, {"removed", "truncated"}),
    Kind("remove the event, not its payload", remove_event_alone, {"removed", "truncated"}),
    Kind("remove and close up", remove_and_close_up, {"removed", "truncated"}),
    Kind("remove and close up, payloads left", remove_and_close_up_events_alone, {"removed", "truncated"}),
    Kind("remove, close up and chain anew", remove_and_rechain, {"rewritten", "truncated"}),
    Kind("put in", put_in, {"inserted"}),
    Kind("put in with a right digest", put_in_sealed, {"inserted"}),
    Kind("put in and chain anew", put_in_and_rechain, {"rewritten"}),
    Kind("swap two", swap, {"reordered"}),
    Kind("swap what two say, with right digests", swap_and_seal, {"rewritten"}),
    Kind("move one by three", rotate, {"reordered"}),
    Kind("give a number past the end", renumber, {"renumbered"}),
    Kind("skip numbers and chain anew", renumber_and_seal, {"renumbered"}),
    Kind("cut the end off", cut, {"truncated"}),
    Kind("cut the end off, with payloads", cut_with_payloads, {"truncated"}),
    Kind("a number twice", repeat, {"repeated"}),
    Kind("edit a payload", new_payload, {"payload edited"}),
    Kind("edit a salt", new_salt, {"payload edited"}),
    Kind("swap payloads", swap_payloads, {"payload edited"}),
    Kind("lose a payload", lose_payload, {"payload removed"}),
    Kind("lose a payload by a load", lose_payload_by(5), {"erasure false"}),
    Kind("lose a payload by an erasure that names another", lose_payload_by(9), {"erasure false"}),
    Kind("lose a payload by no event", lose_payload_by(99), {"erasure false"}),
    Kind("forget an erasure", forget_erasure, {"erasure removed"}, at=(2, 7)),
    Kind("put a payload back", put_payload_back, {"payload kept"}, at=(2, 7)),
    Kind("lose the payload of an erasure", lose_payload, {"payload removed"}, at=(9,)),
    Kind("edit the payload of an erasure", new_payload, {"payload edited"}, at=(9,)),
    *(
        Kind(f"edit a checkpoint's {column}", checkpoint(column, value), {"checkpoint edited"}, at=SIGNED)
        for column, value in (("digest", "ab" * 32), ("signed_at", "2020-01-01T00:00:00Z"), ("signature", bytes(64)))
    ),
    Kind("a checkpoint without a signature", checkpoint("signature", "text"), {"checkpoint edited"}, at=SIGNED),
    Kind("a checkpoint by another key", strange_checkpoint, {"checkpoint untrusted"}, at=SIGNED),
    Kind("a checkpoint of another history", false_checkpoint, {"rewritten"}, at=SIGNED),
    Kind("lose a checkpoint", lose_checkpoint, {"checkpoint removed"}, "anchor", at=SIGNED),
    Kind("edit, chain and sign anew", then_signed(edit_and_rechain), {"rewritten"}, "anchor"),
    Kind("remove, chain and sign anew", then_signed(remove_and_rechain), {"rewritten", "truncated"}, "anchor"),
    Kind("put in, chain and sign anew", then_signed(put_in_and_rechain), {"rewritten"}, "anchor"),
    Kind("cut off all that names the end", cut_all, {"truncated"}, "anchor", at=(1, 10, 12)),
]
LEAVES_TWO = {
    "remove, close up and chain anew",
    "swap what two say, with right digests",
    "swap payloads",
    "cut the end off, with payloads",
}
"""Tamperings with two faults to name; of every other one the disturbance is told as one finding."""

CASES = [pytest.param(kind, k, id=f"{kind.name} at {k}") for kind in KINDS for k in kind.at]


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_trail(tmp_path_factory.mktemp("trail"), KEY)


@pytest.fixture(scope="module")
def anchors(trail: Path) -> list[Anchor]:
    """The anchors of the checkpoints as people typed them."""
    signed = Editor(trail, KEY).signed
    return [anchor for one in signed for anchor in read_anchors(printed(Checkpoint(**one)))]


def looked_at(file: Path, anchors: list[Anchor]) -> Report:
    return check(open_to_read(str(file)), [KEY.public_key()], anchors)


def tampered(trail: Path, folder: Path, *done: tuple[Kind, int]) -> Path:
    file = folder / "tampered.sqlite"
    shutil.copy(trail, file)
    for kind, k in done:
        editor = Editor(file, KEY)
        kind.do(editor, k)
        editor.save(keys=not any(one.do is repeat for one, _ in done))
    return file


def names(report: Report, k: int, faults: set[str]) -> bool:
    """Say whether a finding of one of these faults says that it begins at `k`, exactly if digests are as they were."""
    return any(
        one.fault in faults and (one.earliest <= k <= one.first if one.fault == "rewritten" else one.first == k)
        for one in report.findings
    )


def expected_at(kind: Kind, k: int) -> int:
    """Return the first event that a tampering at `k` touches."""
    if kind.do in {swap, swap_payloads, swap_and_seal}:
        return min(k, _other(k))
    return k - 2 if kind.do is rotate and k + 3 > EVENTS else k


def test_an_untouched_trail_gives_no_finding(trail: Path, anchors: list[Anchor]):
    assert (looked_at(trail, anchors).state, looked_at(trail, []).state) == ("proven", "unproven")
    assert looked_at(trail, anchors[:2]).proven_to == 8
    assert [(one.payloads, one.by) for one in looked_at(trail, []).destroyed] == [(2, 9)]


@pytest.mark.parametrize(("kind", "k"), CASES)
def test_a_tampering_is_found_and_names_the_event(
    trail: Path, anchors: list[Anchor], tmp_path: Path, kind: Kind, k: int
):
    file, at = tampered(trail, tmp_path, (kind, k)), expected_at(kind, k)
    with_anchors, without = looked_at(file, anchors), looked_at(file, [])
    assert names(with_anchors, at, kind.faults), with_anchors.sentences()
    assert len(without.findings) <= (2 if kind.name in LEAVES_TWO else 1), without.sentences()
    if not all(one.startswith(("payload", "erasure", "checkpoint")) for one in kind.faults):
        assert with_anchors.proven_to < at
    if kind.by != "anchor":
        assert names(without, at, kind.faults), without.sentences()
    else:
        assert without.whole, without.sentences()
        assert without.state in {"unproven", "empty"}
        assert any("unproven" in one for one in without.sentences())


def test_what_no_table_would_take_stops_nothing(trail: Path, anchors: list[Anchor], tmp_path: Path):
    """The tables made anew without keys and types: a number that is none, a payload twice, a text that is no UTF-8."""
    file = tmp_path / "tampered.sqlite"
    shutil.copy(trail, file)
    editor = Editor(file, KEY)
    editor.event(3)["sequence"] = "three"
    editor.event(5)["previous"] = None
    editor.event(6)["recorded_at"] = 1.5
    editor.payloads.append(editor.payload(8) | {"salt": "text"})
    editor.payload(10)["payload"] = None
    editor.payload(11)["payload"] = b"\xff"
    editor.erasures[0]["erased_by"] = "nine"
    editor.signed[0]["signed_at"] = 7
    editor.signed.append(editor.signed[1] | {"sequence": "x", "key": "\x1b[31m"})
    editor.save(keys=False)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("update audit_event set subject = cast(x'ff' as text) where sequence = 12")
        connection.commit()
    report = looked_at(file, anchors)
    assert {3, 5, 6, 8, 10, 11, 12} <= {number for one in report.findings for number in range(one.first, one.last + 1)}
    assert "\x1b" not in "".join(report.sentences())
    json.dumps(report.plain()).encode()


@pytest.mark.parametrize("signed", [True, False], ids=["signed anew", "checkpoints taken away"])
def test_a_history_rewritten_with_the_key_in_hand_is_found_by_the_anchor_alone(
    trail: Path, anchors: list[Anchor], tmp_path: Path, signed: bool
):
    file = tmp_path / "tampered.sqlite"
    shutil.copy(trail, file)
    editor = Editor(file, KEY)
    edit_and_rechain(editor, 6)
    editor.sign_anew()
    editor.signed = editor.signed if signed else []
    editor.save()
    without = looked_at(file, [])
    assert (without.whole, without.state, without.signed_to) == (True, "unproven", EVENTS if signed else 0)
    proven = looked_at(file, anchors)
    rewritten = next(one for one in proven.findings if one.fault == "rewritten")
    assert (rewritten.earliest, rewritten.first, rewritten.last, proven.proven_to) == (5, 8, 12, 4)
    assert "holds the hub's key" in rewritten.means
    assert str(anchors[1].day) in rewritten.expected
    late = looked_at(file, anchors[:1])
    assert ([one for one in late.findings if one.chain], late.proven_to) == ([], 4)
    assert any("Events 5 to 12" in one and "unproven after the last anchor" in one for one in late.sentences())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.sampled_from(CASES), second=st.sampled_from(CASES))
def test_of_two_tamperings_the_first_event_is_named(trail: Path, anchors: list[Anchor], tmp_path: Path, first, second):
    assume(first.values[1] != second.values[1])  # to swap two twice, say, is to do nothing
    done = sorted((first.values, second.values), key=lambda one: one[1], reverse=True)
    try:
        file = tampered(trail, tmp_path, *done)
    except (StopIteration, TypeError, ValueError, KeyError, sqlite3.IntegrityError):
        assume(False)  # the second needs something that the first took away
    report = looked_at(file, anchors)
    k = min(expected_at(*one) for one in done)
    named = any(
        one.earliest <= k <= one.last or any(re.search(rf"\b{k}\b", said) for said in one.also)
        for one in report.findings
    )
    assert named, report.sentences()
