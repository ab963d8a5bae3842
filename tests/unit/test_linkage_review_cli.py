"""`explain-link`, `link-quality` and `review`: what is printed, kept and refused."""

import json
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from linkage import rules
from linkage.errors import LinkageError
from linkage.evidence import JOINS, MISSING, pairs_schema
from linkage.explain import SHAPES
from linkage.keys import KeyRing
from linkage.model import load_model, save_model
from linkage.review import DecisionLog, load_decisions
from mou_policies import policy
from pipelines.cli import review
from pipelines.setting_up import write_workspace
from pipelines.workspace import WorkspaceError

NAMES = tuple(shape.name for shape in SHAPES)
RECORDS = [("birth", b"a" * 16, "c-1"), ("school", b"b" * 16, "c-1"), ("health", b"c" * 16, "c-2")]
SAID = {"birth_date": 0, "given_name": 1, "sex": 1}


def row(left, right, weight, outcome):
    sides = {"left": RECORDS[left], "right": RECORDS[right]}
    ends = {f"{where}_source": record[0] for where, record in sides.items()}
    keys = {f"{where}_key": record[1] for where, record in sides.items()}
    return {**ends, **keys, "weight": weight, "outcome": outcome} | {
        f"level_{name}": SAID.get(name, MISSING) for name in NAMES
    }


@pytest.fixture
def city(tmp_path, monkeypatch):
    """One workspace with a link, a borderline pair and no decision yet; `run` runs a command in it."""
    made = (SimpleNamespace(id="e", parts=("birth_date", "given_canonical", "surname_1")),)
    monkeypatch.setattr(rules, "TAGS", made, raising=False)
    ring, path = KeyRing.create(tmp_path / "keys"), tmp_path / "decisions.sealed"
    join = {**row(0, 1, 0.0, "linked"), "tag": "e"}
    evidence = {
        "pairs": pa.Table.from_pylist([row(0, 2, 0.5, "refused"), row(1, 2, 20.0, "linked")], pairs_schema(NAMES)),
        "joins": pa.Table.from_pylist([{name: join[name] for name in JOINS.names}], JOINS),
    }
    sources, keys, children = zip(*RECORDS, strict=True)
    record_child = pa.table({"source": sources, "record_key": pa.array(keys, pa.binary()), "child_id": children})

    place = write_workspace(tmp_path / "city", city="City", start=date(2026, 9, 1))

    def opened(_):
        log = DecisionLog(path, ring)
        return review._Place(place, record_child, evidence, log, log.standing(), load_model(), 0.0)

    monkeypatch.setattr(review, "_open", opened)
    app = typer.Typer()
    review.register(app)

    def run(*words):
        result = CliRunner().invoke(app, words)
        shown = result.output
        assert not [key for _, key, _ in RECORDS if key.hex()[:9] in shown]
        return result

    return SimpleNamespace(run=run, path=path, ring=ring)


def test_explain_link_shows_bars_that_add_up(city):
    shown = city.run("explain-link", "c-1").stdout
    assert f"birth {'61' * 4}  and  school {'62' * 4}: linked, joined by tag e" in shown
    assert "two random records" in shown
    assert "threshold +0.0" in shown
    given_name = next(line for line in shown.splitlines() if "given name" in line and "same or nickname" in line)
    assert "+++" in given_name
    data = json.loads(city.run("explain-link", "c-1", "--json").stdout)
    assert [one["outcome"] for one in data] == ["linked", "linked", "refused"]
    for one in data:
        assert sum(bar["bits"] for bar in one["bars"]) == pytest.approx(one["total_bits"], abs=0.1)


def test_a_bar_against_is_drawn_with_minus(city):
    shown = city.run("explain-link", "c-2").stdout
    assert "---" in next(line for line in shown.splitlines() if line.strip().startswith("sex"))


def test_explain_link_of_an_unknown_child_fails(city):
    result = city.run("explain-link", "c-9")
    assert result.exit_code != 0
    assert isinstance(result.exception, LinkageError)


