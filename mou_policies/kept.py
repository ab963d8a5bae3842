"""What commands that show keep between processes: agreements as they were read, and what lint said of a folder.

Never for a night, a release or a signature: they read what was signed (ADR 9). How entries are named, and why none is
out of date, is in `cache`. An entry holds JSON; what does not have the shape of what it should be is read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import date
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mou_policies.cache import Cache
from mou_policies.kept_form import agreement_of, content_of
from mou_policies.language import Reading, read_afresh, reading_by
from mou_policies.linting import Report, lint_report

_SEEN = (".yaml", ".yml", ".json")
_LARGEST = 10_000_000


@contextmanager
def keeping(cache: Cache | None) -> Iterator[None]:
    """Within this context agreements that were read before, by this code and of these bytes, come from the cache."""
    with nullcontext() if cache is None else reading_by(_reader(cache)):
        yield


def _reader(cache: Cache) -> Callable[[Path, str], Reading]:
    @lru_cache(maxsize=256)
    def read(file: Path, text: str) -> Reading:
        name = cache.name_of(b"agreement", file.name.encode(), text.encode())
        content = cache.get(name)
        agreement = agreement_of(content) if content else None
        if agreement is not None:
            return Reading(file, agreement, ())
        reading = read_afresh(file, text)
        if reading.agreement is not None:
            cache.put(name, content_of(reading.agreement))
        return reading

    return read


def report(folder: Path, on: date, cache: Cache | None) -> Report:
    """Return what lint says of a folder on a date, from the cache where nothing of the folder has changed."""
    before = _bytes_of(folder) if cache else None
    if cache is None or before is None:
        return lint_report(folder, on)
    form = TypeAdapter(Report)
    name = cache.name_of(b"lint", on.isoformat().encode(), *before)
    content = cache.get(name)
    if content is not None:
        with suppress(ValidationError):
            return form.validate_json(content)
    found = lint_report(folder, on)
    if _bytes_of(folder) == before:
        cache.put(name, form.dump_json(found))
    return found


def _bytes_of(folder: Path) -> list[bytes] | None:
    """Return the names and bytes of all files that a folder's agreements are judged by; None where one cannot be."""
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix in _SEEN)
        if not all(file.is_file() and file.stat().st_size < _LARGEST for file in files):
            return None
        return [part for file in files for part in (file.name.encode(), file.read_bytes())]
    except OSError:
        return None
