"""What a night makes of linkage quality: subgroups from the spine, consents left out, a page without records."""

from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
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
    published: set[tuple[str, str, str]] = set()
    kinds = {"birth": "records", "school": "records", "forms": "consent"}
    sources_of = {
        name: SimpleNamespace(source=name, kind=kind, one_record_a_child=True) for name, kind in kinds.items()
    }
    return SimpleNamespace(
        paths=StatePaths.under(tmp_path), keys=ring,
        policy=SimpleNamespace(sources=sources_of, publishable=lambda *place: place in published or None),
        published=published,
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


def born(night, **columns):
    """Give the spine the birth record of the child c-1, and of one who is not in it."""
    named = ", ".join(f"{value!r} as {name}" for name, value in columns.items())
    with duckdb.connect(night.paths.spine) as con:
        con.execute(f"create table c_birth__births as select unnest(['c-1', 'c-3']) as child_id, {named}")


def labels(night, policy=None) -> set[str]:
    record_child = quality.Ledger(None, None).record_child()
    return set(quality.subgroups_of(night.paths.spine, record_child, policy).column("subgroup").to_pylist())


@pytest.mark.parametrize(("plurality", "twins"), [(1.0, "twins: no"), (2.0, "twins: yes"), (3, "twins: yes")])
def test_area_and_twins_are_told_by_the_birth_record(night, plurality, twins):
    born(night, zip3="029", plurality=plurality)
    assert labels(night) == {"race_ethnicity: Black", "sex: F", "born: 2015", "area: 029", twins}


def test_a_spine_without_them_has_the_other_subgroups(night):
    born(night, plurality="unknown")
    assert labels(night) == {"race_ethnicity: Black", "sex: F", "born: 2015"}


def test_a_release_has_only_subgroups_that_an_agreement_lets_into_it(night):
    born(night, zip3="029", plurality=2.0)
    assert labels(night, night.policy) == {"race_ethnicity: Black", "sex: F", "born: 2015"}
    night.published.add(("birth", "births", "plurality"))
    assert labels(night, night.policy) == {"race_ethnicity: Black", "sex: F", "born: 2015", "twins: yes"}
    rows = quality.night_quality(night).filter(pc.field("subgroup") == "twins: yes").to_pylist()
    assert [(row["source"], row["records"], row["linked"]) for row in rows] == [("birth", 1, 1), ("school", 1, 1)]


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
