"""Records that a flag seals, voids or protects: what the demo agreements leave out, and what is counted."""

from __future__ import annotations

import pytest
from support.load_cases import NIGHT_1, NIGHT_2, City, csv
from support.mou import NIGHT, demo_folder

from assets.extracts import report
from assets.extracts.load import load_source
from assets.extracts.standards import describe
from linkage.protected import Protected
from linkage.vault import Vault
from mou_policies.policy import compile_policy

CLIENTS = [
    # client, sealed_adoption, address_confidential -> reason for which it is left out
    ("A1", "Y", "N", "excluded value"),
    ("A2", "y", "N", "excluded value"),
    ("A3", "Y ", "N", "excluded value"),
    ("A4", "Yes", "N", "flag not readable"),
    ("A5", "1", "N", "flag not readable"),
    ("A6", "", "N", "flag not readable"),
    ("A7", "N", "TRUE", "flag not readable"),
    ("A8", "N", "N", None),
    ("A9", "n", "N", None),
]
HEAD = "client_id,first_name,middle_name,last_name,dob,sex,ssn,zip,race,sealed_adoption,address_confidential"
LAYOUT = describe("ije-natality").layout
BIRTH = {
    "IDOB_YR": "2020", "IDOB_MO": "05", "IDOB_DY": "09", "BSTATE": "MD", "KIDFNAME": "ANN", "KIDLNAME": "LEE",
    "MOMLNAME": "POE", "ISEX": "F",
}  # fmt: skip


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return compile_policy(demo_folder(tmp_path_factory.mktemp("demo")), NIGHT).sources


@pytest.fixture
def welfare(sources, tmp_path):
    return City(tmp_path, sources["child_welfare"])


@pytest.fixture
def registrar(sources, tmp_path):
    return City(tmp_path, sources["birth"])


def deliver_clients(city, night, flags):
    rows = [f"{name},Ann,,Lee,2015-03-0{name[-1]},F,,02139,White,{a},{b}" for name, a, b in flags]
    reports = [f"R{name},{name},2026-01-02,substantiated" for name, _, _ in flags]
    files = {
        "clients.csv": csv(HEAD, *rows),
        "reports.csv": csv("report_id,client_id,report_date,disposition", *reports),
        "placements.csv": csv("placement_id,client_id,start_date,end_date,placement_type"),
    }
    city.deliver("child_welfare", night, files)
    return load_source(city.night(night), "child_welfare")


def deliver_births(city, night, *certificates):
    lines = []
    for number, void in certificates:
        cells = [" "] * 4000
        for name, value in (BIRTH | {"FILENO": number, "VOID": void}).items():
            span = LAYOUT[name]
            cells[span.start - 1 : span.end] = list(value.ljust(span.length)[: span.length])
        lines.append("".join(cells))
    city.deliver("vital_records", night, {f"natality_{night:%Y%m%d}.dat": csv(*lines)})
    return load_source(city.night(night), "birth")


def held(city, source):
    """The record keys that have tokens."""
    return {bytes(key) for key in Vault(city.paths.vault, city.keys).keys(source)}


def test_only_clients_whose_flags_are_known_to_be_safe_are_loaded_and_all_others_are_counted_by_reason(welfare):
    loaded = deliver_clients(welfare, NIGHT_1, [row[:3] for row in CLIENTS])
    safe = [name for name, *_, reason in CLIENTS if reason is None]
    assert loaded.status == "loaded"
    assert held(welfare, "child_welfare") == set(welfare.keys_of("child_welfare", *safe).to_pylist())
    counted = {
        (drop.table, drop.policy.removeprefix("child-welfare."), drop.reason): drop.rows
        for drop in report.policy_drops(welfare.paths.nights, NIGHT_1)
    }
    clients = {key[1:]: rows for key, rows in counted.items() if key[0] == "clients"}
    assert clients == {
        ("sealed-adoption", "excluded value"): 3,
        ("sealed-adoption", "flag not readable"): 3,
        ("address-confidential", "flag not readable"): 1,
    }
    assert {key[1:]: rows for key, rows in counted.items() if key[0] == "reports"} == clients


def test_a_void_certificate_is_never_linked_and_neither_is_one_that_does_not_say(registrar):
    loaded = deliver_births(registrar, NIGHT_1, ("000001", "0"), ("000002", "1"), ("000003", " "), ("000004", "V"))
    assert (loaded.status, loaded.records) == ("loaded", 1)
    assert held(registrar, "birth") == set(registrar.keys_of("birth", "2020-MD-000001").to_pylist())
    assert [(d.policy, d.reason, d.rows) for d in report.policy_drops(registrar.paths.nights, NIGHT_1)] == [
        ("birth.void", "flag not readable", 2),
        ("birth.void", "excluded value", 1),
    ]


def test_a_certificate_voided_later_leaves_the_vault(registrar):
    deliver_births(registrar, NIGHT_1, ("000001", "0"), ("000002", "0"))
    deliver_births(registrar, NIGHT_2, ("000002", "1"))
    assert held(registrar, "birth") == set(registrar.keys_of("birth", "2020-MD-000001").to_pylist())
    [drop] = report.policy_drops(registrar.paths.nights, NIGHT_2)
    assert (drop.policy, drop.reason, drop.rows) == ("birth.void", "excluded value", 1)


def test_who_is_protected_is_remembered_until_the_flag_is_taken_back(welfare):
    def protected():
        return {bytes(key) for key in Protected(welfare.paths.protected, welfare.keys).keys("child_welfare")}

    keys = dict(zip(("A1", "A2", "A3"), welfare.keys_of("child_welfare", "A1", "A2", "A3").to_pylist(), strict=True))
    deliver_clients(welfare, NIGHT_1, [("A1", "Y", "N"), ("A2", "N", "N"), ("A3", "N", "?")])
    assert protected() == {keys["A1"], keys["A3"]}
    deliver_clients(welfare, NIGHT_2, [("A2", "Y", "N"), ("A3", "N", "N")])
    assert protected() == {keys["A1"], keys["A2"]}, "A1 is not sent any more and stays, A3 can be read now"
    assert held(welfare, "child_welfare") == {keys["A3"]}
