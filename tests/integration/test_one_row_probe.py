"""The one-row probe, for real: a steward looks for two children with files of a few rows, in two worlds.

In the second world the family of one of them opts out of linkage, and the other becomes known to child welfare, which
has a stranger instead in the first. All that leaves the hub is the same in both: what the steward is told, the page,
the night's summary and its exit status, what Dagster shows of the source, and the tables of linkage quality and
freshness of the release of that night.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.release import folder as places
from pipelines.checks import checked_on
from pipelines.resources import make_night
from pipelines.setting_up import install_dagster_yaml
from pipelines.story import loads, story
from pipelines.workspace import Workspace, load

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).with_name("cradlepath")
SOURCE, AGENCY = "medicaid", "economic_assistance"
PAST, LATEST, PROBED = "2026-09-01", "2026-09-02", "2026-10-01"
"""The first night, the last one on which child welfare delivered, and the night of the probe and the next release."""
INSIDE = {"loaded", "dropped_by_consent", "new", "changed", "unchanged", "absent", "tokenised", "unlinkable", "consent"}


def nightly(home: Path) -> tuple[int, str]:
    environment = {**os.environ, "TMPDIR": str(home), "COLUMNS": "200"}
    environment.pop("CRADLEPATH_WORKSPACE", None)
    command = [str(PROGRAM), "nightly", "-w", str(home / "city"), "--date", PROBED]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).replace(str(home), "")


def let_out(place: Workspace) -> dict[str, Any]:
    """Return all that the night lets out, but for its summary: of the city, of the source, of the release."""
    day = date.fromisoformat(PROBED)
    checks = checked_on(place, day)
    release = places.current(place.state / "releases")
    assert release.night == day
    with duckdb.connect(str(release.database), read_only=True) as con:
        tables = {
            name: con.execute(f"select * from {name} order by all").fetchall()
            for name in ("linkage_quality", "source_freshness", "release_log")
        }
    return {
        "the steward's": story(place, day, checks, agency=AGENCY),
        "the page": loads(make_night(place, day), place, agency=AGENCY),
        "dagster": shown_in_dagster(place),
        "tables": tables,
        "the model": release.manifest["model"],
        "the city's": story(place, day, checks),
    }


def shown_in_dagster(place: Workspace) -> dict[str, Any]:
    """Return the metadata of the source's assets and checks, and what its step logged."""
    from dagster import DagsterInstance, RunsFilter

    shown: dict[str, Any] = {"logged": []}
    with DagsterInstance.from_config(str(install_dagster_yaml(place))) as instance:
        [run] = instance.get_runs(RunsFilter(tags={"dagster/partition": PROBED}), limit=1)
        for log in instance.all_logs(run.run_id):
            event = log.dagster_event
            if event is None and log.step_key == f"load_{SOURCE}":
                shown["logged"].append(log.user_message)
            elif event is not None and event.is_step_materialization and SOURCE in event.asset_key.path:
                shown[event.asset_key.to_user_string()] = repr(event.step_materialization_data.materialization.metadata)
            elif event is not None and event.event_type_value == "ASSET_CHECK_EVALUATION":
                found = event.asset_check_evaluation_data
                if SOURCE in found.asset_key.path:
                    shown[found.check_name] = (found.passed, repr(found.metadata), found.description)
    return shown


@pytest.fixture(scope="module")
def children(city_before):
    """The source's rows by record, the file's heading, and two records that child welfare does not know."""
    raw = (city_before.workspace / "landing" / AGENCY / PAST / f"{SOURCE}_2026-08.csv").read_text()
    who = {
        (r["source"], r["record_id"]): r["child"] for r in csv.DictReader(io.StringIO(city_before.truth.read_text()))
    }
    known = {child for (source, _), child in who.items() if source == "child_welfare"}
    head, *lines = raw.splitlines()
    whole = [line for line in lines if line.count(",") == head.count(",")]
    rows = {row["person_id"]: line for line, row in zip(whole, csv.DictReader([head, *whole]), strict=True)}
    rows = {record: line for record, line in rows.items() if (SOURCE, record) in who}
    out, new = [record for record in rows if who[SOURCE, record] not in known][:2]
    return head, rows, out, new


