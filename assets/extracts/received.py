"""A delivery that an agency cut and tokenised, read back from its token file as the hub's own cutting would be.

Nothing raw is in it. A file that is not for this hub, this source or this agreement is refused before its content is
read; one whose content is not what this version writes, as soon as that is met.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assets.extracts.columns import RECORD_KEY, combined
from assets.extracts.cut import Begins, Ends, Event, Place, columns_of
from assets.extracts.delivery import DeliveryError, Mode
from assets.extracts.exclusions import Excluded, drops_of
from assets.extracts.outcome import FINDINGS
from assets.extracts.parcel import Closing, Opening, ends_of, piece_of
from assets.extracts.terms import Terms
from linkage.batch import TokenBatch
from linkage.keys import KeyRing
from linkage.token_file import TOKENS, Section, TokenFileError, damaged, open_token_file, tokens_of


class Received:
    """One token file, opened for the hub; a `Cutting`. `tokens` are there when its events are over."""

    def __init__(self, path: Path, ring: KeyRing, terms: Terms) -> None:
        """Open and check a token file; raises DeliveryError for one that cannot be used."""
        source = terms.source
        self._path = path
        self._terms = terms
        self._closing: Closing | None = None
        self._tokens: list[TokenBatch] = []
        policies = drops_of(source)
        with self._refused():
            about, self._sections = open_token_file(path, ring, source.source, source.agreement_sha256)
            opening = Opening.of(path, self._next(), tuple(source.tables), len(policies))
        self.night = about.night
        self.k1 = about.k1
        self.mode: Mode = opening.mode
        self.tables = opening.tables
        self.files = opening.files
        records, by = (combined(opening.excluded[name]) for name in (RECORD_KEY, "policy"))
        self.excluded = Excluded(policies, {}, records, by.to_numpy())

    def events(self) -> Iterator[Event]:
        """Yield the tables as the agency cut them; raises DeliveryError for content of another form."""
        for name in self.tables:
            columns = columns_of(self._terms, self._terms.source.tables[name])
            yield Begins(name, columns.empty_table())
            event: Event | None = None
            while not isinstance(event, Ends):
                with self._refused():
                    event = self._event(name, columns)
                yield event
        with self._refused():
            self._close()

    def rows_read(self) -> Mapping[Place, int]:
        """Return the rows that the agency met, usable or not."""
        return self._closed.rows_read

    def problems(self, place: Place) -> pa.Table:
        """Return the rows that the agency's reader could not use (schema `FINDINGS`)."""
        rows = self._closed.problems
        here = pc.and_(pc.equal(rows["file"], place[0]), pc.equal(rows["table_name"], place[1]))
        return rows.filter(here).select(FINDINGS.names)

    def unnamed_columns(self) -> Mapping[Place, Sequence[str]]:
        """Return the columns that no agreement names."""
        return self._closed.unnamed

    def absent_columns(self) -> Mapping[Place, Sequence[str]]:
        """Return the columns that the agreement names and the file lacks."""
        return self._closed.absent

    @property
    def tokens(self) -> TokenBatch | None:
        """One row of tokens a record, under K1; None where the delivery brings no identifiers."""
        return TokenBatch.joined(self._tokens) if self._closed.linked else None

    @property
    def _closed(self) -> Closing:
        if self._closing is None:
            raise RuntimeError("a token file tells its counts when its events are over")
        return self._closing

    def _event(self, table: str, columns: pa.Schema) -> Event:
        section = self._next()
        if section.facts["table"] != table:
            raise damaged(self._path)
        match section.kind:
            case "piece":
                return piece_of(self._path, section, columns, len(self.excluded.policies))
            case "ends":
                return ends_of(self._path, section)
        raise damaged(self._path)

    def _close(self) -> None:
        section = self._next()
        while section.kind == TOKENS:
            self._tokens.append(tokens_of(self._path, section))
            section = self._next()
        if section.kind != "closes" or next(self._sections, None) is not None:
            raise damaged(self._path)
        self._closing = Closing.of(self._path, section, self.tables)

    def _next(self) -> Section:
        section = next(self._sections, None)
        if section is None:
            raise damaged(self._path)
        return section

    @contextmanager
    def _refused(self) -> Iterator[None]:
        """Turn whatever a token file can do wrong into the refusal of the delivery."""
        try:
            yield
        except TokenFileError as error:
            raise DeliveryError(self._path.name, error.what, error.remedy) from None
        except (KeyError, TypeError, ValueError):
            found = damaged(self._path)
            raise DeliveryError(self._path.name, found.what, found.remedy) from None
