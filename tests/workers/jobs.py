"""Jobs that the worker's tests run, and a worker whose patience suits them."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

from redis.asyncio import Redis as AsyncRedis
from rq.job import Retry

from workers.async_worker import AsyncWorker, current_job, current_worker

LOG = "tests:log"
"""A list of what jobs have done, in order; an entry is ``<word> <argument>``."""

here: list[str] = []
all_here = asyncio.Event()

BEATS = "tests:beats"
"""How many heartbeats each worker has had, by its name."""

redis_of_jobs: ContextVar[AsyncRedis] = ContextVar("redis_of_jobs")


class QuickWorker(AsyncWorker):
    """Seconds where the real one takes tens of them."""

    beat_seconds = 0.5
    dead_after_seconds = 3
    margin_seconds = 3
    stranded_after_seconds = 2.0
    recovery_seconds = 0.5
    blocked_seconds = 0.5
    cancel_seconds = 3.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lifespan = self._clients
        self.at_each_beat.append(self._count_beat)
        self._url = os.environ["TESTS_REDIS_URL"]

    @contextlib.asynccontextmanager
    async def _clients(self) -> AsyncIterator[None]:
        async with AsyncRedis.from_url(self._url) as redis:
            redis_of_jobs.set(redis)
            await redis.rpush(LOG, f"open {self.name}")
            yield
            await redis.rpush(LOG, f"close {self.name}")

    def _count_beat(self) -> None:
        self.connection.hincrby(BEATS, self.name, 1)


async def say(word: str) -> None:
    await redis_of_jobs.get().rpush(LOG, word)


async def noop() -> None:
    return None


async def greet(name: str) -> dict[str, str]:
    await say(f"ran {name}")
    return {"hello": name, "job": current_job.get().id, "worker": current_worker.get().name}


async def open_late() -> None:
    current_worker.get().exit_stack.push_async_callback(say, "closed what a job had opened")


def greet_plainly(name: str) -> str:
    from rq import get_current_job

    job = get_current_job()
    return f"{name} {job.id if job else None}"


async def wait(name: str, seconds: float) -> None:
    await say(f"began {name}")
    await asyncio.sleep(seconds)
    await say(f"ended {name}")


async def rest(seconds: float) -> None:
    """``wait`` with nothing to say: Redis may be away."""
    await asyncio.sleep(seconds)


async def wait_for_all(count: int) -> None:
    """End only when ``count`` jobs run at the same time in this process."""
    here.append(current_job.get().id)
    if len(here) == count:
        all_here.set()
    await all_here.wait()


async def hold_send(name: str, seconds: float) -> None:
    """Like a job in the middle of a send: cancelled, it still ends what it has begun."""
    await say(f"began {name}")
    sending = asyncio.ensure_future(asyncio.sleep(seconds))
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:
        await sending
        await say(f"sent {name}")
        raise
    await say(f"ended {name}")


async def ignore_cancel(name: str) -> None:
    await say(f"began {name}")
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


async def fail(secret: str) -> None:
    raise ValueError("no luck")


async def end_process(secret: str) -> None:
    raise SystemExit(3)


async def give_up(secret: str) -> None:
    raise asyncio.CancelledError


async def fail_once(name: str) -> str:
    job = current_job.get()
    await say(f"try {name}")
    if (job.retries_left or 0) > 0:
        raise ValueError("not yet")
    return "at last"


async def ask_again() -> object:
    if current_job.get().number_of_retries:
        return "second time"
    return Retry(max=1)


async def block_loop(seconds: float) -> None:
    await say("blocking")
    time.sleep(seconds)  # noqa: ASYNC251 - the mistake that the test is about


def sleep_in_thread(seconds: float) -> None:
    time.sleep(seconds)
