from collections.abc import AsyncIterator

import pytest

from tests.simulator.business import Meta, running_meta


@pytest.fixture
async def meta() -> AsyncIterator[Meta]:
    """A simulator without delays, and a business behind it."""
    async with running_meta() as running:
        yield running
