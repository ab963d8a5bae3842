"""Nights of a small city, from identifiers to child IDs, with the real model and Splink."""

from dataclasses import asdict
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_city import ONE_RECORD, make_city
from support.linkage_keys import fixed_ring

from linkage.attack import measure_transcript
from linkage.decisions import Decisions
from linkage.evaluate import label, measure
from linkage.findings import comparison_names
from linkage.ledger import Ledger
from linkage.lineage import id_of
from linkage.protected import Protected
from linkage.records import key_matrix, record_keys
from linkage.run import LinkSettings, link
from linkage.tokens import encode
from linkage.vault import Vault

NIGHT = date(2026, 9, 1)
CHILDREN = 400


class Hub:
    """A vault, a ledger, the evidence and a key ring in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.vault_path, self.ledger_path = folder / "vault", folder / "ledger.sealed"
        self.ring = fixed_ring(folder / "keys")

    @property
    def vault(self) -> Vault:
        return Vault(self.vault_path, self.ring)

    def load(self, city, sources=None, rows=None):
        for source in sources or city.tables:
            keyed = city.keyed(source, self.ring)
            part = keyed if rows is None else keyed.filter(pa.array(rows[source]))
            self.vault.upsert(source, encode(part, source, self.ring))

    def link(self, night=NIGHT, decisions=None, observe=None):
        evidence = self.folder / "evidence.sealed"
        return link(self.vault_path, self.ledger_path, evidence, ONE_RECORD, night, self.ring, None, decisions, observe)

    def files(self) -> dict[str, bytes]:
        kept = (path for path in self.folder.rglob("*") if path.is_file() and path.parent.name != "keys")
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in kept}

    def child_ids(self) -> dict[tuple[str, bytes], str]:
        current = Ledger(self.ledger_path, self.ring).record_child()
        owners = zip(current.column("source").to_pylist(), current.column("record_key").to_pylist(), strict=True)
        return dict(zip(owners, current.column("child_id").to_pylist(), strict=True))

    def twins(self, city) -> set[tuple[str, bytes]]:
        """Return the records of children who are one of two."""
        own = [(source, record_id) for source, record_id, _, group in city.truth if group]
        return {(source, record_keys(pa.array([record_id]), source, self.ring)[0].as_py()) for source, record_id in own}

    def scores(self, city):
        found = self.child_ids()
        rows, ids = [], []
        for source in city.tables:
            own = [row for row in city.truth if row[0] == source]
            keys = record_keys(pa.array([row[1] for row in own]), source, self.ring).to_pylist()
            rows += [{"source": source, "child": str(row[2]), "twin_group": row[3]} for row in own]
            ids += [found[source, key] for key in keys]
        return measure(label(rows, ids, {}))


@pytest.fixture(scope="module")
def city():
    return make_city(CHILDREN, seed=3)


@pytest.fixture(scope="module")
def linked(city, tmp_path_factory):
    hub = Hub(tmp_path_factory.mktemp("linked"))
    hub.load(city)
    return hub, hub.link()


def test_the_city_is_linked_well(city, linked):
    hub, report = linked
    scores = hub.scores(city)
    assert scores["pairs"]["precision"] >= 0.998
    assert scores["pairs"]["recall"] >= 0.985
    assert scores["twins"]["precision"] >= 0.99
    assert abs(report.children - CHILDREN) < CHILDREN * 0.03


def test_the_report_counts_and_its_card_names_the_model(city, linked):
    _, report = linked
    assert report.records == {source: table.num_rows for source, table in city.tables.items()}
    assert report.changes.assigned == sum(report.records.values())
    assert report.joined_by_tag > 0.8 * report.changes.assigned
    assert report.model_card["version"] == LinkSettings().model.version
    assert tuple(report.model_card["comparisons"]) == comparison_names()
    assert report.pairs_scored >= report.pairs_linked > 0


def test_the_same_night_again_changes_no_byte(city, linked):
    hub, first = linked
    before = hub.files()
    hub.load(city)
    again = hub.link()
    assert not again.changes
    assert again.fresh == 0
    assert (again.records, again.children) == (first.records, first.children)
    assert hub.files() == before


@pytest.mark.slow
def test_child_ids_do_not_depend_on_the_order_of_loading(city, linked, tmp_path):
    other = Hub(tmp_path)
    other.load(city, sources=list(city.tables)[::-1])
    other.link()
    assert other.child_ids() == linked[0].child_ids()


def test_sources_that_arrive_on_later_nights_join_the_children_of_the_first(city, linked, tmp_path):
    hub = Hub(tmp_path)
    hub.load(city, ["birth", "health"])
    hub.link(NIGHT)
    first = hub.child_ids()
    hub.load(city, ["snap", "preschool", "school"])
    report = hub.link(date(2026, 9, 2))
    later = hub.child_ids()
    moved = sum(later[record] != child for record, child in first.items())
    assert moved == report.changes.moved
    assert moved <= len(first) * 0.01
    assert agreement(later, linked[0].child_ids()) >= 0.999


def agreement(one: dict, other: dict) -> float:
    """B-cubed F of two clusterings of the same records."""
    records = sorted(one)
    labels = [np.unique([ids[record] for record in records], return_inverse=True)[1] for ids in (one, other)]
    _, cell, both = np.unique(np.stack(labels), axis=1, return_inverse=True, return_counts=True)
    shares = [np.mean(both[cell.ravel()] / np.bincount(own)[own]) for own in labels]
    return float(2 / (1 / shares[0] + 1 / shares[1]))


def test_a_city_linked_night_by_night_is_the_city_linked_at_once(city, linked, tmp_path):
    hub, rng = Hub(tmp_path), np.random.default_rng(4)
    night_of = {source: rng.integers(0, 3, table.num_rows) for source, table in city.tables.items()}
    for night in range(3):
        hub.load(city, rows={source: of == night for source, of in night_of.items()})
        hub.link(date(2026, 9, 1 + night))
    by_night, at_once = hub.child_ids(), linked[0].child_ids()
    twins = hub.twins(city)
    assert agreement({record: child for record, child in by_night.items() if record not in twins}, at_once) >= 0.999
    assert agreement(by_night, at_once) >= 0.99, "a twin who comes first may be taken for the other"


def test_a_corrected_record_finds_its_child_and_keeps_its_history(city, tmp_path):
    hub = Hub(tmp_path)
    birth, school = city.keyed("birth", hub.ring), city.keyed("school", hub.ring)
    rows = birth.to_pylist()
    kept = {(row["given"], row["surname"], row["birth_date"]) for row in rows}
    pupil = next(r for r in school.to_pylist() if (r["given"], r["surname"], r["birth_date"]) in kept)
    wrong = pupil | {"given": "Xq", "surname": "Zzyx", "birth_date": "1999-12-31", "ssn": None, "mother_given": None}
    hub.vault.upsert("birth", encode(birth, "birth", hub.ring))
    for night, row in ((1, wrong), (2, pupil)):
        table = pa.Table.from_pylist([row], school.schema)
        assert hub.vault.upsert("school", encode(table, "school", hub.ring)) == 1
        hub.link(date(2026, 9, night))
    history, nobody = Ledger(hub.ledger_path, hub.ring), Protected(tmp_path / "protected.sealed", hub.ring)
    alone, joined = (id_of(history, "school", pupil["record_key"], date(2026, 9, day), nobody) for day in (1, 2))
    assert alone != joined
    births = {child for (source, _), child in hub.child_ids().items() if source == "birth"}
    assert joined in births


def test_a_reviewers_words_win_and_persist(city, linked, tmp_path):
    hub = Hub(tmp_path)
    hub.load(city)
    hub.link()
    ids = hub.child_ids()
    by_child = {}
    for (source, key), child in ids.items():
        by_child.setdefault(child, []).append((source, key))
    together = next(members[:2] for members in by_child.values() if {s for s, _ in members} >= {"birth", "school"})
    lone = [members[0] for members in by_child.values() if len(members) == 1]
    apart = [next(one for one in lone if one[0] == "birth"), next(one for one in lone if one[0] == "school")]

    def pairs(two):
        return key_matrix(pa.array([key for _, key in two], pa.binary(16))).reshape(1, 2, 16)

    decisions = Decisions(must=pairs(apart), cannot=pairs(together))
    for night in (2, 3):
        hub.link(date(2026, 9, night), decisions)
        found = hub.child_ids()
        assert found[tuple(apart[0])] == found[tuple(apart[1])]
        assert found[tuple(together[0])] != found[tuple(together[1])]


@pytest.mark.slow
def test_withdrawing_a_source_leaves_the_other_children_alone(city, linked, tmp_path):
    hub = Hub(tmp_path)
    hub.load(city, ["birth", "school"])
    hub.link(NIGHT)
    before = hub.child_ids()
    hub.vault.keep_only("school", pa.array([], pa.binary(16)))
    hub.link(date(2026, 9, 2))
    after = hub.child_ids()
    assert {source for source, _ in after} == {"birth"}
    assert all(before[record] == child for record, child in after.items())


def test_a_night_without_records_is_no_error(tmp_path):
    report = Hub(tmp_path).link()
    assert (report.children, report.pairs_scored) == (0, 0)


def test_one_record_alone_is_a_child(city, tmp_path):
    hub = Hub(tmp_path)
    keyed = city.keyed("birth", hub.ring).slice(0, 1)
    hub.vault.upsert("birth", encode(keyed, "birth", hub.ring))
    assert asdict(hub.link().changes)["new_children"] == 1


def test_no_name_date_or_number_is_in_any_file_of_the_hub(city, linked):
    hub, _ = linked
    stored = b"".join(hub.files().values())
    planted = [
        value.encode()
        for table in city.tables.values()
        for name in ("record_id", "birth_date", "ssn", "surname")
        if name in table.column_names
        for value in table.column(name).to_pylist()
        if value and len(value) > 5
    ]
    some = sorted(set(planted))[::20]
    assert len(some) > 100
    assert not [value for value in some if value in stored]


def test_births_in_transit_are_hard_to_single_out(city, tmp_path):
    hub, seen = Hub(tmp_path), []
    hub.load(city)
    hub.link(observe=seen.append)
    assert measure_transcript(seen[0])["sources"]["birth"]["singled_out"] < 0.05


def test_a_source_with_any_columns_links_as_well(city, linked, tmp_path):
    hub = Hub(tmp_path)
    hub.load(city, ["birth"])
    school = city.keyed("school", hub.ring)
    parts = [school.column(name).to_pylist() for name in ("given", "middle", "surname")]
    full = [" ".join(part for part in row if part) for row in zip(*parts, strict=True)]
    dates = [f"{day[5:7]}/{day[8:]}/{day[:4]}" for day in school.column("birth_date").to_pylist()]
    one_column = pa.table(
        {
            "record_key": school.column("record_key"),
            "full_name": full,
            "birth_date": dates,
            "sex": school.column("sex"),
            "zip": school.column("zip"),
        }
    )
    hub.vault.upsert("school", encode(one_column, "school", hub.ring, "MM/DD/YYYY"))
    hub.link()
    found, expected = hub.child_ids(), linked[0].child_ids()

    def linked_pairs(ids):
        births = {child for (source, _), child in ids.items() if source == "birth"}
        return sum(child in births for (source, _), child in ids.items() if source == "school")

    assert linked_pairs(found) >= 0.97 * linked_pairs(expected)
