"""How right the child IDs are, against a truth that only a test city has.

Everything is counted on records that are both in the truth and in the ledger, from contingency tables, never
pair by pair:

* `pairs`: all pairs of records with one child ID against all pairs of records of one child.
* `cluster`: B-cubed (Bagga and Baldwin 1998): per record, how many of the records that share its child ID
  are its child's, and how many of its child's share its ID; with `exact`, the share of children whose records
  are exactly one child ID.
* `twins`: as `pairs`, on the pairs that touch a record of a twin or triplet.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from linkage.errors import TruthError
from linkage.intervals import wilson
from linkage.keys import KeyRing
from linkage.ledger import Ledger
from linkage.records import record_keys

REQUIRED: Final = ("source", "record_id", "child")
SUBGROUPS: Final = ("race_ethnicity", "race", "sex", "birth_year", "zip")
_PEOPLE: Final = "people.csv"


@dataclass(frozen=True)
class Labelled:
    """n records with their true child, their child ID, source and subgroups, as numbers from 0.

    `twin` bool (n,); `groups` maps a subgroup's name to its label of each record ('' for unknown).
    """

    child: np.ndarray
    child_id: np.ndarray
    source: np.ndarray
    sources: tuple[str, ...]
    twin: np.ndarray
    groups: dict[str, np.ndarray]


def evaluate(truth_csv: Path, ledger: Path, ring: KeyRing) -> dict[str, Any]:
    """Return precision, recall and F1 of the ledger against `truth_csv`.

    The file has the columns source, record_id, child; it, or `people.csv` beside it (one row a child),
    may also have twin_group and subgroups. Keys: `cluster`, `pairs`, `twins`, `by_source_pair`,
    `by_subgroup`, `records`. Raises TruthError when a column is missing or no record of the truth is in
    the ledger.
    """
    rows = _read(truth_csv, REQUIRED)
    people = truth_csv.with_name(_PEOPLE)
    about = {row["child"]: row for row in _read(people, ("child",))} if people.exists() else {}
    of_key = _child_ids(Ledger(ledger, ring))
    keys = _keys(rows, ring)
    found = [number for number, key in enumerate(keys) if key in of_key]
    if not found:
        raise TruthError(
            f"{truth_csv}: none of its {len(rows)} records is in the ledger; "
            "it belongs to another city, or the ledger was made with other keys"
        )
    labelled = label([rows[n] for n in found], [of_key[keys[n]] for n in found], about)
    counted = {
        "in_truth": len(rows),
        "in_ledger": len(of_key),
        "in_both": len(found),
        "children": int(labelled.child.max()) + 1,
    }
    return {**measure(labelled), "records": counted}


def label(rows: Sequence[dict[str, str]], child_ids: Sequence[str], about: dict[str, dict[str, str]]) -> Labelled:
    """Put truth rows, their child IDs and what is known of each child into numbers."""
    known = [about.get(row["child"], {}) | row for row in rows]
    sources, source = np.unique([row["source"] for row in rows], return_inverse=True)
    twin = np.array([bool(row.get("twin_group")) for row in known])
    columns = [name for name in SUBGROUPS if any(row.get(name) for row in known)]
    return Labelled(
        child=np.unique([row["child"] for row in rows], return_inverse=True)[1],
        child_id=np.unique(list(child_ids), return_inverse=True)[1],
        source=source,
        sources=tuple(sources.tolist()),
        twin=twin,
        groups={name: np.array([row.get(name) or "" for row in known]) for name in columns},
    )


def measure(records: Labelled) -> dict[str, Any]:
    """Return all figures of a set of labelled records; a share of nothing is null."""
    everyone = np.ones(len(records.child), bool)
    return {
        "cluster": _bcubed(records),
        "pairs": _pairwise(records, everyone),
        "twins": _pairwise(records, records.twin) | {"records": int(records.twin.sum())},
        "by_source_pair": _by_source_pair(records),
        "by_subgroup": {
            name: {str(value): _pairwise(records, labels == value) for value in np.unique(labels[labels != ""])}
            for name, labels in records.groups.items()
        },
    }


def _scores(right: float, linked: float, true: float) -> dict[str, Any]:
    precision = right / linked if linked else None
    recall = right / true if true else None
    both = precision and recall
    f1 = 2 * precision * recall / (precision + recall) if both else None  # type: ignore[operator]
    return {"precision": precision, "recall": recall, "f1": f1}


def _pairwise(records: Labelled, touching: np.ndarray) -> dict[str, Any]:
    """Score the pairs of which at least one record is in `touching`, with 95 % intervals."""
    right = _pairs_touching(touching, records.child, records.child_id)
    linked = _pairs_touching(touching, records.child_id)
    true = _pairs_touching(touching, records.child)
    return _scores(right, linked, true) | {
        "precision_95": wilson(right, linked),
        "recall_95": wilson(right, true),
        "linked_pairs": linked,
        "true_pairs": true,
    }


def _pairs_touching(touching: np.ndarray, *labels: np.ndarray) -> int:
    """Count pairs of records that agree on all labels and of which one at least is in `touching`."""
    cells = np.unique(np.stack(labels), axis=1, return_inverse=True)[1].ravel()
    everyone = np.bincount(cells)
    others = np.bincount(cells[~touching], minlength=len(everyone))
    return int((everyone * (everyone - 1) - others * (others - 1)).sum()) // 2


def _bcubed(records: Labelled) -> dict[str, Any]:
    cells, inverse, counts = np.unique(
        np.stack([records.child, records.child_id]), axis=1, return_inverse=True, return_counts=True
    )
    together = counts[inverse.ravel()]
    of_id, of_child = np.bincount(records.child_id), np.bincount(records.child)
    precision = float(np.mean(together / of_id[records.child_id]))
    recall = float(np.mean(together / of_child[records.child]))
    exact = (counts == of_child[cells[0]]) & (counts == of_id[cells[1]])
    scores = _scores(precision * recall, recall, precision)
    return scores | {"exact": float(exact.sum() / len(of_child))}


def _by_source_pair(records: Labelled) -> dict[str, Any]:
    """Score the pairs between every two sources, and inside each that has several records a child."""
    cell = np.unique(np.stack([records.child, records.child_id]), axis=1, return_inverse=True)[1].ravel()
    tables = [_together(label, records) for label in (cell, records.child_id, records.child)]
    scored = {}
    for one, name in enumerate(records.sources):
        for other in range(one, len(records.sources)):
            right, linked, true = (int(table[one, other]) for table in tables)
            if linked or true:
                scored[f"{name} - {records.sources[other]}"] = _scores(right, linked, true) | {"true_pairs": true}
    return scored


def _together(label: np.ndarray, records: Labelled) -> np.ndarray:
    """Return, for every two sources, how many pairs of records share a label (each pair once)."""
    shape = (int(label.max()) + 1, len(records.sources))
    counts = csr_matrix((np.ones(len(label), np.int64), (label, records.source)), shape=shape)
    table = np.asarray((counts.T @ counts).todense())
    own = np.asarray(counts.sum(axis=0)).ravel()
    np.fill_diagonal(table, (table.diagonal() - own) // 2)
    return table


def _read(path: Path, required: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            reader = csv.DictReader(handle)
            missing = [name for name in required if name not in (reader.fieldnames or [])]
            if missing:
                raise TruthError(f"{path}: no column {', '.join(missing)}; expected {', '.join(required)}")
            return list(reader)
    except (FileNotFoundError, IsADirectoryError):
        raise TruthError(f"{path}: no such file; `cradlepath demo` writes one beside its workspace") from None
    except (UnicodeDecodeError, csv.Error):
        raise TruthError(f"{path}: not a CSV file in UTF-8") from None


def _keys(rows: list[dict[str, str]], ring: KeyRing) -> list[tuple[str, bytes]]:
    """Return (source, record key) of every truth row."""
    names = np.array([row["source"] for row in rows])
    keys: list[tuple[str, bytes]] = [("", b"")] * len(rows)
    for source in np.unique(names).tolist():
        at = np.flatnonzero(names == source).tolist()
        hashed = record_keys(pa.array([rows[n]["record_id"] for n in at], pa.string()), source, ring)
        for number, key in zip(at, hashed.to_pylist(), strict=True):
            keys[number] = (source, key)
    return keys


def _child_ids(ledger: Ledger) -> dict[tuple[str, bytes], str]:
    current = ledger.record_child()
    owners = zip(current.column("source").to_pylist(), current.column("record_key").to_pylist(), strict=True)
    return dict(zip(owners, current.column("child_id").to_pylist(), strict=True))
