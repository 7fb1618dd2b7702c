"""The reply journey with fakes: what the person reads, whatever goes wrong on the way."""

import asyncio
import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app import metrics
from app.core.model import Delivery, Status, Utterance
from app.core.pacing import BubbleStyle
from app.errors import NO_TEXT, LeaseLost, Parked, Refused, Unavailable, Uncertain
from app.pipeline.ports import Bot, Limits
from app.pipeline.reading import MODEL_TRIES
from app.pipeline.reply import MOST_JOINS, give_up, reply
from tests.fakes import NOW, NUMBER, FakeMeter, FakeModel, World, said

LONG = (
    "Of course, you can send it back within thirty days, as long as the lamp still has its box. "
    "Please print the label from our page and stick it on the parcel. "
    "The post office takes it from there, and you pay nothing for it. "
    "As soon as it has come to us we check it, which takes two days at the most. "
    "Your money is back on your card within a week after that."
)


def words(text: str) -> list[str | Exception]:
    return [word + " " for word in text.split(" ")]


async def answer(world: World) -> str:
    """Run the oldest queued turn as a worker would; how it ended."""
    turn_id, conversation = world.store.queue[0]
    return await reply(conversation, turn_id, world.services)


async def test_bubbles_joined_are_the_answer_and_each_ends_a_sentence() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])
    assert await answer(world) == "answered"
    assert len(world.channel.texts) >= 2
    assert " ".join(world.channel.texts) == LONG
    assert all(text.endswith(".") for text in world.channel.texts)


async def test_the_first_bubble_leaves_while_the_model_still_writes() -> None:
    world = World(model=FakeModel([words(LONG)]))
    sent_at: list[int] = []
    deltas = 0

    async def count(_: int) -> None:
        nonlocal deltas
        deltas += 1
        await asyncio.sleep(0)

    world.model.before_delta = count
    world.channel.on_send = lambda _: sent_at.append(deltas)
    await world.store.take_in([said("How do I return it?")])
    await answer(world)
    assert sent_at[0] < len(words(LONG)) / 2


async def test_markdown_becomes_the_channels_marks() -> None:
    world = World(model=FakeModel([["We are **open** today."]]))
    await world.store.take_in([said("Open?")])
    await answer(world)
    assert world.channel.texts == ["We are *open* today."]


async def test_the_prompt_has_who_we_are_what_was_said_and_what_is_asked() -> None:
    world = World(bot=Bot(system_prompt="You sell lamps."))
    await world.store.take_in([said("Hi")])
    await answer(world)
    await world.store.take_in([said("And on Sunday?")])
    await answer(world)
    prompt = world.model.prompts[1]
    assert prompt[0].role == "system"
    assert "You sell lamps." in prompt[0].content
    assert [(message.role, message.content) for message in prompt[1:]] == [
        ("user", "Hi"),
        ("assistant", "Yes, we are open."),
        ("user", "And on Sunday?"),
    ]


async def test_the_newest_message_is_marked_read_before_the_model_is_asked() -> None:
    world = World()
    seen: list[list[str]] = []
    world.model.before_delta = lambda _: seen.append(list(world.channel.typing))
    await world.store.take_in([said("a", wamid="wamid.a"), said("b", wamid="wamid.b")])
    await answer(world)
    assert seen[0] == ["wamid.b"]


async def test_a_bubble_goes_to_the_phone_and_carries_our_own_id() -> None:
    world = World()
    await world.store.take_in([said("Hi", phone="15550100", user_id="US.1")])
    turn_id, _ = world.store.queue[0]
    await answer(world)
    address, _, callback = world.channel.sent[0]
    assert (address.phone_number_id, address.phone, address.user_id) == (NUMBER, "15550100", "US.1")
    assert callback == f"{turn_id}:0:1"


@pytest.mark.parametrize(
    ("style", "most"), [("stream", 99), ("balanced", 4), ("single", 1)], ids=str
)
async def test_the_style_decides_how_many_bubbles_an_answer_is(
    style: BubbleStyle, most: int
) -> None:
    world = World(limits=Limits(style=style, order="sent"), model=FakeModel([words(LONG * 5)]))
    await world.store.take_in([said("Tell me all.")])
    await answer(world)
    assert 1 <= len(world.channel.texts) <= most
    assert len(world.channel.texts) > 4 or style != "stream"
    assert "".join(" ".join(world.channel.texts).split()) == "".join((LONG * 5).split())


