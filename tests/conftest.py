"""What every test may lean on: a real Redis of its own, and nothing of this shell's settings."""

import os
from collections.abc import Iterator

import pytest
from redis import Redis

from app.simulator.valkey import OWNER_KEY, redis_for

# A test must not answer real people: nothing of a developer's shell or .env reaches it.
CLEARED = (
    *("WHATSAPP_", "OPENAI_", "AZURE_OPENAI_", "ANTHROPIC_", "GEMINI_", "LLM_", "BOT_", "RIVULET_"),
    *("BUBBLE_", "WORKER_", "DASHBOARD_", "UNCERTAIN_", "MESSAGE_", "MID_", "PAIR_", "NUMBER_"),
    *("ADMIN_", "LOG_", "HANDOFF_", "PERSON_", "OTEL_", "HISTORY_", "NUMBERS_"),
)
for _name in [name for name in os.environ if name.startswith(CLEARED)]:
    del os.environ[_name]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """One process where everybody would empty the same named database."""
    if os.environ.get("REDIS_URL"):
        config.option.numprocesses = 0


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of this run's Redis; ``REDIS_URL`` names one, else we start one."""
    with redis_for("tests", redis_url=os.environ.get("REDIS_URL")) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """The same, empty but for the mark that it is ours."""
    with Redis.from_url(redis_server) as redis:
        if redis.get(OWNER_KEY) != b"tests":
            raise RuntimeError("this database is not the tests' to empty")
        redis.flushdb()
        redis.set(OWNER_KEY, "tests")
        yield redis_server
