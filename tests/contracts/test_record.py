"""What a turn's record tells an operator, whichever store wrote it."""

from datetime import timedelta

from app.core.model import Bubble, Delivery, Status
from app.core.timeline import Timeline, timeline
from tests.contracts.conftest import Stage
from tests.contracts.test_store import SECOND, bubble_of, job_of
from tests.fakes import NOW, NUMBER, said

SAID = said("one", wamid="wamid.asked")


def status(wamid: str, delivery: Delivery, callback: str = "", code: int | None = None) -> Status:
    return Status(wamid, NUMBER, delivery, NOW + int(delivery) * SECOND, callback or None, code)


async def written(stage: Stage) -> Timeline:
    """The timeline of the turn that answered ``SAID``."""
    record = await stage.store.record_of(SAID.wamid)
    assert record is not None
    return timeline(record.turn_id, record.fields)


async def test_a_record_tells_a_turns_way(stage: Stage) -> None:
    await stage.store.take_in([SAID])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.note(model_asked_at=2.5, first_token_at=0.0, deltas=3, finish="stop")
        await hand.plan([bubble_of(hand, 0), bubble_of(hand, 1, "No.")], whole=True)
        await hand.begin_send(bubble_of(hand, 0), attempt=1, within=SECOND)
        await hand.settle_send(bubble_of(hand, 0), wamid="wamid.o")
        await stage.store.take_in([status("wamid.o", Delivery.READ)])
        await hand.finish("Yes.", ending="answered")
    way = await written(stage)
    assert (way.turn_id, way.conversation) == (turn_id, conversation)
    assert (way.messages, way.runs, way.joins, way.deltas) == (1, 1, 0, 3)
    assert (way.finish, way.ending) == ("stop", "answered")
    assert way.said_at == NOW.timestamp()
    assert (way.model_asked_at, way.first_token_at) == (2.5, None)
    assert way.queued_at is not None
    assert way.started_at is not None
    assert way.ended_at is not None
    assert way.queued_at <= way.started_at <= way.ended_at
    first, second = way.bubbles
    assert (first.state, first.chars, first.attempts) == ("read", 4, 1)
    assert first.planned_at is not None
    assert first.sending_at is not None
    assert first.taken_at is not None
    assert first.sending_at <= first.taken_at
    assert first.sent_at == first.taken_at
    assert first.read_at == (NOW + 4 * SECOND).timestamp()
    assert first.delivered_at is None
    assert (second.state, second.attempts, second.sending_at) == ("planned", 0, None)


async def test_a_record_tells_of_each_attempt_that_failed(stage: Stage) -> None:
    await stage.store.take_in([SAID])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        bubble = bubble_of(hand)
        await hand.begin_send(bubble, attempt=1, within=SECOND)
        await hand.settle_send(bubble, code=131000)
        await hand.begin_send(bubble, attempt=2, within=SECOND)
        await hand.settle_send(bubble, uncertain=True, code="no answer: 5 s")
        await hand.begin_send(bubble, attempt=3, within=SECOND)
        failed = status("wamid.3", Delivery.FAILED, f"{turn_id}:0:3", 131026)
        await stage.store.take_in([failed])
        await hand.begin_send(bubble, attempt=4, within=SECOND)
        await hand.settle_send(bubble, wamid="wamid.4")
        await hand.finish("Yes.", ending="answered")
    (line,) = (await written(stage)).bubbles
    assert (line.state, line.attempts) == ("sent", 4)
    tried = [(one.attempt, one.word, one.code) for one in line.failures]
    assert tried == [
        (1, "unsent", "131000"),
        (2, "uncertain", "no_answer__5_s"),
        (3, "failed", "131026"),
    ]
    assert line.failures[-1].at == (NOW + 2 * SECOND).timestamp()
    assert (line.failed_at, line.failed_code) == (None, None)


async def test_a_plan_that_is_dropped_leaves_no_times(stage: Stage) -> None:
    await stage.store.take_in([SAID])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.plan([bubble_of(hand, 0), bubble_of(hand, 1)], whole=True)
        await hand.join()
        await hand.begin_send(Bubble(turn_id, 0, "Both.", "Both."), attempt=1, within=SECOND)
        await hand.finish("Both.", ending="answered")
    way = await written(stage)
    assert way.joins == 1
    assert [(line.state, line.chars, line.planned_at) for line in way.bubbles] == [
        ("sending", 5, None)
    ]


async def test_a_turn_that_was_given_up_tells_when(stage: Stage) -> None:
    await stage.store.take_in([SAID])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.note(apology=0)
        await hand.begin_send(bubble_of(hand), attempt=1, within=timedelta(seconds=1))
        await hand.give_up()
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.finish("", ending="refused")
    way = await written(stage)
    assert way.given_up_at is not None
    assert way.runs == 2
    assert [line.is_apology for line in way.bubbles] == [True]
