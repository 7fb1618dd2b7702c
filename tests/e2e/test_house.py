"""A message in, bubbles out, through every process and over real sockets."""

import zlib
from collections.abc import Iterator

import httpx2
import pytest
from redis import Redis

from app.core.markup import to_whatsapp
from tests.e2e.house import VERIFY_TOKEN, House

RETURN = "How do I return an order?"
SENTENCE_END = '.!?…:)"”»*_`。！？'


def squashed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(("word", "status"), [(VERIFY_TOKEN, 200), ("another word", 403)])
def test_the_handshake_wants_our_word(house: House, word: str, status: int) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": word, "hub.challenge": "1158201444"}
    answer = httpx2.get(f"{house.web_url}/webhook", params=query)
    assert answer.status_code == status
    assert answer.text == ("1158201444" if status == 200 else "")


def test_an_unsigned_body_is_refused(house: House) -> None:
    assert httpx2.post(f"{house.web_url}/webhook", content=b"{}").status_code == 401


def test_a_question_is_answered_in_bubbles_that_are_the_answer(house: House) -> None:
    person = house.person(name="Ana", phone="15550110")
    turn = house.answered(house.say(person, RETURN))
    sources = house.sources(turn)
    assert squashed("".join(sources)) == squashed(house.whole_answer(RETURN))
    house.until(lambda: len(house.bubbles(person)) == len(sources) or None, "landing")
    assert house.bubbles(person) == [to_whatsapp(source) for source in sources]
    assert len(sources) >= 2
    assert all(source.rstrip()[-1] in SENTENCE_END for source in sources)


def test_the_first_bubble_is_sent_before_the_model_has_ended(house: House) -> None:
    person = house.person(name="Ben", phone="15550111")
    turn = house.answered(house.say(person, RETURN))
    assert float(turn["sending_at:0"]) < float(turn["model_ended_at"])


def test_the_message_is_read_and_typing_shows_before_the_first_bubble(house: House) -> None:
    person = house.person(name="Cleo", phone="15550112")
    house.answered(house.say(person, RETURN))
    kinds = [event["kind"] for event in house.events(person, "read", "typing", "send")]
    assert kinds[:3] == ["read", "typing", "send"]


def test_a_webhook_that_comes_three_times_is_answered_once(house: House) -> None:
    fault = {"on": "webhook", "duplicate": 2, "times": 1}
    person = house.person(name="Dora", phone="15550113")
    house.meta.post("/simulator/faults", json={**fault, "person": person}).raise_for_status()
    wamid = house.say(person, RETURN)
    sources = house.sources(house.answered(wamid))
    webhooks = [event for event in house.events(None, "webhook") if wamid in event["wamids"]]
    assert [event["status"] for event in webhooks] == [200, 200, 200]
    later = house.answered(house.say(person, "When are you open?"))
    assert len(house.events(person, "send")) == len(sources) + len(house.sources(later))


def test_three_quick_messages_are_one_turn(house: House) -> None:
    person = house.person(name="Emil", phone="15550114")
    wamids = [house.say(person, text) for text in ("Hi!", "I have a question.", RETURN)]
    turns = {house.answered(wamid)["turn_id"] for wamid in wamids}
    assert len(turns) == 1


def test_a_person_without_a_phone_number_is_answered_by_user_id(house: House) -> None:
    person = house.person(name="Finn", phone=None)
    house.answered(house.say(person, RETURN))
    sends = house.events(person, "send")
    assert sends
    assert {event["via"] for event in sends} == {"recipient"}


def test_a_person_with_a_phone_number_is_answered_by_phone(house: House) -> None:
    person = house.person(name="Gus", phone="15550115")
    house.answered(house.say(person, RETURN))
    assert {event["via"] for event in house.events(person, "send")} == {"to"}


