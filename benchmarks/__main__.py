"""`make bench`: measure the night at 20,000 and 100,000 children and write its section of docs/benchmarks.md."""

from __future__ import annotations

import sys

from benchmarks.night import table
from benchmarks.page import PAGE, write_section

HEAD = """## The night

Written by `make bench`. Wall seconds and peak resident memory of each step of the demo city's first night (seed 7), run
once as a process of its own; the memory is that of the whole process while the step ran.

"""


def main() -> None:
    """Measure the sizes given as arguments (20,000 and 100,000 if none) and write the section."""
    sizes = tuple(int(size) for size in sys.argv[1:]) or (20_000, 100_000)
    write_section("night", HEAD + table(sizes))
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
