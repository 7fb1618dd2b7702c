"""What every ``Store`` promises; the fake and the real one keep it alike."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from app import metrics
from app.core.model import (
    Address,
    Bubble,
    Delivery,
    Ignored,
    Moved,
    Notice,
    Status,
    Turn,
    Utterance,
)
from app.errors import LeaseLost, Parked
from app.pipeline.ports import Taken, TurnInHand
from tests.contracts.conftest import KEYS, Stage
from tests.fakes import NOW, NUMBER, outcomes, said

SECOND = timedelta(seconds=1)
LONG_AGO = NOW - timedelta(days=400)


async def job_of(stage: Stage) -> tuple[str, str]:
    job = await stage.take_job()
    assert job is not None
    return job


async def answer(stage: Stage, text: str = "Yes.") -> Turn:
    """Run the next turn as a worker would; the turn."""
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.finish(text, ending="answered")
        return hand.turn


def bubble_of(hand: TurnInHand, number: int = 0, text: str = "Yes.") -> Bubble:
    return Bubble(hand.turn.turn_id, number, text, text)


def status(wamid: str, delivery: Delivery, callback: str | None = None) -> Status:
    return Status(wamid, NUMBER, delivery, NOW, callback)


# -- taking in ---------------------------------------------------------------------------------


async def test_a_message_becomes_one_queued_turn(stage: Stage) -> None:
    assert outcomes(await stage.store.take_in([said("Hi")])) == ["queued"]
    turn = await answer(stage)
    assert [message.text for message in turn.messages] == ["Hi"]
    assert await stage.take_job() is None


async def test_a_redelivered_message_changes_nothing(stage: Stage) -> None:
    message = said("Hi")
    await stage.store.take_in([message])
    assert outcomes(await stage.store.take_in([message])) == ["duplicate"]
    turn = await answer(stage)
    assert len(turn.messages) == 1
    assert outcomes(await stage.store.take_in([message])) == ["duplicate"]
    assert await stage.take_job() is None


async def test_a_second_run_of_a_turn_that_ended_leaves_newer_messages_alone(stage: Stage) -> None:
    await stage.store.take_in([said("Hi")])
    ended = await job_of(stage)
    async with stage.store.turn(ended[1], ended[0]) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.finish("Yes.", ending="answered")
    await stage.store.take_in([said("And now?")])
    async with stage.store.turn(ended[1], ended[0]) as again:
        assert again is None
    turn = await answer(stage)
    assert [message.text for message in turn.messages] == ["And now?"]


async def test_messages_before_a_turn_begins_are_one_turn(stage: Stage) -> None:
    assert outcomes(await stage.store.take_in([said("one"), said("two")])) == ["queued", "joined"]
    assert outcomes(await stage.store.take_in([said("three")])) == ["joined"]
    turn = await answer(stage)
    assert [message.text for message in turn.messages] == ["one", "two", "three"]
    assert await stage.take_job() is None


async def test_a_turn_reads_messages_by_the_time_they_were_sent(stage: Stage) -> None:
    await stage.store.take_in([said("second", at=NOW), said("first", at=NOW - SECOND)])
    turn = await answer(stage)
    assert [message.text for message in turn.messages] == ["first", "second"]


async def test_what_nobody_said_is_remembered_and_not_queued(stage: Stage) -> None:
    assert outcomes(await stage.store.take_in([Ignored("reaction", "wamid.r")])) == ["ignored"]
    assert outcomes(await stage.store.take_in([Ignored("reaction", "wamid.r")])) == ["duplicate"]
    assert await stage.take_job() is None


async def test_ignored_events_without_an_id_are_all_counted(stage: Stage) -> None:
    nameless = Ignored("unknown_field")
    assert outcomes(await stage.store.take_in([nameless, nameless])) == ["ignored", "ignored"]


async def test_a_thousand_updates_in_one_call_are_all_stored(stage: Stage) -> None:
    messages = [said(f"no. {n}", user_id=f"US.{n}", phone=None) for n in range(1000)]
    assert outcomes(await stage.store.take_in(messages)) == ["queued"] * 1000


async def test_taking_in_nothing_is_nothing(stage: Stage) -> None:
    assert outcomes(await stage.store.take_in([])) == []


# -- who is who --------------------------------------------------------------------------------


async def test_two_of_our_numbers_are_two_conversations(stage: Stage) -> None:
    messages = [said("a"), said("b", number="200000000000002")]
    assert outcomes(await stage.store.take_in(messages)) == ["queued", "queued"]
    first, second = await answer(stage), await answer(stage)
    assert {first.messages[0].text, second.messages[0].text} == {"a", "b"}
    assert first.conversation != second.conversation


async def test_a_person_known_by_phone_keeps_the_conversation_when_the_user_id_shows(
    stage: Stage,
) -> None:
    await stage.store.take_in([said("by phone", user_id=None, phone="15550101")])
    first = await answer(stage)
    await stage.store.take_in([said("with id", user_id="US.7", phone="15550101")])
    await stage.store.take_in([said("id alone", user_id="US.7", phone=None)])
    second = await answer(stage)
    assert second.conversation == first.conversation
    assert [message.text for message in second.messages] == ["with id", "id alone"]


async def test_a_recycled_phone_is_another_person(stage: Stage) -> None:
    await stage.store.take_in([said("old owner", user_id="US.1", phone="15550102")])
    first = await answer(stage)
    await stage.store.take_in([said("new owner", user_id="US.2", phone="15550102")])
    second = await answer(stage)
    assert second.conversation != first.conversation
    assert second.history == []
    await stage.store.take_in([said("old owner again", user_id="US.1", phone=None)])
    assert await address_of_next(stage) == Address(NUMBER, None, "US.1")


async def address_of_next(stage: Stage) -> Address | None:
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        clearance = await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.finish("", ending="answered")
    return clearance.address if clearance else None


async def test_the_address_has_what_is_known_of_the_person(stage: Stage) -> None:
    await stage.store.take_in([said("hidden number", user_id="US.3", phone=None)])
    assert await address_of_next(stage) == Address(NUMBER, None, "US.3")
    await stage.store.take_in([said("seen number", user_id="US.3", phone="15550103")])
    assert await address_of_next(stage) == Address(NUMBER, "15550103", "US.3")


async def test_a_new_user_id_keeps_the_conversation(stage: Stage) -> None:
    await stage.store.take_in([said("before", user_id="US.4", phone=None)])
    first = await answer(stage, "An answer.")
    assert outcomes(await stage.store.take_in([Moved(NUMBER, "US.4", None, "US.5", None)])) == [
        "moved"
    ]
    await stage.store.take_in([said("after", user_id="US.5", phone=None)])
    second = await answer(stage)
    assert second.conversation == first.conversation
    assert second.history == [Utterance("user", "before"), Utterance("assistant", "An answer.")]


async def test_a_move_that_comes_late_brings_the_history_along(stage: Stage) -> None:
    await stage.store.take_in([said("before", user_id="US.4", phone=None)])
    await answer(stage, "One.")
    await stage.store.take_in([said("after", user_id="US.5", phone=None)])
    await answer(stage, "Two.")
    await stage.store.take_in([Moved(NUMBER, "US.4", None, "US.5", None)])
    await stage.store.take_in([said("again", user_id="US.5", phone=None)])
    turn = await answer(stage)
    assert [entry.text for entry in turn.history] == ["before", "One.", "after", "Two."]


async def test_a_new_phone_is_where_the_next_bubble_goes(stage: Stage) -> None:
    await stage.store.take_in([said("hi", user_id=None, phone="15550104")])
    turn_id, conversation = await job_of(stage)
    await stage.store.take_in([Moved(NUMBER, None, "15550104", None, "15550105")])
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        clearance = await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
    assert clearance is not None
    assert clearance.address == Address(NUMBER, "15550105", None)


async def test_a_move_to_a_phone_of_somebody_else_does_not_merge_two_people(stage: Stage) -> None:
    await stage.store.take_in([said("mine", user_id="US.8", phone="15550106")])
    await answer(stage)
    await stage.store.take_in([said("other", user_id="US.9", phone="15550107")])
    await answer(stage)
    await stage.store.take_in([Moved(NUMBER, "US.8", "15550106", None, "15550107")])
    await stage.store.take_in([said("still me", user_id="US.9", phone=None)])
    turn = await answer(stage)
    assert [entry.text for entry in turn.history] == ["other", "Yes."]


async def test_a_move_of_somebody_unknown_is_ignored(stage: Stage) -> None:
    assert outcomes(await stage.store.take_in([Moved(NUMBER, "US.0", None, "US.6", None)])) == [
        "ignored"
    ]


# -- a turn in hand ----------------------------------------------------------------------------


async def test_history_grows_by_what_was_said(stage: Stage) -> None:
    await stage.store.take_in([said("one"), said("two")])
    await answer(stage, "Both.")
    await stage.store.take_in([said("three")])
    turn = await answer(stage)
    assert turn.history == [Utterance("user", "one\ntwo"), Utterance("assistant", "Both.")]


async def test_a_message_during_the_turn_is_the_next_turn(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert outcomes(await stage.store.take_in([said("two")])) == ["joined"]
        await hand.finish("Yes.", ending="answered")
    turn = await answer(stage)
    assert [message.text for message in turn.messages] == ["two"]
    assert turn.turn_id != turn_id


async def test_a_message_during_the_turn_is_told_and_can_join(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await asyncio.sleep(0.1)  # until the real store has subscribed
        await stage.store.take_in([said("two")])
        async with asyncio.timeout(5):
            await hand.grown.wait()
        first = bubble_of(hand)
        assert await hand.begin_send(first, attempt=1, within=SECOND, unless_grown=True) is None
        turn = await hand.join()
        assert [message.text for message in turn.messages] == ["one", "two"]
        assert not hand.grown.is_set()
        assert await hand.begin_send(first, attempt=1, within=SECOND, unless_grown=True) is not None
        await hand.finish("Both.", ending="answered")
    assert await stage.take_job() is None


async def test_leaving_without_an_end_leaves_the_messages_waiting(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert len(hand.turn.messages) == 1


async def test_a_turn_of_nothing_is_none(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.finish("Yes.", ending="answered")
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is None


async def test_a_message_after_the_end_is_queued_again(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    await answer(stage)
    assert outcomes(await stage.store.take_in([said("two")])) == ["queued"]


STEPS: dict[str, Callable[[TurnInHand], Awaitable[object]]] = {
    "begin_send": lambda hand: hand.begin_send(bubble_of(hand), attempt=1, within=SECOND),
    "join": lambda hand: hand.join(),
    "finish": lambda hand: hand.finish("Yes.", ending="answered"),
}


@pytest.mark.parametrize("step", STEPS)
async def test_nothing_can_be_done_with_a_lost_lease(stage: Stage, step: str) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await stage.steal(conversation)
        with pytest.raises(LeaseLost):
            await STEPS[step](hand)


async def test_a_later_run_knows_what_an_earlier_one_left(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    bubbles = [Bubble(turn_id, n, f"*{n}*.", f"**{n}**.") for n in range(4)]
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubbles[0], attempt=1, within=SECOND)
        await hand.settle_send(bubbles[0], wamid="wamid.a")
        await hand.plan(bubbles[:3], whole=False)
        await hand.begin_send(bubbles[1], attempt=2, within=SECOND)  # and then it died
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        standing = hand.turn.standing
    assert [(one.bubble, one.state, one.attempt) for one in standing] == [
        (bubbles[0], "sent", 1),
        (bubbles[1], "sending", 2),
        (bubbles[2], "planned", 0),
    ]
    assert standing[1].deadline_at is not None
    assert standing[2].deadline_at is None
    assert not hand.turn.whole


async def test_a_later_run_knows_that_the_answer_was_whole(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.plan([bubble_of(hand)], whole=True)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert hand.turn.whole


async def test_a_plan_of_which_nothing_has_begun_is_dropped(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.plan([bubble_of(hand, 0), bubble_of(hand, 1)], whole=True)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert list(hand.turn.standing) == []
        assert not hand.turn.whole


async def test_joining_drops_the_plan(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.plan([bubble_of(hand, 0), bubble_of(hand, 1)], whole=True)
        await hand.join()
        await hand.begin_send(bubble_of(hand, 0), attempt=1, within=SECOND)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert [one.state for one in hand.turn.standing] == ["sending"]


async def test_a_reply_that_has_begun_answers_only_what_it_answered(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
    await stage.store.take_in([said("earlier by Meta's clock", at=NOW - SECOND)])
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert [message.text for message in hand.turn.messages] == ["one"]
        await hand.finish("Yes.", ending="answered")
    turn = await answer(stage)
    assert [message.text for message in turn.messages] == ["earlier by Meta's clock"]


async def test_another_job_goes_on_with_a_reply_that_has_begun(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
    async with stage.store.turn(conversation, "f" * 32) as hand:
        assert hand is not None
        assert hand.turn.turn_id == turn_id
        assert [one.state for one in hand.turn.standing] == ["sending"]
        assert hand.turn.next_number == 1
        await hand.finish("Yes.", ending="answered")
    await stage.store.take_in([said("two")])
    turn = await answer(stage)
    assert turn.turn_id != turn_id


async def test_the_sweeper_queues_whoever_waits_and_is_read_by_nobody(stage: Stage) -> None:
    await stage.store.take_in([said("one", at=LONG_AGO)])
    assert await stage.store.sweep() == 0  # the job stands in the queue
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await stage.pass_time(3.1 * SECOND)
        assert await stage.store.sweep() == 0  # somebody is reading
    await stage.forget_job(turn_id)
    await stage.pass_time(3.1 * SECOND)
    assert await stage.store.sweep() == 1
    turn = await answer(stage)
    assert [message.text for message in turn.messages] == ["one"]


async def test_the_gauges_tell_who_waits_and_how_long(stage: Stage) -> None:
    idle = await stage.store.gauges()
    assert idle[metrics.OLDEST_UNANSWERED_SECONDS] == 0
    assert idle[metrics.UNANSWERED] == idle[metrics.QUEUED] == 0
    await stage.store.take_in([said("one", at=LONG_AGO), said("two")])
    waiting = await stage.store.gauges()
    assert waiting[metrics.OLDEST_UNANSWERED_SECONDS] >= timedelta(days=399).total_seconds()
    assert (waiting[metrics.UNANSWERED], waiting[metrics.QUEUED]) == (1, 1)
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.give_up()
    given_up = await stage.store.gauges()
    assert given_up[metrics.OLDEST_UNANSWERED_SECONDS] == 0
    assert (given_up[metrics.UNANSWERED], given_up[metrics.GIVEN_UP]) == (0, 1)
    await stage.store.take_in([said("three")])
    assert (await stage.store.gauges())[metrics.UNANSWERED] == 1
    await answer(stage)
    answered = await stage.store.gauges()
    assert answered[metrics.UNANSWERED] == answered[metrics.GIVEN_UP] == 0


async def test_a_turn_given_up_is_not_swept_but_answered_with_the_next_words(stage: Stage) -> None:
    await stage.store.take_in([said("one", at=LONG_AGO)])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.note(apology=0)
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.give_up()
    await stage.forget_job(turn_id)
    assert await stage.store.sweep() == 0
    await stage.store.take_in([said("two")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert list(hand.turn.standing) == []  # an apology is no part of the answer
        assert hand.turn.next_number == 1


async def test_the_next_reply_knows_the_last_bubble_of_the_one_before(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert hand.turn.before is None
        await hand.begin_send(bubble_of(hand, 0), attempt=1, within=SECOND)
        await hand.begin_send(bubble_of(hand, 1), attempt=1, within=SECOND)
        await hand.finish("Yes.", ending="answered")
    await stage.store.take_in([said("two")])
    turn = await answer(stage)
    assert turn.before is not None
    assert (turn.before.reply_id, turn.before.number) == (turn_id, 1)


async def test_the_record_of_a_turn_is_found_by_a_message_it_answered(stage: Stage) -> None:
    message = said("one")
    await stage.store.take_in([message])
    assert await stage.store.record_of(message.wamid) is None
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.note(model_ended_at=12.5, deltas=3)
        await hand.finish("Yes.", ending="answered")
    record = await stage.store.record_of(message.wamid)
    assert record is not None
    assert record.turn_id == turn_id
    assert record.fields["ending"] == "answered"
    assert record.fields["model_ended_at"] == "12.5"


# -- limits and stops --------------------------------------------------------------------------


async def test_a_person_gets_ten_bubbles_at_once_and_then_one_every_six_seconds(
    stage: Stage,
) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        left = []
        for number in range(10):
            clearance = await hand.begin_send(bubble_of(hand, number), attempt=1, within=SECOND)
            assert clearance is not None
            left.append(clearance.burst_left)
        assert left == list(range(9, -1, -1))
        with pytest.raises(Parked) as parked:
            await hand.begin_send(bubble_of(hand, 10), attempt=1, within=SECOND)
    assert 5 * SECOND < parked.value.after <= 6 * SECOND
    assert parked.value.scope == "pair"


async def test_another_person_has_a_burst_of_their_own(stage: Stage) -> None:
    await stage.store.take_in([said("one", user_id="US.1", phone=None)])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
    await stage.store.take_in([said("two", user_id="US.2", phone=None)])
    other_id, other = await job_of(stage)
    while other == conversation:
        other_id, other = await job_of(stage)
    async with stage.store.turn(other, other_id) as hand:
        assert hand is not None
        clearance = await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
    assert clearance is not None
    assert clearance.burst_left == 9


async def test_a_held_scope_stops_sends_and_turns_of_everybody(stage: Stage) -> None:
    await stage.store.take_in([said("one", user_id="US.1", phone=None)])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert await hand.hold("token", code=190, wait=60 * SECOND, growth=1) == 60 * SECOND
        with pytest.raises(Parked) as parked:
            await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
    assert 58 * SECOND < parked.value.after <= 60 * SECOND
    assert parked.value.scope == "token"
    with pytest.raises(Parked):
        async with stage.store.turn(conversation, turn_id):
            pass


async def test_several_stops_in_one_breath_are_one(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.hold("pair", code=131056, wait=SECOND, growth=4)
        assert await hand.hold("pair", code=131056, wait=SECOND, growth=4) <= SECOND


async def test_when_a_hold_is_over_one_turn_is_its_probe_and_success_ends_it(stage: Stage) -> None:
    await stage.store.take_in([said("one", user_id="US.1", phone=None)])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.hold("token", code=190, wait=60 * SECOND, growth=4)
    await stage.end_holds()
    async with stage.store.turn(conversation, turn_id) as probe:
        assert probe is not None
        await stage.store.take_in([said("two", user_id="US.2", phone=None)])
        other_id, other = await job_of(stage)
        while other == conversation:
            other_id, other = await job_of(stage)
        with pytest.raises(Parked):
            async with stage.store.turn(other, other_id):
                pass
        await probe.begin_send(bubble_of(probe), attempt=1, within=SECOND)
        await probe.settle_send(bubble_of(probe), wamid="wamid.p")
    async with stage.store.turn(other, other_id) as hand:
        assert hand is not None


async def test_the_others_wait_for_a_probe_no_longer_than_the_stop_was(stage: Stage) -> None:
    """A number that is throttled for some seconds must not be silent for a minute."""
    await stage.store.take_in([said("one", user_id="US.1", phone=None)])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.hold("number", code=130429, wait=8 * SECOND, growth=2)
    await stage.end_holds()
    async with stage.store.turn(conversation, turn_id):
        await stage.store.take_in([said("two", user_id="US.2", phone=None)])
        other_id, other = await job_of(stage)
        while other == conversation:
            other_id, other = await job_of(stage)
        with pytest.raises(Parked) as parked:
            async with stage.store.turn(other, other_id):
                pass
    assert timedelta() < parked.value.after <= 8 * SECOND


async def test_a_probe_that_fails_waits_longer(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.hold("pair", code=131056, wait=SECOND / 50, growth=4)
    await stage.pass_time(SECOND / 10)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        again = await hand.hold("pair", code=131056, wait=SECOND / 50, growth=4)
    assert again == 4 * SECOND / 50


async def test_a_send_that_had_begun_before_a_stop_does_not_end_it(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.hold("token", code=190, wait=60 * SECOND, growth=1)
        await hand.settle_send(bubble_of(hand), wamid="wamid.o")
        with pytest.raises(Parked):
            await hand.begin_send(bubble_of(hand, 1), attempt=1, within=SECOND)


STOP = Notice("stop", "account", "disabled", "701", at=NOW, wait=60 * SECOND)
RESUME = replace(STOP, effect="resume", code="reinstated", at=NOW + SECOND, wait=0 * SECOND)
SLOW = Notice("slow", "number", "130429", "701", NUMBER, wait=9 * SECOND, growth=2)


async def stop_of(stage: Stage) -> timedelta:
    """For how long the person's turn is kept from being answered."""
    turn_id, conversation = await job_of(stage)
    try:
        async with stage.store.turn(conversation, turn_id) as hand:
            assert hand is not None
            return timedelta()
    except Parked as parked:
        return parked.after


