"""Loads that die, disks that fill up, broken archives, and values that must not come out by any of these ways."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.load_cases import NIGHT_1, NIGHT_2, City, csv, people_source, source

from assets.extracts.load import load_source
from assets.guard import StepFailedError
from linkage.vault import Vault

ROOT = Path(__file__).resolve().parents[2]
HEAD = "id,first,last,dob,sealed"
EVERYONE = [f"{n},Ana{n},Ruiz,2019-02-03,N" for n in range(200)]
VISITS = [f"v{n},{n % 200},flu,2019-02-13" for n in range(2000)]
MANY = [f"w{n},{n % 200},flu,2019-02-13" for n in range(40_000)]

DIES = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from assets.extracts import load, settle
from support.load_cases import City, people_source

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

{place} = die  # noqa
city = City(Path({city!r}), people_source())
load.load_source(city.night(), "clinic")
"""
# where the process dies -> what was committed before
PLACES = {
    "settle._tokens": "nothing",
    "settle.Vault.upsert": "content",
    "load.Nights.write": "content and vault",
}


def a_city(root):
    city = City(root, people_source())
    city.deliver(
        "clinic", NIGHT_1, {"people.csv": csv(HEAD, *EVERYONE), "visits.csv": csv("visit,id,kind,on", *VISITS)}
    )
    return city


def stores(city):
    """Everything in vault and content store, and the sums of the book; row order and fates of rows aside."""
    return {
        name: rows if not name.startswith("nights.") else len(rows)
        for name, rows in city.dump().items()
        if name not in {"nights.checks", "content.changed_since_ordered"}
    }


@pytest.mark.parametrize(
    "place", [pytest.param(place, marks=[pytest.mark.slow] * (PLACES[place] != "content")) for place in PLACES]
)
def test_a_load_killed_between_two_commits_is_mended_by_the_next(tmp_path, place):
    city, whole = a_city(tmp_path / "killed"), a_city(tmp_path / "whole")
    whole.keys = city.keys
    code = DIES.format(root=str(ROOT), tests=str(ROOT / "tests"), place=place, city=str(city.root))
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert b"Ana" not in died.stderr + died.stdout
    assert Vault(city.paths.vault, city.keys).count("clinic") == (200 if "vault" in PLACES[place] else 0)

    assert load_source(city.night(), "clinic").status == "loaded"
    load_source(whole.night(), "clinic")
    assert stores(city) == stores(whole)


@pytest.mark.slow
def test_a_full_disk_keeps_nothing_and_says_no_value(tmp_path):
    city = City(tmp_path, people_source())
    city.deliver("clinic", NIGHT_1, {"people_0.csv": csv(HEAD, *EVERYONE[:3])})
    load_source(city.night(), "clinic")
    before, kept = city.dump(), Vault(city.paths.vault, city.keys).keys("clinic")
    a_city(tmp_path)
    city.deliver("clinic", NIGHT_1, {"visits_2.csv": csv("visit,id,kind,on", *MANY)})
    code = DIES.format(root=str(ROOT), tests=str(ROOT / "tests"), place="settle.unused", city=str(city.root))
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
    full = subprocess.run([sys.executable, "-c", limit + code], capture_output=True, check=False)
    assert full.returncode != 0
    assert b"nothing of this step was kept" in full.stderr
    assert b"Ruiz" not in full.stderr + full.stdout
    assert np.array_equal(Vault(city.paths.vault, city.keys).keys("clinic"), kept)
    assert city.dump()["nights.file_counts"] == before["nights.file_counts"]
    assert load_source(city.night(), "clinic").status == "loaded"
    assert len(city.stored("clinic__visits")) == 42_000


def test_a_write_error_while_storing_leaves_the_previous_night_as_it_was(tmp_path, monkeypatch):
    city = a_city(tmp_path)
    load_source(city.night(), "clinic")
    before = city.dump()
    city.deliver("clinic", NIGHT_2, {"people_2.csv": csv(HEAD, "1,Marisol,Ruiz,2019-02-03,N")})
    from assets.extracts import store

    def full(*_):
        raise OSError(28, "No space left on device while writing Marisol")

    monkeypatch.setattr(store.ContentStore, "settle_records", full)
    with pytest.raises(StepFailedError) as caught:
        load_source(city.night(NIGHT_2), "clinic")
    assert "Marisol" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert city.dump() == before


def test_a_broken_archive_refuses_its_source_and_the_others_go_on(tmp_path):
    tables = people_source().tables
    broken = replace(source("hmis", *tables.values()), standard="hmis-csv-2026", files=("hmis_*.zip",))
    city = City(tmp_path, people_source(), broken)
    city.deliver("clinic", NIGHT_1, {"people.csv": csv(HEAD, *EVERYONE)})
    city.deliver("hmis", NIGHT_1, {"hmis_1.zip": b"PK\x03\x04 this is no archive"})
    reports = [load_source(city.night(), name) for name in ("hmis", "clinic")]
    assert [r.status for r in reports] == ["refused", "loaded"]
    assert reports[0].refusal.startswith("hmis_1.zip: ")
    assert [c.name for c in reports[0].checks if not c.passed] == ["delivery_readable"]
    assert (city.root / "landing" / "hmis" / "2026-09-01" / "hmis_1.zip").exists()


MARKERS = ("Zyxwmarker", "Qvutmarker", "2011-11-11", "917-55-0123", "rec-markerid-77")


def test_planted_values_come_out_nowhere(tmp_path, caplog, capfd):
    """Rows that fail in every way carry markers; none is in the stores, the book, the logs or the report."""
    caplog.set_level(logging.DEBUG)
    given, surname, born, number, record = MARKERS
    person = f"{record},{given},{surname},{born},N"
    city = City(tmp_path, people_source(), max_quarantined_share=1.0)
    city.deliver(
        "clinic",
        NIGHT_1,
        {
            "people.csv": csv(
                HEAD,
                person,
                person,
                f",{given},{surname},{born},N",
                f"{record}x,{given},{surname},{born}",
                f"{record}y,{given},{surname},{number},N",
                f"{record}z,{given},{surname},{born},Y",
            ),
            "visits.csv": csv(
                "visit,id,kind,on",
                f"{record}v,{record},flu,{born}",
                f"{record}w,{record}q,flu,{born}",
                f"{record}u,{record},flu,{number}",
                f'{record}"t,{record},flu,{born}',
            ),
        },
    )
    loaded = load_source(city.night(), "clinic")
    out, err = capfd.readouterr()
    stored = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    told = repr(loaded) + repr(city.dump()) + caplog.text + out + err
    for marker in MARKERS:
        assert marker not in told
        assert marker.encode() not in stored
    assert sum(count.quarantined for count in loaded.counts) >= 5
