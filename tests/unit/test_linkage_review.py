"""Decisions of reviewers: kept for good, obeyed, and refused as a whole when anything about the file is not right."""

import shutil
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import LinkageError, SealError
from linkage.keys import KeyRing
from linkage.review import DecisionLog, DecisionsError, Entry, Verdict, _standing, load_decisions, pair_of, reasons

A, B, C = (("birth", b"a" * 16), ("school", b"b" * 16), ("health", b"c" * 16))
DAY = date(2026, 9, 1)


@pytest.fixture
def ring(tmp_path):
    return KeyRing.create(tmp_path / "keys")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "decisions.sealed"


def word(one, other, verdict, reviewer="Ana Reyes", reason=None, day=DAY, seen=bytes(16)):
    return Entry(pair_of(one, other), Verdict(verdict), reviewer, day, reason, seen)


def said(path, ring, *words):
    log = DecisionLog(path, ring)
    for one in words:
        log.add(one)
    return log


def shown(matrix: np.ndarray):
    return [(bytes(left), bytes(right)) for left, right in matrix]


AB = (A[1], B[1])
CASES = [
    # what was said, in order                                              must  cannot standing
    ([("accept", "Ana")], [AB], [], "accept"),
    ([("refuse", "Ana")], [], [AB], "refuse"),
    ([("cant-tell", "Ana")], [], [], "cant-tell"),
    ([("accept", "Ana"), ("refuse", "Ana")], [], [AB], "refuse"),
    ([("refuse", "Ana"), ("accept", "Ana")], [AB], [], "accept"),
    ([("accept", "Ana"), ("cant-tell", "Ana")], [], [], "cant-tell"),
    ([("accept", "Ana"), ("refuse", "Ben")], [], [AB], "disputed"),
    ([("refuse", "Ana"), ("accept", "Ben")], [], [AB], "disputed"),
    ([("refuse", "Ana"), ("accept", "Ben"), ("accept", "Ana")], [AB], [], "accept"),
    ([("accept", "Ana"), ("refuse", "ANA")], [], [AB], "refuse"),
    ([("accept", "Ana"), ("cant-tell", "Ben")], [AB], [], "accept"),
    ([("refuse", "Ana"), ("cant-tell", "Ben")], [], [AB], "refuse"),
]


@pytest.mark.parametrize(("words", "must", "cannot", "standing"), CASES)
def test_the_newest_word_of_each_counts_and_disagreement_keeps_apart(path, ring, words, must, cannot, standing):
    log = said(path, ring, *(word(A, B, verdict, who) for verdict, who in words))
    found = load_decisions(path, ring)
    assert (shown(found.must), shown(found.cannot)) == (must, cannot)
    assert log.standing()[pair_of(A, B)].verdict == standing


def test_nothing_decided_is_no_error(path, ring):
    found = load_decisions(path, ring)
    assert found.must.shape == found.cannot.shape == (0, 2, 16)
    assert found.must.dtype == np.uint8


def test_history_is_kept_whole_and_in_order(path, ring):
    words = [
        word(A, B, "accept", reason="twins"),
        word(B, A, "refuse", day=date(2026, 9, 2)),
        word(B, C, "cant-tell", "Ben Ode", "not-enough", seen=b"s" * 16),
    ]
    assert said(path, ring, *words).entries() == words


def test_a_pair_is_one_pair_either_way_round():
    assert pair_of(A, B) == pair_of(B, A)
    with pytest.raises(DecisionsError, match="one record twice"):
        pair_of(A, A)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reason": "Maria is his mother"}, "free text is not kept"),
        ({"reviewer": ""}, "2 to 60"),
        ({"reviewer": "x" * 61}, "2 to 60"),
        ({"reviewer": "Ana\nBen"}, "2 to 60"),
    ],
)
def test_free_text_is_refused_and_not_repeated(path, ring, change, says):
    with pytest.raises(DecisionsError, match=says) as error:
        said(path, ring, word(A, B, "accept", **change))
    assert "Maria" not in str(error.value)
    assert not path.exists()