# -- the person writes on ----------------------------------------------------------------------


async def test_a_message_before_the_first_bubble_joins_the_turn() -> None:
    world = World(model=FakeModel([words(LONG), ["Both answered."]]))

    async def write_on(number: int) -> None:
        if number == 1 and len(world.model.prompts) == 1:
            await world.store.take_in([said("And the bill?")])
            await asyncio.sleep(0)

    world.model.before_delta = write_on
    await world.store.take_in([said("How do I return it?")])
    assert await answer(world) == "answered"
    assert world.channel.texts == ["Both answered."]
    assert world.model.prompts[1][-1].content == "How do I return it?\nAnd the bill?"
    assert world.model.closed == 2  # the first request was ended, not left running
    assert world.store.queue == []


async def test_a_message_whose_signal_was_lost_still_joins_at_the_first_send() -> None:
    world = World(model=FakeModel([["One."], ["Both."]]))
    world.store.deaf = True

    async def write_on(_: int) -> None:
        if len(world.model.prompts) == 1:
            await world.store.take_in([said("two")])

    world.model.before_delta = write_on
    await world.store.take_in([said("one")])
    assert await answer(world) == "answered"
    assert world.channel.texts == ["Both."]


async def test_a_message_after_the_first_bubble_is_the_next_turn() -> None:
    world = World(model=FakeModel([words(LONG), ["The bill is in the parcel."]]))

    async def write_on(_: str) -> None:
        if len(world.channel.sent) == 0:
            await world.store.take_in([said("And the bill?")])

    world.channel.on_send = write_on
    await world.store.take_in([said("How do I return it?")])
    await answer(world)
    assert " ".join(world.channel.texts) == LONG
    assert len(world.store.queue) == 1
    await answer(world)
    assert world.channel.texts[-1] == "The bill is in the parcel."
    assert world.store.queue == []


async def test_with_interrupt_a_message_stops_the_answer_after_its_bubble() -> None:
    world = World(
        model=FakeModel([words(LONG), ["It is in the parcel."]]),
        limits=Limits(order="sent", interrupts=True),
    )

    async def write_on(_: str) -> None:
        if not world.channel.sent:
            await world.store.take_in([said("And the bill?")])

    world.channel.on_send = write_on
    await world.store.take_in([said("How do I return it?")])
    assert await answer(world) == "interrupted"
    assert len(world.channel.texts) == 1
    assert await answer(world) == "answered"
    assert world.channel.texts[-1] == "It is in the parcel."
    shown = [message.content for message in world.model.prompts[1] if message.role == "assistant"]
    assert shown == world.channel.texts[:1]  # history keeps exactly what the person saw


async def test_a_message_that_became_too_old_while_it_waited_is_not_answered() -> None:
    world = World()
    await world.store.take_in([said("Open?")])
    world.clock.time += timedelta(hours=25)
    assert await answer(world) == "expired"
    assert world.channel.texts == []
    assert world.model.prompts == []


async def test_somebody_who_never_stops_writing_is_answered_all_the_same() -> None:
    world = World(model=FakeModel([["Here you are."]]))

    async def write_on(_: int) -> None:
        await world.store.take_in([said("and")])
        await asyncio.sleep(0)

    world.model.before_delta = write_on
    await world.store.take_in([said("one")])
    assert await answer(world) == "answered"
    assert len(world.model.prompts) == MOST_JOINS + 1
    assert world.channel.texts == ["Here you are."]


# -- the model misbehaves ----------------------------------------------------------------------


