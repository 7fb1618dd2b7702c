"""``/admin``: who gets in, what is told, what is done, and what is refused."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, get_args

import httpx2
import pytest
import structlog

from app.core.model import Bubble, Owed
from app.errors import Unavailable
from app.main import create_app
from app.pipeline.admin import Listed, Listing
from app.pipeline.ports import Reading
from app.pipeline.reply import Phrase
from app.web.admin import STATIC
from tests.fakes import NOW, NUMBER, World, said
from tests.fakes_admin import FakeAdmin

TOKEN = "an operator's word"
SECRET = "marzipan-8203"
BEARER = {"authorization": f"Bearer {TOKEN}"}
NOBODY = "0" * 32


def app_of(world: World, **more: Any) -> httpx2.ASGITransport:
    async def render(_: Sequence[Reading]) -> str:
        return ""

    given = {"admin_token": TOKEN, "admin": FakeAdmin(world.store), **more}
    return httpx2.ASGITransport(
        create_app(world.services, render, app_secrets=["s"], verify_token="v", **given)
    )


def client_of(world: World, **more: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=app_of(world, **more), base_url="http://rivulet.test", headers=BEARER
    )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(world) as client:
        yield client


async def conversation_with(world: World, text: str = "Hi", user_id: str = "US.1001") -> str:
    """Somebody writes; the conversation's key."""
    (taken,) = await world.store.take_in([said(text, user_id=user_id)])
    return taken.conversation


async def turn_of(world: World, *, ends: bool = True) -> str:
    """The next turn, answered in one bubble, or given up; its id."""
    turn_id, conversation = world.store.queue.pop(0)
    async with world.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        bubble = Bubble(turn_id, 0, SECRET, SECRET)
        if ends:
            await hand.begin_send(bubble, attempt=1, within=timedelta(seconds=1))
            await hand.settle_send(bubble, wamid=f"wamid.{turn_id}")
            await hand.finish(SECRET, ending="answered")
        else:
            await hand.give_up()
    return turn_id


# -- who gets in -------------------------------------------------------------------------------

PATHS = [
    ("GET", "/admin"),
    ("GET", "/admin/"),
    ("GET", "/admin/conversations"),
    ("GET", f"/admin/conversations/{NOBODY}"),
    ("POST", f"/admin/conversations/{NOBODY}/pause"),
    ("GET", f"/admin/turns/{NOBODY}"),
    ("GET", "/admin/numbers"),
    ("POST", "/admin/persons/find"),
    ("POST", "/admin/persons/erase"),
    ("GET", "/admin/nothing"),
    ("DELETE", "/admin/conversations"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_nobody_gets_in_without_the_token(world: World, method: str, path: str) -> None:
    async with httpx2.AsyncClient(transport=app_of(world), base_url="http://r.test") as http:
        answer = await http.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"] == "unauthorized"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"Bearer another", id="another"),
        pytest.param(f"Bearer {TOKEN}s".encode(), id="longer"),
        pytest.param(f"Basic {TOKEN}".encode(), id="another scheme"),
        pytest.param(TOKEN.encode(), id="no scheme"),
        pytest.param(b"Bearer ", id="empty"),
        pytest.param(b"Bearer \xff\xfe", id="not ASCII"),
    ],
)
async def test_a_wrong_token_is_no_token(world: World, header: bytes) -> None:
    async with httpx2.AsyncClient(transport=app_of(world), base_url="http://r.test") as http:
        answer = await http.get("/admin", headers={b"authorization": header})
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), [*PATHS, ("GET", "/admin/static/admin.js")])
async def test_without_a_token_set_there_is_no_admin(world: World, method: str, path: str) -> None:
    async with client_of(world, admin_token="") as http:
        answer = await http.request(method, path, headers={"accept": "text/html"})
    assert answer.status_code == 404


async def test_a_browser_gets_the_page_which_holds_nothing(world: World) -> None:
    await conversation_with(world)
    async with httpx2.AsyncClient(transport=app_of(world), base_url="http://r.test") as http:
        page = await http.get("/admin", headers={"accept": "text/html,*/*;q=0.8"})
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        for name, kind in [("admin.js", "text/javascript"), ("admin.css", "text/css")]:
            file = await http.get(f"/admin/static/{name}")
            assert (file.status_code, file.headers["content-type"]) == (
                200,
                f"{kind}; charset=utf-8",
            )


