"""What happens to measures and releases when a licence, a prohibition or a claim does not let them go out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from dagster import AssetKey, DailyPartitionsDefinition, materialize
from support.hub import table_of
from support.licences import DSA, DUL, EMOU
from support.licensed import night_of, order_for, outcomes_of, withheld
from support.mou import edited

from assets.outcomes.catalogue import catalogue
from assets.release import folder as places
from assets.release.assets import CANDIDATE, CLAIMS, RELEASE, build_candidate, build_release_assets
from assets.release.governance import NotLicensedError
from assets.release.nightly import ReleaseSettings
from assets.release.publish import build, publish

LATER = date(2026, 10, 1)
SAFE = edited("[ferpa.deidentified]", "[hipaa.safe-harbor]", DUL)
MONTHLY = ReleaseSettings("monthly")


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A city with one release under a licence."""
    night = night_of(tmp_path)
    outcomes_of(night)
    publish(order_for(night), night.keys)
    return tmp_path


def ids(root: Path) -> list[str]:
    return [release.id for release in places.releases(root / "state" / "releases")]


# -- the licence ---------------------------------------------------------------------------------------------------

NONE_IN_FORCE = "the agreement grants the use publish; no licence in force for the release outcomes"

ENDED = edited("to: 2030-06-30", "to: 2026-09-30", DUL)
OTHER = edited("name: outcomes", "name: another", DUL)

LICENCES = {
    # the licence on the night      what the stopped release says of it
    "ended":               (ENDED, "outcomes-2026.yaml:8: the agreement ended on 2026-09-30 (AGR-004); agree on a new"),
    "unsigned":            (DUL,   "outcomes-2026.yaml:1: "),
    "for another release": (OTHER, "no licence in force for the release outcomes"),
}  # fmt: skip


@pytest.mark.parametrize("name", LICENCES)
def test_without_a_licence_in_force_nothing_of_it_is_published(released: Path, name: str) -> None:
    licence, says = LICENCES[name]
    before = ids(released)
    night = night_of(released, EMOU, DSA, licence, on=LATER, signed=name != "unsigned")
    outcomes_of(night)
    assert table_of(night.paths.outcomes, "select * from measure") == []
    assert {row[1] for row in withheld(night)} == {"withheld"}
    assert {row[3] for row in withheld(night)} == {NONE_IN_FORCE}
    with pytest.raises(NotLicensedError, match="nothing was published: no licence in force") as caught:
        build(order_for(night), night.keys)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ids(released) == before
    assert places.current(night.paths.releases).id == before[0]


def test_a_field_that_the_licence_does_not_name_withholds_its_measure_with_the_licence_clause(tmp_path: Path) -> None:
    night = night_of(tmp_path, EMOU, DSA, edited('      weeks: "Preterm birth"\n', "", DUL))
    report = outcomes_of(night)
    assert list(report.cells) == ["low_birthweight 1"]
    clause = "outcomes-2026.yaml:10 outcomes-2026 fields"
    reason = f"the agreement grants the use publish; {clause} does not name it"
    assert withheld(night) == [("preterm", "withheld", "gestation_weeks", reason, clause)]


def test_without_a_licence_anywhere_the_owners_grants_are_enough(tmp_path: Path) -> None:
    night = night_of(tmp_path, DSA.replace("under: [cabinet-2025]\n", ""))
    outcomes_of(night)
    order = order_for(night)
    assert (order.governance.refusals, order.governance.verdicts, order.policy.threshold) == ((), (), 10)
    assert publish(order, night.keys).manifest["governance"]["claims"] == []


# -- claims --------------------------------------------------------------------------------------------------------


def test_a_refused_claim_stops_the_release_and_the_last_one_stays(released: Path) -> None:
    before = ids(released)
    night = night_of(released, EMOU, DSA, SAFE, on=LATER)
    outcomes_of(night)
    with pytest.raises(NotLicensedError) as caught:
        publish(order_for(night), night.keys)
    said = str(caught.value)
    for words in (
        "nothing was published: outcomes-2026 claims De-identified by Safe Harbor",
        "birth.births.born: birth.date with treatment date: school_year: a date finer than the year",
        "FLD-007; 45 CFR 164.514(b)(2)(i)(C) [V]",
        "births-2025.yaml:30 births-2025 birth.births.born; Keep the year only, or do not make the claim",
    ):
        assert words in said
    assert "\n" not in said
    assert ids(released) == before
    assert places.current(night.paths.releases).id == before[0]


def test_dagster_shows_the_refusal_as_a_failed_check_and_the_night_goes_on(
    released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assets.release.assets.release_gate", lambda night: None)
    before = ids(released)
    partitions = DailyPartitionsDefinition(start_date="2026-09-01")
    assets = build_release_assets(partitions, [AssetKey("outcomes")], catalogue, MONTHLY)
    night = night_of(released, EMOU, DSA, SAFE, on=LATER)
    outcomes_of(night)
    result = materialize(assets, partition_key=LATER.isoformat(), resources={"night": night})
    assert result.success
    checks = {event.check_name: event for event in result.get_asset_check_evaluations()}
    assert not checks[CLAIMS].passed
    assert "FLD-007" in str(checks[CLAIMS].description)
    assert {name: check.passed for name, check in checks.items() if name != CLAIMS} == {
        "disclosure_audit": True,
        "exposure_gate": True,
    }
    status = {
        event.asset_key: event.step_materialization_data.materialization.metadata["status"].value
        for event in result.all_events
        if event.is_step_materialization
    }
    assert status[CANDIDATE] == "refused"
    assert status[RELEASE].startswith("nothing to publish")
    assert ids(released) == before


def test_a_candidate_built_before_the_refusal_is_not_published(released: Path) -> None:
    night = night_of(released, on=LATER)
    outcomes_of(night)
    built, _ = build_candidate(night, catalogue(), MONTHLY)
    assert built is not None
    assert built.place.is_dir()
    refused = night_of(released, EMOU, DSA, SAFE, on=LATER)
    assert build_candidate(refused, catalogue(), MONTHLY)[0] is None
    assert not built.place.exists()


def test_outcomes_of_other_agreements_are_not_released(released: Path) -> None:
    """The outcomes were computed under a licence that has since lost a field."""
    night = night_of(released, on=LATER)
    outcomes_of(night)
    narrower = night_of(released, EMOU, DSA, edited('      sex: "Breakdown"\n', "", DUL), on=LATER)
    order = order_for(replace(night, policy=narrower.policy))
    with pytest.raises(NotLicensedError, match=r"the outcomes hold birth\.births\.sex, which no agreement in force"):
        build(order, night.keys)


def test_a_claim_about_outcomes_that_do_not_say_what_they_show_is_refused(released: Path) -> None:
    night = night_of(released, on=LATER)
    night.paths.outcomes.unlink()
    assert order_for(night).governance.refusals == (
        "the outcomes do not say which columns they show; "
        "run the night again, so that outcomes and agreements are of one time",
    )


def test_no_claim_is_proved_over_rows_that_earlier_releases_showed_from_smaller_counts(tmp_path: Path) -> None:
    first = night_of(tmp_path, DSA.replace("under: [cabinet-2025]\n", ""))
    outcomes_of(first)
    publish(order_for(first, threshold=5), first.keys)
    night = night_of(tmp_path, on=LATER)
    outcomes_of(night)
    (refusal,) = order_for(night).governance.refusals
    assert "cells of 10 or more, and rows of r-2026-09-01-" in refusal
    assert "stay that were released from 5 on (REL-002;" in refusal
