"""What a night says of itself: who makes tokens, which records cannot be linked, which flags could not be read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
import typer
from support.load_cases import NIGHT_1, NIGHT_2, City, csv, people_source
from typer.testing import CliRunner

from assets.extracts.load import load_source
from assets.extracts.tokenise import tokenise
from assets.links import _metadata, link_night
from linkage.keys import AGENCY_TOKENISED, HUB_TOKENISED, AgencyRing
from linkage.rules import layout
from pipelines import resources, setting_up
from pipelines.cli import child, night

HEAD = "id,first,last,dob,sealed"
ANA, BEN, CLEO = "1,Ana,Ruiz,2019-02-03,N", "2,Ben,Okafor,2018-11-30,N", "3,Cleo,Nowak,2020-01-01,N"
NOBODY, SEALED, UNREAD = "8,,,,N", "2,Ben,Okafor,2018-11-30,Y", "9,Dee,Low,2018-01-01,Nein"


def clinic():
    """The source `clinic`, whose flag `sealed` lets a record through with N only."""
    made = people_source()
    [rule] = made.tables["people"].excludes
    people = replace(made.tables["people"], excludes=(replace(rule, cls="status.protection", safe=("N",)),))
    return replace(made, tables={**made.tables, "people": people})


@pytest.fixture
def city(tmp_path, monkeypatch):
    """A workspace with the source `clinic`; nights of it are made from objects, not from signed agreements."""
    workspace = tmp_path / "workspace"
    setting_up.write_workspace(workspace, city="Test City", start=NIGHT_1)
    made = City(workspace, clinic())
    (workspace / "keys").rename(tmp_path / "keys")
    monkeypatch.setattr(resources, "make_night", lambda place, on: made.night(on))
    return made


def run(city, *words, fails=False):
    """What a command of the command line prints."""
    app = typer.Typer()
    night.register(app)
    child.register(app)
    done = CliRunner().invoke(app, [*words, "--workspace", str(city.root)], terminal_width=200)
    assert (done.exit_code != 0) is fails, done.output
    return done.output


def deliver(city, on, *people):
    city.deliver("clinic", on, {f"people_{on:%d}.csv": csv(HEAD, *people)})
    loaded = load_source(city.night(on), "clinic")
    return loaded, link_night(city.night(on))


def asked(city, record, *more):
    return json.loads(run(city, "child", "--record", "clinic", record, "--json", *more))


def test_records_without_an_identifier_are_counted_on_the_night_that_makes_their_tokens(city):
    loaded, _ = deliver(city, NIGHT_1, ANA, BEN, NOBODY)
    assert (loaded.tokens.records, loaded.tokens.unlinkable, loaded.records) == (3, 1, 3)
    assert asked(city, "8")["child_id"], "it is kept, as a child of its own"
    loaded, _ = deliver(city, NIGHT_2, ANA, CLEO, NOBODY)
    assert (loaded.tokens.records, loaded.tokens.unlinkable) == (1, 0), "only Cleo is new; the others did not change"

    first = json.loads(run(city, "report", "--date", str(NIGHT_1), "--json"))["sources"]
    assert [(line["source"], line["tokenised"], line["unlinkable"]) for line in first] == [("clinic", 3, 1)]
    said = run(city, "report", "--date", str(NIGHT_1))
    assert "Of the 3 records made into tokens tonight, 1 are unlinkable (clinic 1)" in said
    assert "Of the 1 records made into tokens tonight, 0 are unlinkable." in run(city, "report", "--date", str(NIGHT_2))


def test_loading_a_night_again_counts_its_tokens_once(city):
    city.deliver("clinic", NIGHT_1, {"people_01.csv": csv(HEAD, ANA, NOBODY)})
    first, again = (load_source(city.night(), "clinic") for _ in range(2))
    assert again.status == "nothing new"
    assert first.tokens == again.tokens
    assert (again.tokens.records, again.tokens.unlinkable) == (2, 1)


def test_a_token_file_brings_the_agencys_count(city, tmp_path):
    kit, extract = tmp_path / "clinic.kit", tmp_path / "people.csv"
    city.keys.export_kit(kit, ["content.rows", "record.clinic", "pseudonym:clinic"], layout())
    extract.write_text(csv(HEAD, ANA, NOBODY, UNREAD), encoding="utf-8")
    ring = AgencyRing.load(tmp_path / "keys" / "k1.key", kit)
    home = city.deliver("clinic", NIGHT_1, {})
    policy = city.night().policy
    made = tokenise(ring, policy, policy.sources["clinic"], [extract], NIGHT_1, home / "clinic.tokens")
    assert (made.records, made.unlinkable, dict(made.by_policy)) == (2, 1, {("test.sealed", "flag not readable"): 1})
    loaded = load_source(city.night(), "clinic")
    assert (loaded.status, loaded.tokens.records, loaded.tokens.unlinkable) == ("loaded", 2, 1)
    assert asked(city, "9")["protected"], "the hub knows from the file whom the agency's flags protect"


def test_a_flag_that_cannot_be_read_is_shown_to_the_steward(city):
    deliver(city, NIGHT_1, ANA, UNREAD, SEALED)
    story = json.loads(run(city, "report", "--date", str(NIGHT_1), "--json"))
    assert story["flags_not_readable"] == [{"source": "clinic", "policy": "test.sealed", "rows": 1}]
    assert [(d["reason"], d["rows"]) for d in story["dropped_by_policy"]] == [
        ("excluded value", 1),
        ("flag not readable", 1),
    ]
    said = run(city, "report", "--date", str(NIGHT_1))
    assert "Left out: a flag of protection is none of the values its agreement lists" in said
    assert "Nein" not in said


def test_a_record_sealed_on_a_later_night_is_protected_on_every_day(city):
    deliver(city, NIGHT_1, ANA, BEN)
    before = asked(city, "2", "--on", str(NIGHT_1))
    assert before["child_id"]
    deliver(city, NIGHT_2, SEALED)
    for day in ([], ["--on", str(NIGHT_1)], ["--on", str(NIGHT_2)]):
        assert asked(city, "2", *day) == {"source": "clinic", "child_id": None, "protected": True}
        said = run(city, "child", "--record", "clinic", "2", *day)
        assert "is protected: no child ID is told for it, of today or of an earlier day" in " ".join(said.split())
    assert asked(city, "1", "--on", str(NIGHT_1))["child_id"]
    assert asked(city, "7") == {"source": "clinic", "child_id": None, "protected": False}
    deliver(city, date(2026, 9, 3), BEN + " ")
    assert asked(city, "2") == before, "the seal was lifted: its old ID is back"


@pytest.mark.parametrize("mode", [HUB_TOKENISED, AGENCY_TOKENISED])
def test_the_mode_in_force_is_named_with_every_night(city, mode):
    _, linked = deliver(city, NIGHT_1, ANA)
    assert _metadata(linked)["mode"] == HUB_TOKENISED
    city.keys = replace(city.keys, about=replace(city.keys.about, mode=mode))
    assert json.loads(run(city, "report", "--date", str(NIGHT_1), "--json"))["mode"] == mode
    said = run(city, "report", "--date", str(NIGHT_1))
    assert mode in said
    assert ("could read everything" in said) == (mode == HUB_TOKENISED)
