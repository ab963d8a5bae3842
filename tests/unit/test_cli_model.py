"""`model list`, `show`, `train` and `use` on a workspace with evidence of links."""

import json
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from linkage.errors import LinkageError
from linkage.evidence import LINKED, evidence_store, pairs_schema
from linkage.findings import comparison_names
from linkage.keys import KeyRing
from pipelines.cli import model
from pipelines.setting_up import write_workspace
from pipelines.workspace import WorkspaceError, load

PAIRS = 600


def evidence():
    """Return pairs that agree on everything and show no sign of a twin, but for the ZIP of every fourth."""
    keys = np.random.default_rng(1).bytes(16 * PAIRS)
    side = [
        pa.array(["birth"] * PAIRS).dictionary_encode(),
        pa.array([keys[n : n + 16] for n in range(0, 16 * PAIRS, 16)]),
    ]
    levels = {name: np.zeros(PAIRS, np.uint8) for name in comparison_names()}
    levels["twin_guard"] += 3
    levels["zip"][::4] = 1
    columns = [*side, *side, np.full(PAIRS, 30.0), pa.array([LINKED] * PAIRS).dictionary_encode(), *levels.values()]
    schema = pairs_schema(comparison_names())
    arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)


@pytest.fixture
def city(tmp_path):
    """Return the root of a workspace whose nights left evidence."""
    place = write_workspace(tmp_path / "workspace", city="Testville", start=date(2026, 9, 1))
    evidence_store(place.state / "evidence.sealed", KeyRing.create(place.keys)).write({"pairs": evidence()})
    return place.root


def run(*words):
    app = typer.Typer()
    app.callback()(lambda: None)
    model.register(app)
    result = CliRunner().invoke(app, ["model", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_a_trained_model_is_saved_shown_and_used_from_the_next_night_on(city):
    settings = city / "cradlepath.yaml"
    before = settings.read_text()
    place = ("-w", str(city), "--json")
    assert json.loads(run("train", *place))["model"] == "city-1"
    assert settings.read_text() == before
    assert load(city).settings.linkage.model is None
    card = json.loads(run("show", "city-1", *place))
    assert card["comparisons"]["zip"]["levels"]["differs"]["m"] == pytest.approx(0.26, abs=0.01)
    run("use", "city-1", "-w", str(city))
    assert load(city).settings.linkage.model == "city-1"
    assert [line for line in settings.read_text().splitlines() if line not in before.splitlines()] == [
        "  model: city-1"
    ]
    run("use", "v3", "-w", str(city))
    assert settings.read_text() == before.replace("linkage:\n", "linkage:\n  model: v3\n")
    assert {row["model"]: row["in_force"] for row in json.loads(run("list", *place))} == {"v3": True, "city-1": False}


def test_the_same_evidence_and_seed_train_the_same_model(city):
    for name in ("one", "other"):
        run("train", name, "--max-pairs", "550", "--seed", "4", "-w", str(city))
    one, other = (json.loads((city / "state" / "models" / f"{name}.json").read_text()) for name in ("one", "other"))
    assert one | {"version": ""} == other | {"version": ""}


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (("use", "city-9"), LinkageError, "found none in this release or in"),
        (("train", "Our Model"), LinkageError, "expected small letters"),
        (("train", "v3"), LinkageError, "exists already"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(city, words, kind, said):
    with pytest.raises(kind, match=said):
        run(*words, "-w", str(city))


def test_settings_that_say_linkage_otherwise_are_left_alone(city):
    settings = city / "cradlepath.yaml"
    settings.write_text("city: Testville\nstart: 2026-09-01\nlinkage: {backend: duckdb}\n")
    with pytest.raises(WorkspaceError, match="write `model: v3` there"):
        run("use", "v3", "-w", str(city))
    assert "model" not in settings.read_text()


def test_a_workspace_without_a_night_cannot_train(tmp_path):
    place = write_workspace(tmp_path / "workspace", city="Testville", start=date(2026, 9, 1))
    KeyRing.create(place.keys)
    with pytest.raises(LinkageError, match="run a night first"):
        run("train", "-w", str(place.root))