async def test_a_model_that_fails_once_is_asked_again() -> None:
    world = World(model=FakeModel([[Unavailable("down", scope="model")], ["Yes."]]))
    await world.store.take_in([said("Open?")])
    assert await answer(world) == "answered"
    assert world.channel.texts == ["Yes."]


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        pytest.param(Unavailable("down", scope="model"), MODEL_TRIES, id="unavailable"),
        pytest.param(Refused("no such model", scope="model"), 1, id="refused"),
    ],
)
async def test_no_answer_becomes_one_apology_in_the_persons_language(
    error: Exception, asked: int
) -> None:
    world = World(model=FakeModel([[error]]), bot=Bot(human_contact="555 0199"))
    await world.store.take_in([said("Hola, ¿a qué hora abren mañana?")])
    assert await answer(world) == "no_answer"
    assert len(world.model.prompts) == asked
    (text,) = world.channel.texts
    assert "555 0199" in text
    assert "Sorry" not in text
    assert world.store.queue == []  # and the turn is not answered twice


async def test_the_operators_own_apology_is_used() -> None:
    world = World(
        model=FakeModel([[Refused("no", scope="model")]]), bot=Bot(apology="Back at nine.")
    )
    await world.store.take_in([said("Open?")])
    await answer(world)
    assert world.channel.texts == ["Back at nine."]


async def test_an_answer_that_breaks_off_says_so_and_is_not_begun_anew() -> None:
    broken: list[str | Exception] = [*words(LONG)[:60], Unavailable("cut", scope="model")]
    world = World(model=FakeModel([broken]))
    await world.store.take_in([said("How do I return it?")])
    assert await answer(world) == "broke_off"
    assert len(world.model.prompts) == 1
    said_so_far = " ".join(world.channel.texts[:-1])
    assert LONG.startswith(said_so_far)
    assert world.channel.texts[-1] not in LONG


async def test_the_wait_before_asking_again_is_the_servers_own_but_bounded() -> None:
    slow = Unavailable("throttled", scope="model", retry_after=timedelta(minutes=5))
    world = World(model=FakeModel([[slow], ["Yes."]]))
    await world.store.take_in([said("Open?")])
    await answer(world)
    assert world.clock.slept == [5.0]


async def test_a_turn_of_media_alone_gets_one_honest_sentence_and_no_model() -> None:
    world = World()
    await world.store.take_in([said("[voice message, 12 s]", readable=False)])
    assert await answer(world) == "cannot_read"
    assert len(world.channel.texts) == 1
    assert world.model.prompts == []


async def test_media_beside_words_are_shown_to_the_model() -> None:
    world = World()
    await world.store.take_in([said("[picture]", readable=False), said("What is this?")])
    await answer(world)
    assert world.model.prompts[0][-1].content == "[picture]\nWhat is this?"


# -- the Graph API misbehaves ------------------------------------------------------------------


async def test_a_send_that_did_not_happen_is_tried_again() -> None:
    world = World()
    world.channel.faults = [Unavailable("throttled"), Unavailable("throttled"), None]
    await world.store.take_in([said("Open?")])
    assert await answer(world) == "answered"
    assert world.channel.texts == ["Yes, we are open."]
    assert world.channel.sent[0][2].endswith(":0:3")


async def test_a_send_is_given_up_after_a_few_tries() -> None:
    world = World()
    world.channel.faults = [Unavailable("down")] * 4
    await world.store.take_in([said("Open?")])
    with pytest.raises(Unavailable):
        await answer(world)
    assert world.clock.slept == [0.5, 2.0, 8.0]
    assert world.channel.faults == []


async def test_nobody_holds_a_place_for_longer_than_ten_seconds() -> None:
    world = World()
    world.channel.faults = [Unavailable("throttled", retry_after=timedelta(seconds=11))]
    await world.store.take_in([said("Open?")])
    with pytest.raises(Parked) as parked:
        await answer(world)
    assert timedelta(seconds=11) <= parked.value.after <= timedelta(seconds=14)
    assert world.clock.slept == []


async def test_a_throttled_pair_waits_four_times_longer_each_time() -> None:
    world = World()
    throttled = Unavailable("pair limit", code=131056, scope="pair")
    world.channel.faults = [throttled, throttled, None]
    await world.store.take_in([said("Open?")])
    assert await answer(world) == "answered"
    assert world.clock.slept == [1.0, 4.0]
    assert world.store.holds == {}  # it got through


