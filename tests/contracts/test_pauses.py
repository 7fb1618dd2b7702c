"""What every ``Store`` promises of a bot that is to be silent for a while."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app import metrics
from app.core.model import Bubble, Echo, InboundMessage, Moved, PauseReason, Usage, Utterance
from app.errors import Paused
from app.pipeline.ports import Closing, TurnInHand
from tests.contracts.conftest import KEYS, Stage
from tests.fakes import NOW, NUMBER, FakeStore, said

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
MINE = KEYS.user(NUMBER, "US.1001")
HELD: list[PauseReason] = ["asked", "model", "colleague", "operator"]


def now(stage: Stage) -> datetime:
    """By the store's own clock."""
    return stage.store.clock.now() if isinstance(stage.store, FakeStore) else datetime.now(UTC)


async def pause(stage: Stage, reason: PauseReason = "asked", after: timedelta = HOUR) -> bool:
    return await stage.store.pause(MINE, reason=reason, until=now(stage) + after)


async def taken(stage: Stage, messages: list[InboundMessage]) -> list[str]:
    return [each.outcome for each in await stage.store.take_in(messages)]


async def job_of(stage: Stage) -> tuple[str, str]:
    job = await stage.take_job()
    assert job is not None
    return job


async def heard(stage: Stage, text: str = "Yes.") -> list[str]:
    """What the next turn answers."""
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.finish(text, ending="answered")
        return [message.text for message in hand.turn.messages]


