"""`make bench`: measure the night at 20,000 and 100,000 children and write docs/benchmarks.md."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.night import table

HEAD = """# Benchmarks

Written by `make bench`. Wall seconds and peak resident memory of each step of the demo city's first night (seed 7), run
once as a process of its own; the memory is that of the whole process while the step ran. Machines differ and are noisy:
read the ratios.

"""


def main() -> None:
    """Measure the sizes given as arguments (20,000 and 100,000 if none) and write the page."""
    sizes = tuple(int(size) for size in sys.argv[1:]) or (20_000, 100_000)
    page = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
    page.write_text(HEAD + table(sizes) + "\n", encoding="utf-8")
    print(page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
