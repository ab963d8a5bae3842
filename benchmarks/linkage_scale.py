"""A million children: a full link, then a night in which 1 % of the children changed, by deltas and by full files.

    python -m benchmarks.linkage_scale --children 1000000

Three processes, each measured by itself: the full link of a generated city into empty stores; then, from a copy of
those stores each, a night that brings only the changed records and a night that brings every source whole, changed
records among them. Prints seconds by step, peak memory and each night's share of the full link. Needs about 1.5 GB of
disk a million records. Writes the section `linkage at scale` of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.data.city import make_city
from benchmarks.data.folder import Folder, write_folder
from benchmarks.page import write_section
from benchmarks.peers.environments import ROOT
from benchmarks.peers.ours import Hub
from benchmarks.peers.outcome import Laps, peak_mb
from linkage.vault import Vault

SEED = 4713
CHANGED = 0.01
SECOND = date(2026, 9, 2)
NAMES = {"full": "full link", "delta": "1 % changed, deltas", "files": "1 % changed, full files"}
BARS = {"full": "<= 120 s, <= 8 GB", "delta": "<= 10 %", "files": "<= 40 %"}


def second_night(city: Folder, path: Path, whole: bool) -> Folder:
    """Write the sources of the next night: some children have moved, some of those have another surname."""
    child, twin = city.truth()
    rng = np.random.default_rng(SEED)
    count = int(child.max()) + 1
    moved, renamed = rng.random(count) < CHANGED, rng.random(count) < 0.2
    ends = np.cumsum([0, *np.bincount(city.source_of())])
    tables, kept = {}, []
    for source, start, end in zip(city.sources, ends[:-1], ends[1:], strict=True):
        table, who = city.identifiers(source), child[start:end]
        changed = moved[who]
        table = _replaced(table, "zip", changed, "02999")
        table = _replaced(table, "surname", changed & renamed[who], "Newname")
        keep = np.ones(len(who), bool) if whole else changed
        tables[source] = table.filter(pa.array(keep))
        kept.append(keep)
    rows = np.concatenate(kept)
    truth = pa.table({"child": child[rows], "twin": twin[rows]})
    return write_folder(path, "second night", tables, truth, city.about["one_record"])


def _replaced(table: pa.Table, column: str, rows: np.ndarray, value: str) -> pa.Table:
    values = table.column(column).to_numpy(zero_copy_only=False).copy()
    values[rows] = value
    return table.set_column(table.column_names.index(column), column, pa.array(values, pa.string()))


def step(kind: str, hub: Hub, out: Path) -> None:
    """Run one of the three nights in this process and write its figures."""
    laps = Laps()
    hub.load()
    if kind == "files":
        for source in hub.data.sources:
            Vault(hub.vault, hub.ring).keep_only(source, hub.data.identifiers(source).column("record_key"))
    laps.lap("encode")
    report = hub.link() if kind == "full" else hub.link(SECOND)
    laps.lap("link")
    records = sum(report.records.values())
    found = {
        "seconds": {"encode": laps.seconds["encode"], **report.seconds},
        "total": sum(laps.seconds.values()),
        "peak_mb": peak_mb(),
        "fresh": report.fresh,
        "records": records,
        "children": report.children,
        "bytes_a_record": hub.bytes_at_rest()["tokens"] / records,
    }
    if kind == "full":
        found["scores"] = _scores(hub)
    out.write_text(json.dumps(found), encoding="utf-8")


def _scores(hub: Hub) -> dict[str, Any]:
    from benchmarks.linkage_peers import measured  # noqa: PLC0415 - its imports are no part of what is measured here

    found = measured(hub.data, hub.clusters())
    return {"cluster": found["cluster"], "twins": found["twins"]["precision"]}


def run_step(kind: str, state: Path, data: Folder, into: Path) -> dict[str, Any]:
    """Run one night as a process of its own and return its figures."""
    out = into / f"{kind}.json"
    os.sync()  # a day has passed: what was copied here is on the disk
    command = [sys.executable, "-m", "benchmarks.linkage_scale", "--step", kind, str(state), str(data.path), str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    print(f"{NAMES[kind]}: {found['total']:.1f} s, {found['peak_mb']:,} MB", file=sys.stderr)
    return found


def nights(into: Path, children: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return the figures of the three nights."""
    city = make_city(into / "city", children, seed)
    state = into / "full"
    state.mkdir()
    found = {"full": run_step("full", state, city, into)}
    for kind in ("delta", "files"):
        data = second_night(city, into / f"{kind}_data", whole=kind == "files")
        shutil.copytree(state, into / kind)
        found[kind] = run_step(kind, into / kind, data, into)
        shutil.rmtree(into / kind)
    return found


def page(found: dict[str, dict[str, Any]], children: int, seed: int, load: float) -> str:
    """Return the section of docs/benchmarks.md."""
    full = found["full"]
    steps = list(dict.fromkeys(name for one in found.values() for name in one["seconds"]))
    lines = [
        "## Linkage at scale",
        "",
        f"Written by `make bench-scale` (`python -m benchmarks.linkage_scale --children {children}`): a generated city "
        f"of {children:,} children (seed {seed}), {full['records']:,} records; each night a process of "
        "its own, from encoding to the last file. In the second night 1 % of the children have moved, a fifth of those "
        "under another surname.",
        "",
        "| night | bar | records new | "
        + " | ".join(f"{name} s" for name in steps)
        + " | total s | of full | peak MB |",
        "|---|---|" + "---:|" * (len(steps) + 4),
    ]
    for kind, one in found.items():
        cells = [NAMES[kind], BARS[kind], f"{one['fresh']:,}"]
        cells += [f"{one['seconds'].get(name, 0.0):.1f}" for name in steps]
        cells += [f"{one['total']:.1f}", f"{one['total'] / full['total']:.1%}", f"{one['peak_mb']:,}"]
        lines.append("| " + " | ".join(cells) + " |")
    cluster = full["scores"]["cluster"]
    quality = ", ".join(f"{name} {cluster[name]:.4f}" for name in ("precision", "recall", "f1"))
    lines += [
        "",
        f"Full link: cluster {quality}, twins' precision {full['scores']['twins']:.4f}; {full['bytes_a_record']:.0f} "
        f"bytes of tokens a record at rest. {os.cpu_count()} cores; load before the run {load:.1f}, after it "
        f"{os.getloadavg()[0]:.1f}.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and write the section, or run one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--no-page", action="store_true", help="print only")
    parser.add_argument("--step", nargs=4, metavar=("KIND", "STATE", "DATA", "OUT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        kind, state, data, out = args.step
        step(kind, Hub(Path(state), Folder(Path(data))), Path(out))
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as folder:
        text = page(nights(Path(folder), args.children, args.seed), args.children, args.seed, load)
    print(text)
    if not args.no_page:
        write_section("linkage at scale", text)


if __name__ == "__main__":
    main()
