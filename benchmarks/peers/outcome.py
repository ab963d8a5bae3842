"""What one way of linking leaves behind in its folder: seconds, memory, bytes and clusters; or an exposure.

``outcome.json`` has `seconds` by step, `resolve_seconds` by threshold, `peak_mb` and `bytes_a_record`;
``clusters.npz`` has one cluster number a record for each threshold tried. ``exposure.json`` has shares singled out.
Runs in the environment of any peer: standard library and numpy only.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np


class Laps:
    """Seconds by step; the time of a step that is named twice adds up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        """Add the time since the last lap to `step`."""
        now = time.monotonic()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
        self._last = now


def peak_mb() -> int:
    """Return the high-water mark of this process's memory and its largest child's, in MB.

    `getrusage` alone would not do for this process: a new program inherits the mark of the one that started it.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    if status.exists():
        own = int(status.read_text(encoding="ascii").split("VmHWM:")[1].split()[0])
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024


def write_outcome(
    out: Path,
    seconds: dict[str, float],
    clusters: dict[float, np.ndarray],
    resolve_seconds: dict[float, float],
    bytes_a_record: float | None,
    **more: Any,
) -> None:
    """Write the outcome of a way; `clusters` and `resolve_seconds` by threshold."""
    found = {
        "seconds": seconds,
        "resolve_seconds": {str(threshold): value for threshold, value in resolve_seconds.items()},
        "peak_mb": peak_mb(),
        "bytes_a_record": bytes_a_record,
        **more,
    }
    np.savez(out / "clusters.npz", **{str(threshold): value for threshold, value in clusters.items()})
    (out / "outcome.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def write_exposure(out: Path, **shares: Any) -> None:
    """Write the shares singled out: `at_rest`, `in_transit` (the worst source), `whole`, and what else there is."""
    (out / "exposure.json").write_text(json.dumps(shares, indent=2) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """Return `data`, `out`, `exposure` and `wide` of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--exposure", action="store_true")
    parser.add_argument("--wide", action="store_true")
    return parser.parse_args()