@pytest.mark.parametrize("name", ["../admin.py", "%2e%2e/admin.py", "nothing.js", "", "a/b.js"])
async def test_the_pages_files_lead_nowhere_else(http: httpx2.AsyncClient, name: str) -> None:
    answer = await http.get(f"/admin/static/{name}")
    assert answer.status_code == 404


# -- what is told ------------------------------------------------------------------------------


async def test_the_overview_has_who_waits_longest_first(
    world: World, http: httpx2.AsyncClient
) -> None:
    for minutes, user_id in [(1, "US.1"), (9, "US.2")]:
        at = NOW - timedelta(minutes=minutes)
        await world.store.take_in([said("Hi", user_id=user_id, phone=None, at=at)])
    await world.store.report_trouble("token", "190")
    told = (await http.get("/admin")).json()
    waiting = told["lists"]["waiting"]
    assert waiting["total"] == 2
    first = waiting["conversations"][0]
    assert first["conversation"] == world.keys.user(NUMBER, "US.2")
    assert (first["state"], told["now"] - first["waiting_since"]) == ("queued", 9 * 60)
    assert told["troubles"] == {"token": "190"}
    assert told["numbers"] == [{"phone_number_id": NUMBER, "pause": None}]


async def test_a_list_comes_in_parts(world: World, http: httpx2.AsyncClient) -> None:
    for number in range(3):
        await conversation_with(world, user_id=f"US.{number}")
    part = (await http.get("/admin/conversations?list=waiting&offset=1&limit=1")).json()
    assert (part["total"], part["offset"], len(part["conversations"])) == (3, 1, 1)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        pytest.param("list=everybody", "bad_list", id="no such list"),
        pytest.param("limit=0", "bad_limit", id="nothing"),
        pytest.param("limit=101", "bad_limit", id="too much"),
        pytest.param("limit=ten", "bad_limit", id="no number"),
        pytest.param("offset=-1", "bad_offset", id="negative"),
        pytest.param("offset=99999999999999999999", "bad_offset", id="huge"),
        pytest.param("offset=²", "bad_offset", id="a digit of another kind"),
    ],
)
async def test_a_list_that_is_asked_wrongly_tells_what_is_wrong(
    http: httpx2.AsyncClient, query: str, error: str
) -> None:
    answer = await http.get(f"/admin/conversations?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["message"]


async def test_a_turn_tells_its_times_and_no_text(world: World, http: httpx2.AsyncClient) -> None:
    conversation = await conversation_with(world, SECRET)
    turn_id = await turn_of(world)
    shown = await http.get(f"/admin/conversations/{conversation}")
    assert [turn["turn_id"] for turn in shown.json()["turns"]] == [turn_id]
    turn = await http.get(f"/admin/turns/{turn_id}")
    assert (turn.json()["ending"], turn.json()["bubbles"][0]["state"]) == ("answered", "sent")
    assert SECRET not in shown.text + turn.text


async def test_texts_are_told_where_the_operator_wants_them(world: World) -> None:
    conversation = await conversation_with(world, f"Hi {SECRET}")
    turn_id = await turn_of(world)
    async with client_of(world, admin_shows_texts=True) as http:
        shown = (await http.get(f"/admin/conversations/{conversation}")).json()
        assert [entry["text"] for entry in shown["texts"]["history"]] == [f"Hi {SECRET}", SECRET]
        turn = (await http.get(f"/admin/turns/{turn_id}")).json()
        assert turn["bubbles"][0]["text"] == SECRET


async def test_a_key_from_a_log_leads_to_what_it_stands_for(
    world: World, http: httpx2.AsyncClient
) -> None:
    message = said("Hi")
    (taken,) = await world.store.take_in([message])
    turn_id = await turn_of(world)
    place = {"conversation": taken.conversation, "turn": turn_id}
    for key, expected in {
        taken.conversation: {**place, "kind": "conversation", "turn": None},
        turn_id: {**place, "kind": "turn"},
        world.keys.message(message.wamid): {**place, "kind": "message"},
        world.keys.message(f"wamid.{turn_id}"): {**place, "kind": "message"},
    }.items():
        assert (await http.get(f"/admin/keys/{key}")).json() == expected


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        pytest.param("/admin/conversations/15550100", 400, "bad_key", id="no key"),
        pytest.param(f"/admin/conversations/{NOBODY}", 404, "no_such_conversation", id="unknown"),
        pytest.param(f"/admin/turns/{NOBODY}", 404, "no_such_turn", id="unknown turn"),
        pytest.param(f"/admin/keys/{NOBODY}", 404, "unknown_key", id="unknown key"),
        pytest.param("/admin/nothing", 404, "not_found", id="no such place"),
        pytest.param("/admin/persons/find", 405, "not_allowed", id="a GET that must be a POST"),
    ],
)
async def test_what_is_not_there_is_told_in_json(
    http: httpx2.AsyncClient, path: str, status: int, error: str
) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


