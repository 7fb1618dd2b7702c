"""The way of a message and of its answer through the pretend Meta."""

from tests.simulator.business import NUMBER, OTHER_NUMBER, TOKEN, Meta, states


async def test_what_a_person_writes_comes_as_a_signed_webhook(meta: Meta) -> None:
    wamid = await meta.says("amelia", "Do you sharpen axes? äöå 😀 https://a.example/b")
    await meta.business.until(lambda: meta.business.messages)
    assert meta.business.signed == [True]
    (value,) = meta.business.values
    assert value["metadata"]["phone_number_id"] == NUMBER
    assert value["contacts"] == [
        {
            "profile": {"name": "Amelia Hart"},
            "wa_id": "12125550131",
            "user_id": "US.31415926535897932384",
        }
    ]
    (message,) = value["messages"]
    assert message["id"] == wamid
    assert message["from"] == "12125550131"
    assert message["text"] == {"body": "Do you sharpen axes? äöå 😀 https://a.example/b"}


async def test_bodies_are_in_metas_escaped_form(meta: Meta) -> None:
    await meta.says("amelia", "äöå 😀 a/b")
    await meta.business.until(lambda: meta.business.bodies)
    assert rb"\u00e4\u00f6\u00e5 \ud83d\ude00 a\/b" in meta.business.bodies[0]


async def test_a_person_without_a_number_is_shown_by_user_id_only(meta: Meta) -> None:
    await meta.says("mei")
    await meta.business.until(lambda: meta.business.messages)
    (message,) = meta.business.messages
    assert "from" not in message
    assert message["from_user_id"] == "US.16180339887498948482"
    assert "wa_id" not in meta.business.values[0]["contacts"][0]


async def test_an_answer_lands_and_its_statuses_echo_our_id(meta: Meta) -> None:
    await meta.says("amelia")
    answer = await meta.send("We do.", biz_opaque_callback_data="reply:0:1")
    wamid = answer.json()["messages"][0]["id"]
    assert answer.json()["contacts"] == [
        {"input": "12125550131", "wa_id": "12125550131", "user_id": "US.31415926535897932384"}
    ]
    (bubble,) = await meta.recorded("bubble")
    assert (bubble["person"], bubble["text"], bubble["wamid"]) == ("amelia", "We do.", wamid)
    await meta.http.post("/simulator/persons/amelia/read")
    await meta.business.until(lambda: len(meta.business.statuses) == 3)
    statuses = meta.business.statuses
    assert sorted(states(statuses)) == ["delivered", "read", "sent"]
    assert {status["biz_opaque_callback_data"] for status in statuses} == {"reply:0:1"}
    assert {status["id"] for status in statuses} == {wamid}
    assert {status["recipient_id"] for status in statuses} == {"12125550131"}


async def test_a_person_without_a_number_is_answered_by_recipient(meta: Meta) -> None:
    await meta.says("mei")
    user_id = "US.16180339887498948482"
    answer = await meta.call({"recipient": user_id, "type": "text", "text": {"body": "Hi"}})
    assert answer.json()["contacts"] == [{"input": user_id, "user_id": user_id}]
    await meta.business.until(lambda: len(meta.business.statuses) == 2)
    assert all("recipient_id" not in status for status in meta.business.statuses)
    assert {status["recipient_user_id"] for status in meta.business.statuses} == {user_id}


async def test_each_number_has_its_own_chat(meta: Meta) -> None:
    await meta.says("amelia", phone_number_id=OTHER_NUMBER)
    refused = await meta.send("From the wrong one")
    assert refused.json()["error"]["code"] == 131047
    body = {"to": "12125550131", "type": "text", "text": {"body": "From the right one"}}
    assert (await meta.call(body, OTHER_NUMBER)).status_code == 200


async def test_reading_shows_typing_once_in_25_seconds(meta: Meta) -> None:
    wamid = await meta.says("amelia")
    read = {"status": "read", "message_id": wamid, "typing_indicator": {"type": "text"}}
    for _ in range(2):
        assert (await meta.call(read)).json() == {"success": True}
    assert [event["typing"] for event in await meta.record("read")] == ["shown", "cooldown"]
    (typing,) = await meta.record("typing")
    assert typing["until"] - typing["at"] > 24


async def test_a_wrong_token_is_190(meta: Meta) -> None:
    answer = await meta.call({"to": "12125550131", "text": {"body": "x"}}, token=TOKEN + "x")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == 190
