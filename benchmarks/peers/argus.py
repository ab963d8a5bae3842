"""tau-Argus (pytauargus) on one problem, in an environment of its own: `python argus.py PROBLEM PATTERN MINUTES`.

The problem is a file in tau-Argus's own form (JJ): cells with value, price, status, bounds and protection levels, then
equations; so both sides are asked the very same. Prints the wall and the CPU seconds of the search; the pattern names
the cells that it hides beside the sensitive ones.
"""

from __future__ import annotations

import sys
import time

from pytauargus import HiTaSCtrl


def main() -> None:
    problem, pattern, minutes = sys.argv[1:4]
    started, cpu = time.perf_counter(), time.process_time()
    failed = HiTaSCtrl().full_jj(in_file_jj=problem, out_file=pattern, max_time=int(minutes))
    print(time.perf_counter() - started, time.process_time() - cpu)
    sys.exit(min(int(failed), 1))


if __name__ == "__main__":
    main()
