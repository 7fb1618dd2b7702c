"""What each version of us leaves in Redis, kept as files: the next version must be able to read it.

    python -m tests.adapters.layouts

writes the file of the present version; the files of older ones are never written again. In it stand
one person whose answer is half sent, with a history, and one whose message waits for a worker.
"""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from app.adapters.redis_layout import LAYOUT, claim_layout
from app.core.model import Bubble, Delivery, Status
from app.pipeline.ports import TurnInHand
from app.simulator.valkey import redis_for
from tests.contracts.conftest import Stage, redis_stage
from tests.fakes import NUMBER, said

FOLDER = Path(__file__).parents[1] / "fixtures" / "redis"
OURS = ("rv:*", "rq:job:*", "rq:queue:*", "rq:queues")
OWNED = "rv:owner"

HALF_ANSWERED, WAITING = "US.2001", "US.2002"
ASKED_BEFORE, ANSWERED_BEFORE = "Do you sell kettles?", "Yes, *blue* and red ones."
ASKED, ASKED_LATE = "Which is the cheaper one?", "And do you deliver?"
SOURCES = ["The red one is cheaper.", "It costs **20 €**,", "and we deliver."]
TEXTS = ["The red one is cheaper.", "It costs *20 €*,", "and we deliver."]
SENT = "wamid.LAYOUT1"


async def leave(stage: Stage) -> None:
    """Bring Redis into that state."""
    store = stage.store
    await store.take_in([said(ASKED_BEFORE, user_id=HALF_ANSWERED, wamid="wamid.ASKED1")])
    async with store.turn(*await _job(stage)) as hand:
        assert hand
        await _send(hand, 0, ANSWERED_BEFORE, ANSWERED_BEFORE, "wamid.LAYOUT0")
        await hand.finish(ANSWERED_BEFORE, ending="answered")
    await store.take_in([said(ASKED, user_id=HALF_ANSWERED, wamid="wamid.ASKED2")])
    async with store.turn(*await _job(stage)) as hand:
        assert hand
        bubbles = _bubbles(hand)
        await hand.plan(bubbles[:2], whole=False)
        await _send(hand, 0, SOURCES[0], TEXTS[0], SENT)
        await hand.begin_send(bubbles[1], attempt=1, within=timedelta(seconds=10))
        await hand.plan(bubbles[2:], whole=True)
        callback = f"{hand.turn.turn_id}:0:1"
        at = datetime.now(UTC)
        await store.take_in([Status(SENT, NUMBER, Delivery.DELIVERED, at, callback)])
    await store.take_in([said(ASKED_LATE, user_id=WAITING, wamid="wamid.ASKED3", phone=None)])


async def _job(stage: Stage) -> tuple[str, str]:
    job = await stage.take_job()
    assert job
    return job[1], job[0]


def _bubbles(hand: TurnInHand) -> list[Bubble]:
    parts = enumerate(zip(TEXTS, SOURCES, strict=True))
    return [Bubble(hand.turn.turn_id, number, text, source) for number, (text, source) in parts]


async def _send(hand: TurnInHand, number: int, source: str, text: str, wamid: str) -> None:
    bubble = Bubble(hand.turn.turn_id, number, text, source)
    assert await hand.begin_send(bubble, attempt=1, within=timedelta(seconds=10))
    await hand.settle_send(bubble, wamid=wamid)


async def dump(redis: "Redis") -> dict[str, Any]:
    """All of ours, as JSON can hold it."""
    found: dict[str, Any] = {}
    for pattern in OURS:
        async for key in redis.scan_iter(pattern):
            kind = await redis.type(key)
            if kind == "string":
                found[key] = await redis.get(key)
            elif kind == "hash":
                found[key] = await redis.hgetall(key)
            elif kind == "zset":
                scored: Any = await redis.zrange(key, 0, -1, withscores=True)
                found[key] = {"scores": dict(scored)}
            elif kind == "list":
                found[key] = await redis.lrange(key, 0, -1)
            else:
                found[key] = {"members": sorted(await redis.smembers(key))}
    return {key: found[key] for key in sorted(found) if key != OWNED}


async def restore(redis: "Redis", found: dict[str, Any]) -> None:
    """As it stood."""
    for key, value in found.items():
        match value:
            case str():
                await redis.set(key, value)
            case list():
                await redis.rpush(key, *value)
            case {"scores": scores}:
                await redis.zadd(key, scores)
            case {"members": members}:
                await redis.sadd(key, *members)
            case _:
                await redis.hset(key, mapping=value)


def path_of(layout: int) -> Path:
    """The file of one version."""
    return FOLDER / f"layout_{layout}.json"


async def main() -> None:
    """Write the present version's file."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(redis_for("tests"))
        redis = await stack.enter_async_context(Redis.from_url(url, decode_responses=True))
        claim_layout(url)
        await leave(redis_stage(url, stack))
        path_of(LAYOUT).write_text(json.dumps(await dump(redis), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    asyncio.run(main())
