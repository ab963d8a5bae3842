"""Releases under differential privacy: drawn once, paid for, audited; what each crash and each second run leaves."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from support.release_keys import FixedKeys
from support.release_private import NIGHT, PRIVATE, City, read

from assets.release import folder as places
from assets.release import publish as steps
from assets.release.audit_private import budget_findings
from assets.release.log import rollback
from assets.release.manifest import AUDITOR_KEY
from assets.release.modes.budget import BudgetSpentError, PrivacyRefusedError, entries
from assets.release.modes.noise import noisy, spread
from assets.release.modes.shared import new_counts
from assets.release.modes.spending import clamped, draw, tables_of
from assets.release.policy import ReleaseError
from assets.release.publish import build, publish
from assets.release.rows.releasing import RowOrder
from assets.release.verify import verify
from consent.privacy import shown

KEYS = FixedKeys()
PUBLIC, AUDITOR = KEYS.signing_key.public_key(), KEYS.derive(AUDITOR_KEY)
NEXT = date(2026, 10, 1)
TWO = range(1_999_999_990, 2_000_000_001)
"""What a release with an epsilon of 2 spends, in billionths: the proof stays a hair below."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> City:
    """A city with one release."""
    city = City(tmp_path_factory.mktemp("city"))
    publish(city.order(), KEYS)
    return city


@pytest.fixture
def city(made: City, tmp_path: Path) -> City:
    """A copy of that city to work on."""
    shutil.copytree(made.root, tmp_path / "city")
    return City(tmp_path / "city", kept=True)


def numbers(release: places.StoredRelease, table: str = "measure") -> list[tuple[Any, ...]]:
    with duckdb.connect(str(release.database), read_only=True) as con:
        return con.execute(f"select * exclude (release_id) from {table} order by all").fetchall()


def test_a_release_shows_every_row_of_its_domain_and_no_exact_number(made: City):
    release = places.current(made.root / "releases")
    assert all(check.passed for check in verify(made.root / "releases", PUBLIC, None, AUDITOR).checks)
    with duckdb.connect(str(made.root / "outcomes.duckdb"), read_only=True) as con:
        rows = con.execute("select count(*) from domain.measure").fetchall()[0][0]
    found = numbers(release)
    assert len(found) == rows
    assert numbers(release, "source_freshness") == []  # it would spend again in every release
    said = release.manifest["mode"]
    assert said["privacy"]["left_out"] == ["source_freshness"]
    spent = made.spends()[0]
    assert spent.epsilon == spent.cumulative in TWO
    assert said["privacy"]["epsilon"] == said["privacy"]["cumulative"] == shown(spent.epsilon)
    assert (said["privacy"]["budget"], spent.clause) == ("5", "licence.yaml:12 release.privacy")
    with duckdb.connect(str(release.database), read_only=True) as con:
        comment = con.execute("select comment from duckdb_tables() where table_name = 'measure'").fetchall()[0][0]
        assert "95 % of the numbers lie near the truth: numerator within" in comment
        wrong = "numerator < 0 or numerator > denominator or suppressed or numerator is null"
        assert con.execute(f"select count(*) from measure where {wrong}").fetchall() == [(0,)]
        assert con.execute("select count(*) from program_overlap where children is null").fetchall() == [(0,)]


# -- once ----------------------------------------------------------------------------------------------------------


def _again(city: City) -> None:
    """The night is run again as it was."""


def _lost(city: City) -> None:
    """The release was drawn and never became visible: its folder is gone."""
    shutil.rmtree(city.root / "releases")


def _half_built(city: City) -> None:
    """The process died after the files were written and before the pointer moved."""
    release = places.current(city.root / "releases").path
    release.rename(city.root / "releases" / f"{places.BUILDING}{NIGHT}")
    (city.root / "releases" / places.POINTER).unlink()


def _rolled_back(city: City) -> None:
    """The pointer was set back, to the same release here; what was published stays so."""
    rollback(city.root / "releases", places.current(city.root / "releases").id, PUBLIC)


@pytest.mark.parametrize("what", [_again, _lost, _half_built, _rolled_back])
def test_the_same_numbers_are_drawn_once(city: City, what: Any):
    before = places.current(city.root / "releases")
    seen, spends = numbers(before), city.spends()
    what(city)
    built = build(city.order(), KEYS)
    assert built.existing == (what in (_again, _rolled_back))
    after = built.place if built.existing else steps.finish(city.root / "releases", NIGHT, KEYS).path
    assert numbers(places.read_release(after)) == seen
    assert after.name == before.id
    assert city.spends() == spends
    assert [one.epsilon in TWO for one in spends] == [True]


