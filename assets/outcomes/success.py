"""The cabinet's Measures of Success: baseline, target, latest value and owner of each measure.

What belongs here: reading the targets, choosing baseline and latest period, judging whether a measure is on
track. What does not: the rates themselves (they are the table `measure`'s, and are shown only where it shows
them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from assets.outcomes.definitions import measures
from assets.spine.periods import first_year

TARGETS = Path(__file__).with_name("data") / "targets.yaml"

_KEYS = frozenset({"version", "baseline", "target", "by", "owner"})


class TargetError(Exception):
    """A targets file that cannot be used; one line: file, measure, what was found, what to do."""


@dataclass(frozen=True)
class Target:
    """What the cabinet set for one measure. `version` may end in `*`; `baseline` is a period or 'first'.

    `target` is in percent, to be reached in the period `by`.
    """

    measure: str
    version: str
    baseline: str
    target: float
    by: str
    owner: str


def load_targets(path: Path = TARGETS) -> tuple[Target, ...]:
    """Read a targets file. Raises TargetError for an unknown measure or key, or a value of the wrong kind."""
    try:
        data: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, YAMLError) as error:
        raise TargetError(f"{path.name}: cannot be read ({type(error).__name__}); correct it") from None
    if not isinstance(data, Mapping):
        raise TargetError(f"{path.name}: expected one entry a measure; see the comments of the packaged file")
    return tuple(_target(path.name, str(name), item) for name, item in data.items())


def _target(file: str, name: str, item: Any) -> Target:
    where = f"{file}: {name}"
    if name not in {definition.name for definition in measures()}:
        raise TargetError(f"{where} is no measure; `docs/measures.md` lists them")
    if not isinstance(item, Mapping) or set(item) != _KEYS:
        raise TargetError(f"{where} needs exactly the keys {', '.join(sorted(_KEYS))}")
    if not isinstance(item["target"], int | float) or not 0 <= item["target"] <= 100:
        raise TargetError(f"{where}: target is not a percentage between 0 and 100")
    try:
        first_year(str(item["by"]))
        if item["baseline"] != "first":
            first_year(str(item["baseline"]))
    except ValueError as error:
        raise TargetError(f"{where}: {error}") from None
    return Target(
        name,
        str(item["version"]),
        str(item["baseline"]),
        float(item["target"]),
        str(item["by"]),
        str(item["owner"]),
    )


_SUCCESS = """
    create table out.main.measures_of_success as
    with overall as (
        select measure, version, period, 100 * numerator / denominator as rate
        from out.main.measure
        where
            place = 'All' and grade_or_age_band = 'All' and race_ethnicity = 'All' and sex = 'All'
            and economic_status = 'All' and program = 'All'
    ),
    known as (
        select overall.measure, overall.version, max(overall.period) as latest_period, min(overall.period) as
        first_period from overall
        group by overall.measure, overall.version
    ),
    aimed as (
        select
            known.*, target.target, target.by_period as target_period, target.owner, text.area, text.title,
            text.direction, case
                when target.baseline = 'first' or target.baseline is null then known.first_period
                else target.baseline
            end as baseline_period
        from known
        join success_text as text
            on text.measure = known.measure
            and (known.version = text.version or starts_with(known.version, text.version || ' '))
        left join success_target as target
            on target.measure = known.measure
            and (
                known.version = target.version
                or (ends_with(target.version, '*') and starts_with(known.version, rtrim(target.version, '*')))
            )
        where target.measure is not null
    ),
    valued as (
        select
            aimed.*, first.rate as baseline, latest.rate as latest,
            left(aimed.latest_period, 4)::integer - left(aimed.baseline_period, 4)::integer as years_passed,
            left(aimed.target_period, 4)::integer - left(aimed.baseline_period, 4)::integer as years_given
        from aimed
        left join overall as first
            on first.measure = aimed.measure and first.version = aimed.version
            and first.period = aimed.baseline_period
        join overall as latest
            on latest.measure = aimed.measure and latest.version = aimed.version
            and latest.period = aimed.latest_period
    ),
    expected as (
        -- the straight line from baseline to target
        select *, baseline + (target - baseline) * least(years_passed / nullif(years_given, 0), 1) as on_line
        from valued
    )
    select
        measure, version, area, title, owner, direction, baseline_period, round(baseline, 1) as baseline,
        target_period, target, latest_period, round(latest, 1) as latest,
        case
            when baseline is null or years_passed <= 0 then 'Too early'
            when direction = 'lower' and (latest <= on_line or latest <= target) then 'Yes'
            when direction = 'higher' and (latest >= on_line or latest >= target) then 'Yes'
            else 'No'
        end as on_track
    from expected
    order by area, measure, version
"""


def add_success(connection: duckdb.DuckDBPyConnection, targets: tuple[Target, ...]) -> None:
    """Create `measures_of_success` from the table `measure` and the cabinet's targets."""
    connection.execute(
        "create or replace temp table success_text "
        "(measure varchar, version varchar, area varchar, title varchar, direction varchar)"
    )
    connection.executemany(
        "insert into success_text values (?, ?, ?, ?, ?)",
        [(m.name, m.version, m.text("area"), m.text("title"), m.text("direction")) for m in measures()],
    )
    connection.execute(
        "create or replace temp table success_target (measure varchar, version varchar, baseline varchar, "
        "target double, by_period varchar, owner varchar)"
    )
    if targets:
        connection.executemany(
            "insert into success_target values (?, ?, ?, ?, ?, ?)",
            [(t.measure, t.version, t.baseline, t.target, t.by, t.owner) for t in targets],
        )
    connection.execute(_SUCCESS)
