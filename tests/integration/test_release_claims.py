"""From signed agreements to a signed release: what leaves, what is counted, which claims hold, and how to check it."""

from __future__ import annotations

import copy
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.hub import Hub, table_of
from support.licences import ACCEPTS, DSA, DUL, EMOU
from support.licensed import night_of, order_for, outcomes_of
from support.mou import edited

from assets.outcomes.catalogue import catalogue
from assets.outcomes.definitions import linked_tables, measures
from assets.outcomes.run import build_outcomes
from assets.release.folder import StoredRelease
from assets.release.governed import in_words, problems
from assets.release.manifest import AUDITOR_KEY
from assets.release.publish import publish
from assets.release.verify import verify
from assets.spine.build import build_spine


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city whose first release went out under a licence that claims de-identification."""
    root = tmp_path_factory.mktemp("city")
    night = night_of(root)
    outcomes_of(night)
    publish(order_for(night), night.keys)
    return root


@pytest.fixture
def release(city: Path) -> StoredRelease:
    (found,) = [path for path in (city / "state" / "releases").iterdir() if path.name.startswith("r-2026-09-01")]
    return StoredRelease(found, json.loads((found / "manifest.json").read_text(encoding="utf-8")))


def test_only_what_the_licence_names_is_seen(city: Path) -> None:
    found = table_of(
        city / "state" / "outcomes.duckdb",
        "select column_name, coalesce(shown_in, 'counted') from column_lineage where name = 'preterm' order by 1",
    )
    assert found == [
        ("birth_school_year", "measure.period"),
        ("birth_year", "counted"),
        ("gestation_weeks", "counted"),
        ("sex", "measure.sex"),
    ]


def test_the_manifest_names_every_agreement_field_and_claim(release: StoredRelease) -> None:
    manifest = release.manifest
    assert [(item["kind"], item["agreement"], len(item["sha256"])) for item in manifest["agreements"]] == [
        ("dsa", "births-2025", 64),
        ("emou", "cabinet-2025", 64),
        ("dul", "outcomes-2026", 64),
    ]
    governed = manifest["governance"]
    assert [(item["column"], item["class"], item["treatment"]) for item in governed["leaves"]] == [
        ("birth.births.birth_school_year", "birth.date", "date.school_year"),
        ("birth.births.sex", "sex", "keep"),
    ]
    assert governed["counted"] == [
        "birth.births.birth_weight_g",
        "birth.births.birth_year",
        "birth.births.gestation_weeks",
    ]
    (claim,) = governed["claims"]
    assert (claim["claim"], claim["licence"], claim["outcome"]) == ("ferpa.deidentified", "outcomes-2026", "proved")
    assert {line["about"]: line["outcome"] for line in claim["fields"]} == {
        "birth.births.born": "proved",
        "birth.births.sex": "proved",
    }
    assert manifest["audit"]["claims"] == {"outcomes-2026: ferpa.deidentified": "proved"}
    assert [item["name"] for item in governed["zip3"]["vintages"]] == ["2000 Census", "2020 Census"]


def test_the_larger_threshold_holds_and_both_are_cited(release: StoredRelease) -> None:
    assert release.manifest["governance"]["threshold"] == {
        "applied": 11,
        "workspace": 10,
        "licences": {"outcomes-2026.yaml:18 outcomes-2026 release": 11},
    }
    assert release.manifest["policy"]["threshold"] == 11
    assert release.manifest["audit"]["policy"].startswith("threshold-11/")


def test_a_person_reads_the_claims_in_words(release: StoredRelease) -> None:
    said = "\n".join(in_words(release.manifest))
    for words in (
        "dul outcomes-2026, sha256",
        "counts from 11 on are shown: 10 by the workspace, 11 by outcomes-2026.yaml:18 outcomes-2026 release",
        "2 columns leave, 3 are only counted",
        "outcomes-2026 claims ferpa.deidentified. De-identified education records (34 CFR 99.31(b)(1) [V]): proved",
        "birth.births.born: birth.date with treatment date: school_year: a year of birth is no date of birth",
        "Ada Park, Privacy officer, states on 2025-07-01 that no student's identity",
    ):
        assert words in said


def test_a_release_verifies_with_its_claims(city: Path) -> None:
    keys = night_of(city).keys
    found = verify(city / "state" / "releases", keys.signing_key.public_key(), auditor_key=keys.derive(AUDITOR_KEY))
    assert found.passed
    (check,) = [one for one in found.checks if one.name == "claims"]
    assert "De-identified education records" in check.detail


def _leave(manifest: dict[str, Any], **changes: Any) -> None:
    manifest["governance"]["leaves"][1].update(changes)


ALTERED = {
    "nothing is altered": (lambda m: None, None),
    "a class that the claim removes": (lambda m: _leave(m, **{"class": "id.student"}), "personal identifiers"),
    "a column that is not there": (lambda m: _leave(m, shown_in=["measure.home"]), "measure.home"),
    "a lower threshold": (lambda m: m["policy"].update(threshold=10), "below that of a licence"),
    "nobody states it": (
        lambda m: m["governance"]["claims"][0]["conditions"].pop(1),
        "nobody states reasonable-determination",
    ),
    "an unknown claim": (lambda m: m["governance"]["claims"][0].update(claim="none"), "no such claim"),
    "a refused claim": (lambda m: m["governance"]["claims"][0].update(outcome="refused"), "it was refused"),
    "an earlier release left out": (lambda m: m["earlier"].append({"release_id": "r-1"}), "every earlier release"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_the_claims_are_judged_once_more_from_the_manifest(release: StoredRelease, name: str) -> None:
    alter, words = ALTERED[name]
    manifest = copy.deepcopy(dict(release.manifest))
    alter(manifest)
    found = list(problems(manifest))
    assert (found == []) if words is None else any(words in problem for problem in found), found


SAFE = edited("[ferpa.deidentified]", "[hipaa.safe-harbor]", DUL)
RISK = ACCEPTS.replace("FLD-008", "FLD-007").replace("births.school", "births.born")


def test_an_accepted_risk_is_named_in_the_manifest_and_holds_when_it_is_verified(tmp_path: Path) -> None:
    night = night_of(tmp_path, EMOU, DSA, SAFE + RISK)
    outcomes_of(night)
    manifest = publish(order_for(night), night.keys).manifest
    (claim,) = manifest["governance"]["claims"]
    assert claim["outcome"] == manifest["audit"]["claims"]["outcomes-2026: hipaa.safe-harbor"]
    assert claim["outcome"] == "proved except for accepted risks"
    (risk,) = claim["accepted_risks"]
    assert (risk["rule"], risk["field"], risk["by"], risk["until"]) == (
        "FLD-007",
        "birth.births.born",
        "Bo Reed",
        "2027-06-30",
    )
    assert list(problems(manifest)) == []
    claim["accepted_risks"] = []
    assert [problem.split(": ")[1] for problem in problems(manifest)] == ["birth.births.birth_school_year"]


def test_rows_of_closed_periods_are_judged_with_those_of_tonight(tmp_path: Path) -> None:
    first = night_of(tmp_path)
    outcomes_of(first)
    publish(order_for(first), first.keys)
    later = night_of(tmp_path, EMOU, DSA, edited('      sex: "Breakdown"\n', "", DUL), on=date(2026, 10, 1))
    outcomes_of(later)
    order = order_for(later)
    assert [item.column for item in order.governance.leaves] == ["birth.births.birth_school_year", "birth.births.sex"]
    assert publish(order, later.keys).manifest["audit"]["claims"] == {"outcomes-2026: ferpa.deidentified": "proved"}


def test_every_value_in_a_release_is_said_to_come_from_somewhere() -> None:
    """The columns that children's rows fill say where their values come from."""
    said = {
        *(f"measure.{name}" for item in measures() for name in item.file.shows),
        *(f"{item.name}.{name}" for item in linked_tables() for name in item.file.shows),
    }
    tables = catalogue().by_name
    for item in linked_tables():
        assert {f"{item.name}.{dim}" for dim in tables[item.name].dims} <= said
    filled = set(tables["measure"].dims) - {"measure", "version", "race_ethnicity", "sex", "economic_status"}
    assert {f"measure.{dim}" for dim in filled} <= said


