"""What Meta refuses by itself: limits of content, of speed, and of time."""

from typing import Any

import pytest

from app.simulator.knobs import Knobs
from app.simulator.limits import Bucket
from tests.simulator.business import Meta, Told, running_meta

AMELIA = "12125550131"


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


def text(body: str, **more: Any) -> Told:
    return {"to": AMELIA, "type": "text", "text": {"body": body}, **more}


def interactive(content: Told) -> Told:
    return {"to": AMELIA, "type": "interactive", "interactive": content}


def buttons(count: int, title: str = "Yes") -> Told:
    reply = [{"type": "reply", "reply": {"id": f"b{n}", "title": title}} for n in range(count)]
    return interactive({"type": "button", "body": {"text": "Well?"}, "action": {"buttons": reply}})


def rows(count: int, title: str = "Row") -> Told:
    section = {"rows": [{"id": f"r{n}", "title": title} for n in range(count)]}
    action = {"button": "Look", "sections": [section]}
    return interactive({"type": "list", "body": {"text": "Which?"}, "action": action})


TAKEN = [
    pytest.param(text("x" * 4096), id="the longest text"),
    pytest.param(text("x", biz_opaque_callback_data="c" * 512), id="the longest callback data"),
    pytest.param(buttons(3, "t" * 20), id="three buttons"),
    pytest.param(rows(10, "t" * 24), id="ten rows"),
    pytest.param(
        {"to": AMELIA, "type": "reaction", "reaction": {"message_id": "wamid.X", "emoji": "👍"}},
        id="a reaction",
    ),
    pytest.param({"to": f"+{AMELIA}", "text": {"body": "x"}}, id="a plus, and no type"),
]

REFUSED = [
    pytest.param(text("x" * 4097), 100, id="text too long"),
    pytest.param(text("😀" * 2049), 100, id="text too long in UTF-16 units"),
    pytest.param(text(""), 100, id="no text"),
    pytest.param(text("x", biz_opaque_callback_data="c" * 513), 100, id="callback too long"),
    pytest.param(text("x", messaging_product="sms"), 100, id="another product"),
    pytest.param({"type": "text", "text": {"body": "x"}}, 100, id="to nobody"),
    pytest.param({"to": AMELIA, "type": "text"}, 131008, id="no content"),
    pytest.param({"to": AMELIA, "type": "dance", "dance": {}}, 131051, id="unknown type"),
    pytest.param(buttons(4), 131009, id="four buttons"),
    pytest.param(buttons(1, "t" * 21), 100, id="button title too long"),
    pytest.param(rows(11), 131009, id="eleven rows"),
    pytest.param(rows(1, "t" * 25), 100, id="row title too long"),
    pytest.param({"to": AMELIA, "type": "image", "image": {"id": "1"}}, 131009, id="no such file"),
    pytest.param({"to": 5, "type": [], "text": 5}, 100, id="wrong types"),
    pytest.param({"to": AMELIA, "type": {}, "text": 5}, 131051, id="a type that is an object"),
    pytest.param({**text("x"), "to": "15005550199"}, 131026, id="nobody has this number"),
]


@pytest.mark.parametrize("body", TAKEN)
async def test_meta_takes(meta: Meta, body: Told) -> None:
    await meta.says("amelia")
    answer = await meta.call(body)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("body", "code"), REFUSED)
async def test_meta_refuses(meta: Meta, body: Told, code: int) -> None:
    await meta.says("amelia")
    answer = await meta.call(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    (send,) = await meta.record("send")
    assert (send["error"], send["wamid"]) == (code, None)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'"text"'])
async def test_what_is_no_json_object_is_100(meta: Meta, content: bytes) -> None:
    answer = await meta.http.post("/v26.0/106015550100001/messages", content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


async def test_a_number_that_is_not_ours_is_803(meta: Meta) -> None:
    answer = await meta.call(text("x"), number="1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 803)


async def test_the_window_closes_24_hours_after_the_last_message() -> None:
    clock = Clock()
    async with running_meta(now=clock) as meta:
        assert (await meta.send()).json()["error"]["code"] == 131047
        await meta.says("amelia")
        clock.time += 86_399
        assert (await meta.send()).status_code == 200
        clock.time += 1
        assert (await meta.send()).json()["error"]["code"] == 131047
        template = {"name": "hello", "language": {"code": "en"}}
        answer = await meta.call({"to": AMELIA, "type": "template", "template": template})
        assert answer.json()["messages"][0]["message_status"] == "accepted"


async def test_a_reaction_does_not_open_the_window(meta: Meta) -> None:
    reaction = {"type": "reaction", "reaction": {"message_id": "wamid.X", "emoji": "👍"}}
    await meta.says("amelia", message=reaction)
    assert (await meta.send()).json()["error"]["code"] == 131047


async def test_one_person_gets_45_on_loan_then_one_in_6_seconds() -> None:
    clock = Clock()
    async with running_meta(now=clock) as meta:
        await meta.says("amelia")
        await meta.says("joao")
        codes = [(await meta.send()).status_code for _ in range(46)]
        assert codes == [200] * 45 + [400]
        assert (await meta.send(to="13055550172")).status_code == 200
        clock.time += 5.9
        refused = await meta.send()
        assert refused.json()["error"]["code"] == 131056
        clock.time += 0.2
        assert (await meta.send()).status_code == 200
        await meta.turn(pair_limit=False)
        assert (await meta.send()).status_code == 200


async def test_a_number_has_its_throughput_when_asked() -> None:
    clock = Clock()
    async with running_meta(Knobs(number_rate=3, pair_limit=False), now=clock) as meta:
        await meta.says("amelia")
        codes = [(await meta.send()).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 400]
        assert (await meta.record("send"))[-1]["error"] == 130429
        clock.time += 1
        assert (await meta.send()).status_code == 200


async def test_typing_shows_again_after_25_seconds() -> None:
    clock = Clock()
    async with running_meta(now=clock) as meta:
        wamid = await meta.says("amelia")
        typing = {"status": "read", "message_id": wamid, "typing_indicator": {"type": "text"}}
        for wait in (0, 24.9, 0.2):
            clock.time += wait
            await meta.call(typing)
        shown = [event["typing"] for event in await meta.record("read")]
        assert shown == ["shown", "cooldown", "shown"]


async def test_reading_a_message_that_nobody_wrote_is_refused(meta: Meta) -> None:
    answer = await meta.call({"status": "read", "message_id": "wamid.nobody"})
    assert answer.json()["error"]["code"] == 131009


def test_a_bucket_never_holds_more_than_its_size() -> None:
    bucket = Bucket(2, 1)
    assert [bucket.take(0), bucket.take(0), bucket.take(0)] == [True, True, False]
    assert [bucket.take(100), bucket.take(100), bucket.take(100)] == [True, True, False]
