"""The operator's side of the store in Redis: the ``Admin`` port.

Keys that it alone reads, beside those of ``redis_store``:

=======================  =====  ==================================================================
``rv:answered``          zset   conversations whose turn ended, by when; the last 10,000
``rv:numbers``           zset   our numbers that were written to, by when; at most 1,000
``rv:merged:<c>``        set    conversations of a person's earlier ids, merged into this one
=======================  =====  ==================================================================
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from secrets import token_hex
from typing import Any

import orjson
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from app.adapters.redis_store import script_header, script_text
from app.adapters.redis_turn import KEPT, message_of, rq_time, utterance_of
from app.core.situation import Situation
from app.errors import Unavailable
from app.pipeline.admin import Erased, Listed, Listing, Party, Requeued, Words
from app.pipeline.ports import TurnJobs, TurnRecord

MOST_WAITING = 10_000
ADMIN_SECONDS = 5.0
"""How long an operator waits for Redis, at most."""


PARTY_FIELDS = ["number_id", "user_id", "phone", "name", "former"]

LISTS: Mapping[Listed, str] = {
    "waiting": "rv:pending",
    "given_up": "rv:given_up",
    "paused": "rv:paused",
    "answered": "rv:answered",
}


class RedisAdmin:
    """See ``Admin``."""

    def __init__(
        self, redis: "AsyncRedis", jobs: TurnJobs, *, texts_kept: timedelta = KEPT
    ) -> None:
        """
        Args:
            redis: Closed with it.
            jobs, texts_kept: As for ``RedisStore``.
        """
        self._redis = redis
        header = script_header(jobs, texts_kept)
        self._situations = redis.register_script(script_text("situations", header))
        self._requeue = redis.register_script(script_text("requeue", header))
        self._erase = redis.register_script(script_text("erase", header))

    async def close(self) -> None:
        """End the connections."""
        await self._redis.aclose()

    async def conversations(self, listed: Listed, *, offset: int, limit: int) -> Listing:
        """See ``Admin.conversations``."""
        keys = await self._keys_of(listed)
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.zcard(key)
            counts = await _in_time(pipe.execute())
        found: list[bytes] = []
        for key, count in zip(keys, counts, strict=True):
            if offset < count and len(found) < limit:
                last = offset + limit - len(found) - 1
                part = self._redis.zrange(key, offset, last, desc=listed == "answered")
                found += await _in_time(part)
            offset = max(0, offset - count)
        return Listing(sum(counts), await self._seen(found))

    async def _keys_of(self, listed: Listed) -> list[str]:
        """The sorted sets that make up a list, one behind the other."""
        keys = [LISTS[listed]]
        if listed == "paused":  # those of whole numbers that are paused stand apart
            numbers = await _in_time(self._redis.zrange("rv:paused_numbers", 0, -1))
            keys += [f"rv:paused:{number.decode()}" for number in numbers]
        return keys

    async def situation(self, conversation: str) -> Situation | None:
        """See ``Admin.situation``."""
        return next(iter(await self._seen([conversation])), None)

    async def _seen(self, conversations: Sequence[str | bytes]) -> list[Situation]:
        if not conversations:
            return []
        documents = await _in_time(self._situations(args=list(conversations)))
        return [Situation(**orjson.loads(one)) for one in documents if one]

    async def turns(self, conversation: str, *, most: int) -> list[TurnRecord]:
        """See ``Admin.turns``."""
        raw = await _in_time(self._redis.lrange(f"rv:turns:{conversation}", 0, most - 1))
        ids = [one.decode() for one in raw]
        async with self._redis.pipeline(transaction=False) as pipe:
            for turn_id in ids:
                pipe.hgetall(f"rv:turn:{turn_id}")
            records = await _in_time(pipe.execute())
        found = zip(ids, records, strict=True)
        return [TurnRecord(turn_id, _texts(raw)) for turn_id, raw in found if raw]

    async def record(self, turn_id: str) -> TurnRecord | None:
        """See ``Admin.record``."""
        raw = await _in_time(self._redis.hgetall(f"rv:turn:{turn_id}"))
        return TurnRecord(turn_id, _texts(raw)) if raw else None

    async def turn_of(self, key: str) -> str | None:
        """See ``Admin.turn_of``."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(f"rv:seen:{key}")
            pipe.hget(f"rv:bubble:{key}", "turn")
            found = await _in_time(pipe.execute())
        return next((one.decode() for one in found if one), None)

    async def requeue(self, conversation: str) -> Requeued:
        """See ``Admin.requeue``."""
        word = await _in_time(self._requeue(args=[conversation, rq_time(), token_hex(16)]))
        requeued: Requeued = word.decode()
        return requeued

    async def numbers(self) -> list[str]:
        """See ``Admin.numbers``."""
        raw = await _in_time(self._redis.zrange("rv:numbers", 0, -1))
        return sorted(one.decode() for one in raw)

    async def known_as(self, keys: Sequence[str]) -> list[str | None]:
        """See ``Admin.known_as``."""
        if not keys:
            return []
        raw = await _in_time(self._redis.mget([f"rv:alias:{key}" for key in keys]))
        return [one.decode() if one else None for one in raw]

    async def parties(self, conversations: Sequence[str]) -> list[Party]:
        """See ``Admin.parties``."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for one in conversations:
                pipe.hmget(f"rv:conversation:{one}", PARTY_FIELDS)
                pipe.smembers(f"rv:merged:{one}")
            raw = await _in_time(pipe.execute())
        found = []
        for one, fields, merged in zip(conversations, raw[::2], raw[1::2], strict=True):
            number, user_id, phone, name, former = (
                part.decode() if part else None for part in fields
            )
            if number or merged:
                earlier = sorted(key.decode() for key in merged)
                ids = former.split("\n") if former else []
                found.append(Party(one, number or "", user_id, phone, name, ids, earlier))
        return found

    async def words(self, conversation: str) -> Words:
        """See ``Admin.words``."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zrange(f"rv:inbox:{conversation}", 0, MOST_WAITING - 1)
            pipe.lrange(f"rv:history:{conversation}", 0, -1)
            waiting, history = await _in_time(pipe.execute())
        return Words(
            [message_of(document) for document in waiting],
            [utterance_of(entry) for entry in history],
        )

    async def erase(self, conversations: Mapping[str, Sequence[str]]) -> Erased:
        """See ``Admin.erase``."""
        if not conversations:
            return Erased()
        args = [orjson.dumps([one, *ways]) for one, ways in conversations.items()]
        counts = await _in_time(self._erase(args=[time.time(), *args]))
        return Erased(*counts)


async def _in_time(call: Any) -> Any:
    try:
        async with asyncio.timeout(ADMIN_SECONDS):
            return await call
    except (RedisError, OSError, TimeoutError) as exc:
        raise Unavailable(f"Redis: {type(exc).__name__}", scope="store") from exc


def _texts(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in raw.items()}