# -- what is done ------------------------------------------------------------------------------


async def test_a_conversation_is_silenced_and_heard_again(
    world: World, http: httpx2.AsyncClient
) -> None:
    conversation = await conversation_with(world)
    paused = await http.post(f"/admin/conversations/{conversation}/pause", json={"hours": 2})
    assert paused.json()["state"] == "paused"
    assert paused.json()["paused_until"] == (NOW + timedelta(hours=2)).timestamp()
    resumed = await http.post(f"/admin/conversations/{conversation}/resume")
    assert (resumed.json()["changed"], resumed.json()["state"]) == (True, "queued")
    again = await http.post(f"/admin/conversations/{conversation}/resume")
    assert again.json()["changed"] is False


async def test_a_pause_without_hours_has_no_end(world: World, http: httpx2.AsyncClient) -> None:
    conversation = await conversation_with(world)
    paused = (await http.post(f"/admin/conversations/{conversation}/pause")).json()
    assert (paused["paused_for"], paused["paused_until"]) == ("operator", None)


async def test_a_number_is_silenced_and_heard_again(world: World, http: httpx2.AsyncClient) -> None:
    conversation = await conversation_with(world)
    paused = (await http.post(f"/admin/numbers/{NUMBER}/pause", json={"hours": 1})).json()
    assert paused["numbers"][0]["pause"]["until"] == (NOW + timedelta(hours=1)).timestamp()
    shown = (await http.get(f"/admin/conversations/{conversation}")).json()
    assert (shown["state"], shown["is_number_paused"]) == ("paused", True)
    resumed = (await http.post(f"/admin/numbers/{NUMBER}/resume")).json()
    assert (resumed["changed"], resumed["numbers"][0]["pause"]) == (True, None)


@pytest.mark.parametrize("number", ["300000000000003", "..", "a b"])
async def test_a_number_that_is_not_ours_is_told_so(http: httpx2.AsyncClient, number: str) -> None:
    answer = await http.post(f"/admin/numbers/{number}/pause")
    assert answer.status_code == 404


@pytest.mark.parametrize("hours", ["2", True, 0, -1, 9000, [1], float("1e308")])
async def test_a_pause_of_no_length_is_refused(
    world: World, http: httpx2.AsyncClient, hours: object
) -> None:
    conversation = await conversation_with(world)
    answer = await http.post(f"/admin/conversations/{conversation}/pause", json={"hours": hours})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_hours")


async def test_a_turn_that_was_given_up_is_taken_up_again(
    world: World, http: httpx2.AsyncClient
) -> None:
    await conversation_with(world)
    turn_id = await turn_of(world, ends=False)
    assert (await http.post(f"/admin/turns/{turn_id}/requeue")).json()["state"] == "queued"
    again = await http.post(f"/admin/turns/{turn_id}/requeue")
    assert (again.status_code, again.json()["error"]) == (409, "already_queued")


async def test_a_turn_that_has_ended_is_not_taken_up_again(
    world: World, http: httpx2.AsyncClient
) -> None:
    conversation = await conversation_with(world)
    turn_id = await turn_of(world)
    ended = await http.post(f"/admin/turns/{turn_id}/requeue")
    assert (ended.status_code, ended.json()["error"]) == (409, "has_ended")
    nothing = await http.post(f"/admin/conversations/{conversation}/requeue")
    assert (nothing.status_code, nothing.json()["error"]) == (409, "nothing_waits")


# -- one person --------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["15550100", "+1 555 0100", "+1 (555) 01-00", " US.1001 "])
async def test_a_person_is_found_by_what_an_operator_was_told(
    world: World, http: httpx2.AsyncClient, person: str
) -> None:
    conversation = await conversation_with(world)
    found = (await http.post("/admin/persons/find", json={"person": person})).json()
    assert [one["conversation"] for one in found["conversations"]] == [conversation]


