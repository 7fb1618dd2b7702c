"""What only the real store has: expiry, leases that run out, jobs that lie, Redis away."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from rq.utils import utcformat

from app import metrics
from app.adapters.leases import LEASE_SECONDS
from app.adapters.redis_meter import RedisMeter
from app.adapters.redis_store import RedisStore
from app.adapters.redis_turn import LOST_MOST
from app.adapters.rq_queue import QUEUE, turn_jobs
from app.core.model import Bubble, Delivery, Ignored, Moved, Notice, Status
from app.errors import LeaseLost, Parked, Scope, Unavailable
from app.pipeline.ports import TurnInHand
from tests.adapters.relay import Relay, relay_to, until
from tests.contracts.conftest import KEYS, open_store
from tests.fakes import NOW, NUMBER, outcomes, said

USER = "US.1001"
CONVERSATION = KEYS.user(NUMBER, USER)
LEASE, KNOWN = f"rv:lease:{CONVERSATION}", f"rv:conversation:{CONVERSATION}"
WAITING, POPPED = f"rq:queue:{QUEUE}", f"rq:queue:{QUEUE}:intermediate"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """What stands in Redis, seen from outside."""
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    async with AsyncExitStack() as stack:
        yield open_store(redis_url, stack)


async def pop(redis: Redis) -> tuple[str, str] | None:
    """Take the oldest job as a worker does: (turn id, conversation)."""
    turn_id = await redis.lpop(WAITING)
    if turn_id is None:
        return None
    assert isinstance(turn_id, str)
    data = await redis.hget(f"rq:job:{turn_id}", "data")
    assert isinstance(data, str)
    jobs = turn_jobs()
    return turn_id, data.removeprefix(jobs.head).removesuffix(jobs.tail)


async def popped(redis: Redis) -> str:
    job = await pop(redis)
    assert job is not None
    return job[0]


def bubble_of(hand: TurnInHand) -> Bubble:
    return Bubble(hand.turn.turn_id, 0, "Yes.", "Yes.")


# -- what is kept, and for how long ----------------------------------------------------------------


async def test_everything_but_the_few_named_keys_runs_out(store: RedisStore, redis: Redis) -> None:
    phone, user = "15550190777", USER
    await store.take_in([said("Hi", user_id=user, phone=phone, wamid="wamid.IN1")])
    turn_id = await popped(redis)
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        await hand.note(model_asked_at=1.5)
        await hand.begin_send(bubble_of(hand), attempt=1, within=timedelta(seconds=1))
        await store.take_in([Status("wamid.OUT1", NUMBER, Delivery.SENT, NOW, f"{turn_id}:0:1")])
        await hand.settle_send(bubble_of(hand), wamid="wamid.OUT1")
        await store.take_in(
            [said("And?", user_id=user, phone=phone), Ignored("reaction", "wamid.R")]
        )
        await expect_expiry(redis)
        await hand.finish("Yes.", ending="answered")
    await store.take_in([Status("wamid.OUT1", NUMBER, Delivery.READ, NOW)])
    await store.take_in([Status("wamid.FOREIGN", NUMBER, Delivery.READ, NOW)])
    await store.take_in([Moved(NUMBER, user, phone, "US.2002", "15550190888")])
    await store.take_in([said("Old number", user_id=None, phone="15550190999")])
    await store.report_trouble("token", "190")
    await store.beat()
    stop = Notice("stop", "account", "disabled", "701", at=NOW, wait=timedelta(minutes=1))
    await store.take_in([stop])
    until = datetime.now(UTC) + timedelta(hours=12)
    await store.pause(CONVERSATION, reason="asked", until=until)
    await store.pause_number(NUMBER, until=until)
    await store.take_in([said("Hello?", user_id="US.2003", phone=None)])
    meter = RedisMeter(redis)
    meter.count(metrics.TURNS, ending="answered")
    await meter.close()
    await expect_expiry(redis)


async def test_a_worker_counts_while_its_heart_beats(store: RedisStore, redis: Redis) -> None:
    assert (await store.gauges())[metrics.WORKERS] == 0
    for name, seconds in {"alive": 0, "slow": 10, "killed": 20}.items():
        beat = utcformat(datetime.now(UTC) - timedelta(seconds=seconds))
        await redis.sadd(f"rq:workers:{QUEUE}", f"rq:worker:{name}")
        await redis.hset(f"rq:worker:{name}", "last_heartbeat", beat)
    await redis.sadd(f"rq:workers:{QUEUE}", "rq:worker:gone")
    assert (await store.gauges())[metrics.WORKERS] == 2


LASTING = ("rv:pending", "rv:paused", "rv:paused_numbers", "rv:version", "rv:owner")


async def expect_expiry(redis: Redis) -> None:
    seen = set()
    async for key in redis.scan_iter("rv:*"):
        left = await redis.pttl(key)  # a second's worth may be all
        seen.add(key.split(":")[1])
        if key in LASTING:
            assert left == -1, key
        elif left != -2:  # it has run out meanwhile
            assert 0 <= left <= timedelta(days=30).total_seconds() * 1000, key
        for personal in ("1555", "wamid", "US."):
            assert personal not in key
    assert seen >= {"seen", "alias", "conversation", "inbox", "turn", "bubble", "pending"}


async def test_a_pause_without_an_end_is_kept_400_days_after_the_persons_last_words(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("Hi", phone="15550190777")])
    await store.pause(CONVERSATION, reason="stop", until=None)
    days = 400 * 24 * 3600
    pause, alias = f"rv:pause:{CONVERSATION}", f"rv:alias:{CONVERSATION}"
    assert days - 60 < await redis.ttl(pause) <= days
    await redis.expire(pause, 500)
    await store.take_in([said("Still here?", phone="15550190777")])
    for key in (pause, alias, f"rv:alias:{KEYS.phone(NUMBER, '15550190777')}"):
        assert days - 60 < await redis.ttl(key) <= days
    assert float(await redis.zscore("rv:paused", CONVERSATION) or 0) > time.time() + days - 60


async def test_a_message_is_remembered_longer_than_meta_delivers_it_again(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("Hi", wamid="wamid.IN1")])
    turn_id = await popped(redis)
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        await hand.finish("Yes.", ending="answered")
    assert await redis.ttl(f"rv:seen:{KEYS.message('wamid.IN1')}") > 7 * 24 * 3600


async def test_what_waits_is_listed_by_its_age_until_it_is_answered(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("Now"), said("Before", at=NOW - timedelta(seconds=60))])
    assert await redis.zscore("rv:pending", CONVERSATION) == NOW.timestamp() - 60
    turn_id = await popped(redis)
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        await store.take_in([said("After", at=NOW + timedelta(seconds=5))])
        await hand.finish("Yes.", ending="answered")
    assert await redis.zscore("rv:pending", CONVERSATION) == NOW.timestamp() + 5
    async with store.turn(CONVERSATION, await popped(redis)) as hand:
        assert hand is not None
        await hand.finish("Yes.", ending="answered")
    assert await redis.zcard("rv:pending") == 0


OTHERS = {
    "another person": replace(said("Hi", user_id="US.2", phone=None), account_id="701"),
    "another number": replace(
        said("Hi", user_id="US.3", phone=None, number="200000000000002"), account_id="701"
    ),
    "another account": replace(
        said("Hi", user_id="US.4", phone=None, number="300000000000003"), account_id="702"
    ),
}


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ("pair", []),
        ("number", ["another person"]),
        ("token", ["another person"]),  # each number may have a token of its own
        ("account", ["another person", "another number"]),
        ("app", ["another person", "another number", "another account"]),
    ],
)
async def test_a_scope_holds_back_those_whom_it_is_about(
    store: RedisStore, redis: Redis, scope: Scope, held: list[str]
) -> None:
    await store.take_in([replace(said("Hi"), account_id="701")])
    async with store.turn(CONVERSATION, await popped(redis)) as hand:
        assert hand is not None
        await hand.hold(scope, code=1, wait=timedelta(minutes=1), growth=1)
    found = []
    for name, message in OTHERS.items():
        await store.take_in([message])
        job = await pop(redis)
        assert job is not None
        try:
            async with store.turn(job[1], job[0]):
                pass
        except Parked:
            found.append(name)
    assert found == held


async def test_a_stop_is_for_one_account_only(store: RedisStore, redis: Redis) -> None:
    await store.take_in([replace(said("Hi"), account_id="701")])
    wait = timedelta(minutes=1)
    await store.take_in([Notice("stop", "account", "disabled", "702", at=NOW, wait=wait)])
    turn_id = await popped(redis)
    assert await take(store, turn_id)
    await store.take_in([Notice("stop", "account", "disabled", "701", at=NOW, wait=wait)])
    with pytest.raises(Parked):
        await take(store, turn_id)


# -- leases ----------------------------------------------------------------------------------------


async def test_a_lease_is_kept_while_its_turn_is_in_hand(store: RedisStore, redis: Redis) -> None:
    await store.take_in([said("Hi")])
    async with store.turn(CONVERSATION, await popped(redis)) as hand:
        assert hand is not None
        soon = int(LEASE_SECONDS * 1000 / 2)
        await redis.pexpire(LEASE, soon)  # as if half of it had gone by
        await until(lambda: later_than(redis, soon))
        await hand.finish("Yes.", ending="answered")
    assert not await redis.exists(LEASE)


async def later_than(redis: Redis, milliseconds: int) -> bool:
    return bool(await redis.pttl(LEASE) > milliseconds)


async def test_a_blocked_loop_keeps_its_lease(store: RedisStore, redis: Redis) -> None:
    await store.take_in([said("Hi")])
    async with store.turn(CONVERSATION, await popped(redis)) as hand:
        assert hand is not None
        await redis.pexpire(LEASE, int(LEASE_SECONDS * 1000 / 2))
        time.sleep(LEASE_SECONDS / 2 + 0.5)  # noqa: ASYNC251 - that is the point
        await hand.finish("Yes.", ending="answered")


async def test_a_stolen_lease_cancels_the_turn(store: RedisStore, redis: Redis) -> None:
    await store.take_in([said("Hi")])
    turn_id = await popped(redis)

    async def work() -> None:
        async with store.turn(CONVERSATION, turn_id), asyncio.timeout(30):
            await redis.set(LEASE, "another", px=60_000)
            await asyncio.Event().wait()

    with pytest.raises(LeaseLost):
        await work()
    assert await redis.get(LEASE) == "another"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # nothing of the cancellation is left for the next wait


async def test_a_lease_that_is_being_given_back_cannot_be_lost(
    store: RedisStore, redis: Redis
) -> None:
    """Its renewal may come between the script that ends the turn and that script's answer."""
    await store.take_in([said("Hi")])
    async with store.turn(CONVERSATION, await popped(redis)) as hand:
        assert hand is not None
        hand.is_ending = True
        await redis.delete(LEASE)
        held = store._leases._held
        await until(lambda: asyncio.sleep(0, not held))  # the renewal has missed it
        await asyncio.sleep(0)


