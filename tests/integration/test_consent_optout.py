"""An opt-out of linkage of a record that has tokens: they go on the night it takes effect, without a delivery."""

from __future__ import annotations

from datetime import date

import pytest
from support.consents import forms
from support.load_cases import NIGHT_1, NIGHT_2, City, csv, people_source

from assets.extracts.load import load_source
from assets.links import link_night
from consent.forms import FORM_SCHEMA
from consent.ledger import ConsentLedger
from linkage.vault import Vault

pytestmark = pytest.mark.slow

PEOPLE = ["1,Ana,Ruiz,2019-02-03,N", "2,Ben,Okafor,2018-11-30,N", "3,Cleo,Nowak,2020-01-01,N"]


@pytest.fixture
def city(tmp_path):
    """Three linked people, and from September a form that opts the second out of linkage."""
    made = City(tmp_path, people_source())
    made.deliver("clinic", NIGHT_1, {"people.csv": csv("id,first,last,dob,sealed", *PEOPLE)})
    load_source(made.night(), "clinic")
    link_night(made.night())
    given = forms("record | decision | scope | about | effective\nf1 | opt_out | linkage | x | 2026-09", "clinic")
    about = given.schema.get_field_index("about_record")
    given = given.set_column(about, FORM_SCHEMA.field("about_record"), made.keys_of("clinic", "2").cast("binary"))
    with ConsentLedger(made.paths.registry_url) as ledger:
        ledger.record(given, date(2026, 8, 20))
    return made


def night_2(city):
    ledger = ConsentLedger(city.paths.registry_url)
    return city.night(NIGHT_2, optouts=lambda source: ledger.linkage_optouts(source, NIGHT_2))


def at_rest(city) -> tuple[int, int, int]:
    """Return how many record rows and entries the vault's files hold, and how many records have a child."""
    vault = Vault(city.paths.vault, city.keys)
    assert not vault.waits
    return len(vault.rows), len(vault.map), city.night().record_child().num_rows


def test_its_tokens_leave_the_files_that_night(city):
    rows, entries, children = at_rest(city)
    assert (rows, children) == (3, 3)
    loaded = load_source(night_2(city), "clinic")
    link_night(night_2(city))
    assert (loaded.status, loaded.records) == ("nothing new", 2)
    left = at_rest(city)
    assert (left[0], left[2]) == (2, 2)
    assert left[1] < entries
    assert city.keys_of("clinic", "2")[0].as_py() not in city.night().record_child()["record_key"].to_pylist()


def test_so_they_do_when_the_source_has_no_agreement_and_no_load_any_more(city):
    city.sources.clear()
    link_night(night_2(city))
    assert at_rest(city)[::2] == (2, 2)
    assert len(city.stored("clinic__people")) == 2
