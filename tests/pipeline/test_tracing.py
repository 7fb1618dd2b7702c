"""What the journeys tell a tracer: one trace for a message's whole way."""

import asyncio
from dataclasses import replace

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.core.model import Delivery, Status
from app.core.trace import Span
from app.errors import Unavailable
from app.pipeline.ports import Finish
from app.pipeline.receive import receive
from app.pipeline.record import record
from app.pipeline.reply import give_up, reply
from tests.fakes import NOW, NUMBER, FakeModel, FakeTracer, World, said

TWO = [
    "First we look whether the lamp is whole, and that takes us about as long as a cup of tea. ",
    "Then we ask the bank, which is open from nine to noon, to send all your money back to you. ",
    "It comes to the card that you have paid with, and we write to you when it is on its way.",
]


def traced(*answers: list[str | Exception]) -> tuple[World, list[Span]]:
    tracer = FakeTracer()
    return World(tracer=tracer, model=FakeModel(list(answers) or [[*TWO]])), tracer.spans


def named(spans: list[Span], *names: str) -> list[Span]:
    return [span for span in spans if span.name in names]


async def test_a_message_is_one_trace_from_its_webhook_to_its_statuses() -> None:
    world, spans = traced()
    world.model.finish = Finish("stop", 17, 42)
    question = said("How do I return it?")
    key = world.keys.message(question.wamid)
    await receive([question], world.services)
    ((turn_id, conversation),) = world.store.queue
    await reply(conversation, turn_id, world.services)
    count = len(world.channel.sent)
    news = [Status(f"wamid.out{n + 1}", NUMBER, Delivery.READ, NOW) for n in range(count)]
    await record(news, world.services)
    assert count >= 2
    assert {span.trace_id for span in spans} == {key}
    (root,), (turn,) = named(spans, "message.received"), named(spans, "turn")
    (chat,) = named(spans, "chat a model of the tests")
    sends, reads = named(spans, "bubble.send"), named(spans, "bubble.read")
    assert (root.parent_id, turn.parent_id, chat.parent_id) == ("", root.span_id, turn.span_id)
    assert [send.parent_id for send in sends] == [turn.span_id] * count
    assert [read.parent_id for read in reads] == [send.span_id for send in sends]
    assert len({span.span_id for span in spans}) == len(spans) == 3 + 2 * count
    assert turn.attributes["ending"] == "answered"
    names = {"message_key": key, "conversation_key": conversation, "turn_id": turn_id}
    for span in spans:
        assert names.items() <= dict(span.attributes).items(), span.name
        assert not span.error
    assert chat.attributes["gen_ai.request.model"] == "a model of the tests"
    assert chat.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert chat.attributes["gen_ai.usage.input_tokens"] == 17
    assert chat.attributes["gen_ai.usage.output_tokens"] == 42
    assert chat.attributes["gen_ai.response.time_to_first_chunk"] == 0.0


async def test_a_message_that_comes_again_has_no_second_span() -> None:
    world, spans = traced()
    question = said("Open?")
    await receive([question], world.services)
    await receive([question], world.services)
    assert len(spans) == 1


async def test_messages_answered_together_are_linked() -> None:
    world, spans = traced()
    messages = [said("one"), said("two"), said("three")]
    await receive(messages, world.services)
    ((turn_id, conversation),) = world.store.queue
    await reply(conversation, turn_id, world.services)
    first, *others = (world.keys.message(message.wamid) for message in messages)
    (turn,) = named(spans, "turn")
    assert (turn.trace_id, turn.links) == (first, others)
    assert [span.trace_id for span in named(spans, "message.received")] == [first, *others]


async def test_a_turn_that_starts_over_links_what_has_joined() -> None:
    world, spans = traced(["One. ", "Two."], ["Both."])
    late = said("And the bill?")

    async def write_on(number: int) -> None:
        if number == 1 and len(world.model.prompts) == 1:
            await world.store.take_in([late])
            await asyncio.sleep(0)

    world.model.before_delta = write_on
    await receive([said("Open?")], world.services)
    ((turn_id, conversation),) = world.store.queue
    assert await reply(conversation, turn_id, world.services) == "answered"
    cut_short, whole = named(spans, "turn")
    assert cut_short.trace_id == whole.trace_id
    assert (cut_short.attributes["ended_by"], cut_short.error) == ("Grown", "")
    assert whole.links == [world.keys.message(late.wamid)]


