from collections.abc import Iterator

import pytest
from redis import Redis

from app.simulator.valkey import redis_for
from tests.e2e.house import House, open_house


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all end-to-end tests; each test brings its own persons."""
    with redis_for("tests") as url, Redis.from_url(url) as redis:
        redis.ping()
        with open_house(
            url,
            tmp_path_factory.mktemp("house"),
            meta=["--set", "sent_delay=0.01", "--set", "delivered_delay=0.02"],
            model=["--set", "tokens_per_second=150", "--set", "first_token_seconds=0.3"],
        ) as opened:
            yield opened
