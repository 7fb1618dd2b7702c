"""What a Redis says of itself: how old it is, and whether it keeps what it is given."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from app.adapters.redis_client import async_redis
from app.adapters.redis_troubles import TRIAL, refusal
from app.errors import Unavailable


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """One server, from its own ``INFO``.

    Attributes:
        version: Of the Redis that it is, or is compatible with.
        is_primary: Whether it takes writes.
        appends: Whether it writes each change to a file (``appendonly``).
        fsync: When that file comes to the disk (``appendfsync``); ``None``: it does not say.
        policy: What it drops when its memory is full (``maxmemory-policy``).
        replicas: How many follow it now.
        waits_for_replicas: Whether it refuses writes when too few do (``min-replicas-to-write``).
        refuses: Why it takes no writes, in one word; ``""``: it does.
        full: How much of its memory is used, 0 to 1; ``None``: there is no limit.
        ahead: How far our clock is ahead of its.
    """

    name: str
    version: tuple[int, int]
    is_primary: bool
    appends: bool
    fsync: str | None
    policy: str
    replicas: int
    waits_for_replicas: bool
    refuses: str = ""
    full: float | None = None
    ahead: timedelta = timedelta()


async def redis_facts(url: str, *, within: float) -> RedisFacts:
    """Ask the Redis at ``url``, for ``within`` seconds at most.

    Raises:
        Unavailable: It does not answer; ``code`` is ``login`` when it does not know us.
    """
    redis = async_redis(url)
    try:
        async with asyncio.timeout(within):
            info = await redis.info()
            fsync = await _fsync(redis)
            ahead = await _ahead(redis)
            refuses = await _refuses(redis)
    except (RedisError, OSError) as exc:
        # Their own texts are left out: they may hold what stands in the URL.
        if isinstance(exc, AuthenticationError) or isinstance(exc.__context__, AuthenticationError):
            raise Unavailable("it does not take our login", code="login", scope="store") from None
        raise Unavailable(type(exc).__name__, scope="store") from None
    finally:
        await redis.aclose()
    version = str(info.get("redis_version", "0"))
    valkey = info.get("valkey_version")
    major, minor, *_ = (*version.split("."), "0", "0")
    return RedisFacts(
        name=f"Valkey {valkey}" if valkey else f"Redis {version}",
        version=(int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0),
        is_primary=info.get("role") == "master",
        appends=info.get("aof_enabled") == 1,
        fsync=fsync,
        policy=str(info.get("maxmemory_policy", "unknown")),
        replicas=int(info.get("connected_slaves", 0)),
        # Told only where there is a least number.
        waits_for_replicas="min_slaves_good_slaves" in info,
        refuses=refuses,
        full=int(info["used_memory"]) / limit if (limit := int(info.get("maxmemory", 0))) else None,
        ahead=ahead,
    )


async def _ahead(redis: "AsyncRedis") -> timedelta:
    """How far our clock is ahead: 0 where its time lies between our asking and its answer."""
    asked_at = time.time()
    seconds, microseconds = await redis.time()
    told = seconds + microseconds / 1e6
    if told < asked_at:
        return timedelta(seconds=asked_at - told)
    return timedelta(seconds=min(0.0, time.time() - told))


async def _refuses(redis: "AsyncRedis") -> str:
    try:
        await redis.set("rv:ready", "", ex=TRIAL)
    except ResponseError as exc:
        return refusal(exc)
    return ""


async def _fsync(redis: "AsyncRedis") -> str | None:
    try:
        found = await redis.config_get("appendfsync")
    except ResponseError:  # CONFIG is forbidden at many hosts
        return None
    return str(found["appendfsync"]) if "appendfsync" in found else None
