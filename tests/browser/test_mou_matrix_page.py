"""The matrix as an auditor sees it, in a real Chromium: styled, its headings in view, wide enough, and on paper."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from support.mou import NIGHT, demo_folder

from mou_policies.matrix import matrix, page
from mou_policies.policy import compile_policy

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed on this machine (Debian package `chromium`)")
def test_headings_stay_in_view_and_the_page_prints(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    file = tmp_path / "matrix.html"
    file.write_text(page(matrix(compile_policy(demo_folder(tmp_path), NIGHT))), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        shown = browser.new_page(viewport={"width": 1400, "height": 900})
        problems: list[str] = []
        shown.on("console", lambda message: problems.append(message.text))
        shown.goto(file.as_uri())
        shown.evaluate("window.scrollTo(0, document.querySelector('.fields').getBoundingClientRect().top + 300)")
        assert shown.evaluate("document.querySelector('.fields thead th').getBoundingClientRect().top") == 0
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
        colour = shown.evaluate("getComputedStyle(document.querySelector('td.allowed')).backgroundColor")
        printed = shown.pdf(prefer_css_page_size=True)
        browser.close()
    assert problems == []
    assert colour == "rgb(227, 241, 228)"
    width, height = map(float, re.findall(rb"/MediaBox *\[0 0 ([\d.]+) ([\d.]+)\]", printed)[0])
    assert (round(width), round(height)) == (842, 595)  # A4 on its side, in points