async def test_each_attempt_to_send_is_a_span_with_its_own_statuses() -> None:
    world, spans = traced(["Yes."])
    world.channel.faults = [Unavailable("not now", code=131000), None]
    await receive([said("Open?")], world.services)
    ((turn_id, conversation),) = world.store.queue
    await reply(conversation, turn_id, world.services)
    failed, sent = named(spans, "bubble.send")
    assert (failed.error, sent.error) == ("131000", "")
    assert (failed.attributes["attempt"], sent.attributes["attempt"]) == (1, 2)
    late = Status("wamid.x", NUMBER, Delivery.FAILED, NOW, f"{turn_id}:0:1", error_code=131026)
    await record([late, Status("wamid.out1", NUMBER, Delivery.READ, NOW)], world.services)
    (undeliverable,), (read,) = named(spans, "bubble.failed"), named(spans, "bubble.read")
    assert (undeliverable.parent_id, undeliverable.error) == (failed.span_id, "131026")
    assert read.parent_id == sent.span_id


async def test_a_model_that_fails_is_a_span_with_its_code() -> None:
    world, spans = traced([Unavailable("model: cut", code="cut", scope="model")], ["Yes."])
    await receive([said("Open?")], world.services)
    ((turn_id, conversation),) = world.store.queue
    await reply(conversation, turn_id, world.services)
    failed, answered = named(spans, "chat a model of the tests")
    assert (failed.error, answered.error) == ("cut", "")
    assert "gen_ai.response.time_to_first_chunk" not in failed.attributes


async def test_the_apology_of_a_turn_given_up_is_in_its_trace() -> None:
    world, spans = traced()
    question = said("Open?")
    await receive([question], world.services)
    ((turn_id, conversation),) = world.store.queue
    await give_up(conversation, turn_id, world.services)
    (turn,), (send,) = named(spans, "turn"), named(spans, "bubble.send")
    assert turn.attributes["ending"] == "given_up"
    assert (send.parent_id, send.trace_id) == (turn.span_id, world.keys.message(question.wamid))


async def test_another_worker_goes_on_in_the_same_trace() -> None:
    world, spans = traced()
    world.channel.faults = [None, *[Unavailable("not now")] * 9]
    await receive([said("How?")], world.services)
    ((turn_id, conversation),) = world.store.queue
    try:
        await reply(conversation, turn_id, world.services)
    except Unavailable:
        world.channel.faults.clear()
    await reply(conversation, turn_id, world.services)
    broken_off, whole = named(spans, "turn")
    assert (broken_off.trace_id, broken_off.error) == (whole.trace_id, "Unavailable")
    assert whole.span_id != broken_off.span_id


@pytest.mark.parametrize("tracer", [FakeTracer(), None], ids=["traced", "not traced"])
async def test_every_line_names_the_trace_where_there_is_one(tracer: FakeTracer | None) -> None:
    world = World(tracer=tracer)
    question = said("Open?")
    with capture_logs(processors=[merge_contextvars]) as lines:
        await receive([question], world.services)
        ((turn_id, conversation),) = world.store.queue
        await reply(conversation, turn_id, world.services)
        await record([Status("wamid.out1", NUMBER, Delivery.READ, NOW)], world.services)
    key = world.keys.message(question.wamid)
    assert {line.get("trace_id") for line in lines} == {key if tracer else None}
    assert {line.get("message_key") for line in lines} == {key}
    assert {line.get("turn_id") for line in lines} == {turn_id}


async def test_statuses_of_a_turn_that_nobody_remembers_have_no_span() -> None:
    world, spans = traced()
    forgotten = replace(Status("wamid.x", NUMBER, Delivery.READ, NOW), callback="a:b")
    await record([forgotten], world.services)
    assert spans == []