async def test_a_refused_send_ends_the_reply_and_is_not_tried_again() -> None:
    world = World(model=FakeModel([words(LONG)]))
    world.channel.faults = [None, Refused("window closed", code=131047)]
    await world.store.take_in([said("How?")])
    assert await answer(world) == "refused"
    assert len(world.channel.texts) == 1
    assert world.store.queue == []


async def test_a_revoked_token_parks_the_turn_and_loses_nothing() -> None:
    world = World()
    world.channel.faults = [Unavailable("revoked", code=190, scope="token")]
    await world.store.take_in([said("Open?")])
    turn_id, conversation = world.store.queue[0]
    with pytest.raises(Parked):
        await reply(conversation, turn_id, world.services)
    assert await world.store.troubles() == {"token": "190"}
    with pytest.raises(Parked):
        await reply(conversation, turn_id, world.services)
    assert len(world.model.prompts) == 1  # while sending is held, the model is not asked
    world.clock.time += timedelta(minutes=2)
    assert await reply(conversation, turn_id, world.services) == "answered"
    assert world.channel.texts == ["Yes, we are open."]


async def test_an_answer_over_the_persons_burst_is_parked_and_goes_on_later() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How?")])
    turn_id, conversation = world.store.queue[0]
    world.store._full_at[conversation] = world.clock.now() + timedelta(seconds=72)
    with pytest.raises(Parked):
        await reply(conversation, turn_id, world.services)
    world.clock.time += timedelta(minutes=2)
    assert await reply(conversation, turn_id, world.services) == "answered"
    assert " ".join(world.channel.texts) == LONG


async def test_bubbles_grow_when_the_persons_burst_runs_low() -> None:
    world = World(model=FakeModel([words(LONG * 4)]))
    await world.store.take_in([said("How?")])
    _, conversation = world.store.queue[0]
    world.store._full_at[conversation] = world.clock.now() + timedelta(seconds=48)

    async def at_once(_: int) -> None:
        await asyncio.sleep(0)

    world.model.before_delta = at_once
    assert await answer(world) == "answered"
    assert "".join(world.channel.texts).replace(" ", "") == (LONG * 4).replace(" ", "")
    assert len(world.channel.texts[-1]) > 2 * len(world.channel.texts[0])


async def test_a_send_waits_for_its_place_among_the_numbers() -> None:
    world = World()
    world.store.number_wait = timedelta(seconds=3)
    await world.store.take_in([said("Open?")])
    assert await answer(world) == "answered"
    assert world.clock.slept == [3.0]


async def test_a_send_whose_answer_was_lost_is_settled_by_its_status() -> None:
    world = World(limits=Limits(order="sent", uncertain_wait=timedelta(seconds=5)))
    await world.store.take_in([said("Open?")])
    turn_id, conversation = world.store.queue[0]
    world.channel.faults = [Uncertain("read timeout")]

    async def status_comes(_: str) -> None:
        callback = f"{turn_id}:0:1"
        await world.store.take_in([Status("wamid.o", NUMBER, Delivery.SENT, NOW, callback)])

    world.channel.on_send = status_comes
    assert await reply(conversation, turn_id, world.services) == "answered"
    assert world.channel.texts == []  # sent once, by the attempt whose answer was lost


@pytest.mark.parametrize(
    ("resend", "ending", "sends"), [(True, "answered", 1), (False, "uncertain", 0)]
)
async def test_without_a_status_the_policy_decides(resend: bool, ending: str, sends: int) -> None:
    limits = Limits(
        order="sent", uncertain_wait=timedelta(milliseconds=20), resend_uncertain=resend
    )
    world = World(limits=limits)
    world.channel.faults = [Uncertain("read timeout")]
    await world.store.take_in([said("Open?")])
    assert await answer(world) == ending
    assert len(world.channel.sent) == sends


# -- everything may happen twice, or stop in the middle ----------------------------------------