async def test_a_cancelled_turn_gives_its_lease_back(store: RedisStore, redis: Redis) -> None:
    await store.take_in([said("Hi")])
    turn_id = await popped(redis)
    begun = asyncio.Event()

    async def work() -> None:
        async with store.turn(CONVERSATION, turn_id):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await redis.exists(LEASE)


async def test_the_lease_of_a_dead_worker_is_taken_when_it_has_run_out(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("Hi")])
    turn_id = await popped(redis)
    await redis.set(LEASE, f"{turn_id}:a dead one", px=60_000)
    with pytest.raises(Parked) as parked:  # its place is free for others meanwhile
        await take(store, turn_id)
    assert 58 < parked.value.after.total_seconds() <= 60
    await redis.delete(LEASE)
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        assert [message.text for message in hand.turn.messages] == ["Hi"]
        assert await redis.hget(KNOWN, "doubted") is None


async def test_the_last_of_a_dead_workers_lease_is_waited_for(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("Hi")])
    turn_id = await popped(redis)
    await redis.set(LEASE, f"{turn_id}:a dead one", px=300)
    assert await take(store, turn_id)


async def test_a_lease_that_was_kept_past_its_end_is_left_to_its_holder(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("Hi")])
    turn_id = await popped(redis)
    await redis.set(LEASE, f"{turn_id}:a living one", px=60_000)
    with pytest.raises(Parked):
        await take(store, turn_id)
    with pytest.raises(Parked):  # too early to tell
        await take(store, turn_id)
    await redis.hset(KNOWN, "doubted_until_ms", 0)
    assert not await take(store, turn_id)
    await redis.set(LEASE, f"{turn_id}:its successor", px=60_000)
    with pytest.raises(Parked):  # of whom nothing is known
        await take(store, turn_id)


