"""The matrix: every field of every source in force, beside every use it has or has not, with the clause that says so.

`rows` finds the answers, `page` shows them to people, `sheet` to programs. Data of the agreements only.
"""

from __future__ import annotations

from mou_policies.matrix.page import page
from mou_policies.matrix.rows import ALLOWED, DENIED, NEVER, SILENT, USES, Cell, Matrix, Row, Section, matrix
from mou_policies.matrix.sheet import COLUMNS, sheet

__all__ = [
    "ALLOWED",
    "COLUMNS",
    "DENIED",
    "NEVER",
    "SILENT",
    "USES",
    "Cell",
    "Matrix",
    "Row",
    "Section",
    "matrix",
    "page",
    "sheet",
]
