"""Anchors: what the trail was at a time, kept where whoever holds the hub's machine and key cannot change it.

An anchor is a checkpoint in the hands of somebody else: a printed line (`anchor_line`), a file, a line in an
append-only file on another machine (`anchor_file`), or any of these countersigned by a second party, whose key makes it
trustworthy wherever it is kept. What belongs here: the anchor, its signatures, and reading it. What does not: comparing
it with a trail (`trail_check`).
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from consent.anchor_line import line_of, read_line
from consent.trail import Checkpoint, fingerprint, now, statement
from consent.trail_errors import AnchorError
from mou_policies.canonical import canonical_json

FORMAT = "cradlepath-audit-anchor/1"

_TIME_LENGTH = 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAX_BYTES = 50_000_000


@dataclass(frozen=True)
class Countersignature:
    """A second party's word that it saw an anchor: `key` is the SHA-256 of its public key."""

    key: str
    signed_at: str


@dataclass(frozen=True)
class Anchor:
    """What an anchor says: at event `sequence` the digest was, or began with, `digest` (40 or 64 hex digits).

    `source` is where it came from, in words. `key` is the SHA-256 of the hub's public key, for a file; what is signed
    has been verified with the keys inside it: whether those are trusted is the reader's to say.
    """

    sequence: int
    day: date
    digest: str
    source: str
    key: str | None = None
    countersigned: tuple[Countersignature, ...] = ()


def document(made: Checkpoint, key: Ed25519PublicKey) -> dict[str, Any]:
    """Return the file form of an anchor: a checkpoint with the public key that signed it, as plain data."""
    if fingerprint(key) != made.key:
        raise AnchorError(
            f"the checkpoint of event {made.sequence} was signed by another key than the hub's of now; append an event "
            "and make a new one"
        )
    return {
        "format": FORMAT,
        "sequence": made.sequence,
        "digest": made.digest,
        "signed_at": made.signed_at,
        "public_key": _text(key.public_bytes_raw()),
        "signature": _text(made.signature),
        "line": printed(made),
        "countersignatures": [],
    }


def printed(made: Checkpoint) -> str:
    """Return the line of a checkpoint, to print and keep."""
    return line_of(made.sequence, _day(made.signed_at), made.digest)


def countersign(held: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Return the file form of an anchor with one more countersignature. Raises AnchorError for what is none."""
    parse(held, "the anchor")
    signed_at, public = now(), key.public_key()
    signed = {
        "public_key": _text(public.public_bytes_raw()),
        "signed_at": signed_at,
        "signature": _text(key.sign(_countersigned(held, signed_at, fingerprint(public)))),
    }
    others = [one for one in held["countersignatures"] if one["public_key"] != signed["public_key"]]
    return held | {"countersignatures": [*others, signed]}


def parse(held: Any, source: str) -> Anchor:
    """Return the anchor that a file form says. Raises AnchorError where a signature in it does not hold."""
    try:
        key = _public(held["public_key"])
        what = statement(held["sequence"], held["digest"], held["signed_at"], fingerprint(key))
        key.verify(base64.b64decode(held["signature"], validate=True), what)
        given = [_countersignature(held, one) for one in held["countersignatures"]]
        day = _day(held["signed_at"])
        whole = type(held["sequence"]) is int and _DIGEST.fullmatch(held["digest"])
        if not whole or held["format"] != FORMAT or held["line"] != line_of(held["sequence"], day, held["digest"]):
            raise ValueError
    except InvalidSignature:
        raise AnchorError(
            f"{source}: a signature does not hold, expected an anchor as it was made; it was changed: use another copy"
        ) from None
    except (KeyError, TypeError, ValueError):
        raise AnchorError(
            f"{source}: this is no anchor, expected what `cradlepath audit anchor` wrote; give that, or a printed line"
        ) from None
    return Anchor(held["sequence"], day, held["digest"], source, fingerprint(key), tuple(given))


def read_document(file: Path) -> dict[str, Any]:
    """Return the file form of one anchor. Raises AnchorError for a file that holds none."""
    try:
        held = _json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        held = None
    parse(held, str(file))
    return dict(held)


def read_anchors(named: str) -> list[Anchor]:
    """Return the anchors of a file (one a line, as JSON or as printed; or one as JSON) or of a line typed in.

    In a file, empty lines and those that begin with # are left out, and so is one that breaks off, as a writer that was
    stopped leaves it. Raises AnchorError for anything else that is no anchor.
    """
    file = Path(named)
    if not _is_file(file):
        return [_of_line(named, "the line you gave")]
    if file.stat().st_size > _MAX_BYTES:
        raise AnchorError(
            f"{file}: found more than {_MAX_BYTES:,} bytes, expected anchors; give the file that has them"
        )
    text = file.read_text(encoding="utf-8", errors="replace")
    whole = _json(text)
    if whole is not None:
        return [parse(whole, str(file))]
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    found = [
        _of_text(line, f"{file}:{number}")
        for number, line in lines
        if line and not line.startswith("#") and not _breaks_off(line)
    ]
    if not found:
        raise AnchorError(f"{file}: found no anchor, expected one a line; give the file that has them")
    return found


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False


def _of_text(line: str, source: str) -> Anchor:
    return parse(_json(line), source) if line.startswith("{") else _of_line(line, source)


def _of_line(line: str, source: str) -> Anchor:
    try:
        sequence, day, digest = read_line(line)
    except AnchorError as error:
        raise AnchorError(f"{source}: {error}") from None
    return Anchor(sequence, day, digest, source)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _breaks_off(line: str) -> bool:
    return line.startswith("{") and not line.endswith("}")


def _countersignature(held: dict[str, Any], one: dict[str, str]) -> Countersignature:
    key = _public(one["public_key"])
    what = _countersigned(held, one["signed_at"], fingerprint(key))
    key.verify(base64.b64decode(one["signature"], validate=True), what)
    return Countersignature(fingerprint(key), one["signed_at"])


def _countersigned(held: dict[str, Any], signed_at: str, key: str) -> bytes:
    """Return what a second party signs: the checkpoint with its signature, when, and by which key."""
    said = {name: held[name] for name in ("sequence", "digest", "signed_at", "public_key", "signature")}
    return canonical_json(
        {"cradlepath": "audit countersignature 1", "anchor": said, "countersigned_at": signed_at, "key": key}
    )


def _day(signed_at: str) -> date:
    if len(signed_at) != _TIME_LENGTH:
        raise ValueError
    return date.fromisoformat(signed_at[:10])


def _public(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
