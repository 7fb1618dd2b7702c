"""Numbers that several processes add up in one Redis, as Prometheus' own parser reads them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from app import metrics
from app.adapters.redis_client import async_redis
from app.adapters.redis_meter import KEPT, METRICS_KEY, MOST_SERIES, RedisMeter
from app.pipeline.ports import Reading
from tests.adapters.relay import relay_to, until

ANSWERED = 'rivulet_turns_total{ending="answered"}'
APOLOGY = 'rivulet_turns_total{ending="apology"}'
WAITS = "rivulet_send_wait_seconds"


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


async def told_by(meter: RedisMeter, gauges: Iterable[Reading] = ()) -> dict[str, float]:
    """What Prometheus would read, by series."""
    told = {}
    for family in text_string_to_metric_families(await meter.render(gauges)):
        for sample in family.samples:
            labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
            told[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return told


async def count_of(meter: RedisMeter, series: str) -> float:
    return (await told_by(meter)).get(series, 0)


async def test_two_processes_add_up_and_reading_changes_nothing(
    redis: Redis, meter: RedisMeter
) -> None:
    other = RedisMeter(redis)
    meter.count(metrics.TURNS, ending="answered")
    other.count(metrics.TURNS, 2, ending="answered")
    other.count(metrics.TURNS, ending="apology")
    await other.close()
    for _ in range(2):
        told = await told_by(meter)
        assert (told[ANSWERED], told[APOLOGY]) == (3, 1)


async def test_the_numbers_outlive_the_process(redis: Redis) -> None:
    first = RedisMeter(redis)
    first.count(metrics.RESENDS)
    await first.close()
    second = RedisMeter(redis)
    second.count(metrics.RESENDS)
    assert await count_of(second, metrics.RESENDS.name) == 2
    await second.close()


async def test_every_metric_is_introduced_with_its_kind_and_help(meter: RedisMeter) -> None:
    gauges = [one for one in metrics.METRICS if isinstance(one, metrics.Gauge)]
    readings: list[Reading] = [(one, dict.fromkeys(one.labels, "word"), 1) for one in gauges]
    text = await meter.render(readings)
    told = {family.name: family for family in text_string_to_metric_families(text)}
    for metric in metrics.METRICS:
        family = told[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
    assert len(told) == len(metrics.METRICS)


async def test_what_has_no_labels_begins_at_zero(meter: RedisMeter) -> None:
    """A series that shows up as 1 has never risen, for an alert."""
    told = await told_by(meter)
    assert told[metrics.RESENDS.name] == 0
    assert told["rivulet_webhook_seconds_count"] == 0
    assert told['rivulet_webhook_seconds_bucket{le="+Inf"}'] == 0


async def test_a_histogram_counts_each_value_in_all_buckets_that_hold_it(
    meter: RedisMeter,
) -> None:
    for value in (0.0, 1.0, 1.2, 600.0):
        meter.observe(metrics.SEND_WAIT_SECONDS, value, cause="order")
    meter.observe(metrics.SEND_WAIT_SECONDS, 7.0, cause="pair")
    told = await told_by(meter)
    buckets = {
        name.partition('le="')[2].partition('"')[0]: value
        for name, value in told.items()
        if name.startswith(f'{WAITS}_bucket{{cause="order"')
    }
    assert buckets.pop("+Inf") == 4
    assert {float(bound): value for bound, value in buckets.items()} == {
        bound: 1 if bound < 1 else 2 if bound < 1.2 else 3
        for bound in metrics.SEND_WAIT_SECONDS.buckets
    }
    assert told[f'{WAITS}_count{{cause="order"}}'] == 4
    assert told[f'{WAITS}_sum{{cause="order"}}'] == pytest.approx(602.2)
    assert told[f'{WAITS}_count{{cause="pair"}}'] == 1


async def test_buckets_of_an_older_version_are_counted_where_they_fit(
    redis: Redis, meter: RedisMeter
) -> None:
    """What it wrote for "up to 1.2 s" stands in no bucket that ends below that."""
    field = f'{WAITS}{{cause="order"}}'
    await redis.hset(METRICS_KEY, mapping={f"{field}|1.2": 2, f"{field}|sum": 2.3})
    meter.observe(metrics.SEND_WAIT_SECONDS, 0.9, cause="order")
    told = await told_by(meter)
    assert told[f'{WAITS}_bucket{{cause="order",le="1.0"}}'] == 1
    assert told[f'{WAITS}_bucket{{cause="order",le="1.5"}}'] == 3


async def test_a_metric_that_is_no_more_is_passed_over(redis: Redis, meter: RedisMeter) -> None:
    await redis.hset(METRICS_KEY, mapping={'rivulet_old_total{code="1"}': 5, "rivulet_old|2.0": 1})
    assert not any("old" in name for name in await told_by(meter))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param('a "quoted" word', id="quotes"),
        pytest.param("back\\slash", id="backslash"),
        pytest.param("back\\next", id="backslash that would be read as a line break"),
        pytest.param("two\nlines", id="line break"),
        pytest.param("größer 😀", id="not ASCII"),
        pytest.param("a|b{c}", id="our own marks"),
        pytest.param("", id="empty"),
    ],
)
async def test_labels_are_written_so_that_they_cannot_break_a_line(
    meter: RedisMeter, value: str
) -> None:
    meter.count(metrics.TURNS, ending=value)
    meter.observe(metrics.SEND_WAIT_SECONDS, 1.0, cause=value)
    told = await told_by(meter)
    assert told[f'rivulet_turns_total{{ending="{value}"}}'] == 1
    assert told[f'{WAITS}_count{{cause="{value}"}}'] == 1


async def test_the_order_of_labels_makes_no_new_series(meter: RedisMeter) -> None:
    meter.count(metrics.SENDS, code="1", result="sent")
    meter.count(metrics.SENDS, result="sent", code="1")
    assert await count_of(meter, 'rivulet_sends_total{code="1",result="sent"}') == 2


async def test_a_large_counter_moves_by_one(meter: RedisMeter) -> None:
    meter.count(metrics.RESENDS, 123_456_789)
    meter.count(metrics.RESENDS)
    assert f"{metrics.RESENDS.name} 123456790\n" in await meter.render(())


async def test_gauges_stand_beside_what_was_counted(meter: RedisMeter) -> None:
    told = await told_by(
        meter,
        [
            (metrics.QUEUED, {}, 7),
            (metrics.TROUBLE, {"scope": "token"}, 1),
            (metrics.TROUBLE, {"scope": "model"}, 0),
        ],
    )
    assert told["rivulet_queued_turns"] == 7
    assert told['rivulet_trouble{scope="token"}'] == 1
    assert told['rivulet_trouble{scope="model"}'] == 0


async def test_series_beyond_the_limit_are_dropped_and_the_known_ones_go_on(
    meter: RedisMeter,
) -> None:
    for number in range(MOST_SERIES + 50):
        meter.count(metrics.TURNS, ending=str(number))
    meter.count(metrics.TURNS, ending="0")
    told = await told_by(meter)
    turns = {name: value for name, value in told.items() if name.startswith("rivulet_turns")}
    assert len(turns) == MOST_SERIES
    assert turns['rivulet_turns_total{ending="0"}'] == 2


async def test_all_processes_together_fill_redis_only_so_far(redis: Redis) -> None:
    meter = RedisMeter(redis, most_fields=3)
    for number in range(5):
        meter.count(metrics.TURNS, ending=str(number))
        await meter.write()
    assert await redis.hlen(METRICS_KEY) == 3
    meter.count(metrics.TURNS, ending="2")
    assert await count_of(meter, 'rivulet_turns_total{ending="2"}') == 2
    await meter.close()


@pytest.mark.parametrize("left", [None, "3"], ids=["all", "a part"])
async def test_what_a_failover_forgets_is_written_down_again(
    redis: Redis, meter: RedisMeter, left: str | None
) -> None:
    """By each web process that has told it, and once."""
    other = RedisMeter(redis)
    meter.count(metrics.RESENDS, 5)
    meter.observe(metrics.SEND_WAIT_SECONDS, 0.3, cause="order")
    assert await count_of(meter, metrics.RESENDS.name) == 5
    assert await count_of(other, metrics.RESENDS.name) == 5
    await redis.delete(METRICS_KEY)
    if left:
        await redis.hset(METRICS_KEY, metrics.RESENDS.name, left)
    for one in (meter, other):
        told = await told_by(one)
        assert told[metrics.RESENDS.name] == 5
        assert told[f'{WAITS}_sum{{cause="order"}}'] == 0.3
    assert await redis.ttl(METRICS_KEY) > 0
    other.count(metrics.RESENDS)
    await other.close()
    assert await count_of(meter, metrics.RESENDS.name) == 6


async def test_numbers_are_written_by_themselves_and_kept_for_a_month(
    redis: Redis, meter: RedisMeter
) -> None:
    meter.count(metrics.RESENDS)
    await until(lambda: redis.exists(METRICS_KEY))
    assert await redis.hget(METRICS_KEY, metrics.RESENDS.name) == b"1"
    await redis.expire(METRICS_KEY, 5)
    meter.count(metrics.RESENDS)
    await meter.write()
    assert KEPT.total_seconds() - 60 < await redis.ttl(METRICS_KEY) <= KEPT.total_seconds()


async def test_closing_writes_the_rest_and_twice_is_harmless(redis: Redis) -> None:
    meter = RedisMeter(redis)
    meter.count(metrics.RESENDS)
    await meter.close()
    await meter.close()
    assert await redis.hget(METRICS_KEY, metrics.RESENDS.name) == b"1"


async def test_closing_during_a_write_loses_and_doubles_nothing(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    async with relay_to(redis_url, tmp_path) as relay:
        client = async_redis(relay.url)
        meter = RedisMeter(client)
        await client.ping()
        meter.count(metrics.RESENDS, 5)
        relay.open.clear()
        async with asyncio.timeout(30):
            await relay.holds.wait()  # the first write is on its way
        closing = asyncio.create_task(meter.close())
        await asyncio.sleep(0)
        await relay.stop()
        await relay.start()
        await closing
        assert await redis.hget(METRICS_KEY, metrics.RESENDS.name) == b"5"
        await client.aclose()


async def test_while_redis_is_away_numbers_wait_and_the_gauges_are_told(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    async with relay_to(redis_url, tmp_path) as relay:
        client = async_redis(relay.url)
        meter = RedisMeter(client)
        meter.count(metrics.RESENDS)
        await meter.write()
        await relay.stop()
        meter.count(metrics.RESENDS, 2)
        await meter.write()
        meter.count(metrics.RESENDS, 4)
        trouble: Reading = (metrics.TROUBLE, {"scope": "store"}, 1)
        assert await told_by(meter, [trouble]) == {'rivulet_trouble{scope="store"}': 1}
        assert await redis.hget(METRICS_KEY, metrics.RESENDS.name) == b"1"
        await relay.start()
        assert await count_of(meter, metrics.RESENDS.name) == 7
        await meter.close()
        await client.aclose()
