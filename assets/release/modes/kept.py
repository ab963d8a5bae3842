"""A draw as it is kept: what it depends on, and its noisy counts under the auditor's key.

What belongs here: the keyed digest by which the same inputs are known again, and the sealed form. What does not: where
a draw is kept (`consent.privacy`), what is made of it (`spending`).
"""

# Names in these statements come from a validated catalogue, never from data.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import numpy as np

from assets.release.annex import seal, unseal
from assets.release.modes.noise import mechanism
from assets.release.modes.shared import new_counts
from assets.release.modes.spending import Plan
from assets.release.policy import ReleaseError
from assets.release.system import NEWEST, Floats, System, TableBlock, numbered

FORMAT = "draw 1"


def inputs_digest(system: System, planned: Plan, key: bytes) -> str:
    """Return the keyed digest of all that a draw depends on: new rows with their true counts, what is drawn, scales.

    Without the key it tells nothing of a count.
    The rule's name, the night and the texts of the catalogue are not in it: noise that was paid for once serves again
    wherever it would be drawn for the same numbers at the same scale.
    """
    whole = hmac.new(key, f"{FORMAT}\n{mechanism()}\n".encode(), hashlib.sha256)
    for block in system.blocks:
        spending = planned.tables.get(block.spec.name)
        whole.update(f"{block.spec.name}\n{spending}\n{_rows_digest(system, block)}\n".encode())
    drawn = np.flatnonzero(planned.contribution.drawn) - np.flatnonzero(planned.contribution.drawn)[:1]
    whole.update(drawn.astype("<i8").tobytes())
    return whole.hexdigest()


def _rows_digest(system: System, block: TableBlock) -> str:
    dims = ", ".join(f'"{name}"' for name in (*block.spec.dims, *block.spec.count_names))
    sql = (
        f"select to_json(t)::varchar as line from (select {dims} from {numbered(block.spec)} where of_release = ?) t "
        "order by line"
    )
    found = system._con.execute(sql, [NEWEST]).fetchnumpy()
    return hashlib.sha256("\n".join(found["line"]).encode()).hexdigest()


def sealed(system: System, raw: Floats, key: bytes) -> bytes:
    """Return noisy counts, shape (n,) with NaN where none was drawn, under a key: new rows by table, in key order."""
    tables = {}
    for block in system.blocks:
        cells = raw[block.offset : block.offset + block.rows * len(block.spec.counts)]
        mine = cells[new_counts(system)[block.offset : block.offset + len(cells)]]
        if len(mine):
            tables[block.spec.name] = mine.astype(np.int64).tolist()
    text = json.dumps({"format": FORMAT, "tables": tables}, sort_keys=True, separators=(",", ":"))
    return seal(text.encode(), key)


def opened(bytes_: bytes, key: bytes) -> dict[str, list[int]]:
    """Return the noisy counts of a sealed draw by table. Raises ReleaseError for a wrong key or another form."""
    try:
        whole: dict[str, Any] = json.loads(unseal(bytes_, key))
        if whole["format"] != FORMAT:
            raise KeyError(FORMAT)
        return {str(name): [int(one) for one in numbers] for name, numbers in whole["tables"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ReleaseError("a sealed draw is not in its form; restore the registry from a backup") from None


def laid_out(system: System, tables: dict[str, list[int]], release: str = NEWEST) -> Floats:
    """Return noisy counts in the places of a system's variables, shape (n,), NaN elsewhere.

    Raises ReleaseError when they are not those of the system's new rows.
    """
    out = np.full(len(system.values), np.nan)
    new = new_counts(system, release)
    for block in system.blocks:
        mine = block.offset + np.flatnonzero(new[block.offset : block.offset + block.rows * len(block.spec.counts)])
        numbers = tables.get(block.spec.name, [])
        if len(numbers) != len(mine):
            raise ReleaseError(
                f"table {block.spec.name}: the draw holds {len(numbers)} numbers, expected one for each count"
            )
        out[mine] = numbers
    return out
