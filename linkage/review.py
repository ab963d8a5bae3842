"""What reviewers have decided about pairs of records, kept for good: who, on which day, what, and for which reason.

`state/decisions.sealed` is only ever added to. Each entry carries a chain digest over all before it, and the last
digest is also in `state/decisions.head`, under a key of its own: a file that was changed, cut, deleted or put back from
an old copy is refused, and nothing is linked by it. Free text is not kept, for it would come to hold names; a reason is
one of the closed list `data/review_reasons.json`.

A reviewer's newest word counts. Where two reviewers disagree the pair stays apart and is *disputed*: a wrong link costs
a child more than a missing one. Which pairs to ask about is `linkage.review_queue`.
"""

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from linkage.decisions import Decisions
from linkage.errors import LinkageError
from linkage.keys import KeyRing
from linkage.records import RECORD_KEY_BYTES
from linkage.sealing import SealedTables


class DecisionsError(LinkageError):
    """Decisions that cannot be used or made: a file that is not whole, a reason or a reviewer that is not allowed."""


class Verdict(StrEnum):
    """What a reviewer may say of two records."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    CANT_TELL = "cant-tell"


DISPUTED: Final = "disputed"
"""The standing of a pair that one reviewer accepts and another refuses; it is kept apart."""

Record = tuple[str, bytes]
"""A record: source and 16-byte record key."""
Pair = tuple[Record, Record]
"""Two records, the lower first."""

_SCHEMA: Final = pa.schema(
    [
        ("left_source", pa.string()),
        ("left_key", pa.binary(RECORD_KEY_BYTES)),
        ("right_source", pa.string()),
        ("right_key", pa.binary(RECORD_KEY_BYTES)),
        ("verdict", pa.string()),
        ("reviewer", pa.string()),
        ("day", pa.date32()),
        ("reason", pa.string()),
        ("seen", pa.binary(16)),
        ("chain", pa.binary(32)),
    ]
)
_HEAD: Final = pa.schema([("entries", pa.int64()), ("chain", pa.binary(32))])
_START: Final = bytes(32)
_REVIEWER: Final = re.compile(r"[^\W_][\w .'@-]{1,59}")
_TABLE: Final = "decisions"
_RESTORE: Final = "restore both it and its head from a backup of the same night; nothing is linked until then"


@dataclass(frozen=True)
class Entry:
    """One decision: the pair, the word, who and when, the reason code, and a digest of the evidence it was based on."""

    pair: Pair
    verdict: Verdict
    reviewer: str
    day: date
    reason: str | None
    seen: bytes


@dataclass(frozen=True)
class Standing:
    """What counts for a pair now: `verdict` (or `DISPUTED`), and the evidence digests of the newest words."""

    verdict: str
    seen: frozenset[bytes]


@cache
def reasons() -> dict[str, str]:
    """Return the reason codes and what they mean."""
    text = files("linkage").joinpath("data/review_reasons.json").read_text(encoding="utf-8")
    return dict(json.loads(text)["reasons"])


def pair_of(one: Record, other: Record) -> Pair:
    """Return two records as a pair, the lower first. Raises DecisionsError when they are one record."""
    if one == other:
        raise DecisionsError("a decision needs two different records; found one record twice")
    return (one, other) if one < other else (other, one)


class DecisionLog:
    """The decisions of one workspace; `path` is the sealed file, its head lies beside it."""

    def __init__(self, path: Path, ring: KeyRing):
        self._path = path
        self._store = SealedTables(path, ring.derive("decisions.seal"))
        self._head = SealedTables(path.with_suffix(".head"), ring.derive("decisions.head"))

    def entries(self) -> list[Entry]:
        """Return all decisions, oldest first.

        Raises SealError for a file that does not open, DecisionsError for one that is not whole.
        """
        return [_entry(row) for row in self._rows()]

    def add(self, entry: Entry) -> None:
        """Append one decision.

        Raises DecisionsError for an unknown reason, an unusable reviewer's name, or a log that is not whole.
        """
        _check(entry)
        with self._alone():
            rows = self._rows()
            if not self._head.exists():
                self._head.write({_TABLE: _head_table(0, _START)})
            row = _row(entry)
            row["chain"] = _link(rows[-1]["chain"] if rows else _START, row)
            self._store.write({_TABLE: pa.Table.from_pylist([*rows, row], _SCHEMA)})
            self._head.write({_TABLE: _head_table(len(rows) + 1, row["chain"])})

    def standing(self) -> dict[Pair, Standing]:
        """Return what counts for every pair that anyone has decided about."""
        newest: dict[Pair, dict[str, Entry]] = {}
        for entry in self.entries():
            newest.setdefault(entry.pair, {})[folded(entry.reviewer)] = entry
        return {pair: _standing(list(words.values())) for pair, words in newest.items()}

    def decisions(self) -> Decisions:
        """Return the pairs that linking must join and those it must keep apart."""
        standing = self.standing()
        must = [pair for pair, now in standing.items() if now.verdict == Verdict.ACCEPT]
        cannot = [pair for pair, now in standing.items() if now.verdict in (Verdict.REFUSE, DISPUTED)]
        return Decisions(_matrix(must), _matrix(cannot))

    def _rows(self) -> list[dict[str, Any]]:
        if not self._head.exists():
            if self._store.exists():
                raise DecisionsError(f"{self._path}: its head {self._head.path.name} is missing; {_RESTORE}")
            return []
        head = self._head.read()[_TABLE].to_pylist()[0]
        rows: list[dict[str, Any]] = self._store.read()[_TABLE].to_pylist() if self._store.exists() else []
        self._check_whole(rows, head)
        return rows

    def _check_whole(self, rows: list[dict[str, Any]], head: dict[str, Any]) -> None:
        """Refuse a log that its head does not know: fewer entries, or other ones.

        One entry more than the head knows is what a machine that stopped between the two writes leaves.
        """
        known = head["entries"]
        if not known <= len(rows) <= known + 1:
            raise DecisionsError(f"{self._path}: found {len(rows)} decisions, its head knows {known}; {_RESTORE}")
        chain = _START
        for number, row in enumerate(rows, start=1):
            chain = _link(chain, row)
            if chain != row["chain"] or (number == known and chain != head["chain"]):
                raise DecisionsError(
                    f"{self._path}: decision {number} does not follow from those before it; {_RESTORE}"
                )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time add."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def load_decisions(path: Path, ring: KeyRing) -> Decisions:
    """Return what reviewers have decided, for linking; nothing where nobody has decided yet.

    Raises SealError or DecisionsError for a file that is not whole: linking must stop then.
    """
    return DecisionLog(path, ring).decisions()


def _check(entry: Entry) -> None:
    if entry.reason is not None and entry.reason not in reasons():
        raise DecisionsError(f"unknown reason; use one of {', '.join(reasons())} (free text is not kept)")
    if not _REVIEWER.fullmatch(entry.reviewer):
        raise DecisionsError(
            "a reviewer's name has 2 to 60 letters, digits, spaces or . ' @ -; give the name of a person"
        )


def folded(reviewer: str) -> str:
    """Return a reviewer's name as it is compared: case and spacing do not make another person."""
    return " ".join(reviewer.split()).casefold()


