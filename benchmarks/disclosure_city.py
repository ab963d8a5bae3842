"""The demo city's release, all tables, after twelve monthly releases: seconds and memory of suppression and audit.

Run: python -m benchmarks.disclosure_city [CITY]. CITY is a demo city whose nights have been run; without it one of
100,000 children is made and its first night run, which takes most of the time. Twelve monthly releases freeze the
period closed by then; the thirteenth shows the next period, every table, with all of them at hand.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import duckdb
from support.release_keys import FixedKeys

from assets.outcomes.catalogue import catalogue
from assets.release import publish as room
from assets.release.modes import protect as protecting
from assets.release.order import Order
from assets.release.publish import build, finish
from assets.release.verify import verify
from benchmarks.page import write_section

CHILDREN = 100_000
MONTHS = [date(2025 + (6 + month) // 12, (6 + month) % 12 + 1, 15) for month in range(13)]
"""15 July 2025, when 2024-25 has closed, to 15 July 2026, when 2025-26 has."""


@dataclass(frozen=True)
class Figure:
    """One release: what it holds, what of it is hidden, seconds and peak resident memory (MB) so far."""

    night: date
    counts: int
    hidden: int
    sensitive: int
    suppress: float
    audit: float
    whole: float
    peak_mb: float


def series(outcomes: Path, folder: Path) -> tuple[list[Figure], float]:
    """Publish thirteen monthly releases from one file of outcomes; return their figures and the seconds of `verify`."""
    spent = {"suppress": 0.0, "attack": 0.0}
    protecting.suppress = _timed(protecting.suppress, spent, "suppress")
    room.attack = _timed(room.attack, spent, "attack")
    keys, figures = FixedKeys(), []
    for night in MONTHS:
        order = Order(folder / "releases", outcomes, night, catalogue())
        spent.update(suppress=0.0, attack=0.0)
        started = time.perf_counter()
        report = build(order, keys).report
        whole = time.perf_counter() - started
        if not report.passed:
            sys.exit("the audit stopped the release: " + "; ".join(str(found) for found in report.findings[:5]))
        finish(order.releases, night, keys)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sizes = report.counts, report.hidden, report.sensitive
        figures.append(Figure(night, *sizes, spent["suppress"], spent["attack"], whole, peak))
    started = time.perf_counter()
    checked = verify(folder / "releases", keys.signing_key.public_key())
    if not checked.passed:
        sys.exit("the last release does not verify")
    return figures, time.perf_counter() - started


def _timed(function: Callable[..., Any], spent: dict[str, float], step: str) -> Callable[..., Any]:
    def timed(*args: Any, **more: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **more)
        finally:
            spent[step] += time.perf_counter() - started

    return timed


def page(children: int, figures: list[Figure], seconds: float) -> str:
    """Return the section of docs/benchmarks.md."""
    first, last = figures[0], figures[-1]
    rows = [
        f"| {name} | {f.counts:,} | {f.hidden:,} | {f.sensitive:,} | {f.suppress:.1f} | {f.audit:.1f} "
        f"| {f.whole:.1f} | {f.peak_mb:,.0f} |"
        for name, f in (("the first", first), ("the thirteenth, with 12 earlier", last))
    ]
    return "\n".join(
        [
            "## Disclosure control of a city",
            "",
            f"Written by `make bench-disclosure`. The demo city of {children:,} children, every table of its "
            "catalogue: twelve monthly releases with the period closed by then, and a thirteenth that shows the next. "
            "Wall seconds, and the peak resident memory of the process so far.",
            "",
            "| release | counts | hidden | sensitive | suppress s | audit s | whole build s | peak MB |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"`release verify` of the thirteenth, from files alone: {seconds:.1f} s.",
        ]
    )


def _made(folder: Path) -> Path:
    """Make a demo city, run its first night, and return its folder."""
    program, city = str(Path(sys.executable).with_name("cradlepath")), folder / "city"
    make = ["demo", "--children", str(CHILDREN), "--seed", "7", "--nights", "1", "--out", str(city), "--replace"]
    for arguments, fine in ((make, {0}), (["nightly", "--workspace", str(city / "workspace")], {0, 3})):
        done = subprocess.run([program, *arguments], stdout=subprocess.DEVNULL, check=False)
        if done.returncode not in fine:
            sys.exit(f"cradlepath {arguments[0]} ended with status {done.returncode}")
    return city


def _children(city: Path) -> int:
    """Return how many children the truth of a demo city names."""
    with duckdb.connect() as con:
        sql = "select count(distinct child) from read_csv(?, all_varchar = true)"
        return int(con.execute(sql, [str(city / "truth.csv")]).fetchall()[0][0])


def main() -> None:
    """Measure the city given, or one made here, and write the section."""
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as name:
        folder = Path(name)
        city = Path(sys.argv[1]) if len(sys.argv) > 1 else _made(folder)
        outcomes = folder / "outcomes.duckdb"
        shutil.copyfile(city / "workspace" / "state" / "outcomes.duckdb", outcomes)
        text = page(_children(city), *series(outcomes, folder))
    write_section("disclosure-city", text)
    print(text)


if __name__ == "__main__":
    main()
