"""What people and the bot have said is gone when its time is over, also where talk goes on."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import orjson
import pytest
from redis.asyncio import Redis

from app.adapters.leases import LeaseKeeper
from app.adapters.redis_client import async_redis, sync_redis
from app.adapters.redis_store import RedisStore, script_header, script_text
from app.adapters.rq_queue import QUEUE, turn_jobs
from app.core.model import Bubble, Delivery, Echo, Event, Moved, PauseReason, Status, Turn
from app.pipeline.ports import DEFAULT_RATES
from tests.contracts.conftest import KEYS
from tests.fakes import NOW, NUMBER, said

DAY = timedelta(days=1)
MONTH = int(timedelta(days=30).total_seconds())
SOON = 60
CONVERSATION = KEYS.user(NUMBER, "US.1001")
HISTORY = f"rv:history:{CONVERSATION}"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


def open_store(redis_url: str, stack: AsyncExitStack, texts_kept: timedelta) -> RedisStore:
    leases_redis = sync_redis(redis_url)
    renew = leases_redis.register_script(script_text("renew_lease", script_header(turn_jobs())))
    leases = LeaseKeeper(leases_redis, renew)
    redis = async_redis(redis_url)
    store = RedisStore(redis, leases, KEYS, turn_jobs(), DEFAULT_RATES, texts_kept)
    stack.push_async_callback(store.close)
    return store


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    async with AsyncExitStack() as stack:
        yield open_store(redis_url, stack, DAY)


async def answered(store: RedisStore, redis: Redis, text: str) -> Turn:
    """Say something and have it answered; the turn."""
    await store.take_in([said(text)])
    turn_id = await redis.lpop(f"rq:queue:{QUEUE}")
    assert isinstance(turn_id, str)
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        bubble = Bubble(turn_id, 0, "Yes.", "Yes.")
        await hand.begin_send(bubble, attempt=1, within=timedelta(seconds=1))
        await hand.settle_send(bubble, wamid=f"wamid.{turn_id}")
        await hand.note(deltas=1)
        await hand.finish("Yes.", ending="answered")
        return hand.turn


async def test_all_that_holds_a_text_lives_as_long_as_texts_may(
    store: RedisStore, redis: Redis
) -> None:
    turn = await answered(store, redis, "one")
    await store.take_in([said("two")])
    for key in (HISTORY, f"rv:turn:{turn.turn_id}", f"rv:inbox:{CONVERSATION}"):
        assert DAY.total_seconds() - SOON < await redis.ttl(key) <= DAY.total_seconds(), key
    assert await redis.ttl(f"rv:conversation:{CONVERSATION}") > MONTH - SOON


async def test_a_status_does_not_make_a_text_live_longer(store: RedisStore, redis: Redis) -> None:
    turn = await answered(store, redis, "one")
    record = f"rv:turn:{turn.turn_id}"
    await redis.expire(record, 100)
    await store.take_in([Status(f"wamid.{turn.turn_id}", NUMBER, Delivery.READ, NOW)])
    assert await redis.ttl(record) <= 100


async def test_a_status_of_a_forgotten_turn_runs_out_too(store: RedisStore, redis: Redis) -> None:
    turn = await answered(store, redis, "one")
    await redis.delete(f"rv:turn:{turn.turn_id}")
    await store.take_in([Status(f"wamid.{turn.turn_id}", NUMBER, Delivery.READ, NOW)])
    assert 0 < await redis.ttl(f"rv:turn:{turn.turn_id}") <= DAY.total_seconds()


async def test_old_words_are_forgotten_although_the_talk_goes_on(
    store: RedisStore, redis: Redis
) -> None:
    await answered(store, redis, "one")
    for place, entry in enumerate(await redis.lrange(HISTORY, 0, -1)):
        aged = {**orjson.loads(entry), "at": time.time() - DAY.total_seconds() - 1}
        await redis.lset(HISTORY, place, orjson.dumps(aged).decode())
    second = await answered(store, redis, "two")
    third = await answered(store, redis, "three")
    assert list(second.history) == []
    assert [entry.text for entry in third.history] == ["two", "Yes."]
    assert "one" not in str(await redis.lrange(HISTORY, 0, -1))


@pytest.mark.parametrize("reason", ["stop", "operator"])
async def test_old_words_are_forgotten_while_the_bot_is_silent(
    store: RedisStore, redis: Redis, reason: PauseReason
) -> None:
    await answered(store, redis, "one")
    for place, entry in enumerate(await redis.lrange(HISTORY, 0, -1)):
        aged = {**orjson.loads(entry), "at": time.time() - DAY.total_seconds() - 1}
        await redis.lset(HISTORY, place, orjson.dumps(aged).decode())
    await store.pause(CONVERSATION, reason=reason, until=None)
    await store.take_in([said("two")])
    assert "one" not in str(await redis.lrange(HISTORY, 0, -1))


async def test_words_of_a_version_that_wrote_no_time_are_read_all_the_same(
    store: RedisStore, redis: Redis
) -> None:
    await redis.rpush(HISTORY, '{"role":"user","text":"long ago"}')
    turn = await answered(store, redis, "two")
    assert [entry.text for entry in turn.history] == ["long ago"]


async def test_a_person_is_remembered_for_as_long_as_what_was_said(
    redis_url: str, redis: Redis
) -> None:
    async with AsyncExitStack() as stack:
        await answered(open_store(redis_url, stack, 90 * DAY), redis, "one")
    for key in (HISTORY, f"rv:conversation:{CONVERSATION}"):
        assert await redis.ttl(key) > 2 * MONTH, key


async def test_who_was_given_up_is_counted_until_their_words_are_gone(
    store: RedisStore, redis: Redis
) -> None:
    now = time.time()
    await redis.zadd("rv:given_up", {"long ago": now - 2 * DAY.total_seconds(), "just now": now})
    await store.sweep()
    assert await redis.zrange("rv:given_up", 0, -1) == ["just now"]


PHONE, OTHER_PHONE = "15550177", "15550178"
STOPPED = KEYS.phone(NUMBER, PHONE)


@pytest.mark.parametrize(
    ("later", "ways"),
    [
        pytest.param(
            Moved(NUMBER, None, PHONE, "US.1077", OTHER_PHONE),
            [KEYS.user(NUMBER, "US.1077"), KEYS.phone(NUMBER, OTHER_PHONE)],
            id="a new number",
        ),
        pytest.param(
            Echo("wamid.echo", NUMBER, None, PHONE, NOW, "Hi", silent_until=NOW),
            [STOPPED],
            id="echo",
        ),
    ],
)
async def test_the_ways_to_a_stop_are_kept_for_as_long_as_it(
    store: RedisStore, redis: Redis, later: Event, ways: list[str]
) -> None:
    await store.take_in([said("stop", user_id=None, phone=PHONE)])
    await store.take_in([later])
    for way in ways:
        assert await redis.get(f"rv:alias:{way}") == STOPPED
        assert await redis.ttl(f"rv:alias:{way}") > 12 * MONTH, way