async def test_the_second_run_of_a_turn_does_nothing() -> None:
    world = World()
    await world.store.take_in([said("Open?")])
    turn_id, conversation = world.store.queue[0]
    assert await reply(conversation, turn_id, world.services) == "answered"
    assert await reply(conversation, turn_id, world.services) == "nothing"
    assert len(world.channel.texts) == 1


class Killed(BaseException):
    """What SIGKILL looks like from inside a test: nothing catches it, nothing is tidied up."""


async def killed_at(world: World, send: int, *, answered: bool) -> str:
    """Run the oldest turn and kill it at a send, before or after Meta has taken it; its id."""
    turn_id, conversation = world.store.queue[0]
    original = world.channel.send

    async def die(*args: Any, **kwargs: Any) -> str:
        if len(world.channel.sent) < send:
            return await original(*args, **kwargs)
        if answered:
            await original(*args, **kwargs)
        raise Killed

    world.channel.send = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await reply(conversation, turn_id, world.services)
    world.channel.send = original  # type: ignore[method-assign]
    return turn_id


async def run_again(world: World, turn_id: str) -> str:
    """Run it once more, when nothing of the dead run can still be on its way."""
    world.clock.time += timedelta(seconds=60)
    (conversation,) = world.store._conversations
    return await reply(conversation, turn_id, world.services)


def hangs_after(world: World, deltas: int) -> None:
    """The first answer's model stops there, and never ends."""

    async def hang(number: int) -> None:
        if number == deltas and len(world.model.prompts) == 1:
            await asyncio.Event().wait()

    world.model.before_delta = hang


async def test_a_run_after_one_that_died_goes_on_where_the_person_stopped_reading() -> None:
    half = LONG.index("Your money")
    world = World(
        model=FakeModel([words(LONG), words(LONG[half:])]),
        limits=Limits(order="sent", uncertain_wait=timedelta(milliseconds=20)),
    )
    hangs_after(world, len(words(LONG[:half])) + 3)
    await world.store.take_in([said("How do I return it?")])
    turn_id = await killed_at(world, 1, answered=False)
    assert await run_again(world, turn_id) == "answered"
    assert " ".join(world.channel.texts) == LONG
    partial = world.model.prompts[1][-2]
    assert (partial.role, " ".join(partial.content.split())) == ("assistant", LONG[:half].strip())


async def test_a_model_that_has_nothing_to_add_ends_the_answer_there() -> None:
    half = LONG.index("Your money")
    nothing = Unavailable("ended without a text", code=NO_TEXT, scope="model")
    world = World(
        model=FakeModel([words(LONG), [nothing]]),
        limits=Limits(order="sent", uncertain_wait=timedelta(milliseconds=20)),
    )
    hangs_after(world, len(words(LONG[:half])) + 3)
    await world.store.take_in([said("How do I return it?")])
    turn_id = await killed_at(world, 1, answered=False)
    assert await run_again(world, turn_id) == "answered"
    assert len(world.model.prompts) == 2
    assert " ".join(world.channel.texts) == LONG[:half].strip()  # and no word of a break


async def test_a_model_that_starts_over_repeats_nothing() -> None:
    world = World(
        model=FakeModel([words(LONG), words(LONG)]),
        limits=Limits(order="sent", uncertain_wait=timedelta(milliseconds=20)),
    )
    hangs_after(world, len(words(LONG[: LONG.index("Your money")])) + 3)
    await world.store.take_in([said("How do I return it?")])
    turn_id = await killed_at(world, 1, answered=False)
    await run_again(world, turn_id)
    assert " ".join(world.channel.texts) == LONG


async def test_a_whole_plan_is_sent_without_asking_the_model_again() -> None:
    world = World(
        model=FakeModel([[LONG]]),
        limits=Limits(order="sent", uncertain_wait=timedelta(milliseconds=20)),
    )
    await world.store.take_in([said("How do I return it?")])

    async def let_the_plan_be_written(text: str) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    world.channel.on_send = let_the_plan_be_written
    turn_id = await killed_at(world, 1, answered=False)
    assert await run_again(world, turn_id) == "answered"
    assert " ".join(world.channel.texts) == LONG
    assert len(world.model.prompts) == 1


