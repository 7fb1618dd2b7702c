"""A worker that hears from Redis too late, with the real store and the real channel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.errors import LeaseLost
from app.pipeline.ports import Limits
from app.pipeline.reply import reply
from tests.adapters.relay import Relay, relay_to, until
from tests.adapters.test_whatsapp import Graph, answers, channel, graph
from tests.contracts.conftest import KEYS, Stage, open_store, redis_stage
from tests.fakes import NUMBER, World, said

CONVERSATION = KEYS.user(NUMBER, "US.1001")
SEND_WITHIN = timedelta(seconds=0.3)
SLOW_SECONDS = 0.25
"""In each direction: a send is too old when its permission comes back."""


@dataclass
class Worker:
    """One turn to answer, over a way to Redis that becomes slow when the model begins to write."""

    stack: AsyncExitStack
    relay: Relay
    graph: Graph
    stage: Stage
    redis: Redis

    async def answer(self, *, delay: float) -> str:
        await self.stage.store.take_in([said("Are you open?", user_id="US.1001")])
        job = await self.stage.take_job()
        assert job is not None
        world = World(limits=Limits(order="none", send_within=SEND_WITHIN))
        world.model.before_delta = lambda _: setattr(self.relay, "delay", delay)
        services = replace(
            world.services,
            store=open_store(self.relay.url, self.stack),
            channel=await self.stack.enter_async_context(channel(self.graph.url)),
        )
        return await reply(job[1], job[0], services)

    async def is_sending(self) -> bool:
        """Whether Redis has given a send its permission."""
        keys = [key async for key in self.redis.scan_iter("rv:turn:*")]
        return any([await self.redis.hget(key, "state:0") == b"sending" for key in keys])

    @property
    def bubbles(self) -> int:
        return sum(call.json.get("type") == "text" for call in self.graph.calls)


@pytest.fixture
async def worker(redis_url: str, tmp_path: Path) -> AsyncIterator[Worker]:
    async with (
        relay_to(redis_url, tmp_path) as relay,
        graph(answers()) as served,
        Redis.from_url(redis_url) as redis,
        AsyncExitStack() as stack,
    ):
        yield Worker(stack, relay, served, redis_stage(redis_url, stack), redis)


async def test_a_send_whose_permission_comes_in_time_leaves(worker: Worker) -> None:
    assert await worker.answer(delay=0.01) == "answered"
    assert worker.bubbles == 1


async def test_a_send_begun_before_the_lease_was_lost_does_not_leave_after(worker: Worker) -> None:
    """Another worker has the conversation by now, and sends the same bubble."""
    answering = asyncio.create_task(worker.answer(delay=SLOW_SECONDS))
    await until(worker.is_sending)
    await worker.stage.steal(CONVERSATION)
    with pytest.raises(LeaseLost):
        await answering
    assert worker.bubbles == 0
