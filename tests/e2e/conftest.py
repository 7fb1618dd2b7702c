from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from redis import Redis

from app.simulator.valkey import redis_for
from tests.browser import open_browser
from tests.e2e.house import House, open_house
from tests.e2e.window import Window

if TYPE_CHECKING:
    from playwright.async_api import Browser


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all end-to-end tests; each test brings its own persons."""
    with redis_for("tests") as url, Redis.from_url(url) as redis:
        redis.ping()
        with open_house(
            url,
            tmp_path_factory.mktemp("house"),
            meta=["--set", "sent_delay=0.01", "--set", "delivered_delay=0.02"],
            model=["--set", "tokens_per_second=250", "--set", "first_token_seconds=0.3"],
        ) as opened:
            yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator["Browser"]:
    """One Chromium for all end-to-end tests."""
    async with open_browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def window(browser: "Browser") -> AsyncIterator[Window]:
    """A window of its own; fails the test when a page in it complained."""
    opened = Window(browser)
    yield opened
    await opened.close()
    assert opened.complaints == []
