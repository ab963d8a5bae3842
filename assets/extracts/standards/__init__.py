"""What each standard says about its own tables: files, keys, required columns, references, header drift.

The descriptions are data: one YAML file for each standard, beside this module, each with its source.
`describe` reads them. Readers use them to find and judge files; the load step uses the keys and references.
Formats whose tables an agreement invents (`csv`, `parquet`) have a description without tables.
"""

from assets.extracts.standards.description import (
    ForeignKey,
    Span,
    Standard,
    StandardTable,
    describe,
)

__all__ = ["ForeignKey", "Span", "Standard", "StandardTable", "describe"]
