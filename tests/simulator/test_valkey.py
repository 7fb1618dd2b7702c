import pytest
from redis import Redis

from app.simulator.valkey import OWNER_KEY, NoRedis, claim, redis_for


def test_a_started_server_answers_and_is_gone_afterwards() -> None:
    with redis_for("demo") as url:
        with Redis.from_url(url) as redis:
            assert redis.get(OWNER_KEY) == b"demo"
    with pytest.raises(NoRedis, match="No Redis answers"):
        claim(url, "demo")


def test_claiming_twice_changes_nothing(redis_url: str) -> None:
    claim(redis_url, "tests")
    claim(redis_url, "tests")


def test_a_database_of_somebody_else_is_refused(redis_url: str) -> None:
    with pytest.raises(NoRedis, match="not the demo's"), redis_for("demo", redis_url=redis_url):
        pass


def test_a_database_with_unmarked_data_is_refused(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.delete(OWNER_KEY)
        redis.set("somebody", "else")
        with pytest.raises(NoRedis):
            claim(redis_url, "tests")
        redis.flushdb()
        redis.set(OWNER_KEY, "tests")
