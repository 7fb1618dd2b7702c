"""Redis full, slow, or short of its replicas: nothing half-written, nothing said twice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from redis.asyncio import Redis

from app.adapters.clock import SystemClock
from app.adapters.redis_store import STORE_SECONDS, RedisStore
from app.adapters.rq_queue import turn_jobs
from app.core.model import Delivery, Event, Ignored, Status
from app.errors import Unavailable
from app.pipeline.ports import Limits, ReplyServices
from app.pipeline.reply import reply
from tests.adapters.relay import relay_to
from tests.adapters.servers import Server, server_in
from tests.contracts.conftest import KEYS, open_store
from tests.fakes import NOW, NUMBER, FakeModel, World, outcomes, said
from tests.web.test_webhook import Door, encoded, message, open_real_door, webhook

CONVERSATION = KEYS.user(NUMBER, "US.1001")
WAITING = "rq:queue:turns"
LIMITS = Limits(
    min_chars=20,
    max_chars=60,
    order="sent",
    send_within=timedelta(seconds=0.1),
    uncertain_wait=timedelta(seconds=0.1),
)
WHILE = 1.5
SENTENCES = (
    "The kettle can go back within thirty days.",
    " Please print the label from our page.",
    " The post office takes it from there.",
)


@pytest.fixture
def server() -> Iterator[Server]:
    with TemporaryDirectory(prefix="rv-") as folder, server_in(Path(folder)) as server:
        yield server


@pytest.fixture
async def store(server: Server) -> AsyncIterator[RedisStore]:
    async with AsyncExitStack() as stack:
        yield open_store(server.url, stack)


def fill(server: Server) -> None:
    server.redis.config_set("maxmemory", 1)


def make_room(server: Server) -> None:
    server.redis.config_set("maxmemory", 0)


def lack_a_replica(server: Server) -> None:
    server.redis.config_set("min-replicas-to-write", 1)


def need_no_replica(server: Server) -> None:
    server.redis.config_set("min-replicas-to-write", 0)


Change = Callable[[Server], None]
TROUBLES = [
    pytest.param(fill, make_room, id="full"),
    pytest.param(lack_a_replica, need_no_replica, id="short of a replica"),
]


def contents(server: Server) -> dict[str, Any]:
    """Everything that stands in it."""
    redis: Any = server.redis
    read = {
        "string": redis.get,
        "hash": redis.hgetall,
        "list": lambda key: redis.lrange(key, 0, -1),
        "set": redis.smembers,
        "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
    }
    return {key: read[redis.type(key)](key) for key in redis.scan_iter()}


def job_in(server: Server) -> tuple[str, str]:
    """The oldest job, popped: conversation and turn."""
    turn_id: Any = server.redis.lpop(WAITING)
    data: Any = server.redis.hget(f"rq:job:{turn_id}", "data")
    jobs = turn_jobs()
    return data.removeprefix(jobs.head).removesuffix(jobs.tail), turn_id


# -- webhooks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("begin", "end"), TROUBLES)
async def test_what_cannot_be_written_is_refused_whole_and_taken_when_it_can(
    server: Server, store: RedisStore, begin: Change, end: Change
) -> None:
    await store.take_in([said("before", wamid="wamid.IN0")])
    before = contents(server)
    begin(server)
    events: list[list[Event]] = [
        [said("during", wamid="wamid.IN1"), said("too", wamid="wamid.IN2", user_id="US.2002")],
        [Status("wamid.OUT1", NUMBER, Delivery.SENT, NOW, f"{32 * 'a'}:0:1")],
        [Ignored("reaction", "wamid.R1")],
    ]
    for batch in events:
        async with asyncio.timeout(STORE_SECONDS + 3):  # two noisy cores
            with pytest.raises(Unavailable) as failure:
                await store.take_in(batch)
        assert failure.value.scope == "store"
    assert contents(server) == before
    end(server)
    became = [outcomes(await store.take_in(batch)) for batch in events]
    assert became == [["joined", "queued"], ["news"], ["ignored"]]


@pytest.mark.parametrize(("begin", "end"), TROUBLES)
async def test_a_webhook_gets_503_and_the_next_delivery_is_stored(
    server: Server, begin: Change, end: Change
) -> None:
    async with AsyncExitStack() as stack:
        door = open_real_door(server.url, stack)
        body = encoded(webhook(message("wamid.IN1")))
        begin(server)
        assert await door.post(body) == 503
        assert not server.redis.keys("rv:*")
        assert await readiness(door) == 503
        end(server)
        assert await readiness(door) == 200
        assert [await door.post(body), await door.post(body)] == [200, 200]
        assert door.stored() == 1


async def readiness(door: Door) -> int:
    return (await door.http.get("/health/ready")).status_code


# -- turns -----------------------------------------------------------------------------------------


class Turns:
    """Runs a turn again and again until it ends, as RQ would."""

    def __init__(self, server: Server, store: RedisStore, limits: Limits = LIMITS) -> None:
        self.server = server
        self.world = World(limits=limits)
        self.world.model = FakeModel([[*SENTENCES]])
        self.services: ReplyServices = replace(
            self.world.services, store=store, clock=SystemClock()
        )

    async def run(self, between: Callable[[], None] = lambda: None) -> str:
        conversation, turn_id = job_in(self.server)
        for _ in range(4):
            try:
                return await reply(conversation, turn_id, self.services)
            except Exception as exc:
                failure = exc
                between()
        raise failure

    def expect_each_bubble_once(self) -> None:
        assert self.world.channel.texts == [sentence.strip() for sentence in SENTENCES]


def full_for_a_while(server: Server) -> None:
    fill(server)
    asyncio.get_running_loop().call_later(WHILE, make_room, server)


def away_for_a_while(server: Server) -> None:
    server.kill()
    loop = asyncio.get_running_loop()
    loop.call_later(WHILE, lambda: loop.run_in_executor(None, server.start))


@pytest.mark.parametrize("bubble", [0, 1, 2], ids=["first", "second", "last"])
@pytest.mark.parametrize("trouble", [full_for_a_while, away_for_a_while], ids=["full", "away"])
async def test_a_bubble_that_left_while_nothing_could_be_written_is_not_sent_again(
    server: Server, store: RedisStore, trouble: Change, bubble: int
) -> None:
    """Nor does any status ever tell of it."""
    await store.take_in([said("And the kettle?", at=SystemClock().now())])
    turns = Turns(server, store)

    def on_send(_: str) -> None:
        if len(turns.world.channel.sent) == bubble:
            trouble(server)

    turns.world.channel.on_send = on_send
    assert await turns.run() == "answered"
    turns.expect_each_bubble_once()


@pytest.mark.parametrize("delta", [0, 1, 2])
async def test_a_turn_in_which_redis_fills_up_goes_on_when_there_is_room(
    server: Server, store: RedisStore, delta: int
) -> None:
    await store.take_in([said("And the kettle?", at=SystemClock().now())])
    turns = Turns(server, store)
    filled: list[int] = []

    async def before_delta(number: int) -> None:
        if number == delta and not filled:
            await sent(server, delta - 1)  # the last sentence cut has no successor
            fill(server)
            filled.append(number)

    turns.world.model.before_delta = before_delta
    assert await turns.run(between=lambda: make_room(server)) == "answered"
    turns.expect_each_bubble_once()
    assert filled


async def sent(server: Server, count: int) -> None:
    """Return once so many bubbles stand as sent: before that, their run insists on writing it."""
    async with Redis.from_url(server.url) as redis, asyncio.timeout(30):
        while await _count_sent(redis) < count:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


async def _count_sent(redis: Redis) -> int:
    records: list[Any] = [await redis.hgetall(key) async for key in redis.scan_iter("rv:turn:*")]
    fields = [pair for record in records for pair in record.items()]
    return sum(name.startswith(b"state:") and value == b"sent" for name, value in fields)


# -- slow ------------------------------------------------------------------------------------------


async def test_a_redis_that_takes_its_time_is_as_good_as_a_quick_one(server: Server) -> None:
    """300 ms there and 300 back: the network between two continents."""
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(relay_to(server.url, server.folder))
        relay.delay = 0.3
        store = open_store(relay.url, stack)
        hello = said("And the kettle?", wamid="wamid.IN1", at=SystemClock().now())
        assert await delivered(store, hello) in ("queued", "duplicate")
        assert await delivered(store, hello) == "duplicate"
        turns = Turns(server, store)
        assert await turns.run() == "answered"
        turns.expect_each_bubble_once()


async def delivered(store: RedisStore, message: Event) -> str:
    """What becomes of it, as Meta delivers it again and again."""
    for _ in range(3):
        try:
            return (await store.take_in([message]))[0].outcome
        except Unavailable:
            continue
    raise AssertionError("never stored")