def _standing(words: list[Entry]) -> Standing:
    said = {entry.verdict for entry in words}
    seen = frozenset(entry.seen for entry in words)
    if {Verdict.ACCEPT, Verdict.REFUSE} <= said:
        return Standing(DISPUTED, seen)
    verdict = next(v for v in (Verdict.REFUSE, Verdict.ACCEPT, Verdict.CANT_TELL) if v in said)
    return Standing(verdict, seen)


def _matrix(pairs: list[Pair]) -> np.ndarray:
    joined = b"".join(left[1] + right[1] for left, right in pairs)
    return np.frombuffer(joined, np.uint8).reshape(-1, 2, RECORD_KEY_BYTES)


def _row(entry: Entry) -> dict[str, Any]:
    (left_source, left_key), (right_source, right_key) = entry.pair
    return {
        "left_source": left_source,
        "left_key": left_key,
        "right_source": right_source,
        "right_key": right_key,
        "verdict": entry.verdict.value,
        "reviewer": entry.reviewer,
        "day": entry.day,
        "reason": entry.reason,
        "seen": entry.seen,
    }


def _entry(row: dict[str, Any]) -> Entry:
    pair = ((row["left_source"], row["left_key"]), (row["right_source"], row["right_key"]))
    return Entry(pair, Verdict(row["verdict"]), row["reviewer"], row["day"], row["reason"], row["seen"])


def _link(before: bytes, row: dict[str, Any]) -> bytes:
    """Return SHA-256 over the digest before and every field of the row, each with its length."""
    digest = hashlib.sha256(before)
    for name in _SCHEMA.names[:-1]:
        value = row[name]
        field = value if isinstance(value, bytes) else str(value).encode()
        digest.update(len(field).to_bytes(4, "big") + field)
    return digest.digest()


def _head_table(entries: int, chain: bytes) -> pa.Table:
    return pa.table({"entries": [entries], "chain": [chain]}, schema=_HEAD)
