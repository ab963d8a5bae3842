"""Three nights of a small city, from identifiers to child IDs, with the real model and Splink."""

from dataclasses import asdict, replace
from datetime import date

import pyarrow as pa
import pytest
from support.linkage_city import ONE_RECORD, make_city
from support.linkage_keys import fixed_ring

from linkage.evaluate import label, measure
from linkage.ledger import Ledger
from linkage.records import record_keys
from linkage.reidentify import vault_exposure
from linkage.run import link
from linkage.tokens import encode
from linkage.vault import Vault

NIGHT = date(2026, 9, 1)
CHILDREN = 400


class Hub:
    """A vault, a ledger and a key ring in a folder."""

    def __init__(self, folder):
        self.vault_path, self.ledger_path = folder / "vault.duckdb", folder / "ledger.duckdb"
        self.ring = fixed_ring(folder / "keys")
        self.vault, self.ledger = Vault(self.vault_path), Ledger(self.ledger_path)

    def load(self, city, sources=None):
        for source in sources or city.tables:
            self.vault.upsert(source, encode(city.keyed(source, self.ring), source, self.ring))

    def link(self, night=NIGHT):
        return link(self.vault_path, self.ledger_path, ONE_RECORD, night, self.ring)

    def child_ids(self) -> dict[tuple[str, bytes], str]:
        current = self.ledger.current()
        owners = zip(current.column("source").to_pylist(), current.column("record_key").to_pylist(), strict=True)
        return dict(zip(owners, current.column("child_id").to_pylist(), strict=True))

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
    assert report.model_card["version"] == "v1"
    assert report.model_card["weights_bits"]["birth_date"]["same"] > 10
    assert report.pairs_scored >= report.pairs_linked > 0


def test_the_same_night_again_changes_nothing(city, linked):
    hub, first = linked
    before = (hub.vault_path.read_bytes(), hub.ledger_path.read_bytes())
    hub.load(city)
    again = hub.link()
    assert not again.changes
    assert (hub.vault_path.read_bytes(), hub.ledger_path.read_bytes()) == before
    assert replace(again, changes=first.changes, seconds={}, peak_memory_mb=0) == replace(
        first, seconds={}, peak_memory_mb=0
    )


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
    groups = {}
    for record, child in later.items():
        groups.setdefault(child, set()).add(record)
    at_once = {}
    for record, child in linked[0].child_ids().items():
        at_once.setdefault(child, set()).add(record)
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, at_once.values()))


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
    stored = b"".join(path.read_bytes() for path in (hub.vault_path, hub.ledger_path))
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


def test_births_alone_are_hard_to_single_out(linked):
    assert vault_exposure(linked[0].vault, ["birth"]).singled_out < 0.05


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
