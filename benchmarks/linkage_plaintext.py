"""What tokens cost: the records of a demo city linked by tokens and by plaintext Splink, side by side.

    python -m benchmarks.linkage_plaintext CITY [--night 2026-09-01]

CITY is a folder made by `cradlepath demo` whose nights have not run (its landing files are still there). For measuring
on made-up children only. `python -m benchmarks.linkage_peers` compares on other data and with more peers.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import date
from pathlib import Path

from benchmarks.data.workspace import make_folder
from benchmarks.linkage_peers import program, result
from benchmarks.linkage_table import OURS, PLAINTEXT, table


def main() -> None:
    """Compare on the city of the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("city", type=Path)
    parser.add_argument("--night", type=date.fromisoformat, default=date(2026, 9, 1))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as folder:
        data = make_folder(Path(folder) / "data", args.city, args.night)
        rows = [result(program(name), data, Path(folder) / name, exposed=False) for name in (OURS, PLAINTEXT)]
        print(table(data, rows, []))


if __name__ == "__main__":
    main()
