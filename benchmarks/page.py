"""docs/benchmarks.md: each command writes its own section between markers and leaves the others as they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
HEAD: Final = (
    "# Benchmarks\n\n"
    "Every section is written by the command it names. Machines differ and are noisy: read the ratios.\n"
)


def write_section(name: str, text: str, page: Path = PAGE) -> None:
    """Put `text` between the markers of section `name`, in place or at the end of the page."""
    start, end = f"<!-- {name}: written by command -->", f"<!-- end of {name} -->"
    section = f"{start}\n{text.strip()}\n{end}"
    before = page.read_text(encoding="utf-8") if page.exists() else HEAD
    place = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    after = place.sub(lambda _: section, before) if place.search(before) else f"{before.rstrip()}\n\n{section}\n"
    page.write_text(after, encoding="utf-8")
