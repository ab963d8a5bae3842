"""The twin guard as a table: two records of one family, and what of them speaks for two children of one birth.

Every pair has a surname, a birth date and numbers of its own, so that all are linked in one run and meet nobody else.
"""

import numpy as np
import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.comparisons import comparisons
from linkage.decisions import Decisions
from linkage.identifiers import IDENTIFIERS
from linkage.linking import Clock, link_tonight
from linkage.model import load_model
from linkage.records import record_keys
from linkage.rules import ROUND
from linkage.tokens import encode
from linkage.universe import NOBODY, build_universe
from linkage.vault import Vault

SURNAMES = ("Abernathy", "Bickford", "Czerny", "Dunleavy", "Espinoza", "Fujimoto", "Goldsmith", "Hrabal", "Ibarra")
ONE = {"given": "Martha", "middle": "Anne", "sex": "F", "zip": "02909", "mother_given": "Ingrid", "birth_order": "1"}
OTHER = {"given": "Joyce"}
PAIRS = {  # how the second record differs from the first -> twin guard, birth order
    "twins of whom all is known": (
        OTHER | {"middle": "Beth", "birth_order": "2"},
        "given name and middle initial differ",
        "differs",
    ),
    "twins without a second middle name": (OTHER | {"middle": None}, "given name differs, same mother", "same"),
    "twins with one middle name": (OTHER, "given name differs, same mother", "same"),
    "twins without a known mother": (
        OTHER | {"middle": None, "mother_given": None, "birth_order": None},
        "given name differs",
        None,
    ),
    "another given name, one number": (OTHER | {"middle": "Beth", "ssn": "same"}, "no sign of a twin", "same"),
    "one given name, another middle name": ({"middle": "Beth", "surname": "Quist"}, "no sign of a twin", None),
    "no given name": ({"given": None, "middle": None}, "no sign of a twin", "same"),
    "a misspelt given name": ({"given": "Marhta"}, "no sign of a twin", "same"),
    "a sister a year older": (OTHER | {"middle": "Beth", "ssn": "same", "birth_date": "2001-12-30"}, None, None),
}


def pair(number: int, change: dict[str, str | None]) -> tuple[dict, dict]:
    first = ONE | {
        "surname": SURNAMES[number],
        "birth_date": f"20{10 + number}-0{1 + number % 9}-1{number}",
        "plurality": "2",
        "ssn": f"21{number}4567{number}8",
    }
    second = {name: value for name, value in (first | {"ssn": None} | change).items() if value is not None}
    return first, second | ({"ssn": first["ssn"]} if change.get("ssn") else {})


@pytest.fixture(scope="module")
def levels(tmp_path_factory) -> dict[str, dict[str, str | None]]:
    """The level of every comparison of every pair, by pair and comparison; None where it says nothing."""
    folder = tmp_path_factory.mktemp("twins")
    ring, pairs = fixed_ring(folder / "keys"), [pair(n, change) for n, (change, *_) in enumerate(PAIRS.values())]
    vault = Vault(folder / "vault", ring)
    for side, source in enumerate(("health", "school")):
        ids = pa.array([f"{source}-{number}" for number in range(len(pairs))])
        columns = {name: pa.array([both[side].get(name) for both in pairs], pa.string()) for name in IDENTIFIERS}
        vault.upsert(source, encode(pa.table({"record_key": record_keys(ids, source, ring), **columns}), source, ring))
    tonight = build_universe(vault, vault.waiting(), NOBODY, set(), Decisions())
    linked = link_tonight(tonight, vault, load_model(), 0.0, Clock())
    case_of = {
        record_keys(pa.array([f"{source}-{number}"]), source, ring)[0].as_py(): name
        for source in ("health", "school")
        for number, name in enumerate(PAIRS)
    }
    found: dict[str, dict[str, str | None]] = {}
    shapes = comparisons(ROUND)
    for left, right, told in zip(linked.pairs.left, linked.pairs.right, linked.pairs.levels, strict=True):
        one, other = (case_of[bytes(tonight.keys[linked.opened.record[row]])] for row in (left, right))
        assert one == other
        found[one] = {
            shape.name: None if level == np.iinfo(np.uint8).max else shape.levels[level].name
            for shape, level in zip(shapes, told.tolist(), strict=True)
        }
    return found


@pytest.mark.parametrize("case", [name for name, (_, guard, _) in PAIRS.items() if guard])
def test_what_speaks_for_a_twin(levels, case):
    _, guard, order = PAIRS[case]
    assert (levels[case]["twin_guard"], levels[case]["birth_order"]) == (guard, order)


def test_a_shared_number_of_children_of_two_births_is_no_sign_of_a_twin(levels):
    assert levels["a sister a year older"]["twin_guard"] == "no sign of a twin"


def test_a_twin_costs_more_the_more_is_known_of_the_family():
    guard = load_model().probabilities["twin_guard"]
    none, least, mother, middle = (
        guard[name].weight
        for name in (
            "no sign of a twin",
            "given name differs",
            "given name differs, same mother",
            "given name and middle initial differ",
        )
    )
    assert middle < mother < least < -5 < -0.1 < none