async def test_a_lease_of_another_jobs_worker_is_left_to_that_job(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("Hi")])
    turn_id = await popped(redis)
    await redis.set(LEASE, f"{turn_id}:its worker", px=60_000)
    assert not await take(store, "f" * 32)
    await redis.hset(f"rq:job:{turn_id}", "status", "failed")
    with pytest.raises(Parked):  # now nobody else would come
        await take(store, "f" * 32)


async def take(store: RedisStore, turn_id: str) -> bool:
    """Whether the turn was to be had."""
    async with store.turn(CONVERSATION, turn_id) as hand:
        return hand is not None


async def test_runs_that_end_without_a_word_are_counted_until_a_bubble_gets_through(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("Hi")])
    turn_id = await popped(redis)
    record = f"rv:turn:{turn_id}"

    async def deaths() -> int:
        async with store.turn(CONVERSATION, turn_id) as hand:
            assert hand is not None
            assert await redis.hget(record, "holder") == hand.turn.token
            return hand.turn.deaths

    assert [await deaths(), await deaths()] == [0, 0]  # they have left alive
    for died in (1, 2):
        await redis.hset(record, "holder", "one that never left")
        assert await deaths() == died
    assert await deaths() == 2
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=timedelta(seconds=1))
        await hand.settle_send(bubble_of(hand), wamid="wamid.o")
    assert await deaths() == 0
    await redis.hset(record, "holder", "one that never left")
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        await hand.give_up()
    assert await deaths() == 0