@pytest.mark.parametrize(
    ("notices", "most"),
    [
        pytest.param([STOP], 60, id="stopped"),
        pytest.param([STOP, STOP], 60, id="told twice"),
        pytest.param([STOP, RESUME], 0, id="resumed"),
        pytest.param([RESUME, STOP], 0, id="the stop comes late"),
        pytest.param([replace(STOP, effect="tell")], 0, id="told only"),
        pytest.param([replace(STOP, at=None), RESUME], 0, id="an error, then resumed"),
        pytest.param([SLOW], 9, id="number throttled"),
        pytest.param([SLOW, SLOW], 9, id="throttled in one breath"),
    ],
)
async def test_what_meta_tells_of_an_account_stops_and_resumes_its_turns(
    stage: Stage, notices: list[Notice], most: int
) -> None:
    await stage.store.take_in([replace(said("one"), account_id="701")])
    await stage.store.take_in(notices)
    assert (most - 2) * SECOND <= await stop_of(stage) <= most * SECOND
    troubles = {notices[0].scope: notices[0].code} if most else {}
    assert dict(await stage.store.troubles()) == troubles


async def test_a_probe_that_gets_through_ends_a_stop_and_its_trouble(stage: Stage) -> None:
    await stage.store.take_in([replace(said("one"), account_id="701")])
    await stage.store.take_in([replace(STOP, wait=SECOND / 50)])
    await stage.pass_time(SECOND / 10)
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.settle_send(bubble_of(hand), wamid="wamid.o")
    assert dict(await stage.store.troubles()) == {}


