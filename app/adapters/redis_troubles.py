"""What does not work now, in Redis: met in practice, found by the watch, or seen here."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import get_args

import orjson
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from app.errors import Scope

SCOPES: Sequence[Scope] = get_args(Scope)

TROUBLE = timedelta(minutes=2)
TRIAL = timedelta(seconds=10)

PULSE_KEY = "rv:pulse"
PULSE = timedelta(seconds=10)
"""Workers beat every 2 s; without a beat for so long there is none."""

BLOCKED_SECONDS = 5.0
"""A worker's loop that has not turned for so long answers nobody."""

BEHIND = timedelta(seconds=20)
"""A turn that no worker has taken for so long: they are stuck, suspended or too few."""

WATCH_KEY, WATCHED_KEY = "rv:watch", "rv:watched"
WATCH_PAUSE = timedelta(minutes=5)
"""From one look at Meta to the next: management calls are 200 an hour ("Rate limits")."""

WATCH_WITHIN = timedelta(minutes=1)
"""How long the process that looks may take; after this another one looks."""

WATCHED = 2 * WATCH_PAUSE + WATCH_WITHIN
"""How long a finding stands when nobody looks again."""


class RedisTroubles:
    """The part of the ``Store`` port that is about troubles.

    Args:
        queue: The queue that workers serve.
    """

    def __init__(self, redis: "AsyncRedis", queue: str) -> None:
        self._redis = redis
        self._queue_key = f"rq:queue:{queue}"

    async def report(self, scope: str, code: str) -> None:
        """See ``Store.report_trouble``."""
        await self._redis.set(_key(scope), code, ex=TROUBLE)

    async def take_watch(self) -> bool:
        """See ``Store.take_watch``."""
        return bool(await self._redis.set(WATCH_KEY, "", nx=True, ex=WATCH_WITHIN))

    async def end_watch(self, found: Mapping[str, str] | None) -> None:
        """See ``Store.end_watch``."""
        async with self._redis.pipeline(transaction=False) as pipe:
            if found is not None:
                pipe.set(WATCHED_KEY, orjson.dumps(found), ex=WATCHED)
            pipe.set(WATCH_KEY, "", ex=WATCH_PAUSE)
            await pipe.execute()

    async def told(self) -> dict[str, str]:
        """See ``Store.troubles``. What was met in practice counts more than what was found."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.mget([*map(_key, SCOPES), PULSE_KEY, WATCHED_KEY])
            pipe.lindex(self._queue_key, 0)
            pipe.set("rv:ready", "", ex=TRIAL)
            values, oldest_job, written = await pipe.execute(raise_on_error=False)
        refused = written if isinstance(written, ResponseError) else None
        for answer in (values, oldest_job, None if refused else written):
            if isinstance(answer, Exception):
                raise answer
        *codes, pulse, watched = values
        found: dict[str, str] = orjson.loads(watched) if watched else {}
        found |= {scope: code.decode() for scope, code in zip(SCOPES, codes, strict=True) if code}
        if refused:
            # Then no worker can write that it lives, either.
            return {**found, "store": refusal(refused)}
        if pulse is None:
            found["worker"] = "none"
        elif "worker" not in found and await self._is_old(oldest_job):
            found["worker"] = "behind"
        return found

    async def _is_old(self, job_id: bytes | None) -> bool:
        """Whether this turn has stood in the queue for too long."""
        if job_id is None:
            return False
        queued_at = await self._redis.hget(f"rq:job:{job_id.decode()}", "enqueued_at")
        if not isinstance(queued_at, bytes):
            return False
        waited = time.time() - datetime.fromisoformat(queued_at.decode()).timestamp()
        return waited > BEHIND.total_seconds()


class Pulse:
    """Says that a worker lives and whether its loop turns; for the thread of its heartbeat.

    Args:
        redis: Not closed here.
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._was_blocked = False

    def beat(self, blocked_seconds: float) -> None:
        """Say it once; it stands for ``PULSE``. A loop that turns again is told at once.

        Args:
            blocked_seconds: How long the loop has not turned.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(PULSE_KEY, "", ex=PULSE)
            if blocked := blocked_seconds > BLOCKED_SECONDS:
                pipe.set(_key("worker"), "blocked", ex=PULSE)
            elif self._was_blocked:
                pipe.delete(_key("worker"))  # another one that is blocked says so again
            pipe.execute()
            self._was_blocked = blocked


def _key(scope: str) -> str:
    return f"rv:trouble:{scope}"


def refusal(error: ResponseError) -> str:
    """Why Redis takes no writes, in one word."""
    if isinstance(error, OutOfMemoryError):
        return "full"
    if isinstance(error, ReadOnlyError):
        return "read_only"
    word = str(error).partition(" ")[0]
    return {"NOREPLICAS": "lacks_replicas", "MISCONF": "disk"}.get(word, "refuses")
