"""Dagster's pages as a steward sees them, in a real Chromium: the graph, an asset with its counts, its checks."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def address(city) -> Iterator[str]:
    """Serve the definitions of the demo city's workspace, as docs/operator.md says, and yield the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "CRADLEPATH_WORKSPACE": str(city.workspace),
        "DAGSTER_HOME": str(city.state / "dagster"),
    }
    program = str(Path(sys.executable).with_name("dagster-webserver"))
    arguments = [program, "-m", "pipelines.definitions", "-h", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        arguments, env=environment, cwd=city.temp, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def _text_of(address: str, path: str, expected: str) -> str:
    """Return the text of a page once `expected` is on it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.goto(address + path)
        page.get_by_text(expected, exact=False).first.wait_for(timeout=60_000)
        text = page.inner_text("body")
        browser.close()
    return text


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed on this machine (Debian package `chromium`)")
@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/asset-groups", ["extracts", "consent", "linkage", "spine", "outcomes", "release"]),
        (
            "/assets/extract/school/content",
            ["school__users.grade", "columns nobody granted", "oneroster-1.1", "Freshness policy"],
        ),
        ("/assets/extract/school/content?view=checks", ["agreement_in_force"]),
        ("/assets/child_ids", ["Splink", "Row count"]),
        ("/assets/release", ["signed, read-only release"]),
        ("/automation", ["every_night", "arrivals"]),
    ],
)
def test_a_page_shows_what_a_steward_looks_for(address: str, path: str, shown: list[str]) -> None:
    text = _text_of(address, path, shown[0])
    missing = [word for word in shown if word.lower() not in text.lower()]
    assert not missing, f"{path} lacks {missing}"


def test_no_sign_up_dialogue_asks_for_an_address(address: str) -> None:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed on this machine (Debian package `chromium`)")
    assert "newsletter" not in _text_of(address, "/asset-groups", "extracts").lower()