def test_link_quality_is_shown_by_subgroup_when_asked(city, tmp_path, monkeypatch):
    opened = SimpleNamespace(agreements=tmp_path, state=tmp_path)
    monkeypatch.setattr(review, "open_workspace", lambda _: opened)
    monkeypatch.setattr(policy, "compile_policy", lambda folder, on: SimpleNamespace(sources={}))
    plain = json.loads(city.run("link-quality", "--json").stdout)
    assert {row["subgroup"] for row in plain} == {"All"}
    assert isinstance(city.run("link-quality", "--by-subgroup").exception, WorkspaceError)
    with duckdb.connect(tmp_path / "spine.duckdb") as con:
        con.execute(
            "create table child as select 'c-1' as child_id, 'Asian' as race_ethnicity, 'Male' as sex, "
            "'2015-16' as birth_school_year"
        )
        con.execute("create table c_birth__births as select 'c-1' as child_id, '029' as zip3, 2.0 as plurality")
    rows = json.loads(city.run("link-quality", "--by-subgroup", "--json").stdout)
    groups = {"All", "race_ethnicity: Asian", "sex: Male", "born: 2015-16", "area: 029", "twins: yes"}
    assert {row["subgroup"] for row in rows if row["source"] == "birth"} == groups
    twins = next(row for row in rows if row["subgroup"] == "twins: yes" and row["other_source"] is None)
    assert twins["precision_low"] < twins["precision_estimate"] <= twins["precision_high"]
    shown = city.run("link-quality", "--by-subgroup").stdout
    assert all(group in shown for group in groups)


def test_list_show_decide_and_the_decision_is_obeyed(city):
    (listed,) = json.loads(city.run("review", "list", "--json").stdout)
    assert (listed["number"], listed["outcome"], listed["weight_bits"]) == (1, "refused", 0.5)
    shown = city.run("review", "show", "1").stdout
    assert "refused, compared" in shown
    kept = city.run("review", "decide", "1", "accept", "--reviewer", "Ana Reyes", "--note-code", "nickname")
    assert "Kept: accept" in kept.stdout
    assert [tuple(map(bytes, pair)) for pair in load_decisions(city.path, city.ring).must] == [(b"a" * 16, b"c" * 16)]
    assert json.loads(city.run("review", "list", "--json").stdout) == []
    said = json.loads(city.run("review", "show", "1", "--json").stdout)["said"]
    assert said == [
        {"day": date.today().isoformat(), "reviewer": "Ana Reyes", "verdict": "accept", "reason": "nickname"}
    ]


def test_disagreement_is_said_and_shown_first(city):
    city.run("review", "decide", "1", "accept", "--reviewer", "Ana Reyes")
    second = city.run("review", "decide", "1", "refuse", "--reviewer", "Ben Ode")
    assert "disputed" in second.stdout
    (listed,) = json.loads(city.run("review", "list", "--json").stdout)
    assert listed["standing"] == "disputed"
    assert "disputed" in city.run("review", "list").stdout
    assert len(load_decisions(city.path, city.ring).cannot) == 1


def test_export_keeps_what_was_superseded(city, tmp_path):
    city.run("review", "decide", "1", "cant-tell", "--reviewer", "Ana Reyes", "--note-code", "not-enough")
    city.run("review", "decide", "1", "refuse", "--reviewer", "ana reyes")
    rows = json.loads(city.run("review", "export", "--json").stdout)
    assert [(r["verdict"], r["superseded"], r["standing"]) for r in rows] == [
        ("cant-tell", True, "refuse"), ("refuse", False, "refuse"),
    ]  # fmt: skip
    city.run("review", "export", "--to", str(tmp_path / "out.csv"))
    written = (tmp_path / "out.csv").read_text().splitlines()
    assert written[0] == "day,reviewer,left,right,verdict,reason,superseded,standing"
    assert len(written) == 3
    assert city.run("review", "export").stdout.splitlines()[0] == written[0]


@pytest.mark.parametrize(
    "words",
    [
        ("decide", "7", "accept", "--reviewer", "Ana Reyes"),
        ("decide", "1", "accept", "--reviewer", "Ana Reyes", "--note-code", "his aunt said so"),
        ("decide", "1", "accept"),
        ("decide", "1", "maybe", "--reviewer", "Ana Reyes"),
        ("show", "7"),
    ],
)
def test_what_cannot_be_decided_keeps_nothing(city, words):
    result = city.run("review", *words)
    assert result.exit_code != 0
    assert not city.path.exists()
    assert "aunt" not in str(result.exception)


def test_links_are_explained_by_the_model_in_force(tmp_path):
    (tmp_path / "cradlepath.yaml").write_text(
        "city: sampleton\nstart: 2026-09-01\nkeys: {path: keys}\nlinkage: {model: city-1}\n"
    )
    KeyRing.create(tmp_path / "keys")
    with pytest.raises(LinkageError, match="city-1"):
        review._open(tmp_path)
    save_model(replace(load_model(), version="city-1"), tmp_path / "state" / "models")
    assert review._open(tmp_path).model.version == "city-1"
