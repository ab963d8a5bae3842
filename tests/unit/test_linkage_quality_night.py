"""What a night makes of linkage quality: subgroups from the spine, consents left out, a page without records."""

from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from assets import quality
from assets.night import StatePaths
from assets.outcomes.trust import QUALITY_SCHEMA
from linkage import rules
from linkage.evidence import JOINS, evidence_store
from linkage.keys import KeyRing

RECORDS = [
    ("birth", b"a" * 16, "c-1"),
    ("school", b"b" * 16, "c-1"),
    ("forms", b"c" * 16, "c-1"),
    ("birth", b"d" * 16, "c-2"),
]


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A night whose ledger holds the records above, all joined by one tag."""
    made = (SimpleNamespace(id="e", parts=("birth_date", "given_canonical", "surname_1")),)
    monkeypatch.setattr(rules, "TAGS", made, raising=False)
    sources, keys, children = zip(*RECORDS, strict=True)
    table = pa.table({"source": sources, "record_key": pa.array(keys, pa.binary()), "child_id": children})
    monkeypatch.setattr(quality, "Ledger", lambda path, ring: SimpleNamespace(record_child=lambda: table))
    ring = KeyRing.create(tmp_path / "keys")
    joins = [
        {"left_source": a[0], "left_key": a[1], "right_source": b[0], "right_key": b[1], "tag": "e"}
        for a, b in ((RECORDS[0], RECORDS[1]), (RECORDS[1], RECORDS[2]))
    ]
    evidence_store(tmp_path / "evidence.sealed", ring).write({"joins": pa.Table.from_pylist(joins, JOINS)})
    (tmp_path / "ledger.sealed").touch()
    with duckdb.connect(tmp_path / "spine.duckdb") as con:
        con.execute(
            "create table child as select "
            "'c-1' as child_id, 'Black' as race_ethnicity, 'F' as sex, 2015 as birth_school_year"
        )
    kinds = {"birth": "records", "school": "records", "forms": "consent"}
    sources_of = {
        name: SimpleNamespace(source=name, kind=kind, one_record_a_child=True) for name, kind in kinds.items()
    }
    return SimpleNamespace(
        paths=StatePaths.under(tmp_path), keys=ring, policy=SimpleNamespace(sources=sources_of),
        settings=SimpleNamespace(threshold_bits=None, model=None),
    )  # fmt: skip


def test_a_night_gives_each_source_and_subgroup_and_no_consents(night):
    found = quality.night_quality(night)
    rows = {(row["source"], row["subgroup"]): (row["records"], row["linked"]) for row in found.to_pylist()}
    groups = ("All", "race_ethnicity: Black", "sex: F", "born: 2015")
    assert rows == {("birth", group): (2 if group == "All" else 1, 1) for group in groups} | {
        ("school", group): (1, 1) for group in groups
    }
    assert found.select(QUALITY_SCHEMA.names).cast(QUALITY_SCHEMA).num_rows == len(rows)


def test_nothing_linked_yet_is_none(night):
    night.paths.ledger.unlink()
    assert quality.night_quality(night) is None


def test_the_page_shows_source_pairs_and_nothing_of_a_record(night):
    shown = quality.quality_metadata(night)
    records = shown["quality by source pair"].records
    assert [(row.data["source"], row.data["other_source"]) for row in records] == [
        ("birth", "school"),
        ("school", "birth"),
    ]
    assert shown["open questions"] == 0
    assert "forms" not in str(shown)
    assert not [key for _, key, child in RECORDS if key.hex()[:8] in str(shown) or child in str(shown)]
