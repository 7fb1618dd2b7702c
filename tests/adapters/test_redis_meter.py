"""Numbers that several processes add up in one Redis."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.adapters.redis_client import async_redis
from app.adapters.redis_meter import BUCKETS, METRICS_KEY, MOST_SERIES, RedisMeter
from app.errors import Unavailable
from tests.adapters.relay import relay_to, until


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = async_redis(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def meter(redis: Redis) -> AsyncIterator[RedisMeter]:
    made = RedisMeter(redis)
    yield made
    await made.close()


async def told_by(meter: RedisMeter) -> dict[str, float]:
    """What Prometheus would read."""
    lines = (await meter.render()).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_two_processes_add_up(redis: Redis, meter: RedisMeter) -> None:
    other = RedisMeter(redis)
    meter.count("turns_total", ending="answered")
    other.count("turns_total", 2, ending="answered")
    other.count("turns_total", ending="apology")
    await other.close()
    assert await told_by(meter) == {
        'turns_total{ending="answered"}': 3,
        'turns_total{ending="apology"}': 1,
    }
    assert await told_by(meter) == {
        'turns_total{ending="answered"}': 3,
        'turns_total{ending="apology"}': 1,
    }


async def test_the_numbers_outlive_the_process(redis: Redis) -> None:
    first = RedisMeter(redis)
    first.count("turns_total")
    await first.close()
    second = RedisMeter(redis)
    second.count("turns_total")
    assert await told_by(second) == {"turns_total": 2}
    await second.close()


async def test_without_counting_there_is_nothing_to_tell(meter: RedisMeter) -> None:
    assert await meter.render() == ""


async def test_a_histogram_counts_each_value_in_all_buckets_that_hold_it(
    meter: RedisMeter,
) -> None:
    for value in (0.0, 0.25, 0.3, 600.0):
        meter.observe("wait_seconds", value, route="webhook")
    told = await told_by(meter)
    buckets = {
        name.partition('le="')[2].partition('"')[0]: value
        for name, value in told.items()
        if name.startswith("wait_seconds_bucket{")
    }
    assert buckets.pop("+Inf") == 4
    assert {float(bound): value for bound, value in buckets.items()} == {
        bound: 1 if bound < 0.25 else 2 if bound < 0.3 else 3 for bound in BUCKETS
    }
    assert told['wait_seconds_count{route="webhook"}'] == 4
    assert told['wait_seconds_sum{route="webhook"}'] == pytest.approx(600.55)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param('a "quoted" word', r'n{code="a \"quoted\" word"} 1', id="quotes"),
        pytest.param("back\\slash", r'n{code="back\\slash"} 1', id="backslash"),
        pytest.param("two\nlines", r'n{code="two\nlines"} 1', id="line break"),
        pytest.param("größer 😀", 'n{code="größer 😀"} 1', id="not ASCII"),
        pytest.param("", 'n{code=""} 1', id="empty"),
    ],
)
async def test_labels_are_written_so_that_they_cannot_break_a_line(
    meter: RedisMeter, value: str, written: str
) -> None:
    meter.count("n", code=value)
    assert await meter.render() == written + "\n"


async def test_the_order_of_labels_makes_no_new_series(meter: RedisMeter) -> None:
    meter.count("n", code="1", result="sent")
    meter.count("n", result="sent", code="1")
    assert await told_by(meter) == {'n{code="1",result="sent"}': 2}


async def test_a_large_counter_moves_by_one(meter: RedisMeter) -> None:
    meter.count("n", 123_456_789)
    meter.count("n")
    assert await meter.render() == "n 123456790\n"


async def test_series_beyond_the_limit_are_dropped_and_the_known_ones_go_on(
    meter: RedisMeter,
) -> None:
    for number in range(MOST_SERIES + 50):
        meter.count("n", code=str(number))
    meter.count("n", code="0")
    told = await told_by(meter)
    assert len(told) == MOST_SERIES
    assert told['n{code="0"}'] == 2


async def test_numbers_are_written_by_themselves(redis: Redis, meter: RedisMeter) -> None:
    meter.count("n")
    await until(lambda: redis.exists(METRICS_KEY))
    assert await redis.hget(METRICS_KEY, "n") == b"1"


async def test_closing_writes_the_rest_and_twice_is_harmless(redis: Redis) -> None:
    meter = RedisMeter(redis)
    meter.count("n")
    await meter.close()
    await meter.close()
    assert await redis.hget(METRICS_KEY, "n") == b"1"


async def test_closing_during_a_write_loses_and_doubles_nothing(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    async with relay_to(redis_url, tmp_path) as relay:
        client = async_redis(relay.url)
        meter = RedisMeter(client)
        await client.ping()
        meter.count("n", 5)
        relay.open.clear()
        async with asyncio.timeout(30):
            await relay.holds.wait()  # the first write is on its way
        closing = asyncio.create_task(meter.close())
        await asyncio.sleep(0)
        await relay.stop()
        await relay.start()
        await closing
        assert await redis.hget(METRICS_KEY, "n") == b"5"
        await client.aclose()


async def test_while_redis_is_away_numbers_wait_and_nothing_is_raised(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    async with relay_to(redis_url, tmp_path) as relay:
        client = async_redis(relay.url)
        meter = RedisMeter(client)
        meter.count("n")
        await meter.write()
        await relay.stop()
        meter.count("n", 2)
        await meter.write()
        meter.count("n", 4)
        with pytest.raises(Unavailable) as told:
            await meter.render()
        assert told.value.scope == "store"
        assert await redis.hget(METRICS_KEY, "n") == b"1"
        await relay.start()
        assert await told_by(meter) == {"n": 7}
        await meter.close()
        await client.aclose()
