"""Times suppression and audit of an invented city's release, and of a series of releases after it.

Run: python benchmarks/disclosure_release.py [--measures 15] [--children 20000] [--places 40] [--releases 3]
Prints one line for each release: counts, hidden, sensitive, linear and integer programs, seconds a step, peak memory.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.release_keys import FixedKeys
from support.release_tables import city_catalogue, fill_city

from assets.release import publish as room
from assets.release.publish import Order, build, finish
from assets.release.verify import verify


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    for name, default in (("measures", 15), ("children", 20_000), ("places", 40), ("releases", 3)):
        options.add_argument(f"--{name}", type=int, default=default)
    chosen = options.parse_args()
    seconds = {"suppress": 0.0, "audit": 0.0}
    for step, function in (("suppress", "suppress"), ("audit", "attack")):
        setattr(room, function, _timed(getattr(room, function), seconds, step))
    keys = FixedKeys()
    print("release     counts  hidden  sensitive  programs  whole  suppress s  audit s  whole build s  peak MB")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(chosen.releases):
            periods = tuple(f"{year}-{(year + 1) % 100:02}" for year in range(2024, 2026 + number))
            (root / "outcomes.duckdb").unlink(missing_ok=True)
            with duckdb.connect(str(root / "outcomes.duckdb")) as con:
                fill_city(con, 7, chosen.children, chosen.measures, chosen.places, periods[-2:])
            order = Order(root / "releases", root / "outcomes.duckdb", date(2026 + number, 9, 1), city_catalogue())
            seconds.update(suppress=0.0, audit=0.0)
            started = time.perf_counter()
            report = build(order, keys).report
            whole = time.perf_counter() - started
            if not report.passed:
                sys.exit("the audit stopped the release: " + "; ".join(str(found) for found in report.findings[:5]))
            finish(order.releases, order.night, keys)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{order.night}  {report.counts:6}  {report.hidden:6}  {report.sensitive:9}  {report.programs:8}  "
                f"{report.integer_programs:5}  {seconds['suppress']:10.2f}  {seconds['audit']:7.2f}  {whole:13.2f}  "
                f"{peak:7.0f}"
            )
        started = time.perf_counter()
        checked = verify(root / "releases", keys.signing_key.public_key())
        print(f"verify: {'passed' if checked.passed else 'FAILED'} in {time.perf_counter() - started:.2f} s")


def _timed(function: object, seconds: dict[str, float], step: str) -> object:
    def timed(*args: object, **more: object) -> object:
        started = time.perf_counter()
        try:
            return function(*args, **more)  # type: ignore[operator]
        finally:
            seconds[step] += time.perf_counter() - started

    return timed


if __name__ == "__main__":
    main()