# -- a send whose answer was lost ------------------------------------------------------------------


async def let_intake_be_away(redis: Redis, seconds: float) -> None:
    """As if the last web process had died so long ago."""
    now, microseconds = await redis.time()
    await redis.hset("rv:intake", "beat_ms", (now - seconds) * 1000 + microseconds // 1000)


@asynccontextmanager
async def lost(store: RedisStore, redis: Redis) -> AsyncIterator[TurnInHand]:
    """A turn whose send is lost from now on."""
    await store.take_in([said("Hi")])
    async with store.turn(CONVERSATION, await popped(redis)) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=timedelta(seconds=1))
        await hand.settle_send(bubble_of(hand), uncertain=True)
        yield hand


async def test_while_no_webhook_can_come_in_a_lost_answer_keeps_its_time(
    store: RedisStore, redis: Redis
) -> None:
    within, moment = timedelta(seconds=5), timedelta(milliseconds=20)
    await store.beat()
    async with lost(store, redis) as hand:
        waits_from = f"rv:turn:{hand.turn.turn_id}", "waits_from:0"
        began = float(await redis.hget(*waits_from) or 0)
        await redis.hset(*waits_from, began - 600_000)  # ten minutes ago, and nobody listened
        await let_intake_be_away(redis, 600)
        with pytest.raises(Parked):
            await hand.has_left(0, within=within, most=moment)
        await store.beat()  # the web process is back
        with pytest.raises(Parked) as parked:
            await hand.has_left(0, within=within, most=moment)
        assert 2 < parked.value.after.total_seconds() <= 5 + 1
        await redis.hset(*waits_from, began - 605_500)
        assert not await hand.has_left(0, within=within, most=moment)
        await redis.hdel(*waits_from)  # a failover has forgotten it
        await redis.hset(waits_from[0], "deadline_ms:0", began - 5500)
        assert not await hand.has_left(0, within=within, most=moment)


async def test_not_even_a_dead_intake_makes_a_lost_answer_wait_for_ever(
    store: RedisStore, redis: Redis
) -> None:
    await store.beat()
    async with lost(store, redis) as hand:
        deadline = f"rv:turn:{hand.turn.turn_id}", "deadline_ms:0"
        began = float(await redis.hget(*deadline) or 0)
        await redis.hset(*deadline, began - LOST_MOST.total_seconds() * 1000 - 2000)
        await let_intake_be_away(redis, 7200)
        moment = timedelta(milliseconds=20)
        assert not await hand.has_left(0, within=timedelta(seconds=5), most=moment)


async def test_beats_at_the_usual_pace_stop_no_clock(store: RedisStore, redis: Redis) -> None:
    await store.beat()
    await let_intake_be_away(redis, 2)
    await store.beat()
    assert await redis.hget("rv:intake", "away_ms") == "0"
    await let_intake_be_away(redis, 60)
    await store.beat()
    assert 58_000 < float(await redis.hget("rv:intake", "away_ms") or 0) <= 61_000


# -- which jobs are live ---------------------------------------------------------------------------