async def test_a_send_that_a_dead_worker_made_is_not_made_again() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])
    turn_id = await killed_at(world, 1, answered=True)
    await world.store.take_in([Status("wamid.o", NUMBER, Delivery.SENT, NOW, f"{turn_id}:1:1")])
    await run_again(world, turn_id)
    assert " ".join(world.channel.texts) == LONG


async def test_a_dead_workers_send_without_a_status_is_resent_as_a_new_attempt() -> None:
    world = World(
        model=FakeModel([words(LONG)]),
        limits=Limits(order="sent", uncertain_wait=timedelta(milliseconds=20)),
    )
    await world.store.take_in([said("How do I return it?")])
    turn_id = await killed_at(world, 1, answered=False)
    await run_again(world, turn_id)
    assert world.channel.sent[1][2] == f"{turn_id}:1:2"
    assert world.meter.counts[(metrics.RESENDS,)] == 1


async def test_with_never_a_dead_workers_send_is_not_made_again() -> None:
    world = World(
        model=FakeModel([words(LONG)]),
        limits=Limits(
            order="sent", uncertain_wait=timedelta(milliseconds=20), resend_uncertain=False
        ),
    )
    await world.store.take_in([said("How do I return it?")])
    turn_id = await killed_at(world, 1, answered=False)
    assert await run_again(world, turn_id) == "uncertain"
    assert len(world.channel.sent) == 1


async def test_a_send_that_only_its_status_knows_of_is_not_made_again() -> None:
    """A failover has forgotten that the send began, and its worker is dead too."""
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])
    turn_id, conversation = world.store.queue[0]
    delivered = Status("wamid.o", NUMBER, Delivery.DELIVERED, NOW, f"{turn_id}:0:1")
    await world.store.take_in([delivered])
    assert await reply(conversation, turn_id, world.services) == "answered"
    numbers = [callback.split(":")[1] for _, _, callback in world.channel.sent]
    assert numbers[0] == "1"
    assert LONG.endswith(" ".join(world.channel.texts))


async def test_a_status_that_comes_after_the_wait_still_prevents_the_second_send() -> None:
    limits = Limits(order="sent", uncertain_wait=timedelta(milliseconds=20))
    world = World(limits=limits)
    world.channel.faults = [Uncertain("read timeout")]
    await world.store.take_in([said("Open?")])
    turn_id, conversation = world.store.queue[0]

    class LastMoment(FakeMeter):
        def count(self, metric: metrics.Counter, amount: float = 1, **labels: str) -> None:
            super().count(metric, amount, **labels)
            if metric is metrics.RESENDS:
                status = Status("wamid.o", NUMBER, Delivery.SENT, NOW, f"{turn_id}:0:1")
                world.store._take(status)

    world.meter = LastMoment()
    assert await reply(conversation, turn_id, world.services) == "answered"
    assert world.channel.texts == []


async def test_while_no_webhook_can_come_in_a_lost_answer_is_not_sent_again() -> None:
    limits = Limits(order="sent", uncertain_wait=timedelta(milliseconds=20))
    world = World(limits=limits)
    world.channel.faults = [Uncertain("read timeout")]
    await world.store.take_in([said("Open?")])
    turn_id, conversation = world.store.queue[0]
    world.store.hears = False
    with pytest.raises(Parked):
        await reply(conversation, turn_id, world.services)
    with pytest.raises(Parked):
        await reply(conversation, turn_id, world.services)
    await world.store.beat()
    await world.store.take_in([Status("wamid.o", NUMBER, Delivery.SENT, NOW, f"{turn_id}:0:1")])
    assert await reply(conversation, turn_id, world.services) == "answered"
    assert world.channel.texts == []


async def test_a_run_that_died_before_any_send_is_made_anew() -> None:
    world = World(model=FakeModel([words(LONG), ["Yes, by post."]]))
    await world.store.take_in([said("How do I return it?")])
    turn_id, conversation = world.store.queue[0]

    def die(number: int) -> None:
        if number == 3 and len(world.model.prompts) == 1:
            raise Killed

    world.model.before_delta = die
    with pytest.raises(Killed):
        await reply(conversation, turn_id, world.services)
    assert await run_again(world, turn_id) == "answered"
    assert world.channel.texts == ["Yes, by post."]


