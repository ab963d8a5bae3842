"""The instances of the literature as problems, and as files in tau-Argus's form.

What belongs here: reading ../shared/instances (never copied), the convention of the reference optima, the audit of a
pattern. The convention, found by reproducing the proved optima of TARGUS: bounds [0, 2a], lower level = upper level =
the positive `dev_lo` of a sensitive cell (at most a); prices and counts include the sensitive cells.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linprog

from assets.release.protection import Problem
from assets.release.protection.reduction import canonical, expressions

FOLDER: Final = Path(__file__).resolve().parents[1].parent / "shared" / "instances"
NAMES: Final = ("TARGUS", "TABLE7", "HIER13", "TABLE3")
NO_PRICE: Final = 1e-3
"""What a cell that is 0 costs: it can never move within [0, 2a], so nothing ever hides it."""


def read(name: str, by_value: bool, folder: Path = FOLDER) -> tuple[Problem, npt.NDArray[np.int64]]:
    """Return (problem, sensitive cells) of an instance, a cell's price being its value or 1."""
    data = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    n, sensitive = data["n_cells"], np.array(data["sensitive_up"])
    row, column, coefficient = np.array(data["triplets"]).T
    matrix = sparse.csr_matrix((coefficient, (row.astype(int), column.astype(int))), shape=(data["n_rows"], n))
    below, above = np.array(data["dev_lo"]), np.array(data["dev_up"])
    value = _additive(matrix, np.where((below == 0) & (above == 0), 0.0, np.array(data["a"])))
    level, nothing, hidden = np.zeros(n), np.zeros(n), np.zeros(n, bool)
    level[sensitive], hidden[sensitive] = np.minimum(below[sensitive], value[sensitive]), True
    price = np.maximum(value, NO_PRICE) if by_value else np.ones(n)
    return Problem(
        matrix=matrix,
        value=value,
        lowest=nothing,
        highest=2 * value,
        price=price,
        hidden=hidden,
        fixed=np.zeros(n, bool),
        room_down=nothing,
        room_up=nothing,
        up=level,
        down=level,
        width=nothing,
        whole=np.zeros(n, bool),
    ), sensitive


def _additive(matrix: sparse.csr_matrix, value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Round to whole numbers and add totals up again: the files give seven digits only."""
    live = np.flatnonzero(value > 0)
    size = value[live]
    exact = np.round(size)
    for total, parts in expressions(canonical(matrix[:, live].tocsr()), size).items():
        exact[total] = sum(factor * exact[part] for part, factor in parts.items())
    out = np.zeros(len(value))
    out[live] = exact
    return out


def exposed(problem: Problem, hidden: npt.NDArray[np.bool_]) -> int:
    """Count the demands a pattern does not meet, by two programs for each of another library's making."""
    live = np.flatnonzero(hidden & (problem.highest > problem.lowest))
    place = {int(cell): at for at, cell in enumerate(live)}
    matrix = problem.matrix[:, live].tocsr()
    matrix = matrix[np.diff(matrix.indptr) > 0]
    bounds = np.column_stack([problem.lowest - problem.value, problem.highest - problem.value])[live]
    missed = 0
    for cell in np.flatnonzero((problem.up > 0) | (problem.down > 0)):
        for sign, level in ((1, problem.up[cell]), (-1, problem.down[cell])):
            cost = np.zeros(len(live))
            if int(cell) in place:
                cost[place[int(cell)]] = -sign
            found = linprog(cost, A_eq=matrix, b_eq=np.zeros(matrix.shape[0]), bounds=bounds, method="highs")
            missed += int(found.status != 0 or -found.fun < level - 1e-4)
    return missed


def write_jj(problem: Problem, place: Path) -> npt.NDArray[np.int64]:
    """Write a problem in tau-Argus's form without its zeros; return the cell of each line."""
    cells = np.flatnonzero(problem.value > 0)
    number = np.full(len(problem.value), -1)
    number[cells] = np.arange(len(cells))
    lines = ["0", str(len(cells))]
    for cell in cells:
        status = "u" if problem.hidden[cell] else "s"
        value, most, level = problem.value[cell], problem.highest[cell], problem.up[cell]
        price = max(1, round(problem.price[cell]))
        lines.append(f"{number[cell]} {value:.0f} {price} {status} 0 {most:.0f} {level:.3f} {level:.3f} 0")
    matrix = canonical(problem.matrix[:, cells].tocsr())
    lines.append(str(matrix.shape[0]))
    for row in range(matrix.shape[0]):
        span = slice(matrix.indptr[row], matrix.indptr[row + 1])
        terms = sorted(zip(matrix.data[span], matrix.indices[span], strict=True))
        if sum(factor < 0 for factor, _ in terms) > 1:  # the total comes first, and is the only negative one
            terms = sorted((-factor, column) for factor, column in terms)
        lines.append(f"0 {len(terms)} : " + " ".join(f"{column} ({factor:.0f})" for factor, column in terms) + " ")
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return cells
