"""Each fault that can be asked for, and that what it does is what the record says."""

import json

import httpx2
import pytest

from app.simulator.connections import NoConnection
from app.simulator.faults import BadFault, Faults
from app.simulator.meta import create_meta
from app.simulator.world import MetaSettings
from tests.simulator.business import SECRET, TOKEN, WORD, Business, Meta, states

WINDOW_CLOSED, PAIR = 131047, 131056


async def test_an_error_code_has_its_documented_body_and_sends_nothing(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.fault(on="send", error=PAIR, retry_after=4)
    answer = await meta.send()
    assert answer.status_code == 400
    assert answer.headers["retry-after"] == "4"
    error = answer.json()["error"]
    assert error["code"] == PAIR
    assert error["message"] == "(#131056) (Business Account, Consumer Account) pair rate limit hit"
    assert error["error_data"]["messaging_product"] == "whatsapp"
    (send,) = await meta.record("send")
    assert (send["wamid"], send["error"], send["status"]) == (None, PAIR, 400)
    assert (await meta.send()).status_code == 200


async def test_a_lost_answer_follows_a_send_that_did_happen(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.fault(on="send", lose_answer=True)
    with pytest.raises(httpx2.RemoteProtocolError):
        await meta.send("Lost and found", biz_opaque_callback_data="r:0:1")
    (bubble,) = await meta.recorded("bubble")
    assert bubble["text"] == "Lost and found"
    (send,) = await meta.record("send")
    assert (send["wamid"], send["status"]) == (bubble["wamid"], None)
    await meta.business.until(lambda: len(meta.business.statuses) == 2)
    assert meta.business.statuses[0]["biz_opaque_callback_data"] == "r:0:1"


async def test_a_reset_connection_sends_nothing(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.fault(on="send", reset=True)
    with pytest.raises(httpx2.ReadError):
        await meta.send()
    (send,) = await meta.record("send")
    assert (send["wamid"], send["status"], send["fault"]) == (None, None, "fault-1")


@pytest.mark.parametrize("happened", [True, False])
async def test_a_gateways_page_leaves_open_what_happened(meta: Meta, happened: bool) -> None:
    await meta.says("amelia")
    await meta.fault(on="send", http=502, body="<h1>Bad Gateway</h1>", happened=happened)
    answer = await meta.send()
    assert (answer.status_code, answer.text) == (502, "<h1>Bad Gateway</h1>")
    assert answer.headers["content-type"].startswith("text/html")
    (send,) = await meta.record("send")
    assert (send["wamid"] is not None) == happened


async def test_a_slow_answer_comes_after_a_send_that_happened_at_once(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.fault(on="send", delay=30)
    with pytest.raises(httpx2.ReadTimeout):
        await meta.http.post(
            "/v26.0/106015550100001/messages",
            json={"messaging_product": "whatsapp", "to": "12125550131", "text": {"body": "Slow"}},
            headers={"authorization": "Bearer open-sesame"},
            timeout=0.2,
        )
    (bubble,) = await meta.recorded("bubble")
    assert bubble["text"] == "Slow"


async def test_a_send_can_fail_later_by_its_status(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.fault(on="send", fail_status=131026)
    assert (await meta.send()).status_code == 200
    await meta.business.until(lambda: meta.business.statuses)
    (status,) = meta.business.statuses
    assert status["status"] == "failed"
    assert status["errors"][0]["code"] == 131026
    assert "recipient_user_id" not in status
    assert "contacts" not in meta.business.values[-1]
    assert await meta.record("bubble") == []


async def test_a_dropped_status_never_comes_and_the_others_do(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.fault(on="status", status="sent", drop=True)
    await meta.send()
    await meta.business.until(lambda: meta.business.statuses)
    await meta.http.post("/simulator/persons/amelia/read")
    await meta.business.until(lambda: len(meta.business.statuses) == 2)
    assert sorted(states(meta.business.statuses)) == ["delivered", "read"]
    (dropped,) = await meta.record("dropped")
    assert states(dropped["statuses"]) == ["sent"]


async def test_a_duplicated_webhook_comes_again(meta: Meta) -> None:
    await meta.fault(on="webhook", duplicate=2)
    wamid = await meta.says("amelia")
    await meta.business.until(lambda: len(meta.business.messages) == 3)
    assert {message["id"] for message in meta.business.messages} == {wamid}


async def test_later_statuses_overtake_a_reordered_one(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.fault(on="status", status="sent", reorder=True)
    await meta.send()
    await meta.business.until(lambda: len(meta.business.statuses) == 2)
    assert states(meta.business.statuses) == ["delivered", "sent"]


async def test_only_the_same_persons_later_message_overtakes(meta: Meta) -> None:
    await meta.fault(on="webhook", person="amelia", reorder=True)
    first = await meta.says("amelia", "one")
    other = await meta.says("joao", "two")
    second = await meta.says("amelia", "three")
    await meta.business.until(lambda: len(meta.business.messages) == 3)
    order = [message["id"] for message in meta.business.messages]
    assert order.index(first) > order.index(second)
    assert set(order) == {first, second, other}


async def test_a_bubble_can_be_overtaken_by_the_next(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.fault(on="send", reorder=True)
    await meta.send("first")
    await meta.send("second")
    bubbles = await meta.recorded("bubble", 2)
    assert [bubble["text"] for bubble in bubbles] == ["second", "first"]


async def test_a_batch_comes_as_one_webhook(meta: Meta) -> None:
    await meta.fault(on="webhook", batch=3, times=None)
    for person in ("amelia", "mei", "amelia"):
        await meta.says(person, f"from {person}")
    await meta.business.until(lambda: meta.business.bodies)
    assert len(meta.business.bodies) == 1
    (value,) = meta.business.values
    assert [message["text"]["body"] for message in value["messages"]] == [
        "from amelia",
        "from mei",
        "from amelia",
    ]
    assert [contact["profile"]["name"] for contact in value["contacts"]] == [
        "Amelia Hart",
        "Mei Tanaka",
    ]


async def test_a_fault_taken_back_lets_go_what_it_held(meta: Meta) -> None:
    fault = await meta.fault(on="webhook", batch=100, times=None)
    await meta.says("amelia")
    answer = await meta.http.delete(f"/simulator/faults/{fault}")
    assert answer.status_code == 204
    await meta.business.until(lambda: meta.business.messages)
    assert (await meta.http.get("/simulator/faults")).json() == []
    assert (await meta.http.delete(f"/simulator/faults/{fault}")).status_code == 404


async def test_a_read_can_fail_too(meta: Meta) -> None:
    wamid = await meta.says("amelia")
    await meta.fault(on="read", error=131000)
    answer = await meta.call({"status": "read", "message_id": wamid})
    assert answer.status_code == 500
    (refused,) = await meta.record("refused")
    assert (refused["on"], refused["error"]) == ("read", 131000)
    assert await meta.record("read") == []


async def test_a_fault_of_one_person_leaves_others_alone(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.says("joao")
    await meta.fault(on="send", person="joao", error=131026, times=None)
    assert (await meta.send(to="12125550131")).status_code == 200
    assert (await meta.send(to="13055550172")).status_code == 400


async def test_without_sockets_a_cut_says_so() -> None:
    app = create_meta(MetaSettings(SECRET, TOKEN, WORD))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://meta") as http:
        meta = Meta(http, Business())
        await meta.fault(on="send", reset=True)
        with pytest.raises(NoConnection):
            await meta.send()


def test_after_and_times_pick_the_calls() -> None:
    faults = Faults()
    faults.ask({"on": "send", "error": 4, "after": 2, "times": 2})
    struck = [faults.take("send") is not None for _ in range(6)]
    assert struck == [False, False, True, True, False, False]


def test_a_probability_is_drawn_the_same_in_each_run() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults()
        faults.ask({"on": "send", "error": 4, "probability": 0.3, "seed": seed})
        return [faults.take("send") is not None for _ in range(200)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 30 < sum(run(1)) < 90


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({"on": "send"}, id="nothing to go wrong"),
        pytest.param({"on": "moon", "error": 4}, id="no such place"),
        pytest.param({"on": "send", "drop": True}, id="nothing to drop there"),
        pytest.param({"on": "webhook", "error": 4}, id="no answer to spoil there"),
        pytest.param({"on": "send", "error": "4"}, id="a code that is no number"),
        pytest.param({"on": "send", "error": 4, "colour": "red"}, id="an unknown field"),
        pytest.param({"on": "send", "error": 4, "probability": 2}, id="more than certain"),
        pytest.param({"on": "send", "http": 42}, id="no HTTP status"),
        pytest.param({"on": "model", "stream": "explode"}, id="no way to break"),
        pytest.param({"on": "model", "stream": "cut", "person": "mei"}, id="whom it cannot know"),
    ],
)
def test_what_cannot_go_wrong_is_refused(wish: dict[str, object]) -> None:
    with pytest.raises(BadFault):
        Faults().ask(wish)


async def test_a_bad_wish_is_a_400_that_says_why(meta: Meta) -> None:
    answer = await meta.http.post("/simulator/faults", content=json.dumps({"on": "moon"}))
    assert answer.status_code == 400
    assert "send, read, media" in answer.json()["error"]