async def test_a_turn_given_up_gets_one_apology_and_is_answered_when_it_is_requeued() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])
    turn_id, conversation = world.store.queue[0]
    await give_up(conversation, turn_id, world.services)
    await give_up(conversation, turn_id, world.services)
    assert len(world.channel.texts) == 1
    assert await reply(conversation, turn_id, world.services) == "answered"
    assert " ".join(world.channel.texts[1:]) == LONG


async def test_giving_up_says_nothing_after_a_part_of_the_answer() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])
    turn_id = await killed_at(world, 1, answered=True)
    (conversation,) = world.store._conversations
    await give_up(conversation, turn_id, world.services)
    assert len(world.channel.texts) == 2


async def test_giving_up_survives_a_graph_api_that_is_away() -> None:
    world = World()
    world.channel.faults = [Unavailable("down")] * 9
    await world.store.take_in([said("Open?")])
    turn_id, conversation = world.store.queue[0]
    await give_up(conversation, turn_id, world.services)
    assert await world.store.sweep() == 0


# -- order -------------------------------------------------------------------------------------

ORDERED = Limits(order="delivered", order_wait=timedelta(seconds=5))


def delivers(world: World, delivery: Delivery, code: int | None = None) -> None:
    """From now on each bubble gets this status as soon as it is sent."""
    original = world.channel.send

    async def send(*args: Any, **kwargs: Any) -> str:
        wamid = await original(*args, **kwargs)
        status = Status(wamid, NUMBER, delivery, NOW, kwargs["callback"], code)
        await world.store.take_in([status])
        return wamid

    world.channel.send = send  # type: ignore[method-assign]


@pytest.mark.parametrize("delivery", [Delivery.DELIVERED, Delivery.READ])
async def test_a_bubble_waits_until_the_one_before_is_delivered(delivery: Delivery) -> None:
    world = World(model=FakeModel([words(LONG)]), limits=ORDERED)
    delivers(world, delivery)
    await world.store.take_in([said("How?")])
    async with asyncio.timeout(4):  # less than one wait: none runs out
        await answer(world)
    assert " ".join(world.channel.texts) == LONG


async def test_no_bubble_leaves_before_the_one_before_is_delivered() -> None:
    world = World(model=FakeModel([words(LONG)]), limits=ORDERED)
    await world.store.take_in([said("How?")])
    turn_id, conversation = world.store.queue[0]
    task = asyncio.create_task(reply(conversation, turn_id, world.services))
    for _ in range(500):
        await asyncio.sleep(0)
    assert len(world.channel.texts) == 1
    delivered = Status("wamid.out1", NUMBER, Delivery.DELIVERED, NOW, f"{turn_id}:0:1")
    await world.store.take_in([delivered])
    for _ in range(500):
        await asyncio.sleep(0)
    assert len(world.channel.texts) == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_wait_that_runs_out_is_the_last_of_the_reply() -> None:
    limits = Limits(order="delivered", order_wait=timedelta(milliseconds=30))
    world = World(model=FakeModel([words(LONG)]), limits=limits)
    await world.store.take_in([said("How?")])
    await answer(world)
    assert " ".join(world.channel.texts) == LONG
    assert world.meter.counts[(metrics.ORDER_WAITS_RUN_OUT,)] == 1


async def test_a_bubble_that_failed_for_good_ends_the_reply() -> None:
    world = World(model=FakeModel([words(LONG)]), limits=ORDERED)
    delivers(world, Delivery.FAILED, 131026)
    await world.store.take_in([said("How?")])
    assert await answer(world) == "refused"
    assert len(world.channel.texts) == 1


