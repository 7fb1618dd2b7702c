"""Webhooks out: signature, redelivery, batches, and what becomes of them when nobody answers."""

import json
from itertools import pairwise

import pytest

from app.simulator.knobs import Knobs
from app.simulator.updates import encoded, signature
from tests.simulator.business import (
    NUMBER,
    OTHER_NUMBER,
    WORD,
    Business,
    Meta,
    running_meta,
    states,
)

# Computed with `printf … | openssl dgst -sha256 -hmac harbour-key`, not with our own code.
VECTORS = [
    pytest.param(
        b"", "25de7981bca0a7fe6700f02fa530c6989c8cdb298acbef8a1c4a2f0c4f4693ae", id="nothing"
    ),
    pytest.param(
        b'{"a":1}', "0e74dd181953a4b4b46a224e811a9759bab244bf040c5dd1d628b3942e11dd17", id="ASCII"
    ),
    pytest.param(
        rb'{"text":"\u00e4 \/"}',
        "7ffd37604e056e7b5d1aa4a3545fb0a435c66445e3c876a753b134281e50d3d0",
        id="escapes",
    ),
]


@pytest.mark.parametrize(("body", "digest"), VECTORS)
def test_the_signature_is_hmac_sha256_over_the_bytes(body: bytes, digest: str) -> None:
    assert signature(body, "harbour-key") == f"sha256={digest}"


def test_a_body_is_escaped_and_compact() -> None:
    assert encoded({"text": "ä /", "n": [1, None]}) == rb'{"text":"\u00e4 \/","n":[1,null]}'


async def test_a_webhook_comes_again_until_it_is_answered_with_200() -> None:
    business = Business(answers=[503, 500, 202])
    async with running_meta(business=business) as meta:
        wamid = await meta.says("amelia")
        await business.until(lambda: len(business.bodies) == 4)
        assert len(set(business.bodies)) == 1
        webhooks = await meta.recorded("webhook", 4)
        assert [event["status"] for event in webhooks] == [503, 500, 202, 200]
        assert [event["attempt"] for event in webhooks] == [1, 2, 3, 4]
        assert {event["delivery"] for event in webhooks} == {1}
        assert webhooks[0]["wamids"] == [wamid]


async def test_a_business_that_is_away_gets_its_webhooks_when_it_is_back() -> None:
    async with running_meta() as meta:
        away = (await meta.http.get("/simulator/knobs")).json()["webhook_url"]
        await meta.turn(webhook_url="http://127.0.0.1:1/webhook")
        await meta.says("amelia")
        (first, *_) = await meta.recorded("webhook")
        assert (first["status"], first["error"]) == (None, "ConnectionRefusedError")
        await meta.turn(webhook_url=away)
        await meta.business.until(lambda: meta.business.messages)


async def test_pauses_between_attempts_grow_up_to_a_most() -> None:
    business = Business(answers=[503] * 6)
    knobs = Knobs(redelivery_first=0.02, redelivery_most=0.08)
    async with running_meta(knobs, business=business) as meta:
        await meta.says("amelia")
        webhooks = await meta.recorded("webhook", 7)
        times = [event["at"] for event in webhooks]
        pauses = [late - early for early, late in pairwise(times)]
        assert all(
            pause >= least
            for pause, least in zip(pauses, (0.02, 0.04, 0.08, 0.08, 0.08, 0.08), strict=True)
        )


async def test_a_webhook_is_given_up_in_the_end() -> None:
    business = Business(answers=[503] * 1000)
    knobs = Knobs(redelivery_first=0, redelivery_most=0, redelivery_give_up=0)
    async with running_meta(knobs, business=business) as meta:
        await meta.says("amelia")
        await meta.recorded("webhook")
        business.answers.clear()
        await meta.says("joao")
        await meta.recorded("webhook", 2)
        assert len(business.bodies) == 2


async def test_updates_are_gathered_into_batches_when_asked() -> None:
    knobs = Knobs(sent_delay=(0, 0), delivered_delay=(0, 0), batch_max=4, batch_window=60)
    async with running_meta(knobs) as meta:
        for person, number in (("amelia", NUMBER), ("joao", NUMBER), ("mei", OTHER_NUMBER)):
            await meta.says(person, phone_number_id=number)
        assert meta.business.bodies == []
        await meta.says("amelia")
        await meta.business.until(lambda: meta.business.bodies)
        assert len(meta.business.bodies) == 1
        numbers = [value["metadata"]["phone_number_id"] for value in meta.business.values]
        assert numbers == [NUMBER, OTHER_NUMBER, NUMBER]


async def test_a_batch_that_does_not_fill_goes_out_after_its_window() -> None:
    knobs = Knobs(batch_max=1000, batch_window=0.01)
    async with running_meta(knobs) as meta:
        await meta.says("amelia")
        await meta.business.until(lambda: meta.business.messages)


async def test_an_app_that_is_not_subscribed_hears_nothing(meta: Meta) -> None:
    headers = {"authorization": "Bearer open-sesame"}
    path = "/v26.0/102015550100009/subscribed_apps"
    await meta.http.delete(path, headers=headers)
    assert (await meta.http.get(path, headers=headers)).json() == {"data": []}
    await meta.says("amelia", "unheard")
    assert (await meta.http.post(path, headers=headers)).json() == {"success": True}
    await meta.says("amelia", "heard")
    await meta.business.until(lambda: meta.business.messages)
    assert [message["text"]["body"] for message in meta.business.messages] == ["heard"]


async def test_statuses_can_be_switched_off() -> None:
    async with running_meta(Knobs(sent_delay=(0, 0), delivered_delay=(0, 0), statuses=False)) as m:
        await m.says("amelia")
        await m.send()
        await m.recorded("bubble")
        await m.says("amelia", "a mark")
        await m.business.until(lambda: len(m.business.messages) == 2)
        assert m.business.statuses == []
        assert states(await m.record("status")) == ["sent", "delivered"]


async def test_any_body_can_be_sent_signed(meta: Meta) -> None:
    body = {"object": "whatsapp_business_account", "entry": [{"id": "0", "changes": []}]}
    await meta.http.post("/simulator/webhooks", json={"body": body})
    await meta.http.post("/simulator/webhooks", json={"raw": "no JSON {"})
    await meta.business.until(lambda: len(meta.business.bodies) == 2)
    assert meta.business.signed == [True, True]
    assert sorted(meta.business.bodies) == sorted(
        [b"no JSON {", json.dumps(body, separators=(",", ":")).encode()]
    )


@pytest.mark.parametrize(("word", "verified"), [(WORD, True), ("wrong", False)])
async def test_the_handshake_is_metas(meta: Meta, word: str, verified: bool) -> None:
    answer = await meta.http.post("/simulator/handshake", json={"verify_token": word})
    assert answer.json() == {"verified": verified, "status": 200 if verified else 403}


async def test_a_handshake_that_nobody_answers_is_a_502(meta: Meta) -> None:
    await meta.turn(webhook_url="http://127.0.0.1:1/webhook")
    assert (await meta.http.post("/simulator/handshake")).status_code == 502
    await meta.turn(webhook_url=None)
    assert (await meta.http.post("/simulator/handshake")).status_code == 502
