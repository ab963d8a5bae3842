"""One reader for each standard, over shared ways to read archives, text, delimited rows and lines.

A reader is a function (source, files, limits) -> `Delivery`. What belongs here: bytes to rows of strings,
with limits. What does not: treatments, keys, tokens, anything stored. A format is described in
`assets.extracts.standards`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from assets.extracts.delivery import Delivery, DeliveryError, Limits
from assets.extracts.readers import fhir, generic, hmis, ije, oneroster
from mou_policies.model import SourcePolicy

Reader = Callable[[SourcePolicy, Sequence[Path], Limits], Delivery]

READERS: dict[str, Reader] = {
    "csv": generic.open_csv,
    "parquet": generic.open_parquet,
    "ije-natality": ije.open_natality,
    "fhir-bulk-r4": fhir.open_bulk,
    "hmis-csv-2026": hmis.open_export,
    "oneroster-1.1": oneroster.open_roster,
}


def reader_of(standard: str) -> Reader:
    """Return the reader of a standard by its id. Raises DeliveryError for a standard without a reader."""
    if standard not in READERS:
        known = ", ".join(sorted(READERS))
        raise DeliveryError(
            "agreement", f"no reader for the standard {standard!r}", f"name one of {known} in the agreement"
        )
    return READERS[standard]
