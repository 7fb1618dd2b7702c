"""A real browser for tests: Debian's Chromium, driven by playwright, which brings none of its own.

Without one, a test is skipped on a laptop and fails where ``CI=true``: there it must have run.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--no-sandbox",  # containers run tests as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def open_browser() -> AsyncIterator["Browser"]:
    """A headless browser while the block runs.

    Raises:
        pytest.skip.Exception: There is no Chromium or no playwright here; with ``CI=true``
            ``pytest.fail.Exception``.
    """
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        _missing("chromium is not on the PATH")
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        _missing("playwright is not installed: pip install -e '.[browser]'")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, headless=True, args=list(SWITCHES)
        )
        try:
            yield browser
        finally:
            await browser.close()


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