@dataclass
class Job:
    """A conversation's job, and what can become of it."""

    redis: Redis
    turn_id: str

    async def vanishes(self) -> None:
        await self.redis.lrem(WAITING, 0, self.turn_id)

    async def is_popped(self) -> None:
        await self.redis.lmove(WAITING, POPPED)

    async def is_said_to_be(self, status: str) -> None:
        await self.redis.hset(f"rq:job:{self.turn_id}", "status", status)

    async def is_scheduled(self) -> None:
        await self.vanishes()
        await self.is_said_to_be("scheduled")
        await self.redis.zadd(f"rq:scheduled:{QUEUE}", {self.turn_id: time.time() + 30})

    async def expires(self) -> None:
        await self.vanishes()
        await self.redis.delete(f"rq:job:{self.turn_id}")


Steps = Callable[[Job], Awaitable[None]]


async def nothing(job: Job) -> None:
    """It waits in the queue."""


async def killed_at_work(job: Job) -> None:
    await job.vanishes()
    await job.is_said_to_be("started")


async def given_up(job: Job) -> None:
    await job.vanishes()
    await job.is_said_to_be("failed")


@pytest.mark.parametrize(
    ("fate", "outcome"),
    [
        pytest.param(nothing, "joined", id="waits in the queue"),
        pytest.param(Job.is_popped, "joined", id="was popped just now"),
        pytest.param(Job.is_scheduled, "joined", id="is to be tried again later"),
        pytest.param(killed_at_work, "queued", id="says started and is nowhere"),
        pytest.param(Job.vanishes, "queued", id="says queued and is nowhere"),
        pytest.param(given_up, "queued", id="has failed for good"),
        pytest.param(Job.expires, "queued", id="is no more"),
    ],
)
async def test_a_message_waits_for_a_job_only_where_a_worker_will_find_it(
    store: RedisStore, redis: Redis, fate: Steps, outcome: str
) -> None:
    await store.take_in([said("one")])
    turn_id = str(await redis.lindex(WAITING, 0))
    await fate(Job(redis, turn_id))
    await forget_that_it_was_live(redis)
    assert outcomes(await store.take_in([said("two")])) == [outcome]
    jobs = await redis.lrange(WAITING, 0, -1)
    assert len([job for job in jobs if job != turn_id]) == (1 if outcome == "queued" else 0)


async def forget_that_it_was_live(redis: Redis) -> None:
    """A positive answer is trusted for some seconds; let them have gone by."""
    await redis.hset(KNOWN, "live_ms", 0)


async def test_a_job_that_was_popped_long_ago_and_never_begun_is_dead(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("one")])
    await redis.lmove(WAITING, POPPED)
    await forget_that_it_was_live(redis)
    assert outcomes(await store.take_in([said("two")])) == ["joined"]
    first_seen = await redis.hget(KNOWN, "popped_ms")
    assert first_seen
    assert outcomes(await store.take_in([said("three")])) == ["joined"]
    await redis.hset(KNOWN, "popped_ms", int(first_seen) - 60_000)
    assert outcomes(await store.take_in([said("four")])) == ["queued"]
    async with store.turn(CONVERSATION, await popped(redis)) as hand:
        assert hand is not None
        assert [message.text for message in hand.turn.messages] == ["one", "two", "three", "four"]


async def test_the_longer_the_queue_the_less_often_it_is_searched(
    store: RedisStore, redis: Redis
) -> None:
    """One more message of everybody who waits would else cost the square of their number."""
    await redis.rpush(WAITING, *range(20_000))
    await store.take_in([said("one")])
    for number, searches in enumerate((0, 1, 0)):
        live_ms = int(await redis.hget(KNOWN, "live_ms") or 0)
        seconds_gone = 10 if number != 1 else 30
        await redis.hset(KNOWN, "live_ms", live_ms - 1000 * seconds_gone)
        before = await searched(redis)
        assert outcomes(await store.take_in([said(f"more {number}")])) == ["joined"]
        assert await searched(redis) - before == searches
    await redis.ltrim(WAITING, -1, -1)
    async with store.turn(CONVERSATION, await popped(redis)):
        assert not await redis.hexists(KNOWN, "live_ms")


async def searched(redis: Redis) -> int:
    stats = await redis.info("commandstats")
    return int(stats["cmdstat_lpos"]["calls"]) if "cmdstat_lpos" in stats else 0


