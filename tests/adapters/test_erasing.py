"""What is left in Redis of a person who was erased: nothing that names or quotes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from app.adapters.redis_admin import RedisAdmin
from app.adapters.redis_client import async_redis
from app.adapters.redis_store import RedisStore
from app.adapters.rq_queue import QUEUE, turn_jobs
from app.core.model import Bubble, Delivery, InboundMessage, Moved, Status
from app.core.persons import Person
from app.errors import LeaseLost
from app.pipeline.admin import erase
from tests.contracts.conftest import KEYS, open_store
from tests.fakes import NOW, NUMBER, said

PHONE, NEW_PHONE = "15550190777", "15550190888"
USER, NEW_USER = "US.quistzebulon", "US.quistother"
NAME, WORD, ANSWER = "Zebulon Quist", "marzipan-8203", "nougat-5512"
MARKS = (PHONE, NEW_PHONE, USER, NEW_USER, "wamid.hers", "Quist", WORD, ANSWER)
OTHER_NUMBER = "200000000000002"
SECOND = timedelta(seconds=1)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def opened(redis_url: str) -> AsyncIterator[tuple[RedisStore, RedisAdmin]]:
    async with AsyncExitStack() as stack:
        admin = RedisAdmin(async_redis(redis_url), turn_jobs())
        stack.push_async_callback(admin.close)
        yield open_store(redis_url, stack), admin


def marked(text: str, *, user_id: str | None = USER, number: str = NUMBER) -> InboundMessage:
    """Words of the person, with their name."""
    wamid = f"wamid.hers{text}"
    message = said(f"{text} {WORD}", user_id=user_id, phone=PHONE, number=number, wamid=wamid)
    return InboundMessage(**{**{name: getattr(message, name) for name in FIELDS}, "name": NAME})


FIELDS = InboundMessage.__dataclass_fields__


async def pop(redis: Redis) -> tuple[str, str]:
    turn_id = await redis.lpop(f"rq:queue:{QUEUE}")
    assert isinstance(turn_id, bytes)
    data = await redis.hget(f"rq:job:{turn_id.decode()}", "data")
    assert isinstance(data, bytes)
    jobs = turn_jobs()
    return turn_id.decode(), data.decode().removeprefix(jobs.head).removesuffix(jobs.tail)


async def answered(store: RedisStore, redis: Redis) -> None:
    """Let a worker answer the next turn in one bubble, of which a status has come."""
    turn_id, conversation = await pop(redis)
    async with store.turn(conversation, turn_id) as hand:
        assert hand is not None
        bubble = Bubble(turn_id, 0, ANSWER, ANSWER)
        await hand.plan([bubble], whole=True)
        await hand.begin_send(bubble, attempt=1, within=SECOND)
        await hand.settle_send(bubble, wamid=f"wamid.hers{turn_id}")
        await store.take_in([Status(f"wamid.hers{turn_id}", NUMBER, Delivery.READ, NOW)])
        await hand.finish(ANSWER, ending="answered")


async def everything(redis: Redis) -> str:
    """All keys and values of the database, whatever their type."""
    found = []
    async for key in redis.scan_iter():
        match await redis.type(key):
            case b"string":
                value: object = await redis.get(key)
            case b"hash":
                value = await redis.hgetall(key)
            case b"list":
                value = await redis.lrange(key, 0, -1)
            case b"zset":
                value = await redis.zrange(key, 0, -1)
            case b"stream":  # RQ's results
                value = await redis.xrange(key)
            case b"set":
                value = await redis.smembers(key)
            case b"none":  # it has just expired
                continue
            case kind:
                raise AssertionError(f"{key!r}: cannot read a {kind!r}")
        found.append(f"{key!r} {value!r}")
    return "\n".join(found)


async def test_redis_holds_no_trace_of_who_was_erased(
    opened: tuple[RedisStore, RedisAdmin], redis: Redis
) -> None:
    store, admin = opened
    await store.take_in([marked("First")])
    await answered(store, redis)
    await store.take_in([marked("On another number", number=OTHER_NUMBER)])
    await answered(store, redis)
    await store.take_in([marked("Second")])
    await store.take_in([Moved(NUMBER, USER, PHONE, NEW_USER, NEW_PHONE)])
    await store.take_in([said("Mine", user_id="US.2", phone="15550100")])
    turn_id, conversation = await pop(redis)
    async with store.turn(conversation, turn_id) as hand:
        assert hand is not None
        bubble = Bubble(turn_id, 0, ANSWER, ANSWER)
        await hand.begin_send(bubble, attempt=1, within=SECOND)
        before = await everything(redis)
        assert [mark for mark in MARKS if mark not in before] == []
        erased, _ = await erase(Person(user_id=NEW_USER), admin, KEYS)
        assert erased.conversations == 2
        await hand.testify()  # as after a failover, or a lease that was lost
        await hand.note(model_ended_at=1.5)
        await hand.settle_send(bubble, wamid=f"wamid.hers{turn_id}")
        with pytest.raises(LeaseLost):
            await hand.finish(ANSWER, ending="answered")
    after = await everything(redis)
    assert [mark for mark in MARKS if mark in after] == []
    assert "Mine" in after
    async for key in redis.scan_iter("rv:turn:*"):
        assert await redis.ttl(key) > 0


async def test_what_was_said_by_phone_alone_goes_with_the_user_id_that_has_the_phone_now(
    opened: tuple[RedisStore, RedisAdmin], redis: Redis
) -> None:
    store, admin = opened
    by_user = InboundMessage(
        **{**{name: getattr(marked("a"), name) for name in FIELDS}, "phone": None}
    )
    for message in (by_user, marked("b", user_id=None), marked("c")):
        await store.take_in([message])
    await erase(Person(user_id=USER), admin, KEYS)
    assert WORD not in await everything(redis)


async def test_a_worker_stops_when_what_it_answers_is_erased(
    opened: tuple[RedisStore, RedisAdmin], redis: Redis
) -> None:
    store, admin = opened
    await store.take_in([marked("First")])
    turn_id, conversation = await pop(redis)

    async def work() -> None:
        async with store.turn(conversation, turn_id), asyncio.timeout(30):
            await erase(Person(phone=PHONE), admin, KEYS)
            await asyncio.Event().wait()  # the model writes on

    with pytest.raises(LeaseLost):
        await work()
    assert WORD not in await everything(redis)


async def test_a_conversation_keeps_the_records_of_its_newest_turns(
    opened: tuple[RedisStore, RedisAdmin], redis: Redis
) -> None:
    store, _ = opened
    await store.take_in([marked("First")])
    first, conversation = await pop(redis)
    await redis.rpush(f"rv:turns:{conversation}", *[f"{n:032x}" for n in range(199)], "e" * 32)
    await redis.hset(f"rv:turn:{'e' * 32}", "text:0", ANSWER)
    async with store.turn(conversation, first) as hand:
        assert hand is not None
        await hand.finish(ANSWER, ending="answered")
    assert await redis.lindex(f"rv:turns:{conversation}", 0) == first.encode()
    assert await redis.llen(f"rv:turns:{conversation}") == 200
    assert not await redis.exists(f"rv:turn:{'e' * 32}")
