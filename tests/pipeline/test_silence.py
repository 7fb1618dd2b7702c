"""When the bot falls silent, and what the person reads then."""

import asyncio
from datetime import timedelta

import pytest

from app import metrics
from app.core.hand_over import MARK
from app.core.model import Delivery, Echo, Status
from app.core.phrases import Which, phrase
from app.errors import Refused, Unavailable
from app.pipeline.ports import Bot, Limits
from app.pipeline.reply import give_up, reply
from tests.fakes import NOW, NUMBER, FakeModel, World, said
from tests.pipeline.test_reply import LONG, answer, killed_at, run_again, words


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


# -- a human, please ---------------------------------------------------------------------------


async def test_who_asks_for_a_human_reads_who_will_come_and_the_bot_is_silent() -> None:
    world = World(bot=Bot(human_contact="+1 555 0100"))
    await world.store.take_in([said("Quiero hablar con una persona")])
    (_, conversation) = world.store.queue[0]
    assert await answer(world) == "handed_over"
    contact = "Puede comunicarse con una persona aquí: +1 555 0100"
    spoken = phrase("handed_over", like="hola, donde esta mi pedido")
    assert world.channel.texts == [f"{spoken}\n{contact}"]
    assert world.model.prompts == []
    pause = await world.store.pause_of(conversation)
    assert pause is not None
    assert (pause.reason, pause.until) == ("asked", NOW + timedelta(hours=12))
    assert world.meter.counts[(metrics.HANDOFFS, "asked")] == 1
    await world.store.take_in([said("¿hola?")])
    assert world.store.queue == []


async def test_a_human_asked_for_while_the_model_thinks_joins_the_turn() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])

    async def ask(number: int) -> None:
        if number == 2:
            await world.store.take_in([said("no, get me a human")])
            await asyncio.Event().wait()

    world.model.before_delta = ask
    assert await answer(world) == "handed_over"
    assert world.channel.texts == [phrase("handed_over", like="how do I return it")]


@pytest.mark.parametrize("delta", [1, 2, 3, 5, 99])
async def test_the_model_calls_for_a_human_by_a_mark_that_nobody_sees(delta: int) -> None:
    text = f"I cannot cancel it myself. {MARK} A colleague comes."
    deltas: list[str | Exception] = [text[at : at + delta] for at in range(0, len(text), delta)]
    world = World(model=FakeModel([deltas]))
    await world.store.take_in([said("Cancel my order.")])
    (_, conversation) = world.store.queue[0]
    assert await answer(world) == "handed_over"
    assert world.channel.texts == [
        "I cannot cancel it myself.",
        phrase("handed_over", like="cancel my order"),
    ]
    pause = await world.store.pause_of(conversation)
    assert pause is not None
    assert pause.reason == "model"
    await world.store.resume(conversation)
    await world.store.take_in([said("And now?")])
    await answer(world)
    assert not any("[[" in message.content for message in world.model.prompts[-1][1:])


async def test_a_hand_over_that_a_dead_worker_had_begun_is_ended_and_said_once() -> None:
    world = World(model=FakeModel([[f"I cannot cancel it myself. {MARK}"]]))
    await world.store.take_in([said("Cancel my order.")])
    turn_id, conversation = world.store.queue[0]

    async def let_the_plan_be_written(text: str) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    world.channel.on_send = let_the_plan_be_written
    await killed_at(world, 1, answered=True)
    await world.store.take_in([Status("wamid.o", NUMBER, Delivery.SENT, NOW, f"{turn_id}:1:1")])
    assert await run_again(world, turn_id) == "handed_over"
    assert len(world.channel.texts) == 2
    assert await world.store.pause_of(conversation) is not None


async def test_a_hand_over_that_cannot_be_said_is_one_all_the_same() -> None:
    world = World()
    world.channel.faults = [Refused("window closed", code=131047)]
    await world.store.take_in([said("human")])
    (_, conversation) = world.store.queue[0]
    assert await answer(world) == "handed_over"
    assert await world.store.pause_of(conversation) is not None


async def test_an_old_wish_for_a_human_is_as_old_as_any_message() -> None:
    world = World()
    await world.store.take_in([said("human", at=NOW - timedelta(hours=25))])
    assert await answer(world) == "expired"


@pytest.mark.parametrize(
    ("text", "ending", "reason"),
    [("human", "handed_over", "asked"), ("stop", "stopped", "stop")],
)
async def test_what_could_not_be_said_in_the_end_is_done_all_the_same(
    text: str, ending: str, reason: str
) -> None:
    world = World()
    world.channel.faults = [Unavailable("down")] * 9
    await world.store.take_in([said(text)])
    turn_id, conversation = world.store.queue[0]
    with pytest.raises(Unavailable):
        await reply(conversation, turn_id, world.services)
    await give_up(conversation, turn_id, world.services)
    pause = await world.store.pause_of(conversation)
    assert pause is not None
    assert pause.reason == reason
    assert world.store.records[turn_id]["ending"] == ending
    assert (await world.store.gauges())[metrics.GIVEN_UP] == 0
    world.channel.faults = []
    await world.store.resume(conversation)
    assert world.store.queue == []
    assert world.channel.texts == []