async def test_a_failed_job_blocks_nobody_even_if_it_was_live_a_moment_ago(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("one")])
    await Job(redis, await popped(redis)).is_said_to_be("failed")
    assert outcomes(await store.take_in([said("two")])) == ["queued"]


async def test_a_second_run_of_an_answered_turn_finds_nothing(
    store: RedisStore, redis: Redis
) -> None:
    await store.take_in([said("one")])
    turn_id = await popped(redis)
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        await hand.finish("Yes.", ending="answered")
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is None
    assert outcomes(await store.take_in([said("two")])) == ["queued"]


# -- Redis away ------------------------------------------------------------------------------------


@pytest.fixture
async def relay(redis_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    async with relay_to(redis_url, tmp_path) as relay:
        yield relay


@pytest.fixture
async def far_store(relay: Relay) -> AsyncIterator[RedisStore]:
    """A store whose way to Redis can be cut."""
    async with AsyncExitStack() as stack:
        yield open_store(relay.url, stack)


async def cut(relay: Relay) -> None:
    await relay.stop()


async def held(relay: Relay) -> None:
    relay.open.clear()


@pytest.mark.parametrize("trouble", [cut, held], ids=["refused", "silent"])
async def test_a_webhook_waits_two_seconds_for_redis_and_no_longer(
    far_store: RedisStore, relay: Relay, trouble: Callable[[Relay], Awaitable[None]]
) -> None:
    await far_store.take_in([said("before")])
    await trouble(relay)
    message = said("during")
    async with asyncio.timeout(20):
        failures = await asyncio.gather(
            far_store.ping(),
            far_store.troubles(),
            far_store.take_in([message]),
            return_exceptions=True,
        )
    for failure in failures:
        assert isinstance(failure, Unavailable)
        assert failure.scope == "store"
        assert "during" not in str(failure)
    await relay.stop()
    await relay.start()
    assert outcomes(await far_store.take_in([message])) == ["joined"]
    assert outcomes(await far_store.take_in([message])) == ["duplicate"]


async def test_a_late_answer_is_not_taken_for_the_next_ones(
    far_store: RedisStore, relay: Relay, redis: Redis
) -> None:
    await far_store.ping()
    relay.open.clear()
    message = said("during")
    with pytest.raises(Unavailable):
        await far_store.take_in([message])
    relay.open.set()  # the script runs now, and nobody waits for its answer
    await until(lambda: redis.llen(WAITING))
    assert outcomes(await far_store.take_in([message, said("after")])) == ["duplicate", "joined"]
    await far_store.ping()


async def test_news_are_heard_again_after_a_broken_connection(
    far_store: RedisStore, relay: Relay, redis: Redis
) -> None:
    await far_store.take_in([said("one")])
    async with far_store.turn(CONVERSATION, await popped(redis)) as hand:
        assert hand is not None
        await until(lambda: listeners(redis))
        await relay.stop()
        await until(lambda: no_listeners(redis))
        await relay.start()
        await until(lambda: listeners(redis))
        await far_store.take_in([said("two")])
        async with asyncio.timeout(30):
            await hand.grown.wait()


async def listeners(redis: Redis) -> bool:
    return bool((await redis.pubsub_numsub("rv:news"))[0][1])


async def no_listeners(redis: Redis) -> bool:
    return not await listeners(redis)


async def test_closing_ends_also_without_redis(relay: Relay, redis: Redis) -> None:
    async with AsyncExitStack() as stack:
        store = open_store(relay.url, stack)
        await store.take_in([said("one")])
        async with store.turn(CONVERSATION, await popped(redis)) as hand:
            assert hand is not None
            await hand.finish("Yes.", ending="answered")
        await relay.stop()
        async with asyncio.timeout(30):
            await stack.aclose()


# -- everything at once ----------------------------------------------------------------------------

PEOPLE = 6
MESSAGES = 150


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_message_is_answered_exactly_once_whatever_happens_at_the_same_time(
    redis_url: str, redis: Redis, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes with three workers each, among them some whose turns break off."""
    # A second job of a conversation waits for the first one's lease, with one of six workers.
    monkeypatch.setattr("app.adapters.redis_store.LEASE_SECONDS", 2.0)
    dice = random.Random(seed)
    answered: Counter[str] = Counter()
    everything = [f"message {n}" for n in range(MESSAGES)]
    done = asyncio.Event()

    async def pause() -> None:
        await asyncio.sleep(dice.choice((0, 0, 0.001, 0.003)))

    async def person(store: RedisStore, texts: list[str]) -> None:
        for text in texts:
            message = said(text, user_id=f"US.{dice.randrange(PEOPLE)}", phone=None)
            await store.take_in([message])
            if dice.random() < 0.2:
                assert outcomes(await store.take_in([message])) == ["duplicate"]
            await pause()

    async def worker(store: RedisStore) -> None:
        while not done.is_set():
            job = await pop(redis)
            if job is None:
                await pause()
                continue
            turn_id, conversation = job
            await redis.hset(f"rq:job:{turn_id}", "status", "started")
            await pause()
            try:
                ended = await run(store, turn_id, conversation)
            except LeaseLost:
                ended = False
            if ended:
                await redis.hset(f"rq:job:{turn_id}", "status", "finished")
            else:  # RQ tries it again
                await redis.hset(f"rq:job:{turn_id}", "status", "queued")
                await redis.rpush(WAITING, turn_id)

    async def run(store: RedisStore, turn_id: str, conversation: str) -> bool:
        async with store.turn(conversation, turn_id) as hand:
            if hand is None:
                return True
            await pause()
            if dice.random() < 0.15:
                return False
            if dice.random() < 0.3:
                await hand.join()
            await pause()
            await hand.finish("Yes.", ending="answered")
            answered.update(message.text for message in hand.turn.messages)
            if len(answered) == MESSAGES:
                done.set()
            return True

    async with AsyncExitStack() as stack, asyncio.timeout(100), asyncio.TaskGroup() as group:
        # redis-py swallows a cancellation while it connects: then only this ends a worker's loop.
        asyncio.get_running_loop().call_later(90, done.set)
        stores = [open_store(redis_url, stack) for _ in range(2)]
        for store in stores * 3:
            group.create_task(worker(store))
        for number in range(5):
            group.create_task(person(stores[number % 2], everything[number::5]))
    assert answered == Counter(everything)
    assert await redis.zcard("rv:pending") == 0
    assert not [key async for key in redis.scan_iter("rv:inbox:*")]
    assert not [key async for key in redis.scan_iter("rv:lease:*")]


# -- a failover that forgot the last seconds -------------------------------------------------------


async def forget_the_last_second(redis: Redis, turn_id: str) -> None:
    """What a replica does not know that became the primary too early."""
    await redis.delete(f"rv:turn:{turn_id}", "rv:bubble:" + KEYS.message("wamid.OUT1"))
    await redis.hdel(KNOWN, "open")
    await redis.client_kill_filter(_type="pubsub")


async def test_a_new_primary_is_told_what_was_sent(store: RedisStore, redis: Redis) -> None:
    await store.take_in([said("Hi", user_id=USER, phone=None)])
    turn_id = await popped(redis)
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        bubble = bubble_of(hand)
        await hand.begin_send(bubble, attempt=1, within=timedelta(seconds=1))
        await hand.settle_send(bubble, wamid="wamid.OUT1")
        await until(lambda: _subscribed(redis))
        store._run_id = "the primary before"  # a test has only one server to lose
        await forget_the_last_second(redis, turn_id)
        await until(lambda: _state(redis, turn_id, "sent"))
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        assert [(one.bubble, one.state) for one in hand.turn.standing] == [(bubble, "sent")]


async def test_a_lost_lease_leaves_word_of_what_was_sent(store: RedisStore, redis: Redis) -> None:
    await store.take_in([said("Hi", user_id=USER, phone=None)])
    turn_id = await popped(redis)

    async def lose_the_lease() -> None:
        async with store.turn(CONVERSATION, turn_id) as hand:
            assert hand is not None
            await hand.begin_send(bubble_of(hand), attempt=2, within=timedelta(seconds=1))
            await redis.delete(f"rv:turn:{turn_id}", LEASE)
            await asyncio.sleep(LEASE_SECONDS)  # until the keeper's next round

    with pytest.raises(LeaseLost):
        await lose_the_lease()
    async with store.turn(CONVERSATION, turn_id) as hand:
        assert hand is not None
        (standing,) = hand.turn.standing
        assert (standing.state, standing.attempt) == ("sending", 2)


async def _subscribed(redis: Redis) -> bool:
    return bool((await redis.pubsub_numsub("rv:news"))[0][1])


async def _state(redis: Redis, turn_id: str, state: str) -> bool:
    return await redis.hget(f"rv:turn:{turn_id}", "state:0") == state
