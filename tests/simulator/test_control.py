"""What can be asked of the simulator itself: persons, moves, knobs; and what is refused."""

import json

import pytest

from app.simulator.knobs import BadKnob, Knobs
from app.simulator.persons import Person, Persons, Taken
from app.simulator.updates import APP_ID
from tests.simulator.business import (
    NUMBER,
    OTHER_NUMBER,
    SECRET,
    TOKEN,
    Meta,
    running_meta,
    states,
)

AUTH = {"authorization": f"Bearer {TOKEN}"}


async def test_there_are_persons_and_numbers_from_the_start(meta: Meta) -> None:
    persons = (await meta.http.get("/simulator/persons")).json()
    assert [person["id"] for person in persons] == ["amelia", "joao", "mei"]
    assert [person["phone"] is None for person in persons] == [False, False, True]
    numbers = (await meta.http.get("/simulator/numbers")).json()
    assert [number["phone_number_id"] for number in numbers] == [NUMBER, OTHER_NUMBER]


async def test_persons_can_be_added_one_by_one_and_in_bulk(meta: Meta) -> None:
    made = await meta.http.post("/simulator/persons", json={"name": "Noor", "phone": None})
    assert made.status_code == 201
    noor = made.json()
    assert (noor["phone"], noor["user_id"][:3]) == (None, "US.")
    many = (await meta.http.post("/simulator/persons", json=[{}] * 500)).json()
    assert len({person["id"] for person in many}) == 500
    assert len({person["phone"] for person in many}) == 500
    assert all(person["phone"][4:9] == "55501" for person in many)
    await meta.says(noor["id"], "I am new")
    await meta.business.until(lambda: meta.business.messages)
    assert "from" not in meta.business.messages[0]


async def test_a_person_of_the_old_days_has_no_user_id(meta: Meta) -> None:
    await meta.http.post("/simulator/persons", json={"id": "otto", "user_id": None})
    await meta.says("otto")
    await meta.business.until(lambda: meta.business.messages)
    assert "from_user_id" not in meta.business.messages[0]
    assert "user_id" not in meta.business.values[0]["contacts"][0]


async def test_a_person_may_hide_the_number(meta: Meta) -> None:
    await meta.http.patch("/simulator/persons/amelia", json={"phone": None})
    await meta.says("amelia")
    await meta.business.until(lambda: meta.business.messages)
    assert "from" not in meta.business.messages[0]


