"""What Redis itself shows of trouble: no worker, a blocked one, a queue that stands, no room."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import ResponseError

from app.adapters.redis_client import async_redis
from app.adapters.redis_troubles import Pulse, RedisTroubles
from app.simulator.valkey import redis_for

QUEUE_KEY, JOB_KEY = "rq:queue:rivulet", "rq:job:a"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator["AsyncRedis"]:
    redis = async_redis(redis_url)
    yield redis
    await redis.aclose()


def beat(url: str, blocked_seconds: float = 0.0) -> None:
    """Of a worker that has just begun."""
    with Redis.from_url(url) as redis:
        Pulse(redis).beat(blocked_seconds)


def told(redis: "AsyncRedis") -> RedisTroubles:
    return RedisTroubles(redis, "rivulet")


async def test_without_a_beat_there_is_no_worker(redis: "AsyncRedis", redis_url: str) -> None:
    assert await told(redis).told() == {"worker": "none"}
    beat(redis_url)
    assert await told(redis).told() == {}
    assert 0 < await redis.ttl("rv:pulse") <= 10


@pytest.mark.parametrize(("seconds", "word"), [(4.9, {}), (5.1, {"worker": "blocked"})])
async def test_a_loop_that_does_not_turn_is_told(
    redis: "AsyncRedis", redis_url: str, seconds: float, word: dict[str, str]
) -> None:
    with Redis.from_url(redis_url) as own:
        pulse = Pulse(own)
        pulse.beat(seconds)
        assert await told(redis).told() == word
        if word:
            assert 0 < await redis.ttl("rv:trouble:worker") <= 10
        pulse.beat(0.0)
        assert await told(redis).told() == {}


async def test_a_worker_that_turns_says_nothing_of_another_that_does_not(
    redis: "AsyncRedis", redis_url: str
) -> None:
    beat(redis_url, 6.0)
    beat(redis_url)
    assert await told(redis).told() == {"worker": "blocked"}


@pytest.mark.parametrize(("seconds", "word"), [(15, {}), (25, {"worker": "behind"})])
async def test_a_turn_that_nobody_takes_is_told(
    redis: "AsyncRedis", redis_url: str, seconds: int, word: dict[str, str]
) -> None:
    beat(redis_url)
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    await redis.hset(JOB_KEY, "enqueued_at", at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    await redis.rpush(QUEUE_KEY, "a")
    assert await told(redis).told() == word


async def test_a_job_that_vanished_is_not_taken_for_an_old_one(
    redis: "AsyncRedis", redis_url: str
) -> None:
    beat(redis_url)
    await redis.rpush(QUEUE_KEY, "a")
    assert await told(redis).told() == {}


async def test_a_redis_that_takes_no_writes_says_why_and_accuses_no_worker() -> None:
    with redis_for("tests") as url, Redis.from_url(url) as server:
        redis = async_redis(url)
        server.config_set("maxmemory", 1)
        assert await told(redis).told() == {"store": "full"}
        server.config_set("maxmemory", 0)
        server.config_set("min-replicas-to-write", 1)
        assert await told(redis).told() == {"store": "lacks_replicas"}
        server.config_set("min-replicas-to-write", 0)
        server.replicaof("127.0.0.1", "1")
        assert await told(redis).told() == {"store": "read_only"}
        await redis.aclose()


async def test_a_redis_that_lets_us_read_nothing_is_an_error_not_an_answer() -> None:
    with redis_for("tests") as url, Redis.from_url(url) as server:
        server.acl_setuser(
            "otto", enabled=True, passwords=["+word"], keys=["*"], commands=["+set", "+lindex"]
        )
        redis = async_redis(f"{url}?username=otto&password=word")
        with pytest.raises(ResponseError):
            await told(redis).told()
        await redis.aclose()