CASES = """
what happened                                  | epsilon | draws in all
another night, nothing new                     | 2       | 1
another night, other rule for the same numbers | 2       | 1
same night, other children, not yet published  | 2       | 2
same night, more asked, not yet published      | 2.5     | 2
"""


@pytest.mark.parametrize("line", CASES.strip().splitlines()[1:], ids=lambda line: line.split("|")[0].strip())
def test_what_costs_and_what_is_free(city: City, line: str):
    what, epsilon, draws = (part.strip() for part in line.split("|"))
    changes: dict[str, Any] = {"epsilon": float(epsilon)}
    if "not yet published" in what:
        _lost(city)
    if "other children" in what:
        city.fill(children=61)
    if "other rule" in what:
        _lost(city)
        changes["threshold"] = 11
    release = publish(city.order(NEXT if "another night" in what else NIGHT, **changes), KEYS)
    assert len(city.spends()) == int(draws)
    carried = release.manifest["mode"]["privacy"]["draw"]
    assert carried == (None if what.endswith("nothing new") else city.spends()[-1].draw)
    assert all(check.passed for check in verify(city.root / "releases", PUBLIC, None, AUDITOR).checks)


def test_a_crash_between_draw_and_payment_leaves_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    city = City(tmp_path)
    drawn = []

    def fails(*_: Any) -> None:
        drawn.append(1)
        raise RuntimeError("the machine stops here")

    with monkeypatch.context() as patch:
        patch.setattr("consent.privacy._add", fails)
        with pytest.raises(RuntimeError):
            publish(city.order(), KEYS)
    assert drawn == [1]
    assert city.spends() == []
    assert places.releases(city.root / "releases") == []