def test_every_reason_of_the_list_is_accepted(path, ring):
    log = said(path, ring, *(word(A, B, "refuse", reason=code) for code in reasons()))
    assert [entry.reason for entry in log.entries()] == list(reasons())


def test_a_deleted_log_stops_linking(path, ring):
    said(path, ring, word(A, B, "refuse"))
    path.unlink()
    with pytest.raises(DecisionsError, match="found 0 decisions, its head knows 1"):
        load_decisions(path, ring)


def test_a_deleted_head_stops_linking(path, ring):
    said(path, ring, word(A, B, "refuse"))
    path.with_suffix(".head").unlink()
    with pytest.raises(DecisionsError, match=r"decisions\.head is missing"):
        load_decisions(path, ring)


def test_an_old_copy_put_back_stops_linking(path, ring, tmp_path):
    log = said(path, ring, word(A, B, "refuse"))
    shutil.copy(path, tmp_path / "old")
    log.add(word(B, C, "refuse"))
    shutil.copy(tmp_path / "old", path)
    with pytest.raises(DecisionsError, match="found 1 decisions, its head knows 2"):
        load_decisions(path, ring)


def test_a_log_of_the_same_length_with_other_words_stops_linking(path, ring, tmp_path):
    said(path, ring, word(A, B, "refuse"))
    other = tmp_path / "other" / "decisions.sealed"
    said(other, ring, word(A, B, "accept"))
    shutil.copy(other, path)
    with pytest.raises(DecisionsError, match="decision 1 does not follow"):
        load_decisions(path, ring)


def test_a_head_that_lags_by_more_than_one_stops_linking(path, ring, tmp_path):
    log = said(path, ring, word(A, B, "refuse"))
    shutil.copy(path.with_suffix(".head"), tmp_path / "head")
    log.add(word(B, C, "accept"))
    log.add(word(A, C, "accept"))
    shutil.copy(tmp_path / "head", path.with_suffix(".head"))
    with pytest.raises(DecisionsError, match="found 3 decisions, its head knows 1"):
        load_decisions(path, ring)


@pytest.mark.parametrize("where", [30, -1])
def test_a_changed_byte_stops_linking(path, ring, where):
    said(path, ring, word(A, B, "refuse"))
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(SealError):
        load_decisions(path, ring)


def test_another_citys_keys_open_nothing(path, ring, tmp_path):
    said(path, ring, word(A, B, "refuse"))
    with pytest.raises(LinkageError):
        load_decisions(path, KeyRing.create(tmp_path / "others"))


def test_a_stop_between_the_two_writes_loses_nothing(path, ring, tmp_path):
    log = said(path, ring, word(A, B, "refuse"))
    shutil.copy(path.with_suffix(".head"), tmp_path / "head")
    log.add(word(B, C, "accept"))
    shutil.copy(tmp_path / "head", path.with_suffix(".head"))
    assert len(log.entries()) == 2
    log.add(word(A, C, "refuse"))
    assert len(DecisionLog(path, ring).entries()) == 3


def test_the_file_says_nothing_without_its_key(path, ring):
    said(path, ring, word(A, B, "refuse", "Ana Reyes", "twins"))
    stored = path.read_bytes() + path.with_suffix(".head").read_bytes()
    assert not [text for text in (b"Ana", b"twins", b"refuse", A[1], b"birth") if text in stored]


@given(
    st.lists(st.tuples(st.sampled_from(list(Verdict)), st.sampled_from(["Ana", "Ben", "Cy"])), min_size=1, max_size=8)
)
def test_accepted_needs_an_accept_and_no_standing_refusal(words):
    newest = {who: word(A, B, verdict, who) for verdict, who in words}
    said_now = {entry.verdict for entry in newest.values()}
    verdict = _standing(list(newest.values())).verdict
    assert (verdict == "accept") == (Verdict.ACCEPT in said_now and Verdict.REFUSE not in said_now)
    assert (verdict in ("refuse", "disputed")) == (Verdict.REFUSE in said_now)
