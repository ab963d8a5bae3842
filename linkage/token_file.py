"""Token files: what an agency hands to the hub, one file for all extracts of one source's night.

An envelope (`linkage.envelope`) whose content is a sequence of sections. A section is a line of JSON (its kind, facts,
the names and sizes of its tables) and its tables as Arrow IPC streams; an empty section of kind ``end`` closes the
file. Its header names city, K1, layout, source, agreement and night, so that what is not for this hub is refused before
anything is read. Which sections there are is the business of those who load (`assets.extracts`); tokens have one form
and are checked here. A section is as an agency sent it: whoever uses one checks its columns.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from linkage.agency_keys import AgencyRing
from linkage.batch import SCHEMA, TokenBatch
from linkage.envelope import Header, open_with, write_envelope
from linkage.errors import LinkageError, SealError
from linkage.keys import KeyRing
from linkage.rules import layout

SUFFIX: Final = ".tokens"
VERSION: Final = 1
TOKENS: Final = "tokens"
"""The kind of a section that holds tokens: see `token_sections` and `tokens_of`."""

_END: Final = "end"
_MAX_JSON: Final = 1 << 26
_MAX_TABLE: Final = 1 << 32
_ROWS: Final = 1 << 16
_AGAIN: Final = "have the agency make the file again with `cradlepath tokenise`"


class TokenFileError(LinkageError):
    """A token file that cannot be used, refused as a whole: `what` was found, and the `remedy`."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {what}; {remedy}")
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True)
class About:
    """What a token file is of: a source, the agreement it was treated under (its signed digest), and a night.

    `k1` is the fingerprint of the K1 that made the tokens.
    """

    source: str
    agreement: str
    night: date
    k1: str


@dataclass(frozen=True)
class Section:
    """One part of the content: its kind, facts that JSON can hold, and Arrow tables by name."""

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pa.Table] = field(default_factory=dict)


def write_token_file(
    path: Path, ring: AgencyRing, source: str, agreement: str, night: date, sections: Iterable[Section]
) -> None:
    """Write a token file for the hub that made this agency's kit, whole or not at all; sections are streamed.

    Raises TokenFileError when the kit is for tokens of another layout than this version makes.
    """
    if ring.layout != layout():
        raise TokenFileError(
            path,
            f"the kit is for tokens of layout {ring.layout}, this version makes {layout()}",
            "use the same version of Cradlepath at the agency and at the hub, and a kit of that version",
        )
    header: Header = {
        "city": ring.city,
        "k1_fingerprint": ring.k1_fingerprint,
        "layout": ring.layout,
        "source": source,
        "agreement": agreement,
        "delivery": night.isoformat(),
        "content": VERSION,
    }
    write_envelope(path, ring.hub_public, header, _packed(sections))


def open_token_file(path: Path, ring: KeyRing, source: str, agreement: str) -> tuple[About, Iterator[Section]]:
    """Return what a token file is of, and its sections as they are taken; nothing of it was changed on its way.

    `source` and `agreement` are what the hub expects. Raises TokenFileError for a file of another city, hub, K1,
    version, layout, source or agreement, and for one that was cut or changed.
    """
    try:
        header, content = open_with(ring, path)
    except SealError as error:
        raise _from(path, error) from None
    night = _check(path, header, source, agreement)
    return About(source, agreement, night, str(header["k1_fingerprint"])), _unpacked(path, content)


def token_sections(batch: TokenBatch) -> Iterator[Section]:
    """Yield the sections that hold a batch of tokens, 65,536 records each."""
    table = batch.to_table()
    for start in range(0, len(batch), _ROWS):
        yield Section(TOKENS, {"unlinkable": 0 if start else batch.unlinkable}, {TOKENS: table.slice(start, _ROWS)})


