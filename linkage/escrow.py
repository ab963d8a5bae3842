"""Escrow: the root keys of a city in threshold shares, of which any k of n give all of them back and fewer nothing.

A share is text that can be printed, read aloud and typed in: a header that says whose share it is and of how many, and
numbered lines of 16 bytes, each with check digits, so that a mistyped line is found and named. What is shared is every
root key of the ring it was made from (or a K1 alone, at an agency); the header holds what is no secret: the city, the
mode, fingerprints. The arithmetic is `linkage.shamir`; who keeps a share is the city's matter (docs/keys.md).
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from linkage import shamir
from linkage.errors import KeyRingError
from linkage.key_about import About
from linkage.key_files import (
    KEY_BYTES,
    fingerprint_of,
    read_key,
    read_private,
    refuse_existing,
    replace_private,
    write_key,
)
from linkage.keys import FILES, KeyRing

TITLE: Final = "cradlepath-share 1"
_LINE_BYTES: Final = 16
_LINE: Final = re.compile(r"(\d{1,3}) ((?:[0-9a-f]{4} ){8})- ([0-9a-f]{4})")
_NONE: Final = "-"


@dataclass(frozen=True)
class ShareHeader:
    """What a share says of itself: nothing secret. `set` is drawn for each ceremony, so that shares of two do not mix.

    `keys` names the shared keys in order; `ring` is the fingerprint of what they make, by which a restored ring is
    checked. `mode`, `k1_fingerprint` and `k1_next_fingerprint` are those of `keyring.json`, "-" for none.
    """

    city: str
    ring: str
    set: str
    share: int
    threshold: int
    shares: int
    keys: str
    mode: str
    k1_fingerprint: str
    k1_next_fingerprint: str

    def common(self) -> Self:
        """Return the part that all shares of one ceremony have in common."""
        return type(self)(**asdict(self) | {"share": 0})


def share_ring(ring: KeyRing, shares: int, threshold: int) -> list[str]:
    """Return the texts of `shares` shares of every root key of `ring`; any `threshold` of them restore it."""
    about = ring.about
    facts = (about.mode, about.k1_fingerprint or _NONE, about.k1_next_fingerprint or _NONE)
    return _texts(ring.roots(), ring.city, ring.fingerprint, facts, shares, threshold)


def share_k1(path: Path, shares: int, threshold: int) -> list[str]:
    """Return the texts of `shares` shares of a K1 file: for the agencies of an agency-tokenised city."""
    city, key = read_key(path, "k1")
    return _texts({"k1": key}, city, fingerprint_of(key), (_NONE, _NONE, _NONE), shares, threshold)


def write_shares(folder: Path, texts: Sequence[str]) -> list[Path]:
    """Write each share into a file of its own, readable by its owner alone; raises KeyRingError if one exists."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = [folder / f"share-{number}-of-{len(texts)}.txt" for number in range(1, len(texts) + 1)]
    for path in paths:
        refuse_existing(path)
    for path, text in zip(paths, texts, strict=True):
        replace_private(path, text.encode())
    return paths


def restore(paths: Sequence[Path], folder: Path) -> str:
    """Write the keys that these shares hold into `folder`, which may hold none, and return their fingerprint.

    Raises KeyRingError for a share that is damaged or of another ceremony, for too few, and when what they make is not
    what was shared.
    """
    read = [(path, *_read(path)) for path in paths]
    if not read:
        raise KeyRingError("found no share, expected some; name the files of the shares")
    first, header = read[0][0], read[0][1]
    for path, other, _ in read[1:]:
        if other.common() != header.common():
            raise KeyRingError(
                f"{path}: a share of another city or ceremony than {first}; give shares of one ceremony (`set`) only"
            )
    given = {its.share: body for _, its, body in read}
    if len(given) < header.threshold:
        raise KeyRingError(
            f"found {len(given)} different shares, expected {header.threshold} of {header.shares}; "
            "ask more of the people who keep one"
        )
    secret = shamir.restore(given)
    names = header.keys.split(",")
    keys = {name: secret[n * KEY_BYTES : (n + 1) * KEY_BYTES] for n, name in enumerate(names)}
    return _write(header, keys, folder)


