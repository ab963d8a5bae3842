"""Suppression on the instances of the literature, ours beside tau-Argus, both asked the very same.

    python -m benchmarks.disclosure [--only TARGUS TABLE7] [--peer-seconds 300] [--dry]

Every line is a search in a process of its own, audited afterwards by programs of another library's making. Writes the
section `disclosure` of docs/benchmarks.md from the parts in SECTIONS.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from assets.release.protection import THOROUGH, Problem, protect
from benchmarks.instances import FOLDER, NAMES, exposed, read, write_jj
from benchmarks.page import write_section
from benchmarks.peers.environments import ARGUS, python_of

SMALL: Final = ("TARGUS", "TABLE7")
RUNS: Final = tuple((name, by_value) for name in NAMES for by_value in (False, True) if by_value or name in SMALL)
KNOWN: Final = {("TARGUS", False): 19.0, ("TARGUS", True): 1_793_875.0}
"""Proved optima (disclosure.md); sensitive cells count."""
PEER: Final = Path(__file__).parent / "peers" / "argus.py"

HEAD: Final = """## Disclosure control

Written by `make bench-disclosure` (`python -m benchmarks.disclosure`).
"""

INSTANCES: Final = """### Instances of the literature, ours beside tau-Argus

Bounds [0, 2a], lower level = upper level; prices count the sensitive cells. *Price* is what was minimised: the number
of cells, or the sum of their values. *To the bound*: by which share of the price a cheaper pattern may exist at most,
as far as ours proves. *Audit*: demands not met, two programs a sensitive cell. Seconds are wall seconds, *CPU* is that
process's own: the difference is the machine's other work. tau-Argus is `pytauargus` 0.6, optimal method, given the same
equations, bounds, levels and prices; its modular method takes tables only, no equations.

| instance | cells | sensitive | price | method | hidden | value | price | to best | to the bound | audit | s | CPU s |
|---|---:|---:|---|---|---:|---:|---:|---:|---:|---|---:|---:|
"""


@dataclass(frozen=True)
class Outcome:
    """One search: what it hides, at what price, how it was judged."""

    method: str
    hidden: int
    value: float
    price: float
    missed: int
    seconds: float
    cpu: float
    gap: float | None = None


def judged(
    method: str, problem: Problem, hidden: np.ndarray, seconds: tuple[float, float], gap: float | None
) -> Outcome:
    """Return the outcome of a pattern."""
    return Outcome(
        method,
        int(hidden.sum()),
        float(problem.value[hidden].sum()),
        float(problem.price[hidden].sum()),
        exposed(problem, hidden),
        *seconds,
        gap,
    )


def ours(name: str, by_value: bool) -> Outcome:
    """Search with full effort."""
    problem, sensitive = read(name, by_value)
    wall, cpu = time.perf_counter(), time.process_time()
    found = protect(problem, THOROUGH)
    seconds = time.perf_counter() - wall, time.process_time() - cpu
    must = float(problem.price[sensitive].sum())
    gap = max(0.0, found.price - found.bound) / (found.price + must) if found.bound > 0 else None
    return judged("ours", problem, found.hidden, seconds, gap)


def argus(name: str, by_value: bool, python: Path, limit: float) -> Outcome | str:
    """Let tau-Argus search; a sentence where it does not answer within `limit` seconds."""
    problem, _ = read(name, by_value)
    with tempfile.TemporaryDirectory() as folder:
        task, pattern = Path(folder) / "task.jj", Path(folder) / "pattern.out"
        cells = write_jj(problem, task)
        command = [str(python), str(PEER), str(task), str(pattern), str(max(1, int(limit // 120)))]
        try:
            said = subprocess.run(  # in the folder: it leaves logs where it runs
                command, check=True, capture_output=True, text=True, timeout=limit, cwd=folder
            ).stdout
        except subprocess.TimeoutExpired:
            return f"no answer within {limit:.0f} s"
        except subprocess.CalledProcessError as error:
            return f"stopped with {error.returncode}"
        hidden = problem.hidden.copy()
        lines = pattern.read_text(encoding="utf-8").split()
        hidden[cells[np.array(lines, int)]] = True
        seconds, cpu = (float(one) for one in said.split())
        return judged("tau-Argus", problem, hidden, (seconds, cpu), None)


def in_a_process(name: str, by_value: bool) -> Outcome:
    """Run our search in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.disclosure", "--one", name, "value" if by_value else "cells"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Outcome(**json.loads(done.stdout))


def instances(options: argparse.Namespace) -> str:
    """Return the table of the instances."""
    if not FOLDER.is_dir():
        return "### Instances of the literature\n\nThe shared folder of instances is absent; nothing was measured.\n"
    python = python_of(ARGUS)
    text = INSTANCES
    for name, by_value in RUNS:
        if name not in options.only:
            continue
        problem, sensitive = read(name, by_value)
        found: list[Outcome | str] = [in_a_process(name, by_value)]
        found.append("not to be had here" if python is None else argus(name, by_value, python, options.peer_seconds))
        best = min([one.price for one in found if isinstance(one, Outcome)] + [KNOWN.get((name, by_value), np.inf)])
        head = f"| {name} | {len(problem.value):,} | {len(sensitive)} | {'value' if by_value else 'cells'} |"
        for one in found:
            text += f"{head} {_row(one, best)} |\n"
            print(head, _row(one, best), flush=True)
    return text


def _row(one: Outcome | str, best: float) -> str:
    if isinstance(one, str):
        return f"tau-Argus | {one} | – | – | – | – | – | – | –"
    audit = "all met" if one.missed == 0 else f"**{one.missed} not met**"
    gap = "–" if one.gap is None else "proved best" if one.gap == 0 else f"{one.gap:.1%}"
    return (
        f"{one.method} | {one.hidden} | {one.value:,.0f} | {one.price:,.0f} | {one.price / best - 1:+.2%} | {gap} | "
        f"{audit} | {one.seconds:.1f} | {one.cpu:.1f}"
    )


SECTIONS: Final[tuple[Callable[[argparse.Namespace], str], ...]] = (instances,)


def main() -> None:
    """Measure every section and write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", nargs="*", default=NAMES)
    options.add_argument("--peer-seconds", type=float, default=300.0)
    options.add_argument("--dry", action="store_true", help="print, and leave the page as it is")
    options.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        print(json.dumps(ours(chosen.one[0], chosen.one[1] == "value").__dict__))
        return
    text = "\n".join((HEAD, *(section(chosen) for section in SECTIONS)))
    if not chosen.dry:
        write_section("disclosure", text)


if __name__ == "__main__":
    main()