def with_release(root: Path) -> Workspace:
    """Let the calendar name the night of the probe too."""
    settings = root / "cradlepath.yaml"
    text = settings.read_text()
    assert "calendar: [" in text
    settings.write_text(text.replace("calendar: [", f"calendar: [{PROBED}, "))
    return load(root)


def deliver(place: Workspace, agency: str, files: dict[str, str]) -> None:
    folder = place.landing / agency / PROBED
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def probe(place: Workspace, head: str, rows: dict[str, str], out: str, new: str) -> None:
    """Deliver one row, the row again with another, nine rows, rows that repeat and a row that cannot be used."""
    nine = [line for record, line in rows.items() if record not in {out, new}][:8]
    files = [
        [rows[out]],
        [rows[out], rows[new]],
        [*nine, rows[out].replace("2026-08", "2026-09")],
        [rows[new].replace("2026-08", "2026-09")] * 2 + [rows[out].replace("2026-08", "")],
    ]
    deliver(place, AGENCY, {f"{SOURCE}_{n}.csv": "\n".join([head, *lines, ""]) for n, lines in enumerate(files)})


def others_deliver(place: Workspace, landed: Path, head: str, row: str, out: str, *, differ: bool) -> None:
    """Let child welfare send one client more: a stranger, or the second child. Then a family has sent a form, too."""
    welfare = landed / "child_welfare" / LATEST
    files = {path.name: path.read_text() for path in welfare.iterdir()}
    [one] = csv.DictReader([head, row])
    born, names = one["date_of_birth"], (one["first_name"], "", one["last_name"])
    client = [*names, born] if differ else ["Zebulon", "", "Quaternary", born[:-2] + "01"]
    files["clients.csv"] += ",".join(["CW-0000001", *client, one["sex"], "", one["zip"], "", "N", "N"]) + "\n"
    deliver(place, "child_welfare", files)
    if differ:
        columns = (landed / "consent_office" / PAST / "forms.csv").read_text().splitlines()[0].split(",")
        form = dict.fromkeys(columns, "") | {"form_id": "F-999999", "decision": "opt_out", "scope": "linkage"}
        form |= {"agency_source": SOURCE, "agency_record_id": out}
        form |= {"signed_on": "2026-08-20", "effective_from": "2026-08-21"}
        deliver(place, "consent_office", {"forms.csv": "\n".join([",".join(columns), ",".join(form.values()), ""])})


def test_what_leaves_the_hub_does_not_tell_the_two_worlds_apart(city_before, city, children, tmp_path):
    head, rows, out, new = children
    heard = []
    for differ in (False, True):
        home = tmp_path / str(differ)
        home.mkdir()
        shutil.copytree(city.home, home / "city")
        place = with_release(home / "city" / "workspace")
        probe(place, head, rows, out, new)
        others_deliver(place, city_before.workspace / "landing", head, rows[new], out, differ=differ)
        status, summary = nightly(home)
        assert status in {0, 3}, summary
        heard.append({"status": status, **let_out(place)})
        with duckdb.connect(str(place.state / "nights.duckdb"), read_only=True) as con:
            query = "select sum(dropped_by_consent) from file_counts where source = ? and night = ?"
            [(withheld,)] = con.execute(query, [SOURCE, PROBED]).fetchall()
        assert (withheld > 0) is differ, "the worlds do differ"
    plain, other = heard
    for what in ("status", "the steward's", "the page", "dagster", "tables", "the model"):
        assert other[what] == plain[what], what
    told = json.dumps([plain["the steward's"], plain["the page"]], default=str)
    assert not [name for name in INSIDE if f'"{name}":' in told]
    for world in heard:  # that forms came is told, and no more of them
        [office] = [one for one in world["the city's"]["sources"] if one["source"] == "consents"]
        assert (office.pop("status"), office["read"], office["accepted"]) in {
            ("loaded", "–", "–"),
            ("nothing new", "–", "–"),
        }
    assert other["the city's"] == plain["the city's"]
