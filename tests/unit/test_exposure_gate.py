"""The night's check of its own tokens and the gate before a release: what is warned of, what stops, what is stale."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from dagster import AssetCheckSeverity, AssetKey

from assets import exposure
from assets.exposure import ExposureError, observer, reidentification_check, release_gate
from assets.release.assets import publish_candidate
from linkage.attack import Limit, Limits, findings
from linkage.attack.limits import told
from linkage.transcript import Sent, Transcript

ASSET = AssetKey("child_ids")
LIMITS = Limits(at_rest=Limit(0.1, 0.2), transit=Limit(0.1, 0.2), transcript=Limit(0.1, 0.2), least_records=5)


def figures(share: float, records: int = 10) -> dict:
    return {"records": records, "singled_out": share}


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A night whose store singles out `night.store`, a share, and whose links are the bytes of its ledger."""
    made = SimpleNamespace(
        date=date(2026, 9, 1),
        keys=None,
        paths=SimpleNamespace(
            exposure=tmp_path / "exposure.json", ledger=tmp_path / "ledger.sealed", vault=tmp_path / "vault"
        ),
        settings=SimpleNamespace(exposure=LIMITS),
        store=0.0,
    )
    made.paths.ledger.write_bytes(b"links")
    monkeypatch.setattr(exposure, "Vault", lambda path, keys: None)

    def store_of(vault):
        return SimpleNamespace(measure=lambda: {"sources": {"birth": figures(made.store)}, "all": figures(made.store)})

    monkeypatch.setattr(exposure, "Store", SimpleNamespace(of=store_of))
    return made


def transcript(records: int, alone: int = 0) -> Transcript:
    """Records of one source, of which the first `alone` differ from all others in how many tokens they share."""
    tokens = np.arange(2 * records, dtype=np.uint64).reshape(2, records) + np.uint64(1000)
    present = np.ones((2, records), bool)
    present[:, :alone] = np.tri(2, alone, -1, dtype=bool)[:, :alone]
    sent = Sent("tags", np.arange(records), ("e", "sd"), tokens, present, ())
    return Transcript(("birth",), np.zeros(records, np.int16), (sent,))


def linked(night, *transcripts: Transcript) -> None:
    for one in transcripts:
        observer(night)(one)


SHARES = {  # share of the store singled out -> passes, severity where it fails, is published
    0.05: (True, None, True),
    0.1: (True, None, True),
    0.15: (False, AssetCheckSeverity.WARN, True),
    0.2: (False, AssetCheckSeverity.WARN, True),
    0.3: (False, AssetCheckSeverity.ERROR, False),
}


@pytest.mark.parametrize("share", SHARES)
def test_the_check_warns_and_the_gate_stops(night, share):
    passed, severity, published = SHARES[share]
    night.store = share
    linked(night, transcript(8))
    told = reidentification_check(night, ASSET)
    assert told.passed is passed
    assert passed or (told.severity is severity and f"{share:.2%}" in told.description)
    if published:
        release_gate(night)
    else:
        with pytest.raises(ExposureError, match=r"nothing was published: store at rest: birth 30\.00%"):
            release_gate(night)


def test_a_refused_release_leaves_no_candidate_and_no_error(night, tmp_path):
    night.paths.releases, night.store = tmp_path / "releases", 0.3
    candidate = night.paths.releases / ".building-2026-09-01"
    candidate.mkdir(parents=True)
    linked(night, transcript(8))
    with pytest.raises(ExposureError, match="not measured after linking"):
        publish_candidate(night)
    reidentification_check(night, ASSET)
    status, refused = publish_candidate(night)
    assert status == {"status": "refused"}
    assert "exposure.at_rest.stop in cradlepath.yaml" in refused
    assert "docs/attack.md" in refused
    assert not candidate.exists()
    assert publish_candidate(night)[1] is None


def test_a_source_of_few_records_is_shown_and_not_judged(night):
    figure = {"records": 4, "singled_out": 0.5}
    store = {"sources": {"tanf": figure, "birth": figures(0.0)}, "all": figures(0.05, 14)}
    assert findings(store, [], LIMITS) == []
    (found,) = findings(store | {"all": figures(0.3, 4)}, [], LIMITS)
    assert (found.source, found.stops, found.setting) == ("all", True, "exposure.at_rest.stop")
    many = {"sources": {"tanf": figures(0.5), "birth": figures(0.4)}, "all": figures(0.15)}
    assert told(findings(many, [], LIMITS)) == (
        "store at rest: tanf 50.00%, birth 40.00% of records can be singled out without a key, expected at most 20.00% "
        "(exposure.at_rest.stop in cradlepath.yaml); store at rest: all 15.00% of records can be singled out without a "
        "key, expected at most 10.00% (exposure.at_rest.warn in cradlepath.yaml)"
    )


def test_a_small_store_is_judged_and_a_small_transcript_is_not(night):
    night.settings.exposure = Limits(LIMITS.at_rest, LIMITS.transit, LIMITS.transcript, least_records=1000)
    linked(night, transcript(8, alone=2))
    assert reidentification_check(night, ASSET).passed
    release_gate(night)
    night.store = 0.3
    assert not reidentification_check(night, ASSET).passed
    with pytest.raises(ExposureError, match="store at rest"):
        release_gate(night)


def test_limits_of_nothing_stop_a_night_that_shows_anybody(night):
    night.settings.exposure = Limits(Limit(0, 0), Limit(0, 0), Limit(0, 0), 1)
    linked(night, transcript(8))
    reidentification_check(night, ASSET)
    release_gate(night)
    linked(night, transcript(8, alone=2))
    reidentification_check(night, ASSET)
    with pytest.raises(ExposureError, match=r"tokens in transit: birth .* the night's transcript: all "):
        release_gate(night)


def test_every_linking_of_a_night_counts_not_the_last_alone(night):
    linked(night, transcript(8, alone=2), transcript(8), transcript(0))
    reidentification_check(night, ASSET)
    assert len(exposure.last_measured(night.paths.exposure)["transcripts"]) == 2
    with pytest.raises(ExposureError, match="tokens in transit"):
        release_gate(night)


def test_another_night_begins_anew(night):
    linked(night, transcript(8, alone=2))
    night.date = date(2026, 9, 2)
    linked(night, transcript(8))
    reidentification_check(night, ASSET)
    release_gate(night)


STALE = {  # what happened after the night was measured -> what the gate says
    "nothing was measured": (lambda night: night.paths.exposure.unlink(), "found no figures"),
    "figures of another night": (
        lambda night: setattr(night, "date", date(2026, 9, 2)),
        "figures of 2026-09-01, expected those of 2026-09-02",
    ),
    "the links changed": (lambda night: night.paths.ledger.write_bytes(b"others"), "other links than the ledger's"),
    "linked again and not measured": (lambda night: linked(night, transcript(8)), "not measured after linking"),
    "not readable": (lambda night: night.paths.exposure.write_text("{"), "not readable as JSON"),
}


@pytest.mark.parametrize("case", STALE)
def test_figures_that_are_not_this_nights_publish_nothing(night, case):
    happens, said = STALE[case]
    linked(night, transcript(8))
    reidentification_check(night, ASSET)
    release_gate(night)
    happens(night)
    with pytest.raises(ExposureError, match=said):
        release_gate(night)


def test_the_check_of_a_night_that_was_not_linked_is_refused(night):
    with pytest.raises(ExposureError, match="run the night again"):
        reidentification_check(night, ASSET)