async def test_a_phone_that_is_off_gets_its_bubbles_later(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.http.patch("/simulator/persons/amelia", json={"online": False})
    await meta.send("Later")
    await meta.business.until(lambda: meta.business.statuses)
    assert states(meta.business.statuses) == ["sent"]
    await meta.http.patch("/simulator/persons/amelia", json={"online": True})
    (bubble,) = await meta.recorded("bubble")
    assert bubble["text"] == "Later"
    await meta.business.until(lambda: len(meta.business.statuses) == 2)


async def test_persons_can_read_by_themselves() -> None:
    async with running_meta(Knobs(sent_delay=(0, 0), delivered_delay=(0, 0), read_after=0)) as meta:
        await meta.says("amelia")
        await meta.send()
        await meta.business.until(lambda: len(meta.business.statuses) == 3)
        assert sorted(states(meta.business.statuses)) == ["delivered", "read", "sent"]


async def test_reading_twice_tells_once(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.send()
    await meta.recorded("bubble")
    path = "/simulator/persons/amelia/read"
    assert (await meta.http.post(path)).json() == {"read": 1}
    assert (await meta.http.post(path)).json() == {"read": 0}


async def test_a_new_phone_brings_metas_two_webhooks(meta: Meta) -> None:
    await meta.says("amelia")
    await meta.http.post("/simulator/persons/amelia/moves", json={"phone": "12125550199"})
    await meta.business.until(lambda: len(meta.business.values) == 3)
    system = next(one for one in meta.business.messages if one["type"] == "system")
    assert system["from"] == "12125550131"
    assert system["system"]["type"] == "user_changed_number"
    assert system["system"]["wa_id"] == "12125550199"
    update = next(value for value in meta.business.values if "user_id_update" in value)
    change = update["user_id_update"][0]["user_id"]
    assert change["previous"] == "US.31415926535897932384"
    assert change["current"] == system["system"]["user_id"]
    assert (await meta.send(to="12125550131")).json()["error"]["code"] == 131026
    assert (await meta.send(to="12125550199")).status_code == 200


async def test_a_message_may_be_old_and_of_any_type(meta: Meta) -> None:
    place = {"type": "location", "location": {"latitude": 0.0, "longitude": -0.5}}
    await meta.says("amelia", message=place, age_seconds=90_000, context={"id": "wamid.X"})
    await meta.business.until(lambda: meta.business.messages)
    (message,) = meta.business.messages
    assert message["location"] == place["location"]
    assert message["context"] == {"id": "wamid.X"}
    (event,) = await meta.record("message")
    assert 89_999 < event["at"] - int(message["timestamp"]) < 90_060
    assert event["text"] == "[location]"
    assert (await meta.send()).json()["error"]["code"] == 131047


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("persons", {"phone": "+1 212"}, id="a phone with signs"),
        pytest.param("persons", {"phone": "12125550131"}, id="another's phone"),
        pytest.param("persons", {"phone": None, "user_id": None}, id="nothing to reach"),
        pytest.param("persons", {"shoe_size": 44}, id="an unknown field"),
        pytest.param("persons/amelia/messages", {}, id="nothing said"),
        pytest.param("persons/amelia/messages", {"text": 5}, id="a text that is a number"),
        pytest.param(
            "persons/amelia/messages", {"text": "x", "phone_number_id": "1"}, id="to whom"
        ),
        pytest.param("persons/amelia/messages", {"message": {}}, id="a message without type"),
        pytest.param("webhooks", {}, id="no body"),
    ],
)
async def test_what_makes_no_sense_is_a_400(meta: Meta, path: str, body: object) -> None:
    answer = await meta.http.post(f"/simulator/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_who_is_not_there_is_a_404(meta: Meta) -> None:
    answer = await meta.http.post("/simulator/persons/nobody/messages", json={"text": "x"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"colour": "red"}, id="no such knob"),
        pytest.param({"webhook_fields": "messages"}, id="no list"),
        pytest.param({"webhook_fields": ["messages", 3]}, id="not all words"),
        pytest.param({"token_revoked": 1}, id="no switch"),
        pytest.param({"token_ends_after": "soon"}, id="no time"),
        pytest.param({"sent_delay": [2, 1]}, id="a span that goes back"),
        pytest.param({"sent_delay": "soon"}, id="a span of words"),
        pytest.param({"statuses": 1}, id="a switch that is a number"),
        pytest.param({"redelivery_first": None}, id="nothing where a number is needed"),
        pytest.param({"batch_max": 1001}, id="more than Meta ever sends"),
        pytest.param({"webhook_timeout": True}, id="a number that is a switch"),
        pytest.param({"webhook_timeout": float("nan")}, id="not a number"),
    ],
)
def test_a_knob_takes_only_what_fits(values: dict[str, object]) -> None:
    with pytest.raises(BadKnob):
        Knobs().turned(values)


def test_a_span_may_be_one_number() -> None:
    assert Knobs().turned({"sent_delay": 2}).sent_delay == (2.0, 2.0)


async def test_a_bad_knob_turns_none(meta: Meta) -> None:
    answer = await meta.http.patch("/simulator/knobs", json={"pair_limit": False, "moon": 1})
    assert answer.status_code == 400
    assert (await meta.http.get("/simulator/knobs")).json()["pair_limit"] is True