async def test_a_person_is_exported_and_erased(world: World, http: httpx2.AsyncClient) -> None:
    await conversation_with(world, SECRET)
    whole = await http.post("/admin/persons/export", json={"person": "15550100"})
    assert whole.json()["conversations"][0]["waiting"][0]["text"] == SECRET
    erased = await http.post("/admin/persons/erase", json={"person": "15550100"})
    assert erased.json()["erased"] == {"conversations": 1, "waiting": 1, "history": 0, "turns": 0}
    again = await http.post("/admin/persons/erase", json={"person": "15550100"})
    assert again.json()["erased"]["conversations"] == 0


async def test_an_export_tells_that_the_bot_is_silent_and_why(
    world: World, http: httpx2.AsyncClient
) -> None:
    conversation = await conversation_with(world)
    await world.store.pause(conversation, reason="stop", until=None)
    whole = await http.post("/admin/persons/export", json={"person": "15550100"})
    held = whole.json()["conversations"][0]
    assert (held["paused_for"], held["paused_until"]) == ("stop", None)


async def test_a_number_of_several_people_asks_back(world: World, http: httpx2.AsyncClient) -> None:
    await conversation_with(world, user_id="US.1")
    await world.store.take_in([said("Hi", user_id="US.2", number="200000000000002")])
    for action in ("find", "export", "erase"):
        answer = await http.post(f"/admin/persons/{action}", json={"person": "15550100"})
        assert answer.status_code == 409
        assert answer.json()["user_ids"] == ["US.1", "US.2"]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        pytest.param(b"{", 400, "not_json", id="broken"),
        pytest.param(b'"15550100"', 400, "not_json", id="no object"),
        pytest.param(b"\xff", 400, "not_json", id="not UTF-8"),
        pytest.param(b"", 400, "bad_person", id="nothing"),
        pytest.param(b'{"person": 15550100}', 400, "bad_person", id="a number"),
        pytest.param(b'{"person": " "}', 400, "no_person", id="blank"),
        pytest.param(b'{"person": "12"}', 400, "no_person", id="too short"),
        pytest.param(b'{"person": "two words"}', 400, "no_person", id="a name"),
        pytest.param(b'{"person": "' + b"1" * 600 + b'"}', 400, "no_person", id="too long"),
        pytest.param(b" " * 5000, 413, "too_large", id="too large"),
    ],
)
async def test_nobody_is_named_by_a_bad_body(
    http: httpx2.AsyncClient, body: bytes, status: int, error: str
) -> None:
    for action in ("find", "export", "erase"):
        answer = await http.post(f"/admin/persons/{action}", content=body)
        assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_logs_name_nobody(world: World, http: httpx2.AsyncClient) -> None:
    conversation = await conversation_with(world, SECRET)
    with structlog.testing.capture_logs() as lines:
        for action in ("find", "export", "erase"):
            await http.post(f"/admin/persons/{action}", json={"person": "15550100"})
            await http.post(f"/admin/persons/{action}", json={"person": "nobody like 15550100"})
    assert conversation in str(lines)
    assert "15550100" not in str(lines)
    assert "US.1001" not in str(lines)
    assert SECRET not in str(lines)


# -- when Redis is away ------------------------------------------------------------------------


class SickAdmin(FakeAdmin):
    """One whose Redis does not answer, or whose answer breaks the code."""

    def __init__(self, world: World, failure: Exception) -> None:
        super().__init__(world.store)
        self._failure = failure

    async def conversations(self, listed: Listed, *, offset: int, limit: int) -> Listing:
        raise self._failure


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        pytest.param(Unavailable("Redis: TimeoutError"), (503, "unavailable"), id="away"),
        pytest.param(KeyError("15550100"), (500, "broken"), id="broken"),
    ],
)
async def test_what_fails_is_told_without_details(
    world: World, failure: Exception, expected: tuple[int, str]
) -> None:
    async with client_of(world, admin=SickAdmin(world, failure)) as http:
        answer = await http.get("/admin")
    told: Mapping[str, object] = answer.json()
    assert (answer.status_code, told["error"]) == expected
    assert "15550100" not in answer.text


def test_the_page_has_words_for_every_ending() -> None:
    source = (STATIC / "turn.js").read_text("utf-8")
    table = re.search(r"const ENDINGS = \{(.*?)\};", source, re.DOTALL)
    assert table is not None
    endings = {*get_args(Phrase), *filter(None, get_args(Owed)), "answered", "erased", "expired"}
    endings |= {"handed_over", "interrupted", "limited", "paused", "refused", "uncertain"}
    assert set(re.findall(r"^ *(\w+):", table[1], re.MULTILINE)) == endings