async def history(stage: Stage) -> list[Utterance]:
    """What was said, as the next turn reads it."""
    await stage.store.take_in([said("(and now?)")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.finish("", ending="answered")
        return list(hand.turn.history)


def bubble_of(hand: TurnInHand, number: int = 0) -> Bubble:
    return Bubble(hand.turn.turn_id, number, "Yes.", "Yes.")


@pytest.mark.parametrize("reason", HELD)
async def test_what_is_said_in_a_pause_is_kept_and_answered_when_it_is_ended(
    stage: Stage, reason: PauseReason
) -> None:
    await stage.store.take_in([said("one")])
    await heard(stage)
    assert await pause(stage, reason)
    assert await taken(stage, [said("two"), said("three")]) == ["paused", "paused"]
    assert await stage.take_job() is None
    assert await stage.store.resume(MINE)
    assert await heard(stage) == ["two", "three"]
    assert await taken(stage, [said("four")]) == ["queued"]


async def test_a_pause_keeps_a_queued_turn_from_being_answered(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    await pause(stage)
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is None
    await stage.store.resume(MINE)
    assert await heard(stage) == ["one"]


async def test_a_pause_is_told_and_ends_by_itself(stage: Stage) -> None:
    assert await stage.store.pause_of(MINE) is None
    await stage.store.take_in([said("nil")])
    await heard(stage)
    await pause(stage, "asked", SECOND / 2)
    await stage.store.take_in([said("one")])
    told = await stage.store.pause_of(MINE)
    assert told is not None
    assert told.reason == "asked"
    assert told.until is not None
    assert timedelta() < told.until - told.since <= SECOND / 2
    await stage.pass_time(SECOND / 2)
    assert await stage.store.pause_of(MINE) is None
    assert await stage.store.sweep() == 1
    assert await heard(stage) == ["one"]
    assert not await stage.store.resume(MINE)


async def test_a_message_after_a_pauses_end_is_answered_with_those_in_it(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    await heard(stage)
    await pause(stage, "asked", SECOND)
    await stage.store.take_in([said("two")])
    await stage.pass_time(SECOND)
    assert await taken(stage, [said("three")]) == ["queued"]
    assert await heard(stage) == ["two", "three"]


async def test_what_waits_when_a_colleagues_time_is_over_is_taken_as_answered(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    await heard(stage)
    await pause(stage, "colleague", SECOND)
    await stage.store.take_in([said("thanks")])
    await stage.pass_time(SECOND)
    assert await stage.store.sweep() == 0
    assert await stage.take_job() is None
    assert [entry.text for entry in await history(stage)] == ["one", "Yes.", "thanks"]


async def test_nobody_paused_counts_as_unanswered(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    assert (await stage.store.gauges())[metrics.UNANSWERED] == 1
    await pause(stage)
    await stage.store.take_in([said("two")])
    gauges = await stage.store.gauges()
    assert gauges[metrics.UNANSWERED] == gauges[metrics.OLDEST_UNANSWERED_SECONDS] == 0
    assert gauges[metrics.PAUSED] == 1
    await stage.store.resume(MINE)
    gauges = await stage.store.gauges()
    assert (gauges[metrics.UNANSWERED], gauges[metrics.PAUSED]) == (1, 0)


async def test_the_sweeper_queues_nobody_paused(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, _ = await job_of(stage)
    await stage.forget_job(turn_id)
    await pause(stage)
    assert await stage.store.sweep() == 0


async def test_a_pause_stops_a_running_answer_before_its_next_bubble(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await pause(stage)
        await hand.settle_send(bubble_of(hand), wamid="wamid.a")
        with pytest.raises(Paused):
            await hand.begin_send(bubble_of(hand, 1), attempt=1, within=SECOND)
        await stage.store.take_in([said("two")])
        await hand.finish("Yes.", ending="paused")
    assert await stage.take_job() is None
    assert (await stage.store.gauges())[metrics.UNANSWERED] == 0
    await stage.store.resume(MINE)
    assert await heard(stage) == ["two"]


async def test_a_pause_before_the_first_bubble_wakes_the_turn_and_leaves_the_messages(
    stage: Stage,
) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await asyncio.sleep(0.1)  # until the real store has subscribed
        await pause(stage)
        async with asyncio.timeout(5):
            await hand.grown.wait()
        with pytest.raises(Paused):
            await hand.join()
    assert (await stage.store.gauges())[metrics.UNANSWERED] == 0
    await stage.store.resume(MINE)
    assert await heard(stage) == ["one"]


# -- which pause counts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "reason", "hours"),
    [
        pytest.param(("asked", 2), ("colleague", 3), "colleague", 3, id="longer"),
        pytest.param(("asked", 2), ("colleague", 1), "asked", 2, id="shorter"),
        pytest.param(("asked", 2), ("operator", 1), "operator", 1, id="an operator's word"),
        pytest.param(("operator", None), ("colleague", 9), "operator", None, id="without an end"),
        pytest.param(("asked", 9), ("stop", None), "stop", None, id="a STOP"),
        pytest.param(("stop", None), ("operator", 1), "stop", None, id="nothing but a START"),
        pytest.param(("stop", None), ("colleague", 9), "stop", None, id="no colleague either"),
    ],
)
async def test_of_two_pauses(
    stage: Stage,
    first: tuple[PauseReason, int | None],
    second: tuple[PauseReason, int | None],
    reason: str,
    hours: int | None,
) -> None:
    await stage.store.take_in([said("one")])
    at = now(stage)
    for number, (why, length) in enumerate((first, second)):
        until = at + length * HOUR if length else None
        assert await stage.store.pause(MINE, reason=why, until=until) is (number == 0)
    stands = await stage.store.pause_of(MINE)
    assert stands is not None
    assert stands.reason == reason
    end = at + hours * HOUR if hours else None
    assert stands.until is None if end is None else abs(stands.until - end) < SECOND  # type: ignore[operator] # there is an end


async def test_a_pause_made_longer_does_not_end_when_the_first_would_have(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    await stage.take_job()
    await pause(stage, "asked", SECOND)
    await pause(stage, "colleague", HOUR)
    await stage.pass_time(SECOND)
    assert await stage.store.sweep() == 0
    assert await stage.store.pause_of(MINE) is not None


# -- stop --------------------------------------------------------------------------------------


async def test_what_is_said_after_a_stop_is_remembered_and_never_answered(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    await heard(stage)
    await stage.store.take_in([said("two")])
    await stage.store.pause(MINE, reason="stop", until=None)
    assert await taken(stage, [said('three "x"\\ é')]) == ["paused"]
    assert (await stage.store.gauges())[metrics.UNANSWERED] == 0
    await stage.store.resume(MINE)
    turn_id, conversation = await job_of(stage)  # of "two", taken as answered meanwhile
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is None
    assert await stage.take_job() is None
    texts = [entry.text for entry in await history(stage)]
    assert texts == ["one", "Yes.", "two", 'three "x"\\ é']


async def test_a_stop_follows_the_person_to_a_new_id(stage: Stage) -> None:
    await stage.store.take_in([said("one", user_id="US.1", phone=None)])
    await stage.store.take_in([said("mine", user_id="US.2", phone=None)])
    old, new = KEYS.user(NUMBER, "US.1"), KEYS.user(NUMBER, "US.2")
    await stage.store.pause(old, reason="stop", until=None)
    await stage.store.take_in([Moved(NUMBER, "US.1", None, "US.2", None)])
    stands = await stage.store.pause_of(new)
    assert stands is not None
    assert stands.reason == "stop"


async def test_a_stop_by_phone_alone_holds_when_the_phone_shows_beside_a_known_user_id(
    stage: Stage,
) -> None:
    await stage.store.take_in([said("one", phone=None)])
    await stage.store.take_in([said("stop", user_id=None)])
    assert await taken(stage, [said("two")]) == ["paused"]
    stands = await stage.store.pause_of(MINE)
    assert stands is not None
    assert stands.reason == "stop"


async def test_a_stop_in_the_middle_of_an_answer_keeps_the_history_in_order(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await stage.store.pause(MINE, reason="stop", until=None)
        await stage.store.take_in([said("two")])
        await hand.finish("Yes.", ending="paused")
    await stage.store.resume(MINE)
    assert [entry.text for entry in await history(stage)] == ["one", "Yes.", "two"]


async def test_an_answer_left_in_its_middle_ends_where_the_person_stopped_reading(
    stage: Stage,
) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.plan([bubble_of(hand, 1)], whole=True)  # and then the worker died
    await stage.store.pause(MINE, reason="stop", until=None)
    await stage.store.resume(MINE)
    assert [entry.text for entry in await history(stage)] == ["one", "Yes."]


# -- a whole number ----------------------------------------------------------------------------


async def test_a_silent_number_answers_nobody_until_it_may_again(stage: Stage) -> None:
    people = [said(f"no. {n}", user_id=f"US.{n}", phone=None) for n in range(150)]
    other = said("elsewhere", number="200000000000002")
    await stage.store.take_in(people[:1])
    assert await stage.store.pause_number(NUMBER, until=now(stage) + HOUR)
    assert not await stage.store.pause_number(NUMBER, until=None)
    told = await stage.store.pause_of_number(NUMBER)
    assert told is not None
    assert (told.reason, told.until) == ("operator", None)
    assert await taken(stage, [*people[1:], other]) == ["paused"] * 149 + ["queued"]
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is None
    assert await heard(stage) == ["elsewhere"]
    assert (await stage.store.gauges())[metrics.UNANSWERED] == 0
    assert await stage.store.resume_number(NUMBER)
    assert await stage.store.pause_of_number(NUMBER) is None
    answered = [(await heard(stage))[0] for _ in people]
    assert sorted(answered) == sorted(message.text for message in people)
    assert not await stage.store.resume_number(NUMBER)


async def test_a_numbers_silence_ends_by_itself(stage: Stage) -> None:
    await stage.store.pause_number(NUMBER, until=now(stage) + SECOND)
    await stage.store.take_in([said("one", at=NOW - HOUR)])
    assert await stage.store.sweep() == 0
    await stage.pass_time(3.1 * SECOND)
    assert await stage.store.sweep() == 1
    assert await heard(stage) == ["one"]


async def test_a_persons_own_pause_outlasts_the_numbers(stage: Stage) -> None:
    await stage.store.pause_number(NUMBER, until=None)
    await stage.store.take_in([said("one")])
    await pause(stage)
    await stage.store.resume_number(NUMBER)
    assert await stage.take_job() is None
    await stage.store.resume(MINE)
    assert await heard(stage) == ["one"]


# -- STOP and START, and what is owed about them -----------------------------------------------


async def owed(stage: Stage) -> tuple[str, list[str]]:
    """What the next turn owes and has heard."""
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.finish("Yes.", ending=hand.turn.owed or "answered")
        return hand.turn.owed, [message.text for message in hand.turn.messages]


async def test_a_stop_is_confirmed_once_and_then_nothing_is_said(stage: Stage) -> None:
    assert await taken(stage, [said("one"), said("Stop!")]) == ["queued", "joined"]
    assert await owed(stage) == ("stopped", ["one", "Stop!"])
    assert await taken(stage, [said("hello?"), said("STOP")]) == ["paused", "paused"]
    assert await stage.take_job() is None
    stands = await stage.store.pause_of(MINE)
    assert stands is not None
    assert (stands.reason, stands.until) == ("stop", None)


async def test_a_start_ends_it_and_is_a_word_like_others_to_a_bot_that_speaks(stage: Stage) -> None:
    await stage.store.take_in([said("stop")])
    await owed(stage)
    await stage.store.take_in([said("are you there?")])
    assert await taken(stage, [said("Start")]) == ["queued"]
    assert await owed(stage) == ("started", ["Start"])
    assert await stage.store.pause_of(MINE) is None
    await stage.store.take_in([said("start")])
    assert await owed(stage) == ("", ["start"])
    texts = [entry.text for entry in await history(stage)]
    assert texts == ["stop", "Yes.", "are you there?", "Start", "Yes.", "start", "Yes."]


@pytest.mark.parametrize(
    ("later", "stands"), [(-1, True), (0, False), (1, False)], ids=["before", "with", "after"]
)
async def test_a_start_that_was_said_before_the_stop_and_comes_late_does_not_end_it(
    stage: Stage, later: int, stands: bool
) -> None:
    await stage.store.take_in([said("stop")])
    await stage.store.take_in([said("start", at=NOW + later * SECOND)])
    assert (await stage.store.pause_of(MINE) is not None) is stands


async def test_a_stop_that_an_operator_ended_is_not_confirmed_any_more(stage: Stage) -> None:
    await stage.store.take_in([said("stop")])
    await stage.store.resume(MINE)
    assert await owed(stage) == ("", ["stop"])


async def test_a_stop_ends_a_running_answer_and_is_confirmed_by_the_next_turn(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await stage.store.take_in([said("stop")])
        with pytest.raises(Paused):
            await hand.begin_send(bubble_of(hand, 1), attempt=1, within=SECOND)
        await hand.finish("Yes.", ending="paused")
    assert await owed(stage) == ("stopped", ["stop"])


async def test_a_stop_before_the_first_bubble_joins_the_turn(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await stage.store.take_in([said("stop")])
        with pytest.raises(Paused):
            await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        turn = await hand.join()
        assert (turn.owed, [message.text for message in turn.messages]) == (
            "stopped",
            ["one", "stop"],
        )
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.finish("Yes.", ending="stopped")
    assert await stage.take_job() is None


async def test_nobody_wants_the_rest_of_an_answer_that_a_dead_worker_left_after_a_stop(
    stage: Stage,
) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)  # and then it died
    await stage.store.take_in([said("stop")])
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert hand.turn.turn_id != turn_id
        assert (hand.turn.owed, list(hand.turn.standing)) == ("stopped", [])
        assert [entry.text for entry in hand.turn.history] == ["Yes."]


async def test_a_confirmation_that_a_dead_worker_had_begun_is_gone_on_with(stage: Stage) -> None:
    await stage.store.take_in([said("stop")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.note(instead="stopped")
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)  # and then it died
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert (hand.turn.turn_id, hand.turn.owed) == (turn_id, "stopped")
        assert (hand.turn.instead, len(hand.turn.standing)) == ("stopped", 1)


async def test_an_answer_to_what_came_with_a_start_is_gone_on_with(stage: Stage) -> None:
    await stage.store.take_in([said("stop")])
    await owed(stage)
    await stage.store.take_in([said("start"), said("open?")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)  # and then it died
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert (hand.turn.turn_id, hand.turn.owed) == (turn_id, "started")
        assert (hand.turn.instead, len(hand.turn.standing)) == ("", 1)


async def test_a_stop_in_another_pause_takes_its_place(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    await heard(stage)
    await pause(stage, "asked")
    await stage.store.take_in([said("hello?")])
    await stage.store.take_in([said("stop")])
    assert await owed(stage) == ("stopped", ["hello?", "stop"])


async def test_a_silent_number_does_not_even_confirm_a_stop_until_it_may(stage: Stage) -> None:
    await stage.store.pause_number(NUMBER, until=None)
    assert await taken(stage, [said("stop")]) == ["paused"]
    assert await stage.take_job() is None
    await stage.store.resume_number(NUMBER)
    assert await owed(stage) == ("stopped", ["stop"])


# -- what comes with a turn's end --------------------------------------------------------------


async def test_a_turn_can_end_in_silence_in_one_step(stage: Stage) -> None:
    await stage.store.take_in([said("a human, please")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await stage.store.take_in([said("now!")])
        closing = Closing(pause="asked", until=now(stage) + HOUR)
        await hand.finish("One moment.", ending="handed_over", closing=closing)
    assert await stage.take_job() is None
    stands = await stage.store.pause_of(MINE)
    assert stands is not None
    assert stands.reason == "asked"
    await stage.store.resume(MINE)
    assert await heard(stage) == ["now!"]


async def test_turns_and_tokens_are_counted_and_a_second_run_counts_nothing(stage: Stage) -> None:
    seen = []
    for number in range(3):
        await stage.store.take_in([said(f"no. {number}")])
        turn_id, conversation = await job_of(stage)
        for closing in (None, Closing(tokens=100, told="minute" if number == 1 else "")):
            async with stage.store.turn(conversation, turn_id) as hand:
                assert hand is not None
                seen.append(hand.turn.usage)
                if closing:
                    await hand.finish("Yes.", ending="answered", closing=closing)
    first, second, third = Usage(1, 1, 0), Usage(2, 2, 100), Usage(3, 3, 200, told=True)
    assert seen == [first, first, second, second, third, third]


async def test_another_persons_usage_is_their_own(stage: Stage) -> None:
    await stage.store.take_in([said("mine")])
    await heard(stage)
    await stage.store.take_in([said("theirs", user_id="US.2", phone=None)])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert hand.turn.usage == Usage(1, 1, 0)


# -- a colleague's answer ----------------------------------------------------------------------


def echo(stage: Stage, text: str = "I take over.", *, wamid: str = "wamid.echo") -> Echo:
    at = now(stage)
    until = at + 12 * HOUR
    return Echo(wamid, NUMBER, "US.1001", "15550100", at, text, silent_until=until)


async def test_a_colleagues_answer_silences_the_bot_and_answers_what_waits(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    taken_in = await stage.store.take_in([echo(stage)])
    assert [(each.outcome, each.conversation) for each in taken_in] == [("paused", MINE)]
    stands = await stage.store.pause_of(MINE)
    assert stands is not None
    assert stands.reason == "colleague"
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is None
    await stage.store.take_in([said("thanks")])
    await stage.store.resume(MINE)
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        assert [message.text for message in hand.turn.messages] == ["thanks"]
        assert list(hand.turn.history) == [
            Utterance("user", "one"),
            Utterance("assistant", "I take over."),
        ]


async def test_a_second_echo_and_a_redelivered_one_are_no_new_silence(stage: Stage) -> None:
    first = echo(stage)
    outcomes = [
        (await stage.store.take_in([one]))[0].outcome
        for one in (first, first, echo(stage, wamid="wamid.echo2"))
    ]
    assert outcomes == ["paused", "duplicate", "news"]


async def test_an_echo_that_comes_days_late_is_remembered_and_silences_nobody(stage: Stage) -> None:
    late = now(stage) - timedelta(days=2)
    told = Echo("wamid.echo", NUMBER, "US.1001", None, late, "Hi", silent_until=late + HOUR)
    assert (await stage.store.take_in([told]))[0].outcome == "news"
    assert await stage.store.pause_of(MINE) is None
    assert await history(stage) == [Utterance("assistant", "Hi")]


@pytest.mark.parametrize("ago", [2, 4], ids=["after their words", "before their words"])
async def test_a_late_echo_leaves_what_was_said_after_it_to_be_answered(
    stage: Stage, ago: int
) -> None:
    await stage.store.take_in([said("And now?", at=now(stage) - timedelta(days=3))])
    late = now(stage) - timedelta(days=ago)
    told = Echo("wamid.echo", NUMBER, "US.1001", None, late, "Hi", silent_until=late + HOUR)
    await stage.store.take_in([told])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        waits = [message.text for message in hand.turn.messages] if hand else []
    assert waits == (["And now?"] if ago > 3 else [])


async def test_a_colleague_may_write_first(stage: Stage) -> None:
    await stage.store.take_in([echo(stage)])
    assert await taken(stage, [said("Who is this?")]) == ["paused"]


async def test_a_bubble_of_our_own_is_no_colleagues(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.settle_send(bubble_of(hand), wamid="wamid.ours")
        told = await stage.store.take_in([echo(stage, wamid="wamid.ours")])
        assert told[0].outcome == "ignored"
        await hand.finish("Yes.", ending="answered")
    assert await stage.store.pause_of(MINE) is None


@pytest.mark.parametrize("begun", [True, False], ids=["in its middle", "before its beginning"])
async def test_an_answer_that_a_colleague_cut_into_stands_before_theirs(
    stage: Stage, begun: bool
) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        if begun:
            await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await stage.store.take_in([echo(stage)])
        with pytest.raises(Paused):
            await hand.begin_send(bubble_of(hand, 1), attempt=1, within=SECOND)
        if begun:
            await hand.finish("Yes.", ending="paused")
    await stage.store.resume(MINE)
    assert await stage.take_job() is None
    ours = ["Yes."] if begun else []
    assert [entry.text for entry in await history(stage)] == ["one", *ours, "I take over."]


async def test_an_answer_that_a_dead_worker_left_ends_before_a_colleagues(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)  # and then it died
    await stage.store.take_in([echo(stage)])
    await stage.store.resume(MINE)
    texts = [entry.text for entry in await history(stage)]
    assert texts == ["one", "Yes.", "I take over."]


async def test_a_colleague_does_not_end_a_stop(stage: Stage) -> None:
    await stage.store.take_in([said("stop")])
    await owed(stage)
    assert (await stage.store.take_in([echo(stage)]))[0].outcome == "news"
    stands = await stage.store.pause_of(MINE)
    assert stands is not None
    assert stands.reason == "stop"
