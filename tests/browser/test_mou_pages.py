"""A rendered agreement in a real Chromium, as it is printed: nothing runs over the paper, nothing is fetched."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.mou import DEMO, SMALL

from mou_policies.document import render
from mou_policies.nodes import parse_yaml, read_yaml

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed on this machine (Debian package `chromium`)"
    ),
]

PAPERS = {"A4": 210, "Letter": 216}
MARGINS = 32
"""Width of the paper and of both margins in millimetres; a CSS pixel is 25.4 / 96 of one."""

TOO_WIDE = """() => [...document.querySelectorAll("th, td, dd, h1, h2, h3, h4, p")]
    .filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.textContent.slice(0, 60))"""

HARD = SMALL.replace("notes:", "a" * 90 + "_" + "B" * 90 + ":").replace("May say anything", "W" * 300)
PAGES = {file.stem: read_yaml(file) for file in sorted(DEMO.glob("*.yaml"))} | {
    "long-words": parse_yaml(Path("long.yaml"), HARD)
}


def opened(playwright: Any, html: Path, paper: str) -> tuple[Any, list[str]]:
    """Return the page in print, as wide as the printed area of the paper, and all that it fetched or complained of."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
    width = int((PAPERS[paper] - MARGINS) * 96 / 25.4)
    page = browser.new_page(viewport={"width": width, "height": 1000})
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: told.append(request.url) if request.url != html.as_uri() else None)
    page.emulate_media(media="print")
    page.goto(html.as_uri())
    return page, told


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs_over_the_paper(name: str, paper: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    html = tmp_path / f"{name}.html"
    html.write_text(render(PAGES[name]), encoding="utf-8")
    with sync_playwright() as playwright:
        page, told = opened(playwright, html, paper)
        assert page.evaluate(TOO_WIDE) == []
        assert page.evaluate("getComputedStyle(document.querySelector('thead')).display") == "table-header-group"
        assert page.evaluate("getComputedStyle(document.querySelector('.appendix')).breakBefore") == "page"
        printed = page.pdf(format=paper)
        page.context.browser.close()
    assert told == []
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 3
