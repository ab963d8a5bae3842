"""What encoding a file of text is in, and the file as a stream of UTF-8 bytes.

The whole file is looked through once before its first row is read, in pieces, so that a file that is no
text is refused before anything is loaded. The rule, unless the agreement states an encoding:

1. A byte order mark decides (UTF-8, UTF-16).
2. All bytes are valid UTF-8: UTF-8.
3. Some are not, but more characters beyond ASCII are valid UTF-8 than are not: UTF-8, damaged here and there;
   the rows with the damaged bytes are quarantined.
4. Otherwise Windows-1252 (cp1252), in which every byte means something; its five unassigned bytes become the
   control characters of the same number, as browsers do.

NUL bytes mean UTF-16 without its mark or binary data when they are many; single ones are left for the rows.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assets.extracts.delivery import DeliveryError, Limits, Reason
from assets.extracts.readers.members import Member, counted

_PIECE = 1 << 20
DAMAGE = "\ufdd0"
"""Stands for bytes that are not of the encoding: a code point that Unicode sets aside from all text."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_COMPRESSED = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0", "old Excel"),
)
_RESAVE = "save it as text in UTF-8"


def _as_control(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(byte) for byte in error.object[error.start : error.end]), error.end


def _as_damage(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return DAMAGE, error.end


codecs.register_error("cradlepath-control", _as_control)
codecs.register_error("cradlepath-damage", _as_damage)


@dataclass(frozen=True)
class Text:
    """A member that is text: its encoding, the length of its byte order mark, flaws to look for in its rows.

    `flaws` maps a character that stands for a flaw (`DAMAGE`, NUL) to the reason for which such a row is
    unusable.
    """

    member: Member
    encoding: str
    mark: int
    flaws: Mapping[str, Reason]

    @property
    def name(self) -> str:
        """The name to show to people."""
        return self.member.shown

    def pieces(self) -> Iterator[bytes]:
        """Yield the text as valid UTF-8 bytes without byte order mark, damaged bytes replaced by `DAMAGE`."""
        with self.member.open() as stream:
            stream.read(self.mark)
            raw = counted(stream, self.member, _PIECE)
            if self.encoding == "utf-8" and DAMAGE not in self.flaws:
                yield from raw
                return
            decoder = codecs.getincrementaldecoder(self.encoding)(errors=_errors(self.encoding))
            for piece in raw:
                yield decoder.decode(piece).encode("utf-8", "replace")
            yield decoder.decode(b"", final=True).encode("utf-8", "replace")

    def head(self, size: int) -> str:
        """Return about the first `size` bytes as text, damaged bytes replaced."""
        start = b""
        for piece in self.pieces():
            start += piece
            if len(start) >= size:
                break
        return start[:size].decode("utf-8", "replace")


def _errors(encoding: str) -> str:
    return "cradlepath-control" if encoding == "cp1252" else "cradlepath-damage"


def inspect(member: Member, limits: Limits, declared: str | None = None) -> Text:
    """Look a file through once and say what text it is; `declared` is the encoding stated by the agreement.

    Raises DeliveryError when it is empty, not text, or longer than allowed.
    """
    with member.open() as stream:
        start = stream.read(4)
        if not start:
            raise DeliveryError(member.shown, "an empty file", "ask the agency to send it again")
        for magic, kind in _COMPRESSED:
            if start.startswith(magic):
                raise DeliveryError(member.shown, f"a {kind} file, not text", "deliver it as text, or in a .zip")
    mark, marked = next(((len(m), name) for m, name in _MARKS if start.startswith(m)), (0, None))
    counts = _Counts()
    with member.open() as stream:
        stream.read(mark)
        for piece in counted(stream, member, _PIECE):
            counts.add(piece)
        counts.end()
    if counts.total > limits.max_uncompressed_bytes:
        raise DeliveryError(member.shown, "more text than allowed", "deliver smaller files")
    encoding = marked or (codecs.lookup(declared).name if declared else counts.encoding())
    wide = encoding.startswith(("utf-16", "utf-32"))
    if counts.nuls * 100 > counts.total and not wide:
        raise DeliveryError(member.shown, "many NUL bytes: binary data, or UTF-16 without its mark", _RESAVE)
    flaws = {}
    if counts.nuls:
        flaws["\0"] = Reason.NUL_BYTE
    if encoding != "cp1252" and (counts.damaged or encoding != "utf-8"):
        flaws[DAMAGE] = Reason.NOT_TEXT
    return Text(member, encoding, mark, flaws)


class _Counts:
    """Counts of what tells encodings apart, over all pieces of a file."""

    def __init__(self) -> None:
        self.total = 0
        self.nuls = 0
        self._valid = 0
        self._invalid = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="cradlepath-damage")
        self._pending = False

    def add(self, piece: bytes) -> None:
        """Take the next piece into account."""
        self.total += len(piece)
        self.nuls += piece.count(0)
        if piece.isascii() and not self._pending:
            return
        self._judge(self._decoder.decode(piece))
        self._pending = bool(self._decoder.getstate()[0])

    def end(self) -> None:
        """Take a character that the file's end cuts into account."""
        self._judge(self._decoder.decode(b"", final=True))

    def _judge(self, text: str) -> None:
        damaged = text.count(DAMAGE)
        self._invalid += damaged
        if not text.isascii():
            self._valid += len(text) - len(text.encode("ascii", "ignore")) - damaged

    @property
    def damaged(self) -> bool:
        """Whether there are bytes that are no UTF-8."""
        return self._invalid > 0

    def encoding(self) -> str:
        """Return the encoding by rules 2 to 4."""
        return "utf-8" if self._invalid == 0 or self._valid > self._invalid else "cp1252"


class Utf8Stream(io.RawIOBase):
    """A `Text` as a readable binary stream, from byte `skip` of its UTF-8 form, with `ending` appended.

    `unfinished` says, once the end is reached, that the text itself did not end with a line end.
    """

    def __init__(self, text: Text, skip: int = 0, ending: bytes = b"") -> None:
        self.unfinished = False
        self._pieces = self._all(text.pieces(), ending)
        self._rest = b""
        while skip > 0:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest = piece[skip:]
            skip -= len(piece)

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes (about a piece when negative); empty at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        if size < 0 or size >= len(self._rest):
            out, self._rest = self._rest, b""
        else:
            out, self._rest = self._rest[:size], self._rest[size:]
        return out

    def _all(self, pieces: Iterator[bytes], ending: bytes) -> Iterator[bytes]:
        last = b"\n"
        for piece in pieces:
            last = piece[-1:] or last
            yield piece
        self.unfinished = last not in b"\r\n"
        if ending:
            yield b"\n" + ending if self.unfinished else ending