# -- STOP and START ----------------------------------------------------------------------------


async def test_stop_is_confirmed_in_the_persons_language_and_nothing_follows() -> None:
    world = World(model=FakeModel([["Sí, está abierto."]]))
    await world.store.take_in([said("hola, ¿está abierto?")])
    await answer(world)
    await world.store.take_in([said("STOP")])
    assert await answer(world) == "stopped"
    await world.store.take_in([said("¿y mañana?")])
    assert world.store.queue == []
    await world.store.take_in([said("start")])
    assert await answer(world) == "started"
    await world.store.take_in([said("gracias")])
    assert await answer(world) == "answered"
    spoken: tuple[Which, Which] = ("stopped", "started")
    assert world.channel.texts[1:3] == [phrase(one, like="", language="es") for one in spoken]
    assert "¿y mañana?" in [message.content for message in world.model.prompts[-1]]


async def test_a_first_word_of_stop_tells_its_own_language() -> None:
    world = World()
    await world.store.take_in([said("BAJA")])
    assert await answer(world) == "stopped"
    assert world.channel.texts == [phrase("stopped", like="", language="es")]


async def test_stop_in_the_middle_of_an_answer_ends_it() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])
    stops = [said("stop")]

    async def stop(_: str) -> None:
        if stops:
            await world.store.take_in([stops.pop()])

    world.channel.on_send = stop
    assert await answer(world) == "paused"
    assert await answer(world) == "stopped"
    assert len(world.channel.texts) == 2


async def test_stop_while_the_model_thinks_is_confirmed_at_once() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])

    async def stop(number: int) -> None:
        if number == 2:
            await world.store.take_in([said("stop")])
            await asyncio.Event().wait()

    world.model.before_delta = stop
    assert await answer(world) == "stopped"
    assert world.channel.texts == [phrase("stopped", like="How do I return it?")]
    assert world.store.queue == []


async def test_a_question_that_comes_with_start_is_answered() -> None:
    world = World()
    await world.store.take_in([said("stop")])
    await answer(world)
    await world.store.take_in([said("start"), said("where is my order?")])
    assert await answer(world) == "answered"
    assert world.channel.texts[1:] == ["Yes, we are open."]
    await world.store.take_in([said("thanks")])
    assert await answer(world) == "answered"


async def test_a_single_word_is_answered_in_the_language_spoken_before() -> None:
    world = World()
    await world.store.take_in([said("cześć, gdzie jest moja paczka")])
    await answer(world)
    await world.store.take_in([said("operator")])
    await answer(world)
    assert world.channel.texts[1] == phrase("handed_over", like="", language="pl")


# -- limits ------------------------------------------------------------------------------------


async def say(world: World, text: str) -> str:
    await world.store.take_in([said(text)])
    return await answer(world)


async def test_over_a_limit_the_person_is_told_once_and_then_nothing_until_it_is_over() -> None:
    world = World(limits=Limits(order="sent", minute_turns=2))
    endings = [await say(world, f"no. {number}?") for number in range(5)]
    assert endings == ["answered", "answered", "limited", "limited", "limited"]
    assert len(world.channel.texts) == 3
    assert world.channel.texts[2] == phrase("too_fast", like="no. 1?")
    world.clock.time += timedelta(seconds=61)
    assert await say(world, "and now?") == "answered"
    heard = [message.content for message in world.model.prompts[-1] if message.role == "user"]
    assert heard == [*(f"no. {number}?" for number in range(5)), "and now?"]


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(order="sent", day_turns=1), id="turns"),
        pytest.param(Limits(order="sent", day_tokens=1), id="tokens"),
    ],
)
async def test_the_days_limit_names_tomorrow_and_a_human(limits: Limits) -> None:
    world = World(limits=limits, bot=Bot(human_contact="+1 555 0100"))
    assert [await say(world, "open?") for _ in range(3)] == ["answered", "limited", "limited"]
    assert len(world.channel.texts) == 2
    text = phrase("too_much", like="open?", human_contact="+1 555 0100")
    assert world.channel.texts[1] == text
    world.clock.time += timedelta(hours=25)
    await world.store.take_in([said("open?", at=world.clock.now())])
    assert await answer(world) == "answered"


async def test_without_limits_nobody_is_told_of_any() -> None:
    world = World(limits=Limits(order="sent", minute_turns=0, day_turns=0, day_tokens=0))
    assert {await say(world, "open?") for _ in range(9)} == {"answered"}


async def test_a_human_can_be_asked_for_when_nothing_is_left() -> None:
    world = World(limits=Limits(order="sent", minute_turns=1))
    await say(world, "open?")
    assert await say(world, "operator") == "handed_over"


async def test_a_colleagues_answer_ends_ours_after_the_bubble_being_sent() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])
    until = NOW + timedelta(hours=12)
    answers = [Echo("wamid.E", NUMBER, "US.1001", None, NOW, "Let me.", silent_until=until)]

    async def cut_in(_: str) -> None:
        if answers:
            await world.store.take_in([answers.pop()])

    world.channel.on_send = cut_in
    assert await answer(world) == "paused"
    assert len(world.channel.texts) == 1
    assert world.store.queue == []
    assert len(world.store.calls) == 1