def tokens_of(path: Path, section: Section) -> TokenBatch:
    """Return the tokens of one section; raises TokenFileError unless they have this version's shape."""
    table, unlinkable = section.tables.get(TOKENS), section.facts.get("unlinkable")
    if table is None or not table.schema.equals(SCHEMA) or any(c.null_count for c in table.columns):
        raise damaged(path)
    if not isinstance(unlinkable, int):
        raise damaged(path)
    return replace(TokenBatch.from_table(table), unlinkable=unlinkable)


def damaged(path: Path) -> TokenFileError:
    """Return the error of a file that opens and whose content is not what this version writes."""
    return TokenFileError(path, "what is inside is not as this version writes it", _AGAIN)


def _check(path: Path, header: Header, source: str, agreement: str) -> date:
    """Compare a proven header with what the hub expects, and return the night it was made for."""
    if header.get("content") != VERSION:
        raise TokenFileError(
            path,
            f"content of another version, expected {VERSION}",
            "use the same version of Cradlepath at the agency and at the hub",
        )
    if header["layout"] != layout():
        raise TokenFileError(
            path,
            f"tokens of another layout, expected {layout()}",
            "use the same version of Cradlepath at the agency and at the hub, and a kit of that version",
        )
    if header["source"] != source:
        raise TokenFileError(
            path,
            f"tokens of another source, expected {source}",
            f"name it after the source it was made from, or make it again with --source {source}",
        )
    if header.get("agreement") != agreement:
        raise TokenFileError(
            path,
            f"treated under another version of the agreement than the one in force here ({agreement[:16]})",
            "give the agency the agreement files in force, and have it make the file again",
        )
    try:
        return date.fromisoformat(str(header["delivery"]))
    except ValueError:
        raise damaged(path) from None


def _from(path: Path, error: SealError) -> TokenFileError:
    what, _, remedy = str(error).removeprefix(f"{path}: ").rpartition("; ")
    return TokenFileError(path, what, remedy)


def _packed(sections: Iterable[Section]) -> Iterator[bytes]:
    for section in itertools.chain(sections, [Section(_END)]):
        tables = {name: _stream(table) for name, table in section.tables.items()}
        sizes = [[name, len(content)] for name, content in tables.items()]
        head = json.dumps({"kind": section.kind, "facts": dict(section.facts), "tables": sizes}).encode()
        yield len(head).to_bytes(4, "big") + head
        yield from tables.values()


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _unpacked(path: Path, content: Iterator[bytes]) -> Iterator[Section]:
    parts = _Parts(path, content)
    while True:
        head = parts.take(int.from_bytes(parts.take(4, _MAX_JSON), "big"), _MAX_JSON)
        try:
            found = json.loads(head)
            kind, facts = str(found["kind"]), dict(found["facts"])
            tables = {str(name): _table(parts.take(int(size), _MAX_TABLE)) for name, size in found["tables"]}
        except (ValueError, TypeError, KeyError, RecursionError, pa.ArrowException):
            raise damaged(path) from None
        if kind == _END:
            if not parts.over():
                raise damaged(path)
            return
        yield Section(kind, facts, tables)


def _table(content: bytes) -> pa.Table:
    """Read one Arrow stream; every offset in it is checked, since who sent it is not proven."""
    with pa.ipc.open_stream(content) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table


class _Parts:
    """The content of a file, taken in pieces of any size."""

    def __init__(self, path: Path, content: Iterator[bytes]) -> None:
        self._path = path
        self._content = content
        self._held = bytearray()

    def take(self, size: int, most: int) -> bytes:
        """Return the next `size` bytes; raises TokenFileError when there are fewer, or too many are asked for."""
        while 0 <= size <= most and len(self._held) < size and self._more():
            pass
        if not 0 <= size <= min(most, len(self._held)):
            raise damaged(self._path)
        part = bytes(self._held[:size])
        del self._held[:size]
        return part

    def over(self) -> bool:
        """Say whether nothing is left."""
        return not self._held and not self._more()

    def _more(self) -> bool:
        try:
            chunk = next(self._content, None)
        except SealError as error:
            raise _from(self._path, error) from None
        self._held += chunk or b""
        return chunk is not None
