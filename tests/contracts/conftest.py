"""The store under test: the fake and the real one, behind the same few questions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from app.adapters.leases import LeaseKeeper
from app.adapters.redis_admin import RedisAdmin
from app.adapters.redis_client import async_redis, sync_redis
from app.adapters.redis_store import RedisStore, script_header, script_text
from app.adapters.redis_troubles import PULSE_KEY
from app.adapters.rq_queue import QUEUE, turn_jobs
from app.core.keys import Keys
from app.pipeline.admin import Admin
from app.pipeline.ports import Store
from tests.fakes import FakeClock, FakeStore
from tests.fakes_admin import FakeAdmin

KEYS = Keys("a key of the tests")


@dataclass
class Stage:
    """A store, and what a worker would see of it.

    Attributes:
        admin: The operator's side of it.
        take_job: Pops the oldest queued turn: (turn id, conversation), or ``None``.
        steal: Takes the lease away from whoever holds this conversation.
        forget_job: Makes the job vanish, as after a crash of its worker.
        pass_time: Lets the store's own clock go on by so much.
        end_holds: Lets the time of every stop be over.
    """

    store: Store
    admin: Admin
    take_job: Callable[[], Awaitable[tuple[str, str] | None]]
    steal: Callable[[str], Awaitable[None]]
    forget_job: Callable[[str], Awaitable[None]]
    pass_time: Callable[[timedelta], Awaitable[None]]
    end_holds: Callable[[], Awaitable[None]]


def open_store(
    redis_url: str, stack: AsyncExitStack, *, tells_operators: bool = False
) -> RedisStore:
    leases_redis = sync_redis(redis_url)
    renew = leases_redis.register_script(script_text("renew_lease", script_header(turn_jobs())))
    leases = LeaseKeeper(leases_redis, renew)
    jobs = turn_jobs(tells_operators=tells_operators)
    store = RedisStore(async_redis(redis_url), leases, KEYS, jobs)
    stack.push_async_callback(store.close)
    return store


def fake_stage() -> Stage:
    store = FakeStore(KEYS, FakeClock())

    async def take_job() -> tuple[str, str] | None:
        return store.queue.pop(0) if store.queue else None

    async def steal(conversation: str) -> None:
        store.steal(conversation)

    async def pass_time(time: timedelta) -> None:
        store.clock.time += time

    async def forget_job(turn: str) -> None:
        store.queue = [job for job in store.queue if job[0] != turn]

    async def end_holds() -> None:
        for hold in store.holds.values():
            hold.until = store.clock.now()

    return Stage(store, FakeAdmin(store), take_job, steal, forget_job, pass_time, end_holds)


def redis_stage(redis_url: str, stack: AsyncExitStack) -> Stage:
    store = open_store(redis_url, stack)
    redis = Redis.from_url(redis_url)
    stack.push_async_callback(redis.aclose)

    async def take_job() -> tuple[str, str] | None:
        raw = await redis.lpop(f"rq:queue:{QUEUE}")
        if not isinstance(raw, bytes):
            return None
        jobs, turn = turn_jobs(), raw.decode()
        data = await redis.hget(f"rq:job:{turn}", "data")
        text = data.decode() if isinstance(data, bytes) else ""
        return turn, text.removeprefix(jobs.head).removesuffix(jobs.tail)

    async def steal(conversation: str) -> None:
        await redis.set(f"rv:lease:{conversation}", "another", px=60_000)

    async def pass_time(time: timedelta) -> None:
        await asyncio.sleep(time.total_seconds())  # the server's clock cannot be turned

    async def forget_job(turn: str) -> None:
        await redis.delete(f"rq:job:{turn}")

    async def end_holds() -> None:
        async for key in redis.scan_iter("rv:hold:*"):
            await redis.hset(key, "until_ms", "0")

    admin = RedisAdmin(async_redis(redis_url), turn_jobs())
    stack.push_async_callback(admin.close)
    return Stage(store, admin, take_job, steal, forget_job, pass_time, end_holds)


@pytest.fixture(params=["fake", "redis"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            yield fake_stage()
        else:
            url = request.getfixturevalue("redis_url")
            async with Redis.from_url(url) as redis:
                await redis.set(PULSE_KEY, "", ex=600)  # else that no worker lives is a trouble
            yield redis_stage(url, stack)
