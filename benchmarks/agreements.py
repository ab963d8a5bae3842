"""Fifty agreements of 2,000 fields: how long lint and compilation take, cold, and when nothing or little changed.

    python -m benchmarks.agreements [--agreements 50] [--fields 2000]

Every step runs in a process of its own, three times, and counts from its start, imports and all; the last one is
measured within a process that has done the same before. Writes the section `agreements` of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.agreement_folder import NIGHT, change_one, make_folder
from benchmarks.page import write_section
from mou_policies.cache import Cache
from mou_policies.kept import keeping, report
from mou_policies.linting import lint_report
from mou_policies.policy import compile_policy

RUNS: Final = 3


class Took(NamedTuple):
    """What a step took: wall and processor seconds."""

    wall: float
    cpu: float


class Step(NamedTuple):
    """What is measured, whether the cache is emptied before it, and whether an agreement is changed before it."""

    title: str
    empty: bool = False
    change: bool = False


STEPS: Final = {
    "night": Step("compile as a night does: every file read, no cache"),
    "first": Step("lint and compile, empty cache", empty=True),
    "lint": Step("lint, nothing changed"),
    "compile": Step("compile for a command that shows, nothing changed"),
    "one": Step("lint and compile, one agreement changed", change=True),
    "again": Step("lint and compile again within one process"),
}


def work(step: str, folder: Path, cache_folder: Path) -> Took | None:
    """Do one step; return what it took where the whole process is not what is measured."""
    if step in {"night", "again"}:
        policy = compile_policy(folder, NIGHT)
        assert not policy.refusals, policy.refusals[0]
        return _timed(lambda: lint_report(folder, NIGHT)) if step == "again" else None
    cache = Cache.at(cache_folder)
    assert cache is not None, "the code was changed a moment ago"
    with keeping(cache):
        if step == "compile":
            compile_policy(folder, NIGHT)
        else:
            said = report(folder, NIGHT, cache)
            assert not said.refusals, said.refusals[0]
    return None


def _timed(do: Callable[[], object]) -> Took:
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def measure(step: str, folder: Path, cache: Path) -> Took:
    """Run one step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.agreements", "--step", step, "--at", str(folder), str(cache)]
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = os.times()
    inside = json.loads(done.stdout)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Took(*inside) if inside else Took(time.perf_counter() - began, cpu)


def table(agreements: int, fields: int) -> str:
    """Measure every step and return the figures as a Markdown table."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as root:
        folder, cache = Path(root) / "agreements", Path(root) / "cache"
        make_folder(folder, agreements, fields)
        for name, step in STEPS.items():
            found = []
            for number in range(RUNS):
                if step.empty:
                    for entry in cache.glob("*"):
                        entry.unlink()
                if step.change:
                    change_one(folder, number)
                found.append(measure(name, folder, cache))
            rows.append(_row(step.title, found))
    head = ["| what | wall s, median | least to most | processor s, median |", "|---|---:|---:|---:|"]
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return "\n".join([*head, *rows, "", f"Measured on {os.cpu_count()} cores; load at the end {load}."])


def _row(title: str, found: list[Took]) -> str:
    walls = sorted(took.wall for took in found)
    cpu = median(took.cpu for took in found)
    return f"| {title} | {median(walls):.2f} | {walls[0]:.2f} to {walls[-1]:.2f} | {cpu:.2f} |"


HEAD = """## Agreements

Written by `make bench-agreements`. A generated folder of {agreements} signed agreements (DSA) of {fields:,} fields each
in five tables, under one EMOU, with a licence (DUL) for 200 fields of each. Seconds are those of a whole process from
its start, three runs each, except in the last row. *Lint* is what `cradlepath mou lint` says, for which it compiles.

"""


def main() -> None:
    """Measure and write the section, or do one step of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--agreements", type=int, default=50)
    options.add_argument("--fields", type=int, default=2000)
    options.add_argument("--step", choices=STEPS)
    options.add_argument("--at", nargs=2, type=Path)
    chosen = options.parse_args()
    if chosen.step:
        print(json.dumps(work(chosen.step, *chosen.at)))
        return
    text = HEAD.format(agreements=chosen.agreements, fields=chosen.fields) + table(chosen.agreements, chosen.fields)
    write_section("agreements", text)
    print(text)


if __name__ == "__main__":
    main()
