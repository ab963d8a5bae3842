"""Time and peak memory of each step of the demo city: making it, then its first night, step by step.

The night runs as a process of its own; its resident memory is sampled from outside every 50 ms and set against the
steps' start and end in Dagster's own event log, so nothing is added to what is measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from dagster import DagsterEventType, DagsterInstance

SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Figure:
    """One measured step: wall seconds and peak resident memory in MB."""

    step: str
    seconds: float
    peak_mb: float


def run_sampled(arguments: list[str]) -> tuple[list[tuple[float, float]], float, float]:
    """Run a command; return its memory samples (epoch seconds, MB), wall seconds and peak MB. A failure is raised."""
    started = time.time()
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as child:
        watched = psutil.Process(child.pid)
        samples = []
        while child.poll() is None:
            try:
                samples.append((time.time(), watched.memory_info().rss / 1e6))
            except psutil.NoSuchProcess:
                break
            time.sleep(SAMPLE_SECONDS)
    if child.returncode not in {0, 3}:
        raise RuntimeError(f"{' '.join(arguments)} ended with status {child.returncode}")
    return samples, time.time() - started, max((mb for _, mb in samples), default=0.0)


def step_times(dagster_home: Path) -> list[tuple[str, float, float]]:
    """Return (step, start, end) of the newest run in Dagster's event log, in order of start."""
    with DagsterInstance.from_config(str(dagster_home)) as instance:
        run = instance.get_runs(limit=1)[0]
        records = instance.get_records_for_run(
            run.run_id, of_type={DagsterEventType.STEP_START, DagsterEventType.STEP_SUCCESS}
        ).records
    begun, steps = {}, []
    for record in records:
        entry = record.event_log_entry
        if entry.dagster_event_type == DagsterEventType.STEP_START:
            begun[entry.step_key] = entry.timestamp
        else:
            steps.append((str(entry.step_key), begun[entry.step_key], entry.timestamp))
    return sorted(steps, key=lambda step: step[1])


def measure(children: int, seed: int = 7) -> list[Figure]:
    """Make a city of `children` in a temporary folder, run its first night and return the figures of each step."""
    program = str(Path(sys.executable).with_name("cradlepath"))
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as folder:
        city = Path(folder) / "city"
        make = [
            program,
            "demo",
            "--children",
            str(children),
            "--seed",
            str(seed),
            "--nights",
            "1",
            "--out",
            str(city),
        ]
        _, seconds, peak = run_sampled(make)
        figures = [Figure("demo city", seconds, peak)]
        samples, seconds, peak = run_sampled([program, "nightly", "--workspace", str(city)])
        for step, start, end in step_times(city / "workspace" / "state" / "dagster"):
            inside = [mb for at, mb in samples if start - SAMPLE_SECONDS <= at <= end + SAMPLE_SECONDS]
            figures.append(Figure(step.replace("__", " "), end - start, max(inside, default=0.0)))
        figures.append(Figure("whole night, with start-up", seconds, peak))
    return figures


def table(sizes: tuple[int, ...]) -> str:
    """Return a Markdown table of the figures, a column pair a size."""
    measured = {size: {figure.step: figure for figure in measure(size)} for size in sizes}
    steps = list(dict.fromkeys(step for figures in measured.values() for step in figures))
    head = "| step | " + " | ".join(f"{size:,} children: s | peak MB" for size in sizes) + " |"
    rule = "|---|" + "---:|---:|" * len(sizes)
    rows = []
    for step in steps:
        cells = [
            f"{figures[step].seconds:.1f} | {figures[step].peak_mb:,.0f}" if step in figures else "– | –"
            for figures in measured.values()
        ]
        rows.append(f"| {step} | " + " | ".join(cells) + " |")
    return "\n".join([head, rule, *rows, "", f"Measured on {os.cpu_count()} cores."])


def main() -> None:
    """Print the table for the sizes given as arguments (20,000 and 100,000 if none)."""
    sizes = tuple(int(size) for size in sys.argv[1:]) or (20_000, 100_000)
    print(table(sizes))


if __name__ == "__main__":
    main()