# -- statuses ----------------------------------------------------------------------------------

S, F, D, R = Delivery.SENT, Delivery.FAILED, Delivery.DELIVERED, Delivery.READ


@pytest.mark.parametrize(
    ("order", "news"),
    [
        pytest.param([S, D, R], [S, D, R], id="in order"),
        pytest.param([R, D, S], [R], id="backwards"),
        pytest.param([S, S, D, D], [S, D], id="doubled"),
        pytest.param([D, S, R], [D, R], id="sent after delivered"),
        pytest.param([S, F], [S, F], id="failed"),
        pytest.param([F, S], [F], id="sent after failed"),
        pytest.param([D, F], [D], id="failed on one device of two"),
        pytest.param([S, F, D], [S, F, D], id="delivered to another device"),
    ],
)
async def test_a_status_never_steps_back(
    stage: Stage, order: list[Delivery], news: list[Delivery]
) -> None:
    taken = await stage.store.take_in([status("wamid.x", delivery) for delivery in order])
    told = zip(order, [one.outcome for one in taken], strict=True)
    assert [delivery for delivery, word in told if word in ("news", "landed")] == news


@pytest.mark.parametrize(
    ("order", "words"),
    [
        pytest.param([S, D, R], ["news", "landed", "news"], id="in order"),
        pytest.param([S, R, D], ["news", "landed", "stale"], id="read alone, or first"),
        pytest.param([S, F, D], ["news", "news", "landed"], id="failed on one device of two"),
        pytest.param([S, F], ["news", "news"], id="failed"),
    ],
)
async def test_a_bubble_lands_once(stage: Stage, order: list[Delivery], words: list[str]) -> None:
    taken = await stage.store.take_in([status("wamid.x", one) for one in order])
    assert [one.outcome for one in taken] == words


