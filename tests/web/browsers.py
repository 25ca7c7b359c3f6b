"""A real browser for the pages: Debian's chromium, driven by playwright."""

import os
import shutil
import subprocess
import warnings
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright, expect

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")
APT = (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"])


PATIENCE_MS = 20_000
"""How long a page may take to show something: two cores may be busy with other tests."""
expect.set_options(timeout=PATIENCE_MS)


def _installed() -> str:
    return next((path for name in NAMES if (path := shutil.which(name))), "")


def _install() -> str:
    """Install Debian's chromium where that is allowed; returns why not otherwise."""
    if not shutil.which("apt-get"):
        return "there is no apt-get to install it with"
    if os.geteuid() != 0:
        return "only root may install it: apt-get install chromium"
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in APT:
        done = subprocess.run(command, env=quietly, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            return f"{' '.join(command)} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    return ""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path; installed when it can be, and left out loudly when it cannot."""
    why_not = "" if _installed() else _install()
    if not _installed():
        reason = f"NO BROWSER TESTS WERE RUN: chromium is not there, and {why_not or 'it did not appear'}"
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    return _installed()


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        await browser.close()