def test_a_crash_after_payment_costs_and_the_draw_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    city = City(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(steps, "write_tables", lambda *_: (_ for _ in ()).throw(RuntimeError("here")))
        with pytest.raises(RuntimeError):
            publish(city.order(), KEYS)
    assert [one.epsilon in TWO for one in city.spends()] == [True]
    assert publish(city.order(), KEYS).manifest["mode"]["privacy"]["draw"] == city.spends()[0].draw
    assert len(city.spends()) == 1


@pytest.mark.slow
def test_modes_may_follow_each_other_and_every_row_keeps_its_form(tmp_path: Path):
    years = ("2023-24", "2024-25", "2025-26")
    city = City(tmp_path, made_of={"children": 400, "periods": years[:1]})
    shown_first: dict[str, Any] = {}
    hiding = {"mode": "suppress", "epsilon": None, "budget": None}
    for number, mode in enumerate((hiding, {}, hiding)):
        city.fill(periods=years[: number + 1])
        release = publish(city.order(date(2026, 9 + number, 1), **mode), KEYS)
        rows = numbers(release)
        for year, before in shown_first.items():
            assert [row for row in rows if row[2] == year] == before
        shown_first[years[number]] = [row for row in rows if row[2] == years[number]]
        assert shown_first[years[number]]
        checks = verify(city.root / "releases", PUBLIC, None, AUDITOR, city.spends()).checks
        assert all(check.passed for check in checks), checks
    assert len(city.spends()) == 1
    assert any(row[9] is None for row in shown_first[years[0]])  # hidden stays hidden
    assert all(row[9] is not None for row in shown_first[years[1]])


def test_the_ledger_is_compared_with_what_releases_carry(made: City):
    def budget(ledger: Any) -> tuple[bool, str]:
        checks = verify(made.root / "releases", PUBLIC, None, AUDITOR, ledger).checks
        return next((check.passed, check.detail) for check in checks if check.name == "budget")

    spends = made.spends()
    assert budget(spends)[0]
    assert budget(None)[1].endswith("(by the manifests alone: the registry was not at hand)")
    assert not budget([])[0]
    assert not budget([replace(spends[0], epsilon=1)])[0]
    assert [(one.releases, one.cumulative) for one in entries(made.registry, made.root / "releases")] == [
        (places.current(made.root / "releases").id, shown(spends[0].epsilon))
    ]


# -- the budget ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_release_beyond_the_budget_is_refused_and_nothing_is_drawn(city: City):
    _lost(city)
    city.fill(children=61)
    publish(city.order(), KEYS)
    _lost(city)
    city.fill(children=62)
    with pytest.raises(BudgetSpentError) as refused:
        publish(city.order(), KEYS)
    one, two = city.spends()
    assert two.cumulative == one.epsilon + two.epsilon
    left = shown(5 * 10**9 - two.cumulative)
    assert str(refused.value) == (
        f"nothing was published: this release asks for an epsilon of {shown(two.epsilon)}, and {left} of the 5 that "
        "licence.yaml:12 release.privacy grants the series is left; publish fewer tables, ask for less in each "
        "release, or agree on a larger budget"
    )
    said = publish(city.order(epsilon=1.0), KEYS).manifest["mode"]["privacy"]
    assert said["cumulative"] == shown(sum(spend.epsilon for spend in city.spends()))


def test_a_registry_older_than_the_releases_draws_nothing(city: City):
    (city.root / "registry.sqlite").unlink()
    city.fill(children=61, periods=("2023-24", "2024-25", "2025-26"))
    with pytest.raises(PrivacyRefusedError, match="lacks 1 draws that releases of the series carry"):
        publish(city.order(NEXT), KEYS)
    assert city.spends() == []


def test_rows_of_children_do_not_go_out_beside_noise(city: City):
    _lost(city)
    with pytest.raises(PrivacyRefusedError, match="no noise hides a child in exact rows"):
        publish(replace(city.order(), rows=RowOrder((), load=lambda *_: None)), KEYS)
    assert len(city.spends()) == 1


def test_without_a_registry_nothing_is_drawn(tmp_path: Path):
    order = City(tmp_path).order()
    with pytest.raises(ReleaseError, match="needs the registry"):
        publish(steps.Order(order.releases, order.outcomes, NIGHT, order.catalogue, PRIVATE), KEYS)


def test_children_outside_the_domain_stop_the_release_without_naming_a_value(city: City):
    _lost(city)
    with duckdb.connect(str(city.root / "outcomes.duckdb")) as con:
        con.execute("update measure set place = 'A secret school' where place = 'school 01'")
    with pytest.raises(
        ReleaseError, match="table measure has values of place that its public domain does not list"
    ) as e:
        publish(city.order(), KEYS)
    assert "secret" not in str(e.value)
    assert len(city.spends()) == 1


# -- the audit -----------------------------------------------------------------------------------------------------


def _audited(city: City, change: str) -> list[str]:
    """Tamper with the released file and return what the audit says."""
    release = places.current(city.root / "releases")
    release.database.chmod(0o644)
    with duckdb.connect(str(release.database)) as con:
        con.execute(change)
    report, _ = steps.attack(
        release.database,
        city.order().catalogue,
        PRIVATE,
        steps.open_annex(release, AUDITOR),
        release_id=release.id,
        earlier=[],
        draw=steps.sealed_draw(release.path, release.manifest["mode"], AUDITOR),
    )
    return [str(finding) for finding in report.findings]


PLANTED = {
    "update measure set denominator = denominator + 1 where place = 'school 01'": "is not that of the draw",
    "update distinct_served set children = children + 1 where program_set = 'p1'": "is not that of the draw",
    "delete from distinct_served where program_set = 'p1'": "is not that of the draw",
    "insert into program_overlap by name select '2025-26' as period, 'p7' as program_a, 'p8' as program_b, 1 as "
    "children, false as suppressed, any_value(release_id) as release_id from measure": "more of its counts|is not that",
    "update measure set rate = 50": "rate is not that of its counts",
}


@pytest.mark.parametrize("change", PLANTED)
def test_a_number_that_was_not_drawn_is_found(city: City, change: str):
    found = _audited(city, change)
    assert any(re.search(PLANTED[change], one) for one in found), found


def test_the_audit_finds_a_draw_that_costs_more_than_is_said(made: City):
    release = places.current(made.root / "releases")
    honest = release.manifest["mode"]

    def says(**changes: Any) -> list[str]:
        about = {**honest, "privacy": {**honest["privacy"], **changes}}
        report, _ = steps.attack(
            release.database, made.order().catalogue, PRIVATE, None, release_id=release.id, earlier=[],
            draw=steps.sealed_draw(release.path, about, AUDITOR),
        )  # fmt: skip
        return [str(finding) for finding in report.findings]

    tables = honest["privacy"]["tables"]
    less = {**tables, "measure": {**tables["measure"], "scale": tables["measure"]["scale"] / 2}}
    fewer = {**tables, "measure": {**tables["measure"], "sensitivity": 27}}
    assert says() == []
    assert any("spends more than the manifest says" in one for one in says(tables=less))
    assert any("more of its counts than the noise was made for" in one for one in says(tables=fewer))
    assert any("more than one release may" in one for one in says(epsilon="2.1"))
    assert any("more than its budget" in one for one in says(cumulative="5.1"))
    assert any("names no draw" in one for one in says(draw=None))
    assert any("not the one that was paid for" in one for one in says(draw="0" * 64))


def test_accounts_of_a_series_must_agree():
    def manifest(draw: str | None, epsilon: str, cumulative: str | None) -> dict[str, Any]:
        privacy = {"draw": draw, "epsilon": epsilon, "cumulative": cumulative}
        return {"release_id": f"r-{draw}", "mode": {"privacy": privacy}}

    plain = {"release_id": "r-0", "mode": {"name": "suppress"}}
    one, two = manifest("a", "2", "2"), manifest("b", "1.5", "3.5")
    assert list(budget_findings(two, [plain, one, manifest(None, "0", None)])) == []
    assert list(budget_findings(manifest("b", "1", "5"), [one])) == []  # a draw that was never published is spent too
    assert list(budget_findings(manifest("b", "2", "3"), [one]))
    assert list(budget_findings(manifest("a", "1", "4"), [one]))


# -- noise ---------------------------------------------------------------------------------------------------------
# Noise is never seeded. What is compared lies within 7 standard deviations: an honest run fails less than once in 10^9.

SIGMAS = 7


def test_the_noise_is_as_wide_as_it_says():
    scale, terms, many = 7.5, 2, 20_000
    drawn = sum(noisy(np.zeros(many, np.int64), scale) for _ in range(terms))
    said = spread(scale, terms)
    inside = float((np.abs(drawn) <= said.margin).mean())
    chance = (0.95 * 0.05 / many) ** 0.5
    # The margin is a whole number, so a little more than 95 % lie within it.
    assert 0.95 - SIGMAS * chance < inside < 0.96 + SIGMAS * chance
    assert abs(np.abs(drawn).mean() - said.average) < SIGMAS * 1.4 * scale / many**0.5


def test_neighbouring_cities_are_told_apart_no_better_than_epsilon_allows():
    """Draw the release of two tiny cities, one of which has a child more, thousands of times.

    Each draw is judged by the best test there is, the ratio of its two chances; how often each ratio comes up may
    differ by exp(epsilon) between the cities and no more, however the ratios are put together.
    """
    city = {"measures": 1, "periods": ("2025-26",)}
    (here, planned), (there, _) = read(children=2, **city), read(children=1, **city)
    drawn = planned.contribution.drawn
    differ = np.flatnonzero(drawn & (here.values != there.values))
    table = {block.spec.name: number for number, block in enumerate(here.blocks)}
    which = tables_of(here)
    epsilon, draws, ratios = PRIVATE.epsilon, 8_000, []
    for system in (here, there):
        ratio = np.zeros(draws)
        for name, spending in planned.tables.items():
            cells = differ[which[differ] == table[name]]
            numbers = noisy(np.tile(system.values[cells].astype(np.int64), draws), spending.scale)
            numbers = numbers.reshape(draws, len(cells))
            far = np.abs(numbers - there.values[cells]) - np.abs(numbers - here.values[cells])
            ratio += far.sum(axis=1) / spending.scale
        ratios.append(ratio)
    assert max(np.abs(ratio).max() for ratio in ratios) <= epsilon + 1e-9
    bins = np.linspace(-epsilon, epsilon + 1e-9, 9)
    one, other = (np.histogram(ratio, bins)[0] for ratio in ratios)
    for a, b in ((one, other), (other, one), (np.cumsum(one), np.cumsum(other)), (np.cumsum(other), np.cumsum(one))):
        slack = SIGMAS * np.sqrt(a + np.exp(2 * epsilon) * b + 1)
        assert (a <= np.exp(epsilon) * b + slack).all()
    assert one[5:].sum() > 1.3 * other[5:].sum()  # they do differ: it is the noise that hides the child, not the test


def test_shown_numbers_are_clamped_draws_and_draws_differ():
    system, planned = read()
    one, other = draw(system, planned), draw(system, planned)
    new = new_counts(system)
    assert not np.array_equal(one[new], other[new])
    assert np.isnan(one[~new]).all()
    assert (one[new] == np.floor(one[new])).all()
    shown_numbers = clamped(system, one)
    assert (shown_numbers[new] >= 0).all()
    for block in system.blocks:
        if block.spec.name == "measure":
            cells = shown_numbers[block.offset : block.offset + block.rows * 2].reshape(block.rows, 2)
            assert (cells[:, 0] <= cells[:, 1]).all()


def test_the_ledger_counts_as_people_write():
    assert [shown(parts) for parts in (0, 1, 1_500_000_000, 2 * 10**9)] == ["0", "0.000000001", "1.5", "2"]