MARKED = {
    "school.orgs": "school | name\ns1 | mark school.orgs.name",
    "school.classes": "class | grade\nk1 | mark school.classes.grade\nk2 | KG",
    "school.enrollments": "record | school | class | role | begin | begin_year | end | end_year\n"
    "ann | s1 | k1 | student | 0 | 2025-26 | 300 | 2025-26\nbob | s1 | k2 | student | 0 | 2025-26 | 300 | 2025-26",
    "school.demographics": "record | sex | hispanic\nann | F | mark school.demographics.hispanic\nbob | M | Y",
    "attendance.calendar": "school | day | day_year | instructional\n"
    + "\n".join(f"s1 | {day} | 2025-26 | mark attendance.calendar.instructional" for day in range(30)),
    "attendance.events": "record | absent | absent_year | status | portion\n"
    "ann | 3 | 2025-26 | absent mark attendance.events.status | 1",
    "attendance.assessments": "record | tool | tool_version | school_year | level | tested\n"
    "bob | KRA | mark attendance.assessments.tool_version | 2025-26 | met | mark attendance.assessments.tested",
    "preschool.enrolments": "record | program_type | start_month | end_month\n"
    "bob | mark preschool.enrolments.program_type | 2024-08 | 2025-06\n"
    "ann | mark preschool.enrolments.program_type | 2024-07 | 2025-06",
}


def test_a_text_in_the_outcomes_comes_from_a_column_that_is_said_to_be_shown(tmp_path: Path) -> None:
    """Texts are marked with the name of their column: those found in the counts are those said to be shown."""
    night = Hub(tmp_path / "state", MARKED).night()
    build_spine(night)
    build_outcomes(night)
    path = night.paths.outcomes
    dims = [(spec.name, dim) for spec in catalogue().tables if spec.counts for dim in spec.dims]
    found = {
        re.sub(r".*mark (\S+).*", r"\1", str(value))
        for table, dim in dims
        for (value,) in table_of(path, f'select distinct "{dim}" from {table} where "{dim}"::varchar like \'%mark %\'')
    }
    assert found == {
        "attendance.assessments.tool_version",
        "preschool.enrolments.program_type",
        "school.classes.grade",
        "school.orgs.name",
    }
    said = table_of(
        path,
        "select distinct source || '.' || table_name || '.' || column_name from column_lineage "
        "where shown_in is not null",
    )
    assert found <= {name for (name,) in said}
