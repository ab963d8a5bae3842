"""The demo city under its own agreements: every delivery of every night is read, and rows add up.

The last night of a source may be the one with its faults, so problems are expected, but no delivery is refused.
"""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from assets.extracts.delivery import ROW, open_delivery
from mou_policies.language import load_agreements
from pipelines.demo.city import make_city

AGREEMENTS = Path(__file__).resolve().parents[2] / "mou_policies" / "agreements"


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    out = tmp_path_factory.mktemp("city")
    make_city(out, children=150, seed=11, nights=3)
    return out / "workspace" / "landing"


def sources():
    return [source for agreement in load_agreements(AGREEMENTS) for source in agreement.sources.values()]


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.source)
def test_every_delivery(landing, source):
    globs = [*source.files, *(glob for table in source.tables.values() for glob in table.files)]
    read = 0
    for night in sorted((landing / source.agency).iterdir()):
        files = sorted(f for f in night.iterdir() if any(fnmatchcase(f.name, glob) for glob in globs))
        if not files:
            continue
        delivery = open_delivery(source, files)
        assert delivery.mode in {"full", "delta"}
        good: Counter[tuple[str, str]] = Counter()
        for name in delivery.tables:
            for batch in delivery.batches(name):
                good[batch.file, batch.table] += batch.rows.num_rows
                assert set(source.tables[name].wanted) < set(batch.rows.column_names)
                assert batch.rows[ROW].null_count == 0
        bad = Counter((problem.file, problem.table) for problem in delivery.problems)
        assert {place: n for place, n in delivery.rows_read.items() if n} == dict(good + bad)
        assert sum(bad.values()) <= 0.05 * sum(good.values()) + 5
        read += sum(good.values())
    assert read
