"""However statuses, answers and attempts fall together, what is known never steps back."""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.model import Bubble, Delivery, Status
from tests.contracts.conftest import Stage, fake_stage, redis_stage
from tests.fakes import NOW, NUMBER, outcomes, said

Step = Literal["send", "answer"] | tuple[int, Delivery]
"""A send begins; its answer comes; or a status of some attempt comes."""

MOST_ATTEMPTS = 3
SECOND = timedelta(seconds=1)

steps = st.lists(
    st.sampled_from(["send", "answer"])
    | st.tuples(st.integers(1, MOST_ATTEMPTS), st.sampled_from(Delivery)),
    max_size=14,
)


class Bubbled:
    """One bubble in its turn, and what the store has told of it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.attempt = 0
        self.furthest = dict.fromkeys(range(1, MOST_ATTEMPTS + 1), 0)
        self.known = 0

    async def play(self, chosen: Sequence[Step]) -> None:
        user_id = f"US.{uuid.uuid4().hex}"
        await self.stage.store.take_in([replace(said("Hi", phone=None), user_id=user_id)])
        job = await self.stage.take_job()
        assert job is not None
        turn_id, conversation = job
        self.name = user_id
        async with self.stage.store.turn(conversation, turn_id) as hand:
            assert hand is not None
            self.hand, self.bubble = hand, Bubble(turn_id, 0, "Yes.", "Yes.")
            for step in ["send", *chosen]:
                before, attempt = self.known, self.attempt
                await self._take(step)
                told = await hand.delivery(turn_id, 0, at_least=Delivery.SENT, within=timedelta())
                self.known = int(told[0]) if told else 0
                began_anew = self.attempt > attempt and before == Delivery.FAILED
                assert self.known >= (0 if began_anew else before), step
            await hand.finish("", ending="answered")

    async def _take(self, step: Step) -> None:
        if step == "send":
            await self._send()
        elif step == "answer":
            await self.hand.settle_send(self.bubble, wamid=self._wamid(self.attempt))
        else:
            await self._hear(*step)

    async def _send(self) -> None:
        if self.attempt == MOST_ATTEMPTS:
            return
        clearance = await self.hand.begin_send(self.bubble, attempt=self.attempt + 1, within=SECOND)
        assert clearance is not None
        assert clearance.is_sent == (self.known not in (0, Delivery.FAILED))
        self.attempt += not clearance.is_sent

    async def _hear(self, attempt: int, delivery: Delivery) -> None:
        """A status is news only when it is further than the last one of the same send."""
        if attempt > self.attempt:
            return
        callback = f"{self.bubble.reply_id}:0:{attempt}"
        status = Status(self._wamid(attempt), NUMBER, delivery, NOW, callback)
        is_news = delivery > self.furthest[attempt]
        self.furthest[attempt] = max(self.furthest[attempt], delivery)
        (told,) = outcomes(await self.stage.store.take_in([status]))
        assert (told != "stale") == is_news

    def _wamid(self, attempt: int) -> str:
        return f"wamid.{self.name}.{attempt}"


@settings(max_examples=150, deadline=None)
@given(steps)
def test_no_order_of_events_takes_a_bubble_back(chosen: list[Step]) -> None:
    asyncio.run(Bubbled(fake_stage()).play(chosen))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chosen=steps)
def test_no_order_of_events_takes_a_bubble_back_on_redis(
    redis_url: str, chosen: list[Step]
) -> None:
    async def play() -> None:
        async with AsyncExitStack() as stack:
            await Bubbled(redis_stage(redis_url, stack)).play(chosen)

    asyncio.run(play())
