"""When the bot falls silent, and what the person reads then."""

import asyncio
from datetime import timedelta

from tests.fakes import FakeModel, World, said
from tests.pipeline.test_reply import LONG, answer, words


async def test_a_pause_in_the_middle_of_an_answer_ends_it_after_the_bubble_being_sent() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])
    (_, conversation) = world.store.queue[0]

    async def pause(_: str) -> None:
        until = world.clock.now() + timedelta(hours=12)
        await world.store.pause(conversation, reason="operator", until=until)

    world.channel.on_send = pause
    assert await answer(world) == "paused"
    assert len(world.channel.texts) == 1
    await world.store.resume(conversation)
    assert world.store.queue == []
    assert world.model.closed == 1


async def test_a_pause_before_the_first_bubble_stops_the_model_and_says_nothing() -> None:
    world = World(model=FakeModel([words(LONG), ["Yes."]]))
    await world.store.take_in([said("How do I return it?")])
    (_, conversation) = world.store.queue[0]
    until = world.clock.now() + timedelta(hours=12)

    async def pause(number: int) -> None:
        if number == 3 and len(world.model.prompts) == 1:
            await world.store.pause(conversation, reason="operator", until=until)
            await asyncio.Event().wait()

    world.model.before_delta = pause
    assert await answer(world) == "paused"
    assert world.channel.texts == []
    await world.store.resume(conversation)
    assert await answer(world) == "answered"
    assert world.channel.texts == ["Yes."]