def test_a_phone_that_moved_on_can_be_given_to_another() -> None:
    persons = Persons()
    ann = persons.add(Person("ann", "Ann", "12125550101", "US.1"))
    with pytest.raises(Taken):
        persons.add(Person("bob", "Bob", "12125550101", "US.2"))
    persons.move(ann, phone="12125550102", user_id="US.3")
    bob = persons.add(Person("bob", "Bob", "12125550101", "US.2"))
    assert persons.reached_by(to="+1 212 555 0101", recipient=None) is bob
    assert persons.reached_by(to=None, recipient="US.1") is None
    assert persons.reached_by(to="12125550102", recipient="US.2") is ann


async def test_the_phone_page_may_load_nothing_from_elsewhere(meta: Meta) -> None:
    page = await meta.http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    script = await meta.http.get("/static/chats.js")
    assert script.status_code == 200
    assert "content-security-policy" in script.headers


async def test_another_sites_page_may_not_speak_for_a_person(meta: Meta) -> None:
    path, said = "/simulator/persons/amelia/messages", {"text": "x"}
    foreign = await meta.http.post(path, json=said, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    own = str(meta.http.base_url).rstrip("/")
    assert (await meta.http.post(path, json=said, headers={"origin": own})).status_code == 202


@pytest.mark.parametrize(
    "text", ["\x00", "\ud800 alone", "\u202e", "x" * 4096], ids=["NUL", "surrogate", "bidi", "long"]
)
async def test_persons_may_write_anything_and_it_is_recorded(meta: Meta, text: str) -> None:
    path = "/simulator/persons/amelia/messages"
    answer = await meta.http.post(path, content=json.dumps({"text": text}))
    assert answer.status_code == 202
    await meta.business.until(lambda: meta.business.messages)
    assert meta.business.messages[0]["text"]["body"] == text
    assert (await meta.record("message"))[0]["text"] == text


@pytest.mark.parametrize("body", ["{", "[1]", "5", '"x"', "[" * 100_000], ids=lambda body: body[:3])
async def test_control_that_is_no_object_is_a_400(meta: Meta, body: str) -> None:
    for path in ("persons", "persons/amelia/messages", "faults", "model-events"):
        answer = await meta.http.post(f"/simulator/{path}", content=body)
        assert answer.status_code == 400, path


async def test_a_number_stands_as_it_is_told_to(meta: Meta) -> None:
    at = f"/simulator/numbers/{NUMBER}"
    told = (await meta.http.patch(at, json={"status": "RESTRICTED"})).json()
    assert (told["status"], told["quality_rating"]) == ("RESTRICTED", "GREEN")
    for wish in ({"status": None}, {"name": "x"}, {"quality_rating": "RED", "colour": "red"}):
        assert (await meta.http.patch(at, json=wish)).status_code == 400
    assert (await meta.http.get(at)).json() == told
    assert (await meta.http.get("/simulator/numbers/7")).status_code == 404


async def test_a_revoked_token_is_refused_until_it_is_taken_again(meta: Meta) -> None:
    for revoked, status in ((True, 401), (False, 200)):
        await meta.http.patch("/simulator/knobs", json={"token_revoked": revoked})
        asked = await meta.http.get(f"/v26.0/{NUMBER}", headers=AUTH)
        assert asked.status_code == status


async def test_only_the_app_itself_is_told_what_it_has_subscribed_to(meta: Meta) -> None:
    await meta.http.patch("/simulator/knobs", json={"webhook_fields": ["messages"]})
    app = {"authorization": f"Bearer {APP_ID}|{SECRET}"}
    (told,) = (await meta.http.get(f"/v26.0/{APP_ID}/subscriptions", headers=app)).json()["data"]
    assert [field["name"] for field in told["fields"]] == ["messages"]
    assert told["callback_url"].endswith("/webhook")
    for headers, app_id in ((AUTH, APP_ID), (app, "7")):
        answer = await meta.http.get(f"/v26.0/{app_id}/subscriptions", headers=headers)
        assert answer.status_code in (401, 404)
