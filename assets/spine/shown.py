"""Which content columns a result shows: the `shows` of SQL files, followed through models and measures to the content.

What belongs here: following the declarations. What does not: reading a header (`declared`), what a file may see
(`exposure`), what a release may show (its licence and its claims).
"""

from __future__ import annotations

from assets.spine.declared import ColumnRef, DeclarationError, SqlFile
from assets.spine.exposure import Columns


def shown(file: SqlFile, column: str, columns: Columns) -> frozenset[ColumnRef]:
    """Return the content columns that the values of one column of a file's result come from tonight.

    Columns that the file, or a model on the way, does not get are left out. Raises DeclarationError where a header on
    the way does not say where the values come from.
    """
    if column not in file.shows:
        raise DeclarationError(f"{file.path.name}: header does not say what `{column}` shows; add it to `shows`")
    lacking = {item.ref for item in columns.denied(file)}
    found: set[ColumnRef] = set()
    for origin in file.shows[column]:
        if isinstance(origin, ColumnRef):
            found |= {origin} - lacking
        else:
            found |= shown(columns.files[origin.model], origin.column, columns)
    return frozenset(found)
