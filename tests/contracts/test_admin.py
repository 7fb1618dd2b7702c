"""What every store tells operators and does for them; the fake and the real one keep it alike."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.core.model import Moved
from app.core.persons import Person
from app.errors import LeaseLost
from app.pipeline.admin import Ambiguous, Erased, erase, export, find
from tests.contracts.conftest import KEYS, Stage
from tests.contracts.test_store import SECOND, answer, bubble_of, job_of
from tests.fakes import NOW, NUMBER, FakeStore, said

OTHER_NUMBER = "200000000000002"
MINE = KEYS.user(NUMBER, "US.1001")


def now(stage: Stage) -> datetime:
    """By the store's own clock."""
    return stage.store.clock.now() if isinstance(stage.store, FakeStore) else datetime.now(UTC)


async def state(stage: Stage, conversation: str = MINE) -> str:
    situation = await stage.admin.situation(conversation)
    return situation.state if situation else "unknown"


async def give_up(stage: Stage) -> str:
    """Give the next turn up, as after its last try; its id."""
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.give_up()
    await stage.forget_job(turn_id)
    return turn_id


# -- how it stands -----------------------------------------------------------------------------


async def test_a_conversations_state_follows_its_turns(stage: Stage) -> None:
    assert await state(stage) == "unknown"
    await stage.store.take_in([said("one")])
    assert await state(stage) == "queued"
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        situation = await stage.admin.situation(MINE)
        assert situation is not None
        assert (situation.state, situation.answering) == ("answering", turn_id)
        await hand.finish("Yes.", ending="answered")
    situation = await stage.admin.situation(MINE)
    assert situation is not None
    assert (situation.state, situation.waiting, situation.turn) == ("quiet", 0, turn_id)
    assert situation.answered_at is not None
    assert situation.number == NUMBER


async def test_a_message_that_nobody_will_read_is_seen(stage: Stage) -> None:
    await stage.store.take_in([said("one"), said("two", at=NOW + SECOND)])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
    await stage.forget_job(turn_id)
    situation = await stage.admin.situation(MINE)
    assert situation is not None
    assert (situation.state, situation.waiting) == ("stranded", 2)
    assert situation.waiting_since == NOW.timestamp()