@pytest.mark.parametrize("first", ["answer", "status"])
async def test_a_status_and_its_sends_answer_meet_in_either_order(stage: Stage, first: str) -> None:
    message = said("one")
    await stage.store.take_in([message])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        if first == "status":
            await stage.store.take_in([status("wamid.o", D)])
        await hand.settle_send(bubble_of(hand), wamid="wamid.o")
        if first == "answer":
            await stage.store.take_in([status("wamid.o", D)])
        await hand.finish("Yes.", ending="answered")
    record = await stage.store.record_of(message.wamid)
    assert record is not None
    assert record.fields["delivery:0"] == str(int(D))


async def test_a_status_with_our_callback_shows_that_a_lost_send_went_out(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.settle_send(bubble_of(hand), uncertain=True)
        assert await hand.delivery(turn_id, 0, at_least=S, within=SECOND / 20) is None
        waiting = asyncio.create_task(hand.delivery(turn_id, 0, at_least=S, within=9 * SECOND))
        await stage.store.take_in([status("wamid.o", S, callback=f"{turn_id}:0:1")])
        assert await waiting == (S, None)


async def test_a_lost_answer_is_settled_by_its_status_at_once(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.settle_send(bubble_of(hand), uncertain=True)
        waiting = asyncio.create_task(hand.has_left(0, within=60 * SECOND, most=60 * SECOND))
        await stage.store.take_in([status("wamid.o", S, callback=f"{turn_id}:0:1")])
        async with asyncio.timeout(10):
            assert await waiting


@pytest.mark.parametrize("settled", [True, False], ids=["its loss was seen", "its worker died"])
async def test_a_lost_answer_without_a_status_has_its_time_and_no_more(
    stage: Stage, settled: bool
) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND / 20)
        if settled:
            await hand.settle_send(bubble_of(hand), uncertain=True)
        assert not await hand.has_left(0, within=SECOND / 20, most=9 * SECOND)


async def test_a_long_wait_for_a_status_is_not_made_in_a_workers_place(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=10 * SECOND)
        with pytest.raises(Parked) as parked:
            await hand.has_left(0, within=8 * SECOND, most=SECOND / 20)
    assert 16 * SECOND < parked.value.after <= 18 * SECOND


async def test_a_failed_bubble_tells_its_code(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        failed = Status("wamid.o", NUMBER, F, NOW, f"{turn_id}:0:1", error_code=131026)
        await stage.store.take_in([failed])
        assert await hand.delivery(turn_id, 0, at_least=F, within=SECOND) == (F, 131026)


async def test_a_wait_that_runs_out_tells_what_is_known(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await stage.store.take_in([status("wamid.o", S, callback=f"{turn_id}:0:1")])
        assert await hand.delivery(turn_id, 0, at_least=D, within=SECOND / 20) == (S, None)


async def test_a_callback_of_another_program_is_no_bubble_of_ours(stage: Stage) -> None:
    assert outcomes(
        await stage.store.take_in([status("wamid.o", S, callback="part=1;turn=2")])
    ) == ["news"]


async def test_each_event_is_told_with_the_turn_that_it_belongs_to(stage: Stage) -> None:
    one, two = said("one"), said("two")
    (queued,) = await stage.store.take_in([one])
    (joined,) = await stage.store.take_in([two])
    turn_id, conversation = await job_of(stage)
    assert queued == Taken("queued", conversation, turn_id)
    assert joined == Taken("joined", conversation, turn_id)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=2, within=SECOND)
        await hand.settle_send(bubble_of(hand), wamid="wamid.o")
        (sent,) = await stage.store.take_in([status("wamid.o", D)])
        (late,) = await stage.store.take_in([status("wamid.p", D, callback=f"{turn_id}:0:1")])
        (stale,) = await stage.store.take_in([status("wamid.o", S)])
    first = KEYS.message(one.wamid)
    assert float(sent.sent_at) > 0
    at = sent.sent_at
    assert sent == Taken("landed", conversation, turn_id, "0", "2", first, at)
    assert late == Taken("landed", conversation, turn_id, "0", "1", first, at)
    assert stale == Taken("stale")


async def test_troubles_are_told_by_scope(stage: Stage) -> None:
    assert dict(await stage.store.troubles()) == {}
    await stage.store.report_trouble("token", "190")
    assert dict(await stage.store.troubles()) == {"token": "190"}


async def test_a_bubble_that_its_status_knows_is_never_let_through_again(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.settle_send(bubble_of(hand), code=131000)
        await stage.store.take_in([status("wamid.o", D, callback=f"{turn_id}:0:1")])
        clearance = await hand.begin_send(bubble_of(hand), attempt=2, within=SECOND)
        assert clearance is not None
        assert clearance.is_sent
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert [(one.state, one.attempt) for one in hand.turn.standing] == [("sent", 1)]


async def test_a_status_brings_back_a_send_that_nobody_else_knows_of(stage: Stage) -> None:
    """A failover has forgotten the send, not the plan, and its worker is dead too."""
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.plan([bubble_of(hand, 0, "Yes."), bubble_of(hand, 1, "Do.")], whole=True)
        await stage.store.take_in([status("wamid.o", S, callback=f"{turn_id}:0:1")])
    later = hand.turn.messages[0].sent_at + timedelta(days=1)
    await stage.store.take_in([said("two", at=later)])
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert [(one.state, one.bubble.text) for one in hand.turn.standing] == [
            ("sent", "Yes."),
            ("planned", "Do."),
        ]
        assert hand.turn.whole
        assert [message.text for message in hand.turn.messages] == ["one"]


# -- two attempts of one bubble ----------------------------------------------------------------


async def test_a_holder_that_lost_its_lease_cannot_unsend_its_successors_send(
    stage: Stage,
) -> None:
    await stage.store.take_in([said("Hi")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as slow:
        assert slow is not None
        await slow.begin_send(bubble_of(slow), attempt=1, within=SECOND)
    async with stage.store.turn(conversation, turn_id) as next_one:
        assert next_one is not None
        await next_one.begin_send(bubble_of(next_one), attempt=2, within=SECOND)
        await slow.settle_send(bubble_of(slow), code="too late")
        await slow.settle_send(bubble_of(slow), uncertain=True)
    async with stage.store.turn(conversation, turn_id) as third:
        assert third is not None
        assert [standing.state for standing in third.turn.standing] == ["sending"]


async def test_an_answer_that_comes_after_the_lease_was_lost_settles_the_send(
    stage: Stage,
) -> None:
    await stage.store.take_in([said("Hi")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as slow:
        assert slow is not None
        await slow.begin_send(bubble_of(slow), attempt=1, within=SECOND)
    async with stage.store.turn(conversation, turn_id) as next_one:
        assert next_one is not None
        await slow.settle_send(bubble_of(slow), wamid="wamid.slow")
        known = await next_one.delivery(
            turn_id, 0, at_least=Delivery.SENT, within=timedelta(seconds=0.1)
        )
        assert known == (Delivery.SENT, None)


async def test_a_new_attempt_is_not_failed_because_the_one_before_was(stage: Stage) -> None:
    await stage.store.take_in([said("Hi")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await stage.store.take_in([status("wamid.1", Delivery.FAILED, f"{turn_id}:0:1")])
        await hand.begin_send(bubble_of(hand), attempt=2, within=SECOND)
        moment = timedelta(seconds=0.1)
        known = await hand.delivery(turn_id, 0, at_least=Delivery.FAILED, within=moment)
        assert known is None
        await stage.store.take_in([status("wamid.2", Delivery.DELIVERED, f"{turn_id}:0:2")])
        known = await hand.delivery(turn_id, 0, at_least=Delivery.FAILED, within=moment)
        assert known == (Delivery.DELIVERED, None)


async def test_a_late_failure_of_an_earlier_attempt_changes_nothing(stage: Stage) -> None:
    await stage.store.take_in([said("Hi")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.begin_send(bubble_of(hand), attempt=2, within=SECOND)
        await stage.store.take_in([status("wamid.2", Delivery.DELIVERED, f"{turn_id}:0:2")])
        await stage.store.take_in([status("wamid.1", Delivery.FAILED, f"{turn_id}:0:1")])
        known = await hand.delivery(turn_id, 0, at_least=Delivery.SENT, within=SECOND)
        assert known == (Delivery.DELIVERED, None)


# -- the watch ---------------------------------------------------------------------------------


async def test_one_looks_at_meta_and_what_was_found_stands_until_the_next_look(
    stage: Stage,
) -> None:
    assert await stage.store.take_watch()
    assert not await stage.store.take_watch()
    await stage.store.end_watch({"webhook": "unsubscribed", "token": "ends_soon"})
    assert not await stage.store.take_watch()
    told = {"webhook": "unsubscribed", "token": "ends_soon"}
    assert dict(await stage.store.troubles()) == told
    await stage.store.end_watch(None)
    assert dict(await stage.store.troubles()) == told
    await stage.store.end_watch({})
    assert dict(await stage.store.troubles()) == {}


async def test_the_account_of_a_number_is_known_once_somebody_is_answered(stage: Stage) -> None:
    assert dict(await stage.store.accounts()) == {}
    await stage.store.take_in([replace(said("Hi"), account_id="11")])
    await stage.store.take_in([said("Hi", user_id="US.2", phone=None, number="200")])
    for _ in range(2):
        await answer(stage)
    assert dict(await stage.store.accounts()) == {NUMBER: "11"}


async def test_what_was_met_counts_more_than_what_was_found(stage: Stage) -> None:
    await stage.store.end_watch({"token": "ends_soon"})
    await stage.store.report_trouble("token", "190")
    assert dict(await stage.store.troubles()) == {"token": "190"}


@pytest.mark.parametrize(("ending", "told"), [("answered", {}), ("no_answer", {"model": "cut"})])
async def test_an_answer_ends_the_models_trouble(
    stage: Stage, ending: str, told: dict[str, str]
) -> None:
    await stage.store.report_trouble("model", "cut")
    await stage.store.take_in([said("Hi")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.finish("Yes.", ending=ending)
    assert dict(await stage.store.troubles()) == told