async def test_a_bubble_that_failed_in_passing_is_sent_again_before_the_next() -> None:
    world = World(model=FakeModel([words(LONG)]), limits=ORDERED)
    await world.store.take_in([said("How?")])
    original, statuses = world.channel.send, [Delivery.FAILED] + [Delivery.DELIVERED] * 9

    async def send(*args: Any, **kwargs: Any) -> str:
        wamid = await original(*args, **kwargs)
        delivery = statuses.pop(0)
        await world.store.take_in(
            [Status(wamid, NUMBER, delivery, NOW, kwargs["callback"], 131000)]
        )
        return wamid

    world.channel.send = send  # type: ignore[method-assign]
    assert await answer(world) == "answered"
    assert [callback[-3:] for _, _, callback in world.channel.sent[:3]] == ["0:1", "0:2", "1:1"]
    assert world.channel.texts[0] == world.channel.texts[1]
    assert " ".join(world.channel.texts[1:]) == LONG


async def test_the_next_reply_waits_for_the_last_bubble_of_the_one_before() -> None:
    world = World(limits=ORDERED)
    await world.store.take_in([said("one")])
    turn_id, _ = world.store.queue[0]
    await answer(world)
    await world.store.take_in([said("two")])
    next_id, conversation = world.store.queue[0]
    task = asyncio.create_task(reply(conversation, next_id, world.services))
    for _ in range(500):
        await asyncio.sleep(0)
    assert len(world.channel.texts) == 1
    await world.store.take_in(
        [Status("wamid.out1", NUMBER, Delivery.DELIVERED, NOW, f"{turn_id}:0:1")]
    )
    assert await task == "answered"
    assert len(world.channel.texts) == 2


async def test_a_cancelled_turn_finishes_the_send_it_has_begun() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How?")])
    turn_id, conversation = world.store.queue[0]
    sending, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: str) -> None:
        sending.set()
        await go_on.wait()

    world.channel.on_send = slow
    task = asyncio.create_task(reply(conversation, turn_id, world.services))
    await sending.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(world.channel.texts) == 1
    assert world.store.records[turn_id]["state:0"] == "sent"


async def test_no_send_begins_that_might_not_end_before_its_worker_does() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How do I return it?")])
    turn_id, conversation = world.store.queue[0]
    loop, ends_at = asyncio.get_running_loop(), math.inf
    services = replace(world.services, ends_at=lambda: ends_at)

    async def is_asked_to_stop(_: str) -> None:
        nonlocal ends_at
        ends_at = loop.time() + services.limits.send_within.total_seconds() - 0.1

    world.channel.on_send = is_asked_to_stop
    with pytest.raises(Parked) as parked:
        await reply(conversation, turn_id, services)
    assert parked.value.after == timedelta()  # for another worker, at once
    assert len(world.channel.texts) == 1
    world.channel.on_send = None
    assert await reply(conversation, turn_id, world.services) == "answered"
    assert " ".join(world.channel.texts) == LONG


async def test_a_send_whose_place_comes_too_late_for_its_worker_is_left_to_another() -> None:
    world = World()
    world.store.number_wait = timedelta(seconds=3)
    await world.store.take_in([said("Open?")])
    turn_id, conversation = world.store.queue[0]
    ends_at = asyncio.get_running_loop().time() + 12
    with pytest.raises(Parked):
        await reply(conversation, turn_id, replace(world.services, ends_at=lambda: ends_at))
    assert world.clock.slept == []
    assert await reply(conversation, turn_id, world.services) == "answered"
    assert len(world.channel.texts) == 1


async def test_a_lost_lease_stops_the_reply() -> None:
    world = World(model=FakeModel([words(LONG)]))
    await world.store.take_in([said("How?")])
    turn_id, conversation = world.store.queue[0]
    world.channel.on_send = lambda _: world.store.steal(conversation)
    with pytest.raises(LeaseLost):
        await reply(conversation, turn_id, world.services)
    assert len(world.channel.texts) == 1


async def test_history_is_what_the_person_has_seen() -> None:
    world = World(model=FakeModel([words(LONG)]))
    world.channel.faults = [None, Refused("window closed", code=131047)]
    await world.store.take_in([said("How?")])
    await answer(world)
    world.channel.faults = []
    world.model.answers = [["Yes."]]
    await world.store.take_in([said("Hello?")])
    await answer(world)
    shown = Utterance("assistant", world.channel.texts[0])
    assert [m.content for m in world.model.prompts[1] if m.role == "assistant"] == [shown.text]
