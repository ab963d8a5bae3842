"""`make bench-linkage`: our linkage beside its peers, on the same data, in one run.

    python -m benchmarks.linkage_peers                          # two generated cities, Febrl 4, pseudopeople
    python -m benchmarks.linkage_peers --city 5000:31 --no-third-party --no-page

Every way of linking runs as a process of its own, one after the other, and a second time for what its tokens give away.
Writes the section `linkage` of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data.folder import Folder
from benchmarks.data.sets import CITIES, cities, third_party
from benchmarks.linkage_table import NOTES, OURS, PLAINTEXT, table
from benchmarks.page import PAGE, write_section
from benchmarks.peers.clk_values import write_values
from benchmarks.peers.environments import PEERS, ROOT, python_of
from linkage.evaluate import Labelled, measure

PROGRAMS = {
    OURS: "ours",
    PLAINTEXT: "plaintext",
    "plaintext Splink, wider": "plaintext --wide",
    "a token a field, Splink": "fields",
}


@dataclass(frozen=True)
class Way:
    """A way of linking: its name in the table, and how to run it on a data set into a folder."""

    name: str
    run: Callable[[Folder, Path], None]
    expose: Callable[[Folder, Path], None]


def program(name: str) -> Way:
    """Return a way that is a module of this environment, by its name in the table."""
    module, *flags = PROGRAMS[name].split()
    base = [sys.executable, "-m", f"benchmarks.peers.{module}"]
    return Way(
        name,
        lambda data, out: run([*base, str(data.path), str(out), *flags]),
        lambda data, out: run([*base, str(data.path), str(out), *flags, "--exposure"]),
    )


def bloom_filters(python: Path) -> Way:
    """Return anonlink over clkhash, in its own environment."""
    script = str(Path(__file__).with_name("peers") / "clk.py")
    attack = [sys.executable, "-m", "benchmarks.peers.clk_values"]

    def link(data: Folder, out: Path) -> None:
        normalising = write_values(data)
        run([str(python), script, str(data.path), str(out)])
        found = json.loads((out / "outcome.json").read_text(encoding="utf-8"))
        found["seconds"]["encode"] += normalising
        (out / "outcome.json").write_text(json.dumps(found), encoding="utf-8")

    return Way("anonlink, clkhash", link, lambda data, out: run([*attack, str(data.path), str(out)]))


def ways() -> Iterator[Way | str]:
    """Yield all ways, or a line that says why one is missing."""
    yield from map(program, PROGRAMS)
    python = python_of(PEERS)
    yield bloom_filters(python) if python else "anonlink and clkhash cannot be installed here"


def run(command: list[str]) -> None:
    """Run a program of this repository; what it says on failure is raised."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with status {done.returncode}: {done.stderr[-2000:]}")


def scores(data: Folder, out: Path) -> dict[float, dict[str, Any]]:
    """Return the figures of every threshold that a way tried."""
    with np.load(out / "clusters.npz") as clusters:
        return {float(threshold): measured(data, clusters[threshold]) for threshold in clusters.files}


def measured(data: Folder, cluster: np.ndarray) -> dict[str, Any]:
    """Return the figures of `linkage.evaluate` for the cluster of every record."""
    child, twin = data.truth()
    numbers = (np.unique(one, return_inverse=True)[1] for one in (child, cluster))
    return measure(Labelled(*numbers, data.source_of(), tuple(data.sources), twin, {}))


def result(way: Way, data: Folder, out: Path, exposed: bool = True) -> dict[str, Any]:
    """Run a way and return its row: quality at its best threshold, seconds, memory, bytes, and if `exposed` that."""
    out.mkdir(parents=True)
    way.run(data, out)
    if exposed:
        way.expose(data, out)
    outcome = json.loads((out / "outcome.json").read_text(encoding="utf-8"))
    tried = scores(data, out)
    best = max(tried, key=lambda threshold: (tried[threshold]["cluster"]["f1"], -abs(threshold)))
    seconds = outcome["seconds"] | {"resolve": outcome["resolve_seconds"][str(best)]}
    return {
        "way": way.name,
        "threshold": best,
        "tried": len(tried),
        "cluster": tried[best]["cluster"],
        "pairs": tried[best]["pairs"],
        "twins": tried[best]["twins"]["precision"],
        "seconds": seconds,
        "total": sum(seconds.values()),
        "peak_mb": outcome["peak_mb"],
        "bytes": outcome["bytes_a_record"],
        "outcome": outcome,
        "exposure": json.loads((out / "exposure.json").read_text(encoding="utf-8")) if exposed else {},
    }


def compare(data: Folder, into: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of all ways on one data set, and lines about the missing ones."""
    rows, missing = [], []
    for number, way in enumerate(ways()):
        if isinstance(way, str):
            missing.append(way)
            continue
        rows.append(result(way, data, into / f"{data.path.name}_{number}"))
        print(f"{data.about['name']}: {way.name} done in {rows[-1]['total']:.1f} s", file=sys.stderr)
    return rows, missing


def main() -> None:
    """Compare on the data sets of the command line, print the tables, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--city", action="append", help="children:seed of a generated city")
    parser.add_argument("--no-third-party", action="store_true")
    parser.add_argument("--no-page", action="store_true", help="print only")
    parser.add_argument("--json", type=Path, help="also write all figures here")
    args = parser.parse_args()
    sizes = tuple(tuple(int(part) for part in city.split(":")) for city in args.city or ()) or CITIES
    parts, figures = [], {}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as folder:
        into = Path(folder)
        sets = [*cities(into, sizes), *(() if args.no_third_party else third_party(into))]
        for data in sets:
            if isinstance(data, str):
                parts.append(f"### {data}\n")
                continue
            rows, missing = compare(data, into / "out")
            figures[data.about["name"]] = rows
            parts.append(table(data, rows, missing))
    loads = f"load before the run {load:.1f}, after it {os.getloadavg()[0]:.1f}"
    text = "\n".join([NOTES, *parts, f"Measured on {os.cpu_count()} cores; {loads}."])
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(text)
    if not args.no_page:
        write_section("linkage", text)
        print(f"wrote {PAGE}", file=sys.stderr)


if __name__ == "__main__":
    main()
