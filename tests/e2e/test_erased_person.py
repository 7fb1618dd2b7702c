"""Somebody is erased while the house answers them: it stops, and nothing of them comes back."""

import asyncio

import httpx2
import pytest
from redis.asyncio import Redis

from tests.adapters.test_erasing import everything
from tests.e2e.house import ADMIN_TOKEN, House

NAME, PHONE, WORD = "Ottoline Vex", "15550186", "pistachio-4417"
QUESTION = f"How do I return an order? {WORD}"


def admin(house: House, path: str, person: str) -> "httpx2.Response":
    return httpx2.post(
        f"{house.web_url}/admin/persons/{path}",
        json={"person": person},
        headers={"authorization": f"Bearer {ADMIN_TOKEN}"},
        timeout=20,
    )


async def all_of_redis(house: House) -> str:
    redis = Redis.from_url(house.redis_url)
    try:
        return await everything(redis)
    finally:
        await redis.aclose()


def held(house: House) -> str:
    return asyncio.run(all_of_redis(house))


@pytest.mark.parametrize("known_as", ["phone", "user id"])
def test_who_is_erased_is_told_nothing_more_and_held_nowhere(house: House, known_as: str) -> None:
    person = house.person(name=NAME, phone=PHONE if known_as == "phone" else None)
    before = held(house)
    assert not [mark for mark in (NAME, PHONE, WORD) if mark in before]
    asked = PHONE if known_as == "phone" else user_id_of(house, person)
    lost = house.processes["worker"].log.read_text().count("turn.lost")

    def is_lost() -> bool | None:
        return house.processes["worker"].log.read_text().count("turn.lost") > lost or None

    with house.model_that(first_token_seconds=0.1, tokens_per_second=25):
        wamid = house.say(person, QUESTION)
        house.until(lambda: house.bubbles(person) or None, "first bubble")
        assert WORD in held(house)
        erased = admin(house, "erase", asked).raise_for_status().json()["erased"]
        read = len(house.bubbles(person))
        house.until(is_lost, "worker that notices")
    assert erased["conversations"] == 1
    assert len(house.bubbles(person)) <= read + 1  # a send that has begun is not taken back
    assert house.turn_of(wamid) is None
    marks = [NAME, PHONE, WORD, *house.bubbles(person)]
    ours = [mark for mark in marks if mark not in before]  # others may have been told the same
    after = held(house)
    assert [mark for mark in ours if mark in after] == []
    assert admin(house, "find", asked).json()["conversations"] == []
    again = house.say(person, "Hello, it is me again")
    assert house.answered(again)["ending"] == "answered"
    admin(house, "erase", asked).raise_for_status()


def user_id_of(house: House, person: str) -> str:
    known = {one["id"]: one for one in house.meta.get("/simulator/persons").json()}
    return str(known[person]["user_id"])
