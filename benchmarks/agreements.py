"""Fifty agreements of 2,000 fields: how long lint and compilation take, cold, and when nothing or little changed.

    python -m benchmarks.agreements [--agreements 50] [--fields 2000]

Every step runs three times in a process of its own and counts from its start to its end, imports and all; the last one
is measured within a process that has done the same before. Writes the section `agreements` of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.agreement_folder import NIGHT, change_one, make_folder
from benchmarks.page import write_section
from mou_policies.linting import lint_report
from mou_policies.policy import compile_policy
from pipelines.setting_up import write_workspace
from pipelines.workspace import Workspace

RUNS: Final = 3
PROGRAM: Final = [sys.executable, "-c", "from pipelines.cli import main; main()"]
LINT: Final = ["mou", "lint"]
EXPLAIN: Final = ["mou", "explain", "agency_00.t0.record_id", "--for", "link"]


class Took(NamedTuple):
    """What a step took: wall and processor seconds."""

    wall: float
    cpu: float


class Step(NamedTuple):
    """What is measured: a command of `cradlepath`, or a part of this module; with what is done before each run."""

    title: str
    command: list[str]
    empty: bool = False
    change: bool = False


STEPS: Final = (
    Step("compile as a night does: every file read, no cache", ["--only", "night"]),
    Step("`mou lint` (compiles, too), nothing kept yet", LINT, empty=True),
    Step("`mou lint`, nothing changed", LINT),
    Step("`mou explain` of a field (compiles), nothing changed", EXPLAIN),
    Step("`mou lint`, one agreement changed", LINT, change=True),
    Step("compile and lint again within one process", ["--only", "again"]),
)


def part(name: str, folder: Path) -> None:
    """Compile as a night does; for `again`, then compile and lint once more and print what that took."""
    policy = compile_policy(folder, NIGHT)
    assert not policy.refusals, policy.refusals[0]
    if name == "again":
        lint_report(folder, NIGHT)
        wall, cpu = time.perf_counter(), time.process_time()
        lint_report(folder, NIGHT)
        print(time.perf_counter() - wall, time.process_time() - cpu)


def measure(step: Step, place: Workspace) -> Took:
    """Run one step in a process of its own."""
    ours = [sys.executable, "-m", "benchmarks.agreements", *step.command, "--at", str(place.agreements)]
    theirs = [*PROGRAM, *step.command, "--workspace", str(place.root), "--on", NIGHT.isoformat()]
    before, began = os.times(), time.perf_counter()
    command = ours if step.command[0] == "--only" else theirs
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    wall, after = time.perf_counter() - began, os.times()
    if step.command[-1] == "again":
        return Took(*map(float, said))
    return Took(wall, sum(after[2:4]) - sum(before[2:4]))


def table(agreements: int, fields: int) -> str:
    """Measure every step and return the figures as a Markdown table."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as root:
        place = write_workspace(Path(root) / "city", city="Our City", start=NIGHT)
        shutil.rmtree(place.agreements)
        make_folder(place.agreements, agreements, fields)
        for step in STEPS:
            found = []
            for number in range(RUNS):
                if step.empty:
                    shutil.rmtree(place.state / "cache", ignore_errors=True)
                if step.change:
                    change_one(place.agreements, number)
                found.append(measure(step, place))
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
its start to its end, three runs each, except in the last row. Measured where others work too: read the ratios.

"""


def main() -> None:
    """Measure and write the section, or do one part of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--agreements", type=int, default=50)
    options.add_argument("--fields", type=int, default=2000)
    options.add_argument("--only", choices=["night", "again"])
    options.add_argument("--at", type=Path)
    chosen = options.parse_args()
    if chosen.only:
        part(chosen.only, chosen.at)
        return
    text = HEAD.format(agreements=chosen.agreements, fields=chosen.fields) + table(chosen.agreements, chosen.fields)
    write_section("agreements", text)
    print(text)


if __name__ == "__main__":
    main()
