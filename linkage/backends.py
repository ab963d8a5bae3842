"""Where pairs are scored: DuckDB in this process, or Spark in local mode. Both are handed a table and settings.

What belongs here: which engine, its memory limit, and the folder it may write to while it works; Spark itself is
`linkage.spark`. What does not: which records are compared (`linkage.score`) and how (`linkage.model`). Neither engine
leaves anything: DuckDB writes only where a folder is named, Spark encrypts what it writes, and the folder is emptied at
the end and at the next start.
"""

import logging
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import duckdb
import pyarrow as pa

from linkage.errors import LinkageError
from linkage.model import RECORD_COLUMN

if TYPE_CHECKING:
    from splink import SettingsCreator

_SETTINGS: Final = ("set disabled_optimizers = 'join_order'", "set preserve_insertion_order = false")
_SCRATCH: Final = "scoring-"
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?(MB|GB|TB)")
_UNITS: Final = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_LEAST_BYTES: Final = 10**8
"""What a thread of DuckDB needs to score anything at all."""

_DUCKDB_FACTOR: Final = 4
"""Bytes DuckDB needs to score one byte of tokens, measured; a batch that needs more is halved."""


class OutOfMemoryLimitError(LinkageError):
    """The engine cannot score this many records within its memory limit; fewer at a time may do."""


class Backend(Protocol):
    """An engine that scores a table of tokens."""

    def sweep(self) -> None:
        """Empty what an interrupted night left in the spill folder."""

    def batches(self, size: int) -> int:
        """Return in how many batches to score `size` bytes of tokens."""

    def predict(self, table: pa.Table, settings: "SettingsCreator", columns: tuple[str, ...]) -> pa.Table:
        """Return the given columns of Splink's prediction and the two record numbers, in no particular order.

        Raises OutOfMemoryLimitError where the table is too large for the memory limit.
        """


def choose_backend(name: str, memory_limit: str | None = None, spill: Path | None = None) -> Backend:
    """Return the backend a workspace names; raises LinkageError for an unknown one or unusable settings."""
    least = "600MB" if name == "spark" else "100MB"
    if memory_limit is not None and bytes_of(memory_limit) < bytes_of(least):
        raise LinkageError(f"linkage.memory_limit: found {memory_limit!r}, expected at least {least} for {name}")
    if name == "duckdb":
        return DuckDb(memory_limit, spill)
    if name != "spark":
        raise LinkageError(f"linkage.backend: found {name!r}, expected duckdb or spark")
    if spill is None:
        raise LinkageError(
            "linkage.backend spark: found no linkage.spill, expected a folder for its encrypted temporary files; "
            "name one in cradlepath.yaml"
        )
    from linkage.spark import Spark  # noqa: PLC0415  (only where chosen)

    return Spark(spill, memory_limit)


def bytes_of(size: str) -> int:
    """Return how many bytes ``4GB`` is; raises LinkageError for anything but a number with MB, GB or TB."""
    found = _SIZE.fullmatch(size)
    if not found:
        raise LinkageError(f"linkage.memory_limit: found {size!r}, expected a number with MB, GB or TB, like 4GB")
    return int(float(found[1]) * _UNITS[found[2]])


@dataclass(frozen=True)
class DuckDb:
    """DuckDB in this process. Without `spill` nothing leaves memory; with it, what exceeds the limit lies there.

    What lies there is not encrypted: DuckDB encrypts temporary files only with an extension it would have to download.
    """

    memory_limit: str | None = None
    spill: Path | None = None

    def sweep(self) -> None:
        """Empty what an interrupted night left in the spill folder."""
        sweep(self.spill)

    def batches(self, size: int) -> int:
        """Return in how many batches to score `size` bytes of tokens: one where it may spill or has no limit."""
        if self.memory_limit is None or self.spill is not None:
            return 1
        return math.ceil(_DUCKDB_FACTOR * size / bytes_of(self.memory_limit))

    def predict(self, table: pa.Table, settings: "SettingsCreator", columns: tuple[str, ...]) -> pa.Table:
        """See `Backend.predict`."""
        from splink import DuckDBAPI  # noqa: PLC0415  (half a second that a night without pairs does not need)

        with (
            scratch(self.spill) as folder,
            duckdb.connect(config=self._limits() | {"temp_directory": folder}) as connection,
        ):
            for setting in _SETTINGS:
                connection.execute(setting)
            try:
                query = predicted(DuckDBAPI, {"connection": connection}, table, settings, columns)
                return connection.sql(query).to_arrow_table()
            except Exception as error:
                if isinstance(error.__cause__ or error, duckdb.OutOfMemoryException):  # Splink wraps it
                    raise OutOfMemoryLimitError(too_small(self.memory_limit)) from None
                raise

    def _limits(self) -> dict[str, Any]:
        if self.memory_limit is None:
            return {}
        threads = min(os.cpu_count() or 1, bytes_of(self.memory_limit) // _LEAST_BYTES)
        return {"memory_limit": self.memory_limit, "threads": max(threads, 1)}


def predicted(
    engine: type[Any], options: dict[str, Any], table: Any, settings: "SettingsCreator", columns: tuple[str, ...]
) -> str:
    """Let Splink score all pairs of `table` on an engine of its own; return the query that reads the result."""
    from splink import Linker  # noqa: PLC0415

    wanted = ", ".join((f"{RECORD_COLUMN}_l", f"{RECORD_COLUMN}_r", *columns))
    api = _keeping(wanted, engine)(**options)
    linker = Linker(api.register(table, dataset_display_name="records"), settings, log_level=logging.ERROR)
    name = linker.inference.predict(warning_mode="never").physical_name
    return f"select {wanted} from {name}"  # noqa: S608


def _keeping(wanted: str, engine: type[Any]) -> type[Any]:
    """Return the engine, made to keep the wanted columns of a prediction only.

    Splink keeps all tokens of both records beside the levels of a pair; without them it needs half the time and memory.
    """

    class Keeping(engine):  # type: ignore[misc]
        def _setup_for_execute_sql(self, sql: str, physical_name: str) -> Any:
            if physical_name.startswith("__splink__df_predict"):
                sql = f"select {wanted} from ({sql})"  # noqa: S608
            return super()._setup_for_execute_sql(sql, physical_name)

    return Keeping


def too_small(memory_limit: str | None) -> str:
    """Return the message for a block of records that cannot be scored within the limit."""
    return (
        f"scoring: found more in one block than fits linkage.memory_limit {memory_limit or 'of this machine'}, "
        "expected room for it; raise the limit in cradlepath.yaml and run the night again"
    )


def sweep(spill: Path | None) -> None:
    """Remove what scoring left in the spill folder; other files there are not touched."""
    for folder in spill.glob(f"{_SCRATCH}*") if spill else ():
        shutil.rmtree(folder)


@contextmanager
def scratch(spill: Path | None) -> Iterator[str]:
    """Make a folder in the spill folder that only this account reads, and remove it at the end; '' without one."""
    if spill is None:
        yield ""
        return
    try:
        spill.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=_SCRATCH, dir=spill)
    except OSError as error:
        raise LinkageError(f"linkage.spill: cannot write in {spill} ({error.strerror}); name another folder") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
