"""Evaluation and quality: figures worked out by hand."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.errors import TruthError
from linkage.evaluate import evaluate, label, measure
from linkage.intervals import wilson
from linkage.ledger import Ledger, Membership
from linkage.records import key_matrix, record_keys

TRUTH = """source,record_id,child,twin_group,sex
birth,1,A,,F
school,2,A,,F
health,3,A,,F
birth,4,B,t1,M
school,5,B,t1,M
birth,6,C,t1,M
school,7,C,t1,M
birth,8,D,,F
"""
FOUND = {"1": "x", "2": "x", "3": "y", "4": "u", "5": "u", "6": "v", "7": "u", "8": "w"}


def rows():
    header, *lines = [line.split(",") for line in TRUTH.strip().splitlines()]
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_figures_by_hand():
    records = rows()
    scores = measure(label(records, [FOUND[row["record_id"]] for row in records], {}))
    # linked: 1-2, 4-5, 4-7, 5-7; true: 1-2, 1-3, 2-3, 4-5, 6-7; right: 1-2, 4-5
    assert (scores["pairs"]["linked_pairs"], scores["pairs"]["true_pairs"]) == (4, 5)
    assert scores["pairs"]["precision"] == pytest.approx(2 / 4)
    assert scores["pairs"]["recall"] == pytest.approx(2 / 5)
    assert scores["pairs"]["f1"] == pytest.approx(4 / 9)
    assert scores["twins"]["precision"] == pytest.approx(1 / 3)
    assert scores["twins"]["recall"] == pytest.approx(1 / 2)
    assert scores["cluster"]["precision"] == pytest.approx((1 + 1 + 1 + 2 / 3 + 2 / 3 + 1 + 1 / 3 + 1) / 8)
    assert scores["cluster"]["recall"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1 + 1 / 2 + 1 / 2 + 1) / 8)
    assert scores["cluster"]["exact"] == pytest.approx(1 / 4)
    assert scores["by_source_pair"]["birth - school"] == {
        "precision": pytest.approx(2 / 3), "recall": pytest.approx(2 / 3), "f1": pytest.approx(2 / 3), "true_pairs": 3,
    }  # fmt: skip
    assert scores["by_source_pair"]["school - school"]["precision"] == 0
    assert scores["by_subgroup"]["sex"]["F"]["recall"] == pytest.approx(1 / 3)


@pytest.fixture
def made(tmp_path):
    """A ledger of the records above, its key ring, and the folder they are in."""
    ring = fixed_ring(tmp_path / "keys")
    records = rows()
    sources = ("birth", "health", "school")
    keys = [key_matrix(record_keys(pa.array([r["record_id"]]), r["source"], ring)) for r in records]
    source = np.array([sources.index(r["source"]) for r in records], np.int16)
    cluster = np.unique([FOUND[r["record_id"]] for r in records], return_inverse=True)[1]
    members = Membership(sources, source, np.concatenate(keys))
    Ledger(tmp_path / "ledger.sealed", ring).update(members, cluster, np.empty((0, 16), np.uint8), date(2026, 9, 1))
    return tmp_path, ring


def test_evaluate_reads_a_truth_file_and_people_beside_it(made):
    folder, ring = made
    (folder / "truth.csv").write_text(TRUTH)
    (folder / "people.csv").write_text("child,race_ethnicity\nA,White\nB,Black\nC,Black\nD,White\n")
    scores = evaluate(folder / "truth.csv", folder / "ledger.sealed", ring)
    assert scores["pairs"]["precision"] == pytest.approx(1 / 2)
    assert set(scores["by_subgroup"]["race_ethnicity"]) == {"White", "Black"}
    assert scores["records"] == {"in_truth": 8, "in_ledger": 8, "in_both": 8, "children": 4}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        ("source,child\nbirth,A\n", "no column record_id"),
        ("source,record_id,child\nbirth,99,A\n", "none of its 1 records"),
        (b"\xff\xfe\x00", "not a CSV file"),
    ],
)
def test_a_useless_truth_file_is_an_error_for_people(made, content, says):
    folder, ring = made
    if content is not None:
        (folder / "truth.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TruthError, match=says):
        evaluate(folder / "truth.csv", folder / "ledger.sealed", ring)


def test_wilson():
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(95, 100)
    assert (round(low, 4), round(high, 4)) == (0.8882, 0.9785)
    assert wilson(10, 10)[1] == pytest.approx(1.0)