def _write(header: ShareHeader, keys: dict[str, bytes], folder: Path) -> str:
    """Write a ring, or a K1 alone, unless it is not what was shared."""
    wrong = KeyRingError(
        "the shares do not give back what was shared: one was altered, check digits and all; leave out one after the "
        "other until the rest fit"
    )
    if list(keys) == ["k1"]:
        if fingerprint_of(keys["k1"]) != header.ring:
            raise wrong
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_key(folder / FILES["k1"], "k1", header.city, keys["k1"])
        return header.ring
    named = [None if name == _NONE else name for name in (header.k1_fingerprint, header.k1_next_fingerprint)]
    about = About(header.city, header.mode, *named)
    if KeyRing(keys, about).fingerprint != header.ring:
        raise wrong
    return KeyRing.write(folder, about, keys).fingerprint


def _texts(
    keys: dict[str, bytes], city: str, ring: str, facts: tuple[str, str, str], shares: int, threshold: int
) -> list[str]:
    ceremony = secrets.token_hex(4)
    try:
        bodies = shamir.split(b"".join(keys.values()), shares, threshold)
    except ValueError as error:
        raise KeyRingError(f"{error}; three of five is a good start") from None
    names = ",".join(keys)
    return [
        _text(ShareHeader(city, ring, ceremony, number, threshold, shares, names, *facts), body)
        for number, body in bodies.items()
    ]


def _text(header: ShareHeader, body: bytes) -> str:
    lines = [f"{name}: {value}" for name, value in asdict(header).items()]
    for number, at in enumerate(range(0, len(body), _LINE_BYTES), start=1):
        piece = body[at : at + _LINE_BYTES]
        lines.append(f"{number:02d} {piece.hex(' ', -2)} - {_digits(number, piece)}")
    whole = "\n".join([TITLE, *lines])
    return f"{whole}\ncheck: {_check(whole)}\n"


def _read(path: Path) -> tuple[ShareHeader, bytes]:
    """Return the header and body of one share file; raises KeyRingError naming the line at fault."""
    text = read_private(path).decode("ascii", "replace")
    lines = [" ".join(line.lower().split()) for line in text.splitlines() if line.strip()]
    fields = list(ShareHeader.__dataclass_fields__)
    if not lines or lines[0] != TITLE:
        raise KeyRingError(f"{path}: not a share of this version: expected the first line `{TITLE}`")
    if len(lines) < len(fields) + 3:
        raise KeyRingError(f"{path}: the share was cut: found {len(lines)} lines; get its whole text")
    said: dict[str, str | int] = {}
    for number, name in enumerate(fields, start=1):
        key, _, value = lines[number].partition(": ")
        if key != name or not value:
            raise KeyRingError(f"{path}: line {number + 1}: expected `{name}: ...`; copy that line again")
        said[name] = value
    body = b"".join(
        _body_line(path, line, number, len(fields) + number)
        for number, line in enumerate(lines[len(fields) + 1 : -1], start=1)
    )
    header = _numbers(path, said)
    if lines[-1] != f"check: {_check(chr(10).join(lines[:-1]))}" or len(body) != KEY_BYTES * len(
        header.keys.split(",")
    ):
        raise KeyRingError(
            f"{path}: the share is damaged: its check does not fit; compare every line with the original"
        )
    return header, body


def _numbers(path: Path, said: dict[str, str | int]) -> ShareHeader:
    for name in ("share", "threshold", "shares"):
        if not re.fullmatch(r"[1-9]\d{0,2}", str(said[name])):
            raise KeyRingError(f"{path}: `{name}` is no number; copy that line again")
        said[name] = int(said[name])
    return ShareHeader(**said)  # type: ignore[arg-type]


def _body_line(path: Path, line: str, number: int, at: int) -> bytes:
    found = _LINE.fullmatch(line)
    piece = bytes.fromhex(found[2]) if found else b""
    if found is None or int(found[1]) != number or found[3] != _digits(number, piece):
        raise KeyRingError(f"{path}: line {at + 1} is damaged or out of its place; copy that line again")
    return piece


def _digits(number: int, piece: bytes) -> str:
    return hashlib.sha256(bytes([number]) + piece).hexdigest()[:4]


def _check(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