def test_two_of_our_numbers_are_two_conversations(house: House) -> None:
    person = house.person(name="Hana", phone="15550116")
    first, second = house.numbers()[:2]
    asked = {
        first: house.say(person, RETURN, phone_number_id=first),
        second: house.say(person, "When are you open?", phone_number_id=second),
    }
    turns = {number: house.answered(wamid) for number, wamid in asked.items()}
    assert turns[first]["conversation"] != turns[second]["conversation"]
    for number, turn in turns.items():
        sent = [e["text"] for e in house.events(person, "send") if e["phone_number_id"] == number]
        assert sent == [to_whatsapp(source) for source in house.sources(turn)]


def test_a_message_at_the_moment_of_release_is_answered(house: House) -> None:
    """Written as the last bubble leaves: the turn is about to let go of the conversation."""
    people = [house.person(name=f"Ida {n}", phone=f"155502{n:02}") for n in range(12)]
    for person in people:
        house.say(person, "When are you open?")
    bubbles = len(house.sources(house.answered(house.say(people[0], "When are you open?"))))
    late: dict[str, str] = {}

    def everybody_wrote() -> bool | None:
        for person in people:
            if person not in late and len(house.events(person, "send")) >= bubbles:
                late[person] = house.say(person, "Thanks!")
        return len(late) == len(people) or None

    house.until(everybody_wrote, "last bubble")
    for wamid in late.values():
        assert house.answered(wamid)["ending"] == "answered"


def test_statuses_come_to_stand_on_their_bubble(house: House) -> None:
    person = house.person(name="Jo", phone="15550117")
    wamid = house.say(person, "When are you open?")
    bubbles = len(house.sources(house.answered(wamid)))
    house.until(lambda: len(house.bubbles(person)) == bubbles or None, "landing")
    house.meta.post(f"/simulator/persons/{person}/read").raise_for_status()

    def all_read() -> bool | None:
        turn = house.turn_of(wamid) or {}
        return all(turn.get(f"delivery:{n}") == "4" for n in range(bubbles)) or None

    assert house.until(all_read, "read status")


def test_a_send_whose_answer_is_lost_reaches_the_person_once(house: House) -> None:
    person = house.person(name="Kim", phone="15550118")
    house.meta.post(
        "/simulator/faults",
        json={"on": "send", "person": person, "lose_answer": True, "times": 1},
    ).raise_for_status()
    sources = house.sources(house.answered(house.say(person, RETURN)))
    house.until(lambda: len(house.bubbles(person)) >= len(sources) or None, "landing")
    assert house.bubbles(person) == [to_whatsapp(source) for source in sources]


def test_the_numbers_tell_how_it_goes(house: House) -> None:
    person = house.person(name="Lea", phone="15550119")
    house.answered(house.say(person, RETURN))

    def written() -> bool | None:
        lines = dict(
            line.rsplit(" ", 1) for line in httpx2.get(f"{house.web_url}/metrics").text.splitlines()
        )
        assert "rivulet_oldest_unanswered_seconds" in lines
        return float(lines.get('rivulet_turns_total{ending="answered"}', 0)) >= 1 or None

    assert house.until(written, "numbers")


def test_no_personal_data_is_in_any_log_or_job(house: House) -> None:
    person = house.person(name="Marked Name", phone="15550199")
    wamid = house.say(person, "My secret word is xylophone-4711.")
    house.answered(wamid)
    written = b"".join(
        process.log.read_bytes() for name, process in house.processes.items() if name != "meta"
    )
    with Redis.from_url(house.redis_url) as redis:
        for key in redis.scan_iter("rq:*", _type="hash"):
            written += key + b"".join(part for pair in plain(redis.hgetall(key)) for part in pair)
    assert b"conversation turn" in written  # the search does see jobs
    for secret in ("15550199", "Marked Name", "xylophone", wamid):
        assert secret.encode() not in written


def plain(fields: dict[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    """A hash's fields; RQ compresses some values."""
    for name, value in fields.items():
        try:
            yield name, zlib.decompress(value)
        except zlib.error:
            yield name, value
