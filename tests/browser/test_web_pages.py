"""The signed-in pages in a real Chromium, on the demo city: they work without a script, and anyone can read them.

Every page of every role is opened at the width of a desk and of a telephone: no violation that axe finds (WCAG 2.2 A
and AA, and its best practices), nothing wider than the screen, nothing that the browser complains of, nothing fetched
from elsewhere.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import PROGRAM
from support.small_city import SmallCity, enrol

from consent.people import ROLES
from pipelines.permissions import permissions
from pipelines.web.pages import MENU

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed on this machine (Debian package `chromium`)"
    ),
]
WIDTHS = (1280, 390)
SECONDS = 0.3
"""How long a page may take to answer, the first time apart."""


@pytest.fixture(scope="module")
def demo(city, tmp_path_factory: pytest.TempPathFactory) -> SmallCity:
    home = shutil.copytree(city.home, tmp_path_factory.mktemp("pages") / "demo-city")
    agreement = home / "workspace" / "agreements" / "wic.yaml"
    agreement.write_text(agreement.read_text().replace('title: "WIC', 'title: "The WIC'))  # so something is refused
    return enrol(home / "workspace")


@pytest.fixture(scope="module")
def address(demo: SmallCity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the pages as an administrator does, and end them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key = tmp_path_factory.mktemp("keys") / "key"
    key.touch(0o600)
    key.write_text(demo.keys["administrator"])
    environment = {**os.environ, "CRADLEPATH_ACCESS_KEY_FILE": str(key)}
    command = [str(PROGRAM), "serve", "--workspace", str(demo.place.root), "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=key.parent) as server:
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                urllib.request.urlopen(url + "/sign-in").close()  # noqa: S310
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.1)
        yield url
        server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


def signed_in(browser: Any, address: str, key: str, width: int, told: list[str]) -> Any:
    """Return a page, signed in by typing the key."""
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda sent: told.append(sent.url) if not sent.url.startswith(address) else None)
    page.goto(address)
    assert page.url == address + "/sign-in"
    look_at(page, "sign in")
    page.fill("#access_key", key)
    page.keyboard.press("Enter")
    page.wait_for_url(address + "/")
    return page


def look_at(page: Any, name: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"
    assert page.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("role", ROLES)
def test_the_pages_of_a_role(browser: Any, address: str, demo: SmallCity, role: str, width: int) -> None:
    told: list[str] = []
    page = signed_in(browser, address, demo.keys[role], width, told)
    look_at(page, "home")
    mine = [one for one in MENU if permissions().may_open(role, one.name)]
    assert page.locator("nav a").all_inner_texts() == [one.title for one in mine]
    for one in mine:
        page.click(f"nav a:text-is('{one.title}')")
        assert page.url == address + one.path
        look_at(page, one.name)
        assert page.locator("nav a[aria-current=page]").inner_text() == one.title
    if role in {"data_lead", "auditor"}:
        page.goto(address + "/releases")
        page.click("tbody a >> nth=0")
        look_at(page, "release")
    if role == "auditor":
        page.goto(address + "/agreements")
        page.click("tbody a >> nth=0")
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") != "32px"  # its style is let in
    page.goto(address)
    page.click("header button")
    page.wait_for_url(address + "/sign-in")
    page.goto(address + mine[0].path)
    assert page.url == address + "/sign-in"
    page.context.close()
    assert told == []


def test_a_question_and_its_answer(browser: Any, address: str, demo: SmallCity) -> None:
    page = signed_in(browser, address, demo.keys["data_lead"], WIDTHS[0], [])
    for sql, seen in (("from measures_of_success", "Chronic absence"), ("from nowhere", "Catalog Error")):
        page.goto(address + "/query")
        page.fill("#sql", sql)
        page.click("main button")
        assert seen in page.inner_text("main")
        look_at(page, sql)
    page.context.close()


def test_it_works_without_javascript(browser: Any, address: str, demo: SmallCity) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    page.fill("#access_key", "not a key")
    page.keyboard.press("Enter")
    assert "opens nothing here" in page.inner_text("[role=alert]")
    page.fill("#access_key", demo.keys["steward"])
    page.keyboard.press("Enter")
    page.click("nav a:text-is('Loads')")
    page.select_option("#night", index=1)
    page.click("main button")
    assert "school_district" in page.inner_text("main")
    page.context.close()


def test_a_page_answers_soon(browser: Any, address: str, demo: SmallCity) -> None:
    page = signed_in(browser, address, demo.keys["auditor"], WIDTHS[0], [])
    for one in MENU:
        if permissions().may_open("auditor", one.name):
            page.request.get(address + one.path)
            took = []
            for _ in range(3):
                start = time.perf_counter()
                assert page.request.get(address + one.path).ok
                took.append(time.perf_counter() - start)
            assert min(took) < SECONDS, one.name
    page.context.close()


def test_the_style_needs_no_picture_and_no_letter_from_elsewhere() -> None:
    style = (Path(__file__).parents[2] / "pipelines" / "web" / "style.css").read_text()
    assert "url(" not in style
    assert "@import" not in style
