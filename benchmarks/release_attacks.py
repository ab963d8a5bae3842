"""Attacks the releases of random small cities with a toolbox of its own, and writes what it tried and what succeeded.

Run: python -m benchmarks.release_attacks [--cities 200] [--together 25] [--nights 3] [--naive]
With --naive the same cities are published with only their small counts left out, to show that the attacks bite.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.release_attacks import ATTACKS, Tally, attack
from support.release_cities import LINKS, SHAPES, naive, series

from benchmarks.page import write_section

HEAD = """## Attacks on releases

Written by `make bench-disclosure` (`python -m benchmarks.release_attacks`). A success is a true count of 1 to t-1
worked out exactly, or held below t. With `--naive` the same cities leave out small counts only, and the attacks bite.

"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    for name, default in (("cities", 200), ("together", 25), ("nights", 3)):
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--naive", action="store_true")
    chosen = options.parse_args()
    tally, refused, seconds = Tally(), 0, {"publishing": 0.0, "attacks": 0.0}
    for seed in range(-(-chosen.cities // chosen.together)):
        cities = min(chosen.together, chosen.cities - seed * chosen.together)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            found = (naive if chosen.naive else series)(Path(folder), seed, cities, chosen.nights)
            seconds["publishing"] += time.perf_counter() - started
            started = time.perf_counter()
            refused += found.refused
            attack(found.files, SHAPES, LINKS, found.truth, found.threshold, found.late, tally)
            seconds["attacks"] += time.perf_counter() - started
    rows = "\n".join(f"| {name} | {tally.attempts[name]:,} | {tally.successes[name]:,} |" for name in ATTACKS)
    spent = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    about = f"{chosen.cities} random cities, up to {chosen.nights} releases each, {refused} refused: {spent}."
    text = f"{HEAD}{about}\n\n| attack | attempts | successes |\n|---|---:|---:|\n{rows}"
    print(text)
    if not chosen.naive:
        write_section("disclosure-attacks", text)
    if not chosen.naive and sum(tally.successes.values()):
        sys.exit("an attack succeeded")


if __name__ == "__main__":
    main()