async def test_a_turn_that_was_given_up_is_seen_until_it_is_queued_again(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id = await give_up(stage)
    assert await state(stage) == "given_up"
    assert (await stage.admin.conversations("given_up", offset=0, limit=9)).total == 1
    assert await stage.admin.requeue(MINE) == "queued"
    assert await stage.admin.requeue(MINE) == "live"
    assert await state(stage) == "queued"
    turn = await answer(stage)
    assert [message.text for message in turn.messages] == ["one"]
    assert (await stage.admin.conversations("given_up", offset=0, limit=9)).total == 0
    records = await stage.admin.turns(MINE, most=9)
    assert records[-1].turn_id == turn_id


async def test_what_is_not_to_be_answered_is_not_queued(stage: Stage) -> None:
    assert await stage.admin.requeue(MINE) == "unknown"
    await stage.store.take_in([said("one")])
    await answer(stage)
    assert await stage.admin.requeue(MINE) == "nothing"
    await stage.store.pause(MINE, reason="operator", until=None)
    await stage.store.take_in([said("two")])
    assert await stage.admin.requeue(MINE) == "paused"


async def test_a_pause_is_seen_with_its_end(stage: Stage) -> None:
    until = now(stage) + timedelta(hours=1)
    await stage.store.take_in([said("one")])
    await stage.store.pause(MINE, reason="asked", until=until)
    situation = await stage.admin.situation(MINE)
    assert situation is not None
    assert (situation.state, situation.paused_for) == ("paused", "asked")
    assert situation.paused_until == pytest.approx(until.timestamp(), abs=0.01)
    assert not situation.is_number_paused
    listing = await stage.admin.conversations("paused", offset=0, limit=9)
    assert [one.conversation for one in listing.conversations] == [MINE]
    assert (await stage.admin.conversations("waiting", offset=0, limit=9)).total == 0


async def test_to_look_at_a_pause_that_is_over_strands_nobody(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, _ = await job_of(stage)
    await stage.forget_job(turn_id)
    await stage.store.pause(MINE, reason="asked", until=now(stage) + SECOND / 5)
    await stage.store.take_in([said("two")])
    await stage.pass_time(SECOND / 4)
    assert await state(stage) != "paused"
    assert await stage.store.sweep() == 1
    turn = await answer(stage)
    assert [message.text for message in turn.messages] == ["one", "two"]


async def test_a_numbers_pause_is_seen_in_its_conversations(stage: Stage) -> None:
    await stage.store.take_in([said("one"), said("two", number=OTHER_NUMBER)])
    await stage.store.pause_number(NUMBER, until=None)
    situation = await stage.admin.situation(MINE)
    assert situation is not None
    assert (situation.paused_for, situation.paused_until) == ("operator", None)
    assert situation.is_number_paused
    assert await state(stage, KEYS.user(OTHER_NUMBER, "US.1001")) == "queued"


async def test_whoever_waits_for_a_paused_number_is_listed_behind_the_other_pauses(
    stage: Stage,
) -> None:
    await stage.store.take_in([said("one", user_id="US.1", phone=None)])
    mine = KEYS.user(NUMBER, "US.1")
    await stage.store.pause(mine, reason="asked", until=None)
    await stage.store.pause_number(OTHER_NUMBER, until=None)
    for user_id in ("US.2", "US.3"):
        await stage.store.take_in([said("Hi", user_id=user_id, phone=None, number=OTHER_NUMBER)])
        await stage.pass_time(SECOND / 50)
    expected = [mine, *(KEYS.user(OTHER_NUMBER, user_id) for user_id in ("US.2", "US.3"))]
    whole = await stage.admin.conversations("paused", offset=0, limit=9)
    assert [one.conversation for one in whole.conversations] == expected
    for offset in range(4):
        part = await stage.admin.conversations("paused", offset=offset, limit=1)
        assert part.total == 3
        assert [one.conversation for one in part.conversations] == expected[offset : offset + 1]


async def test_what_holds_sends_back_is_seen(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.hold("token", code=190, wait=60 * SECOND, growth=1)
    situation = await stage.admin.situation(MINE)
    assert situation is not None
    assert (situation.state, situation.held_for) == ("held", "token")
    assert situation.held_until is not None


async def test_whoever_waits_longest_comes_first_and_lists_come_in_parts(stage: Stage) -> None:
    for number in range(5):
        waited = timedelta(minutes=(3 * number) % 5)
        await stage.store.take_in([said("Hi", user_id=f"US.{number}", phone=None, at=NOW - waited)])
    whole = await stage.admin.conversations("waiting", offset=0, limit=9)
    since = [one.waiting_since for one in whole.conversations]
    assert since == [(NOW - timedelta(minutes=n)).timestamp() for n in (4, 3, 2, 1, 0)]
    part = await stage.admin.conversations("waiting", offset=3, limit=1)
    assert (part.total, list(part.conversations)) == (5, [whole.conversations[3]])
    beyond = await stage.admin.conversations("waiting", offset=5, limit=9)
    assert (beyond.total, list(beyond.conversations)) == (5, [])


async def test_whoever_was_answered_last_comes_first(stage: Stage) -> None:
    for user_id in ("US.1", "US.2"):
        await stage.store.take_in([said("Hi", user_id=user_id, phone=None)])
        await answer(stage)
        await stage.pass_time(SECOND / 20)
    listing = await stage.admin.conversations("answered", offset=0, limit=9)
    expected = [KEYS.user(NUMBER, user_id) for user_id in ("US.2", "US.1")]
    assert [one.conversation for one in listing.conversations] == expected


async def test_a_turn_is_found_by_the_keys_that_logs_name(stage: Stage) -> None:
    message = said("one")
    await stage.store.take_in([message])
    assert await stage.admin.turn_of(KEYS.message(message.wamid)) is None
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand), attempt=1, within=SECOND)
        await hand.settle_send(bubble_of(hand), wamid="wamid.out")
        await hand.finish("Yes.", ending="answered")
    assert await stage.admin.turn_of(KEYS.message(message.wamid)) == turn_id
    assert await stage.admin.turn_of(KEYS.message("wamid.out")) == turn_id
    record = await stage.admin.record(turn_id)
    assert record is not None
    assert record.fields["ending"] == "answered"
    assert await stage.admin.record("0" * 32) is None


# -- one person --------------------------------------------------------------------------------


async def conversations_of(stage: Stage, person: Person) -> set[str]:
    found = await find(person, stage.admin, KEYS)
    return {one.conversation for one in found.conversations}


async def test_a_person_is_found_on_all_our_numbers_by_either_id(stage: Stage) -> None:
    await stage.store.take_in(
        [
            said("both known", user_id="US.1", phone="15550101"),
            said("id alone", user_id="US.1", phone=None, number=OTHER_NUMBER),
            said("phone alone", user_id=None, phone="15550101", number="300000000000003"),
            said("somebody else", user_id="US.2", phone="15550102"),
        ]
    )
    expected = {
        KEYS.user(NUMBER, "US.1"),
        KEYS.user(OTHER_NUMBER, "US.1"),
        KEYS.phone("300000000000003", "15550101"),
    }
    assert await conversations_of(stage, Person(user_id="US.1")) == expected
    assert await conversations_of(stage, Person(phone="15550101")) == expected
    assert await conversations_of(stage, Person(phone="15550199")) == set()


async def test_a_number_that_several_people_have_had_is_nobodys(stage: Stage) -> None:
    await stage.store.take_in([said("old owner", user_id="US.1", phone="15550101")])
    await stage.store.take_in(
        [said("new owner", user_id="US.2", phone="15550101", number=OTHER_NUMBER)]
    )
    with pytest.raises(Ambiguous) as ambiguous:
        await find(Person(phone="15550101"), stage.admin, KEYS)
    assert ambiguous.value.user_ids == ["US.1", "US.2"]
    assert "1555" not in str(ambiguous.value)
    found = await find(Person(user_id="US.2"), stage.admin, KEYS)
    assert [one.user_id for one in found.conversations] == ["US.2"]
    assert found.others == ["US.1"]


async def test_a_persons_earlier_ids_are_found(stage: Stage) -> None:
    await stage.store.take_in([said("before", user_id="US.4", phone="15550101")])
    await answer(stage)
    await stage.store.take_in([said("after", user_id="US.5", phone=None)])
    await stage.store.take_in([Moved(NUMBER, "US.4", None, "US.5", None)])
    expected = {KEYS.user(NUMBER, "US.4"), KEYS.user(NUMBER, "US.5")}
    for person in (Person(user_id="US.4"), Person(user_id="US.5"), Person(phone="15550101")):
        assert await conversations_of(stage, person) == expected


async def test_earlier_ids_lead_on_to_other_numbers(stage: Stage) -> None:
    here = said("before", user_id="US.4", phone=None)
    there = said("before", user_id="US.4", phone=None, number=OTHER_NUMBER)
    await stage.store.take_in([here, there, Moved(NUMBER, "US.4", None, "US.5", None)])
    expected = {KEYS.user(NUMBER, "US.4"), KEYS.user(OTHER_NUMBER, "US.4")}
    assert await conversations_of(stage, Person(user_id="US.5")) == expected


async def test_an_export_holds_everything(stage: Stage) -> None:
    await stage.store.take_in([said("Hello", user_id="US.1", phone="15550101")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand, text="Good day."), attempt=1, within=SECOND)
        await hand.finish("Good day.", ending="answered")
    await stage.store.take_in([said("And now?", user_id="US.1", phone="15550101")])
    whole, conversations = await export(Person(phone="15550101"), stage.admin, KEYS)
    assert conversations == [conversation]
    (held,) = whole["conversations"]
    assert (held["user_id"], held["phone"], held["phone_number_id"]) == ("US.1", "15550101", NUMBER)
    assert [entry["text"] for entry in held["history"]] == ["Hello", "Good day."]
    assert [message["text"] for message in held["waiting"]] == ["And now?"]
    assert [bubble["text"] for bubble in held["turns"][0]["bubbles"]] == ["Good day."]


async def test_nothing_of_an_erased_person_is_left(stage: Stage) -> None:
    person = Person(user_id="US.1001")
    await stage.store.take_in([said("one"), said("two", number=OTHER_NUMBER)])
    await answer(stage)
    await stage.store.take_in([said("three")])
    erased, conversations = await erase(person, stage.admin, KEYS)
    assert erased == Erased(conversations=2, waiting=2, history=2, turns=1)
    assert len(conversations) == 2
    assert await conversations_of(stage, person) == set()
    assert await conversations_of(stage, Person(phone="15550100")) == set()
    assert await state(stage) == "unknown"
    assert (await stage.admin.conversations("waiting", offset=0, limit=9)).total == 0
    assert (await stage.admin.conversations("answered", offset=0, limit=9)).total == 0
    assert await erase(person, stage.admin, KEYS) == (Erased(), [])


async def test_an_erased_message_that_is_delivered_again_is_not_answered(stage: Stage) -> None:
    answered, waits = said("one"), said("two")
    await stage.store.take_in([answered])
    await answer(stage)
    await stage.store.take_in([waits])
    await erase(Person(user_id="US.1001"), stage.admin, KEYS)
    again = await stage.store.take_in([answered, waits])
    assert [one.outcome for one in again] == ["duplicate", "duplicate"]
    assert await state(stage) == "unknown"


async def test_erasing_stops_the_turn_that_is_answered(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    turn_id, conversation = await job_of(stage)
    async with stage.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.begin_send(bubble_of(hand, 0), attempt=1, within=SECOND)
        await erase(Person(user_id="US.1001"), stage.admin, KEYS)
        with pytest.raises(LeaseLost):
            await hand.begin_send(bubble_of(hand, 1), attempt=1, within=SECOND)
        await hand.settle_send(bubble_of(hand, 0), wamid="wamid.out")
        with pytest.raises(LeaseLost):
            await hand.plan([bubble_of(hand, 2)], whole=True)
        with pytest.raises(LeaseLost):
            await hand.finish("Yes.", ending="answered")
    record = await stage.admin.record(turn_id)
    assert record is not None
    assert record.fields["ending"] == "erased"
    assert not [name for name in record.fields if name.startswith(("text:", "source:"))]
    await stage.store.take_in([said("A new beginning")])
    turn = await answer(stage)
    assert (turn.turn_id == turn_id, list(turn.history)) == (False, [])
    assert [message.text for message in turn.messages] == ["A new beginning"]


async def test_who_wrote_stop_is_left_alone_after_being_erased(stage: Stage) -> None:
    await stage.store.take_in([said("by phone", user_id=None)])
    await answer(stage)
    await stage.store.take_in([said("and by id")])
    await answer(stage)
    mine = KEYS.phone(NUMBER, "15550100")
    await stage.store.pause(mine, reason="stop", until=None)
    await erase(Person(user_id="US.1001"), stage.admin, KEYS)
    (taken,) = await stage.store.take_in([said("Hello again")])
    assert taken.outcome == "paused"
    assert await stage.take_job() is None


async def test_a_pause_that_an_operator_made_ends_with_the_conversation(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    await answer(stage)
    await stage.store.pause(MINE, reason="operator", until=None)
    await erase(Person(user_id="US.1001"), stage.admin, KEYS)
    (taken,) = await stage.store.take_in([said("two")])
    assert taken.outcome == "queued"


async def test_questions_at_the_same_moment_have_their_own_answers(stage: Stage) -> None:
    await stage.store.take_in([said("one")])
    known, unknown = await asyncio.gather(
        stage.admin.situation(MINE), stage.admin.situation("0" * 32)
    )
    assert known is not None
    assert unknown is None
